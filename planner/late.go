package planner

import (
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// lateOf gives where the late rows of an operator go, and its input.
func lateOf(r rel) (late *lateRows, in rel) {
	switch r := r.(type) {
	case *aggregateRel:
		return r.late, r.in
	case *overRel:
		return r.late, r.in
	case *rankRel:
		return r.late, r.in
	case *joinRel:
		return r.late, r.left
	case *windowRel:
		return r.late, r.in
	case *sortRel:
		return r.late, r.in
	}
	return nil, nil
}

// columns are the input columns of late rows, nil if nobody takes them.
func (l *lateRows) columns() []int {
	if l == nil {
		return nil
	}
	return append([]int{}, l.cols...)
}

// judging makes the node of an operator of one input that judges rows by time, and
// the way of its late rows.
func (b *builder) judging(op Op, r rel, in *Node, text string, late *lateRows) (*Node, error) {
	if late != nil {
		text += fmt.Sprint(" late ", late.cols)
	}
	before := len(b.plan.Nodes)
	n := b.node(op, r, from(in), plain(r.cols()), text)
	if late != nil && len(b.plan.Nodes) > before {
		return n, b.lateRows(n, late)
	}
	return n, nil
}

// withLate is an operator over an input that has more columns, the late rows of
// which go to a sink. What a ranking operator gives out has its input's columns,
// so a projection takes the new ones away again.
func withLate(r, in rel, late *lateRows) rel {
	more := len(in.cols()) - len(r.inputs()[0].cols())
	switch r := r.(type) {
	case *aggregateRel:
		out := *r
		out.in, out.late = in, late
		return &out
	case *overRel:
		out := *r
		out.in, out.late = in, late
		out.out = inserted(r.out, in.cols(), more)
		return withoutMore(&out, r.out, len(r.in.cols()), more)
	case *rankRel:
		out := *r
		out.in, out.late = in, late
		out.out = inserted(r.out, in.cols(), more)
		return withoutMore(&out, r.out, len(r.in.cols()), more)
	case *windowRel:
		n := len(r.in.cols())
		out := *r
		out.in, out.late = in, late
		out.out = slices.Concat(in.cols(), r.out[n:])
		return withoutMore(&out, r.out, n, more)
	case *sortRel:
		out := *r
		out.in, out.late = in, late
		return withoutMore(&out, r.cols(), len(r.cols()), more)
	case *joinRel:
		n := len(r.left.cols())
		out := *r
		out.left, out.late = in, late
		out.out = inserted(r.out, in.cols(), more)
		out.eachExpr(func(e catalog.Expr) catalog.Expr {
			return shift(e, func(i int) int {
				if i >= n {
					i += more
				}
				return i
			})
		})
		return withoutMore(&out, r.out, n, more)
	}
	return r
}

// inserted puts the last columns of an input behind those that it had.
func inserted(out, in []column, more int) []column {
	n := len(in) - more
	return slices.Concat(out[:n], in[n:], out[n:])
}

// withoutMore takes the columns from n to n+more away again.
func withoutMore(r rel, old []column, n, more int) rel {
	if more == 0 {
		return r
	}
	p := &projectRel{in: r, out: old, place: r.at()}
	for i := range old {
		if i >= n {
			i += more
		}
		p.exprs = append(p.exprs, ref(r.cols(), i))
	}
	return p
}

// lateExtras are the columns of a late row behind those that are carried: the
// bounds of its window, if the operator has one, and the watermark.
func lateExtras(r rel) []column {
	switch r := r.(type) {
	case *aggregateRel:
		return lateBounds(r.out[len(r.out)-1])
	case *overRel:
		if start, _ := windowKeys(r.in.cols(), r.partition); !r.mode().byTime() {
			return lateBounds(r.in.cols()[start])[2:]
		}
		return lateBounds(r.in.cols()[r.order[0].Col])[2:]
	case *joinRel:
		if r.mode == windowJoin {
			return lateBounds(r.left.cols()[r.times.start[0]])
		}
		return lateBounds(r.left.cols()[r.times.time[0]])[2:]
	case *windowRel:
		return lateBounds(r.in.cols()[r.win.Time])
	case *sortRel:
		return lateBounds(r.cols()[r.keys[0].Col])[2:]
	case *rankRel:
		return lateTimes(r.in.cols(), r.partition, r.order)
	}
	return nil
}

func lateTimes(cols []column, partition []int, order []SortKey) []column {
	if start, _ := windowKeys(cols, partition); start >= 0 {
		return lateBounds(cols[start])
	}
	return lateBounds(cols[order[0].Col])[2:]
}

// lateBounds are window_start, window_end and watermark of a column's type.
func lateBounds(of column) []column {
	cols := windowColumns(of.Type, 0, false)
	cols[2] = cols[1]
	cols[2].Name = "watermark"
	return cols
}

// lateRows writes the late rows of an operator to their sink.
func (b *builder) lateRows(n *Node, late *lateRows) error {
	if late.sink == nil {
		return nil
	}
	var cols []Column
	for _, c := range sinkColumns(late.sink) {
		d := late.sink.Columns[c]
		cols = append(cols, Column{Name: d.Name, Type: d.Type, NotNull: d.NotNull})
	}
	p := b.node(&Project{Exprs: late.exprs, OnError: b.modeOf(late.exprs...)}, nil, []Edge{{From: n, Port: LatePort}}, cols, "")
	b.places[p] = late.place
	return b.toSink(late.sink, p, late.place, nil)
}
