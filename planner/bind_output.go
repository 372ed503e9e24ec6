package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// output binds the clauses that end a SELECT block: EMIT, LATE DATA TO, ALLOW
// LATENESS. They belong to the time-based operator of the block, or to the only
// one below it that still sees the watermark. late is there if there is none, and
// the block's ORDER BY, by keys, is in the order of time: it judges rows then.
func (bl *block) output(r rel, keys []SortKey) (out rel, late *parser.Name, err error) {
	o := bl.sel.Output
	if o == nil {
		return r, nil, nil
	}
	r, err = bl.emission(r, o)
	if err != nil || o.LateTo == nil {
		return r, nil, err
	}
	target, err := bl.judge(r, bl.at(o), "LATE DATA TO")
	if err != nil {
		target = nil
	}
	if w := bl.sessionOf(r, target); w != nil {
		target, err = w, nil
	}
	if err != nil {
		if len(bl.windowed(r)) == 0 && len(bl.ranks(r)) == 0 && !isBounded(r) && !updates(r) && timeOrdered(r.cols(), keys) {
			return r, o.LateTo, nil
		}
		return nil, nil, err
	}
	if agg, ok := target.(*aggregateRel); ok && agg.window.Proc {
		return nil, nil, bl.at(o).errorf("LATE DATA TO: windows of processing time have no late rows")
	}
	r, err = bl.lateTo(r, target, o.LateTo)
	return r, nil, err
}

// lateToSort sends the late rows of an ORDER BY time to a sink.
func (b *binder) lateToSort(r rel, name *parser.Name) (rel, error) {
	s, ok := r.(*sortRel)
	if !ok || !s.byTime {
		return nil, hint(b.at(name).errorf("LATE DATA TO: no operator here judges rows by time"), "an ORDER BY with a LIMIT takes late rows too, and changes its rows")
	}
	return (&block{binder: b}).lateTo(r, s, name)
}

// closed makes a rank by time, or an OVER that a filter may yet make one of, give
// out its rows when the watermark has passed them.
func closed(root, target rel, where place) (rel, error) {
	switch t := target.(type) {
	case *overRel:
		out := *t
		out.onClose = true
		return substitute(root, t, &out), nil
	case *rankRel:
		if t.windowed() {
			return root, nil
		}
		if t.kind != OverRowNumber || !timeOrdered(t.in.cols(), t.order) {
			return nil, hint(where.errorf("EMIT ON WINDOW CLOSE: rows of %s are never final, for its order is not that of time", operatorName(t)),
				"ORDER BY the time attribute, ascending, or PARTITION BY window_start, window_end")
		}
		out := *t
		out.onClose = true
		return substituteTime(root, t, newRank(out)), nil
	}
	return root, nil
}

// judge finds the operator that judges rows by time for a clause: a windowed
// aggregation, or else a rank or an OVER.
func (bl *block) judge(r rel, where place, clause string) (rel, error) {
	found := bl.ranks(r)
	if len(bl.windowed(r)) > 0 || len(found) == 0 {
		return bl.timed(r, where, clause)
	}
	if len(found) > 1 {
		return nil, hint(where.errorf("%s may belong to several operators: %s and %s", clause, operatorName(found[0]), operatorName(found[1])),
			"put it in the CTE or subquery of the one that is meant")
	}
	return found[0], nil
}

// ranks lists the ranks and OVERs of a tree that judge rows by time.
func (bl *block) ranks(root rel) []rel {
	var found []rel
	visit(root, func(r rel) {
		switch r.(type) {
		case *overRel, *rankRel, *joinRel:
			if judges(r) && !slices.ContainsFunc(found, func(f rel) bool { return hasTimed(r, f) && isWindowed(r) }) {
				found = append(found, r)
			}
		}
	})
	return found
}

// emitRank binds EMIT where it is a rank's or an OVER's. done is false if there is
// none, or an aggregation that it belongs to.
func (bl *block) emitRank(root rel, e *parser.Emit) (out rel, done bool, err error) {
	if e == nil || len(bl.windowed(root)) > 0 || e.Kind != parser.EmitOnWindowClose && e.Kind != parser.EmitChanges {
		return root, false, nil
	}
	found := bl.ranks(root)
	if e.Kind == parser.EmitChanges {
		for _, r := range found {
			if isWindowed(r) {
				return nil, true, hint(bl.at(e).errorf("EMIT CHANGES of %s, which is within a window, is not supported", operatorName(r)), "leave it out: the rows come out when the window closes")
			}
		}
		return root, len(found) > 0, nil
	}
	if len(found) == 0 {
		visit(root, func(r rel) {
			if k, ok := r.(*rankRel); ok && len(found) == 0 {
				found = append(found, k)
			}
		})
	}
	if len(found) == 0 {
		return root, false, nil
	}
	if len(found) > 1 {
		_, err = bl.judge(root, bl.at(e), "EMIT ON WINDOW CLOSE")
		return nil, true, err
	}
	out, err = closed(root, found[0], bl.at(e))
	return out, true, err
}

