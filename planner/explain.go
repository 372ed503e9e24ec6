package planner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
)

var windowNames = map[WindowKind]string{TumbleWindow: "TUMBLE", HopWindow: "HOP", CumulateWindow: "CUMULATE", SessionWindow: "SESSION", AttachedWindow: "window"}

// Name is the operator's name in EXPLAIN and progress: "Scan", "WindowAgg".
func (n *Node) Name() string { return strings.TrimPrefix(fmt.Sprintf("%T", n.Op), "*planner.") }

// detail is what EXPLAIN prints after an operator's name.
func detail(n *Node) string {
	var in []Column
	if len(n.Inputs) > 0 {
		in = n.Inputs[0].Columns()
	}
	names := func(cols []int) string { return columnNames(in, cols) }
	switch op := n.Op.(type) {
	case *Scan:
		return scanDetail(op)
	case *Guard:
		var reads []string
		for i, c := range op.Reads {
			if m := op.Members[i]; len(m) > 0 {
				reads = append(reads, m...)
			} else {
				reads = append(reads, in[c].Name)
			}
		}
		return fmt.Sprintf("%s: reads %s%s", op.Branch, strings.Join(reads, ", "), onError(op.OnError))
	case *Values:
		return fmt.Sprintf("%d row(s)", len(op.Rows))
	case *Filter:
		return showWith(op.Pred, edgeNames(n.Inputs[0])) + onError(op.OnError)
	case *Project:
		return projectDetail(op, n) + onError(op.OnError)
	case *WindowAssign:
		return windowDetail(op.Window, in)
	case *SessionAssign:
		text := windowDetail(op.Window, in)
		if len(op.Window.Partition) > 0 {
			text += " by " + names(op.Window.Partition)
		}
		return text
	case *WindowAgg:
		text := windowDetail(op.Window, in)
		if len(op.Keys) > 0 {
			text += " by " + names(op.Keys)
		}
		return text + callsDetail(op.Aggs) + phases(op.TwoPhase) + emits(op) + onError(op.OnError)
	case *GroupAgg:
		text := "by " + names(op.Keys)
		if len(op.Keys) == 0 {
			text = "all rows"
		}
		text += callsDetail(op.Aggs) + phases(op.TwoPhase)
		if op.Every > 0 {
			text += "; every " + spanText(op.Every.Microseconds())
		}
		return text + onError(op.OnError)
	case *SetOp:
		return op.String()
	case *Normalize:
		return "last row by " + names(op.Keys)
	case *StaticJoin:
		return staticDetail(op, in)
	case *LookupJoin:
		return lookupDetail(op, in)
	case *Expand:
		return op.setsText(func(c int) string { return in[c].Name })
	case *Unnest:
		return unnestDetail(op, in) + onError(op.OnError)
	case *Rank:
		return rankDetail(op, in)
	case *Over:
		return overDetail(op, in) + onError(op.OnError)
	case *Join:
		return joinDetail(op, n) + onError(op.OnError)
	case *IntervalJoin:
		return timeJoinDetail(n, &op.Pairing) + onError(op.OnError)
	case *WindowJoin:
		return timeJoinDetail(n, &op.Pairing) + onError(op.OnError)
	case *TemporalJoin:
		return timeJoinDetail(n, &op.Pairing) + onError(op.OnError)
	case *Sort:
		text := "by " + orderDetail(op.Keys, in) + limits(op.Limit, op.Offset)
		if op.ByTime {
			text += "; when the watermark has passed"
		}
		return text
	case *Limit:
		return strings.TrimPrefix(limits(op.Limit, op.Offset), " limit ")
	case *Exchange:
		if op.Kind == SingleExchange {
			return "to one shard"
		}
		return "by " + names(op.Keys)
	case *Sink:
		text := op.Name + " (" + op.Connector + ")"
		if len(op.PrimaryKey) > 0 {
			text += " key " + names(op.PrimaryKey)
		}
		return text + " " + guarantees[op.Guarantee] + onError(op.OnError)
	case *Result:
		if op.Final {
			return "once, at the end"
		}
		return "as it happens"
	}
	return ""
}

