package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// call binds a call by name: a scalar function, an aggregate, or one of the
// words that look like calls.
func (x *exprBinder) call(e *parser.Call) (catalog.Expr, error) {
	if e.Over != nil {
		return x.over(e)
	}
	if m, ok := x.findMacro(e.Name, len(e.Args)); ok {
		return x.macro(e, m)
	}
	if full, err := x.macroName(e.Name, len(e.Args)); err == nil {
		if x.env.broken[foldName(full)] {
			return nil, errBroken
		}
		if slices.ContainsFunc(x.macros, func(m catalog.Name) bool { return foldName(m) == foldName(full) }) {
			return nil, x.at(e).errorf("function `%s` calls itself", full.Object)
		}
		if ms := x.findMacros(e.Name); len(ms) > 0 {
			return nil, x.wrongArity(e, ms)
		}
	}
	if len(e.Name.Parts) > 1 {
		return nil, x.at(e.Name).errorf("no function `%s`", dotted(e.Name.Parts))
	}
	name := strings.ToUpper(e.Name.Parts[0].Text)
	if out, done, err := x.special(e, name); done {
		return out, err
	}
	fn, ok := x.env.functions.Lookup(name)
	if !ok {
		if _, windowed := overKinds[name]; windowed {
			return nil, hint(x.at(e).errorf("%s needs OVER", name), "%s(...) OVER (PARTITION BY ... ORDER BY ...)", name)
		}
		return nil, x.noFunction(e, name)
	}
	if fn.Kind == catalog.AggregateFunction {
		return x.aggregate(e, fn)
	}
	switch {
	case e.Star:
		return nil, x.at(e).errorf("%s(*) is not a function", name)
	case e.Distinct:
		return nil, x.at(e).errorf("DISTINCT is for aggregates: %s is a scalar function", name)
	case e.Filter != nil:
		return nil, x.at(e).errorf("FILTER is for aggregates: %s is a scalar function", name)
	case len(e.OrderBy) > 0 || len(e.WithinGroup) > 0 || e.Nulls != parser.NullsUnspecified:
		return nil, x.at(e).errorf("%s is a scalar function: it takes arguments only", name)
	}
	args, places, err := x.list(e.Args)
	if err != nil {
		return nil, err
	}
	if name == fnCurrentWatermark && len(args) == 1 {
		if err := x.ofTime(args[0], places[0]); err != nil {
			return nil, err
		}
	}
	return x.resolved(x.at(e), fn, args, places)
}

func (x *exprBinder) noFunction(e *parser.Call, name string) *parser.Error {
	var words []string
	for _, n := range x.env.functions.Names() {
		if n[0] >= 'A' && n[0] <= 'Z' && !strings.Contains(n, " ") {
			words = append(words, n)
		}
	}
	return didYouMean(x.at(e.Name).errorf("no function `%s`", name), name, words, "SHOW FUNCTIONS lists them")
}

// special binds what has rules of its own for evaluation: COALESCE, NULLIF, IF,
// and the bounds of a group window.
func (x *exprBinder) special(e *parser.Call, name string) (out catalog.Expr, done bool, err error) {
	switch name {
	case "COALESCE", "IFNULL", "NVL":
		out, err = x.coalesce(e, name)
		return out, true, err
	case "NULLIF":
		if len(e.Args) != 2 {
			return nil, true, x.at(e).errorf("NULLIF takes 2 arguments, not %d", len(e.Args))
		}
		out, err = x.nullIf(e)
		return out, true, err
	case "IF", "IIF", "IFF":
		if len(e.Args) != 3 {
			return nil, true, x.at(e).errorf("%s takes a condition and 2 values", name)
		}
		out, err = x.caseOf(&parser.Case{Span: e.Span, Whens: []*parser.When{{Span: e.Span, Cond: e.Args[0], Result: e.Args[1]}}, Else: e.Args[2]})
		return out, true, err
	case "NVL2":
		if len(e.Args) != 3 {
			return nil, true, x.at(e).errorf("NVL2 takes 3 arguments, not %d", len(e.Args))
		}
		there := &parser.Is{Span: e.Args[0].Range(), X: e.Args[0], Not: true, Test: parser.IsNull}
		out, err = x.caseOf(&parser.Case{Span: e.Span, Whens: []*parser.When{{Span: e.Span, Cond: there, Result: e.Args[1]}}, Else: e.Args[2]})
		return out, true, err
	case fnFromJSON:
		out, err = x.fromJSON(e)
		return out, true, err
	case fnTry:
		err = x.within(func() error {
			out, err = x.function(e, fnTry, e.Args...)
			return err
		})
		return out, true, err
	}
	if x.aggs != nil {
		if out, done, err = x.aggs.windowBound(x, e, name); done {
			return out, true, err
		}
		if out, done, err = x.aggs.grouping(x, e, name); done {
			return out, true, err
		}
	}
	if _, _, isBound := windowBoundName(name); isBound {
		return nil, true, hint(x.at(e).errorf("%s belongs to a GROUP BY with that window", name), "of a window table function, use window_start, window_end or window_time")
	}
	if isGrouping(name) {
		return nil, true, x.at(e).errorf("%s belongs to a query with GROUP BY: it can't stand in %s", name, x.clause)
	}
	if _, isWindow := windowFunctions[name]; isWindow {
		return nil, true, hint(x.at(e).errorf("%s is a window, not a value", name), "put it in FROM: TABLE(%s(TABLE t, DESCRIPTOR(ts), ...)), or in GROUP BY", name)
	}
	return nil, false, nil
}

