package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// atMostOne says whether at most one row of a pulled subquery satisfies its
// conditions, for any values of the parameters: they fix all columns of a key.
func (d *decorrelator) atMostOne(p pulled) bool {
	fixed := fixedColumns(p.rel)
	for _, c := range p.on {
		if _, inner, ok := d.correlation(c); ok {
			if ref, ok := uncast(inner).(*catalog.ColumnRef); ok {
				fixed = append(fixed, ref.Index)
			}
		}
	}
	return slices.ContainsFunc(uniqueColumns(p.rel), func(key []int) bool { return subset(key, fixed) })
}

// uncast takes off casts that keep different values apart.
func uncast(e catalog.Expr) catalog.Expr {
	if c, ok := e.(*catalog.Cast); ok && castIsTotal(c.Of.Type(), c.T) && (c.Of.Type().IsInteger() && (c.T.IsInteger() || c.T.Kind == catalog.KindDecimal)) {
		return uncast(c.Of)
	}
	return e
}

// fixedColumns are the columns that have one value in all rows.
func fixedColumns(r rel) []int {
	switch r := r.(type) {
	case *filterRel:
		out := fixedColumns(r.in)
		for _, p := range conjuncts(r.pred) {
			c, ok := p.(*catalog.Call)
			if !ok || c.Fn.Name != "=" || len(c.Args) != 2 {
				continue
			}
			for i, side := range c.Args {
				ref, isRef := uncast(side).(*catalog.ColumnRef)
				if _, isConst := c.Args[1-i].(*catalog.Literal); isRef && isConst {
					out = append(out, ref.Index)
				}
			}
		}
		return out
	case *projectRel:
		in := fixedColumns(r.in)
		var out []int
		for i, e := range r.exprs {
			c, ok := e.(*catalog.ColumnRef)
			if _, isConst := e.(*catalog.Literal); isConst || ok && slices.Contains(in, c.Index) {
				out = append(out, i)
			}
		}
		return out
	}
	return nil
}

// uniqueColumns gives sets of columns of which no two rows have the same values,
// none of them NULL; an empty set says that there is one row at most.
func uniqueColumns(r rel) [][]int {
	switch r := r.(type) {
	case *scanRel:
		return sourceKeys(r)
	case *valuesRel:
		if len(r.rows) == 1 {
			return [][]int{{}}
		}
	case *filterRel:
		return filteredKeys(r)
	case *windowRel:
		var out [][]int
		n := len(r.in.cols())
		for _, k := range uniqueColumns(r.in) {
			out = append(out, append(slices.Clone(k), n))
		}
		return out
	case *projectRel:
		return projectedKeys(uniqueColumns(r.in), r.exprs)
	case *aggregateRel:
		key := positions(len(r.keys))
		if r.window != nil {
			n := len(r.out)
			key = append(key, n-3, n-2)
		}
		return [][]int{key}
	case *normalizeRel:
		return [][]int{r.keys}
	case *setRel:
		out := uniqueColumns(r.left)
		if !r.all {
			out = append(out, positions(len(r.out)))
		}
		return out
	case *sortRel:
		return limitedKeys(uniqueColumns(r.in), r.limit)
	case *limitRel:
		return limitedKeys(uniqueColumns(r.in), r.limit)
	case *joinRel:
		return joinedKeys(r)
	}
	return nil
}

// filteredKeys: of two columns that must be equal, either may stand in a key.
func filteredKeys(r *filterRel) [][]int {
	keys := uniqueColumns(r.in)
	for _, p := range conjuncts(r.pred) {
		c, ok := p.(*catalog.Call)
		if !ok || c.Fn.Name != "=" || len(c.Args) != 2 {
			continue
		}
		l, isL := uncast(c.Args[0]).(*catalog.ColumnRef)
		t, isT := uncast(c.Args[1]).(*catalog.ColumnRef)
		if !isL || !isT {
			continue
		}
		for _, pair := range [][2]int{{l.Index, t.Index}, {t.Index, l.Index}} {
			for _, k := range keys {
				if i := slices.Index(k, pair[0]); i >= 0 && len(keys) < maxKeys {
					k = slices.Clone(k)
					k[i] = pair[1]
					slices.Sort(k)
					keys = append(keys, slices.Compact(k))
				}
			}
		}
	}
	return keys
}

func limitedKeys(keys [][]int, limit int64) [][]int {
	if limit >= 0 && limit <= 1 {
		return [][]int{{}}
	}
	return keys
}

// projectedKeys are the keys whose columns come through.
func projectedKeys(keys [][]int, exprs []catalog.Expr) [][]int {
	var out [][]int
	for _, k := range keys {
		moved := make([]int, 0, len(k))
		for _, c := range k {
			i := slices.IndexFunc(exprs, func(e catalog.Expr) bool {
				ref, ok := uncast(e).(*catalog.ColumnRef)
				return ok && ref.Index == c
			})
			if i >= 0 {
				moved = append(moved, i)
			}
		}
		if len(moved) == len(k) {
			out = append(out, moved)
		}
	}
	return out
}

// joinedKeys: a row whose partner is unique comes out once at most.
func joinedKeys(r *joinRel) [][]int {
	if r.emit != nil {
		return nil
	}
	left := uniqueColumns(r.left)
	if r.kind.oneSided() {
		return left
	}
	if r.kind == FullJoin {
		return nil
	}
	n := len(r.left.cols())
	right := uniqueColumns(r.right)
	var fixedLeft, fixedRight []int
	for _, c := range r.conditions() {
		l, t, _, ok := equality(c, n)
		if !ok {
			continue
		}
		if ref, ok := uncast(l).(*catalog.ColumnRef); ok {
			fixedLeft = append(fixedLeft, ref.Index)
		}
		if ref, ok := uncast(t).(*catalog.ColumnRef); ok {
			fixedRight = append(fixedRight, ref.Index-n)
		}
	}
	has := func(keys [][]int, fixed []int) bool {
		return slices.ContainsFunc(keys, func(k []int) bool { return subset(k, fixed) })
	}
	var out [][]int
	if r.kind != RightJoin && has(right, fixedRight) {
		out = append(out, left...)
	}
	right = slices.Clone(right)
	for i, k := range right {
		moved := make([]int, len(k))
		for j, c := range k {
			moved[j] = n + c
		}
		right[i] = moved
	}
	if r.kind != LeftJoin && has(left, fixedLeft) {
		out = append(out, right...)
	}
	for _, l := range left {
		for _, k := range right {
			if len(out) < maxKeys {
				out = append(out, slices.Concat(l, k))
			}
		}
	}
	return out
}
