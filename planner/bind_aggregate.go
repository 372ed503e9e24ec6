package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

type aggregateCall struct {
	fn          *catalog.Function
	overload    *catalog.Overload
	args        []catalog.Expr // those that are read row by row
	order       []orderTerm
	filter      catalog.Expr
	distinct    bool
	ignoreNulls bool
	constants   string
	name        string
}

// orderTerm is a term of the ORDER BY within an aggregate.
type orderTerm struct {
	expr catalog.Expr
	key  SortKey // but for the column
}

// aggregate binds an aggregate call.
func (x *exprBinder) aggregate(e *parser.Call, fn *catalog.Function) (catalog.Expr, error) {
	if x.aggs == nil {
		err := x.at(e).errorf("%s is an aggregate: it can't stand in %s", fn.Name, x.clause)
		switch x.clause {
		case "WHERE":
			err.Hint = "HAVING filters groups"
		case "aggregate":
			err.Msg = fn.Name + " is an aggregate within another one"
			err.Hint = "compute the inner one in a subquery in FROM"
		}
		return nil, err
	}
	c, err := x.aggregateOf(e, fn)
	if err != nil {
		return nil, err
	}
	return x.finish(x.at(e), &catalog.ColumnRef{Index: aggregateBase + x.aggs.add(c), Name: c.name, T: c.overload.Result}, c.overload)
}

