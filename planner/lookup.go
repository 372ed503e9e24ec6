package planner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
)

// LookupJoin joins each row of a stream with the rows that a table outside has for
// its key at the moment when the row is processed. Like a StaticJoin it passes the
// stream through and has no state. What it gives depends on when it asks.
type LookupJoin struct {
	// Match is how the rows that were found, as TableCols, join the stream's; it has
	// no Table.
	Match *StaticJoin
	// Source is the table, Columns what is read of it.
	Source    string
	Connector string
	Options   catalog.Options
	Columns   []ScanColumn
	Declared  []catalog.Field
	// By are the columns whose values are given; none: no row can be joined, as the
	// condition is never TRUE.
	By []LookupKey
	// Filter, over Columns, drops rows that were found; nil: none. Exprs make
	// Match.TableCols of the others.
	Filter catalog.Expr
	Exprs  []catalog.Expr
	// OnBad is what becomes of a row that was found whose values don't fit, or on
	// which Filter or Exprs fail.
	OnBad   ErrorMode
	OnError ErrorMode // of Match
	Cache   LookupCache
	Retries int
	// keys are the unique keys of the table, over Match.TableCols.
	keys [][]int
}

// LookupKey is a column by whose value rows are looked up: that of a column of the
// stream, or a constant.
type LookupKey struct {
	Column int // of LookupJoin.Columns
	From   int // column of the stream, if Value is nil
	Value  *catalog.Literal
}

// LookupCache says which answers are kept. Of the limits one at least is set.
type LookupCache struct {
	On          bool
	MaxRows     int64         // 0: no limit
	AfterWrite  time.Duration // 0: no limit
	AfterAccess time.Duration // 0: no limit
	// Missing says that the answer "no row" is kept too.
	Missing bool
}

func (*LookupJoin) op() {}

// Expressions implements Evaluating: the condition over both sides.
func (o *LookupJoin) Expressions() []catalog.Expr { return o.Match.Expressions() }

// settleLookup checks the options of lookups.
func (b *binder) settleLookup(s *source, where place) error {
	spec := s.table.Connector
	s.lookup = spec.Source.Lookup != nil && spec.Source.Lookup(s.options)
	cache := s.options[catalog.LookupCacheOption]
	switch {
	case cache == "":
	case cache == catalog.LookupCacheFull:
		s.lookup = false
		if s.options[catalog.StaticOption] == "false" {
			return where.errorf("'%s' = '%s' reads `%s` whole as a static table, which '%s' = 'false' forbids", catalog.LookupCacheOption, cache, s.table.Name, catalog.StaticOption)
		}
	case !s.lookup:
		return hint(where.errorf("connector '%s' of `%s` can't look single keys up, as '%s' = '%s' has it", spec.Name, s.table.Name, catalog.LookupCacheOption, cache),
			"'%s' = '%s' reads the table whole before the stream", catalog.LookupCacheOption, catalog.LookupCacheFull)
	case cache == catalog.LookupCachePartial:
		c := s.cache()
		if c.MaxRows <= 0 && c.AfterWrite == 0 && c.AfterAccess == 0 {
			return hint(where.errorf("the PARTIAL cache of `%s` has no limit", s.table.Name), "'%s' = '10000', or '%s' = '10 min'", catalog.LookupMaxRowsOption, catalog.LookupAfterWriteOption)
		}
	}
	if s.options[catalog.StaticOption] == "true" {
		s.lookup = false
	}
	return nil
}

func (s *source) cache() LookupCache {
	o := s.options
	return LookupCache{
		On: o[catalog.LookupCacheOption] == catalog.LookupCachePartial, MaxRows: o.Int(catalog.LookupMaxRowsOption),
		AfterWrite: o.Duration(catalog.LookupAfterWriteOption), AfterAccess: o.Duration(catalog.LookupAfterAccessOption),
		Missing: o[catalog.LookupMissingOption] != "false",
	}
}

// lookedUp takes a table apart: filters and projections over a source become
// predicates and expressions over what its scan gives.
func lookedUp(r rel) (scan *scanRel, exprs, preds []catalog.Expr, ok bool) {
	switch r := r.(type) {
	case *scanRel:
		return r, refs(r.out), nil, true
	case *filterRel:
		scan, exprs, preds, ok = lookedUp(r.in)
		if ok {
			preds = append(preds, inlined(conjuncts(r.pred), exprs)...)
		}
		return scan, exprs, preds, ok
	case *projectRel:
		scan, exprs, preds, ok = lookedUp(r.in)
		if ok {
			exprs = inlined(r.exprs, exprs)
		}
		return scan, exprs, preds, ok
	}
	return nil, nil, nil, false
}

