package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// described finds what DESCRIBE and SHOW CREATE name: a table or view, or the
// functions of the name, if that is what they say or nothing else has it.
func (b *binder) described(name *parser.Name, kind parser.ObjectKind) ([]catalog.Object, error) {
	var functions []catalog.Object
	for _, m := range b.findMacros(name) {
		functions = append(functions, m)
	}
	if kind == parser.ObjectFunction {
		if len(functions) == 0 {
			return nil, b.noMacro(name)
		}
		return functions, nil
	}
	o, err := b.lookup(name)
	if err != nil && len(functions) > 0 {
		return functions, nil
	}
	return []catalog.Object{o}, err
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

// dropFunction executes DROP FUNCTION, of all functions of the name or of the one
// with the parameters that are given. It says whether there was something to drop.
func (b *binder) dropFunction(d *parser.Drop) (bool, error) {
	ms := b.findMacros(d.Name)
	if d.Params != nil {
		var err error
		if ms, err = b.withParams(ms, d); err != nil {
			return false, err
		}
	}
	switch {
	case len(ms) == 0 && d.IfExists:
		return false, nil
	case len(ms) == 0:
		return false, b.noMacro(d.Name)
	case d.Cascade:
		return false, b.at(d).errorf("DROP ... CASCADE is not supported yet")
	}
	// They may call each other: first those that nothing calls.
	for len(ms) > 0 {
		var err error
		before := len(ms)
		ms = slices.DeleteFunc(ms, func(m *catalog.Macro) bool {
			bad := b.env.catalog.Drop(m.Name)
			if bad != nil {
				err = bad
			}
			return bad == nil
		})
		if len(ms) == before {
			return false, b.at(d.Name).errorf("%v", err)
		}
	}
	return true, nil
}

// withParams gives the function whose parameters have the types that DROP lists.
func (b *binder) withParams(ms []*catalog.Macro, d *parser.Drop) ([]*catalog.Macro, error) {
	var types []catalog.Type
	for _, p := range d.Params {
		t, err := dataType(b.src, p)
		if err != nil {
			return nil, err
		}
		types = append(types, t)
	}
	return slices.DeleteFunc(ms, func(m *catalog.Macro) bool {
		return !slices.EqualFunc(m.Params, types, func(p catalog.Field, t catalog.Type) bool { return p.Type.Equal(t) })
	}), nil
}

// macroRows describes functions made by CREATE FUNCTION: their parameters, what they
// return, their bodies.
func macroRows(functions []catalog.Object) *Rows {
	r := &Rows{Cols: []string{"name", "type", "what"}}
	for _, o := range functions {
		m := o.(*catalog.Macro)
		for _, p := range m.Params {
			r.Rows = append(r.Rows, []string{p.Name, p.Type.String(), "parameter"})
		}
		body := strings.Join(strings.Fields(m.Source.Slice(m.Body.Range())), " ")
		withRow(r, m.Name.Object, m.Returns.String(), "AS "+body)
	}
	return r
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