// sessionOf gives the SESSION whose rows an operator takes when their session has
// closed: it is the SESSION that finds late rows. Without an operator (nil) it is the
// only one there is. nil: there is none.
func (bl *block) sessionOf(root, target rel) *windowRel {
	var below rel
	switch t := target.(type) {
	case nil:
		var found []*windowRel
		visit(root, func(r rel) {
			if w, ok := r.(*windowRel); ok && w.sessions() && !w.win.Proc {
				found = append(found, w)
			}
		})
		if len(found) == 1 {
			return found[0]
		}
		return nil
	case *aggregateRel:
		if attachWindows(t, &ruleContext{env: bl.env, notes: map[rel][]string{}}) != rel(t) {
			return nil // it assigns the sessions itself
		}
		below = t.in
	case *overRel:
		below = t.in
	case *rankRel:
		below = t.in
	default:
		return nil
	}
	if w := windowBelow(below); w != nil && w.sessions() && !w.win.Proc {
		return w
	}
	return nil
}

// judges says whether an operator judges rows by time.
func judges(r rel) bool {
	switch r := r.(type) {
	case *aggregateRel:
		return r.window != nil
	case *joinRel:
		return r.mode == temporalJoin || r.mode == windowJoin
	case *overRel:
		return r.mode().byTime() || r.mode() == overAtClose
	case *rankRel:
		return r.onClose || r.windowed() || r.arrival == NoArrival && r.kind == OverRowNumber && timeOrdered(r.in.cols(), r.order) && !updates(r.in)
	}
	return false
}

// isWindowed says whether an operator ranks or aggregates within windows that
// come from below: over the rows of windows that have fired none is late.
func isWindowed(r rel) bool {
	switch r := r.(type) {
	case *overRel:
		return r.windowed()
	case *rankRel:
		return r.windowed()
	}
	return false
}

// hasTimed says whether an operator stands below r.
func hasTimed(r, of rel) bool {
	found := false
	visit(r, func(n rel) { found = found || n == of && n != r })
	return found
}

// lateTo sends the late rows of an operator to a sink. A late row is the row
// of the operator's input as it was written: where only filters, projections
// and windows stand above a source, all that the source declares; else the
// columns of the block's FROM. It ends with window_start, window_end and
// watermark.
func (bl *block) lateTo(root rel, a rel, name *parser.Name) (rel, error) {
	where := bl.at(name)
	have, in := lateOf(a)
	if have != nil {
		return nil, where.errorf("the late rows of %s already go to a sink", operatorName(a))
	}
	if _, sets := in.(*expandRel); sets {
		return nil, hint(where.errorf("LATE DATA TO can't stand over GROUPING SETS: a row would be late once for each set"), "take late rows from a query with one GROUP BY")
	}
	o, lerr := bl.lookup(name)
	if lerr != nil {
		return nil, lerr
	}
	sink, ok := o.(*catalog.Table)
	if ok && sink.NotWritten != nil {
		return nil, bl.oneUse(sink, sink.NotWritten)
	}
	if !ok || sink.SinkOptions == nil {
		return nil, where.errorf("LATE DATA TO needs a sink, `%s` is a %s", o.ObjectName(), strings.ToLower(o.Kind()))
	}
	if j, ok := a.(*joinRel); ok && j.mode == windowJoin {
		for _, side := range j.inputs() {
			if w := windowBelow(side); w != nil && w.sessions() && !w.win.Proc && w.late == nil {
				return nil, hint(where.errorf("LATE DATA TO: the late rows of the SESSION at %s are found before its rows are joined", w.place.line()), "put LATE DATA TO into the SELECT that reads from the SESSION")
			}
		}
	}
	if j, ok := a.(*joinRel); ok && (j.mode == windowJoin || j.mode == temporalJoin && j.times.ahead) {
		return bl.lateToBoth(root, j, sink, where)
	}
	l := lateBinder{binder: bl.binder, sink: sink, where: where}
	carrier := l.carrier(in)
	exprs, err := l.match(carrier, lateExtras(a))
	if err != nil {
		return nil, err
	}
	in, at := l.carry(in, carrier)
	return substitute(root, a, withLate(a, in, &lateRows{sink: sink, cols: at, exprs: exprs, place: where})), nil
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

// substituteTime is substitute where the new node has time attributes that the
// old one lacks: the projections above are told.
func substituteTime(root, old, new rel) rel {
	above := map[rel]bool{}
	return rewrite(root, func(r rel) rel {
		if r == old {
			above[new] = true
			return new
		}
		for _, in := range r.inputs() {
			if above[in] {
				if p, ok := r.(*projectRel); ok {
					r = rederived(p, p.in)
				}
				above[r] = true
			}
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
	at = in
	if p, ok := in.(*projectRel); ok {
		at = p.in
	}
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
func (l *lateBinder) match(c carrier, extra []column) ([]catalog.Expr, error) {
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
	w := &windowRel{in: in, win: r.win, id: r.id, late: r.late, place: r.place}
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
