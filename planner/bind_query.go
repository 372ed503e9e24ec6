package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// query binds a query expression: WITH, body, ORDER BY, LIMIT.
func (b *binder) query(q *parser.Query) (rel, error) {
	if q.With != nil {
		inner := *b
		inner.ctes = append(b.ctes[:len(b.ctes):len(b.ctes)], make([]cte, 0, len(q.With.CTEs))...)
		for _, c := range q.With.CTEs {
			r, err := inner.query(c.Query)
			if err != nil {
				return nil, err
			}
			if r, err = inner.renamed(r, c.Columns, b.at(c)); err != nil {
				return nil, err
			}
			inner.ctes = append(inner.ctes, cte{c.Name, r})
		}
		b = &inner
	}
	limit, offset, err := b.limits(q)
	if err != nil {
		return nil, err
	}
	o, err := b.ordered(q)
	if err != nil {
		return nil, err
	}
	r, err := b.sorted(q, o.rel, o.keys, limit, offset)
	if err != nil {
		return nil, err
	}
	if o.late != nil {
		if r, err = b.lateToSort(r, o.late); err != nil {
			return nil, err
		}
	}
	if o.visible < len(r.cols()) {
		r = keepFirst(r, o.visible)
	}
	return r, nil
}

// ordered is the body of a query with the terms of the ORDER BY that stands after it.
type ordered struct {
	rel  rel
	keys []SortKey
	// visible is the number of columns that the query shows. Those that only ORDER BY
	// needs come after them.
	visible int
	// late is there if LATE DATA TO is to be that of the ORDER BY.
	late *parser.Name
}

// ordered binds the body of a query and its sort keys.
func (b *binder) ordered(q *parser.Query) (*ordered, error) {
	if sel, ok := q.Body.(*parser.Select); ok {
		return b.selectBlock(sel, q.OrderBy)
	}
	r, err := b.body(q.Body)
	if err != nil {
		return nil, err
	}
	s := &scope{cols: r.cols()}
	var keys []SortKey
	for _, item := range q.OrderBy {
		i, ok, err := b.outputColumn(item.Expr, s.cols)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, hint(b.at(item.Expr).errorf("ORDER BY of a set operation or VALUES takes output columns only"),
				"columns here are %s", strings.Join(s.allNames(), ", "))
		}
		if err := b.sortable(item, s.cols[i].Type); err != nil {
			return nil, err
		}
		keys = append(keys, sortKey(item, i))
	}
	return &ordered{rel: r, keys: keys, visible: len(r.cols())}, nil
}

// body binds what WITH and ORDER BY stand around.
func (b *binder) body(body parser.QueryBody) (rel, error) {
	switch body := body.(type) {
	case *parser.Select:
		o, err := b.selectBlock(body, nil)
		if err != nil {
			return nil, err
		}
		return o.rel, nil
	case *parser.Query:
		return b.query(body)
	case *parser.Values:
		return b.values(body, nil)
	case *parser.SetOp:
		return b.setOp(body)
	}
	return nil, b.at(body).errorf("this query is not supported")
}

// sortKey makes a key: NULLs stand last unless said otherwise, whatever the
// direction.
func sortKey(item *parser.OrderItem, col int) SortKey {
	return SortKey{Col: col, Desc: item.Desc, NullsFirst: item.Nulls == parser.NullsFirst}
}

func (b *binder) sortable(item *parser.OrderItem, t catalog.Type) error {
	if !t.IsComparable() {
		return b.at(item.Expr).errorf("ORDER BY can't sort %s", article(t))
	}
	return nil
}

// outputColumn resolves an ordinal or the name of an output column.
func (b *binder) outputColumn(e parser.Expr, cols []column) (int, bool, error) {
	switch e := e.(type) {
	case *parser.NumberLit:
		return b.ordinal(e, len(cols))
	case *parser.ColumnRef:
		if len(e.Parts) != 1 {
			return 0, false, nil
		}
		found := matching(e.Parts[0], len(cols), func(i int) string { return cols[i].Name })
		if len(found) == 1 {
			return found[0], true, nil
		}
	}
	return 0, false, nil
}

// ordinal reads GROUP BY 1 and ORDER BY 1.
func (b *binder) ordinal(n *parser.NumberLit, outputs int) (int, bool, error) {
	l, err := numberLiteral(n, false)
	if err != nil || n.Kind != parser.NumberInteger {
		return 0, false, b.at(n).errorf("%s is not the number of an output column", n.Text)
	}
	v, ok := l.Value.(int64)
	if !ok || v < 1 || v > int64(outputs) {
		return 0, false, b.at(n).errorf("there is no output column number %s, only 1 to %d", n.Text, outputs)
	}
	return int(v - 1), true, nil
}

