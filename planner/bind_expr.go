package planner

import (
	"slices"
	"strconv"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// exprBinder binds the scalar expressions of one clause.
type exprBinder struct {
	*binder
	scope *scope
	// clause is where the expression stands, for messages: "WHERE".
	clause string
	// aggs collects aggregate calls; nil where none may stand.
	aggs *aggregates
	// overs collects calls with OVER; nil where none may stand.
	overs *overs
	// aliases are output columns that a name may stand for if no column does
	// (GROUP BY, HAVING); nil: none.
	aliases func(parser.Ident) parser.Expr
	// later are the items of a SELECT list that the clause does not see.
	later []*parser.SelectItem
	// params are the values of the parameters within the body of a function, by
	// name in lower case; nil elsewhere.
	params map[string]catalog.Expr
	// conditional counts the CASE, AND, OR, COALESCE around: within them a
	// constant that has no value is no error of the query.
	conditional int
	// spans remembers where columns stand, for errors found later.
	spans map[*catalog.ColumnRef]parser.Span
}

func itoa(i int) string { return strconv.Itoa(i) }

// bind gives the bound expression.
func (x *exprBinder) bind(e parser.Expr) (catalog.Expr, error) {
	switch e := e.(type) {
	case *parser.NumberLit:
		l, err := numberLiteral(e, false)
		return x.literal(e, l, err)
	case *parser.StringLit:
		return stringLiteral(e.Value), nil
	case *parser.BytesLit:
		return &catalog.Literal{Value: e.Value, T: catalog.Bytes}, nil
	case *parser.BoolLit:
		return boolLiteral(e.Value), nil
	case *parser.NullLit:
		return nullLiteral(catalog.Null), nil
	case *parser.DatetimeLit:
		l, err := datetimeLiteral(e, x.env.zone)
		return x.literal(e, l, err)
	case *parser.IntervalLit:
		l, err := intervalLiteral(e)
		return x.literal(e, l, err)
	case *parser.ColumnRef:
		return x.column(e)
	case *parser.FieldAccess:
		of, err := x.bind(e.X)
		if err != nil {
			return nil, err
		}
		return asError(member(x.src, of, []parser.Ident{e.Field}))
	case *parser.Index:
		return x.function(e, fnItem, e.X, e.Index)
	case *parser.Unary:
		return x.unary(e)
	case *parser.Binary:
		return x.binary(e)
	case *parser.Is:
		return x.is(e)
	case *parser.Like:
		return x.like(e)
	case *parser.Between:
		return x.between(e)
	case *parser.In:
		return x.in(e)
	case *parser.Case:
		return x.caseOf(e)
	case *parser.Cast:
		return x.cast(e)
	case *parser.Call:
		return x.call(e)
	case *parser.Extract:
		of, err := x.bind(e.X)
		if err != nil {
			return nil, err
		}
		return x.invoke(x.at(e), fnExtract, []catalog.Expr{stringLiteral(e.Unit.String()), of}, []place{x.at(e), x.at(e.X)})
	case *parser.RoundTime:
		name := fnFloor
		if e.Ceil {
			name = fnCeil
		}
		of, err := x.bind(e.X)
		if err != nil {
			return nil, err
		}
		return x.invoke(x.at(e), name, []catalog.Expr{of, stringLiteral(e.Unit.String())}, []place{x.at(e.X), x.at(e)})
	case *parser.Trim:
		return x.trim(e)
	case *parser.AtTimeZone:
		return x.atTimeZone(e)
	case *parser.ArrayLit:
		return x.function(e, fnArray, e.Elems...)
	case *parser.RowExpr:
		return x.function(e, fnRow, e.Elems...)
	case *parser.MapLit:
		var args []parser.Expr
		for i := range e.Keys {
			args = append(args, e.Keys[i], e.Values[i])
		}
		return x.function(e, fnMap, args...)
	case *parser.Subquery:
		return x.scalar(e)
	case *parser.Exists:
		return x.exists(e)
	case *parser.Quantified:
		return x.quantified(e)
	case *parser.JSONFunc:
		return x.jsonFunc(e)
	case *parser.JSONObject:
		return x.jsonObject(e)
	case *parser.JSONArray:
		return x.jsonArray(e)
	case *parser.UnitArg:
		return stringLiteral(e.Unit.String()), nil
	case *parser.NamedArg:
		return nil, x.at(e).errorf("this function takes no named arguments")
	}
	return nil, x.at(e).errorf("%s is not supported yet", what(e))
}

// what names a kind of expression.
func what(e parser.Expr) string {
	switch e.(type) {
	case *parser.JSONObject, *parser.JSONArray:
		return "this JSON function"
	case *parser.MatchSemantics:
		return "FINAL or RUNNING outside of MATCH_RECOGNIZE"
	}
	return "this expression"
}

// asError turns a typed nil into a nil error.
func asError[T any](v T, err *parser.Error) (T, error) {
	if err != nil {
		return v, err
	}
	return v, nil
}

func (x *exprBinder) literal(e parser.Expr, l *catalog.Literal, err error) (catalog.Expr, error) {
	if err != nil {
		return nil, x.at(e).errorf("%v", err)
	}
	return l, nil
}

// column binds a name.
func (x *exprBinder) column(e *parser.ColumnRef) (catalog.Expr, error) {
	if p, ok := x.params[strings.ToLower(e.Parts[0].Text)]; ok {
		return asError(member(x.src, p, e.Parts[1:]))
	}
	h, err := x.scope.resolve(x.src, e)
	if err != nil {
		if x.params != nil && (len(e.Parts) > 1 || !isBareFunction(e.Parts[0].Text)) {
			return nil, x.noParameter(e)
		}
		if len(e.Parts) == 1 {
			if x.aliases != nil {
				if aliased := x.aliases(e.Parts[0]); aliased != nil {
					inner := *x
					inner.aliases = nil
					return inner.bind(aliased)
				}
			}
		}
		if out, ok, oerr := x.outerColumn(e); ok {
			return out, oerr
		}
		if len(e.Parts) == 1 {
			if c, ok := x.bareFunction(e); ok {
				return x.call(c)
			}
		}
		if len(e.Parts) == 1 && slices.ContainsFunc(x.later, func(i *parser.SelectItem) bool {
			return i.Alias != nil && strings.EqualFold(i.Alias.Text, e.Parts[0].Text)
		}) {
			return nil, hint(x.at(e).errorf("no column `%s`: it is a name of the SELECT list, which %s does not see", e.Parts[0].Text, x.clause),
				"SELECT * FROM (SELECT ...) WHERE sees it; for calls with OVER there is QUALIFY, for aggregates HAVING")
		}
		return nil, err
	}
	c := ref(x.scope.cols, h.index)
	if x.spans != nil {
		x.spans[c] = e.Span
	}
	return asError(member(x.src, c, h.rest))
}

// noParameter says that a name within the body of a function stands for nothing.
func (x *exprBinder) noParameter(e *parser.ColumnRef) *parser.Error {
	var names []string
	for n := range x.params {
		names = append(names, n)
	}
	slices.Sort(names)
	return didYouMean(x.at(e).errorf("no parameter `%s`", dotted(e.Parts)), e.Parts[0].Text, names, "the body of a function sees its parameters only")
}

// bareFunction gives a call for a name that is a function which is written
// without parentheses.
func (x *exprBinder) bareFunction(e *parser.ColumnRef) (*parser.Call, bool) {
	if e.Parts[0].Quoted || !isBareFunction(e.Parts[0].Text) {
		return nil, false
	}
	return &parser.Call{Span: e.Span, Name: &parser.Name{Span: e.Span, Parts: e.Parts}}, true
}

// list binds several expressions.
func (x *exprBinder) list(es []parser.Expr) ([]catalog.Expr, []place, error) {
	var out []catalog.Expr
	var places []place
	for _, e := range es {
		bound, err := x.bind(e)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, bound)
		places = append(places, x.at(e))
	}
	return out, places, nil
}

