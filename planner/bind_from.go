package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// from binds a FROM clause. Without one there is a single row without columns
// that count.
func (b *binder) from(s *parser.Select) (rel, *scope, error) {
	if len(s.From) == 0 {
		return oneRow(b.at(s)), &scope{}, nil
	}
	r, sc, err := b.tableRef(s.From[0])
	for _, t := range s.From[1:] {
		if err != nil {
			return nil, nil, err
		}
		r, sc, err = b.nextItem(fromItem{r, sc}, t)
	}
	return r, sc, err
}

// nextItem binds a further item of FROM beside those on its left, which it may
// refer to if it is a function of rows.
func (b *binder) nextItem(left fromItem, t parser.TableRef) (rel, *scope, error) {
	if isRowFunction(t) {
		return b.rowFunction(left, t, false)
	}
	if j, ok := t.(*parser.Join); ok && isRowFunction(leftmost(j)) {
		if k := joinKinds[j.Kind]; k.padsLeft() {
			return nil, nil, hint(b.joinPlace(j).errorf("a %s can't have a function of the table before it on its left", j.Kind), "put the function behind the join")
		}
		r, sc, err := b.nextItem(left, j.Left)
		if err != nil {
			return nil, nil, err
		}
		return b.joinTo(fromItem{r, sc}, j)
	}
	right, rs, err := b.tableRef(t)
	if err != nil {
		return nil, nil, err
	}
	return b.cross(left, fromItem{right, rs}, b.at(t))
}

// leftmost is the first table of a chain of joins.
func leftmost(j *parser.Join) parser.TableRef {
	for {
		inner, ok := j.Left.(*parser.Join)
		if !ok {
			return j.Left
		}
		j = inner
	}
}

// tableRef binds one item of a FROM clause.
func (b *binder) tableRef(t parser.TableRef) (rel, *scope, error) {
	switch t := t.(type) {
	case *parser.TableName:
		r, names, err := b.table(t)
		if err != nil {
			return nil, nil, err
		}
		return b.aliased(r, names, t.Alias)
	case *parser.DerivedTable:
		r, err := b.query(t.Query)
		if err != nil {
			return nil, nil, err
		}
		return b.aliased(r, nil, t.Alias)
	case *parser.WindowTable:
		return b.windowTable(t)
	case *parser.Join:
		return b.join(t)
	case *parser.MatchRecognize:
		return nil, nil, require(b.at(t), featureMatchRecognize)
	case *parser.Unnest, *parser.TableFunction:
		one := oneRow(b.at(t))
		return b.rowFunction(fromItem{one, &scope{cols: one.cols(), visible: []int{}}}, t, false)
	}
	return nil, nil, b.at(t).errorf("this is not supported in FROM")
}

// joinPlace is where the word JOIN and what it joins stand.
func (b *binder) joinPlace(j *parser.Join) place {
	p := b.at(j)
	p.span.Start = j.Left.Range().End
	for p.span.Start < j.Right.Range().Start && strings.ContainsRune(" \t\r\n", rune(b.src.Text[p.span.Start])) {
		p.span.Start++
	}
	p.span.End = j.Right.Range().End
	return p
}

// aliased names a table of FROM, and its columns where the alias does.
func (b *binder) aliased(r rel, names []string, alias *parser.TableAlias) (rel, *scope, error) {
	if alias != nil {
		names = []string{alias.Name.Text}
		var err error
		if r, err = b.renamed(r, alias.Columns, b.at(alias)); err != nil {
			return nil, nil, err
		}
	}
	return r, tableScope(r.cols(), names...), nil
}

// table binds a name of FROM: a WITH query, a view, or a source.
func (b *binder) table(t *parser.TableName) (rel, []string, error) {
	if t.SystemTime != nil {
		return nil, nil, hint(b.at(t.SystemTime).errorf("FOR SYSTEM_TIME AS OF needs a left side whose time it names"), "FROM l JOIN v FOR SYSTEM_TIME AS OF l.ts ON l.k = v.k")
	}
	if r, ok := b.findCTE(t.Name); ok {
		if len(t.Hints) > 0 {
			return nil, nil, b.at(t.Hints[0]).errorf("a hint belongs to a source, `%s` is a WITH query", t.Name.Last().Text)
		}
		return r, []string{t.Name.Last().Text}, nil
	}
	o, err := b.lookup(t.Name)
	if err != nil {
		return nil, nil, err
	}
	full := o.ObjectName()
	names := []string{full.Catalog, full.Database, full.Object}
	switch o := o.(type) {
	case *catalog.View:
		if len(t.Hints) > 0 {
			return nil, nil, b.at(t.Hints[0]).errorf("a hint belongs to a source, `%s` is a view", full.Object)
		}
		r, err := b.view(o, b.at(t))
		return r, names, err
	case *catalog.Table:
		overrides, err := b.optionHints(t.Hints)
		if err != nil {
			return nil, nil, err
		}
		src, err := b.source(o, overrides, b.at(t))
		if err != nil {
			return nil, nil, err
		}
		return sourceRel(src, b.at(t)), names, nil
	}
	return nil, nil, b.at(t).errorf("`%s` can't be read", full)
}

// view binds the query of a view, with the names that it saw.
func (b *binder) view(v *catalog.View, where place) (rel, error) {
	name := v.Name.String()
	if slices.Contains(b.views, name) {
		return nil, where.errorf("view `%s` reads itself, by way of %s", v.Name, strings.Join(append(b.views, name), ", "))
	}
	inner := &binder{env: b.env, src: v.Source, ns: v.Namespace, views: append(slices.Clip(b.views), name)}
	r, err := inner.query(v.Query)
	if err != nil {
		return nil, err
	}
	cols := r.cols()
	if len(cols) != len(v.Columns) {
		return nil, where.errorf("view `%s` has changed below: it had %d columns, its query now gives %d", v.Name, len(v.Columns), len(cols))
	}
	out := append([]column(nil), cols...)
	for i := range out {
		out[i].Name = v.Columns[i].Name
	}
	return &projectRel{in: r, exprs: refs(cols), out: out, place: r.at()}, nil
}

// optionHints reads /*+ OPTIONS('k' = 'v') */.
func (b *binder) optionHints(hints []*parser.Hint) ([]*parser.Option, error) {
	var options []*parser.Option
	for _, h := range hints {
		if !strings.EqualFold(h.Name.Text, "OPTIONS") {
			if err := b.otherHint(h); err != nil {
				return nil, err
			}
			continue
		}
		options = append(options, h.Options...)
	}
	return options, nil
}

// sourceRel reads a source: the scan, and the declared columns over it.
func sourceRel(src *source, where place) rel {
	scan := &scanRel{src: src, place: where}
	for _, f := range src.fields {
		scan.out = append(scan.out, column{Column: Column{Name: f.Name, Type: f.Type, NotNull: f.NotNull}})
	}
	return normalized(src, &projectRel{in: scan, exprs: src.exprs, out: src.declared, place: where}, where)
}