// limits reads LIMIT and OFFSET; a limit of -1 is none.
func (b *binder) limits(q *parser.Query) (limit, offset int64, err error) {
	limit = -1
	read := func(e parser.Expr, what string, into *int64) error {
		if e == nil {
			return nil
		}
		x := &exprBinder{binder: b, scope: &scope{}, clause: what}
		bound, err := x.bind(e)
		if err != nil {
			return err
		}
		l, ok := bound.(*catalog.Literal)
		if ok {
			if v, isInt := l.Value.(int64); isInt && l.T.IsInteger() && v >= 0 {
				*into = v
				return nil
			}
		}
		return b.at(e).errorf("%s must be a whole number of at least 0", what)
	}
	if err = read(q.Limit, "LIMIT", &limit); err != nil {
		return 0, 0, err
	}
	if err = read(q.Offset, "OFFSET", &offset); err != nil {
		return 0, 0, err
	}
	return limit, offset, nil
}

// sorted puts ORDER BY and LIMIT above a relation.
func (b *binder) sorted(q *parser.Query, r rel, keys []SortKey, limit, offset int64) (rel, error) {
	bounded := isBounded(r)
	if len(keys) > 0 {
		if !bounded {
			return b.sortedForEver(q, r, keys, limit, offset)
		}
		if limit >= 0 || offset > 0 {
			keys = tieBroken(keys, r.cols())
		}
		return &sortRel{in: r, keys: keys, limit: limit, offset: offset, place: b.at(q.OrderBy[0])}, nil
	}
	if limit < 0 && offset == 0 {
		return r, nil
	}
	where := b.at(q)
	if q.Limit != nil {
		where = b.at(q.Limit)
	}
	if bounded && hasState(r) {
		// Above a stateful operator the order of a bounded input is that of its
		// time attribute, then of all columns: the rows that LIMIT takes do not
		// depend on how the operator gave them out.
		return &sortRel{in: r, keys: totalOrder(r.cols()), limit: limit, offset: offset, place: where}, nil
	}
	if !bounded && updates(r) {
		// Rows come and go: those within the limit are the first ones of a fixed
		// order.
		return b.first(r, totalOrder(r.cols()), limit, offset, "LIMIT", where)
	}
	return &limitRel{in: r, limit: limit, offset: offset, place: where}, nil
}

// sortedForEver puts ORDER BY above a relation without end. With a LIMIT it is a
// top-N whose rows change; without one there is no first row, but for the order of
// time, which the watermark closes.
func (b *binder) sortedForEver(q *parser.Query, r rel, keys []SortKey, limit, offset int64) (rel, error) {
	where := b.at(q.OrderBy[0])
	if limit >= 0 {
		return b.first(r, keys, limit, offset, "ORDER BY", where)
	}
	switch {
	case offset > 0:
		return nil, hint(where.errorf("ORDER BY with OFFSET over an unbounded input needs a LIMIT"), "LIMIT says how many rows come out")
	case !timeOrdered(r.cols(), keys):
		return nil, hint(where.errorf("ORDER BY over an unbounded input has no first row: another one may always come before it"),
			"ORDER BY a time attribute, ascending, gives rows as the watermark passes them; LIMIT makes it a top-N")
	}
	if cause := updateCause(r); cause != nil {
		return nil, where.errorf("ORDER BY time over an input that updates is not possible; %s updates", operatorName(cause))
	}
	return &sortRel{in: r, keys: keys, limit: -1, byTime: true, place: where}, nil
}

// first keeps limit rows after offset in an order.
func (b *binder) first(r rel, keys []SortKey, limit, offset int64, what string, where place) (rel, error) {
	switch {
	case limit < 0:
		return nil, hint(where.errorf("OFFSET over an unbounded input that updates needs a LIMIT"), "LIMIT says how many rows come out")
	case limit == 0:
		return &filterRel{in: r, pred: boolLiteral(false), place: where}, nil
	}
	return newRank(rankRel{in: r, kind: OverRowNumber, order: keys, from: offset + 1, to: offset + limit, what: what, place: where}), nil
}

// tieBroken adds to the keys of a sort that is cut all other columns: which of
// several rows with equal keys are within the limit must not depend on the order
// in which they come.
func tieBroken(keys []SortKey, cols []column) []SortKey {
	for _, k := range totalOrder(cols) {
		if !slices.ContainsFunc(keys, func(have SortKey) bool { return have.Col == k.Col }) {
			keys = append(keys, k)
		}
	}
	return keys
}

// totalOrder sorts by the time attribute, if there is one, then by all columns
// that have an order.
func totalOrder(cols []column) []SortKey {
	var keys []SortKey
	for i, c := range cols {
		if c.time == eventTime {
			keys = append(keys, SortKey{Col: i})
			break
		}
	}
	for i, c := range cols {
		if c.Type.IsComparable() && (len(keys) == 0 || keys[0].Col != i) {
			keys = append(keys, SortKey{Col: i})
		}
	}
	return keys
}

