package planner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
)

// StaticJoin joins a stream with a table that is read to its end before the
// stream is: a broadcast hash join without state, which keeps the stream's order,
// watermark and time attributes. Its columns are Emit of the stream's columns
// followed by the table's. A row of the stream that is taken back takes its rows
// back: it gives +I and -D only.
type StaticJoin struct {
	// Kind is InnerJoin, LeftJoin (all rows of the stream), SemiJoin or AntiJoin.
	Kind JoinKind
	// Table gives the table: a plan of its own that ends in a Result.
	Table *Plan
	// TableCols are the columns of Table.
	TableCols []Column
	// Keys are columns of the stream, TableKeys of the table, whose values must be
	// equal; a NULL equals none, save where NullSafe says otherwise.
	Keys, TableKeys []int
	NullSafe        []bool
	// NullAware makes an AntiJoin by one key that of NOT IN: a NULL on either side
	// may be equal to anything.
	NullAware bool
	// Residual is over the stream's columns, then the table's; nil: TRUE.
	Residual catalog.Expr
	Emit     []int
	// Reload is how often the table is read again; 0: once a run.
	Reload  time.Duration
	OnError ErrorMode
}

func (*StaticJoin) op() {}

// Expressions implements Evaluating.
func (o *StaticJoin) Expressions() []catalog.Expr {
	if o.Residual == nil {
		return nil
	}
	return []catalog.Expr{o.Residual}
}

// result gives the node of Table whose rows are the table's.
func (o *StaticJoin) result() *Node { return o.Table.Nodes[len(o.Table.Nodes)-1].Inputs[0].From }

// isStatic says whether a relation is a static table: all that it reads is there
// from the start and ends, and tells no time.
func isStatic(r rel) bool {
	static := true
	visit(r, func(r rel) {
		if s, ok := r.(*scanRel); ok && !s.src.static {
			static = false
		}
	})
	return static
}

// settleStatic finds out whether a source is a static table.
func (b *binder) settleStatic(s *source, where place) error {
	asked := s.options[catalog.StaticOption]
	able := s.bounded && s.watermark == nil && !s.changelog
	if err := b.settleLookup(s, where); err != nil {
		return err
	}
	option := catalog.StaticOption
	if s.options[catalog.LookupCacheOption] == catalog.LookupCacheFull {
		asked, option = "true", catalog.LookupCacheOption
	}
	if asked == "true" && s.changelog {
		return hint(where.errorf("`%s` can't be a static table, as its option '%s' says: its records take rows back", s.table.Name, option), "leave the option out; the join is one of two streams then")
	}
	if asked == "true" && !able {
		return hint(where.errorf("`%s` can't be a static table, as its option '%s' says: it is read without end or has a WATERMARK", s.table.Name, option), "leave the option out, or the WATERMARK")
	}
	s.static = able && (asked == "true" || asked != "false" && s.table.Connector.Source.Table)
	return nil
}

// staticForm is a join with a static table on the side whose rows need not all
// come out. With two of them the left one is taken for the stream.
func staticForm(b *binder, j *joinRel) (*joinRel, error) {
	out := *j
	switch {
	case isStatic(j.right) && (j.kind == InnerJoin || j.kind == LeftJoin || j.kind.oneSided()):
		out.static = rightSide
	case isStatic(j.left) && (j.kind == InnerJoin || j.kind == RightJoin):
		out.static = leftSide
	default:
		return nil, nil
	}
	out.mode = staticJoin
	if reload := reloadInterval(out.table()); reload > 0 {
		if cause := updateCause(out.stream()); cause != nil {
			return nil, hint(j.place.errorf("a table with '%s' can't be joined to rows that are taken back, and %s takes rows back: it might have others by then", catalog.StaticReloadOption, operatorName(cause)),
				"join the table below it, or leave the option out")
		}
	}
	left, right := j.left.cols(), j.right.cols()
	if out.static == rightSide {
		right = plainColumns(right, "")
	} else {
		left = plainColumns(left, "")
	}
	out.out = joinColumns(j.kind, left, right)
	return &out, nil
}

// stream and table are the sides of a static or lookup join.
func (r *joinRel) stream() rel {
	if r.static == leftSide {
		return r.right
	}
	return r.left
}

