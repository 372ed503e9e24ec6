package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// output binds the clauses that end a SELECT block: EMIT, LATE DATA TO, ALLOW
// LATENESS. They belong to the time-based operator of the block, or to the only
// one below it that still sees the watermark.
func (bl *block) output(r rel) (rel, error) {
	o := bl.sel.Output
	if o == nil {
		return r, nil
	}
	r, err := bl.emission(r, o)
	if err != nil || o.LateTo == nil {
		return r, err
	}
	target, err := bl.timed(r, bl.at(o), "LATE DATA TO")
	if err != nil {
		return nil, err
	}
	return bl.lateTo(r, target, o.LateTo)
}

// lateTo sends the late rows of an aggregation to a sink. A late row is the row
// of the operator's input as it was written: where only filters, projections
// and windows stand above a source, all that the source declares; else the
// columns of the block's FROM. It ends with window_start, window_end and
// watermark.
func (bl *block) lateTo(root rel, a *aggregateRel, name *parser.Name) (rel, error) {
	where := bl.at(name)
	if a.late != nil {
		return nil, where.errorf("the late rows of %s already go to a sink", operatorName(a))
	}
	o, lerr := bl.lookup(name)
	if lerr != nil {
		return nil, lerr
	}
	sink, ok := o.(*catalog.Table)
	if !ok || sink.SinkOptions == nil {
		return nil, where.errorf("LATE DATA TO needs a sink, `%s` is a %s", o.ObjectName(), strings.ToLower(o.Kind()))
	}
	l := lateBinder{binder: bl.binder, sink: sink, where: where}
	carrier := l.carrier(a.in)
	exprs, err := l.match(carrier, windowColumns(a.out[len(a.out)-1].Type, 0))
	if err != nil {
		return nil, err
	}
	in, at := l.carry(a.in, carrier)
	late := &lateRows{sink: sink, cols: at, exprs: exprs, place: where}
	out := *a
	out.in, out.late = in, late
	return substitute(root, a, &out), nil
}

// substitute puts a node in the place of another one.
func substitute(root, old, new rel) rel {
	return rewrite(root, func(r rel) rel {
		if r == old {
			return new
		}
		return r
	})
}

// lateBinder finds what a late row consists of and brings it to the operator.
type lateBinder struct {
	*binder
	sink  *catalog.Table
	where place
	// wanted are the columns of the carrier that the sink takes, in the order in
	// which the operator gets them.
	wanted []int
}

// carrier is the relation whose rows late rows are: its node in the tree, and
// whether it is a source's.
type carrier struct {
	node rel
	// src is there if the node gives a source's declared columns.
	src  *source
	cols []column
}

// carrier looks below an operator: through filters, projections and windows to
// a source, else to what stands in FROM.
func (l *lateBinder) carrier(in rel) carrier {
	at := in
	for {
		switch r := at.(type) {
		case *filterRel:
			at = r.in
			continue
		case *windowRel:
			at = r.in
			continue
		case *projectRel:
			if s, ok := r.in.(*scanRel); ok {
				return carrier{r, s.src, s.src.declared}
			}
			at = r.in
			continue
		}
		break
	}
	// Below the projection of keys and arguments: WHERE, the window, FROM.
	at = in.(*projectRel).in
	for {
		switch r := at.(type) {
		case *filterRel:
			at = r.in
			continue
		case *windowRel:
			at = r.in
			continue
		}
		break
	}
	return carrier{at, nil, at.cols()}
}

// match finds the sink's columns, by name, in a late row. The expressions are
// over the wanted columns, then window_start, window_end and watermark of the
// operator, whose names stand before those of the carrier.
func (l *lateBinder) match(c carrier, window []column) ([]catalog.Expr, error) {
	mark := window[1]
	mark.Name = "watermark"
	extra := []column{window[0], window[1], mark}
	var values []func(wanted int) catalog.Expr
	var fields []Column
	for _, i := range sinkColumns(l.sink) {
		d := l.sink.Columns[i]
		value, err := l.value(d.Name, c, extra)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
		fields = append(fields, Column{Name: d.Name, Type: d.Type, NotNull: d.NotNull})
	}
	exprs := make([]catalog.Expr, len(values))
	for i, value := range values {
		e, err := l.env.store(value(len(l.wanted)), fields[i], l.where)
		if err != nil {
			return nil, err
		}
		exprs[i] = e
	}
	return exprs, nil
}

