package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// SetOpKind is what a SetOp does.
type SetOpKind uint8

// The kinds. UNION is a GroupAgg without aggregates over a Union.
const (
	IntersectOp SetOpKind = iota
	ExceptOp
)

// SetOp is INTERSECT or EXCEPT of two inputs with the same columns, by whole
// rows, NULLs equal. It counts each row on either side. Without All a row comes
// out once: if both sides have it, or only the first does; with All it comes out
// min(l, r) times, or max(0, l - r) times. Rows come and go as the counts change.
type SetOp struct {
	Kind SetOpKind
	All  bool
	// Width is the number of columns.
	Width int
	Life
}

func (*SetOp) op() {}

// StateKeys implements Stateful: a row is its own key.
func (o *SetOp) StateKeys(int) []int { return positions(o.Width) }

// String is the operation in SQL.
func (o *SetOp) String() string {
	name := [...]string{IntersectOp: "INTERSECT", ExceptOp: "EXCEPT"}[o.Kind]
	if o.All {
		name += " ALL"
	}
	return name
}

// setRel is INTERSECT or EXCEPT.
type setRel struct {
	left, right rel
	kind        SetOpKind
	all         bool
	out         []column
	place       place
}

func (r *setRel) inputs() []rel     { return []rel{r.left, r.right} }
func (r *setRel) cols() []column    { return r.out }
func (r *setRel) over(in []rel) rel { c := *r; c.left, c.right = in[0], in[1]; return &c }
func (r *setRel) at() place         { return r.place }

func (r *setRel) op() *SetOp { return &SetOp{Kind: r.kind, All: r.all, Width: len(r.out)} }

// setOp binds a set operation. UNION is DISTINCT over UNION ALL.
func (b *binder) setOp(s *parser.SetOp) (rel, error) {
	if s.Op == parser.Union {
		ins, err := b.unionInputs(s)
		if err != nil {
			return nil, err
		}
		if ins, err = b.aligned(ins, s.Op.String()+map[bool]string{true: " ALL"}[s.All], b.at(s)); err != nil {
			return nil, err
		}
		all := united(ins, b.at(s))
		if s.All {
			return all, nil
		}
		return b.distinctRows(all, s)
	}
	left, err := b.body(s.Left)
	if err != nil {
		return nil, err
	}
	right, err := b.body(s.Right)
	if err != nil {
		return nil, err
	}
	r := &setRel{kind: IntersectOp, all: s.All, place: b.at(s)}
	if s.Op == parser.Except {
		r.kind = ExceptOp
	}
	name := r.op().String()
	if len(left.cols()) != len(right.cols()) {
		return nil, b.at(s.Right).errorf("this part of %s has %s, the first one has %d", name, count(len(right.cols()), "column"), len(left.cols()))
	}
	ins, err := b.aligned([]rel{left, right}, name, b.at(s))
	if err != nil {
		return nil, err
	}
	if windowed, err := b.windowedSet(r.kind, r.all, ins, name, r.place); err != nil || windowed != nil {
		return windowed, err
	}
	r.left, r.right = ins[0], ins[1]
	for i, c := range r.left.cols() {
		if c.time == eventTime {
			c.lost = "the " + name + " at " + r.place.line()
		}
		if r.kind == IntersectOp {
			c.NotNull = c.NotNull || r.right.cols()[i].NotNull
		}
		c.time, c.timeMember, c.window, c.windowID = noTime, nil, noWindow, 0
		r.out = append(r.out, c)
	}
	return r, nil
}

// unionInputs binds the parts of a chain of UNIONs as one list: what is made
// distinct above need not be so below.
func (b *binder) unionInputs(s *parser.SetOp) ([]rel, error) {
	var ins []rel
	var part func(q parser.QueryBody) error
	part = func(q parser.QueryBody) error {
		if u, ok := q.(*parser.SetOp); ok && u.Op == parser.Union && (u.All || !s.All) {
			if err := part(u.Left); err != nil {
				return err
			}
			return part(u.Right)
		}
		r, err := b.body(q)
		if err != nil {
			return err
		}
		if len(ins) > 0 && len(r.cols()) != len(ins[0].cols()) {
			return b.at(q).errorf("this part of %s has %s, the first one has %d", s.Op.String()+map[bool]string{true: " ALL"}[s.All], count(len(r.cols()), "column"), len(ins[0].cols()))
		}
		ins = append(ins, r)
		return nil
	}
	return ins, part(s)
}

// distinctRows makes the rows of UNION distinct; over the bounds of a window it
// does so window by window.
func (b *binder) distinctRows(r rel, s *parser.SetOp) (rel, error) {
	cols := r.cols()
	agg, at := newAggregate(r, positions(len(cols)), nil, b.at(s))
	names, exprs := make([]string, len(cols)), make([]catalog.Expr, len(cols))
	for i := range cols {
		names[i], exprs[i] = cols[i].Name, ref(agg.out, at[i])
	}
	return project(agg, exprs, names, b.at(s)), nil
}

// aligned brings relations to common types. What their columns are besides, a
// time attribute or a bound of a window, the first one has if all have it.
func (b *binder) aligned(ins []rel, name string, where place) ([]rel, error) {
	out := append([]column(nil), ins[0].cols()...)
	for c := range out {
		types := make([]catalog.Type, len(ins))
		for i, in := range ins {
			types[i] = in.cols()[c].Type
			if isNull(constantOf(in, c)) {
				types[i] = catalog.Null
			}
		}
		t, ok := catalog.CommonTypeOf(types...)
		if t.Kind == catalog.KindNull {
			t = catalog.String
		}
		if !ok {
			return nil, where.errorf("column %d (`%s`) of %s has types that don't go together: %s", c+1, out[c].Name, name, typeList(types))
		}
		out[c].Type = t
	}
	aligned := slices.Clone(ins)
	for i, in := range ins {
		exprs, changed := refs(in.cols()), false
		for c := range exprs {
			if !exprs[c].Type().Equal(out[c].Type) {
				exprs[c], changed = b.env.castTo(constantOf(in, c), out[c].Type), true
			}
		}
		if changed {
			names := make([]string, len(out))
			for c := range out {
				names[c] = out[c].Name
			}
			aligned[i] = project(in, exprs, names, where)
		}
	}
	return aligned, nil
}

