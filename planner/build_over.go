package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// over lowers the calls of an overRel that no rule has made something better of.
func (b *builder) over(r *overRel, in *Node) (*Node, error) {
	mode := r.mode()
	if mode == overNever {
		c := r.lookingEverywhere()
		return nil, hint(r.place.errorf("%s needs all rows of its partition, and an unbounded input may bring another one at any time", c.Name),
			"PARTITION BY window_start and window_end, of a window, makes partitions that end; a frame may end with n FOLLOWING")
	}
	if mode == overByTime && skipping(r.calls) > MaxSkipping {
		return nil, r.place.errorf("more than %d calls of LEAD with IGNORE NULLS in one window", MaxSkipping)
	}
	ex := b.spread(in, r.partition, r)
	op := &Over{Partition: r.partition, Order: r.order, Calls: r.calls, WindowStart: -1, WindowEnd: -1,
		ByTime: mode.byTime(), AtEnd: mode == overAtEnd || mode == overAtEndByTime, Arrival: mode == overArrival}
	if mode == overAtClose {
		op.WindowStart, op.WindowEnd = windowKeys(r.in.cols(), r.partition)
	}
	op.Limit = r.limit
	op.Positions = op.HasPre() && positioned(ex)
	op.Life, _ = b.env.life(r)
	text := fmt.Sprintf("%v %v %d %v", op.Partition, op.Order, op.Limit, op.Life)
	for _, c := range op.Calls {
		if c.Overload != nil && c.Overload.CanFail {
			op.OnError = b.mode
		}
		text += fmt.Sprintf(" %d%v/%d/%d/%s", c.Kind, c.Args, c.Filter, c.N, c.text())
	}
	op.LateCols = r.late.columns()
	return b.judging(op, r, ex, text, r.late)
}

// inferOver: the input's rows with columns more. Where nothing says when a
// result is final, a row that comes or goes changes those of others.
func (b *builder) inferOver(n *Node, op *Over) {
	b.inherit(n)
	n.Props.Kinds = KindSet(0).With(catalog.Insert)
	if !op.HasPre() && !op.AtEnd && !op.Arrival {
		n.Props.Kinds = n.Props.Kinds.With(catalog.UpdateBefore).With(catalog.UpdateAfter)
		if !n.Inputs[0].From.Props.Kinds.AppendOnly() || op.OnError != ErrorFail {
			n.Props.Kinds = n.Props.Kinds.With(catalog.Delete)
		}
	}
	b.keys[n] = b.overKeys(n, op)
	if op.Limit > 0 {
		b.keys[n] = append([][]int{append(slices.Clone(op.Partition), len(n.Cols)-1)}, b.keys[n]...)
	}
	n.Props.OrderSensitive = op.Arrival || op.TTL > 0 && !op.ByTime
}

// overBound says what limits the rows that an Over keeps.
func (b *builder) overBound(n *Node, op *Over, names func([]int) string) {
	p := &n.Props
	by := ""
	if len(op.Partition) > 0 {
		by = " by " + names(op.Partition)
	}
	switch {
	case op.AtEnd:
		p.Bound = "all rows of a bounded input"
	case op.WindowStart >= 0:
		p.Bound = "rows of " + b.delayed(n, []string{"open windows"}) + by
	case !op.ByTime && !op.Arrival:
		p.Bound = "all rows"
		if op.TTL > 0 {
			p.Bound += by + ", " + op.kept()
			return
		}
		if p.Unbounded = !p.Bounded; p.Unbounded {
			p.Bound += ", for ever"
		}
	default:
		var parts []string
		rows, spans := op.keeps()
		for _, span := range spans {
			text := literalText(span)
			if span.T.Kind == catalog.KindIntervalDay {
				text = spanText(span.Value.(int64))
			}
			parts = append(parts, text)
		}
		if op.ByTime {
			if text := b.delayed(n, parts); text != "" {
				parts = []string{text}
			}
		}
		if rows > 0 {
			text := count(int(rows), "row")
			if op.Limit > 0 {
				text = "a counter"
			}
			if op.TTL > 0 {
				text += " for each" + strings.TrimPrefix(by, " by") + ", " + op.kept()
			} else if by != "" && !p.Bounded {
				text += " for each" + strings.TrimPrefix(by, " by") + ", for ever"
				p.Unbounded = true
			} else {
				text += by
			}
			parts = append(parts, text)
		} else if by != "" && len(parts) > 0 {
			parts[len(parts)-1] += by
		}
		p.Bound = strings.Join(parts, "; ")
	}
}