// function binds a call of an operator's function over operands.
func (x *exprBinder) function(e parser.Expr, name string, operands ...parser.Expr) (catalog.Expr, error) {
	args, places, err := x.list(operands)
	if err != nil {
		return nil, err
	}
	return x.invoke(x.at(e), name, args, places)
}

func (x *exprBinder) unary(e *parser.Unary) (catalog.Expr, error) {
	if n, ok := e.X.(*parser.NumberLit); ok && e.Op == parser.Negate {
		l, err := numberLiteral(n, true)
		return x.literal(e, l, err)
	}
	switch e.Op {
	case parser.Not:
		arg, err := x.condition(e.X)
		if err != nil {
			return nil, err
		}
		return x.invoke(x.at(e), fnNot, []catalog.Expr{arg}, []place{x.at(e.X)})
	case parser.Plus:
		arg, err := x.bind(e.X)
		if err == nil && !arg.Type().IsNumeric() && !arg.Type().IsInterval() {
			err = x.at(e).errorf("+ needs a number, not %s", article(arg.Type()))
		}
		return arg, err
	}
	return x.function(e, fnNegate, e.X)
}

// condition binds an expression that must be BOOLEAN.
func (x *exprBinder) condition(e parser.Expr) (catalog.Expr, error) {
	bound, err := x.bind(e)
	if err != nil {
		return nil, err
	}
	switch bound.Type().Kind {
	case catalog.KindBoolean:
		return bound, nil
	case catalog.KindNull:
		return nullLiteral(catalog.Boolean), nil
	}
	return nil, x.at(e).errorf("a condition must be BOOLEAN, this is %s", article(bound.Type()))
}