// lookupForm is a join with a table as of the moment: FOR SYSTEM_TIME AS OF a
// processing time.
func lookupForm(_ *binder, j *joinRel) (*joinRel, error) {
	if j.lookup == nil {
		return nil, nil
	}
	scan, exprs, preds, ok := lookedUp(j.right)
	if !ok || !scan.src.lookup {
		if isStatic(j.right) {
			return nil, nil
		}
		const advice = "a static table ('static' = 'true') is joined by a plain JOIN; versions with a WATERMARK are joined as of the time attribute of the left side"
		if !ok {
			return nil, hint(j.lookup.errorf("a lookup goes to a table itself, or a filter or projection of it"), advice)
		}
		return nil, hint(j.lookup.errorf("a table as of processing time is looked up, and connector '%s' of `%s` can't look keys up", scan.src.table.Connector.Name, scan.src.table.Name), advice)
	}
	if j.kind != InnerJoin && j.kind != LeftJoin {
		return nil, hint(j.lookup.errorf("a lookup does not go with %s JOIN", j.kind), "it takes JOIN and LEFT JOIN")
	}
	if cause := updateCause(j.left); cause != nil {
		return nil, hint(j.lookup.errorf("rows that are taken back can't look `%s` up, and %s takes rows back: it might say something else by then", scan.src.table.Name, operatorName(cause)),
			"look it up below, or join a static table")
	}
	n, found := len(j.left.cols()), len(lookupConstants(preds)) > 0
	on := withNarrowKeys(j.conditions(), n)
	for _, p := range on {
		_, r, nullSafe, ok := equality(p, n)
		if ok && !nullSafe {
			if c, isColumn := r.(*catalog.ColumnRef); isColumn {
				_, found = exprs[c.Index-n].(*catalog.ColumnRef)
			}
		}
		if found {
			break
		}
	}
	if !found {
		return nil, hint(j.lookup.errorf("a lookup in `%s` needs an equality with one of its columns", scan.src.table.Name), "ON ... = %s.%s", catalog.QuoteName(scan.src.table.Name.Object), catalog.QuoteName(scan.out[0].Name))
	}
	out := j.with(j.left, j.right, on)
	out.mode, out.static = lookupJoin, rightSide
	out.out = joinColumns(j.kind, j.left.cols(), plainColumns(j.right.cols(), ""))
	return out, nil
}

// withNarrowKeys adds to equalities with an integer column of the table, which was cast to
// the wider type of the other side, the same in the type of the column: by that the
// row can be found. A value beyond the column's type is equal to none.
func withNarrowKeys(on []catalog.Expr, n int) []catalog.Expr {
	out := slices.Clone(on)
	for _, p := range on {
		l, r, nullSafe, ok := equality(p, n)
		cast, isCast := r.(*catalog.Cast)
		if !ok || nullSafe || !isCast || !l.Type().IsInteger() || !cast.Of.Type().IsInteger() {
			continue
		}
		c, isColumn := cast.Of.(*catalog.ColumnRef)
		fn := p.(*catalog.Call).Fn
		if !isColumn {
			continue
		}
		if overload, err := fn.Resolve([]catalog.Arg{{Type: c.T}, {Type: c.T}}); err == nil {
			out = append(out, &catalog.Call{Fn: fn, Overload: overload, Args: []catalog.Expr{&catalog.Cast{Of: l, T: c.T, Safe: true}, c}})
		}
	}
	return out
}

// lookupConstants are the columns of a scan that predicates equate with constants.
func lookupConstants(preds []catalog.Expr) map[int]*catalog.Literal {
	out := map[int]*catalog.Literal{}
	for _, p := range preds {
		call, ok := p.(*catalog.Call)
		if !ok {
			continue
		}
		known := equalities(p)
		for _, a := range call.Args {
			if c, isColumn := a.(*catalog.ColumnRef); isColumn && known[exprKey(c)] != nil {
				out[c.Index] = known[exprKey(c)]
			}
		}
	}
	return out
}

// lookupJoin makes the operator.
func (b *builder) lookupJoin(k keyedJoin) (*Node, error) {
	r := k.join
	in, err := b.lower(r.stream())
	if err != nil {
		return nil, err
	}
	scan, exprs, preds, ok := lookedUp(r.table())
	if !ok {
		return nil, r.place.errorf("a lookup goes to a table itself, or a filter or projection of it")
	}
	s := scan.src
	match := &StaticJoin{Kind: r.kind, TableCols: plain(r.table().cols()), Keys: k.left, TableKeys: k.right, NullSafe: k.nullSafe,
		Residual: b.decided(k.rest, r.both()), Emit: r.emit}
	match.OnError = b.modeOf(match.Expressions()...)
	op := &LookupJoin{Match: match, Source: s.name, Connector: s.table.Connector.Name, Options: s.options, Declared: s.table.Physical(),
		Cache: s.cache(), Retries: 3, OnError: match.OnError, OnBad: b.letterMode(s.onError, s.at)}
	if s.options[catalog.LookupRetriesOption] != "" {
		op.Retries = int(max(0, s.options.Int(catalog.LookupRetriesOption)))
	}
	// Only what this join reads is asked for.
	var used []int
	for _, e := range append(slices.Clip(exprs), preds...) {
		for _, c := range columnsOf(e) {
			if !slices.Contains(used, c) {
				used = append(used, c)
			}
		}
	}
	slices.Sort(used)
	for _, c := range used {
		field := s.fields[slices.IndexFunc(s.fields, func(f ScanColumn) bool { return f.Name == scan.out[c].Name })]
		field.Type = scan.out[c].Type
		op.Columns = append(op.Columns, field)
	}
	move := func(c int) int { return slices.Index(used, c) }
	for _, e := range exprs {
		op.Exprs = append(op.Exprs, shift(e, move))
	}
	for i := range preds {
		preds[i] = shift(preds[i], move)
	}
	op.Filter = b.decided(preds, columnsOfScan(op.Columns))
	op.lookUpBy(lookupConstants(preds))
	if _, never := match.Residual.(*catalog.Literal); len(op.By) == 0 && !never {
		return nil, r.place.errorf("a lookup in `%s` needs an equality with one of its columns", s.table.Name)
	}
	if key := sourceKeys(scan); key != nil {
		if at, ok := placesOf(key[0], exprs); ok {
			op.keys = [][]int{at}
		}
	}
	return b.node(op, r, from(in), plain(r.out), lookupNodeText(op)), nil
}