// overText is the canonical text of an Over.
func overText(n *Node, op *Over, in described) described {
	calls := make([]string, len(op.Calls))
	for i, c := range op.Calls {
		calls[i] = c.canonical(in)
	}
	base := fmt.Sprintf("over partition %s order %s", in.pick(op.Partition), in.order(op.Order))
	if op.HasPre() {
		base += " watermark " + watermarksText(n)
	}
	switch {
	case op.AtEnd:
		base += " at end"
	case op.Arrival:
		base += " as they come"
	case op.WindowStart >= 0:
		base += " at close"
	case !op.ByTime:
		base += " updating"
	}
	if op.Positions {
		base += " ties by position"
	}
	if op.Limit > 0 {
		base += fmt.Sprintf(" first %d", op.Limit)
	}
	base += op.Life.text(n)
	base += fmt.Sprintf(" compute %s of (%s select %s)", strings.Join(calls, ", "), in.text, strings.Join(in.cols, ", "))
	return described{base: base, cols: append(slices.Clone(in.cols), calls...)}
}

var overNames = map[OverKind]string{OverRowNumber: "ROW_NUMBER", OverRank: "RANK", OverDenseRank: "DENSE_RANK", OverPercentRank: "PERCENT_RANK",
	OverCumeDist: "CUME_DIST", OverNTile: "NTILE", OverLag: "LAG", OverLead: "LEAD", OverFirstValue: "FIRST_VALUE", OverLastValue: "LAST_VALUE", OverNthValue: "NTH_VALUE"}

// text is what of a call is no column.
func (c OverCall) text() string {
	name := overNames[c.Kind]
	if c.Fn != nil {
		name = c.Fn.Name
	}
	if c.Distinct {
		name += " distinct"
	}
	if c.IgnoreNulls {
		name += " ignore nulls"
	}
	name += c.Constants
	if c.N != 0 {
		name += " " + itoa(int(c.N))
	}
	if c.Kind.Framed() {
		name += " " + c.Frame.text()
	}
	return name
}

func (c OverCall) canonical(in described) string {
	text := c.text() + "(" + in.pick(c.Args) + ")"
	if c.Filter >= 0 {
		text += " filter " + in.cols[c.Filter]
	}
	return text
}

// overDetail is what EXPLAIN prints.
func overDetail(op *Over, in []Column) string {
	names := make([]string, len(op.Calls))
	for i, c := range op.Calls {
		names[i] = c.Name
	}
	return partitionDetail(op.Partition, op.Order, in) + ": " + strings.Join(names, ", ")
}

// partitionDetail prints PARTITION BY and ORDER BY.
func partitionDetail(partition []int, order []SortKey, in []Column) string {
	text := "all rows"
	if len(partition) > 0 {
		names := make([]string, len(partition))
		for i, c := range partition {
			names[i] = in[c].Name
		}
		text = "by " + joinNames(names)
	}
	if len(order) > 0 {
		text += " in order of " + orderDetail(order, in)
	}
	return text
}

// read says whether somebody reads a call; out are the needs of its columns.
func (r *overRel) read(out needs) bool {
	return r.late != nil || slices.ContainsFunc(out[len(r.in.cols()):], func(n *need) bool { return n != nil })
}

