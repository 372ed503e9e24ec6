package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// rank lowers a rankRel.
func (b *builder) rank(r *rankRel, in *Node) (*Node, error) {
	if (r.byTime() || r.arrival != NoArrival) && !in.Props.Kinds.AppendOnly() {
		return nil, r.place.errorf("%s takes rows in the order of time, but %s updates", r.what, operatorName(updateCause(r.in)))
	}
	if r.byTime() {
		return b.rankByTime(r, in)
	}
	ex := b.spread(in, r.partition, r)
	op := &Rank{Kind: r.kind, What: r.what, Partition: r.partition, Order: r.order, From: r.from, To: r.to, Show: r.show, Tie: r.tie,
		Arrival: r.arrival, WindowStart: -1, WindowEnd: -1}
	if r.windowed() {
		op.WindowStart, op.WindowEnd = windowKeys(r.in.cols(), r.partition)
	}
	op.AtEnd = op.Updates() && isBounded(r.in)
	op.Life, _ = b.env.life(r)
	text := fmt.Sprintf("%+v", *op)
	op.LateCols = r.late.columns()
	return b.judging(op, r, ex, text, r.late)
}

// rankByTime lowers a rankRel whose rows come out when the watermark has passed
// them: an Over numbers them, which keeps a counter of a partition and none of its
// rows, and a filter keeps the first ones.
func (b *builder) rankByTime(r *rankRel, in *Node) (*Node, error) {
	call := OverCall{Kind: r.kind, Filter: -1, Type: catalog.BigInt, Name: r.what}
	all := newOver(r.in, r.partition, r.order, []OverCall{call}, r.place)
	all.onClose, all.ttl, all.late, all.limit = true, r.ttl, r.late, r.to
	b.rules.notes[all] = b.rules.notes[r]
	n, err := b.over(all, in)
	if err != nil {
		return nil, err
	}
	number := ref(all.out, len(all.out)-1)
	bounds := []struct {
		fn string
		v  int64
	}{{">=", r.from}, {"<=", r.to}}
	switch {
	case r.from == r.to:
		bounds = bounds[:1]
		bounds[0].fn = "="
	case r.from == 1:
		bounds = bounds[1:]
	}
	var preds []catalog.Expr
	for _, x := range bounds {
		fn, ok := b.env.functions.Lookup(x.fn)
		if !ok {
			return nil, r.place.errorf("there is no function %s", x.fn)
		}
		overload, err := fn.Resolve([]catalog.Arg{{Type: catalog.BigInt}, {Type: catalog.BigInt}})
		if err != nil {
			return nil, err
		}
		preds = append(preds, &catalog.Call{Fn: fn, Overload: overload, Args: []catalog.Expr{number, &catalog.Literal{Value: x.v, T: catalog.BigInt}}})
	}
	first := &filterRel{in: all, pred: conjunction(preds), place: r.place}
	n = b.node(&Filter{Pred: first.pred}, first, from(n), n.Cols, textOf(first.pred))
	if r.from == r.to && !b.hasKey(n, r.partition) { // one row of a partition is left
		b.keys[n] = append([][]int{r.partition}, b.keys[n]...)
		n.Props.UpsertKey = r.partition
	}
	if r.show {
		return n, nil
	}
	kept := &projectRel{in: first, out: r.out, place: r.place}
	for i := range r.out {
		kept.exprs = append(kept.exprs, ref(all.out, i))
	}
	return b.project(kept, n), nil
}

// inferRank: of ROW_NUMBER, partition and rank are a key; without the rank, the
// partition is one if a single row of it comes out. The input's keys are keys too,
// but where a row takes the place of another, a row that moves is said twice.
func (b *builder) inferRank(n *Node, op *Rank) {
	in := n.Inputs[0].From
	n.Props.Hash = in.Props.Hash
	n.Props.Kinds = KindSet(0).With(catalog.Insert)
	n.Props.OrderSensitive = op.Arrival != NoArrival || op.TTL > 0
	n.Props.AnyOrder = n.Props.AnyOrder && !op.Replaces()
	if op.Replaces() {
		key := append([]int{}, op.Partition...)
		if op.Show {
			key = append(key, len(in.Cols))
		}
		b.keys[n] = append(b.keys[n], key)
	}
	b.keys[n] = append(b.keys[n], b.keys[in]...)
	if !op.Updates() {
		return
	}
	n.Props.Moves = op.Replaces()
	if op.Replaces() || op.Show {
		n.Props.Kinds = n.Props.Kinds.With(catalog.UpdateBefore).With(catalog.UpdateAfter)
	}
	if !op.Replaces() || !in.Props.Kinds.AppendOnly() {
		n.Props.Kinds = n.Props.Kinds.With(catalog.Delete)
	}
}

