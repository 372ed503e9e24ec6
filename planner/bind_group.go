package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// aggregates collects the aggregate calls of a SELECT block. Expressions of an
// aggregating block are bound over the FROM columns, with a reference at
// aggregateBase + i in place of aggregate i; over then turns group keys and
// aggregates into references to the GROUP BY's output.
type aggregates struct {
	block *block
	calls []aggregateCall
	index map[string]int // by aggregateCall.key
	keys  []catalog.Expr // the GROUP BY expressions over the FROM columns
	texts []string       // exprKey of keys
	// group is the window of GROUP BY TUMBLE(ts, ...), nil if there is none.
	group *groupWindow
	// sets are the grouping sets as indexes of keys; nil: all keys are one.
	// groupings are the keys of the calls of GROUPING, gid the column of the
	// aggregateRel with the number of the set.
	sets      [][]int
	numbers   []int64 // that stand for the sets
	groupings [][]int
	gid       int
	// outputs maps keys, then aggregates, to the output of the aggregateRel.
	outputs []int
	agg     *aggregateRel
}

const aggregateBase = 1 << 24

// isAggregated says whether the block groups: by GROUP BY, HAVING, or an
// aggregate among its items.
func (bl *block) isAggregated() bool {
	if len(bl.sel.GroupBy) > 0 || bl.sel.Having != nil {
		return true
	}
	for _, it := range bl.items {
		if it.expr != nil && bl.hasAggregate(it.expr) {
			return true
		}
	}
	for _, w := range bl.sel.Windows {
		if slices.ContainsFunc(windowTerms(w.Spec), bl.hasAggregate) {
			return true
		}
	}
	return bl.sel.Qualify != nil && bl.hasAggregate(bl.sel.Qualify)
}

// hasAggregate looks for an aggregate call, without going into subqueries.
func (b *binder) hasAggregate(e parser.Expr) bool {
	found := false
	inspectExpr(e, func(n parser.Expr) {
		if c, ok := n.(*parser.Call); ok && c.Over == nil && len(c.Name.Parts) == 1 {
			if fn, known := b.env.functions.Lookup(c.Name.Parts[0].Text); known && fn.Kind == catalog.AggregateFunction {
				found = true
			}
		}
	})
	return found
}

// attach makes x collect aggregates.
func (a *aggregates) attach(x *exprBinder) {
	x.aggs = a
	x.spans = map[*catalog.ColumnRef]parser.Span{}
}

// bindAggregate binds GROUP BY, the items and HAVING, and builds the projection
// of keys and arguments, the aggregateRel, and the filter of HAVING.
func (bl *block) bindAggregate() error {
	a := &aggregates{block: bl, index: map[string]int{}}
	bl.aggs = a
	if err := bl.bindKeys(a); err != nil {
		return err
	}
	bound := make([]catalog.Expr, len(bl.items))
	binders := make([]*exprBinder, len(bl.items))
	for i, it := range bl.items {
		x := &exprBinder{binder: bl.binder, scope: bl.scope, clause: "SELECT", overs: bl.overs}
		a.attach(x)
		e, err := bl.bindItem(x, it)
		if err != nil {
			return err
		}
		bound[i], binders[i] = e, x
	}
	var having catalog.Expr
	hx := &exprBinder{binder: bl.binder, scope: bl.scope, clause: "HAVING", aliases: bl.alias}
	if bl.sel.Having != nil {
		a.attach(hx)
		var err error
		if having, err = hx.condition(bl.sel.Having); err != nil {
			return err
		}
	}
	if err := bl.bindOrder(); err != nil {
		return err
	}
	if err := bl.bindQualify(); err != nil {
		return err
	}
	if err := a.build(); err != nil {
		return err
	}
	bl.agg, bl.top = a.agg, a.agg
	if having != nil {
		pred, err := a.over(having, hx)
		if err != nil {
			return err
		}
		if bl.top, err = bl.filterBy(a.agg, bl.havingParts(pred), bl.at(bl.sel.Having)); err != nil {
			return err
		}
	}
	for i := range bound {
		e, err := a.over(bound[i], binders[i])
		if err != nil {
			return err
		}
		bl.exprs = append(bl.exprs, e)
	}
	var err error
	if bl.top, bl.exprs, err = bl.expandAll(bl.top, bl.exprs); err != nil {
		return err
	}
	return bl.bindOver()
}

