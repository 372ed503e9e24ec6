package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// warnings tells of plans that work but will hurt.
func (b *builder) warnings() {
	inside := map[place][]*Node{}
	for _, n := range b.plan.Nodes {
		if where, ok := b.subqueryAround(n); ok {
			inside[where] = append(inside[where], n)
		}
	}
	for _, n := range b.plan.Nodes {
		if where, ok := b.subqueryAround(n); ok {
			if inside[where][0] == n {
				b.subqueryWarning(where, inside[where])
			}
			continue
		}
		if n.Props.Unbounded {
			b.env.warn(hint(b.unbounded(n), "%s", b.forgetting(n)))
		}
		if w := b.oneShard(n); w != nil {
			b.env.warn(w)
		}
	}
	waits := b.waiting()
	for _, n := range b.plan.Nodes {
		op, ok := n.Op.(*Scan)
		if !ok || op.Watermark == nil || op.Bounded || op.Watermark.IdleTimeout > 0 || !waits[n.ID] && op.Watermark.MaxDrift == 0 {
			continue
		}
		if op.Watermark.MaxDrift > 0 {
			b.env.warn(hint(b.places[n].errorf("a silent split of `%s` holds its watermark back, and the reading of the splits that are ahead", op.Source),
				"WATERMARK ... IDLE TIMEOUT INTERVAL '1' MINUTE"))
			continue
		}
		b.env.warn(hint(b.places[n].errorf("a silent split of `%s` holds its watermark back, and all that waits for it", op.Source),
			"WATERMARK ... IDLE TIMEOUT INTERVAL '1' MINUTE"))
	}
}

// waiting says of each node whether an operator above waits for its watermark.
func (b *builder) waiting() []bool {
	waits := make([]bool, len(b.plan.Nodes))
	for _, n := range slices.Backward(b.plan.Nodes) {
		for _, in := range n.Inputs {
			if in.Port == MainPort && (waits[n.ID] || !showsW(n.Op) && wantsW(n, false)) {
				waits[in.From.ID] = true
			}
		}
	}
	return waits
}

// isJob says whether the plan writes to sinks; else it is a SELECT.
func (b *builder) isJob() bool {
	return slices.ContainsFunc(b.plan.Nodes, func(n *Node) bool { _, ok := n.Op.(*Sink); return ok })
}

// unbounded says what grows.
func (b *builder) unbounded(n *Node) *parser.Error {
	where := b.places[n]
	if op, ok := n.Op.(*TemporalJoin); ok && !op.Ahead {
		keys := "row"
		if len(op.Keys[1]) > 0 {
			keys = columnNames(n.Inputs[1].From.Cols, op.Keys[1])
		}
		return where.errorf("this keeps the last version of each %s, for ever: its state grows with each new one", keys)
	}
	return where.errorf("this keeps %s: its state grows without bound", n.Props.Bound)
}

// forgetting advises how the state of a node could be bounded.
func (b *builder) forgetting(n *Node) string {
	switch op := n.Op.(type) {
	case *Join, *Over:
		if advice := b.advice[b.places[n]]; advice != "" {
			return advice
		}
		if _, ok := op.(*Join); ok {
			return "SET 'state.ttl' forgets keys that have been quiet for a time"
		}
		if n.Op.(*Over).Limit > 0 {
			return "SET 'state.ttl' forgets keys that have been quiet for a time; PARTITION BY window_start, window_end as well keeps rows until their window closes"
		}
		return "a frame RANGE BETWEEN INTERVAL ... PRECEDING keeps a span of time only; PARTITION BY window_start, window_end keeps rows until their window closes"
	case *TemporalJoin:
		if op.Ahead {
			return "fine where each key has a next row sooner or later; a condition c.ts BETWEEN o.ts AND o.ts + INTERVAL ... makes an interval join, which waits no longer than that"
		}
		return "fine where there are few; a bounded table without WATERMARK is read as a static one, which keeps nothing"
	case *Rank:
		return "PARTITION BY window_start, window_end as well keeps rows until their window closes"
	case *Normalize:
		return "fine where the keys are bounded; SET 'state.ttl' forgets those that have been quiet for a time"
	case *SetOp:
		return "IN and NOT IN are joins, which a bound on time or SET 'state.ttl' lets forget"
	case *WindowAgg:
		return "EMIT CHANGES shows windows as they change, too, and lets them go when they close"
	case *GroupAgg:
		if advice := b.advice[b.places[n]]; advice != "" {
			return advice
		}
		if len(op.Keys) == 0 {
			if slices.ContainsFunc(op.Aggs, func(c AggCall) bool { return c.Distinct && c.Fn.Name == "COUNT" }) {
				return "GROUP BY a window, or APPROX_COUNT_DISTINCT, whose size is fixed"
			}
			return "GROUP BY a window"
		}
	}
	return "GROUP BY a window, or by fewer keys; SET 'state.ttl' forgets groups that have been quiet for a time"
}

// subqueryAround gives the outermost subquery that an operator belongs to and that
// reads the query around it.
func (b *builder) subqueryAround(n *Node) (around place, ok bool) {
	at := b.places[n]
	for _, s := range b.env.subqueries.correlated {
		if s.src == at.src && s.span.Start <= at.span.Start && at.span.End <= s.span.End && (!ok || s.span.Start < around.span.Start) {
			around, ok = s, true
		}
	}
	return around, ok
}

