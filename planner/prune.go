package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// pruner rewrites a plan so that every node gives only what is read.
type pruner struct {
	of    map[rel]needs
	scans map[*source]needs // what all plans of the script read of a source
	done  map[rel]pruned
	c     *ruleContext
}

// pruned is a rewritten node: where its old columns are now (-1: gone), and how
// much of each is there.
type pruned struct {
	rel   rel
	index []int
	shape needs
}

func prune(root rel, scans map[*source]needs, c *ruleContext) pruned {
	p := &pruner{of: demand(root, true), scans: scans, done: map[rel]pruned{}, c: c}
	return p.rebuild(root)
}

// expr moves an expression onto the columns of a pruned input.
func (p pruned) expr(e catalog.Expr) catalog.Expr {
	return replace(e, func(e catalog.Expr) catalog.Expr {
		i, path, ok := pathOf(e)
		if !ok {
			return nil
		}
		return p.path(i, path)
	})
}

// path gives a reference to a member path of old column i.
func (p pruned) path(i int, path []int) catalog.Expr {
	var e catalog.Expr = ref(p.rel.cols(), p.index[i])
	n := p.shape[i]
	for _, m := range path {
		at := m
		if !n.whole {
			at = slices.Index(n.indexes(), m)
		}
		e = &catalog.Member{Of: e, Index: at, T: e.Type().Fields[at].Type}
		n = n.sub(m)
	}
	return e
}

func (p pruned) col(i int) int {
	if i < 0 {
		return i
	}
	return p.index[i]
}

// late gives the late rows of an operator over what is left of its only input.
func (p pruned) late(l *lateRows) *lateRows {
	if l == nil {
		return nil
	}
	out := *l
	out.cols = p.each(l.cols)
	return &out
}

func (p pruned) each(cols []int) []int {
	out := make([]int, len(cols))
	for i, c := range cols {
		out[i] = p.col(c)
	}
	return out
}

// kept gives the columns that are left of the first ones of an operator that hands
// its input's columns on: as they are in out, of the types that they have now.
func (p pruned) kept(out []column) []column {
	cols := slices.Clone(p.rel.cols())
	for i, at := range p.index {
		if at < 0 {
			continue
		}
		c := out[i]
		c.Type = cols[at].Type
		cols[at] = c
	}
	return cols
}

func (p *pruner) rebuild(r rel) pruned {
	if out, ok := p.done[r]; ok {
		return out
	}
	out := p.node(r)
	if notes := p.c.notes[r]; len(notes) > 0 && out.rel != r {
		p.c.notes[out.rel] = append(p.c.notes[out.rel], notes...)
	}
	p.done[r] = out
	return out
}

func (p *pruner) node(r rel) pruned {
	switch r := r.(type) {
	case *scanRel:
		return p.scan(r)
	case *filterRel:
		in := p.rebuild(r.in)
		return pruned{&filterRel{in: in.rel, pred: in.expr(r.pred), place: r.place}, in.index, in.shape}
	case *projectRel:
		return p.project(r)
	case *windowRel:
		return p.window(r)
	case *aggregateRel:
		return p.aggregate(r)
	case *overRel:
		return p.over(r)
	case *rankRel:
		return p.rank(r)
	case *joinRel:
		return p.join(r)
	case *unionRel:
		return p.union(r)
	case *setRel:
		return p.set(r)
	case *normalizeRel:
		return p.normalize(r)
	case *expandRel:
		return p.expand(r)
	case *unnestRel:
		return p.unnest(r)
	case *sortRel:
		in := p.rebuild(r.in)
		keys := slices.Clone(r.keys)
		for i := range keys {
			keys[i].Col = in.col(keys[i].Col)
		}
		n := *r
		n.in, n.keys = in.rel, keys
		n.late = in.late(r.late)
		return pruned{&n, in.index, in.shape}
	case *limitRel:
		in := p.rebuild(r.in)
		return pruned{&limitRel{in: in.rel, limit: r.limit, offset: r.offset, place: r.place}, in.index, in.shape}
	}
	return unchanged(r)
}

// unchanged keeps a node with all its columns.
func unchanged(r rel) pruned {
	out := pruned{rel: r, index: make([]int, len(r.cols())), shape: make(needs, len(r.cols()))}
	for i := range out.index {
		out.index[i] = i
		out.shape.at(i).add(nil)
	}
	return out
}

func (p *pruner) scan(r *scanRel) pruned {
	want := p.scans[r.src]
	out := pruned{index: make([]int, len(r.out)), shape: make(needs, len(r.out))}
	s := &scanRel{src: r.src, place: r.place}
	for i, c := range r.out {
		out.index[i] = -1
		if want[i] == nil {
			continue
		}
		out.index[i], out.shape[i] = len(s.out), want[i]
		c.Type = want[i].narrow(c.Type)
		s.out = append(s.out, c)
	}
	out.rel = s
	return out
}

// narrowed is an input without the columns that nobody above reads: those of a
// scan that are there for other INSERTs, the watermark or the guard, those that
// only a filter has read. Operators that copy rows want it; projections and
// filters pass over such columns anyway.
func (p *pruner) narrowed(r rel) pruned {
	all := p.rebuild(r)
	want := p.of[r]
	out := pruned{index: make([]int, len(want)), shape: make(needs, len(want))}
	keep := &projectRel{in: all.rel, place: r.at()}
	for i, n := range want {
		out.index[i] = -1
		if n == nil {
			continue
		}
		out.index[i], out.shape[i] = len(keep.exprs), all.shape[i]
		keep.exprs = append(keep.exprs, ref(all.rel.cols(), all.index[i]))
		keep.out = append(keep.out, all.rel.cols()[all.index[i]])
	}
	if len(keep.out) == len(all.rel.cols()) {
		return all
	}
	out.rel = keep
	return out
}

