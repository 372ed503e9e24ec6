package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// maxGroupingSets is how many sets a GROUP BY may have.
const maxGroupingSets = 1024

// bindKeys binds the GROUP BY list: expressions, ordinals, output names, and the
// sets of them.
func (bl *block) bindKeys(a *aggregates) error {
	sets := [][]int{nil}
	several := false
	for _, g := range bl.sel.GroupBy {
		several = several || g.Kind != parser.GroupExprs || len(g.Exprs) == 0
		of, err := bl.setsOf(a, g)
		if err != nil {
			return err
		}
		// A list of items is the product of their sets.
		var product [][]int
		for _, s := range sets {
			for _, t := range of {
				product = append(product, union(s, t))
			}
		}
		if sets = product; len(sets) > maxGroupingSets {
			return bl.at(g).errorf("GROUP BY has more than %d grouping sets", maxGroupingSets)
		}
	}
	if several && (len(sets) > 1 || len(sets[0]) == 0) {
		a.sets = sets
		if err := bl.checkSets(a); err != nil {
			return err
		}
	}
	return a.sessionWindow()
}

// union gives the elements of both, each once.
func union(s, t []int) []int {
	out := slices.Clone(s)
	for _, x := range t {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// setsOf gives the grouping sets of an item of GROUP BY, as indexes of keys.
func (bl *block) setsOf(a *aggregates, g *parser.GroupingElement) ([][]int, error) {
	if g.Kind == parser.GroupExprs {
		var set []int
		for _, e := range g.Exprs {
			keys, err := bl.keysOf(a, e)
			if err != nil {
				return nil, err
			}
			set = union(set, keys)
		}
		return [][]int{set}, nil
	}
	var parts [][][]int
	for _, e := range g.Elements {
		sets, err := bl.setsOf(a, e)
		if err != nil {
			return nil, err
		}
		parts = append(parts, sets)
	}
	var out [][]int
	switch g.Kind {
	case parser.GroupRollup:
		for n := len(parts); n >= 0; n-- {
			var set []int
			for _, p := range parts[:n] {
				set = union(set, p[0])
			}
			out = append(out, set)
		}
	case parser.GroupCube:
		if len(parts) > 10 {
			return nil, bl.at(g).errorf("CUBE of more than 10 columns has more than %d grouping sets", maxGroupingSets)
		}
		for bits := 1<<len(parts) - 1; bits >= 0; bits-- {
			var set []int
			for i, p := range parts {
				if bits>>(len(parts)-1-i)&1 != 0 {
					set = union(set, p[0])
				}
			}
			out = append(out, set)
		}
	default:
		out = slices.Concat(parts...)
	}
	return out, nil
}

// keysOf binds a GROUP BY expression and gives the indexes of the keys that it
// stands for: one, or the bounds of a group window.
func (bl *block) keysOf(a *aggregates, e parser.Expr) ([]int, error) {
	before := len(a.keys)
	key, err := bl.bindKey(a, e)
	if err != nil {
		return nil, err
	}
	if key == nil {
		var added []int
		for i := before; i < len(a.keys); i++ {
			added = append(added, i)
		}
		return added, nil
	}
	text := exprKey(key)
	if i := slices.Index(a.texts, text); i >= 0 {
		return []int{i}, nil
	}
	a.keys, a.texts = append(a.keys, key), append(a.texts, text)
	return []int{before}, nil
}

// checkSets wants the bounds of a window to be in all sets or none.
func (bl *block) checkSets(a *aggregates) error {
	if a.group != nil && a.group.session != nil {
		return bl.at(bl.sel.GroupBy[0]).errorf("a SESSION window has no GROUPING SETS: which rows make a session depends on the keys")
	}
	for i, k := range a.keys {
		c, ok := k.(*catalog.ColumnRef)
		if !ok || bl.in.cols()[c.Index].window == noWindow {
			continue
		}
		if !a.everywhere(i) {
			return hint(bl.at(bl.sel.GroupBy[0]).errorf("`%s` is not in every grouping set", c.Name), "GROUP BY window_start, window_end, GROUPING SETS (...)")
		}
	}
	return nil
}

// everywhere says whether a key is in all grouping sets.
func (a *aggregates) everywhere(key int) bool {
	return !slices.ContainsFunc(a.sets, func(s []int) bool { return !slices.Contains(s, key) })
}

// groupingBase + i stands for call i of GROUPING in expressions over the FROM
// columns, as aggregateBase + i does for aggregates.
const groupingBase = aggregateBase + aggregateBase/2

// grouping binds GROUPING(key, ...) and GROUPING_ID([key, ...]): a number with a
// bit for each argument, the last one lowest, which is 1 where the row is grouped
// without that key.
func (a *aggregates) grouping(x *exprBinder, e *parser.Call, name string) (out catalog.Expr, done bool, err error) {
	if name != "GROUPING" && name != "GROUPING_ID" {
		return nil, false, nil
	}
	inner := &exprBinder{binder: x.binder, scope: x.scope, clause: name}
	args, _, err := inner.list(e.Args)
	if err != nil {
		return nil, true, err
	}
	if len(args) == 0 && name == "GROUPING" || len(args) > 62 {
		return nil, true, x.at(e).errorf("%s takes 1 to 62 keys of GROUP BY", name)
	}
	var keys []int
	for i, arg := range args {
		k := slices.Index(a.texts, exprKey(arg))
		if k < 0 {
			return nil, true, x.at(e.Args[i]).errorf("%s takes keys of GROUP BY: this is none", name)
		}
		keys = append(keys, k)
	}
	if len(args) == 0 {
		for i := range a.keys {
			keys = append(keys, i)
		}
	}
	a.groupings = append(a.groupings, keys)
	return &catalog.ColumnRef{Index: groupingBase + len(a.groupings) - 1, Name: callText(x.src, e), T: catalog.BigInt}, true, nil
}

// groupingValue is the value of a call of GROUPING, by the number of the set.
func (a *aggregates) groupingValue(call int, x *exprBinder) catalog.Expr {
	literal := func(n int64) catalog.Expr { return &catalog.Literal{Value: n, T: catalog.BigInt} }
	if a.sets == nil {
		return literal(0)
	}
	keys := a.groupings[call]
	value := func(set []int) int64 { return lacking(set, keys) }
	same := true
	for i, set := range a.sets {
		same = same && value(set) == a.numbers[i]
	}
	if same {
		return ref(a.agg.out, a.gid)
	}
	last := len(a.sets) - 1
	out := &catalog.Case{T: catalog.BigInt, Else: literal(value(a.sets[last]))}
	where := a.block.at(a.block.sel)
	for i, set := range a.sets[:last] {
		cond, err := x.invoke(where, "=", []catalog.Expr{ref(a.agg.out, a.gid), literal(a.numbers[i])}, []place{where, where})
		if err != nil {
			panic("planner: two BIGINTs can't be compared: " + err.Error())
		}
		out.Whens = append(out.Whens, catalog.When{Cond: cond, Then: literal(value(set))})
	}
	if len(out.Whens) == 0 {
		return out.Else
	}
	return out
}

// lacking is a number with a bit for each of keys, the last one lowest, which is 1
// if the set is without it.
func lacking(set, keys []int) int64 {
	n := int64(0)
	for _, k := range keys {
		n <<= 1
		if !slices.Contains(set, k) {
			n |= 1
		}
	}
	return n
}

// number gives each set its number: what GROUPING_ID() is, where that tells them
// apart, so that it can be part of a sink's key.
func (a *aggregates) number() {
	all := make([]int, len(a.keys))
	for i := range all {
		all[i] = i
	}
	seen := map[int64]bool{}
	a.numbers = nil
	for _, set := range a.sets {
		n := lacking(set, all)
		seen[n] = true
		a.numbers = append(a.numbers, n)
	}
	if len(seen) == len(a.sets) && len(a.keys) <= 62 {
		return
	}
	for i := range a.numbers {
		a.numbers[i] = int64(i)
	}
}

// expanded puts the sets between the projection of keys and arguments and the
// aggregation. keys are the columns of the projection that are keys; the last of
// the result is the number of the set.
func (a *aggregates) expanded(in rel, keys []int, where place) (rel, []int) {
	var nulls [][]int
	for _, set := range a.sets {
		var absent []int
		for i, k := range keys {
			if !slices.Contains(set, i) {
				absent = append(absent, k)
			}
		}
		nulls = append(nulls, absent)
	}
	r := expand(in, nulls, a.numbers, where)
	return r, append(slices.Clone(keys), len(r.out)-1)
}

// isGrouping says whether a call is one of the words that only a GROUP BY knows.
func isGrouping(name string) bool {
	name = strings.ToUpper(name)
	return name == "GROUPING" || name == "GROUPING_ID"
}