// finish applies the scalar functions that stand behind an aggregate to its value.
func (x *exprBinder) finish(where place, value catalog.Expr, o *catalog.Overload) (catalog.Expr, error) {
	var err error
	for _, name := range o.Aggregate.Then {
		if value, err = x.invoke(where, name, []catalog.Expr{value}, []place{where}); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// aggregateOf binds the clauses of an aggregate call. Its operands may hold
// aggregates only where x is the binder of an OVER call.
func (x *exprBinder) aggregateOf(e *parser.Call, fn *catalog.Function) (c aggregateCall, err error) {
	inner := &exprBinder{binder: x.binder, scope: x.scope, clause: "aggregate", conditional: x.conditional}
	if e.Over != nil {
		inner = x
	}
	args, places, err := inner.list(e.Args)
	if err != nil {
		return c, err
	}
	if e.Star && fn.Name != "COUNT" {
		return c, x.at(e).errorf("%s(*) is no aggregate; COUNT(*) is", fn.Name)
	}
	c = aggregateCall{fn: fn, distinct: e.Distinct, ignoreNulls: e.Nulls == parser.IgnoreNulls, name: callText(x.src, e)}
	if c.order, err = inner.orderWithin(e, fn); err != nil {
		return c, err
	}
	if fn.OrderedSet && len(e.WithinGroup) > 0 {
		args, places = slices.Insert(args, 0, c.order[0].expr), slices.Insert(places, 0, x.at(e.WithinGroup[0].Expr))
	}
	if e.OnNull != parser.JSONNullsDefault {
		args, places = append(args, stringLiteral(onNull[e.OnNull])), append(places, x.at(e))
	}
	if e.Distinct && len(args) == 0 {
		return c, x.at(e).errorf("%s(DISTINCT) needs an argument", fn.Name)
	}
	if c.overload, err = resolveOverload(x.at(e), fn, args, e.Distinct); err != nil {
		return c, err
	}
	if c.overload.Aggregate == nil {
		return c, x.at(e).errorf("%s has no aggregate for these arguments", fn.Name)
	}
	for i := range args {
		before := exprKey(args[i])
		if args[i], err = inner.coerce(args[i], c.overload.Params[i], places[i]); err != nil {
			return c, err
		}
		for j := range c.order {
			// What is sorted by is the argument, cast or not.
			if e.Distinct && exprKey(c.order[j].expr) == before || fn.OrderedSet && i == 0 {
				c.order[j].expr = args[i]
			}
		}
	}
	for _, constant := range args[c.overload.Aggregate.Columns:] {
		c.constants += ", " + exprKey(constant)
	}
	c.constants += c.overload.Aggregate.State
	c.args = args[:c.overload.Aggregate.Columns]
	if err := c.checkOrder(x.at(e)); err != nil {
		return c, err
	}
	if e.Filter != nil {
		within := *inner
		within.clause = "FILTER"
		c.filter, err = within.condition(e.Filter)
	}
	return c, err
}

// orderWithin binds the ORDER BY of a call, or its WITHIN GROUP.
func (x *exprBinder) orderWithin(e *parser.Call, fn *catalog.Function) ([]orderTerm, error) {
	items := e.OrderBy
	switch {
	case len(e.WithinGroup) > 0 && len(e.OrderBy) > 0:
		return nil, x.at(e).errorf("%s has both ORDER BY and WITHIN GROUP", fn.Name)
	case len(e.WithinGroup) > 0:
		items = e.WithinGroup
		if fn.OrderedSet && len(items) > 1 {
			return nil, x.at(items[1].Expr).errorf("%s orders by one expression", fn.Name)
		}
	case fn.OrderedSet && len(items) > 0:
		return nil, hint(x.at(items[0].Expr).errorf("%s has no ORDER BY", fn.Name), "WITHIN GROUP (ORDER BY ...) says what it is of")
	}
	var terms []orderTerm
	for _, it := range items {
		expr, err := x.bind(it.Expr)
		if err != nil {
			return nil, err
		}
		if err := x.sortable(it, expr.Type()); err != nil {
			return nil, err
		}
		terms = append(terms, orderTerm{expr, sortKey(it, -1)})
	}
	return terms, nil
}

// checkOrder refuses an order that can't be kept: with DISTINCT, equal values
// are one, and may be sorted by nothing else.
func (c *aggregateCall) checkOrder(where place) error {
	if !c.distinct || !c.overload.Aggregate.OrderSensitive {
		return nil
	}
	for _, t := range c.order {
		if !slices.ContainsFunc(c.args, func(a catalog.Expr) bool { return exprKey(a) == exprKey(t.expr) }) {
			return hint(where.errorf("%s(DISTINCT x) can be ordered by x only", c.fn.Name), "of equal values with different keys none comes first")
		}
	}
	return nil
}

// callText is the call as written, on one line, cut where it is long.
func callText(src *parser.Source, e *parser.Call) string {
	return shortText(strings.Join(strings.Fields(src.Slice(e.Span)), " "))
}

// shortText cuts a text that names a column where it is long.
func shortText(text string) string {
	if len(text) > 60 {
		return strings.ToValidUTF8(text[:57], "") + "..."
	}
	return text
}

// add gives the number of a call; equal calls are one.
func (a *aggregates) add(c aggregateCall) int {
	key := c.fn.Name
	if c.distinct {
		key += " DISTINCT"
	}
	for _, arg := range c.args {
		key += ", " + exprKey(arg)
	}
	key += c.constants
	for _, t := range c.order {
		key += " ORDER BY " + exprKey(t.expr) + sortText(t.key)
	}
	if c.ignoreNulls {
		key += " IGNORE NULLS"
	}
	if c.filter != nil {
		key += " FILTER " + exprKey(c.filter)
	}
	if i, ok := a.index[key]; ok {
		return i
	}
	a.index[key] = len(a.calls)
	a.calls = append(a.calls, c)
	return len(a.calls) - 1
}

// sortText says how a term sorts.
func sortText(k SortKey) string {
	text := ""
	if k.Desc {
		text += " desc"
	}
	if k.NullsFirst {
		text += " nulls first"
	}
	return text
}

// aggCall makes the physical call. add puts an expression among the columns of
// the aggregation's input, in.
func (c *aggregateCall) aggCall(in rel, add func(e catalog.Expr, name string) int, number int) AggCall {
	out := AggCall{Fn: c.fn, Overload: c.overload, Filter: -1, Distinct: c.distinct, IgnoreNulls: c.ignoreNulls, Constants: c.constants, Name: c.name}
	cols := in.cols()
	for _, arg := range c.args {
		out.Args = append(out.Args, add(arg, keyName(arg, cols, number)))
	}
	order := c.order
	if c.overload.Aggregate.OrderSensitive && len(order) == 0 && !c.distinct {
		// In the order of time, then as they come where that is fixed.
		if t := timeOf(in); t != nil {
			order = []orderTerm{{expr: t}}
		}
		out.Arrival = comesInOrder(in)
	}
	if !c.overload.Aggregate.OrderSensitive && !c.fn.OrderedSet {
		order = nil
	}
	for _, t := range order {
		k := t.key
		k.Col = add(t.expr, keyName(t.expr, cols, number))
		out.Order = append(out.Order, k)
	}
	if c.filter != nil {
		out.Filter = add(c.filter, "filter$"+itoa(number))
	}
	return out
}

// timeOf gives the time attribute among the columns of a relation, nil if there is
// none. That of a SESSION is none any more, but still the time of its rows.
func timeOf(r rel) catalog.Expr {
	cols := r.cols()
	for {
		f, ok := r.(*filterRel)
		if !ok {
			break
		}
		r = f.in
	}
	if w, ok := r.(*windowRel); ok && w.sessions() {
		return ref(cols, w.win.Time)
	}
	for i, c := range cols {
		if c.time == eventTime && c.window == noWindow {
			return ref(cols, i)
		}
	}
	for i, c := range cols {
		if len(c.timeMember) == 0 {
			continue
		}
		var e catalog.Expr = ref(cols, i)
		for _, m := range c.timeMember {
			e = &catalog.Member{Of: e, Index: m, T: e.Type().Fields[m].Type}
		}
		return e
	}
	return nil
}

// comesInOrder says whether the rows of a relation come in an order that is part
// of the input: that of the sources, through operators that keep no rows.
func comesInOrder(r rel) bool {
	if updates(r) {
		return false
	}
	ok := true
	visit(r, func(r rel) {
		switch r := r.(type) {
		case *scanRel, *valuesRel, *filterRel, *projectRel, *unionRel:
		case *windowRel:
			ok = ok && !r.sessions() // which holds its rows
		default:
			ok = false
		}
	})
	return ok
}
