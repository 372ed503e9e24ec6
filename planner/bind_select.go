package planner

import (
	"slices"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// selectBlock binds SELECT ... FROM ... WHERE ... GROUP BY ... HAVING, with the
// ORDER BY that stands after it.
func (b *binder) selectBlock(s *parser.Select, order []*parser.OrderItem) (*ordered, error) {
	hints, err := b.ttlHints(s.Hints)
	if err != nil {
		return nil, err
	}
	r, sc, err := b.from(s)
	if err != nil {
		return nil, err
	}
	ttl, err := applyTTL(hints, r, sc)
	if err != nil {
		return nil, err
	}
	if r, err = b.where(s, r, sc); err != nil {
		return nil, err
	}
	// A filter on a rank takes time attributes away; subqueries of WHERE add columns
	// that have no name.
	sc.cols = r.cols()[:len(sc.cols)]
	items, err := b.expandStars(s, sc)
	if err != nil {
		return nil, err
	}
	block := &block{binder: b, sel: s, in: r, scope: sc, items: items, order: order, ttl: ttl}
	if r, err = block.bind(); err != nil {
		return nil, err
	}
	out := &ordered{visible: len(r.cols())}
	if r, out.keys, err = block.orderBy(r); err != nil {
		return nil, err
	}
	if out.rel, out.late, err = block.output(r, out.keys); err != nil {
		return nil, err
	}
	return out, nil
}

// where binds the WHERE clause and puts it over FROM, whose joins it settles.
func (b *binder) where(s *parser.Select, r rel, sc *scope) (rel, error) {
	var pred catalog.Expr
	where := b.at(s)
	if s.Where != nil {
		x := &exprBinder{binder: b, scope: sc, clause: "WHERE", later: s.Items}
		var err error
		if pred, err = x.condition(s.Where); err != nil {
			return nil, err
		}
		where = b.at(s.Where)
	}
	var before, rest []catalog.Expr
	if before = []catalog.Expr{pred}; pred == nil {
		before = nil
	} else if b.env.hasSubquery(pred) {
		before, rest = b.splitSubqueries(pred)
	}
	if unsettled(r) {
		pred = nil
		if len(before) > 0 {
			pred = conjunction(before)
		}
		out, err := b.settleJoins(r, pred, where)
		if err != nil {
			return nil, err
		}
		sc.cols = out.cols()
		return b.filterBy(out, rest, where)
	}
	if len(before) > 0 {
		r = ranked(&filterRel{in: r, pred: conjunction(before), place: where})
	}
	return b.filterBy(r, rest, where)
}

// block is a SELECT block being bound.
type block struct {
	*binder
	sel   *parser.Select
	in    rel // FROM and WHERE
	scope *scope
	items []item
	order []*parser.OrderItem
	terms []sortTerm
	// ttl is how long the block's GROUP BY keeps a group: see keptForEver.
	ttl time.Duration
	// aggs is there if the block aggregates.
	aggs *aggregates
	// overs are the block's calls with OVER.
	overs *overs
	// agg is the block's own GROUP BY, nil if it has none.
	agg *aggregateRel
	// top is the relation over which the SELECT items are computed, exprs are
	// the items over it.
	top   rel
	exprs []catalog.Expr
	// qualify is QUALIFY, over what the items see; nil: none.
	qualify       catalog.Expr
	qualifyBinder *exprBinder
}

// item is an item of the SELECT list after the expansion of stars.
type item struct {
	name  string
	expr  parser.Expr // nil: column of the scope
	index int
	place place
}

// expandStars turns * and t.* into columns.
func (b *binder) expandStars(s *parser.Select, sc *scope) ([]item, error) {
	var items []item
	for i, it := range s.Items {
		if !it.Star {
			items = append(items, item{name: itemName(it, i), expr: it.Expr, place: b.at(it.Expr)})
			continue
		}
		if len(sc.tables) == 0 {
			return nil, b.at(it).errorf("* needs a FROM clause")
		}
		found := it.Qualifier == nil && sc.visible != nil
		if found {
			for _, k := range sc.visible {
				items = append(items, item{name: sc.cols[k].Name, index: k, place: b.at(it)})
			}
			continue
		}
		for _, t := range sc.tables {
			if it.Qualifier != nil && !t.qualifies(it.Qualifier.Parts) {
				continue
			}
			found = true
			for k := t.first; k < t.first+t.n; k++ {
				items = append(items, item{name: sc.cols[k].Name, index: k, place: b.at(it)})
			}
		}
		if !found {
			members, err := b.rowMembers(it.Qualifier, sc)
			if err != nil {
				return nil, err
			}
			items = append(items, members...)
		}
	}
	return items, nil
}

// rowMembers are the members of the ROW that the name before .* stands for.
func (b *binder) rowMembers(q *parser.Name, sc *scope) ([]item, error) {
	if len(sc.hits(q.Parts)) == 0 {
		return nil, b.noTableHere(q, sc)
	}
	h, err := sc.resolve(b.src, &parser.ColumnRef{Span: q.Span, Parts: q.Parts})
	if err != nil {
		return nil, err
	}
	row, err := member(b.src, ref(sc.cols, h.index), h.rest)
	if err != nil {
		return nil, err
	}
	t := row.Type()
	if t.Kind != catalog.KindRow {
		return nil, b.at(q).errorf("`%s` is neither a table in FROM nor a ROW: it is %s", dotted(q.Parts), article(t))
	}
	items := make([]item, len(t.Fields))
	for i, f := range t.Fields {
		parts := append(slices.Clone(q.Parts), parser.Ident{Span: q.Span, Text: f.Name, Quoted: true})
		items[i] = item{name: f.Name, expr: &parser.ColumnRef{Span: q.Span, Parts: parts}, place: b.at(q)}
	}
	return items, nil
}

func (b *binder) noTableHere(q *parser.Name, sc *scope) error {
	var names []string
	for _, t := range sc.tables {
		names = append(names, t.name())
	}
	return didYouMean(b.at(q).errorf("no table `%s` in FROM", dotted(q.Parts)), q.Last().Text, names, "")
}

// itemName is the name of an output column: the alias, the last part of a name,
// else one that no one can mean.
func itemName(it *parser.SelectItem, i int) string {
	if it.Alias != nil {
		return it.Alias.Text
	}
	switch e := it.Expr.(type) {
	case *parser.ColumnRef:
		return e.Parts[len(e.Parts)-1].Text
	case *parser.FieldAccess:
		return e.Field.Text
	}
	return "EXPR$" + itoa(i)
}

// bind computes the SELECT items.
func (bl *block) bind() (rel, error) {
	var err error
	if bl.overs, err = newOvers(bl); err != nil {
		return nil, err
	}
	if bl.isAggregated() {
		if err := bl.bindAggregate(); err != nil {
			return nil, err
		}
	} else {
		bl.top = bl.in
		if err := bl.bindOrder(); err != nil {
			return nil, err
		}
		x := &exprBinder{binder: bl.binder, scope: bl.scope, clause: "SELECT", overs: bl.overs}
		for _, it := range bl.items {
			e, err := bl.bindItem(x, it)
			if err != nil {
				return nil, err
			}
			bl.exprs = append(bl.exprs, e)
		}
		if err := bl.bindQualify(); err != nil {
			return nil, err
		}
		if bl.top, bl.exprs, err = bl.expandAll(bl.top, bl.exprs); err != nil {
			return nil, err
		}
		if err := bl.bindOver(); err != nil {
			return nil, err
		}
	}
	r, err := bl.project()
	if err != nil || !bl.sel.Distinct {
		return r, err
	}
	return bl.distinct(r)
}

func (bl *block) bindItem(x *exprBinder, it item) (catalog.Expr, error) {
	if it.expr != nil {
		return x.bind(it.expr)
	}
	c := ref(bl.scope.cols, it.index)
	if x.spans != nil {
		x.spans[c] = it.place.span
	}
	return c, nil
}

func (bl *block) project() (rel, error) {
	names := make([]string, len(bl.items))
	for i, it := range bl.items {
		names[i] = it.name
		if bl.exprs[i].Type().Kind == catalog.KindNull {
			bl.exprs[i] = nullLiteral(catalog.String)
		}
	}
	return project(bl.top, bl.exprs, names, bl.at(bl.sel)), nil
}

// project makes a projection and finds what its columns still are.
func project(in rel, exprs []catalog.Expr, names []string, where place) *projectRel {
	out := make([]column, len(exprs))
	for i, e := range exprs {
		out[i] = derived(e, in.cols(), where)
		out[i].Name = names[i]
	}
	return &projectRel{in: in, exprs: exprs, out: out, place: where}
}

// derived says what a column computed by e is: a plain reference stays a time
// attribute and a window bound, a changed one is neither.
func derived(e catalog.Expr, cols []column, where place) column {
	out := column{Column: Column{Type: e.Type(), NotNull: !nullable(e, cols)}}
	switch c := e.(type) {
	case *catalog.ColumnRef:
		name := out.Name
		out = cols[c.Index]
		out.Name = name
		return out
	case *catalog.Member:
		base, path := memberPath(c)
		if base != nil && hasPrefix(cols[base.Index].timeMember, path) {
			if rest := cols[base.Index].timeMember[len(path):]; len(rest) > 0 {
				out.timeMember = rest
			} else {
				out.time = eventTime
			}
		}
		return out
	case *catalog.Call:
		if c.Fn.Name == fnProc {
			out.time = processingTime
			return out
		}
	}
	for _, i := range columnsOf(e) {
		if cols[i].time == eventTime {
			out.lost = "the expression at " + where.line() + ", which changes it"
		} else if cols[i].lost != "" && out.lost == "" {
			out.lost = cols[i].lost
		}
	}
	return out
}

// memberPath gives the column and the path of indexes of a member access; nil if
// it is not of a column.
func memberPath(m *catalog.Member) (*catalog.ColumnRef, []int) {
	switch of := m.Of.(type) {
	case *catalog.ColumnRef:
		return of, []int{m.Index}
	case *catalog.Member:
		base, path := memberPath(of)
		return base, append(path, m.Index)
	}
	return nil, nil
}

func hasPrefix(path, prefix []int) bool {
	if len(prefix) > len(path) {
		return false
	}
	for i, p := range prefix {
		if path[i] != p {
			return false
		}
	}
	return true
}

// distinct is a GROUP BY all columns without aggregates; over the bounds of a
// window it is a windowed one.
func (bl *block) distinct(r rel) (rel, error) {
	cols := r.cols()
	keys := make([]int, len(cols))
	for i := range cols {
		keys[i] = i
	}
	agg, positions := newAggregate(r, keys, nil, bl.at(bl.sel))
	agg.ttl = bl.ttl
	if bl.agg == nil {
		bl.agg = agg
	}
	names, exprs := make([]string, len(cols)), make([]catalog.Expr, len(cols))
	for i := range cols {
		names[i], exprs[i] = cols[i].Name, ref(agg.out, positions[i])
	}
	return project(agg, exprs, names, bl.at(bl.sel)), nil
}

// sortTerm is a term of ORDER BY: an output column, or an expression over what
// the SELECT items see.
type sortTerm struct {
	item   *parser.OrderItem
	column int // of the output; -1: expr
	expr   catalog.Expr
	binder *exprBinder
}

// bindOrder resolves the terms of ORDER BY. It comes before the aggregation is
// built, since a term may have aggregates of its own.
func (bl *block) bindOrder() error {
	outputs := make([]column, len(bl.items))
	for i, it := range bl.items {
		outputs[i].Name = it.name
	}
	for _, o := range bl.order {
		i, ok, err := bl.outputColumn(o.Expr, outputs)
		if err != nil {
			return err
		}
		if ok {
			bl.terms = append(bl.terms, sortTerm{item: o, column: i})
			continue
		}
		if bl.sel.Distinct {
			return bl.at(o.Expr).errorf("ORDER BY of SELECT DISTINCT takes output columns only")
		}
		x := &exprBinder{binder: bl.binder, scope: bl.scope, clause: "ORDER BY", aliases: bl.alias, overs: bl.overs}
		if bl.aggs != nil {
			bl.aggs.attach(x)
		}
		e, err := x.bind(o.Expr)
		if err != nil {
			return err
		}
		bl.terms = append(bl.terms, sortTerm{item: o, column: -1, expr: e, binder: x})
	}
	return nil
}

// orderBy gives the sort keys. Terms that are no output columns become further
// columns after the visible ones.
func (bl *block) orderBy(r rel) (rel, []SortKey, error) {
	var keys []SortKey
	var hidden []catalog.Expr
	cols := r.cols()
	for _, t := range bl.terms {
		at, typ := t.column, catalog.Type{}
		if at >= 0 {
			typ = cols[at].Type
		} else {
			e := t.expr
			if bl.aggs != nil {
				var err error
				if e, err = bl.aggs.over(e, t.binder); err != nil {
					return nil, nil, err
				}
			}
			e = bl.overs.result(e)
			var err error
			if bl.top, e, err = bl.expand(bl.top, e); err != nil {
				return nil, nil, err
			}
			at, typ = len(cols)+len(hidden), e.Type()
			hidden = append(hidden, e)
		}
		if err := bl.sortable(t.item, typ); err != nil {
			return nil, nil, err
		}
		keys = append(keys, sortKey(t.item, at))
	}
	if len(hidden) > 0 {
		names := make([]string, 0, len(cols)+len(hidden))
		for _, c := range cols {
			names = append(names, c.Name)
		}
		for i := range hidden {
			names = append(names, "ORDER$"+itoa(i))
		}
		r = project(bl.top, append(append([]catalog.Expr(nil), bl.exprs...), hidden...), names, bl.at(bl.sel))
	}
	return r, keys, nil
}

// alias gives the expression of the output column of a name.
func (bl *block) alias(id parser.Ident) parser.Expr {
	for _, it := range bl.sel.Items {
		if it.Alias != nil && strings.EqualFold(it.Alias.Text, id.Text) {
			return it.Expr
		}
	}
	return nil
}