// hasState says whether an operator that keeps rows is in the tree.
func hasState(r rel) bool {
	found := false
	visit(r, func(r rel) {
		switch r := r.(type) {
		case *aggregateRel, *overRel, *rankRel, *sortRel, *limitRel, *setRel, *joinRel:
			found = true
		case *windowRel:
			found = found || r.sessions()
		}
	})
	return found
}

// updates says whether the output takes rows back.
func updates(r rel) bool { return updateCause(r) != nil }

// updateCause gives the operator that makes the output of r update, nil if it
// only appends.
func updateCause(r rel) rel {
	switch r := r.(type) {
	case *scanRel:
		if r.src.changelog {
			return r
		}
		return nil
	case *normalizeRel:
		return r
	case *aggregateRel:
		if r.updates() {
			return r
		}
	case *setRel:
		if r.kind == ExceptOp {
			return r
		}
	case *rankRel:
		if r.final() {
			return nil
		}
		return r
	case *overRel:
		if r.mode().appends() {
			return nil
		}
		if cause := updateCause(r.in); cause != nil {
			return cause
		}
		return r
	case *joinRel:
		if r.times != nil {
			return nil // a pair is final when it comes
		}
		if r.passesStream() {
			return updateCause(r.stream())
		}
	case *sortRel:
		return nil // gives its rows once, at the end of its input
	}
	for _, in := range r.inputs() {
		if cause := updateCause(in); cause != nil {
			return cause
		}
	}
	if j, ok := r.(*joinRel); ok && j.mode == regularJoin && j.kind != InnerJoin && j.kind != SemiJoin {
		return r // what it says of a row without a partner, a later row takes back
	}
	return nil
}

// keepFirst drops the columns after the first n.
func keepFirst(r rel, n int) rel {
	cols := r.cols()
	return &projectRel{in: r, exprs: refs(cols)[:n], out: append([]column(nil), cols[:n]...), place: r.at()}
}

// renamed gives the columns new names: WITH c (a, b), AS t (a, b).
func (b *binder) renamed(r rel, names []parser.Ident, where place) (rel, error) {
	if len(names) == 0 {
		return r, nil
	}
	cols := r.cols()
	if len(names) != len(cols) {
		return nil, where.errorf("%s for %s", count(len(names), "column name"), count(len(cols), "column"))
	}
	out := append([]column(nil), cols...)
	for i, n := range names {
		out[i].Name = n.Text
	}
	return &projectRel{in: r, exprs: refs(cols), out: out, place: where}, nil
}

// values binds VALUES. With want it fits each value to the wanted type, as
// INSERT does; else the columns have the common type of their values.
func (b *binder) values(v *parser.Values, want []column) (rel, error) {
	x := &exprBinder{binder: b, scope: &scope{}, clause: "VALUES"}
	rows := make([][]catalog.Expr, len(v.Rows))
	for i, row := range v.Rows {
		for _, e := range row {
			bound, err := x.bind(e)
			if err != nil {
				return nil, err
			}
			rows[i] = append(rows[i], bound)
		}
	}
	out := make([]column, len(rows[0]))
	for c := range out {
		types := make([]catalog.Type, len(rows))
		notNull := true
		for i := range rows {
			if len(rows[i]) != len(out) {
				return nil, b.at(v).errorf("row %d of VALUES has %d values, row 1 has %d", i+1, len(rows[i]), len(out))
			}
			types[i] = rows[i][c].Type()
			notNull = notNull && !nullable(rows[i][c], nil)
		}
		t, ok := catalog.CommonTypeOf(types...)
		if want != nil && c < len(want) {
			t, ok = want[c].Type, true
		}
		if !ok {
			return nil, b.at(v).errorf("column %d of VALUES has values of types that don't go together: %s", c+1, typeList(types))
		}
		for i := range rows {
			cast, err := b.assign(rows[i][c], t, b.at(v.Rows[i][c]), want, c)
			if err != nil {
				return nil, err
			}
			rows[i][c] = cast
		}
		out[c] = column{Column: Column{Name: "EXPR$" + itoa(c), Type: t, NotNull: notNull}}
	}
	return &valuesRel{rows: rows, out: out, place: b.at(v)}, nil
}

// assign fits a value of VALUES to its column.
func (b *binder) assign(e catalog.Expr, t catalog.Type, where place, want []column, c int) (catalog.Expr, error) {
	if want == nil || c >= len(want) {
		return b.env.castTo(e, t), nil
	}
	return b.env.store(e, want[c].Column, where)
}

// isNull says whether an expression is the constant NULL, of whatever type.
func isNull(e catalog.Expr) bool {
	l, ok := e.(*catalog.Literal)
	return ok && l.Value == nil
}

func typeList(types []catalog.Type) string {
	var names []string
	for _, t := range types {
		if len(names) == 0 || names[len(names)-1] != t.String() {
			names = append(names, t.String())
		}
	}
	return strings.Join(names, ", ")
}
