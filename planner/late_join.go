package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// lateToBoth sends the late rows of both sides of a window join, or of an ASOF join that
// looks ahead, to a sink. A late row
// has the columns of its side; a column of the sink that only the other side has is
// NULL in it, one that both have is that of the row's own side.
func (bl *block) lateToBoth(root rel, j *joinRel, sink *catalog.Table, where place) (rel, error) {
	extra := lateExtras(j)
	binders := [2]lateBinder{}
	ins := [2]rel{j.left, j.right}
	var carriers [2]carrier
	for side := range binders {
		binders[side] = lateBinder{binder: bl.binder, sink: sink, where: where}
		carriers[side] = binders[side].carrier(ins[side])
	}
	var fields []Column
	var values []lateValue
	for _, i := range sinkColumns(sink) {
		d := sink.Columns[i]
		v, err := bl.lateValue(d.Name, &binders, carriers, extra)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
		fields = append(fields, Column{Name: d.Name, Type: d.Type, NotNull: d.NotNull})
	}
	left, right := len(binders[0].wanted), len(binders[1].wanted)
	late := &lateRows{sink: sink, place: where}
	for i, v := range values {
		e, err := bl.env.store(v.over(bl.env, left, right), fields[i], where)
		if err != nil {
			return nil, err
		}
		late.exprs = append(late.exprs, e)
	}
	// The operator's inputs get the columns that late rows carry; a projection above
	// it takes them away again.
	var out rel = j
	ins[0], late.cols = binders[0].carry(j.left, carriers[0])
	ins[1], late.right = binders[1].carry(j.right, carriers[1])
	more := len(ins[0].cols()) - len(j.left.cols())
	out = withLate(j, ins[0], late)
	with := out
	if p, ok := out.(*projectRel); ok {
		with = p.in
	}
	wide := *with.(*joinRel)
	wide.right = ins[1]
	if !j.kind.oneSided() {
		wide.out = slices.Concat(wide.out, ins[1].cols()[len(j.right.cols()):])
	}
	out = &wide
	if len(wide.out) > len(j.out) {
		out = withoutMore(&wide, j.out, len(j.left.cols()), max(more, 0))
		if more == 0 {
			out = keepFirst(&wide, len(j.out))
		}
	}
	return substitute(root, j, out), nil
}

// lateValue is a column of a late row of such a join: of either side, or one that
// the operator adds.
type lateValue struct {
	sides [2]catalog.Expr // over the wanted columns of the side; nil: it has none
	extra int             // of the operator's columns, if no side has it
	cols  []column
	t     catalog.Type
}

// lateValue finds a column of the sink by its name.
func (bl *block) lateValue(name string, binders *[2]lateBinder, carriers [2]carrier, extra []column) (lateValue, error) {
	id := parser.Ident{Text: name, Quoted: true}
	if found := matching(id, len(extra), func(i int) string { return extra[i].Name }); len(found) > 0 {
		return lateValue{extra: found[0], cols: extra}, nil
	}
	var v lateValue
	var types []catalog.Type
	var names []string
	for side, c := range carriers {
		found := matching(id, len(c.cols), func(i int) string { return c.cols[i].Name })
		for _, col := range c.cols {
			if !slices.Contains(names, col.Name) {
				names = append(names, col.Name)
			}
		}
		if len(found) > 0 {
			v.sides[side] = binders[side].take(c, found[0])
			if _, plain := v.sides[side].(*catalog.ColumnRef); !plain {
				return v, hint(binders[0].where.errorf("column `%s` of late rows is computed by an expression that can fail, which a late row of the other side does not have", name), "take the columns that it is computed from")
			}
			types = append(types, v.sides[side].Type())
		}
	}
	where, sink := binders[0].where, binders[0].sink
	if types == nil {
		for _, col := range extra {
			names = append(names, col.Name)
		}
		return v, hint(where.errorf("late rows have no column `%s`, which sink `%s` declares", name, sink.Name), "they have %s", joinNames(names))
	}
	var ok bool
	if v.t, ok = catalog.CommonTypeOf(types...); !ok {
		return v, where.errorf("column `%s` of late rows has types that don't go together: %s", name, typeList(types))
	}
	return v, nil
}

// over gives the value over what the operator gives out of a late row: left columns of
// the left side, right ones of the right side, then its own.
func (v lateValue) over(env *environment, left, right int) catalog.Expr {
	l, r := v.sides[0], v.sides[1]
	if l == nil && r == nil {
		col := v.cols[v.extra]
		return &catalog.ColumnRef{Index: left + right + v.extra, Name: col.Name, T: col.Type}
	}
	if r != nil {
		r = shift(r, func(i int) int { return i + left })
	}
	switch {
	case r == nil:
		return l
	case l == nil:
		return r
	}
	// The other side's columns are all NULL.
	return &catalog.Coalesce{Args: []catalog.Expr{env.castTo(l, v.t), env.castTo(r, v.t)}, T: v.t}
}