// value finds one column of a late row. It gives a function, since where the
// extra columns stand is known only when all wanted ones are.
func (l *lateBinder) value(name string, c carrier, extra []column) (func(wanted int) catalog.Expr, error) {
	id := parser.Ident{Text: name, Quoted: true}
	if found := matching(id, len(extra), func(i int) string { return extra[i].Name }); len(found) > 0 {
		col := extra[found[0]]
		return func(wanted int) catalog.Expr {
			return &catalog.ColumnRef{Index: wanted + found[0], Name: col.Name, T: col.Type}
		}, nil
	}
	found := matching(id, len(c.cols), func(i int) string { return c.cols[i].Name })
	if len(found) == 0 {
		var names []string
		for _, col := range append(slices.Clone(c.cols), extra...) {
			names = append(names, col.Name)
		}
		err := l.where.errorf("late rows have no column `%s`, which sink `%s` declares", name, l.sink.Name)
		return nil, hint(err, "they have %s", joinNames(names))
	}
	e := l.take(c, found[0])
	return func(int) catalog.Expr { return e }, nil
}

// take makes the operator carry column i of the carrier. A computed column that
// can fail is computed of late rows only: carried along, it would put rows in
// error that the query itself has no quarrel with.
func (l *lateBinder) take(c carrier, i int) catalog.Expr {
	if c.src != nil && canFail(c.src.exprs[i]) && volatility(c.src.exprs[i]) == catalog.Immutable {
		if e := l.compute(c, c.src.exprs[i]); e != nil {
			return e
		}
	}
	at := slices.Index(l.wanted, i)
	if at < 0 {
		at = len(l.wanted)
		l.wanted = append(l.wanted, i)
	}
	return &catalog.ColumnRef{Index: at, Name: c.cols[i].Name, T: c.cols[i].Type}
}

// compute gives an expression over a source's fields as one over carried
// columns; nil if a field is no column as it is.
func (l *lateBinder) compute(c carrier, e catalog.Expr) catalog.Expr {
	plain := map[int]int{} // field to column
	for i, d := range c.src.exprs {
		if f, ok := d.(*catalog.ColumnRef); ok {
			plain[f.Index] = i
		}
	}
	for _, f := range columnsOf(e) {
		if _, ok := plain[f]; !ok {
			return nil
		}
	}
	return lenient(replace(e, func(e catalog.Expr) catalog.Expr {
		if f, ok := e.(*catalog.ColumnRef); ok {
			return l.take(c, plain[f.Index])
		}
		return nil
	}))
}

// lenient makes NULL of what does not cast: a value that the query itself does
// not read is no error of a late row.
func lenient(e catalog.Expr) catalog.Expr {
	old := children(e)
	args := make([]catalog.Expr, len(old))
	for i, a := range old {
		args[i] = lenient(a)
	}
	if len(args) > 0 {
		e = withChildren(e, args)
	}
	if c, ok := e.(*catalog.Cast); ok && !c.Safe {
		return &catalog.Cast{Of: c.Of, T: c.T, Safe: true}
	}
	return e
}

// carry adds the wanted columns to every projection between the carrier and the
// operator. It gives the operator's new input and where they are in it.
func (l *lateBinder) carry(r rel, c carrier) (rel, []int) {
	if r == c.node {
		return r, l.wanted
	}
	switch r := r.(type) {
	case *filterRel:
		in, at := l.carry(r.in, c)
		return &filterRel{in: in, pred: r.pred, place: r.place}, at
	case *projectRel:
		in, at := l.carry(r.in, c)
		out := &projectRel{in: in, exprs: slices.Clone(r.exprs), out: slices.Clone(r.out), place: r.place}
		moved := make([]int, len(at))
		for i, a := range at {
			if moved[i] = slices.IndexFunc(out.exprs, func(e catalog.Expr) bool {
				c, ok := e.(*catalog.ColumnRef)
				return ok && c.Index == a
			}); moved[i] >= 0 {
				continue
			}
			moved[i] = len(out.exprs)
			out.exprs = append(out.exprs, ref(in.cols(), a))
			out.out = append(out.out, in.cols()[a])
		}
		return out, moved
	case *windowRel:
		return l.carryWindow(r, c)
	}
	return r, nil
}

// carryWindow carries columns through a windowRel, whose own three columns stand
// last: a projection brings the old ones back to where they were.
func (l *lateBinder) carryWindow(r *windowRel, c carrier) (rel, []int) {
	in, at := l.carry(r.in, c)
	n, added := len(r.in.cols()), len(in.cols())-len(r.in.cols())
	w := &windowRel{in: in, win: r.win, id: r.id, place: r.place}
	w.out = append(slices.Clone(in.cols()), r.out[n:]...)
	if added == 0 {
		return w, at
	}
	p := &projectRel{in: w, place: r.place}
	order := append(positions(n), len(w.out)-3, len(w.out)-2, len(w.out)-1)
	moved := make([]int, len(at))
	for i, a := range at {
		if a < n {
			moved[i] = a
			continue
		}
		moved[i] = n + 3 + a - n
	}
	for a := n; a < n+added; a++ {
		order = append(order, a)
	}
	for _, i := range order {
		p.exprs = append(p.exprs, ref(w.out, i))
		p.out = append(p.out, w.out[i])
	}
	return p, moved
}
