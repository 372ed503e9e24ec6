package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// maxExpansion bounds the nodes that a call of a macro may grow to: macros that
// call macros grow exponentially.
const maxExpansion = 20_000

// macroName completes the name of a function made by CREATE FUNCTION with a number
// of parameters.
func (b *binder) macroName(name *parser.Name, params int) (catalog.Name, error) {
	full, err := b.fullName(name)
	full.Function, full.Params = true, params
	return full, err
}

// findMacro gives the macro of a name with a number of parameters.
func (b *binder) findMacro(name *parser.Name, params int) (*catalog.Macro, bool) {
	full, err := b.macroName(name, params)
	if err != nil {
		return nil, false
	}
	o, ok := b.env.catalog.Lookup(full)
	m, isMacro := o.(*catalog.Macro)
	return m, ok && isMacro
}

// findMacros gives all macros of a name, those with fewer parameters first.
func (b *binder) findMacros(name *parser.Name) []*catalog.Macro {
	full, err := b.macroName(name, 0)
	if err != nil {
		return nil
	}
	var out []*catalog.Macro
	for _, o := range b.env.catalog.Objects() {
		m, isMacro := o.(*catalog.Macro)
		if !isMacro {
			continue
		}
		if of := foldName(m.Name); (catalog.Name{Catalog: of.Catalog, Database: of.Database, Object: of.Object, Function: true}) == foldName(full) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(m, n *catalog.Macro) int { return len(m.Params) - len(n.Params) })
	return out
}

// wrongArity says that no macro of a name takes so many arguments as a call has.
func (b *binder) wrongArity(e *parser.Call, ms []*catalog.Macro) error {
	counts, signatures := make([]string, len(ms)), make([]string, len(ms))
	for i, m := range ms {
		counts[i], signatures[i] = itoa(len(m.Params)), m.Signature()
	}
	last := ms[len(ms)-1]
	takes := count(len(last.Params), "argument")
	if len(ms) > 1 {
		takes = strings.Join(counts[:len(ms)-1], ", ") + " or " + takes
	}
	err := b.at(e).errorf("`%s` takes %s, not %d", last.Name.Object, takes, len(e.Args))
	return hint(err, "%s", strings.Join(signatures, "; "))
}

// createFunction executes CREATE FUNCTION. It says whether it made something.
func (b *binder) createFunction(c *parser.CreateFunction) (bool, error) {
	name, err := b.newName(c.Name)
	if err != nil {
		return false, err
	}
	name.Function, name.Params = true, len(c.Params)
	if _, taken := b.env.catalog.Lookup(name); taken && c.IfNotExists {
		return false, nil
	}
	if word := strings.ToUpper(name.Object); b.env.isBuiltIn(word) {
		return false, hint(b.at(c.Name).errorf("`%s` is a function already that every script has", word), "give it another name")
	}
	m := &catalog.Macro{Name: name, Temporary: c.Temporary, Body: c.Body, Namespace: b.ns, Source: b.src, Span: c.Span, SQL: b.src.Slice(c.Span)}
	params := map[string]catalog.Expr{}
	for i, p := range c.Params {
		t, err := dataType(b.src, p.Type)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(m.Params, func(f catalog.Field) bool { return strings.EqualFold(f.Name, p.Name.Text) }) {
			return false, b.at(p).errorf("two parameters `%s`", p.Name.Text)
		}
		m.Params = append(m.Params, catalog.Field{Name: p.Name.Text, Type: t})
		params[strings.ToLower(p.Name.Text)] = &catalog.ColumnRef{Index: i, Name: p.Name.Text, T: t}
	}
	var inner parser.Expr
	inspectExpr(c.Body, func(e parser.Expr) {
		switch e := e.(type) {
		case *parser.Subquery, *parser.Exists, *parser.Quantified:
			inner = e
		case *parser.In:
			if e.Query != nil {
				inner = e
			}
		}
	})
	if inner != nil {
		return false, hint(b.at(inner).errorf("the body of a function has no query in it"), "CREATE VIEW, or join in the query that calls it")
	}
	before := b.env.uses
	b.env.uses = nil
	body, err := b.bodyOf(m, params, 0)
	m.Uses = b.env.uses
	b.env.uses = before
	if err != nil {
		return false, err
	}
	if m.Returns = body.Type(); c.Returns != nil {
		var terr *parser.Error
		if m.Returns, terr = dataType(b.src, c.Returns); terr != nil {
			return false, terr
		}
		if l, ok := body.(*catalog.Literal); !catalog.CanCast(body.Type(), m.Returns, true) && !(ok && catalog.CanCast(l.T, m.Returns, false)) {
			return false, hint(b.at(c.Body).errorf("function `%s` returns %s, its body is %s", name.Object, m.Returns, article(body.Type())), "CAST(... AS %s) if that is meant", m.Returns)
		}
	}
	if m.Returns.Kind == catalog.KindNull {
		return false, hint(b.at(c.Body).errorf("the body of `%s` has no type", name.Object), "say RETURNS type")
	}
	if by, bad := b.env.callsItself(m); bad {
		return false, b.at(c.Body).errorf("function `%s` calls itself%s", name.Object, by)
	}
	return true, b.define(m, c.OrReplace, b.at(c.Name))
}

// isBuiltIn says whether a name means something in a call without CREATE
// FUNCTION.
func (env *environment) isBuiltIn(word string) bool {
	if _, ok := env.functions.Lookup(word); ok {
		return true
	}
	if _, _, ok := windowBoundName(word); ok {
		return true
	}
	_, ok := windowFunctions[word]
	return ok || word == "DESCRIPTOR"
}