// havingParts gives HAVING as one predicate, or, if it has subqueries, part by part.
func (bl *block) havingParts(pred catalog.Expr) []catalog.Expr {
	if !bl.env.hasSubquery(pred) {
		return []catalog.Expr{pred}
	}
	return conjuncts(pred)
}

// bindKey binds one GROUP BY expression; nil for a group window, which adds its
// keys itself.
func (bl *block) bindKey(a *aggregates, e parser.Expr) (catalog.Expr, error) {
	x := &exprBinder{binder: bl.binder, scope: bl.scope, clause: "GROUP BY", aliases: bl.alias}
	switch n := e.(type) {
	case *parser.NumberLit:
		i, _, err := bl.ordinal(n, len(bl.items))
		if err != nil {
			return nil, err
		}
		return bl.bindItem(x, bl.items[i])
	case *parser.Call:
		if len(n.Name.Parts) == 1 {
			if kind, ok := windowFunctions[strings.ToUpper(n.Name.Parts[0].Text)]; ok {
				return nil, bl.groupWindow(a, n, kind)
			}
		}
	}
	return x.bind(e)
}

// build makes the projection of keys and arguments and the aggregateRel over it.
func (a *aggregates) build() error {
	bl := a.block
	where := bl.at(bl.sel)
	if len(bl.sel.GroupBy) > 0 {
		first, last := bl.sel.GroupBy[0], bl.sel.GroupBy[len(bl.sel.GroupBy)-1]
		where.span = parser.Span{Start: first.Start, End: last.End}
	}
	var exprs []catalog.Expr
	var names []string
	position := map[string]int{}
	add := func(e catalog.Expr, name string) int {
		key := exprKey(e)
		if i, ok := position[key]; ok {
			return i
		}
		position[key] = len(exprs)
		exprs, names = append(exprs, e), append(names, name)
		return len(exprs) - 1
	}
	in := bl.in
	var keys []int
	for i, k := range a.keys {
		name := keyName(k, in.cols(), i)
		if a.sets != nil && !a.everywhere(i) {
			// Apart from the aggregates' arguments, which keep their values.
			exprs, names = append(exprs, k), append(names, name)
			keys = append(keys, len(exprs)-1)
			continue
		}
		keys = append(keys, add(k, name))
	}
	calls := make([]AggCall, len(a.calls))
	for i, c := range a.calls {
		calls[i] = c.aggCall(in, add, i)
	}
	in, exprs, err := bl.expandAll(in, exprs)
	if err != nil {
		return err
	}
	below := rel(project(in, exprs, names, where))
	if a.sets == nil {
		a.agg, a.outputs = newAggregate(below, keys, calls, where)
		a.agg.ttl = bl.ttl
		return nil
	}
	a.number()
	below, keys = a.expanded(below, keys, where)
	a.agg, a.outputs = newAggregate(below, keys, calls, where)
	a.agg.ttl = bl.ttl
	n := len(a.keys)
	a.gid = a.outputs[n]
	a.outputs = slices.Delete(a.outputs, n, n+1)
	for i, set := range a.sets {
		if a.agg.window == nil && len(set) == 0 {
			a.agg.totals = append(a.agg.totals, a.numbers[i])
		}
	}
	return nil
}

func keyName(e catalog.Expr, cols []column, i int) string {
	switch e := e.(type) {
	case *catalog.ColumnRef:
		return cols[e.Index].Name
	case *catalog.Member:
		if fields := e.Of.Type().Fields; e.Index < len(fields) {
			return fields[e.Index].Name
		}
	}
	text := showExpr(e, plain(cols))
	if len(text) > 40 {
		return "expr$" + itoa(i)
	}
	return text
}