var guarantees = map[catalog.Guarantee]string{catalog.ExactlyOnce: "exactly once", catalog.AtLeastOnce: "at least once", catalog.NoGuarantee: "no guarantee"}

func onError(m ErrorMode) string {
	return map[ErrorMode]string{ErrorSkip: "; bad rows skipped", ErrorDeadLetter: "; bad rows to dead letters"}[m]
}

func phases(two bool) string {
	if two {
		return "; two phases"
	}
	return ""
}

// emits says when a windowed aggregation gives out its rows, if not at the close
// of the window alone.
func emits(op *WindowAgg) string {
	text := ""
	switch op.Emit {
	case EmitChanges:
		text = "; as they change"
	case EmitEvery:
		text = "; every " + spanText(op.Every.Microseconds())
	}
	if op.Lateness == forEver {
		return text + ", for ever"
	}
	if op.Lateness > 0 {
		text += "; late rows for " + spanText(op.Lateness)
	}
	return text
}

func limits(limit, offset int64) string {
	text := ""
	if limit >= 0 {
		text += fmt.Sprintf(" limit %d", limit)
	}
	if offset > 0 {
		text += fmt.Sprintf(" offset %d", offset)
	}
	return text
}

func scanDetail(op *Scan) string {
	var cols []string
	for _, c := range op.Columns {
		text := catalog.QuoteName(c.Name)
		if c.Type.Kind == catalog.KindRow {
			text += " " + c.Type.String()
		}
		if c.Metadata != "" {
			text += " METADATA"
		}
		cols = append(cols, text)
	}
	text := op.Source + " (" + op.Connector
	if op.Bounded {
		text += ", bounded"
	}
	text += ") " + strings.Join(cols, ", ")
	if w := op.Watermark; w != nil {
		var in []Column
		for _, c := range op.Columns {
			in = append(in, Column{Name: c.Name})
		}
		text += "; watermark " + showExpr(w.Expr, in)
		if w.IdleTimeout > 0 {
			text += ", idle after " + spanText(w.IdleTimeout.Microseconds())
		}
		if w.MaxSkew > 0 {
			text += ", at most " + spanText(w.MaxSkew.Microseconds()) + " ahead"
		}
		if w.MaxDrift > 0 {
			text += ", splits aligned within " + spanText(w.MaxDrift.Microseconds())
			if w.AlignGroup != "" {
				text += " of group " + catalog.QuoteName(w.AlignGroup)
			}
		}
	}
	return text + map[bool]string{true: "; all columns checked"}[op.ValidateAll]
}

