package planner

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// identify names the operators that keep state by what they compute: StateID is
// a hash of the canonical text of the operator and all below it. The text does
// not know of physical choices: exchanges, two phases, pruned columns, the
// order of columns and conjuncts, merged or split projections. It knows of
// every predicate below the operator, wherever it was written: a predicate that
// moved below an operator decides what its state holds.
func (b *builder) identify() {
	c := canon{memo: map[*Node]described{}}
	used := map[uint64]int{}
	for _, n := range b.plan.Nodes {
		if !keepsState(n.Op) {
			continue
		}
		n.Canonical = c.describe(n).text
		// Two operators that compute the same (with volatile functions below, say)
		// keep their states apart.
		id := hashText(n.Canonical)
		for used[id]++; used[id] > 1; used[id]++ {
			n.Canonical += fmt.Sprintf(" #%d", used[id])
			id = hashText(n.Canonical)
		}
		n.StateID = id
	}
}

// hashText is FNV-1a, 64 bits; never 0.
func hashText(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return max(1, h.Sum64())
}

func keepsState(op Op) bool {
	switch op.(type) {
	case *Scan, *Values, Stateful:
		return true
	}
	return false
}

// described is the canonical form of a node: its text, and that of each of its
// columns in terms of the operator that made it. Stateless operators above the
// last stateful one are folded into filters and the texts of columns.
type described struct {
	text string
	// base is the text without filters, filters are the conjuncts above it.
	base    string
	filters []string
	cols    []string
}

type canon struct{ memo map[*Node]described }

func (c *canon) describe(n *Node) described {
	if d, ok := c.memo[n]; ok {
		return d
	}
	d := c.node(n)
	d.text = d.base
	if len(d.filters) > 0 {
		sorted := slices.Clone(d.filters)
		slices.Sort(sorted)
		d.text += " where " + strings.Join(slices.Compact(sorted), " and ")
	}
	c.memo[n] = d
	return d
}

func (c *canon) node(n *Node) described {
	var ins []described
	for _, e := range n.Inputs {
		d := c.describe(e.From)
		if e.Port != MainPort {
			text := fmt.Sprintf("port %d of (%s)", e.Port, d.text)
			d = described{base: text, text: text, cols: numbered(len(e.Columns()))}
		}
		ins = append(ins, d)
	}
	switch op := n.Op.(type) {
	case *Scan:
		return scanText(op)
	case *Guard:
		d := ins[0]
		d.base += fmt.Sprintf(" for %s", op.Branch)
		return d
	case *Values:
		var rows []string
		for _, r := range op.Rows {
			rows = append(rows, exprsText(r, nil))
		}
		return described{base: "values " + strings.Join(rows, "; "), cols: numbered(len(n.Cols))}
	case *Filter:
		d := ins[0]
		d.filters = slices.Clone(d.filters)
		for _, p := range conjuncts(op.Pred) {
			d.filters = append(d.filters, exprText(p, d.col))
		}
		return d
	case *Project:
		d := ins[0]
		cols := make([]string, len(op.Exprs))
		for i, e := range op.Exprs {
			cols[i] = exprText(e, d.col)
		}
		d.cols = cols
		return d
	case *Exchange:
		return ins[0]
	case *WindowAssign:
		d := ins[0]
		id := windowText(op.Window, d)
		d.cols = append(slices.Clone(d.cols), "start("+id+")", "end("+id+")", "time("+id+")")
		return d
	case *Expand:
		return expandText(op, ins[0])
	case *Unnest:
		return unnestText(op, ins[0])
	case *StaticJoin:
		return c.staticText(op, ins[0])
	case *LookupJoin:
		return lookupText(op, ins[0])
	case *Union:
		var parts []string
		for _, in := range ins {
			parts = append(parts, "("+in.text+" select "+strings.Join(in.cols, ", ")+")")
		}
		return described{base: "union " + strings.Join(parts, " "), cols: numbered(len(n.Cols))}
	}
	return c.stateful(n, ins)
}