// newAggregate makes an aggregateRel over an input whose columns keys and calls
// refer to. If the keys hold both bounds of a window it is a windowed one, with
// the bounds in a place of their own. outputs says where the keys, then the
// aggregates, are among its columns.
func newAggregate(in rel, keys []int, calls []AggCall, where place) (agg *aggregateRel, outputs []int) {
	cols := in.cols()
	agg = &aggregateRel{in: in, aggs: calls, place: where}
	start, end := windowKeys(cols, keys)
	windowed := start >= 0
	for _, k := range keys {
		if windowed && cols[k].windowID == cols[start].windowID && cols[k].window != noWindow {
			outputs = append(outputs, -int(cols[k].window))
			continue
		}
		c := cols[k]
		if c.time == eventTime {
			c.lost = "the GROUP BY at " + where.line()
		}
		c.time, c.timeMember, c.window, c.windowID = noTime, nil, noWindow, 0
		outputs = append(outputs, len(agg.keys))
		agg.keys = append(agg.keys, k)
		agg.out = append(agg.out, c)
	}
	for _, c := range calls {
		outputs = append(outputs, len(agg.out))
		out := column{Column: Column{Name: c.Name, Type: c.Overload.Result, NotNull: c.Overload.NeverNull}}
		for _, a := range c.Args {
			if out.Type.IsTimestamp() && (cols[a].time == eventTime || cols[a].lost != "") {
				out.lost = "the GROUP BY at " + where.line()
				if len(keys) == 0 {
					out.lost = "the aggregation at " + where.line()
				}
			}
		}
		agg.out = append(agg.out, out)
	}
	if windowed {
		first := len(agg.out)
		agg.window = &Window{Kind: AttachedWindow, Time: -1, Start: start, End: end, Proc: cols[start].proc}
		agg.out = append(agg.out, windowColumns(cols[start].Type, cols[start].windowID, cols[start].proc)...)
		for i, o := range outputs {
			if o < 0 {
				outputs[i] = first - o - 1
			}
		}
	}
	return agg, outputs
}

// windowKeys finds the two bounds of one window among group keys; -1 if they
// are not both there.
func windowKeys(cols []column, keys []int) (start, end int) {
	for _, s := range keys {
		if cols[s].window != windowStart {
			continue
		}
		for _, e := range keys {
			if cols[e].window == windowEnd && cols[e].windowID == cols[s].windowID {
				return s, e
			}
		}
	}
	return -1, -1
}

// over turns an expression over the FROM columns into one over the output of
// the aggregateRel; a column that is neither a key nor within an aggregate is
// an error.
func (a *aggregates) over(e catalog.Expr, x *exprBinder) (catalog.Expr, error) {
	var bad *catalog.ColumnRef
	out := replace(e, func(e catalog.Expr) catalog.Expr {
		if i := slices.Index(a.texts, exprKey(e)); i >= 0 {
			return ref(a.agg.out, a.outputs[i])
		}
		c, ok := e.(*catalog.ColumnRef)
		if !ok {
			return nil
		}
		if c.Index >= overBase {
			return c
		}
		if c.Index >= groupingBase {
			return a.groupingValue(c.Index-groupingBase, x)
		}
		if c.Index >= aggregateBase {
			return ref(a.agg.out, a.outputs[len(a.keys)+c.Index-aggregateBase])
		}
		if i, ok := a.windowOutput(c); ok {
			return ref(a.agg.out, i)
		}
		if bad == nil {
			bad = c
		}
		return c
	})
	if bad == nil {
		return out, nil
	}
	where := a.block.at(a.block.sel)
	if span, ok := x.spans[bad]; ok {
		where.span = span
	}
	err := where.errorf("column `%s` is neither in GROUP BY nor within an aggregate", bad.Name)
	return nil, hint(err, "GROUP BY it, or take MIN(%s) or the like", bad.Name)
}

// windowOutput finds the output column of a bound of the window that is grouped
// by: window_time needs no place in GROUP BY.
func (a *aggregates) windowOutput(c *catalog.ColumnRef) (int, bool) {
	from := a.block.in.cols()[c.Index]
	if from.window == noWindow {
		return 0, false
	}
	for i, out := range a.agg.out {
		if out.window == from.window && out.windowID == from.windowID {
			return i, true
		}
	}
	return 0, false
}
