// Package expr compiles bound expressions (catalog.Expr) and evaluates them over
// Arrow columns: projections, predicates, constant folding.
//
// A Program is made once per operator by Compile and shared; each goroutine runs
// it with an Evaluator of its own. Eval gives columns, Filter the rows on which
// conditions are TRUE. Logic is three-valued. AND, OR, CASE and COALESCE
// evaluate an operand only on the rows that the earlier ones leave open, and a
// value that a row does not have (overflow, a bad cast) is a RowError of that
// row, not of the batch. Equal subexpressions are computed once, save volatile
// ones; a value computed for some rows serves only where no others are asked
// for.
//
// The functions are those of Functions (package builtin); package kernel is what
// they are made of, ScalarFunc makes one of a Go function.
//
// # Names of operators
//
// The planner looks special syntax up in the function set by these names:
//
//	a = b, <>, <, <=, >, >=          "=", "<>" (alias "!="), "<", "<=", ">", ">="
//	a + b, -, *, /, %, DIV, ||       "+", "-", "*", "/", "%" (alias "MOD"), "DIV", "||"
//	-x, +x                           "UNARY -", "UNARY +"
//	NOT b                            "NOT"
//	x IS [NOT] NULL                  "IS NULL", "IS NOT NULL"
//	b IS [NOT] TRUE|FALSE|UNKNOWN    "IS TRUE", "IS NOT TRUE", "IS FALSE", ...
//	a IS [NOT] DISTINCT FROM b       "IS DISTINCT FROM", "IS NOT DISTINCT FROM"
//	x [NOT] IN (a, b, ...)           "IN", "NOT IN" (x, a, b, ...)
//	s [NOT] LIKE p [ESCAPE c]        "LIKE", "NOT LIKE" (s, p [, c])
//	s [NOT] SIMILAR TO p [ESCAPE c]  "SIMILAR TO", "NOT SIMILAR TO" (s, p [, c])
//	s [NOT] RLIKE p, REGEXP          "RLIKE" (alias "REGEXP"), "NOT RLIKE" (alias "NOT REGEXP")
//	EXTRACT(unit FROM x)             "EXTRACT" ('unit', x)
//	FLOOR(x TO unit), CEIL           "FLOOR", "CEIL" (x, 'unit')
//	TRIM([mode] [c] FROM s)          "TRIM" ('BOTH'|'LEADING'|'TRAILING', c, s); TRIM(s): (s)
//	SUBSTRING(s FROM a FOR n)        "SUBSTRING" (s, a [, n])
//	POSITION(x IN s)                 "POSITION" (x, s)
//	OVERLAY(s PLACING r FROM a FOR n) "OVERLAY" (s, r, a [, n])
//	TIMESTAMPADD(unit, n, t)         "TIMESTAMPADD" ('unit', n, t)
//	TIMESTAMPDIFF(unit, a, b)        "TIMESTAMPDIFF" ('unit', a, b)
//	a[i], m[k]                       "ITEM" (a, i)
//	ARRAY[...], MAP[k, v, ...]       "ARRAY" (...), "MAP" (k, v, ...)
//	ROW(...), (a, b)                 "ROW" (...)
//
// AND, OR, CASE, COALESCE, CAST, TRY_CAST and ROW members are nodes of the tree
// and no functions. BETWEEN is bound as AND of "<=" and ">=". IFNULL, IF and
// NULLIF are functions here, but IFNULL(a, b) and IF(c, a, b) with an operand
// that can fail must be bound as Coalesce and Case, to be lazy. Units, modes and
// formats are text literals.
package expr