func projectDetail(op *Project, n *Node) string {
	name := edgeNames(n.Inputs[0])
	var parts []string
	for i, e := range op.Exprs {
		text := showWith(e, name)
		if name := catalog.QuoteName(n.Cols[i].Name); name != text {
			text += " AS " + name
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func windowDetail(w Window, in []Column) string {
	if w.Proc {
		event := w
		event.Proc = false
		return "processing time, " + windowDetail(event, in)
	}
	if w.Kind == AttachedWindow {
		return "window " + in[w.Start].Name + ", " + in[w.End].Name
	}
	text := windowNames[w.Kind] + "(" + catalog.QuoteName(in[w.Time].Name)
	if w.Slide > 0 {
		text += ", every " + spanText(w.Slide)
	}
	text += ", " + spanText(w.Size)
	if w.Offset != 0 {
		text += ", offset " + spanText(w.Offset)
	}
	if w.Zone != nil && w.Zone != time.UTC {
		text += ", " + w.Zone.String()
	}
	return text + ")"
}

// orderDetail prints the terms of ORDER BY.
func orderDetail(keys []SortKey, in []Column) string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = catalog.QuoteName(in[k.Col].Name)
		if k.Desc {
			out[i] += " DESC"
		}
		if k.NullsFirst {
			out[i] += " NULLS FIRST"
		}
	}
	return strings.Join(out, ", ")
}

// joinDetail shows the kind and the condition, the columns of both sides marked
// where their names are the same.
func joinDetail(op *Join, n *Node) string {
	left, right := n.Inputs[0].Columns(), n.Inputs[1].Columns()
	var parts []string
	for i, l := range op.LeftKeys {
		sign := " = "
		if op.NullSafe[i] {
			sign = " IS NOT DISTINCT FROM "
		}
		parts = append(parts, catalog.QuoteName(left[l].Name)+sign+catalog.QuoteName(right[op.RightKeys[i]].Name))
	}
	text := op.Kind.String()
	if len(parts) > 0 {
		text += " by " + strings.Join(parts, ", ")
	} else {
		text += " of all pairs"
	}
	if op.Residual != nil {
		text += " where " + showWith(op.Residual, sideNames(left, right))
	}
	return text
}

// sideNames names the columns of two inputs, with their side where both have one
// of that name: "price", "left.ts", "right.ts".
func sideNames(left, right []Column) func(int) string {
	has := func(cols []Column, name string) bool {
		return slices.ContainsFunc(cols, func(c Column) bool { return c.Name == name })
	}
	return func(i int) string {
		col, other, side := Column{}, right, "left."
		if i < len(left) {
			col = left[i]
		} else {
			col, other, side = right[i-len(left)], left, "right."
		}
		if !has(other, col.Name) {
			side = ""
		}
		return side + catalog.QuoteName(col.Name)
	}
}

// edgeNames names the columns of an input: those of a join, and of what hands its
// rows on, with their side where that is needed.
func edgeNames(e Edge) func(int) string {
	n, cols := e.From, e.Columns()
	plain := func(i int) string { return catalog.QuoteName(cols[i].Name) }
	if e.Port != MainPort {
		return plain
	}
	var emit []int
	var right []Column
	switch op := n.Op.(type) {
	case *Filter, *Exchange, *Limit, *Sort, *WindowAssign, *Rank, *Over:
		below, width := edgeNames(n.Inputs[0]), len(n.Inputs[0].Columns())
		return func(i int) string {
			if i < width {
				return below(i)
			}
			return plain(i)
		}
	case *Join:
		emit, right = op.Emit, n.Inputs[1].Columns()
	case *IntervalJoin:
		emit, right = op.Emit, n.Inputs[1].Columns()
	case *WindowJoin:
		emit, right = op.Emit, n.Inputs[1].Columns()
	case *TemporalJoin:
		emit, right = op.Emit, n.Inputs[1].Columns()
	case *StaticJoin:
		emit, right = op.Emit, op.TableCols
	}
	if emit == nil {
		return plain
	}
	both := sideNames(n.Inputs[0].Columns(), right)
	return func(i int) string { return both(emit[i]) }
}

func callsDetail(calls []AggCall) string {
	if len(calls) == 0 {
		return ""
	}
	names := make([]string, len(calls))
	for i, c := range calls {
		names[i] = c.Name
	}
	return ": " + strings.Join(names, ", ")
}

// Explain prints the plan as a tree, sinks first, each operator with what it
// does. With verbose each has a second line with its properties: changelog,
// keys, time, distribution, rules, and its columns.
func (p *Plan) Explain(verbose bool) string { return p.ExplainWith(verbose, nil) }

// ExplainWith is Explain with a further line for each operator, where note gives
// one.
func (p *Plan) ExplainWith(verbose bool, note func(*Node) string) string {
	e := explainer{verbose: verbose, note: note, seen: map[*Node]bool{}}
	consumers := map[*Node]int{}
	for _, n := range p.Nodes {
		for _, in := range n.Inputs {
			consumers[in.From]++
		}
	}
	e.shared = func(n *Node) bool {
		_, top := n.Op.(*Sink)
		return consumers[n] > 1 || top && consumers[n] > 0
	}
	for _, n := range p.Nodes {
		switch n.Op.(type) {
		case *Sink, *Result:
			if !e.seen[n] {
				e.node(n, MainPort, 0)
			}
		}
	}
	if p.Merge {
		e.b.WriteString("all splits are read in one fixed order\n")
	}
	return e.b.String()
}

type explainer struct {
	b       strings.Builder
	verbose bool
	note    func(*Node) string
	shared  func(*Node) bool
	seen    map[*Node]bool
}

func (e *explainer) node(n *Node, port Port, depth int) {
	indent := strings.Repeat("  ", depth)
	label := ""
	if e.shared(n) {
		label = fmt.Sprintf(" #%d", n.ID)
	}
	switch port {
	case LatePort:
		label += " (late rows)"
	case ErrorPort:
		label += " (dead letters)"
	}
	if e.seen[n] {
		fmt.Fprintf(&e.b, "%s%s%s: as above\n", indent, n.Name(), label)
		return
	}
	e.seen[n] = true
	fmt.Fprintf(&e.b, "%s%s%s", indent, n.Name(), label)
	if n.Detail != "" {
		e.b.WriteString(" " + n.Detail)
	}
	e.b.WriteByte('\n')
	if line := e.summary(n); line != "" {
		fmt.Fprintf(&e.b, "%s    %s\n", indent, line)
	}
	if e.note != nil {
		if line := e.note(n); line != "" {
			fmt.Fprintf(&e.b, "%s    %s\n", indent, line)
		}
	}
	for _, in := range n.Inputs {
		e.node(in.From, in.Port, depth+1)
	}
	if op, ok := n.Op.(*StaticJoin); ok {
		fmt.Fprintf(&e.b, "%s  static table\n", indent)
		e.node(op.result(), MainPort, depth+2)
	}
}

// summary is the line of properties. Without verbose it has what a user can act
// on: updates, and state.
func (e *explainer) summary(n *Node) string {
	p := n.Props
	names := func(cols []int) string {
		out := make([]string, 0, len(cols))
		for _, c := range cols {
			if c < len(n.Cols) {
				out = append(out, n.Cols[c].Name)
			}
		}
		return joinNames(out)
	}
	var parts []string
	if !p.Kinds.AppendOnly() || e.verbose {
		parts = append(parts, "changelog "+p.Kinds.String())
	}
	if e.verbose {
		if p.UpsertKey != nil {
			parts = append(parts, "key ("+names(p.UpsertKey)+")")
		}
		if len(p.Time) > 0 {
			parts = append(parts, "time "+names(p.Time))
		}
		if p.NeedsW {
			parts = append(parts, "watermark of each row")
		}
		switch {
		case p.Single:
			parts = append(parts, "on one shard")
		case p.Hash != nil:
			parts = append(parts, "spread by "+names(p.Hash))
		}
		if p.OrderSensitive {
			parts = append(parts, "order-sensitive")
		}
	}
	if p.Bound != "" {
		parts = append(parts, "state: "+p.Bound)
	}
	if e.verbose && len(n.Rules) > 0 {
		parts = append(parts, "rules: "+strings.Join(n.Rules, ", "))
	}
	if e.verbose && n.StateID != 0 {
		parts = append(parts, fmt.Sprintf("id %016x", n.StateID))
	}
	return strings.Join(parts, "; ")
}

// String lists the signs of the kinds: "+I -U +U".
func (s KindSet) String() string {
	var signs []string
	for _, k := range []catalog.RowKind{catalog.Insert, catalog.UpdateBefore, catalog.UpdateAfter, catalog.Delete} {
		if s.Has(k) {
			signs = append(signs, k.String())
		}
	}
	return strings.Join(signs, " ")
}
