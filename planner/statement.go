package planner

import (
	"fmt"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// statement executes or plans one statement.
func (a *analysis) statement(stmt parser.Stmt) error {
	b := a.binder()
	switch s := stmt.(type) {
	case *parser.CreateTable:
		made, err := b.createTable(s)
		if err := a.defined(b, s.Name, s.Kind.String(), made, err); err != nil || s.Query == nil || !made {
			return err
		}
		return a.insertStep(&parser.Insert{Span: s.Span, Table: &parser.TableName{Span: s.Name.Span, Name: s.Name}, Query: s.Query})
	case *parser.CreateView:
		made, err := b.createView(s)
		return a.defined(b, s.Name, "VIEW", made, err)
	case *parser.Drop:
		dropped, err := b.drop(s)
		if err == nil && dropped {
			a.say("%s %s dropped", strings.ToLower(s.Kind.String()), dotted(s.Name.Parts))
		}
		return err
	case *parser.QueryStmt:
		return a.selectStep(s)
	case *parser.Insert:
		return a.insertStep(s)
	case *parser.StatementSet:
		for _, i := range s.Inserts {
			if err := a.insertStep(i); err != nil {
				return err
			}
		}
		return nil
	case *parser.Set:
		return a.set(s)
	case *parser.Reset:
		return a.reset(s)
	case *parser.Explain:
		return a.explain(s)
	case *parser.Show:
		return a.show(s)
	case *parser.Describe:
		return a.describe(s)
	case *parser.Use:
		return a.use(b, s)
	case *parser.CreateNamespace:
		return a.createNamespace(b, s)
	case *parser.Alter:
		return a.alter(b, s)
	case *parser.CreateFunction:
		made, err := b.createFunction(s)
		return a.definedWith(b, s.Name, "FUNCTION", len(s.Params), made, err)
	case *parser.ReplayDeadLetters:
		return a.replayStep(s)
	}
	return b.at(stmt).errorf("this statement is not supported yet")
}

// defined tells of a CREATE, or remembers that it failed.
func (a *analysis) defined(b *binder, n *parser.Name, kind string, made bool, err error) error {
	return a.definedWith(b, n, kind, 0, made, err)
}

// definedWith is defined for a function with a number of parameters.
func (a *analysis) definedWith(b *binder, n *parser.Name, kind string, params int, made bool, err error) error {
	if err != nil {
		if name, bad := b.fullName(n); bad == nil {
			name.Function, name.Params = kind == "FUNCTION", params
			a.broken[foldName(name)] = true
		}
		return err
	}
	if made {
		a.say("%s %s created", strings.ToLower(kind), dotted(n.Parts))
	} else {
		a.say("%s exists already", dotted(n.Parts))
	}
	return nil
}

// foldName makes a name that is compared without regard to case.
func foldName(n catalog.Name) catalog.Name {
	return catalog.Name{Catalog: strings.ToLower(n.Catalog), Database: strings.ToLower(n.Database), Object: strings.ToLower(n.Object), Function: n.Function, Params: n.Params}
}

func (a *analysis) set(s *parser.Set) error {
	if s.Key == nil {
		a.add(a.settingRows())
		return nil
	}
	warning, err := a.settings.Set(s.Key.Value, s.Value.Value)
	if err != nil {
		at := place{a.src, s.Key.Span}
		msg, suggestion, _ := strings.Cut(err.Error(), "; ")
		if strings.HasPrefix(msg, "setting ") {
			at, msg, suggestion = place{a.src, s.Value.Span}, err.Error(), ""
		}
		bad := at.errorf("%s", msg)
		bad.Hint = suggestion
		return bad
	}
	if warning != "" {
		a.warn(place{a.src, s.Key.Span}.errorf("%s", warning))
	}
	return nil
}

func (a *analysis) reset(s *parser.Reset) error {
	key := ""
	if s.Key != nil {
		key = s.Key.Value
	}
	if err := a.settings.Reset(key); err != nil {
		return didYouMean(place{a.src, s.Key.Span}.errorf("%v", err), key, a.settings.Keys(), "")
	}
	return nil
}

func (a *analysis) settingRows() *Rows {
	r := &Rows{Cols: []string{"key", "value", "default", "description"}}
	for _, v := range a.settings.All() {
		r.Rows = append(r.Rows, []string{v.Spec.Name, v.Value, v.Spec.Default, v.Spec.Doc})
	}
	return r
}

// explain plans a statement of its own and prints the plan, or has it run.
func (a *analysis) explain(e *parser.Explain) error {
	var outs []*output
	b := a.binder()
	switch s := e.Stmt.(type) {
	case *parser.QueryStmt:
		r, err := b.query(s.Query)
		if err != nil {
			return err
		}
		outs = append(outs, &output{in: a.withoutLate(r), branch: "SELECT", place: b.at(s)})
	case *parser.Insert:
		o, err := b.insert(s)
		if err != nil {
			return err
		}
		outs = append(outs, o)
	case *parser.StatementSet:
		for _, i := range s.Inserts {
			o, err := b.insert(i)
			if err != nil {
				return err
			}
			outs = append(outs, o)
		}
	default:
		return place{a.src, e.Span}.errorf("EXPLAIN takes a query, an INSERT or a STATEMENT SET")
	}
	plan, err := planOutputs(b.env, outs, a.session.without)
	if err != nil {
		return err
	}
	if e.Mode == parser.ExplainAnalyze {
		a.add(&Analyze{Plan: plan, Settings: a.settings.Clone()})
		return nil
	}
	a.add(&Message{Text: strings.TrimSuffix(plan.Explain(e.Mode == parser.ExplainVerbose), "\n"), Plan: true})
	return nil
}

func (a *analysis) use(b *binder, s *parser.Use) error {
	ns := a.ns
	parts := s.Name.Parts
	switch {
	case s.Kind == parser.ObjectCatalog:
		ns = catalog.Namespace{Catalog: parts[0].Text, Database: catalog.DefaultDatabase}
		for _, known := range a.catalog.Namespaces() {
			if strings.EqualFold(known.Catalog, ns.Catalog) && !a.catalog.HasNamespace(ns) {
				ns.Database = known.Database
			}
		}
	case len(parts) == 2:
		ns = catalog.Namespace{Catalog: parts[0].Text, Database: parts[1].Text}
	default:
		ns.Database = parts[0].Text
	}
	if !a.catalog.HasNamespace(ns) {
		return b.at(s.Name).errorf("there is no %s `%s`", strings.ToLower(s.Kind.String()), dotted(parts))
	}
	a.ns = ns
	return nil
}

func (a *analysis) createNamespace(b *binder, s *parser.CreateNamespace) error {
	ns := catalog.Namespace{Catalog: a.ns.Catalog}
	parts := s.Name.Parts
	switch {
	case s.Kind == parser.ObjectCatalog:
		ns = catalog.Namespace{Catalog: parts[0].Text, Database: catalog.DefaultDatabase}
	case len(parts) == 2:
		ns = catalog.Namespace{Catalog: parts[0].Text, Database: parts[1].Text}
	default:
		ns.Database = parts[0].Text
	}
	if a.catalog.HasNamespace(ns) && !s.IfNotExists {
		return hint(b.at(s.Name).errorf("%s `%s` exists already", strings.ToLower(s.Kind.String()), dotted(parts)), "IF NOT EXISTS")
	}
	a.catalog.CreateNamespace(ns)
	a.say("%s %s created", strings.ToLower(s.Kind.String()), dotted(parts))
	return nil
}

// alter executes ALTER ... SET (options) and RESET (options) by defining the
// table anew.
func (a *analysis) alter(b *binder, s *parser.Alter) error {
	o, err := b.lookup(s.Name)
	if err != nil {
		if s.IfExists {
			return nil
		}
		return err
	}
	t, ok := o.(*catalog.Table)
	if !ok {
		return b.at(s.Name).errorf("`%s` is a view: it has no options", o.ObjectName())
	}
	stmts, perr := parser.Parse(parser.NewSource(t.Name.String(), t.SQL))
	if perr != nil || len(stmts) != 1 {
		return b.at(s.Name).errorf("the definition of `%s` can't be read: %v", t.Name, perr)
	}
	def, ok := stmts[0].(*parser.CreateTable)
	if !ok {
		return b.at(s.Name).errorf("the definition of `%s` is no CREATE %s", t.Name, t.Kind())
	}
	drop := map[string]bool{}
	for _, k := range s.Reset {
		drop[k.Value] = true
	}
	for _, o := range s.Set {
		drop[o.Key.Value] = true
	}
	var kept []*parser.Option
	for _, o := range def.Options {
		if !drop[o.Key.Value] {
			kept = append(kept, o)
		}
	}
	def.Options = append(kept, s.Set...)
	def.OrReplace = true
	src := parser.NewSource(t.Name.String(), parser.Print(def))
	inner := *b
	inner.src = src
	again, perr := parser.Parse(src)
	if perr != nil {
		return fmt.Errorf("the new definition of %s: %w", t.Name, perr)
	}
	if _, err := inner.createTable(again[0].(*parser.CreateTable)); err != nil {
		return err
	}
	a.say("%s %s altered", strings.ToLower(t.Kind()), t.Name)
	return nil
}