// subqueryWarning is the one warning of a subquery that reads the query around it: it
// takes several operators, which nobody has written, and what is amiss with them has
// one cause.
func (b *builder) subqueryWarning(where place, nodes []*Node) {
	var keeps, troubles, advice []string
	add := func(to *[]string, text string) {
		if !slices.Contains(*to, text) {
			*to = append(*to, text)
		}
	}
	forgetting, own := "", false
	for _, n := range nodes {
		if n.Props.Unbounded {
			add(&keeps, strings.TrimSuffix(n.Props.Bound, ", for ever"))
			forgetting = b.forgetting(n) // of the last one, which joins it to the query around
			if a := b.advice[b.places[n]]; a != "" {
				add(&advice, a)
				own = true
			}
		}
		if w := b.oneShard(n); w != nil {
			add(&troubles, w.Msg)
			add(&advice, w.Hint)
		}
	}
	text := "this subquery reads the query around it"
	if len(keeps) > 0 {
		text += ", and keeps " + strings.Join(keeps, " and ") + ", for ever: its state grows without bound"
		if !own {
			add(&advice, forgetting)
		}
	}
	if len(advice) > 0 {
		b.env.warn(hint(where.errorf("%s", strings.Join(append([]string{text}, troubles...), "; ")), "%s", strings.Join(advice, "; ")))
	}
}

// oneShard tells of an operator whose rows all have one key, so that one shard
// does all its work; nil: it has not. What is added up before the exchange is no such
// work.
func (b *builder) oneShard(n *Node) *parser.Error {
	op, ok := n.Op.(Stateful)
	if !ok || twoPhase(op) || n.Props.Bounded && !b.isJob() {
		return nil
	}
	where := b.places[n]
	keys := op.StateKeys(0)
	if len(keys) == 0 {
		if len(n.Inputs) == 2 && !b.oneRow(n.Inputs[0].From) && !b.oneRow(n.Inputs[1].From) {
			return hint(where.errorf("nothing of one side must equal something of the other: one shard compares all rows with all"),
				"an equality in the condition (a.x = b.y) spreads the rows over the shards")
		}
		return nil
	}
	fixed := fixedValues(n.Inputs[0].From)
	cols := n.Inputs[0].From.Cols
	var of []string
	for _, k := range keys {
		l, ok := fixed[k]
		if !ok {
			return nil
		}
		of = append(of, "`"+cols[k].Name+"` is always "+literalText(l))
	}
	return hint(where.errorf("all rows have one key (%s): one shard does all the work", strings.Join(of, ", ")),
		"a further key spreads the rows; where there are few of them it does no harm")
}

// oneRow says whether a node has one row at most.
func (b *builder) oneRow(n *Node) bool {
	return slices.ContainsFunc(b.keys[n], func(k []int) bool { return len(k) == 0 })
}

// twoPhase says whether most of an operator's work is done before its exchange.
func twoPhase(op Op) bool {
	switch op := op.(type) {
	case *WindowAgg:
		return op.TwoPhase
	case *GroupAgg:
		return op.TwoPhase
	}
	return false
}

// fixedValues are the columns of a node that have one value in all its rows: a
// constant, or what a filter below compares them with.
func fixedValues(n *Node) map[int]*catalog.Literal {
	out := map[int]*catalog.Literal{}
	for i, c := range n.Cols {
		if l := fixedValue(n, &catalog.ColumnRef{Index: i, Name: c.Name, T: c.Type}); l != nil {
			out[i] = l
		}
	}
	return out
}

// fixedValue is the value that an expression over a node's columns has in all its
// rows; nil if there are several, or it is not known.
func fixedValue(n *Node, e catalog.Expr) *catalog.Literal {
	if l, ok := e.(*catalog.Literal); ok {
		return l
	}
	col, path, ok := pathOf(e)
	if !ok || len(n.Inputs) == 0 || n.Inputs[0].Port != MainPort {
		return nil
	}
	in := n.Inputs[0].From
	below := func(c int) *catalog.Literal {
		return fixedValue(in, &catalog.ColumnRef{Index: c, Name: in.Cols[c].Name, T: in.Cols[c].Type})
	}
	switch op := n.Op.(type) {
	case *Filter:
		if l := equalities(op.Pred)[exprKey(e)]; l != nil {
			return l
		}
		return fixedValue(in, e)
	case *Guard, *Exchange, *Sort, *Limit:
		return fixedValue(in, e)
	case *WindowAssign, *SessionAssign, *Over, *Rank:
		if col < len(in.Cols) {
			return fixedValue(in, e)
		}
	case *Project:
		if len(path) == 0 {
			return fixedValue(in, op.Exprs[col])
		}
	case *GroupAgg:
		if len(path) == 0 && col < len(op.Keys) {
			return below(op.Keys[col])
		}
	case *WindowAgg:
		if len(path) == 0 && col < len(op.Keys) {
			return below(op.Keys[col])
		}
	}
	return nil
}

// columnNames lists columns in a message.
func columnNames(cols []Column, of []int) string {
	names := make([]string, len(of))
	for i, c := range of {
		names[i] = cols[c].Name
	}
	return joinNames(names)
}