// settleRank takes -U out of what a Rank gives where nobody wants it.
func settleRank(n *Node, op *Rank, before bool) {
	if !op.Updates() {
		return
	}
	op.EmitBefore = before || !op.Replaces()
	if !op.EmitBefore {
		n.Props.Kinds &^= 1 << catalog.UpdateBefore
	}
}

// rankBound says what limits the rows that a Rank keeps.
func rankBound(n *Node, op *Rank, names func([]int) string) {
	p := &n.Props
	by := ""
	if len(op.Partition) > 0 {
		by = " for each " + names(op.Partition)
	}
	rows := fmt.Sprintf("%d rows", op.To)
	if op.To == 1 {
		rows = "a row"
	}
	if op.Kind != OverRowNumber {
		rows = "the rows up to rank " + fmt.Sprint(op.To)
	}
	switch {
	case op.WindowStart >= 0:
		p.Bound = rows + by + ", until the window closes"
		return
	case op.TTL > 0 && op.Arrival == FirstArrived:
		p.Bound = "a counter" + by + ", " + op.kept()
		return
	case op.TTL > 0 && !n.Inputs[0].From.Props.Kinds.AppendOnly():
		p.Bound = "all rows" + by + ", for each may move up, " + op.kept()
		return
	case op.TTL > 0:
		p.Bound = rows + by + ", " + op.kept()
		return
	case op.Arrival == FirstArrived:
		p.Bound = "a counter" + by
	case !n.Inputs[0].From.Props.Kinds.AppendOnly():
		p.Bound = "all rows" + by + ", for each may move up"
		p.Unbounded = !p.Bounded
		return
	default:
		p.Bound = rows + by
	}
	if p.Bounded {
		p.Bound += " of a bounded input"
	} else if by != "" {
		p.Bound += ", for ever"
		p.Unbounded = true
	}
}

// rankText is the canonical text of a Rank.
func rankText(n *Node, op *Rank, in described) described {
	base := fmt.Sprintf("%s %d to %d partition %s order %s", overNames[op.Kind], op.From, op.To, in.pick(op.Partition), in.order(op.Order))
	if op.Tie >= 0 {
		base += " then " + in.cols[op.Tie]
	}
	if op.Arrival != NoArrival {
		base += fmt.Sprintf(" arrival %d", op.Arrival)
	}
	if op.AtEnd {
		base += " at end"
	}
	if op.Unique {
		base += " alone"
	}
	if op.WindowStart >= 0 {
		base += " on close watermark " + watermarksText(n)
	}
	base += op.Life.text(n)
	if op.Arrival == FirstArrived {
		base += fmt.Sprintf(" of (%s)", in.text)
	} else {
		base += fmt.Sprintf(" of (%s select %s)", in.text, strings.Join(in.cols, ", "))
	}
	return described{base: base, cols: append(slices.Clone(in.cols), "rank")}
}

// rankDetail is what EXPLAIN prints.
func rankDetail(op *Rank, in []Column) string {
	text := overNames[op.Kind] + " "
	switch {
	case op.From == op.To:
		text += fmt.Sprintf("= %d", op.To)
	case op.From > 1:
		text += fmt.Sprintf("%d to %d", op.From, op.To)
	default:
		text += fmt.Sprintf("up to %d", op.To)
	}
	text += " " + partitionDetail(op.Partition, op.Order, in)
	switch op.Arrival {
	case FirstArrived:
		text += " in order of arrival"
	case LastArrived:
		text += " in order of arrival, last first"
	}
	switch {
	case op.WindowStart >= 0:
		text += "; when the window closes"
	case op.AtEnd:
		text += "; at the end of input"
	}
	if op.Unique {
		text += "; a second row is an error"
	}
	if op.Show {
		text += "; with the rank"
	}
	return text
}

// askRank adds what a rankRel reads of its input.
func askRank(r *rankRel, out needs, in needs, late bool) {
	in.merge(out[:len(r.in.cols())])
	in.all(r.partition...)
	in.keys(r.order)
	if r.tie >= 0 {
		in.all(r.tie)
	}
	in.late(r.late, late)
}

// rank drops the columns that nobody reads, the rank too.
func (p *pruner) rank(r *rankRel) pruned {
	want := p.of[r]
	in := p.narrowed(r.in)
	n := *r
	n.in, n.partition, n.tie = in.rel, in.each(r.partition), in.col(r.tie)
	n.order = slices.Clone(r.order)
	for i := range n.order {
		n.order[i].Col = in.col(n.order[i].Col)
	}
	n.out = in.kept(r.out)
	out := pruned{index: slices.Clone(in.index), shape: slices.Clone(in.shape)}
	if r.show {
		last := len(r.out) - 1
		if n.show = want[last] != nil; n.show {
			out.index, out.shape = append(out.index, len(n.out)), append(out.shape, &need{whole: true})
			n.out = append(n.out, r.out[last])
		} else {
			out.index, out.shape = append(out.index, -1), append(out.shape, nil)
		}
	}
	n.late = in.late(r.late)
	out.rel = &n
	return out
}