// askOver adds what an overRel reads of its input.
func askOver(r *overRel, out needs, in needs, late bool) {
	n := len(r.in.cols())
	in.merge(out[:n])
	if !r.read(out) {
		return
	}
	in.all(r.partition...)
	in.keys(r.order)
	for i, c := range r.calls {
		if out[n+i] == nil && r.late == nil {
			continue
		}
		if tie := tieOf(r.in.cols(), r.order); c.Kind.ranks() && tie >= 0 {
			in.all(tie) // a rule may make a rankRel of it
		}
		in.all(c.Args...)
		if c.Filter >= 0 {
			in.all(c.Filter)
		}
	}
	in.late(r.late, late)
}

// over drops the columns and calls that nobody reads, and an OVER without any.
func (p *pruner) over(r *overRel) pruned {
	want := p.of[r]
	if !r.read(want) {
		in := p.rebuild(r.in)
		for range r.calls {
			in.index, in.shape = append(slices.Clip(in.index), -1), append(slices.Clip(in.shape), nil)
		}
		return in
	}
	in := p.narrowed(r.in)
	n := *r
	n.in, n.partition, n.calls = in.rel, in.each(r.partition), nil
	n.order = slices.Clone(r.order)
	for i := range n.order {
		n.order[i].Col = in.col(n.order[i].Col)
	}
	first := len(r.in.cols())
	n.out = in.kept(r.out)
	out := pruned{index: slices.Clone(in.index), shape: slices.Clone(in.shape)}
	for i, c := range r.calls {
		if want[first+i] == nil && r.late == nil {
			out.index, out.shape = append(out.index, -1), append(out.shape, nil)
			continue
		}
		out.index, out.shape = append(out.index, len(n.out)), append(out.shape, &need{whole: true})
		c.Args, c.Filter = in.each(c.Args), in.col(c.Filter)
		n.calls, n.out = append(n.calls, c), append(n.out, r.out[first+i])
	}
	n.late = in.late(r.late)
	out.rel = &n
	return out
}

// pushPartitions moves below an OVER or a rank what reads its PARTITION BY only:
// such a predicate keeps or drops whole partitions.
func pushPartitions(f *filterRel, in rel, partition []int, late *lateRows, c *ruleContext) rel {
	if late != nil || len(partition) == 0 {
		return f
	}
	var down, stay []catalog.Expr
	for _, p := range conjuncts(f.pred) {
		movable := !canFail(p) && volatility(p) != catalog.Volatile && len(columnsOf(p)) > 0 && subset(columnsOf(p), partition) &&
			!slices.ContainsFunc(columnsOf(p), func(i int) bool { return !sameIfEqual(in.cols()[i].Type) })
		if movable {
			down = append(down, p)
		} else {
			stay = append(stay, p)
		}
	}
	if len(down) == 0 || anyCanFail(stay) {
		return f
	}
	out := in.over([]rel{pushFilter(&filterRel{in: in.inputs()[0], pred: conjunction(down), place: f.place}, c)})
	c.note(out, "push-filters")
	if len(stay) > 0 {
		return &filterRel{in: out, pred: conjunction(stay), place: f.place}
	}
	return out
}

// withoutUnreadCalls drops the calls that nobody reads; NULL stands for them.
func withoutUnreadCalls(r *overRel, read needs) rel {
	n := len(r.in.cols())
	if r.late != nil || !slices.Contains(read[n:], nil) {
		return r
	}
	exprs := make([]catalog.Expr, len(r.out))
	kept := *r
	kept.calls, kept.out = nil, slices.Clone(r.out[:n])
	for i := range r.out {
		switch {
		case i < n:
			exprs[i] = ref(r.out, i)
		case read[i] == nil:
			exprs[i] = nullLiteral(r.out[i].Type)
		default:
			exprs[i] = &catalog.ColumnRef{Index: len(kept.out), Name: r.out[i].Name, T: r.out[i].Type}
			kept.calls, kept.out = append(kept.calls, r.calls[i-n]), append(kept.out, r.out[i])
		}
	}
	p := &projectRel{in: &kept, exprs: exprs, out: r.out, place: r.place}
	if len(kept.calls) == 0 {
		p.in = r.in
	}
	return p
}