// united takes the rows of relations with the same types together.
func united(ins []rel, where place) rel {
	out := append([]column(nil), ins[0].cols()...)
	same := sameWindows(ins)
	for c := range out {
		if !same[c] {
			out[c].window, out[c].windowID = noWindow, 0
		}
		for i, in := range ins {
			col := in.cols()[c]
			out[c].NotNull = out[c].NotNull && col.NotNull
			if col.time != out[c].time {
				without, n := col, i+1
				if col.time != noTime {
					without, n = ins[0].cols()[c], 1
				}
				out[c].time, out[c].timeMember = noTime, nil
				out[c].lost = fmt.Sprintf("the UNION ALL at %s, whose input %d has none there", where.line(), n)
				if why := noTimeAttribute(without); why != "" {
					out[c].lost += " (" + why + ")"
				}
			}
			out[c].lag = max(out[c].lag, col.lag)
		}
	}
	return &unionRel{ins: ins, out: out, place: where}
}

// setOp makes the operator of an INTERSECT or EXCEPT.
func (b *builder) setOp(r *setRel, ins []*Node) *Node {
	keys := positions(len(r.out))
	var edges []Edge
	for _, in := range ins {
		edges = append(edges, Edge{From: b.spread(in, keys, r)})
	}
	op := r.op()
	op.Life, _ = b.env.life(r)
	return b.node(op, r, edges, plain(r.out), fmt.Sprint(op, op.Life))
}

// inferSetOp: an INTERSECT of what only grows only grows; all else takes rows
// back. The rows are some of the first input's, and so have its keys.
func (b *builder) inferSetOp(n *Node, op *SetOp) {
	p := &n.Props
	grows := op.Kind == IntersectOp && p.Kinds.AppendOnly()
	p.Kinds = KindSet(0).With(catalog.Insert)
	if !grows {
		p.Kinds = p.Kinds.With(catalog.Delete)
	}
	p.Hash = positions(op.Width)
	p.OrderSensitive = op.TTL > 0
	b.keys[n] = slices.Clone(b.keys[n.Inputs[0].From])
	if !op.All {
		b.keys[n] = append(b.keys[n], positions(op.Width))
	}
}

// askSet: rows are compared whole.
func askSet(r *setRel, of map[rel]needs) {
	for _, in := range r.inputs() {
		for i := range r.out {
			of[in].at(i).add(nil)
		}
	}
}

// set rebuilds an INTERSECT or EXCEPT over inputs with just its columns.
func (p *pruner) set(r *setRel) pruned {
	n := *r
	for i, side := range []*rel{&n.left, &n.right} {
		in := p.rebuild(r.inputs()[i])
		pr := &projectRel{in: in.rel, out: r.out, place: r.place}
		for c := range r.out {
			pr.exprs = append(pr.exprs, ref(in.rel.cols(), in.index[c]))
		}
		*side = pr
	}
	return unchanged(&n)
}

// pushIntoSet moves a filter below an INTERSECT or EXCEPT: a row passes or not
// with all that are equal to it, where equal values are the same; and what can fail must
// fail on the same rows.
func pushIntoSet(f *filterRel, in *setRel, c *ruleContext) rel {
	if canFail(f.pred) || volatility(f.pred) != catalog.Immutable {
		return f
	}
	for _, i := range columnsOf(f.pred) {
		if !sameIfEqual(in.out[i].Type) {
			return f
		}
	}
	out := in.over([]rel{
		pushFilter(&filterRel{in: in.left, pred: f.pred, place: f.place}, c),
		pushFilter(&filterRel{in: in.right, pred: f.pred, place: f.place}, c),
	})
	c.note(out, "push-filters")
	return out
}

// sameIfEqual says whether values of a type that are equal as keys are the same to
// every function: 0 and -0 are not, nor are maps with another order of entries.
func sameIfEqual(t catalog.Type) bool {
	switch t.Kind {
	case catalog.KindFloat, catalog.KindDouble, catalog.KindMap:
		return false
	case catalog.KindArray:
		return sameIfEqual(*t.Elem)
	case catalog.KindRow:
		return !slices.ContainsFunc(t.Fields, func(f catalog.Field) bool { return !sameIfEqual(f.Type) })
	}
	return true
}

// setText is the canonical text of an INTERSECT or EXCEPT.
func setText(n *Node, op *SetOp, ins []described) described {
	var parts []string
	for _, in := range ins {
		parts = append(parts, "("+in.text+" select "+strings.Join(in.cols, ", ")+")")
	}
	return described{base: strings.ToLower(op.String()) + op.Life.text(n) + " " + strings.Join(parts, " "), cols: numbered(op.Width)}
}

// setBound says what an INTERSECT or EXCEPT keeps.
func setBound(p *Properties, op *SetOp) {
	if op.TTL > 0 {
		p.Bound = "two counts for each different row, " + op.kept()
		return
	}
	p.Bound = "two counts for each different row of a bounded input"
	if !p.Bounded {
		p.Bound = "two counts for each different row, for ever"
		p.Unbounded = true
	}
}
