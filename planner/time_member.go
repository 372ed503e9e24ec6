package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// timeMemberForm is a join that goes by time attributes which are members of ROW
// columns: each becomes a column of its side, by which the join is recognised. A
// projection takes these columns away again. nil: there is none, or the join is none
// that time bounds.
func timeMemberForm(b *binder, j *joinRel) (rel, error) {
	n := len(j.left.cols())
	sides := [2]rel{j.left, j.right}
	var added [2][]catalog.Expr // over the columns of the side
	var texts [2][]string
	find := func(e catalog.Expr) (side, at int) {
		m, ok := e.(*catalog.Member)
		if !ok {
			return 0, -1
		}
		base, path := memberPath(m)
		if base == nil {
			return 0, -1
		}
		i, own := base.Index, e
		if i >= n {
			side, i, own = 1, i-n, shifted(e, n)
		}
		if !slices.Equal(sides[side].cols()[i].timeMember, path) {
			return 0, -1
		}
		text := exprKey(own)
		if at = slices.Index(texts[side], text); at < 0 {
			at = len(added[side])
			added[side], texts[side] = append(added[side], own), append(texts[side], text)
		}
		return side, at
	}
	for _, e := range j.exprs() {
		walkExpr(e, func(e catalog.Expr) bool { find(e); return true })
	}
	if len(added[0])+len(added[1]) == 0 {
		return nil, nil
	}
	nl, nr := n, len(j.right.cols())
	for side, more := range added {
		names := make([]string, 0, len(more))
		for _, c := range sides[side].cols() {
			names = append(names, c.Name)
		}
		for _, e := range more {
			m := e.(*catalog.Member)
			names = append(names, m.Of.Type().Fields[m.Index].Name)
		}
		sides[side] = project(sides[side], append(refs(sides[side].cols()), more...), names, j.place)
	}
	wide := *j
	wide.left, wide.right = sides[0], sides[1]
	both := wide.both()
	wide.eachExpr(func(e catalog.Expr) catalog.Expr {
		return replace(e, func(e catalog.Expr) catalog.Expr {
			if side, at := find(e); at >= 0 {
				if side == 1 {
					return ref(both, nl+len(added[0])+nr+at)
				}
				return ref(both, nl+at)
			}
			if c, ok := e.(*catalog.ColumnRef); ok && c.Index >= nl {
				return ref(both, c.Index+len(added[0]))
			}
			return nil
		})
	})
	wide.out = joinColumns(j.kind, sides[0].cols(), sides[1].cols())
	for _, form := range []joinForm{temporalForm, intervalForm} {
		settled, err := form(b, &wide)
		if err != nil {
			return nil, err
		}
		if settled != nil {
			return withoutTimes(settled, added, nl, nr), nil
		}
	}
	return nil, nil
}

// withoutTimes takes the columns away again that timeMemberForm has added. The columns
// that they are members of have time attributes where these still are ones.
func withoutTimes(j *joinRel, added [2][]catalog.Expr, nl, nr int) rel {
	p := &projectRel{in: j, place: j.place}
	keep := func(first, n int, more []catalog.Expr) {
		for i := range n {
			c := j.out[first+i]
			for k, e := range more {
				base, path := memberPath(e.(*catalog.Member))
				if base.Index == i && j.out[first+n+k].time == eventTime {
					c.timeMember, c.lost = path, ""
				}
			}
			p.exprs, p.out = append(p.exprs, ref(j.out, first+i)), append(p.out, c)
		}
	}
	keep(0, nl, added[0])
	if !j.kind.oneSided() {
		keep(nl+len(added[0]), nr, added[1])
	}
	return p
}
