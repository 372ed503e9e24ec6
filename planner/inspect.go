package planner

import "github.com/streamsql/streamsql/parser"

// inspectExpr calls f on an expression of the parser and on those within it,
// but not within subqueries.
func inspectExpr(e parser.Expr, f func(parser.Expr)) {
	if e == nil {
		return
	}
	f(e)
	each := func(es ...parser.Expr) {
		for _, e := range es {
			if e != nil {
				inspectExpr(e, f)
			}
		}
	}
	switch e := e.(type) {
	case *parser.FieldAccess:
		each(e.X)
	case *parser.Index:
		each(e.X, e.Index)
	case *parser.Unary:
		each(e.X)
	case *parser.Binary:
		each(e.Left, e.Right)
	case *parser.Is:
		each(e.X)
	case *parser.Like:
		each(e.X, e.Pattern)
	case *parser.Between:
		each(e.X, e.Low, e.High)
	case *parser.In:
		each(e.X)
		each(e.List...)
	case *parser.Case:
		each(e.Operand, e.Else)
		for _, w := range e.Whens {
			each(w.Cond, w.Result)
		}
	case *parser.Cast:
		each(e.X)
	case *parser.AtTimeZone:
		each(e.X, e.Zone)
	case *parser.Call:
		each(e.Args...)
		each(e.Filter)
		if e.Over != nil && e.Over.Spec != nil {
			each(windowTerms(e.Over.Spec)...)
		}
	case *parser.NamedArg:
		each(e.Value)
	case *parser.Extract:
		each(e.X)
	case *parser.RoundTime:
		each(e.X)
	case *parser.Trim:
		each(e.Chars, e.X)
	case *parser.ArrayLit:
		each(e.Elems...)
	case *parser.MapLit:
		each(e.Keys...)
		each(e.Values...)
	case *parser.RowExpr:
		each(e.Elems...)
	}
}

// windowTerms are the expressions of PARTITION BY and ORDER BY.
func windowTerms(w *parser.WindowSpec) []parser.Expr {
	out := append([]parser.Expr(nil), w.PartitionBy...)
	for _, o := range w.OrderBy {
		out = append(out, o.Expr)
	}
	return out
}