func (x *exprBinder) coalesce(e *parser.Call, name string) (catalog.Expr, error) {
	if len(e.Args) == 0 || name != "COALESCE" && len(e.Args) != 2 {
		return nil, x.at(e).errorf("%s takes 2 arguments", name)
	}
	var args []catalog.Expr
	err := x.within(func() (err error) {
		args, _, err = x.list(e.Args)
		return err
	})
	if err != nil {
		return nil, err
	}
	t, err := x.common(x.at(e), name, args)
	if err != nil {
		return nil, err
	}
	for i := range args {
		args[i] = x.env.castTo(args[i], t)
	}
	if len(args) == 1 {
		return args[0], nil
	}
	return &catalog.Coalesce{Args: args, T: t}, nil
}

// nullIf is CASE WHEN a = b THEN NULL ELSE a END.
func (x *exprBinder) nullIf(e *parser.Call) (catalog.Expr, error) {
	args, places, err := x.list(e.Args)
	if err != nil {
		return nil, err
	}
	pair, err := x.comparable(x.at(e), "NULLIF", args, places)
	if err != nil {
		return nil, err
	}
	eq, err := x.invoke(x.at(e), "=", pair, places)
	if err != nil {
		return nil, err
	}
	t := args[0].Type()
	return &catalog.Case{Whens: []catalog.When{{Cond: eq, Then: nullLiteral(t)}}, Else: args[0], T: t}, nil
}

// invoke calls a function that the grammar names.
func (x *exprBinder) invoke(where place, name string, args []catalog.Expr, places []place) (catalog.Expr, error) {
	fn, ok := x.env.functions.Lookup(name)
	if !ok {
		return nil, where.errorf("%s is not supported yet", name)
	}
	return x.resolved(where, fn, args, places)
}

// resolved settles the overload of a scalar call and folds it if it is constant.
func (x *exprBinder) resolved(where place, fn *catalog.Function, args []catalog.Expr, places []place) (catalog.Expr, error) {
	overload, err := resolveOverload(where, fn, args, false)
	if err != nil {
		return nil, err
	}
	cast := make([]catalog.Expr, len(args))
	for i, a := range args {
		if cast[i], err = x.coerce(a, overload.Params[i], places[i]); err != nil {
			return nil, err
		}
	}
	return x.folded(&catalog.Call{Fn: fn, Overload: overload, Args: cast}, where)
}

// resolveOverload asks a function for its overload.
func resolveOverload(where place, fn *catalog.Function, args []catalog.Expr, distinct bool) (*catalog.Overload, error) {
	known := make([]catalog.Arg, len(args))
	for i, a := range args {
		known[i].Type = a.Type()
		known[i].Distinct = distinct && i == 0
		if l, ok := a.(*catalog.Literal); ok {
			known[i].Const = l
		}
	}
	overload, err := fn.Resolve(known)
	if err != nil {
		bad := where.errorf("%v", err)
		if len(fn.Signatures) > 0 && !strings.Contains(err.Error(), fn.Signatures[0]) {
			bad.Hint = strings.Join(fn.Signatures, "; ")
		}
		return nil, bad
	}
	if len(overload.Params) != len(args) {
		return nil, where.errorf("%s takes %d arguments, not %d", fn.Name, len(overload.Params), len(args))
	}
	return overload, nil
}

// coerce casts an operand to the type that its function or comparison wants.
func (x *exprBinder) coerce(e catalog.Expr, t catalog.Type, where place) (catalog.Expr, error) {
	if e.Type().Equal(t) {
		return e, nil
	}
	if !catalog.CanCast(e.Type(), t, false) {
		return nil, where.errorf("this is %s where %s is needed", article(e.Type()), article(t))
	}
	return x.folded(&catalog.Cast{Of: e, T: t}, where)
}

