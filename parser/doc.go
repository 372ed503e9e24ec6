// Package parser turns the text of streaming SQL into syntax trees and back.
//
// In flows a Source (a name for messages and the text); out flow statements
// (Stmt), each node with its Span of byte offsets, or an ErrorList whose every
// entry points at the text it is about. Print gives text back that parses to
// the same tree, spans aside.
//
// Statements and the skeleton of queries are read by a tokenizer and a
// recursive descent of this package's own. Scalar expressions are cut in two:
// this package reads the primaries (literals, names, subqueries, casts, calls
// with clauses, constructors, intervals, suffixes such as ::type and [index])
// and the order of operators and operands, so that it alone decides what a
// word or a sign means and where an expression ends; the shape of what lies
// between the primaries - precedence and associativity of operators, NOT,
// BETWEEN, IN, LIKE, CASE, plain calls - comes from TiDB's parser, which gets
// canonical tokens with one quoted identifier for each primary. No type of
// TiDB's leaves this package, and no character of the user's text reaches it.
//
// The package knows nothing of catalogs, types of columns or plans: a name is
// a list of identifiers here, and r.f.g may be a table's column or a field of a
// field. It imports nothing of this module.
package parser
