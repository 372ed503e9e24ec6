package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// isRowFunction says whether an item of FROM is a function of the row on its left:
// UNNEST, a table function, or a LATERAL query.
func isRowFunction(t parser.TableRef) bool {
	switch t := t.(type) {
	case *parser.Unnest, *parser.TableFunction:
		return true
	case *parser.DerivedTable:
		return t.Lateral
	}
	return false
}

// oneRow is a relation of a single row without columns that count.
func oneRow(where place) rel {
	return &valuesRel{rows: [][]catalog.Expr{{boolLiteral(true)}}, place: where,
		out: []column{{Column: Column{Name: "ROW$", Type: catalog.Boolean, NotNull: true}}}}
}

// rowFunction binds UNNEST or a table function beside the tables on its left, over
// whose columns its arguments are. With outer, rows of the left without elements
// stay.
func (b *binder) rowFunction(left fromItem, t parser.TableRef, outer bool) (rel, *scope, error) {
	if q, ok := t.(*parser.DerivedTable); ok {
		return b.lateral(left, q, outer, nil)
	}
	r := &unnestRel{in: left.rel, outer: outer, place: b.at(t)}
	x := &exprBinder{binder: b, scope: left.scope, clause: "FROM"}
	var alias *parser.TableAlias
	var err error
	switch t := t.(type) {
	case *parser.Unnest:
		x.clause, alias, r.ordinality = "UNNEST", t.Alias, t.WithOrdinality
		for _, e := range t.Exprs {
			if err = b.elementsOf(r, x, e, "UNNEST"); err != nil {
				return nil, nil, err
			}
		}
	case *parser.TableFunction:
		alias = t.Alias
		if err = b.tableFunction(r, x, t); err != nil {
			return nil, nil, err
		}
	}
	cols, err := b.elementColumns(r, alias)
	if err != nil {
		return nil, nil, err
	}
	r.out = append(slices.Clip(left.rel.cols()), cols...)
	name := "unnest"
	if alias != nil {
		name = alias.Name.Text
	}
	sc, err := b.beside(left.scope, tableScope(cols, name), b.at(t))
	if err != nil {
		return nil, nil, err
	}
	sc.cols = r.out
	return r, sc, nil
}

// joinFunction binds left JOIN UNNEST(...) and its like.
func (b *binder) joinFunction(left fromItem, t *parser.Join) (rel, *scope, error) {
	kind, inner := joinKinds[t.Kind]
	if t.Kind == parser.JoinAsof || t.Kind == parser.JoinAsofLeft || kind != InnerJoin && kind != LeftJoin || !inner || t.Natural || len(t.Using) > 0 {
		return nil, nil, hint(b.joinPlace(t).errorf("a function of the table before it takes CROSS JOIN, JOIN ... ON or LEFT JOIN ... ON TRUE only"), "put it into a subquery of its own")
	}
	if q, ok := t.Right.(*parser.DerivedTable); ok {
		return b.lateral(left, q, kind == LeftJoin, t.On)
	}
	r, sc, err := b.rowFunction(left, t.Right, kind == LeftJoin)
	if err != nil || t.On == nil {
		return r, sc, err
	}
	x := &exprBinder{binder: b, scope: sc, clause: "ON of a function"}
	on, err := x.condition(t.On)
	if err != nil || isTrue(on) {
		return r, sc, err
	}
	if kind == LeftJoin {
		return nil, nil, hint(b.at(t.On).errorf("LEFT JOIN of a function of the table before it takes ON TRUE only"), "choose among the elements in a subquery")
	}
	return &filterRel{in: r, pred: on, place: b.at(t.On)}, sc, nil
}

// elementsOf adds the elements of an array or map.
func (b *binder) elementsOf(r *unnestRel, x *exprBinder, e parser.Expr, what string) error {
	bound, err := x.bind(e)
	if err != nil {
		return err
	}
	if k := bound.Type().Kind; k != catalog.KindArray && k != catalog.KindMap {
		return b.at(e).errorf("%s takes an ARRAY or a MAP, not %s", what, article(bound.Type()))
	}
	r.items = append(r.items, UnnestItem{Exprs: []catalog.Expr{bound}})
	return nil
}

