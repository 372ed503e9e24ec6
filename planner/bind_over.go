package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// overs collects the calls with OVER of a SELECT block. Expressions are bound
// over the FROM columns, with a reference at overBase + i in place of call i;
// after the GROUP BY, if there is one, build computes the calls and result turns
// the references into columns of what it built.
type overs struct {
	block *block
	// windows are the distinct pairs of PARTITION BY and ORDER BY, in order of
	// first use.
	windows []*overWindow
	calls   []overCall
	index   map[string]int // by overCall's text
	// named are the block's WINDOW definitions by their folded name.
	named map[string]*parser.NamedWindow
	// outputs are the columns of the calls in what build gave.
	outputs []*catalog.ColumnRef
}

// overWindow is PARTITION BY and ORDER BY, bound over the FROM columns.
type overWindow struct {
	key       string
	partition []catalog.Expr
	order     []overTerm
	binder    *exprBinder
	place     place
}

type overTerm struct {
	expr             catalog.Expr
	desc, nullsFirst bool
}

// overCall is a call whose operands are expressions.
type overCall struct {
	OverCall
	window *overWindow
	args   []catalog.Expr
	filter catalog.Expr
	binder *exprBinder
}

const overBase = 1 << 25

// newOvers starts to collect the calls of a block.
func newOvers(bl *block) (*overs, error) {
	o := &overs{block: bl, index: map[string]int{}, named: map[string]*parser.NamedWindow{}}
	for _, w := range bl.sel.Windows {
		name := strings.ToUpper(w.Name.Text)
		if o.named[name] != nil {
			return nil, bl.at(w).errorf("window `%s` is defined twice", w.Name.Text)
		}
		o.named[name] = w
	}
	return o, nil
}

// checkNamed binds the windows of the WINDOW clause, also those that no call
// uses.
func (o *overs) checkNamed(x *exprBinder) error {
	for _, w := range o.block.sel.Windows {
		if _, _, err := o.spec(x, w.Spec); err != nil {
			return err
		}
	}
	return nil
}

// over binds a call with OVER.
func (x *exprBinder) over(e *parser.Call) (catalog.Expr, error) {
	if x.overs == nil {
		return nil, x.noOver(e)
	}
	if len(e.Name.Parts) > 1 {
		return nil, x.at(e.Name).errorf("no function `%s`", dotted(e.Name.Parts))
	}
	inner := *x
	inner.overs, inner.clause = nil, "OVER"
	name := strings.ToUpper(e.Name.Parts[0].Text)
	c := overCall{binder: &inner}
	c.Name, c.Filter = callText(x.src, e), -1
	var err error
	if kind, special := overKinds[name]; special {
		c.Kind = kind
		err = inner.overArguments(e, name, &c)
	} else {
		fn, known := x.env.functions.Lookup(name)
		switch {
		case !known:
			return nil, x.noFunction(e, name)
		case fn.Kind != catalog.AggregateFunction:
			return nil, x.at(e).errorf("%s is a scalar function: it takes no OVER", name)
		}
		err = inner.overAggregate(e, fn, &c)
	}
	if err != nil {
		return nil, err
	}
	spec, frame, err := x.overs.window(&inner, e.Over)
	if err != nil {
		return nil, err
	}
	if c.window = spec; spec.place.src == nil {
		spec.place = x.at(e)
	}
	if c.Kind.Framed() {
		if c.Frame, err = inner.frame(frame, spec); err != nil {
			return nil, err
		}
	}
	value := &catalog.ColumnRef{Index: overBase + x.overs.add(c), Name: c.Name, T: c.Type}
	if c.Overload == nil {
		return value, nil
	}
	return x.finish(x.at(e), value, c.Overload)
}

// noOver says why no OVER may stand here.
func (x *exprBinder) noOver(e *parser.Call) error {
	err := x.at(e).errorf("a call with OVER can't stand in %s", x.clause)
	switch x.clause {
	case "WHERE", "HAVING":
		err.Hint = "QUALIFY filters by calls with OVER"
	case "OVER":
		err.Msg = "a call with OVER can't stand within another one"
		err.Hint = "compute the inner one in a subquery in FROM"
	default:
		err.Hint = "compute it in a subquery in FROM"
	}
	return err
}

// overAggregate binds an aggregate function over a frame.
func (x *exprBinder) overAggregate(e *parser.Call, fn *catalog.Function, c *overCall) error {
	a, err := x.aggregateOf(e, fn)
	if err != nil {
		return err
	}
	c.Fn, c.Overload, c.Distinct, c.Type = a.fn, a.overload, a.distinct, a.overload.Result
	c.args, c.filter, c.Constants, c.IgnoreNulls = a.args, a.filter, a.constants, a.ignoreNulls
	switch {
	case len(a.order) > 0 && a.overload.Aggregate.OrderSensitive:
		return hint(x.at(e).errorf("%s with OVER has no order of its own", fn.Name), "OVER (ORDER BY ...) is its order")
	case len(a.order) > 0 && a.order[0].key.Desc:
		return x.at(e).errorf("%s with OVER can't order downwards", fn.Name)
	}
	return nil
}

