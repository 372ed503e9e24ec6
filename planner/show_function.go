package planner

import (
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// described finds what DESCRIBE and SHOW CREATE name: a table or view, or a
// function, if that is what they say or nothing else has the name.
func (b *binder) described(name *parser.Name, kind parser.ObjectKind) (catalog.Object, error) {
	m, ok := b.findMacro(name)
	if kind == parser.ObjectFunction {
		if !ok {
			return nil, b.noMacro(name)
		}
		return m, nil
	}
	o, err := b.lookup(name)
	if err != nil && ok {
		return m, nil
	}
	return o, err
}

// noMacro says that CREATE FUNCTION has not made a function of a name.
func (b *binder) noMacro(name *parser.Name) *parser.Error {
	var names []string
	for _, o := range b.env.catalog.Objects() {
		if o.ObjectName().Function {
			names = append(names, o.ObjectName().Object)
		}
	}
	fallback := "SHOW FUNCTIONS lists them"
	if b.env.isBuiltIn(strings.ToUpper(name.Last().Text)) {
		fallback = "it is one that every script has"
	}
	return didYouMean(b.at(name).errorf("CREATE FUNCTION has made no `%s`", dotted(name.Parts)), name.Last().Text, names, fallback)
}

// dropFunction executes DROP FUNCTION. It says whether there was something to
// drop.
func (b *binder) dropFunction(d *parser.Drop) (bool, error) {
	m, ok := b.findMacro(d.Name)
	switch {
	case !ok && d.IfExists:
		return false, nil
	case !ok:
		return false, b.noMacro(d.Name)
	case d.Cascade:
		return false, b.at(d).errorf("DROP ... CASCADE is not supported yet")
	}
	if err := b.env.catalog.Drop(m.Name); err != nil {
		return false, b.at(d.Name).errorf("%v", err)
	}
	return true, nil
}

// macroRows describes a function made by CREATE FUNCTION: its parameters, what it
// returns, its body.
func macroRows(m *catalog.Macro) *Rows {
	r := &Rows{Cols: []string{"name", "type", "what"}}
	for _, p := range m.Params {
		r.Rows = append(r.Rows, []string{p.Name, p.Type.String(), "parameter"})
	}
	body := strings.Join(strings.Fields(m.Source.Slice(m.Body.Range())), " ")
	return withRow(r, m.Name.Object, m.Returns.String(), "AS "+body)
}

func withRow(r *Rows, cells ...string) *Rows {
	r.Rows = append(r.Rows, cells)
	return r
}

// builtIn finds the built-in function that DESCRIBE FUNCTION names.
func (b *binder) builtIn(s *parser.Describe) (*catalog.Function, bool) {
	if s.Object != parser.ObjectFunction || len(s.Name.Parts) != 1 {
		return nil, false
	}
	return b.env.functions.Lookup(s.Name.Parts[0].Text)
}

// functionRows describes a built-in function: its signatures and what it does.
func functionRows(fn *catalog.Function) *Rows {
	r := &Rows{Cols: []string{"name", "signature", "description"}}
	return withRow(r, fn.Name, strings.Join(fn.Signatures, "; "), fn.Doc)
}
