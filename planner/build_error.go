package planner

import "github.com/streamsql/streamsql/catalog"

// policy settles what becomes of rows on which an expression of the branch
// fails: as the setting says, else as the branch's sources do.
func (b *builder) policy(root rel, o *output) error {
	b.mode, b.errors, b.noLetters = ErrorFail, nil, o.sink == nil
	sources := streamsOf(root)
	for i, s := range sources {
		if i == 0 {
			b.mode, b.errors = b.letterMode(s.onError, s.at), s.deadLetter
		} else if b.letterMode(s.onError, s.at) != b.mode || s.deadLetter != b.errors {
			b.mode, b.errors = ErrorFail, nil
			break
		}
	}
	set, ok := errorModes[b.env.settings.Get(catalog.ExprOnErrorKey)]
	if !ok {
		return nil
	}
	b.mode = b.letterMode(set, o.place)
	if b.mode != ErrorDeadLetter {
		return nil
	}
	for _, s := range sources {
		if s.replay != nil { // the letter is there already
			b.mode = ErrorSkip
			return nil
		}
		if s.letters != nil {
			b.errors = s.letters
			return nil
		}
	}
	return hint(o.place.errorf("'expression.on-error' is dead-letter, but no source of this query has a 'dead-letter.sink'"),
		"add it to the WITH options of a source")
}

// letterMode gives the mode of a branch for a policy. A SELECT at the top is no
// job and writes nothing: it counts and drops what else is a dead letter.
func (b *builder) letterMode(m ErrorMode, where place) ErrorMode {
	if m != ErrorDeadLetter || !b.noLetters {
		return m
	}
	if b.table {
		b.env.warn(where.errorf("a static table writes no dead letters, it only counts bad records"))
		return ErrorSkip
	}
	b.env.warn(hint(where.errorf("a SELECT at the top of a script writes no dead letters, it only counts bad records"), "INSERT INTO a sink to keep them"))
	return ErrorSkip
}

// modeOf gives the error mode of an operator: expressions that can't fail need
// none.
func (b *builder) modeOf(exprs ...catalog.Expr) ErrorMode {
	if anyCanFail(exprs) {
		return b.mode
	}
	return ErrorFail
}