// within binds as f does, with constants that fail no error of the query.
func (x *exprBinder) within(f func() error) error {
	x.conditional++
	defer func() { x.conditional-- }()
	return f()
}

func (x *exprBinder) binary(e *parser.Binary) (catalog.Expr, error) {
	switch e.Op {
	case parser.And, parser.Or:
		return x.logical(e)
	case parser.Overlaps:
		return x.overlaps(e)
	}
	name, ok := operatorNames[e.Op]
	if !ok {
		return nil, x.at(e).errorf("%s is not supported yet", e.Op)
	}
	args, places, err := x.list([]parser.Expr{e.Left, e.Right})
	if err != nil {
		return nil, err
	}
	if e.Op.IsComparison() || e.Op == parser.IsDistinctFrom || e.Op == parser.IsNotDistinctFrom {
		if args, err = x.comparable(x.at(e), e.Op.String(), args, places); err != nil {
			return nil, err
		}
	}
	return x.invoke(x.at(e), name, args, places)
}

// comparable casts operands to the type in which they are compared.
func (x *exprBinder) comparable(where place, op string, args []catalog.Expr, places []place) ([]catalog.Expr, error) {
	args = sameDecimals(args)
	t := args[0].Type()
	for _, a := range args[1:] {
		common, ok := catalog.ComparisonType(t, a.Type())
		if !ok {
			err := where.errorf("%s can't compare %s with %s", op, t, a.Type())
			return nil, hint(err, "CAST one of them")
		}
		t = common
	}
	if t.Kind == catalog.KindNull {
		t = catalog.Boolean
	}
	out := make([]catalog.Expr, len(args))
	for i, a := range args {
		cast, err := x.coerce(a, t, places[i])
		if err != nil {
			return nil, err
		}
		out[i] = cast
	}
	return out, nil
}