// overArguments binds the arguments of a function that is there with OVER only.
func (x *exprBinder) overArguments(e *parser.Call, name string, c *overCall) error {
	switch {
	case e.Star:
		return x.at(e).errorf("%s(*) is not a function", name)
	case e.Distinct:
		return x.at(e).errorf("DISTINCT is for aggregates: %s is none", name)
	case e.Filter != nil:
		return x.at(e).errorf("FILTER is for aggregates: %s is none", name)
	case len(e.OrderBy) > 0 || len(e.WithinGroup) > 0:
		return x.at(e).errorf("%s has its order in OVER (ORDER BY ...)", name)
	}
	low, high := overArity(c.Kind)
	if len(e.Args) < low || len(e.Args) > high {
		return x.at(e).errorf("%s takes %s, not %d", name, arity(low, high), len(e.Args))
	}
	if e.Nulls != parser.NullsUnspecified && (c.Kind < OverLag) {
		return x.at(e).errorf("%s takes no IGNORE NULLS", name)
	}
	c.IgnoreNulls = e.Nulls == parser.IgnoreNulls
	args, places, err := x.list(e.Args)
	if err != nil {
		return err
	}
	switch c.Kind {
	case OverRowNumber, OverRank, OverDenseRank:
		c.Type = catalog.BigInt
		return nil
	case OverPercentRank, OverCumeDist:
		c.Type = catalog.Double
		return nil
	case OverNTile:
		c.Type = catalog.BigInt
		c.N, err = constantCount(args[0], places[0], "the number of buckets of NTILE", 1)
		return err
	case OverNthValue:
		c.N, err = constantCount(args[1], places[1], "the row of NTH_VALUE", 1)
		args = args[:1]
	case OverLag, OverLead:
		c.N = 1
		if len(args) > 1 {
			c.N, err = constantCount(args[1], places[1], "the offset of "+name, 0)
		}
		if err == nil && len(args) > 2 {
			var t catalog.Type
			if t, err = x.common(places[2], name, []catalog.Expr{args[0], args[2]}); err == nil {
				args = []catalog.Expr{x.env.castTo(args[0], t), x.env.castTo(args[2], t)}
			}
		} else {
			args = args[:1]
		}
	}
	if err != nil {
		return err
	}
	if args[0].Type().Kind == catalog.KindNull {
		args[0] = nullLiteral(catalog.String)
	}
	c.args, c.Type = args, args[0].Type()
	return nil
}

// overArity says how many arguments a function takes.
func overArity(k OverKind) (low, high int) {
	switch k {
	case OverNTile, OverFirstValue, OverLastValue:
		return 1, 1
	case OverNthValue:
		return 2, 2
	case OverLag, OverLead:
		return 1, 3
	}
	return 0, 0
}

func arity(low, high int) string {
	if low == high {
		return map[int]string{0: "no arguments", 1: "1 argument", 2: "2 arguments"}[low]
	}
	return itoa(low) + " to " + itoa(high) + " arguments"
}

// constantCount reads an argument that must be a whole number.
func constantCount(e catalog.Expr, where place, what string, least int64) (int64, error) {
	if l, ok := e.(*catalog.Literal); ok && l.T.IsInteger() {
		if v, ok := l.Value.(int64); ok && v >= least {
			return v, nil
		}
	}
	return 0, where.errorf("%s must be a constant whole number of at least %d", what, least)
}

// add gives the number of a call; equal calls are one.
func (o *overs) add(c overCall) int {
	text := strings.Join([]string{itoa(int(c.Kind)), c.window.key, itoa(int(c.N)), c.Frame.text()}, "|")
	if c.Fn != nil {
		text += c.Fn.Name
	}
	if c.Distinct {
		text += " DISTINCT"
	}
	if c.IgnoreNulls {
		text += " IGNORE NULLS"
	}
	for _, a := range c.args {
		text += ", " + exprKey(a)
	}
	text += c.Constants
	if c.filter != nil {
		text += " FILTER " + exprKey(c.filter)
	}
	if i, ok := o.index[text]; ok {
		return i
	}
	o.index[text] = len(o.calls)
	o.calls = append(o.calls, c)
	return len(o.calls) - 1
}