// tableFunction binds the table functions there are: EXPLODE, another name of
// UNNEST, and GENERATE_SERIES.
func (b *binder) tableFunction(r *unnestRel, x *exprBinder, t *parser.TableFunction) error {
	name := strings.ToUpper(t.Name.Last().Text)
	var args []parser.Expr
	for _, a := range t.Args {
		if a.Expr == nil || a.Name != nil {
			return b.at(a).errorf("%s takes values as arguments", name)
		}
		args = append(args, a.Expr)
	}
	switch name {
	case "EXPLODE":
		if len(args) != 1 {
			return b.at(t).errorf("EXPLODE takes 1 argument, not %d", len(args))
		}
		return b.elementsOf(r, x, args[0], name)
	case "GENERATE_SERIES":
		return b.series(r, x, t, args)
	}
	known := []string{"EXPLODE", "GENERATE_SERIES", "UNNEST", "TUMBLE", "HOP", "CUMULATE", "SESSION"}
	return didYouMean(b.at(t.Name).errorf("no table function `%s`", dotted(t.Name.Parts)), name, known, "there are "+strings.Join(known, ", "))
}

// series binds GENERATE_SERIES(first, last [, step]).
func (b *binder) series(r *unnestRel, x *exprBinder, t *parser.TableFunction, args []parser.Expr) error {
	if len(args) != 2 && len(args) != 3 {
		return b.at(t).errorf("GENERATE_SERIES takes a first and a last number and perhaps a step")
	}
	item := UnnestItem{Series: true}
	for i, a := range args {
		e, err := x.bind(a)
		if err != nil {
			return err
		}
		if !e.Type().IsInteger() && e.Type().Kind != catalog.KindNull {
			return b.at(a).errorf("GENERATE_SERIES takes integers, not %s", article(e.Type()))
		}
		if l, ok := e.(*catalog.Literal); ok && i == 2 && l.Value == int64(0) {
			return b.at(a).errorf("the step of GENERATE_SERIES must not be 0")
		}
		item.Exprs = append(item.Exprs, b.env.castTo(e, catalog.BigInt))
	}
	r.items = append(r.items, item)
	return nil
}

// elementColumns names the columns of the elements: as the alias says, else, of a
// single scalar column, as the alias itself.
func (b *binder) elementColumns(r *unnestRel, alias *parser.TableAlias) ([]column, error) {
	var out []column
	add := func(name string, t catalog.Type, notNull bool) {
		out = append(out, column{Column: Column{Name: name, Type: t, NotNull: notNull && !r.outer && len(r.items) == 1}})
	}
	scalar := "EXPR$" // numbered below
	if alias != nil && len(alias.Columns) == 0 {
		scalar = alias.Name.Text
	}
	for _, item := range r.items {
		types := item.Columns()
		t := item.Exprs[0].Type()
		switch {
		case item.Series:
			add(scalar, catalog.BigInt, true)
		case t.Kind == catalog.KindMap:
			add("key", types[0], true)
			add("value", types[1], false)
		case t.Elem.Kind == catalog.KindRow:
			for i, f := range t.Elem.Fields {
				add(f.Name, types[i], false)
			}
		default:
			add(scalar, types[0], false)
		}
	}
	for i := range out {
		if out[i].Name == "EXPR$" {
			out[i].Name += itoa(i)
		}
	}
	if r.ordinality {
		out = append(out, column{Column: Column{Name: "ordinality", Type: catalog.BigInt, NotNull: !r.outer}})
	}
	if alias != nil && len(alias.Columns) > 0 {
		if len(alias.Columns) != len(out) {
			return nil, b.at(alias).errorf("%s for %s", count(len(alias.Columns), "column name"), count(len(out), "column"))
		}
		for i, c := range alias.Columns {
			out[i].Name = c.Text
		}
	}
	return out, nil
}