// callsItself follows the calls of a macro that is to be defined. If they lead
// back it gives the way: ", by way of g", or nothing if it calls itself at once.
func (env *environment) callsItself(m *catalog.Macro) (way string, bad bool) {
	seen := map[catalog.Name]bool{}
	var follow func(uses []catalog.Name, way string) (string, bool)
	follow = func(uses []catalog.Name, way string) (string, bool) {
		for _, u := range uses {
			if foldName(u) == foldName(m.Name) {
				return way, true
			}
			if seen[foldName(u)] {
				continue
			}
			seen[foldName(u)] = true
			o, _ := env.catalog.Lookup(u)
			if inner, ok := o.(*catalog.Macro); ok {
				if found, bad := follow(inner.Uses, ", by way of `"+inner.Name.Object+"`"); bad {
					return found, true
				}
			}
		}
		return "", false
	}
	return follow(m.Uses, "")
}

// bodyOf binds the body of a macro with expressions in the place of its
// parameters.
func (b *binder) bodyOf(m *catalog.Macro, params map[string]catalog.Expr, conditional int) (catalog.Expr, error) {
	inner := &binder{env: b.env, src: m.Source, ns: m.Namespace, views: b.views, macros: append(slices.Clip(b.macros), m.Name)}
	x := &exprBinder{binder: inner, scope: &scope{}, clause: "the body of a function", params: params, conditional: conditional}
	return x.bind(m.Body)
}

// macro binds a call of a macro: its body, with the arguments in the place of
// the parameters. An argument that is not the same each time is computed once a
// row, however often the body has its parameter.
func (x *exprBinder) macro(e *parser.Call, m *catalog.Macro) (catalog.Expr, error) {
	name := m.Name.Object
	switch {
	case e.Star || e.Distinct || e.Filter != nil || len(e.OrderBy) > 0 || len(e.WithinGroup) > 0 || e.Nulls != parser.NullsUnspecified || e.Over != nil:
		return nil, hint(x.at(e).errorf("`%s` is a function: it takes arguments only", name), "%s", m.Signature())
	case slices.Contains(x.macros, m.Name):
		return nil, x.at(e).errorf("function `%s` calls itself", name)
	}
	x.env.use(m.Name)
	args, places, err := x.list(e.Args)
	if err != nil {
		return nil, err
	}
	params := map[string]catalog.Expr{}
	for i, p := range m.Params {
		arg, err := x.argument(m, i, args[i], places[i])
		if err != nil {
			return nil, err
		}
		params[strings.ToLower(p.Name)] = x.env.once(arg)
	}
	body, err := x.bodyOf(m, params, x.conditional)
	if err != nil {
		return nil, x.calledAt(e, m, err)
	}
	if size := nodes(body, maxExpansion); size >= maxExpansion {
		return nil, x.at(e).errorf("`%s` grows to more than %d operations here", name, maxExpansion)
	}
	return x.env.castTo(body, m.Returns), nil
}

// argument fits an argument to its parameter: by an implicit cast, or, of a
// constant, by any that it survives.
func (x *exprBinder) argument(m *catalog.Macro, i int, arg catalog.Expr, where place) (catalog.Expr, error) {
	p := m.Params[i]
	_, constant := arg.(*catalog.Literal)
	if catalog.CanCast(arg.Type(), p.Type, true) || constant && catalog.CanCast(arg.Type(), p.Type, false) {
		return x.coerce(arg, p.Type, where)
	}
	bad := where.errorf("parameter `%s` of `%s` is %s, this is %s", p.Name, m.Name.Object, p.Type, article(arg.Type()))
	if catalog.CanCast(arg.Type(), p.Type, false) {
		return nil, hint(bad, "CAST(... AS %s) if that is meant", p.Type)
	}
	return nil, hint(bad, "%s", m.Signature())
}

// calledAt adds to an error within a macro where the macro was called from.
func (x *exprBinder) calledAt(e *parser.Call, m *catalog.Macro, err error) error {
	bad, ok := err.(*parser.Error)
	if !ok {
		return err
	}
	out := *bad
	where := x.at(e)
	out.Msg = fmt.Sprintf("%s (in function `%s`, called at %s: %s)", bad.Msg, m.Name.Object, where.line(), where.text())
	return &out
}

// once numbers the calls in an expression that give another value each time, so
// that all places where the expression stands share one evaluation.
func (env *environment) once(e catalog.Expr) catalog.Expr {
	if volatility(e) != catalog.Volatile {
		return e
	}
	var number func(e catalog.Expr) catalog.Expr
	number = func(e catalog.Expr) catalog.Expr {
		old := children(e)
		args := make([]catalog.Expr, len(old))
		for i, a := range old {
			args[i] = number(a)
		}
		if len(args) > 0 {
			e = withChildren(e, args)
		}
		if c, ok := e.(*catalog.Call); ok && c.Fn.Volatility == catalog.Volatile && c.Instance == 0 {
			again := *c
			*env.instances++
			again.Instance = *env.instances
			return &again
		}
		return e
	}
	return number(e)
}

// nodes counts the nodes of an expression, up to a limit.
func nodes(e catalog.Expr, limit int) int {
	n := 0
	walkExpr(e, func(catalog.Expr) bool {
		n++
		return n < limit
	})
	return n
}