// stateful describes an operator with state: a new base.
func (c *canon) stateful(n *Node, ins []described) described {
	in := described{}
	if len(ins) > 0 {
		in = ins[0]
	}
	switch op := n.Op.(type) {
	case *WindowAgg:
		base := fmt.Sprintf("window %s watermark %s group %s over (%s)", windowText(op.Window, in), watermarksText(n), in.pick(op.Keys), in.text)
		if op.Updates() {
			base += fmt.Sprintf(" emit %d lateness %d", op.Emit, op.Lateness)
		}
		return aggregateText(base, op.Keys, op.Aggs, in, []string{"window_start", "window_end", "window_time"})
	case *SessionAssign:
		base := fmt.Sprintf("sessions %s watermark %s over (%s select %s)", windowText(op.Window, in), watermarksText(n), in.text, strings.Join(in.cols, ", "))
		return described{base: base, cols: append(slices.Clone(in.cols), "window_start", "window_end", "window_time")}
	case *GroupAgg:
		base := fmt.Sprintf("group %s over (%s)", in.pick(op.Keys), in.text)
		base += op.Life.text(n)
		if op.Every > 0 {
			base += " every" // changes are held
		}
		return aggregateText(base, op.Keys, op.Aggs, in, nil)
	case *SetOp:
		return setText(n, op, ins)
	case *Normalize:
		return normalizeText(n, op, in)
	case *Over:
		return overText(n, op, in)
	case *Rank:
		return rankText(n, op, in)
	case *Join:
		return joinText(op, n, ins)
	case *IntervalJoin:
		return timeJoinText(n, &op.Pairing, ins)
	case *WindowJoin:
		return timeJoinText(n, &op.Pairing, ins)
	case *TemporalJoin:
		return timeJoinText(n, &op.Pairing, ins)
	case *Sort:
		if op.ByTime {
			return described{base: fmt.Sprintf("sort %s watermark %s of (%s select %s)", in.order(op.Keys), watermarksText(n), in.text, strings.Join(in.cols, ", ")), cols: in.cols}
		}
		return described{base: fmt.Sprintf("sort %s limit %d offset %d of (%s select %s)", in.order(op.Keys), op.Limit, op.Offset, in.text, strings.Join(in.cols, ", ")), cols: in.cols}
	case *Limit:
		return described{base: fmt.Sprintf("limit %d offset %d of (%s)", op.Limit, op.Offset, in.text), cols: in.cols}
	}
	return described{base: in.text, cols: in.cols}
}

// aggregateText adds the aggregates to the base. They stand in the text sorted:
// the state of each is found by its own text.
func aggregateText(base string, keys []int, calls []AggCall, in described, window []string) described {
	var texts []string
	var cols []string
	for _, k := range keys {
		cols = append(cols, "key("+in.cols[k]+")")
	}
	for _, a := range calls {
		text := a.Fn.Name + "("
		if a.Distinct {
			text += "distinct "
		}
		text += in.pick(a.Args) + a.Constants
		for _, k := range a.Order {
			text += " order " + in.cols[k.Col] + sortText(k)
		}
		if a.Arrival {
			text += " arrival"
		}
		text += ")"
		if a.IgnoreNulls {
			text += " ignore nulls"
		}
		if a.Filter >= 0 {
			text += " filter " + in.cols[a.Filter]
		}
		texts, cols = append(texts, text), append(cols, text)
	}
	base += " compute " + strings.Join(texts, ", ")
	return described{base: base, cols: append(cols, window...)}
}