func (r *joinRel) table() rel {
	if r.static == leftSide {
		return r.left
	}
	return r.right
}

// reloadInterval is the shortest one of the sources of a table.
func reloadInterval(r rel) time.Duration {
	var least time.Duration
	for _, s := range sourcesOf(r) {
		if d := s.options.Duration(catalog.StaticReloadOption); d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least
}

// passesStream says that the join hands the rows of its stream on, each with what
// the table has for it.
func (r *joinRel) passesStream() bool { return r.mode == staticJoin || r.mode == lookupJoin }

// visitStream is visit, but for the tables of such joins.
func visitStream(r rel, f func(rel)) {
	seen := map[rel]bool{}
	var walk func(rel)
	walk = func(r rel) {
		if seen[r] {
			return
		}
		seen[r] = true
		ins := r.inputs()
		if j, ok := r.(*joinRel); ok && j.passesStream() {
			ins = []rel{j.stream()}
		}
		for _, in := range ins {
			walk(in)
		}
		f(r)
	}
	walk(r)
}

// streamsOf are the sources below r, but for those of tables.
func streamsOf(r rel) []*source {
	var out []*source
	visitStream(r, func(r rel) {
		if s, ok := r.(*scanRel); ok && !slices.Contains(out, s.src) {
			out = append(out, s.src)
		}
	})
	return out
}

// staticJoin makes the operator, with the plan of its table.
func (b *builder) staticJoin(k keyedJoin) (*Node, error) {
	r := k.join
	in, err := b.lower(r.stream())
	if err != nil {
		return nil, err
	}
	op := &StaticJoin{Kind: r.kind, Keys: k.left, TableKeys: k.right, NullSafe: k.nullSafe, Emit: r.emit, Reload: reloadInterval(r.table())}
	rest := k.rest
	if r.notIn != nil {
		if l, t, null, ok := equality(r.notIn, len(r.left.cols())); ok && !null && len(k.left) == 0 && len(rest) == 0 && bothColumns(l, t) {
			op.NullAware, op.NullSafe = true, []bool{false}
			op.Keys = []int{l.(*catalog.ColumnRef).Index}
			op.TableKeys = []int{t.(*catalog.ColumnRef).Index - len(r.left.cols())}
		} else {
			p, err := b.notFalse(r)
			if err != nil {
				return nil, err
			}
			rest = append(rest, p)
		}
	}
	op.Residual = b.decided(rest, r.both())
	if r.static == leftSide {
		b.exchangeSides(op, r)
	}
	op.OnError = b.modeOf(op.Expressions()...)
	if op.Table, err = b.tablePlan(r.table(), r.place); err != nil {
		return nil, err
	}
	op.TableCols = op.result().Cols
	return b.node(op, r, from(in), plain(r.out), ""), nil
}

func bothColumns(l, r catalog.Expr) bool {
	_, isL := l.(*catalog.ColumnRef)
	_, isR := r.(*catalog.ColumnRef)
	return isL && isR && l.Type().Equal(r.Type())
}

// exchangeSides makes the right side the stream.
func (b *builder) exchangeSides(op *StaticJoin, r *joinRel) {
	op.Keys, op.TableKeys = op.TableKeys, op.Keys
	if op.Kind == RightJoin {
		op.Kind = LeftJoin
	}
	nl, nr := len(r.left.cols()), len(r.right.cols())
	move := func(i int) int {
		if i < nl {
			return nr + i
		}
		return i - nl
	}
	if op.Residual != nil {
		op.Residual = shift(op.Residual, move)
	}
	op.Emit = slices.Clone(op.Emit)
	for i, e := range op.Emit {
		op.Emit[i] = move(e)
	}
}

// tablePlan plans a static table by itself. Its rows come in one order, whatever
// the table is made of: the rows that one row of the stream finds do, then.
func (b *builder) tablePlan(r rel, where place) (*Plan, error) {
	t := *b
	t.plan, t.table = &Plan{Zone: b.plan.Zone, Merge: true}, true
	t.scans, t.guards, t.watched = map[*source]*Node{}, map[string]*Node{}, map[*source]bool{}
	t.byText, t.done = map[string]*Node{}, map[rel]*Node{}
	t.keys, t.places, t.toSinks = map[*Node][][]int{}, map[*Node]place{}, nil
	o := &output{in: r, branch: b.branch, place: where}
	if err := t.policy(r, o); err != nil {
		return nil, err
	}
	if hasState(r) {
		r = &sortRel{in: r, keys: totalOrder(r.cols()), limit: -1, place: where}
	}
	n, err := t.lower(r)
	if err != nil {
		return nil, err
	}
	t.result(n, o)
	t.finish()
	t.identify()
	for n, keys := range t.keys {
		b.keys[n] = keys
	}
	return t.plan, nil
}

// inferStatic finds keys and distribution: those of the stream, where a row finds
// one row of the table at most.
func (b *builder) inferStatic(n *Node, op *StaticJoin, tableKeys [][]int) {
	in := n.Inputs[0].From
	at := func(cols []int) ([]int, bool) {
		out := make([]int, 0, len(cols))
		for _, c := range cols {
			i := slices.Index(op.Emit, c)
			if i < 0 {
				return nil, false
			}
			out = append(out, i)
		}
		return out, true
	}
	if moved, ok := at(in.Props.Hash); ok && in.Props.Hash != nil {
		n.Props.Hash = moved
	}
	one := op.Kind.oneSided() || slices.ContainsFunc(tableKeys, func(k []int) bool { return subset(k, op.TableKeys) })
	for _, key := range b.keys[in] {
		if moved, ok := at(key); ok && one {
			b.keys[n] = append(b.keys[n], moved)
		}
		for _, t := range tableKeys {
			both := slices.Clone(key)
			for _, c := range t {
				both = append(both, len(in.Cols)+c)
			}
			if moved, ok := at(both); ok && !one && op.Kind == InnerJoin {
				b.keys[n] = append(b.keys[n], moved)
			}
		}
	}
	n.Props.Kinds = unnestKinds(in.Props.Kinds)
}

// staticDetail is what EXPLAIN prints.
func staticDetail(op *StaticJoin, in []Column) string {
	text := matchDetail(op, in)
	if op.Reload > 0 {
		text += fmt.Sprintf("; the table is read again every %s", spanText(op.Reload.Microseconds()))
	}
	return text + onError(op.OnError)
}

// matchDetail says which rows of the table go with one of the stream.
func matchDetail(op *StaticJoin, in []Column) string {
	all := append(slices.Clip(in), op.TableCols...)
	var on []string
	for i, k := range op.Keys {
		sign := " = "
		if op.NullSafe[i] {
			sign = " IS NOT DISTINCT FROM "
		}
		on = append(on, catalog.QuoteName(in[k].Name)+sign+catalog.QuoteName(op.TableCols[op.TableKeys[i]].Name))
	}
	if op.Residual != nil {
		on = append(on, showExpr(op.Residual, all))
	}
	text := op.Kind.String()
	if op.NullAware {
		text += " (NOT IN)"
	}
	if len(on) > 0 {
		text += " on " + strings.Join(on, " AND ")
	}
	return text
}

// staticText is the canonical text: filters and columns of the stream are folded
// into it, the table is named by its own text.
func (c *canon) staticText(op *StaticJoin, in described) described {
	return matchText(op, in, "static", c.describe(op.result()))
}

// matchText is the canonical text of a join of a stream with the rows of a table.
func matchText(op *StaticJoin, in described, how string, table described) described {
	cols := slices.Clone(in.cols)
	for _, t := range table.cols {
		cols = append(cols, "table("+t+")")
	}
	both := described{cols: cols}
	text := fmt.Sprintf("%s %s join nullaware=%v of (%s) with (%s) on", how, strings.ToLower(op.Kind.String()), op.NullAware, in.text, table.text)
	for i, k := range op.Keys {
		text += fmt.Sprintf(" %s=%s/%v", in.cols[k], table.cols[op.TableKeys[i]], op.NullSafe[i])
	}
	if op.Residual != nil {
		text += " and " + exprText(op.Residual, both.col)
	}
	out := described{base: text}
	for _, e := range op.Emit {
		out.cols = append(out.cols, cols[e])
	}
	return out
}
