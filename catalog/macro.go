package catalog

import "github.com/streamsql/streamsql/parser"

// Macro is a function made by CREATE FUNCTION: an expression over its
// parameters. It is immutable once it is in a catalog. Its name has Function
// set: a function and a table of one name don't meet.
type Macro struct {
	Name      Name
	Temporary bool
	Params    []Field
	// Returns is the type of a call: the body is cast to it.
	Returns Type
	// Body is parsed from Source; Namespace is where its names are looked up.
	Body      parser.Expr
	Namespace Namespace
	// Uses lists the functions that the body calls.
	Uses   []Name
	Source *parser.Source
	Span   parser.Span
	SQL    string
}

// ObjectName implements Object.
func (m *Macro) ObjectName() Name { return m.Name }

// Kind implements Object.
func (*Macro) Kind() string { return "FUNCTION" }

// Definition implements Object.
func (m *Macro) Definition() string { return m.SQL }

// Signature gives the call for people: "f(x DOUBLE, n INT) -> DOUBLE".
func (m *Macro) Signature() string {
	s := m.Name.String() + "("
	for i, p := range m.Params {
		if i > 0 {
			s += ", "
		}
		s += QuoteName(p.Name) + " " + p.Type.String()
	}
	return s + ") -> " + m.Returns.String()
}
