package planner

import (
	"reflect"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// sinkFor gives the collection of what goes to a sink.
func (b *builder) sinkFor(t *catalog.Table) *sinkInput {
	for _, s := range b.toSinks {
		if s.table == t {
			return s
		}
	}
	s := &sinkInput{table: t}
	b.toSinks = append(b.toSinks, s)
	return s
}

// sinkPolicies settles what becomes of rows that sinks refuse. A sink that takes
// dead letters sends none itself: they could go in a circle.
func (b *builder) sinkPolicies() error {
	for _, s := range b.toSinks {
		if err := s.settle(b.env); err != nil {
			return err
		}
	}
	for _, s := range b.toSinks {
		if s.deadLetter != nil && b.takesLetters(s.table) {
			return b.lettersInCircle(s)
		}
	}
	return nil
}

func (b *builder) lettersInCircle(s *sinkInput) error {
	return b.env.optionPlace(s.table, catalog.OnErrorOption).errorf("sink `%s` takes dead letters: rows that it refuses itself can't be dead letters again", s.table.Name)
}

// settle reads a sink's policy for rows that it refuses.
func (s *sinkInput) settle(env *environment) (err error) {
	t := s.table
	if s.onError, s.deadLetter, err = env.letterPolicy(t, t.SinkOptions, "sink"); err != nil {
		return err
	}
	s.tolerance, err = env.tolerance(t, t.SinkOptions)
	return err
}

// toSink notes that rows go to a sink. All that goes to one sink in a job is
// written by one operator.
func (b *builder) toSink(t *catalog.Table, n *Node, where place, c *conflict) error {
	s := b.sinkFor(t)
	s.parts = append(s.parts, sinkPart{node: n, place: where, conflict: c, mode: b.mode, errors: b.errors})
	if len(s.parts) > 1 {
		if before := s.parts[0].conflict; !before.equal(c) {
			return where.errorf("sink `%s` is written twice in this script, with different ON CONFLICT clauses", t.Name)
		}
		for _, p := range s.parts {
			if !p.node.Props.Kinds.AppendOnly() {
				return where.errorf("sink `%s` is written twice in this script, and one of its inputs updates: the two would overwrite each other", t.Name)
			}
		}
	}
	return nil
}

// sinks makes the sink operators: those of rows, then those of the dead letters
// that all operators before them have.
func (b *builder) sinks() error {
	b.branch, b.byText, b.mode, b.errors = "", nil, ErrorFail, nil
	if err := b.sinkPolicies(); err != nil {
		return err
	}
	rows := len(b.toSinks)
	for _, s := range b.toSinks {
		if b.takesLetters(s.table) {
			continue // written below, with its dead letters
		}
		if err := b.writeSink(s); err != nil {
			return err
		}
	}
	if err := b.deadLetters(); err != nil {
		return err
	}
	for i, s := range b.toSinks {
		if i >= rows { // a sink of nothing but dead letters
			if err := s.settle(b.env); err != nil {
				return err
			}
			if s.deadLetter != nil {
				return b.lettersInCircle(s)
			}
		}
		if i >= rows || b.takesLetters(s.table) {
			if err := b.writeSink(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// takesLetters says whether a sink takes the dead letters of a source or of
// another sink of the plan.
func (b *builder) takesLetters(t *catalog.Table) bool {
	for src := range b.scans {
		if src.letters == t {
			return true
		}
	}
	return slices.ContainsFunc(b.toSinks, func(s *sinkInput) bool { return s.deadLetter == t })
}

func (b *builder) writeSink(s *sinkInput) error {
	t := s.table
	op := &Sink{Name: t.Name.Object, Connector: t.Connector.Name, Options: t.SinkOptions, OnError: ErrorFail}
	written := sinkColumns(t)
	for _, i := range written {
		c := t.Columns[i]
		op.Columns = append(op.Columns, catalog.Field{Name: c.Name, Type: c.Type, NotNull: c.NotNull})
	}
	var err error
	if op.Metadata, err = sinkMetadata(t, written); err != nil {
		return err
	}
	for _, k := range t.PrimaryKey {
		if i := slices.Index(written, k); i >= 0 {
			op.PrimaryKey = append(op.PrimaryKey, i)
		}
	}
	spec := t.Connector.Sink
	if spec.Accepts != nil {
		op.Mode = spec.Accepts(t.SinkOptions, len(op.PrimaryKey) > 0)
	}
	if spec.Guarantee != nil {
		op.Guarantee = spec.Guarantee(t.SinkOptions)
	}
	if err := b.checkOpen(t); err != nil {
		return err
	}
	in := s.parts[0].node
	if len(s.parts) > 1 {
		var edges []Edge
		for _, p := range s.parts {
			edges = append(edges, Edge{From: p.node})
		}
		in = b.node(&Union{}, nil, edges, in.Cols, "")
	}
	if in, err = b.settleConflicts(in, op, s.parts[0]); err != nil {
		return err
	}
	if spec.Single {
		in = b.single(in, nil)
	} else if op.Mode == catalog.UpsertMode && !in.Props.Kinds.AppendOnly() && in.Props.UpsertKey != nil {
		key := in.Props.UpsertKey
		if b.hasKey(in, op.PrimaryKey) {
			key = op.PrimaryKey
		}
		in = b.together(in, key)
	} else if unordered(in) {
		in = b.inOrder(in)
	}
	in = b.asTaken(in, t, written, op)
	if op.Mode == catalog.RetractMode && in.Props.Kinds.AppendOnly() {
		op.Mode = catalog.AppendOnly // nothing is ever taken back: the sink need not show kinds
	}
	op.Net = op.Mode == catalog.UpsertMode && len(op.PrimaryKey) > 0 && (in.Props.AnyOrder || !subset(in.Props.UpsertKey, op.PrimaryKey))
	op.Tolerance = s.tolerance
	var letters *catalog.Table
	op.OnError, letters = s.policy()
	op.Judges = t.SinkOptions[catalog.OnErrorOption] != ""
	s.written = b.node(op, nil, from(in), in.Cols, "")
	b.letterTo[s.written] = letters
	b.places[s.written] = s.parts[0].place
	return nil
}

func sameColumns(a, b []int) bool { return subset(a, b) && subset(b, a) }

// checkOpen refuses a sink that would lose what waits for a commit if that is late by
// a few intervals.
func (b *builder) checkOpen(t *catalog.Table) error {
	spec := t.Connector.Sink
	if spec.Open == nil {
		return nil
	}
	const intervals = 10
	every, setting := b.env.settings.Duration(catalog.CommitIntervalKey), catalog.CommitIntervalKey
	switch tr := b.env.settings.Trigger(); tr.Kind {
	case catalog.ProcessingTimeTrigger, catalog.ContinuousTrigger:
		if tr.Interval > 0 {
			every, setting = tr.Interval, catalog.TriggerKey
		}
	}
	wait, option := spec.Open(t.SinkOptions)
	if wait == 0 || wait >= intervals*every {
		return nil
	}
	return hint(b.env.optionPlace(t, option).errorf("sink `%s` loses its output if a commit is later than '%s' = %s says, which is less than %d times the %s between commits",
		t.Name, option, spanText(wait.Microseconds()), intervals, spanText(every.Microseconds())),
		"'%s' = '%s', or a shorter '%s'", option, spanText((intervals * every).Microseconds()), setting)
}

// sinkMetadata gives the metadata names of the columns that are written; nil if
// there are none.
func sinkMetadata(t *catalog.Table, written []int) ([]string, error) {
	var out []string
	for k, i := range written {
		c := t.Columns[i]
		if c.Kind != catalog.MetadataColumnKind {
			continue
		}
		at := slices.IndexFunc(t.Connector.Sink.Metadata, func(m catalog.MetadataColumn) bool { return m.Name == c.Metadata })
		if at < 0 {
			return nil, hint(place{t.Source, t.Span}.errorf("metadata column `%s` of `%s` can be read but not written: connector '%s' takes no '%s'", c.Name, t.Name, t.Connector.Name, c.Metadata),
				"METADATA FROM '%s' VIRTUAL is left out of what is written", c.Metadata)
		}
		if want := t.Connector.Sink.Metadata[at].Type; !isTaken(c.Type, want) {
			return nil, place{t.Source, t.Span}.errorf("metadata column `%s` of sink `%s` is %s, connector '%s' takes %s", c.Name, t.Name, c.Type, t.Connector.Name, want)
		}
		if out == nil {
			out = make([]string, len(written))
		}
		out[k] = c.Metadata
	}
	return out, nil
}

// isTaken says whether every value of a metadata column's type can be brought to the one
// in which a connector takes it: what can't would have to be judged row by row.
func isTaken(from, want catalog.Type) bool {
	switch {
	case from.IsText() && want.Kind == catalog.KindBytes:
		return true
	case from.Kind == catalog.KindMap && want.Kind == catalog.KindMap:
		return from.Key.Equal(*want.Key) && isTaken(*from.Elem, *want.Elem)
	}
	return castIsTotal(from, want)
}

// metadataCast brings a metadata column, the k-th of the rows that are written, to the
// type in which the connector takes it.
func metadataCast(t *catalog.Table, i, k int) catalog.Expr {
	c := t.Columns[i]
	e := &catalog.ColumnRef{Index: k, Name: c.Name, T: c.Type}
	for _, m := range t.Connector.Sink.Metadata {
		if c.Kind == catalog.MetadataColumnKind && m.Name == c.Metadata && (c.Type.Kind != m.Type.Kind || !c.Type.IsTimestamp() && !c.Type.Equal(m.Type)) {
			return &catalog.Cast{Of: e, T: m.Type}
		}
	}
	return e
}

// asTaken casts the metadata columns of rows to the types in which a sink takes them.
func (b *builder) asTaken(in *Node, t *catalog.Table, written []int, op *Sink) *Node {
	exprs := make([]catalog.Expr, len(written))
	cols := slices.Clone(in.Cols)
	same := true
	for k, i := range written {
		exprs[k] = metadataCast(t, i, k)
		if c, cast := exprs[k].(*catalog.Cast); cast {
			same = false
			cols[k].Type, op.Columns[k].Type = c.T, c.T
		}
	}
	if same {
		return in
	}
	return b.node(&Project{Exprs: exprs, OnError: ErrorFail}, nil, from(in), cols, "")
}

// unordered says that changes come straight from sources, on whatever shard has
// decoded them: a row and the one that takes it back may be on two.
func unordered(n *Node) bool {
	switch op := n.Op.(type) {
	case *Exchange:
		return false
	case *Scan:
		return op.Changelog
	case Stateful:
		return false
	}
	return slices.ContainsFunc(n.Inputs, func(e Edge) bool { return unordered(e.From) })
}

// inOrder keeps each row of a changelog behind those that it takes back: equal
// rows go to one shard, in the order of the input.
func (b *builder) inOrder(in *Node) *Node {
	return b.together(in, positions(len(in.Cols)))
}

// policy says what becomes of rows that the sink refuses, and who takes their dead
// letters: as its own 'on-error' says, else as all that write to it agree.
func (s *sinkInput) policy() (ErrorMode, *catalog.Table) {
	if s.table.SinkOptions[catalog.OnErrorOption] != "" {
		return s.onError, s.deadLetter
	}
	first := s.parts[0]
	for _, p := range s.parts {
		if p.mode != first.mode || p.errors != first.errors || p.errors == s.table {
			return ErrorFail, nil
		}
	}
	return first.mode, first.errors
}

// checkSinks refuses changelogs that a sink can't take.
func (b *builder) checkSinks() error {
	for _, n := range b.plan.Nodes {
		op, ok := n.Op.(*Sink)
		if !ok {
			continue
		}
		in := n.Inputs[0].From
		where := b.places[n]
		switch {
		case op.Mode == catalog.AppendOnly && !in.Props.Kinds.AppendOnly():
			err := where.errorf("sink `%s` (%s) takes new rows only, but %s updates rows that it gave out before", op.Name, op.Connector, b.cause(in))
			if b.emits(in) {
				return hint(err, "leave the clause out: a window then comes out once, when it closes; or write to a sink with a PRIMARY KEY that takes updates")
			}
			return hint(err, "group by a window (TUMBLE, HOP), whose rows are final, or write to a sink with a PRIMARY KEY that takes updates")
		case op.Mode == catalog.UpsertMode && len(op.PrimaryKey) > 0:
			if err := b.checkKey(n, op, in, where); err != nil {
				return err
			}
		}
	}
	return nil
}

// cause names the operator below n that makes it update.
func (b *builder) cause(n *Node) string {
	for {
		switch n.Op.(type) {
		case *WindowAgg:
			if agg := n.Op.(*WindowAgg); agg.Updates() {
				e := emission{mode: agg.Emit, lateness: agg.Lateness}
				return e.clause() + " of the GROUP BY at " + b.places[n].line()
			}
		case *GroupAgg:
			if agg := n.Op.(*GroupAgg); len(agg.Aggs) > 0 {
				if len(agg.Keys) == 0 {
					return "the aggregation at " + b.places[n].line()
				}
				return "the GROUP BY at " + b.places[n].line()
			}
		case *Rank:
			if op := n.Op.(*Rank); op.Updates() {
				return "the " + op.What + " at " + b.places[n].line()
			}
		case *Normalize:
			next := n
			for len(next.Inputs) > 0 {
				next = next.Inputs[0].From
			}
			return "source `" + next.Op.(*Scan).Source + "`"
		case *SetOp:
			if op := n.Op.(*SetOp); op.Kind == ExceptOp {
				return "the " + op.String() + " at " + b.places[n].line()
			}
		case *Join:
			if op := n.Op.(*Join); op.Kind != InnerJoin && op.Kind != SemiJoin {
				return "the " + op.Kind.String() + " JOIN at " + b.places[n].line()
			}
		}
		next := slices.IndexFunc(n.Inputs, func(e Edge) bool { return e.Port == MainPort && !e.From.Props.Kinds.AppendOnly() })
		if next < 0 {
			if op, ok := n.Op.(*Scan); ok {
				return "source `" + op.Source + "`"
			}
			return "the query at " + b.places[n].line()
		}
		n = n.Inputs[next].From
	}
}

// emits says whether the operator that makes n update is a windowed aggregation,
// which does so only because a clause says so.
func (b *builder) emits(n *Node) bool {
	for n != nil {
		if agg, ok := n.Op.(*WindowAgg); ok && agg.Updates() {
			return true
		}
		if _, ok := n.Op.(*GroupAgg); ok {
			return false
		}
		next := slices.IndexFunc(n.Inputs, func(e Edge) bool { return e.Port == MainPort && !e.From.Props.Kinds.AppendOnly() })
		if next < 0 {
			return false
		}
		n = n.Inputs[next].From
	}
	return false
}

// checkKey checks that no two rows of the stream that are there at once have the
// same primary key at the sink.
func (b *builder) checkKey(n *Node, op *Sink, in *Node, where place) error {
	names := func(cols []int) string {
		out := make([]string, len(cols))
		for i, c := range cols {
			out[i] = in.Cols[c].Name
		}
		return joinNames(out)
	}
	for _, k := range b.keys[in] {
		if subset(k, op.PrimaryKey) {
			return nil
		}
	}
	if keys := b.keys[in]; len(keys) > 0 {
		err := where.errorf("PRIMARY KEY (%s) of sink `%s` does not contain the key of the query, (%s): rows with different keys would overwrite each other", names(op.PrimaryKey), op.Name, names(keys[0]))
		return hint(err, "declare PRIMARY KEY (%s), or say which row stays: ON CONFLICT DO DEDUPLICATE", names(keys[0]))
	}
	err := where.errorf("sink `%s` replaces rows by its PRIMARY KEY (%s), but the query has no key: which of two rows stays would depend on their order", op.Name, names(op.PrimaryKey))
	if in.Props.Kinds.AppendOnly() {
		return hint(err, "declare PRIMARY KEY (...) NOT ENFORCED on the source, GROUP BY %s, or say which row stays: ON CONFLICT DO DEDUPLICATE", names(op.PrimaryKey))
	}
	return hint(err, "SELECT the GROUP BY columns too, and make them the PRIMARY KEY")
}

// deadLetters sends the error ports of operators that give dead letters to
// their sinks.
func (b *builder) deadLetters() error {
	var sinks []*catalog.Table
	edges := map[*catalog.Table][]Edge{}
	for _, n := range b.plan.Nodes {
		if errorModeOf(n.Op) != ErrorDeadLetter {
			continue
		}
		sink := b.letterSink(n)
		if sink == nil {
			continue
		}
		if edges[sink] == nil {
			sinks = append(sinks, sink)
		}
		edges[sink] = append(edges[sink], Edge{From: n, Port: ErrorPort})
	}
	for _, sink := range sinks {
		if err := b.letters(sink, edges[sink]); err != nil {
			return err
		}
	}
	return nil
}

// letters brings dead letters to their sink's columns.
func (b *builder) letters(sink *catalog.Table, edges []Edge) error {
	cols := edges[0].Columns()
	in := edges
	if len(edges) > 1 {
		in = from(b.node(&Union{}, nil, edges, cols, ""))
	}
	var exprs []catalog.Expr
	var out []Column
	for _, i := range sinkColumns(sink) {
		c := sink.Columns[i]
		at := slices.IndexFunc(cols, func(f Column) bool { return strings.EqualFold(f.Name, c.Name) })
		exprs = append(exprs, b.env.castTo(&catalog.ColumnRef{Index: at, Name: c.Name, T: cols[at].Type}, c.Type))
		out = append(out, Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull})
	}
	p := b.node(&Project{Exprs: exprs, OnError: ErrorFail}, nil, in, out, "")
	b.places[p] = place{sink.Source, sink.Span}
	return b.toSink(sink, p, b.places[p], nil)
}

// letterSink finds the sink for the dead letters of a node: of records the source's,
// else that of the branch; nil: there is none.
func (b *builder) letterSink(n *Node) *catalog.Table {
	if _, ok := n.Op.(*Guard); !ok {
		return b.letterTo[n]
	}
	for src, scan := range b.scans {
		if scan == n.Inputs[0].From {
			return src.deadLetter
		}
	}
	return nil
}

// errorModeOf gives the error mode of an operator: its field OnError, whatever
// operator it is, so that none's dead letters are forgotten; ErrorFail for one
// without.
func errorModeOf(op Op) ErrorMode {
	v := reflect.Indirect(reflect.ValueOf(op))
	if v.Kind() != reflect.Struct {
		return ErrorFail
	}
	if f := v.FieldByName("OnError"); f.IsValid() {
		return f.Interface().(ErrorMode)
	}
	return ErrorFail
}