// logical binds a chain of AND or OR into one node.
func (x *exprBinder) logical(e *parser.Binary) (catalog.Expr, error) {
	var operands []parser.Expr
	var flatten func(parser.Expr)
	flatten = func(p parser.Expr) {
		if b, ok := p.(*parser.Binary); ok && b.Op == e.Op {
			flatten(b.Left)
			flatten(b.Right)
			return
		}
		operands = append(operands, p)
	}
	flatten(e)
	var args []catalog.Expr
	err := x.within(func() error {
		for _, o := range operands {
			a, err := x.condition(o)
			if err != nil {
				return err
			}
			args = append(args, a)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if e.Op == parser.And {
		return &catalog.And{Args: args}, nil
	}
	return &catalog.Or{Args: args}, nil
}

func (x *exprBinder) is(e *parser.Is) (catalog.Expr, error) {
	name, ok := isNames[e.Test]
	if !ok {
		return nil, x.at(e).errorf("IS %s is not supported yet", e.Test)
	}
	if e.Not {
		name = "IS NOT" + name[len("IS"):]
	}
	if e.Test == parser.IsNull || e.Test >= parser.IsJSON {
		return x.function(e, name, e.X)
	}
	arg, err := x.condition(e.X)
	if err != nil {
		return nil, err
	}
	return x.invoke(x.at(e), name, []catalog.Expr{arg}, []place{x.at(e.X)})
}

func (x *exprBinder) not(where place, e catalog.Expr, err error, negate bool) (catalog.Expr, error) {
	if err != nil || !negate {
		return e, err
	}
	return x.invoke(where, fnNot, []catalog.Expr{e}, []place{where})
}

func (x *exprBinder) like(e *parser.Like) (catalog.Expr, error) {
	operands := []parser.Expr{e.X, e.Pattern}
	if e.Escape != nil {
		operands = append(operands, e.Escape)
	}
	name := e.Op.String()
	if e.Not {
		name = "NOT " + name
	}
	return x.function(e, name, operands...)
}

// between is low <= x AND x <= high, on one evaluation of x where that matters.
func (x *exprBinder) between(e *parser.Between) (catalog.Expr, error) {
	args, places, err := x.list([]parser.Expr{e.X, e.Low, e.High})
	if err != nil {
		return nil, err
	}
	if args, err = x.comparable(x.at(e), "BETWEEN", args, places); err != nil {
		return nil, err
	}
	pair := func(low, high catalog.Expr) (catalog.Expr, error) {
		ge, err := x.invoke(x.at(e), ">=", []catalog.Expr{args[0], low}, []place{places[0], places[1]})
		if err != nil {
			return nil, err
		}
		le, err := x.invoke(x.at(e), "<=", []catalog.Expr{args[0], high}, []place{places[0], places[2]})
		if err != nil {
			return nil, err
		}
		return &catalog.And{Args: []catalog.Expr{ge, le}}, nil
	}
	out, err := pair(args[1], args[2])
	if err == nil && e.Symmetric {
		var other catalog.Expr
		if other, err = pair(args[2], args[1]); err == nil {
			out = &catalog.Or{Args: []catalog.Expr{out, other}}
		}
	}
	return x.not(x.at(e), out, err, e.Not)
}

// in binds x IN (a, b): one call if all elements are constants, else x = a OR
// x = b.
func (x *exprBinder) in(e *parser.In) (catalog.Expr, error) {
	if e.Query != nil {
		return x.inQuery(e)
	}
	args, places, err := x.list(append([]parser.Expr{e.X}, e.List...))
	if err != nil {
		return nil, err
	}
	if args, err = x.comparable(x.at(e), "IN", args, places); err != nil {
		return nil, err
	}
	constant := true
	for _, a := range args[1:] {
		_, ok := a.(*catalog.Literal)
		constant = constant && ok
	}
	if constant {
		name := fnIn
		if e.Not {
			name = "NOT " + fnIn
		}
		return x.invoke(x.at(e), name, args, places)
	}
	or := &catalog.Or{}
	for i, a := range args[1:] {
		eq, err := x.invoke(x.at(e), "=", []catalog.Expr{args[0], a}, []place{places[0], places[i+1]})
		if err != nil {
			return nil, err
		}
		or.Args = append(or.Args, eq)
	}
	if len(or.Args) == 1 {
		return x.not(x.at(e), or.Args[0], nil, e.Not)
	}
	return x.not(x.at(e), or, nil, e.Not)
}

// caseOf binds both forms of CASE; the simple one compares its operand with
// each WHEN.
func (x *exprBinder) caseOf(e *parser.Case) (catalog.Expr, error) {
	var operand catalog.Expr
	if e.Operand != nil {
		var err error
		if operand, err = x.bind(e.Operand); err != nil {
			return nil, err
		}
	}
	var whens []catalog.When
	var results []catalog.Expr
	var places []place
	err := x.within(func() error {
		for _, w := range e.Whens {
			cond, err := x.when(e, operand, w)
			if err != nil {
				return err
			}
			then, err := x.bind(w.Result)
			if err != nil {
				return err
			}
			whens = append(whens, catalog.When{Cond: cond})
			results, places = append(results, then), append(places, x.at(w.Result))
		}
		if e.Else != nil {
			other, err := x.bind(e.Else)
			if err != nil {
				return err
			}
			results, places = append(results, other), append(places, x.at(e.Else))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t, err := x.common(x.at(e), "CASE", results)
	if err != nil {
		return nil, err
	}
	out := &catalog.Case{Whens: whens, T: t}
	for i, r := range results {
		cast := x.env.castTo(r, t)
		if i < len(whens) {
			out.Whens[i].Then = cast
		} else {
			out.Else = cast
		}
	}
	return out, nil
}

func (x *exprBinder) when(e *parser.Case, operand catalog.Expr, w *parser.When) (catalog.Expr, error) {
	if operand == nil {
		return x.condition(w.Cond)
	}
	value, err := x.bind(w.Cond)
	if err != nil {
		return nil, err
	}
	places := []place{x.at(e.Operand), x.at(w.Cond)}
	args, err := x.comparable(x.at(w.Cond), "CASE", []catalog.Expr{operand, value}, places)
	if err != nil {
		return nil, err
	}
	return x.invoke(x.at(w.Cond), "=", args, places)
}

// common gives the type that all results of CASE or COALESCE have.
func (x *exprBinder) common(where place, of string, results []catalog.Expr) (catalog.Type, error) {
	types := make([]catalog.Type, len(results))
	for i, r := range results {
		types[i] = r.Type()
	}
	t, ok := catalog.CommonTypeOf(types...)
	if !ok {
		return t, hint(where.errorf("the results of %s have types that don't go together: %s", of, typeList(types)), "CAST them to one type")
	}
	return t, nil
}

func (x *exprBinder) cast(e *parser.Cast) (catalog.Expr, error) {
	of, err := x.bind(e.X)
	if err != nil {
		return nil, err
	}
	t, terr := dataType(x.src, e.Type)
	if terr != nil {
		return nil, terr
	}
	if !catalog.CanCast(of.Type(), t, false) {
		return nil, x.at(e).errorf("can't cast %s to %s", of.Type(), t)
	}
	return x.folded(&catalog.Cast{Of: of, T: t, Safe: e.Try}, x.at(e))
}

// trim is TRIM(s), or TRIM(mode, characters, s).
func (x *exprBinder) trim(e *parser.Trim) (catalog.Expr, error) {
	of, err := x.bind(e.X)
	if err != nil {
		return nil, err
	}
	if e.Chars == nil && e.Side == parser.TrimBoth {
		return x.invoke(x.at(e), fnTrim, []catalog.Expr{of}, []place{x.at(e.X)})
	}
	var chars catalog.Expr = stringLiteral(" ")
	if e.Chars != nil {
		if chars, err = x.bind(e.Chars); err != nil {
			return nil, err
		}
	}
	return x.invoke(x.at(e), fnTrim, []catalog.Expr{stringLiteral(trimModes[e.Side]), chars, of}, []place{x.at(e), x.at(e), x.at(e.X)})
}
