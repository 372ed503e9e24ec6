package planner

import (
	"maps"
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// need says how much of a value is read: all of it, or some members of a ROW. A
// nil *need is a value that nobody reads.
type need struct {
	whole   bool
	members map[int]*need
}

// add notes that a path of members is read; an empty path is all.
func (n *need) add(path []int) {
	if n.whole {
		return
	}
	if len(path) == 0 {
		n.whole, n.members = true, nil
		return
	}
	if n.members == nil {
		n.members = map[int]*need{}
	}
	m := n.members[path[0]]
	if m == nil {
		m = &need{}
		n.members[path[0]] = m
	}
	m.add(path[1:])
}

// under adds, below a path, what another need asks for.
func (n *need) under(path []int, of *need) {
	if of.whole || len(of.members) == 0 {
		n.add(path)
		return
	}
	for i, m := range of.members {
		n.under(append(slices.Clip(path), i), m)
	}
}

// sub gives the need of a member.
func (n *need) sub(i int) *need {
	if n == nil || n.whole {
		return n
	}
	return n.members[i]
}

// indexes lists the members that are read, in order.
func (n *need) indexes() []int { return slices.Sorted(maps.Keys(n.members)) }

// narrow gives the type with the members that are read.
func (n *need) narrow(t catalog.Type) catalog.Type {
	if n.whole || t.Kind != catalog.KindRow {
		return t
	}
	var fields []catalog.Field
	for _, i := range n.indexes() {
		f := t.Fields[i]
		f.Type = n.members[i].narrow(f.Type)
		fields = append(fields, f)
	}
	return catalog.RowOf(fields...)
}

// needs are the needs of a row of columns.
type needs []*need

func (ns needs) at(i int) *need {
	if ns[i] == nil {
		ns[i] = &need{}
	}
	return ns[i]
}

func (ns needs) merge(of needs) {
	for i, n := range of {
		if n != nil {
			ns.at(i).under(nil, n)
		}
	}
}

// all adds columns that are read whole.
func (ns needs) all(cols ...int) {
	for _, c := range cols {
		ns.at(c).add(nil)
	}
}

// keys adds the columns of an order.
func (ns needs) keys(order []SortKey) {
	for _, k := range order {
		ns.all(k.Col)
	}
}

// late adds what late rows carry of an operator's only input, if that counts.
func (ns needs) late(l *lateRows, counts bool) {
	if counts && l != nil {
		ns.all(l.cols...)
	}
}

// read adds what an expression reads.
func (ns needs) read(e catalog.Expr) {
	switch e := e.(type) {
	case *catalog.ColumnRef:
		ns.at(e.Index).add(nil)
		return
	case *catalog.Member:
		if base, path := memberPath(e); base != nil {
			ns.at(base.Index).add(path)
			return
		}
	}
	for _, c := range children(e) {
		ns.read(c)
	}
}

// pathOf gives the column and member path of an expression that only picks a
// part of the row.
func pathOf(e catalog.Expr) (index int, path []int, ok bool) {
	switch e := e.(type) {
	case *catalog.ColumnRef:
		return e.Index, nil, true
	case *catalog.Member:
		if base, path := memberPath(e); base != nil {
			return base.Index, path, true
		}
	}
	return 0, nil, false
}

// demand finds, for every node of a plan, what the operators above read of it.
// Without late, columns that only late rows carry don't count.
func demand(root rel, late bool) map[rel]needs {
	var order []rel
	visit(root, func(r rel) { order = append(order, r) })
	of := make(map[rel]needs, len(order))
	for _, r := range order {
		of[r] = make(needs, len(r.cols()))
	}
	for i := range root.cols() {
		of[root].at(i).add(nil)
	}
	for _, r := range slices.Backward(order) {
		ask(r, of[r], of, late)
	}
	return of
}

// ask adds to the inputs of r what r reads to give out.
func ask(r rel, out needs, of map[rel]needs, late bool) {
	switch r := r.(type) {
	case *filterRel:
		of[r.in].merge(out)
		of[r.in].read(r.pred)
	case *projectRel:
		for i, e := range r.exprs {
			if out[i] == nil {
				continue
			}
			if c, path, ok := pathOf(e); ok {
				of[r.in].at(c).under(path, out[i])
			} else {
				of[r.in].read(e)
			}
		}
	case *windowRel:
		of[r.in].merge(out[:len(out)-3])
		of[r.in].all(r.win.Time)
		of[r.in].all(r.win.Partition...)
		of[r.in].late(r.late, late)
	case *aggregateRel:
		askAggregate(r, out, of[r.in], late)
	case *overRel:
		askOver(r, out, of[r.in], late)
	case *rankRel:
		askRank(r, out, of[r.in], late)
	case *joinRel:
		askJoin(r, out, of[r.left], of[r.right], late)
	case *unionRel:
		for _, in := range r.ins {
			for i, n := range out {
				if n != nil {
					of[in].at(i).add(nil) // all inputs must keep one shape
				}
			}
		}
	case *setRel:
		askSet(r, of)
	case *normalizeRel:
		of[r.in].merge(out)
		of[r.in].all(r.keys...)
	case *expandRel:
		askExpand(r, out, of[r.in])
	case *unnestRel:
		of[r.in].merge(out[:len(r.in.cols())])
		for _, e := range r.exprs() {
			of[r.in].read(e)
		}
	case *sortRel:
		of[r.in].merge(out)
		of[r.in].keys(r.keys)
		of[r.in].late(r.late, late)
	case *limitRel:
		of[r.in].merge(out)
	}
}

// askJoin asks for what comes out, and what the condition reads.
func askJoin(r *joinRel, out, left, right needs, late bool) {
	n := len(left)
	both := make(needs, n+len(right))
	for i, w := range out {
		if w == nil {
			continue
		}
		if r.emit != nil {
			i = r.emit[i]
		}
		both.at(i).under(nil, w)
	}
	for _, e := range r.exprs() {
		both.read(e)
	}
	if r.times != nil {
		for side, first := range []int{0, n} {
			for _, c := range r.times.reads(r.mode, side) {
				both.at(first + c).add(nil)
			}
		}
	}
	if late && r.late != nil {
		both.all(r.late.cols...)
		for _, c := range r.late.right {
			both.at(n + c).add(nil)
		}
	}
	left.merge(both[:n])
	right.merge(both[n:])
}

func askAggregate(r *aggregateRel, out needs, in needs, late bool) {
	in.all(r.keys...)
	if r.window != nil {
		if r.window.Kind == AttachedWindow {
			in.all(r.window.Start, r.window.End)
		} else {
			in.all(r.window.Time)
		}
	}
	for i, c := range r.aggs {
		if !wantsCall(r, out, i) {
			continue
		}
		in.all(c.Args...)
		in.keys(c.Order)
		if c.Filter >= 0 {
			in.all(c.Filter)
		}
	}
	in.late(r.late, late)
}

// wantsCall says whether aggregate i has to be computed. An aggregation without
// keys and window keeps one, or it would mean DISTINCT. One whose late rows are
// read keeps all, so that two uses of it stay one operator.
func wantsCall(r *aggregateRel, out needs, i int) bool {
	first := len(r.keys)
	if out[first+i] != nil || r.late != nil {
		return true
	}
	if len(r.keys) > 0 || r.window != nil || i > 0 {
		return false
	}
	return !slices.ContainsFunc(out[first:first+len(r.aggs)], func(n *need) bool { return n != nil })
}