func (p *pruner) project(r *projectRel) pruned {
	in := p.rebuild(r.in)
	want := p.of[r]
	out := pruned{index: make([]int, len(r.exprs)), shape: make(needs, len(r.exprs))}
	n := &projectRel{in: in.rel, place: r.place}
	for i, e := range r.exprs {
		out.index[i] = -1
		if want[i] == nil {
			continue
		}
		out.index[i] = len(n.exprs)
		c := r.out[i]
		if from, path, ok := pathOf(e); ok {
			shape := in.shape[from]
			for _, m := range path {
				shape = shape.sub(m)
			}
			out.shape[i] = shape
			c.Type = shape.narrow(c.Type)
		} else {
			out.shape.at(i).add(nil)
		}
		n.exprs = append(n.exprs, in.expr(e))
		n.out = append(n.out, c)
	}
	out.rel = n
	return out
}

func (p *pruner) window(r *windowRel) pruned {
	in := p.narrowed(r.in)
	win := r.win
	win.Time, win.Partition = in.col(win.Time), in.each(win.Partition)
	cols := append(slices.Clone(in.rel.cols()), r.out[len(r.out)-3:]...)
	w := &windowRel{in: in.rel, win: win, id: r.id, out: cols, place: r.place}
	if r.late != nil {
		late := *r.late
		late.cols = in.each(late.cols)
		w.late = &late
	}
	out := pruned{rel: w, index: slices.Clone(in.index), shape: slices.Clone(in.shape)}
	for i := range 3 {
		out.index = append(out.index, len(cols)-3+i)
		out.shape = append(out.shape, &need{whole: true})
	}
	return out
}

func (p *pruner) aggregate(r *aggregateRel) pruned {
	in := p.rebuild(r.in)
	want := p.of[r]
	n := *r
	n.in, n.keys, n.aggs, n.out = in.rel, in.each(r.keys), nil, slices.Clone(r.out[:len(r.keys)])
	out := pruned{index: make([]int, len(r.out)), shape: make(needs, len(r.out))}
	for i := range r.out {
		out.shape.at(i).add(nil)
		out.index[i] = i
	}
	first := len(r.keys)
	for i, c := range r.aggs {
		at := first + i
		if !wantsCall(r, want, i) {
			out.index[at] = -1
			continue
		}
		c.Args, c.Filter = in.each(c.Args), in.col(c.Filter)
		c.Order = slices.Clone(c.Order)
		for k := range c.Order {
			c.Order[k].Col = in.col(c.Order[k].Col)
		}
		out.index[at] = len(n.out)
		n.aggs, n.out = append(n.aggs, c), append(n.out, r.out[at])
	}
	for i := first + len(r.aggs); i < len(r.out); i++ {
		out.index[i] = len(n.out)
		n.out = append(n.out, r.out[i])
	}
	if r.window != nil {
		win := *r.window
		if win.Kind == AttachedWindow {
			win.Start, win.End = in.col(win.Start), in.col(win.End)
		} else {
			win.Time = in.col(win.Time)
		}
		n.window = &win
	}
	n.late = in.late(r.late)
	out.rel = &n
	return out
}

// join gives the columns that are read; others come no further than the condition.
func (p *pruner) join(r *joinRel) pruned {
	left, right := p.narrowed(r.left), p.narrowed(r.right)
	nl := len(left.rel.cols())
	both := pruned{rel: &valuesRel{out: append(slices.Clip(left.rel.cols()), right.rel.cols()...)},
		index: slices.Clone(left.index), shape: append(slices.Clip(left.shape), right.shape...)}
	for _, i := range right.index {
		if i >= 0 {
			i += nl
		}
		both.index = append(both.index, i)
	}
	n := *r
	n.left, n.right, n.emit, n.out = left.rel, right.rel, []int{}, nil
	n.eachExpr(both.expr)
	if r.times != nil {
		n.times = r.times.moved(left.col, right.col)
	}
	if r.late != nil {
		late := *r.late
		late.cols, late.right = left.each(late.cols), right.each(late.right)
		n.late = &late
	}
	want := p.of[r]
	out := pruned{index: make([]int, len(r.out)), shape: make(needs, len(r.out))}
	for i, c := range r.out {
		out.index[i] = -1
		if want[i] == nil {
			continue
		}
		from := i
		if r.emit != nil {
			from = r.emit[i]
		}
		c.Type = both.rel.cols()[both.index[from]].Type
		out.index[i], out.shape[i] = len(n.out), both.shape[from]
		n.emit, n.out = append(n.emit, both.index[from]), append(n.out, c)
	}
	out.rel = &n
	return out
}

func (p *pruner) union(r *unionRel) pruned {
	want := p.of[r]
	out := pruned{index: make([]int, len(r.out)), shape: make(needs, len(r.out))}
	n := &unionRel{place: r.place}
	for i, c := range r.out {
		out.index[i] = -1
		if want[i] != nil {
			out.index[i] = len(n.out)
			out.shape.at(i).add(nil)
			n.out = append(n.out, c)
		}
	}
	for _, part := range r.ins {
		in := p.rebuild(part)
		pr := &projectRel{in: in.rel, out: n.out, place: r.place}
		for i := range r.out {
			if want[i] != nil {
				pr.exprs = append(pr.exprs, ref(in.rel.cols(), in.index[i]))
			}
		}
		n.ins = append(n.ins, pr)
	}
	out.rel = n
	return out
}
