package planner

import (
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// subquery is a query within an expression, or a LATERAL one in FROM. While the
// query around it is bound, a call of its function fn stands for its value. The
// arguments of the call are its parameters: what it reads of the query around it,
// which within it is a catalog.Outer. So the parameters go through the binding of
// that query (GROUP BY, say) as any operand does.
type subquery struct {
	id   int
	kind subqueryKind
	rel  rel
	fn   *catalog.Function
	// params are the parameters over the scope around, texts their exprKeys.
	params []catalog.Expr
	texts  []string
	// compare is the comparison of x = ANY (query): over the columns of rel and the
	// parameters, of which x is one.
	compare catalog.Expr
	// not turns the value of EXISTS or ANY around.
	not   bool
	place place
	// around binds names in the query around.
	around *exprBinder
}

type subqueryKind uint8

const (
	scalarSubquery  subqueryKind = iota // its only value, NULL if it has no row
	existsSubquery                      // whether it has a row
	anySubquery                         // whether compare holds for any row
	lateralSubquery                     // its rows, beside a row of FROM
)

// newSubquery binds a query with the names of the query around in sight.
func (x *exprBinder) newSubquery(kind subqueryKind, q *parser.Query, where place) (*subquery, error) {
	x.env.subqueries.count++
	s := &subquery{id: x.env.subqueries.count, kind: kind, place: where, around: x}
	inner := *x.binder
	inner.around = s
	r, err := inner.query(q)
	if err != nil {
		return nil, err
	}
	s.rel = r
	s.fn = &catalog.Function{Name: fmt.Sprintf("SUBQUERY %d", s.id)}
	x.env.subqueries.of[s.fn] = s
	return s, nil
}

// subqueries are those of a script, by the functions that stand for them.
type subqueries struct {
	of    map[*catalog.Function]*subquery
	count int
	// correlated are the places of those that read the query around them.
	correlated []place
}

// param gives the parameter that stands for a value of the query around.
func (s *subquery) param(e catalog.Expr) *catalog.Outer {
	text := exprKey(e)
	i := slices.Index(s.texts, text)
	if i < 0 {
		i = len(s.params)
		s.params, s.texts = append(s.params, e), append(s.texts, text)
	}
	name := text
	if c, ok := e.(*catalog.ColumnRef); ok {
		name = c.Name
	}
	return &catalog.Outer{Of: s.id, Index: i, Name: name, T: e.Type()}
}

// call is the expression that stands for the value.
func (s *subquery) call(t catalog.Type) catalog.Expr {
	return &catalog.Call{Fn: s.fn, Overload: &catalog.Overload{Result: t, NeverNull: s.kind == existsSubquery}, Args: s.params}
}

// outerColumn binds a name that the query around knows; ok is false if it does not.
func (x *exprBinder) outerColumn(e *parser.ColumnRef) (out catalog.Expr, ok bool, err error) {
	if x.around == nil || len(x.scope.hits(e.Parts)) > 0 {
		return nil, false, nil
	}
	around := x.around.around
	if len(around.scope.hits(e.Parts)) == 0 && around.binder.around == nil {
		_, err := around.scope.resolve(x.src, e)
		named := len(e.Parts) > 1 && !x.scope.hasTable(e.Parts[:1]) && around.scope.hasTable(e.Parts[:1])
		return nil, named, asPlain(err) // it is a table around that lacks the column
	}
	value, err := around.column(e)
	if err != nil {
		if len(around.scope.hits(e.Parts)) == 0 {
			return nil, false, nil // nor do those around it
		}
		return nil, true, err
	}
	return x.around.param(value), true, nil
}

// hasTable says whether a table of the scope has a name.
func (s *scope) hasTable(parts []parser.Ident) bool {
	return slices.ContainsFunc(s.tables, func(t scopeTable) bool { return t.qualifies(parts) })
}

// subqueriesHere says that the clause that x binds can have subqueries.
func (x *exprBinder) subqueriesHere(where place) error {
	switch x.clause {
	case "WHERE", "SELECT", "HAVING", "ORDER BY", "GROUP BY", "aggregate", "FILTER", "ON":
		return nil
	}
	return hint(where.errorf("a subquery can't stand in %s", x.clause), "join with it in FROM")
}

// scalar binds (query) as a value.
func (x *exprBinder) scalar(e *parser.Subquery) (catalog.Expr, error) {
	where := x.at(e)
	if err := x.subqueriesHere(where); err != nil {
		return nil, err
	}
	s, err := x.newSubquery(scalarSubquery, e.Query, where)
	if err != nil {
		return nil, err
	}
	if n := len(s.rel.cols()); n != 1 {
		return nil, where.errorf("a subquery in the place of a value must have 1 column, this one has %d", n)
	}
	return s.call(s.rel.cols()[0].Type), nil
}

// exists binds EXISTS (query).
func (x *exprBinder) exists(e *parser.Exists) (catalog.Expr, error) {
	where := x.at(e)
	if err := x.subqueriesHere(where); err != nil {
		return nil, err
	}
	s, err := x.newSubquery(existsSubquery, e.Query, where)
	if err != nil {
		return nil, err
	}
	return s.call(catalog.Boolean), nil
}

// inQuery binds x [NOT] IN (query).
func (x *exprBinder) inQuery(e *parser.In) (catalog.Expr, error) {
	return x.any(e.X, parser.Eq, e.Query, e.Not, x.at(e), "IN")
}

// quantified binds x op ANY (query), and x op ALL (query), which is that no row
// compares the other way.
func (x *exprBinder) quantified(e *parser.Quantified) (catalog.Expr, error) {
	if !e.All {
		return x.any(e.X, e.Op, e.Query, false, x.at(e), "ANY")
	}
	opposite, ok := opposites[e.Op]
	if !ok {
		return nil, x.at(e).errorf("%s ALL is not supported", e.Op)
	}
	return x.any(e.X, opposite, e.Query, true, x.at(e), "ALL")
}

var opposites = map[parser.BinaryOp]parser.BinaryOp{
	parser.Eq: parser.NotEq, parser.NotEq: parser.Eq, parser.Less: parser.GreaterEq,
	parser.GreaterEq: parser.Less, parser.Greater: parser.LessEq, parser.LessEq: parser.Greater,
}

// any binds the comparison of a value, or of several in parentheses, with the rows
// of a query.
func (x *exprBinder) any(left parser.Expr, op parser.BinaryOp, q *parser.Query, not bool, where place, what string) (catalog.Expr, error) {
	if err := x.subqueriesHere(where); err != nil {
		return nil, err
	}
	operands := []parser.Expr{left}
	if row, ok := left.(*parser.RowExpr); ok {
		operands = row.Elems
	}
	values, places, err := x.list(operands)
	if err != nil {
		return nil, err
	}
	s, err := x.newSubquery(anySubquery, q, where)
	if err != nil {
		return nil, err
	}
	s.not = not
	cols := s.rel.cols()
	if len(cols) != len(values) {
		return nil, x.at(q).errorf("%s compares %s with a query of %s", what, count(len(values), "value"), count(len(cols), "column"))
	}
	if len(values) > 1 && op != parser.Eq {
		return nil, where.errorf("several values are compared by = only")
	}
	var each []catalog.Expr
	for i, v := range values {
		args, err := x.comparable(where, what, []catalog.Expr{s.param(v), ref(cols, i)}, []place{places[i], x.at(q)})
		if err != nil {
			return nil, err
		}
		c, err := x.invoke(where, operatorNames[op], args, []place{places[i], x.at(q)})
		if err != nil {
			return nil, err
		}
		each = append(each, c)
	}
	s.compare = conjunction(each)
	return s.call(catalog.Boolean), nil
}

// subqueryOf gives the subquery that a call stands for.
func (env *environment) subqueryOf(e catalog.Expr) *subquery {
	if c, ok := e.(*catalog.Call); ok && env.subqueries != nil {
		return env.subqueries.of[c.Fn]
	}
	return nil
}

// hasSubquery says whether a subquery stands in an expression.
func (env *environment) hasSubquery(e catalog.Expr) bool {
	return env.subqueries != nil && len(env.subqueries.of) > 0 && anyExpr(e, func(e catalog.Expr) bool { return env.subqueryOf(e) != nil })
}