// folded computes a constant expression. One that has no value (1/'x') is an
// error of the query, unless it stands where it may never be evaluated.
func (x *exprBinder) folded(e catalog.Expr, where place) (catalog.Expr, error) {
	out, err := x.env.fold(e)
	if err != nil {
		if x.conditional == 0 {
			return nil, where.errorf("%v", err)
		}
		return e, nil
	}
	return out, nil
}

// fold computes an expression whose operands are constants.
func (env *environment) fold(e catalog.Expr) (catalog.Expr, error) {
	switch c := e.(type) {
	case *catalog.Call:
		if c.Fn.Volatility != catalog.Immutable {
			return e, nil
		}
	case *catalog.Cast:
		if l, ok := c.Of.(*catalog.Literal); ok && l.Value == nil {
			return nullLiteral(c.T), nil
		}
	case *catalog.ColumnRef, *catalog.Literal:
		return e, nil
	}
	if env.folder == nil || slices.ContainsFunc(children(e), func(c catalog.Expr) bool {
		_, constant := c.(*catalog.Literal)
		return !constant
	}) {
		return e, nil
	}
	l, err := env.folder.Fold(e, env.zone)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// castTo casts where the types differ. The cast must be one that is defined.
func (env *environment) castTo(e catalog.Expr, t catalog.Type) catalog.Expr {
	if e.Type().Equal(t) {
		return e
	}
	cast := &catalog.Cast{Of: e, T: t}
	if folded, err := env.fold(cast); err == nil {
		return folded
	}
	return cast
}

// store fits an expression to a sink's column: by an implicit cast, or, of a
// constant, by any that keeps its value.
func (env *environment) store(e catalog.Expr, col Column, where place) (catalog.Expr, error) {
	if l, ok := e.(*catalog.Literal); ok && l.Value == nil {
		if col.NotNull {
			return nil, where.errorf("NULL in column `%s`, which is NOT NULL", col.Name)
		}
		return nullLiteral(col.Type), nil
	}
	from := e.Type()
	if from.Equal(col.Type) {
		return e, nil
	}
	if _, constant := e.(*catalog.Literal); constant && catalog.CanCast(from, col.Type, false) && !catalog.CanCast(from, col.Type, true) {
		folded, err := env.fold(&catalog.Cast{Of: e, T: col.Type})
		if err != nil {
			return nil, where.errorf("column `%s` is %s: %v", col.Name, col.Type, err)
		}
		return folded, nil
	}
	if !catalog.CanCast(from, col.Type, true) {
		err := where.errorf("column `%s` is %s, the value is %s", col.Name, col.Type, from)
		if catalog.CanCast(from, col.Type, false) {
			return nil, hint(err, "CAST(... AS %s) if that is meant", col.Type)
		}
		return nil, err
	}
	// The sink judges how long texts are: a cast would cut them off without a word.
	to := unlimited(col.Type)
	if unlimited(from).Equal(to) {
		return e, nil
	}
	return env.castTo(e, to), nil
}

// unlimited gives a type with STRING in the place of every VARCHAR(n) and CHAR(n).
func unlimited(t catalog.Type) catalog.Type {
	inner := func(t *catalog.Type) *catalog.Type {
		if t == nil {
			return nil
		}
		u := unlimited(*t)
		return &u
	}
	if t.Kind == catalog.KindString {
		return catalog.String
	}
	t.Key, t.Elem, t.Fields = inner(t.Key), inner(t.Elem), slices.Clone(t.Fields)
	for i, f := range t.Fields {
		t.Fields[i].Type = unlimited(f.Type)
	}
	return t
}

// nullable says whether an expression may be NULL.
func nullable(e catalog.Expr, cols []column) bool {
	switch e := e.(type) {
	case *catalog.Literal:
		return e.Value == nil
	case *catalog.ColumnRef:
		return e.Index >= len(cols) || !cols[e.Index].NotNull
	case *catalog.Call:
		return !e.Overload.NeverNull
	case *catalog.Cast:
		return e.Safe || nullable(e.Of, cols)
	case *catalog.Coalesce:
		return !slices.ContainsFunc(e.Args, func(a catalog.Expr) bool { return !nullable(a, cols) })
	case *catalog.Case:
		if e.Else == nil || nullable(e.Else, cols) {
			return true
		}
		return slices.ContainsFunc(e.Whens, func(w catalog.When) bool { return nullable(w.Then, cols) })
	case *catalog.And:
		return slices.ContainsFunc(e.Args, func(a catalog.Expr) bool { return nullable(a, cols) })
	case *catalog.Or:
		return slices.ContainsFunc(e.Args, func(a catalog.Expr) bool { return nullable(a, cols) })
	case *catalog.Member:
		fields := e.Of.Type().Fields
		return nullable(e.Of, cols) || e.Index >= len(fields) || !fields[e.Index].NotNull
	}
	return true
}