// lookUpBy finds the columns to look up by: constants, and those that are equated
// with columns of the stream.
func (o *LookupJoin) lookUpBy(constants map[int]*catalog.Literal) {
	for c := range o.Columns {
		if l := constants[c]; l != nil {
			o.By = append(o.By, LookupKey{Column: c, Value: l})
			continue
		}
		for i, t := range o.Match.TableKeys {
			if e, ok := o.Exprs[t].(*catalog.ColumnRef); ok && e.Index == c && !o.Match.NullSafe[i] {
				o.By = append(o.By, LookupKey{Column: c, From: o.Match.Keys[i]})
				break
			}
		}
	}
}

func columnsOfScan(cols []ScanColumn) []column {
	out := make([]column, len(cols))
	for i, c := range cols {
		out[i].Column = Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull}
	}
	return out
}

// placesOf finds columns among expressions.
func placesOf(cols []int, exprs []catalog.Expr) ([]int, bool) {
	var out []int
	for _, c := range cols {
		i := slices.IndexFunc(exprs, func(e catalog.Expr) bool {
			r, ok := e.(*catalog.ColumnRef)
			return ok && r.Index == c
		})
		if i < 0 {
			return nil, false
		}
		out = append(out, i)
	}
	return out, true
}

// lookupNodeText tells two lookups of one branch apart.
func lookupNodeText(op *LookupJoin) string {
	m := op.Match
	exprs := append(slices.Clip(op.Exprs), m.Expressions()...)
	if op.Filter != nil {
		exprs = append(exprs, op.Filter)
	}
	if textOf(exprs...) == "" {
		return ""
	}
	text := fmt.Sprintf("%s %s %s %v %v %v %v %v", op.Source, optionsText(op.Options), m.Kind, m.Keys, m.TableKeys, m.NullSafe, m.Emit, op.Columns)
	return text + exprList(exprs)
}

// lookupDetail is what EXPLAIN prints.
func lookupDetail(op *LookupJoin, in []Column) string {
	cols := columnsOfScan(op.Columns)
	by := make([]string, len(op.By))
	for i, k := range op.By {
		by[i] = catalog.QuoteName(op.Columns[k.Column].Name)
		if k.Value != nil {
			by[i] += " = " + showExpr(k.Value, nil)
		}
	}
	text := matchDetail(op.Match, in)
	if len(op.By) == 0 {
		return text + "; looks nothing up" + onError(op.Match.OnError)
	}
	text += fmt.Sprintf("; looks %s up by %s at the moment of processing", op.Source, strings.Join(by, ", "))
	if op.Filter != nil {
		plainCols := make([]Column, len(cols))
		for i, c := range cols {
			plainCols[i] = c.Column
		}
		text += " where " + showExpr(op.Filter, plainCols)
	}
	return text + "; " + op.Cache.text() + onError(op.Match.OnError)
}

func (c LookupCache) text() string {
	if !c.On {
		return "no cache"
	}
	text := "cache"
	if c.MaxRows > 0 {
		text += fmt.Sprintf(" of %d rows", c.MaxRows)
	}
	if c.AfterWrite > 0 {
		text += ", for " + spanText(c.AfterWrite.Microseconds())
	}
	if c.AfterAccess > 0 {
		text += ", until " + spanText(c.AfterAccess.Microseconds()) + " after the last use"
	}
	if !c.Missing {
		text += ", without missing keys"
	}
	return text
}

// lookupText is the canonical text.
func lookupText(op *LookupJoin, in described) described {
	table := described{text: op.Source}
	name := func(c *catalog.ColumnRef) string { return "table." + op.Columns[c.Index].Name }
	if op.Filter != nil {
		table.text += " where " + exprText(op.Filter, name)
	}
	for _, e := range op.Exprs {
		table.cols = append(table.cols, exprText(e, name))
	}
	return matchText(op.Match, in, "lookup", table)
}
