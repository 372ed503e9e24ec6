package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// Replay says that a Scan reads records again that its source has set aside as
// dead letters.
type Replay struct {
	// Letters reads the dead-letter table. Where is over its columns: which letters
	// to take; nil: all. Cells are the letter's columns that ReplayColumns names.
	Letters Scan
	Where   catalog.Expr
	Cells   []catalog.Expr
	// Source and Branch are what the letters say that are read: those of one source
	// and one INSERT.
	Source, Branch string
}

// ReplayColumns are the columns of dead letters that a replay reads. Those from the
// first optional one on are NULL where the table does not declare them.
var ReplayColumns = []string{"source", "branch", "position", "raw", "record_key", "record_time", "record_headers"}

// replayOptional is where the columns begin that a table need not have.
const replayOptional = 4

// ReplayWatermark is the watermark under which replayed rows are read: the job
// that has read their records first has given out the windows, or will, without
// them. (9999-12-31 23:59:59.999 UTC, in microseconds.)
const ReplayWatermark = 253402300799999000

// replay is a REPLAY DEAD LETTERS statement, with the settings at it.
type replay struct {
	stmt    *parser.ReplayDeadLetters
	place   place
	table   *catalog.Table
	letters *source
	where   catalog.Expr
	cells   []catalog.Expr
}

// replayStep binds REPLAY DEAD LETTERS: the INSERTs of the script then read the
// dead letters in place of their sources.
func (a *analysis) replayStep(s *parser.ReplayDeadLetters) error {
	b := a.binder()
	where := b.at(s)
	if a.replay != nil {
		return where.errorf("a script has one REPLAY DEAD LETTERS")
	}
	o, lerr := b.lookup(s.From)
	if lerr != nil {
		return lerr
	}
	t, ok := o.(*catalog.Table)
	if ok && t.NotRead != nil {
		return b.oneUse(t, t.NotRead)
	}
	if !ok || t.SourceOptions == nil {
		return hint(b.at(s.From).errorf("`%s` can't be read", o.ObjectName()), "CREATE TABLE makes a table of dead letters that can be both written and read")
	}
	letters, err := b.source(t, nil, b.at(s.From))
	if err != nil {
		return err
	}
	r := &replay{stmt: s, place: where, table: t, letters: letters}
	for i, name := range ReplayColumns {
		cell, err := r.column(name, i >= replayOptional)
		if err != nil {
			return err
		}
		r.cells = append(r.cells, cell)
	}
	if s.Where != nil {
		x := &exprBinder{binder: b, scope: tableScope(letters.declared, t.Name.Object), clause: "WHERE of REPLAY"}
		if r.where, err = x.condition(s.Where); err != nil {
			return err
		}
		r.where = inline(r.where, letters.exprs)
	}
	a.replay = r
	return nil
}

// column gives a column of the dead letters over the fields of their table.
func (r *replay) column(name string, optional bool) (catalog.Expr, error) {
	at := slices.IndexFunc(r.letters.declared, func(c column) bool { return strings.EqualFold(c.Name, name) })
	want := catalog.DeadLetterFields[slices.IndexFunc(catalog.DeadLetterFields, func(f catalog.Field) bool { return f.Name == name })].Type
	if at < 0 && optional {
		return &catalog.Literal{T: want}, nil
	}
	if at < 0 {
		return nil, hint(r.place.errorf("`%s` has no column `%s`, without which its letters can't be read again", r.table.Name, name),
			"a table for REPLAY declares source STRING, branch STRING, position STRING and raw BYTES")
	}
	if got := r.letters.declared[at].Type; got.Kind != want.Kind {
		return nil, r.place.errorf("column `%s` of `%s` is %s, of dead letters it is %s", name, r.table.Name, got, want)
	}
	return r.letters.exprs[at], nil
}

// outputs gives the INSERTs whose sources send their dead letters to the table,
// reading these letters. The others have no part in a replay.
func (r *replay) outputs(env *environment, inserts []*output) ([]*output, error) {
	nameBranches(inserts)
	var outs []*output
	for _, o := range inserts {
		var err error
		if o.in, err = settleRecords(o.in); err != nil {
			return nil, err
		}
		streams := streamsOf(o.in)
		var from *source
		for _, s := range streams {
			if s.letters == r.table {
				from = s
			}
		}
		if from == nil {
			env.warn(o.place.errorf("INSERT INTO `%s` reads no source whose dead letters go to `%s`: it has no part in the replay", o.sink.Name, r.table.Name))
			continue
		}
		if len(streams) > 1 {
			return nil, hint(o.place.errorf("a replay of INSERT INTO `%s` would read its other sources from the start again", o.sink.Name),
				"replay into an INSERT that reads `%s` alone, or with static tables", from.name)
		}
		if err := r.repeatable(o); err != nil {
			return nil, err
		}
		r.divert(o, from)
		outs = append(outs, o)
	}
	if outs == nil {
		return nil, hint(r.place.errorf("no INSERT of this script reads a source whose dead letters go to `%s`", r.table.Name),
			"put REPLAY into the script of the job that wrote them, which then reads the letters and nothing else")
	}
	return outs, nil
}

// repeatable refuses what the first job keeps state of: a job of the letters alone
// would give a wrong answer for a right one.
func (r *replay) repeatable(o *output) error {
	var bad error
	visitStream(o.in, func(x rel) {
		what := ""
		switch x := x.(type) {
		case *aggregateRel:
			if x.window != nil && x.emit.mode == EmitClosed && x.emit.lateness == 0 {
				return // every row is late there
			}
			what = "an aggregation whose groups are in the state of the job"
		case *joinRel:
			if x.mode == staticJoin {
				return
			}
			what = "a join"
		case *overRel:
			what = "OVER"
		case *rankRel:
			what = "a ranking"
		case *setRel:
			what = "a set operation"
		case *normalizeRel:
			what = "the last row of each key of `" + x.name + "`"
		case *limitRel:
			what = "LIMIT"
		}
		if what != "" && bad == nil {
			bad = hint(o.place.errorf("a replay can't go through %s: over the letters alone INSERT INTO `%s` has another answer", what, o.sink.Name),
				"replay into an INSERT without it, of cleaned rows say")
		}
	})
	return bad
}

// divert lets an INSERT read the letters that its source sent for it.
func (r *replay) divert(o *output, from *source) {
	s := *from
	s.name = from.name + " for " + o.branch
	s.bounded, s.onError, s.deadLetter, s.letters, s.tolerance = r.letters.bounded, from.onError, nil, nil, Tolerance{}
	if s.onError == ErrorDeadLetter {
		s.onError = ErrorSkip // the letter is there already
	}
	if from.watermark != nil {
		mark := *from.watermark
		mark.IdleTimeout, mark.MaxDrift = 0, 0
		s.watermark = &mark
	}
	lt := r.letters
	op := Scan{Source: lt.name, Connector: lt.table.Connector.Name, Options: lt.options, Bounded: lt.bounded, Columns: lt.fields, Declared: lt.table.Physical()}
	s.replay = &Replay{Letters: op, Where: r.where, Cells: r.cells, Source: from.name, Branch: o.branch}
	visitStream(o.in, func(x rel) {
		if scan, ok := x.(*scanRel); ok && scan.src == from {
			scan.src = &s
		}
	})
}