// build computes the calls over a relation, whose columns stay where they are.
// settle turns operands into expressions over it.
func (o *overs) build(in rel, settle func(catalog.Expr, *exprBinder) (catalog.Expr, error)) (rel, error) {
	exprs := refs(in.cols())
	var names []string
	position := map[string]int{}
	for i, c := range in.cols() {
		names = append(names, c.Name)
		position[exprKey(exprs[i])] = i
	}
	add := func(e catalog.Expr, x *exprBinder) (int, error) {
		e, err := settle(e, x)
		if err != nil {
			return 0, err
		}
		key := exprKey(e)
		if i, ok := position[key]; ok {
			return i, nil
		}
		position[key] = len(exprs)
		exprs, names = append(exprs, e), append(names, keyName(e, in.cols(), len(exprs)))
		return len(exprs) - 1, nil
	}
	type window struct {
		partition []int
		order     []SortKey
		calls     []OverCall
	}
	windows := make([]window, len(o.windows))
	for i, w := range o.windows {
		for _, p := range w.partition {
			at, err := add(p, w.binder)
			if err != nil {
				return nil, err
			}
			windows[i].partition = append(windows[i].partition, at)
		}
		for _, t := range w.order {
			at, err := add(t.expr, w.binder)
			if err != nil {
				return nil, err
			}
			windows[i].order = append(windows[i].order, SortKey{Col: at, Desc: t.desc, NullsFirst: t.nullsFirst})
		}
		for _, c := range o.calls {
			if c.window != w {
				continue
			}
			call := c.OverCall
			for _, a := range c.args {
				at, err := add(a, c.binder)
				if err != nil {
					return nil, err
				}
				call.Args = append(call.Args, at)
			}
			if c.filter != nil {
				at, err := add(c.filter, c.binder)
				if err != nil {
					return nil, err
				}
				call.Filter = at
			}
			windows[i].calls = append(windows[i].calls, call)
		}
	}
	var top rel = project(in, exprs, names, o.block.at(o.block.sel))
	o.outputs = make([]*catalog.ColumnRef, len(o.calls))
	// Those that give rows for good come first, whatever the text has first: the
	// others take the time attribute away.
	class := func(i int) int {
		if timeOrdered(top.cols(), windows[i].order) {
			return 0
		}
		if start, _ := windowKeys(top.cols(), windows[i].partition); start >= 0 {
			return 1
		}
		return 2
	}
	sequence := positions(len(windows))
	slices.SortStableFunc(sequence, func(a, b int) int { return class(a) - class(b) })
	for _, i := range sequence {
		w := windows[i]
		if len(w.calls) == 0 {
			continue
		}
		first := len(top.cols())
		over := newOver(top, w.partition, w.order, w.calls, o.windows[i].place)
		over.ttl = o.block.ttl
		top = over
		for k, c := range o.calls {
			if c.window == o.windows[i] {
				o.outputs[k] = ref(top.cols(), first)
				first++
			}
		}
	}
	return top, nil
}

// result puts the columns of the calls in the place of the references.
func (o *overs) result(e catalog.Expr) catalog.Expr {
	return replace(e, func(e catalog.Expr) catalog.Expr {
		if c, ok := e.(*catalog.ColumnRef); ok && c.Index >= overBase {
			return o.outputs[c.Index-overBase]
		}
		return nil
	})
}

// bindQualify binds QUALIFY, before what it needs is built.
func (bl *block) bindQualify() error {
	x := &exprBinder{binder: bl.binder, scope: bl.scope, clause: "WINDOW", aliases: bl.alias, overs: bl.overs}
	if bl.aggs != nil {
		bl.aggs.attach(x)
	}
	if err := bl.overs.checkNamed(x); err != nil {
		return err
	}
	if bl.sel.Qualify == nil {
		return nil
	}
	q := *x
	q.clause = "QUALIFY"
	pred, err := q.condition(bl.sel.Qualify)
	if err != nil {
		return err
	}
	if len(bl.overs.calls) == 0 {
		return hint(bl.at(bl.sel.Qualify).errorf("QUALIFY filters by calls with OVER, this SELECT has none"), "WHERE filters rows, HAVING filters groups")
	}
	bl.qualify, bl.qualifyBinder = pred, &q
	return nil
}

// bindOver computes the calls with OVER above FROM and WHERE, or above GROUP BY
// and HAVING, and puts QUALIFY above them.
func (bl *block) bindOver() error {
	if len(bl.overs.calls) == 0 {
		return nil
	}
	settle := func(e catalog.Expr, x *exprBinder) (catalog.Expr, error) {
		if bl.aggs == nil {
			return e, nil
		}
		return bl.aggs.over(e, x)
	}
	var err error
	if bl.top, err = bl.overs.build(bl.top, settle); err != nil {
		return err
	}
	for i, e := range bl.exprs {
		bl.exprs[i] = bl.overs.result(e)
	}
	if bl.qualify == nil {
		return nil
	}
	pred, err := settle(bl.qualify, bl.qualifyBinder)
	if err != nil {
		return err
	}
	bl.top = ranked(&filterRel{in: bl.top, pred: bl.overs.result(pred), place: bl.at(bl.sel.Qualify)})
	return nil
}