// joinText describes a regular join. The state holds the columns of both sides as
// they come, so they are in the text, in their order.
func joinText(op *Join, n *Node, ins []described) described {
	left, right := ins[0], ins[1]
	both := described{cols: append(slices.Clip(left.cols), right.cols...)}
	for i := range both.cols {
		side := "left "
		if i >= len(left.cols) {
			side = "right "
		}
		both.cols[i] = side + both.cols[i]
	}
	keys := make([]string, len(op.LeftKeys))
	for i := range keys {
		sign := " = "
		if op.NullSafe[i] {
			sign = " is "
		}
		keys[i] = left.cols[op.LeftKeys[i]] + sign + right.cols[op.RightKeys[i]]
	}
	text := fmt.Sprintf("%s join (%s select %s) with (%s select %s) on %s", strings.ToLower(op.Kind.String()),
		left.text, strings.Join(left.cols, ", "), right.text, strings.Join(right.cols, ", "), strings.Join(keys, ", "))
	if op.Residual != nil {
		text += " and " + exprText(op.Residual, both.col)
	}
	if op.Forgets() {
		text += fmt.Sprintf(" keep %d, %d", op.LeftTTL.Microseconds(), op.RightTTL.Microseconds())
		if op.EventTime {
			text += " watermark " + watermarksText(n)
		}
	}
	for side, e := range op.Expiry {
		if e != nil {
			text += fmt.Sprintf(" let go %s after %d watermark %s", both.cols[e.Col+side*len(left.cols)], e.Keep, watermarksText(n))
		}
	}
	return described{base: text, cols: both.pickAll(op.Emit)}
}

func (d described) pickAll(cols []int) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = d.cols[c]
	}
	return out
}

func (d described) col(c *catalog.ColumnRef) string { return d.cols[c.Index] }

func (d described) pick(cols []int) string {
	return strings.Join(d.pickAll(cols), ", ")
}

// order prints the terms of ORDER BY.
func (d described) order(keys []SortKey) string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = fmt.Sprintf("%s desc=%v nullsfirst=%v", d.cols[k.Col], k.Desc, k.NullsFirst)
	}
	return strings.Join(out, ", ")
}

// scanText names a source. Options stand apart: a broker's address may change
// while the data stays. So does the watermark, which belongs to the operators
// that judge by it: another INSERT that needs it must not rename this one's.
func scanText(op *Scan) described {
	d := described{base: "scan " + op.Source + " connector " + op.Connector}
	if r := op.Replay; r != nil {
		d.base += " from letters of " + r.Source + " for " + r.Branch + " in " + r.Letters.Source
		if r.Where != nil {
			d.base += " where " + exprText(r.Where, scanText(&r.Letters).col)
		}
	}
	for _, c := range op.Columns {
		d.cols = append(d.cols, catalog.QuoteName(c.Name))
	}
	return d
}

// watermarksText lists the watermarks of the sources below a node.
func watermarksText(n *Node) string {
	texts := map[string]bool{}
	var walk func(*Node)
	walk = func(n *Node) {
		if op, ok := n.Op.(*Scan); ok && op.Watermark != nil {
			texts[exprText(op.Watermark.Expr, scanText(op).col)+" of "+op.Source] = true
		}
		for _, in := range n.Inputs {
			walk(in.From)
		}
	}
	walk(n)
	return strings.Join(slices.Sorted(maps.Keys(texts)), ", ")
}

func windowText(w Window, in described) string {
	if w.Proc {
		event := w
		event.Proc = false
		return "processing time " + windowText(event, in)
	}
	if w.Kind == AttachedWindow {
		return fmt.Sprintf("attached %s, %s", in.cols[w.Start], in.cols[w.End])
	}
	text := fmt.Sprintf("%s(%s, size %d", windowNames[w.Kind], in.cols[w.Time], w.Size)
	if w.Slide != 0 {
		text += fmt.Sprintf(", slide %d", w.Slide)
	}
	if w.Offset != 0 {
		text += fmt.Sprintf(", offset %d", w.Offset)
	}
	if w.Zone != nil {
		text += ", zone " + w.Zone.String()
	}
	if len(w.Partition) > 0 {
		text += ", by " + in.pick(w.Partition)
	}
	return text + ")"
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("c%d", i)
	}
	return out
}

func exprsText(exprs []catalog.Expr, cols []Column) string {
	texts := make([]string, len(exprs))
	for i, e := range exprs {
		texts[i] = showExpr(e, cols)
	}
	return strings.Join(texts, ", ")
}
