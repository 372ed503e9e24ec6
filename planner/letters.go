package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// errorModes are the values of 'on-error'.
var errorModes = map[string]ErrorMode{"fail": ErrorFail, "skip": ErrorSkip, "dead-letter": ErrorDeadLetter}

// policy settles what becomes of a source's bad records.
func (b *binder) policy(s *source) (err error) {
	if s.onError, s.deadLetter, err = b.env.letterPolicy(s.table, s.options, "source"); err != nil {
		return err
	}
	s.letters = s.deadLetter
	if s.letters == nil && s.options[catalog.DeadLetterSinkOption] != "" && b.env.settings.Get(catalog.ExprOnErrorKey) == "dead-letter" {
		if s.letters, err = b.env.lettersTo(s.table, s.options, "source"); err != nil {
			return err
		}
	}
	if s.letters != nil {
		b.env.use(s.letters.Name)
	}
	s.tolerance, err = b.env.tolerance(s.table, s.options)
	return err
}

// optionPlace is where a table's option is written, else where the table is.
func (env *environment) optionPlace(t *catalog.Table, option string) place {
	for _, o := range t.With {
		if o.Key.Value == option {
			return place{t.Source, o.Span}
		}
	}
	return place{t.Source, t.Span}
}

// letterPolicy reads 'on-error' and finds the sink of dead letters.
func (env *environment) letterPolicy(t *catalog.Table, o catalog.Options, what string) (ErrorMode, *catalog.Table, error) {
	mode := errorModes[o[catalog.OnErrorOption]]
	if mode != ErrorDeadLetter {
		return mode, nil, nil
	}
	if o[catalog.DeadLetterSinkOption] == "" {
		where := env.optionPlace(t, catalog.OnErrorOption)
		return mode, nil, hint(where.errorf("%s `%s` has 'on-error'='dead-letter' without 'dead-letter.sink'", what, t.Name), "name a sink: 'dead-letter.sink'='bad_records'")
	}
	sink, err := env.lettersTo(t, o, what)
	return mode, sink, err
}

// lettersTo finds the sink that 'dead-letter.sink' names.
func (env *environment) lettersTo(t *catalog.Table, o catalog.Options, what string) (*catalog.Table, error) {
	name := o[catalog.DeadLetterSinkOption]
	where := env.optionPlace(t, catalog.DeadLetterSinkOption)
	full, ok := (catalog.Namespace{Catalog: t.Name.Catalog, Database: t.Name.Database}).Resolve(strings.Split(name, "."))
	if !ok {
		return nil, where.errorf("'dead-letter.sink'='%s' is not the name of a sink", name)
	}
	found, ok := env.catalog.Lookup(full)
	if !ok {
		var sinks []string
		for _, o := range env.catalog.Objects() {
			if t, ok := o.(*catalog.Table); ok && t.SinkOptions != nil {
				sinks = append(sinks, t.Name.Object)
			}
		}
		return nil, didYouMean(where.errorf("there is no sink `%s`, which 'dead-letter.sink' of %s `%s` names", name, what, t.Name), name, sinks, "CREATE it before the "+what+" is used")
	}
	sink, ok := found.(*catalog.Table)
	if ok && sink.NotWritten != nil {
		return nil, optionError(sink.Source, sink.With, *sink.NotWritten, place{sink.Source, sink.Span})
	}
	if !ok || sink.SinkOptions == nil {
		return nil, where.errorf("`%s`, which 'dead-letter.sink' of %s `%s` names, can't be written", name, what, t.Name)
	}
	return sink, letterColumns(sink, where)
}

// tolerance reads the limits of bad records or rows.
func (env *environment) tolerance(t *catalog.Table, o catalog.Options) (Tolerance, error) {
	out := Tolerance{PerMinute: o.Int(catalog.MaxBadOption), Share: o.Float(catalog.MaxBadShareOption)}
	if o[catalog.MaxBadOption] != "" && out.PerMinute < 1 {
		return out, hint(env.optionPlace(t, catalog.MaxBadOption).errorf("'%s' must be at least 1", catalog.MaxBadOption), "'on-error'='fail' stops at the first one")
	}
	if o[catalog.MaxBadShareOption] != "" && (out.Share <= 0 || out.Share > 1) {
		return out, env.optionPlace(t, catalog.MaxBadShareOption).errorf("'%s' must be above 0 and at most 1", catalog.MaxBadShareOption)
	}
	return out, nil
}

// letterColumns checks that a dead letter has what its sink declares.
func letterColumns(sink *catalog.Table, where place) error {
	var names []string
	for _, f := range catalog.DeadLetterFields {
		names = append(names, f.Name)
	}
	for _, i := range sinkColumns(sink) {
		c := sink.Columns[i]
		at := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, c.Name) })
		if at < 0 {
			return didYouMean(where.errorf("dead letters have no column `%s`, which sink `%s` declares", c.Name, sink.Name), c.Name, names, "they have "+joinNames(names))
		}
		if f := catalog.DeadLetterFields[at]; !catalog.CanCast(f.Type, c.Type, true) {
			return where.errorf("column `%s` of sink `%s` is %s, of dead letters it is %s", c.Name, sink.Name, c.Type, f.Type)
		}
	}
	return nil
}

// errorModes are the values of 'on-error'.

// BadLimit is a source or a sink with a Tolerance.
type BadLimit struct {
	Node *Node // of the Scan or the Sink
	Tolerance
	// Branches are the operators that judge its records or rows, by INSERT: a
	// record may be bad for several INSERTs, and then counts once for each.
	Branches []JudgingBranch
}

// JudgingBranch is where the rows of one INSERT are judged.
type JudgingBranch struct {
	Name  string
	Nodes []*Node
}

// BadLimits lists the sources and sinks of the plan that tolerate only so many
// bad records or rows. A row that fails further up belongs to the first source
// below, as its dead letter does.
func (p *Plan) BadLimits() []BadLimit {
	var limits []BadLimit
	at := map[*Node]int{}
	for _, n := range p.Nodes {
		l := BadLimit{Node: n}
		switch op := n.Op.(type) {
		case *Scan:
			l.Tolerance = op.Tolerance
		case *Sink:
			l.Tolerance = op.Tolerance
		}
		if l.Tolerance != (Tolerance{}) {
			at[n] = len(limits)
			limits = append(limits, l)
		}
	}
	branches := p.branches()
	for _, n := range p.Nodes {
		if errorModeOf(n.Op) == ErrorFail {
			continue
		}
		from := n
		if op, ok := n.Op.(*Sink); !ok || !op.Judges {
			for len(from.Inputs) > 0 {
				from = from.Inputs[0].From
			}
		}
		i, ok := at[from]
		if !ok {
			continue
		}
		l := &limits[i]
		name := branches[n]
		b := slices.IndexFunc(l.Branches, func(j JudgingBranch) bool { return j.Name == name })
		if b < 0 {
			b, l.Branches = len(l.Branches), append(l.Branches, JudgingBranch{Name: name})
		}
		l.Branches[b].Nodes = append(l.Branches[b].Nodes, n)
	}
	return limits
}

// branches gives the INSERT that each judging operator belongs to: its own name
// for it, else that of the first sink above.
func (p *Plan) branches() map[*Node]string {
	out := map[*Node]string{}
	for _, n := range slices.Backward(p.Nodes) {
		switch op := n.Op.(type) {
		case *Guard:
			out[n] = op.Branch
		case *Sink:
			out[n] = op.Name
		}
		for _, in := range n.Inputs {
			if in.Port == MainPort {
				out[in.From] = out[n]
			}
		}
	}
	return out
}
