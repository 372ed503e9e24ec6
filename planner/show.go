package planner

import (
	"regexp"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// show answers SHOW.
func (a *analysis) show(s *parser.Show) error {
	b := a.binder()
	match := likePattern(s.Like, s.NotLike)
	one := func(col string, names []string) {
		r := &Rows{Cols: []string{col}}
		for _, n := range names {
			if match(n) {
				r.Rows = append(r.Rows, []string{n})
			}
		}
		a.add(r)
	}
	switch s.What {
	case parser.ShowTables:
		one("table name", a.objects(func(o catalog.Object) bool { return !o.ObjectName().Function }))
	case parser.ShowSources:
		one("source name", a.objects(func(o catalog.Object) bool { t, ok := o.(*catalog.Table); return ok && t.SourceOptions != nil }))
	case parser.ShowSinks:
		one("sink name", a.objects(func(o catalog.Object) bool { t, ok := o.(*catalog.Table); return ok && t.SinkOptions != nil }))
	case parser.ShowViews:
		one("view name", a.objects(func(o catalog.Object) bool { _, ok := o.(*catalog.View); return ok }))
	case parser.ShowMaterializedViews:
		one("view name", nil)
	case parser.ShowFunctions:
		names := append(wordFunctions(b.env.functions), a.objects(func(o catalog.Object) bool { return o.ObjectName().Function })...)
		slices.Sort(names)
		one("function name", names)
	case parser.ShowCatalogs, parser.ShowDatabases:
		var names []string
		for _, ns := range a.catalog.Namespaces() {
			if s.What == parser.ShowCatalogs && !slices.Contains(names, ns.Catalog) {
				names = append(names, ns.Catalog)
			}
			if s.What == parser.ShowDatabases && strings.EqualFold(ns.Catalog, a.ns.Catalog) {
				names = append(names, ns.Database)
			}
		}
		one(map[bool]string{true: "catalog name", false: "database name"}[s.What == parser.ShowCatalogs], names)
	case parser.ShowCurrentCatalog:
		one("current catalog name", []string{a.ns.Catalog})
	case parser.ShowCurrentDatabase:
		one("current database name", []string{a.ns.Database})
	case parser.ShowAll:
		a.add(a.settingRows())
	case parser.ShowColumns:
		o, err := b.lookup(s.Name)
		if err != nil {
			return err
		}
		r := columnRows(o)
		r.Rows = slices.DeleteFunc(r.Rows, func(row []string) bool { return !match(row[0]) })
		a.add(r)
	case parser.ShowCreate:
		found, err := b.described(s.Name, s.Object)
		if err != nil {
			return err
		}
		r := &Rows{Cols: []string{"result"}}
		for _, o := range found {
			withRow(r, o.Definition())
		}
		a.add(r)
	default:
		return b.at(s).errorf("SHOW %s is answered by the shell and the server only", s.What)
	}
	return nil
}

// objects lists the objects of the current database that pass, sorted.
func (a *analysis) objects(pass func(catalog.Object) bool) []string {
	var names []string
	for _, o := range a.catalog.Objects() {
		n := o.ObjectName()
		if strings.EqualFold(n.Catalog, a.ns.Catalog) && strings.EqualFold(n.Database, a.ns.Database) && pass(o) {
			names = append(names, n.Object)
		}
	}
	slices.Sort(names)
	return slices.Compact(names) // functions of one name
}

// wordFunctions lists the functions that are called by name.
func wordFunctions(set catalog.FunctionSet) []string {
	var names []string
	for _, n := range set.Names() {
		if n[0] >= 'A' && n[0] <= 'Z' && !strings.Contains(n, " ") {
			names = append(names, n)
		}
	}
	return names
}

// likePattern makes a test of names from LIKE: % and _ stand for any text and
// any character.
func likePattern(like *parser.StringLit, not bool) func(string) bool {
	if like == nil {
		return func(string) bool { return true }
	}
	var re strings.Builder
	re.WriteString("(?is)^")
	for _, r := range like.Value {
		switch r {
		case '%':
			re.WriteString(".*")
		case '_':
			re.WriteString(".")
		default:
			re.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	pattern := regexp.MustCompile(re.String() + "$")
	return func(name string) bool { return pattern.MatchString(name) != not }
}

// describe answers DESCRIBE.
func (a *analysis) describe(s *parser.Describe) error {
	b := a.binder()
	if fn, ok := b.builtIn(s); ok {
		a.add(functionRows(fn))
		return nil
	}
	found, err := b.described(s.Name, s.Object)
	if err != nil {
		return err
	}
	if _, ok := found[0].(*catalog.Macro); ok {
		a.add(macroRows(found))
		return nil
	}
	a.add(columnRows(found[0]))
	return nil
}

// columnRows describes the columns of an object.
func columnRows(o catalog.Object) *Rows {
	r := &Rows{Cols: []string{"name", "type", "null", "key", "extras", "watermark"}}
	null := map[bool]string{true: "FALSE", false: "TRUE"}
	switch o := o.(type) {
	case *catalog.View:
		for _, f := range o.Columns {
			r.Rows = append(r.Rows, []string{f.Name, f.Type.String(), null[f.NotNull], "", "", ""})
		}
	case *catalog.Table:
		for i, c := range o.Columns {
			row := []string{c.Name, c.Type.String(), null[c.NotNull], "", "", ""}
			if slices.Contains(o.PrimaryKey, i) {
				row[3] = "PRIMARY KEY"
			}
			switch c.Kind {
			case catalog.MetadataColumnKind:
				row[4] = "METADATA FROM '" + c.Metadata + "'"
			case catalog.ComputedColumn:
				row[4] = "AS " + strings.Join(strings.Fields(c.Source.Slice(c.Expr.Range())), " ")
			}
			if w := o.Watermark; w != nil && w.Expr != nil && strings.EqualFold(w.Column.Parts[0].Text, c.Name) {
				row[5] = strings.Join(strings.Fields(o.WatermarkSource.Slice(w.Expr.Range())), " ")
			}
			r.Rows = append(r.Rows, row)
		}
	}
	return r
}
