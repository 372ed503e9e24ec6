package expr

import (
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
)

// wordPool hands out scratch bitmaps.
type wordPool struct{ free [][]uint64 }

func (p *wordPool) get(n int) []uint64 {
	if l := len(p.free); l > 0 {
		w := p.free[l-1]
		p.free = p.free[:l-1]
		if cap(w) >= n {
			return w[:n]
		}
	}
	return make([]uint64, n)
}

func (p *wordPool) put(w []uint64) { p.free = append(p.free, w) }

// selPool hands out scratch selection vectors.
type selPool struct{ free [][]int32 }

func (p *selPool) get() []int32 {
	if l := len(p.free); l > 0 {
		s := p.free[l-1]
		p.free = p.free[:l-1]
		return s[:0]
	}
	return make([]int32, 0, 1024)
}

func (p *selPool) put(s []int32) { p.free = append(p.free, s) }

// selected gives a selection as a bitmap.
func (e *Evaluator) selected(sel []int32) []uint64 {
	w := e.words.get((e.n + 63) / 64)
	if sel == nil {
		for i := range w {
			w[i] = column.Bits{}.Word(64*i, e.n)
		}
		return w
	}
	clear(w)
	for _, r := range sel {
		w[r>>6] |= 1 << (r & 63)
	}
	return w
}

func appendWords(sel []int32, w []uint64) []int32 {
	for i, x := range w {
		sel = column.AppendWord(sel, 64*i, x)
	}
	return sel
}

func allRows(sel []int32, n int) []int32 {
	for i := range n {
		sel = append(sel, int32(i))
	}
	return sel
}

func count(w []uint64) (n int) {
	for _, x := range w {
		n += bits.OnesCount64(x)
	}
	return n
}

// truth gives the rows of sel on which a BOOLEAN column is TRUE and which are
// not in error, as a bitmap.
func (e *Evaluator) truth(a arrow.Array, sel []int32) []uint64 {
	w := e.selected(sel)
	if column.AllNull(a) {
		clear(w)
		return w
	}
	values, valid := column.Booleans(a), column.Validity(a)
	for i := range w {
		w[i] &= values.Word(64*i, e.n) & valid.Word(64*i, e.n)
	}
	e.dropErrors(w)
	return w
}

// dropErrors takes the rows in error out of a bitmap.
func (e *Evaluator) dropErrors(w []uint64) {
	for i, x := range e.errBits {
		w[i] &^= x
	}
}

// logical evaluates AND (decider FALSE) and OR (decider TRUE): an operand is
// evaluated on the rows that the earlier ones have not decided.
func (e *Evaluator) logical(n *node, sel []int32, decider bool) (arrow.Array, error) {
	open := e.selected(sel) // not decided, not in error
	null := e.words.get(len(open))
	clear(null)
	decided := e.words.get(len(open))
	clear(decided)
	cur, own := sel, []int32(nil)
	entered := 0
	defer func() {
		for range entered {
			e.leave()
		}
		if own != nil {
			e.sels.put(own)
		}
		e.words.put(open)
		e.words.put(null)
		e.words.put(decided)
	}()
	for k, arg := range n.args {
		a, err := e.eval(arg, cur)
		if err != nil {
			return nil, err
		}
		changed := uint64(0)
		if column.AllNull(a) {
			for i, o := range open {
				null[i] |= o
			}
		} else {
			values, valid := column.Booleans(a), column.Validity(a)
			for i, o := range open {
				if o == 0 {
					continue
				}
				v, ok := values.Word(64*i, e.n), valid.Word(64*i, e.n)
				if !decider {
					v = ^v
				}
				d := o & ok & v
				changed |= d
				null[i] |= o &^ ok
				decided[i] |= d
				open[i] = o &^ d
			}
		}
		a.Release()
		if k == len(n.args)-1 {
			break
		}
		if len(e.errBits) > 0 {
			e.dropErrors(open)
			changed = 1
		}
		if changed != 0 {
			if own == nil {
				own = e.sels.get()
			}
			own = appendWords(own[:0], open)
			if len(own) == 0 {
				break
			}
			cur = own
			e.enter()
			entered++
		}
	}
	value := column.NewBuffer(e.ctx.Alloc, column.BitmapBytes(e.n))
	valid := column.NewBuffer(e.ctx.Alloc, column.BitmapBytes(e.n))
	vw, nw := column.As[uint64](value, len(open)), column.As[uint64](valid, len(open))
	for i, d := range decided {
		if vw[i] = d; !decider {
			vw[i] = ^d
		}
		nw[i] = d | ^null[i]
	}
	return column.Make(arrow.FixedWidthTypes.Boolean, e.n, -1, []*memory.Buffer{valid, value}), nil
}

// caseOf evaluates CASE: each branch on the rows that reach it.
func (e *Evaluator) caseOf(n *node, sel []int32) (arrow.Array, error) {
	open := e.selected(sel)
	branches := len(n.args)/2 + 1
	pick := column.NewPick(e.n, branches, n.dt, e.ctx.Alloc)
	defer pick.Release()
	cur, own, taken := sel, e.sels.get(), e.sels.get()
	entered := 0
	defer func() {
		for range entered {
			e.leave()
		}
		e.sels.put(own)
		e.sels.put(taken)
		e.words.put(open)
	}()
	for k := 0; k+1 < len(n.args); k += 2 {
		cond, err := e.eval(n.args[k], cur)
		if err != nil {
			return nil, err
		}
		hit := e.truth(cond, cur)
		cond.Release()
		for i, h := range hit {
			open[i] &^= h
		}
		e.dropErrors(open)
		taken = appendWords(taken[:0], hit)
		e.words.put(hit)
		if err := e.branch(pick, n.args[k+1], taken); err != nil {
			return nil, err
		}
		own = appendWords(own[:0], open)
		if len(own) == 0 {
			return pick.Finish()
		}
		if cur == nil || len(own) < len(cur) {
			cur = own
			e.enter()
			entered++
		}
	}
	if err := e.branch(pick, n.args[len(n.args)-1], cur); err != nil {
		return nil, err
	}
	return pick.Finish()
}

// branch evaluates one result of CASE on the rows that take it.
func (e *Evaluator) branch(pick *column.Pick, n *node, sel []int32) error {
	if sel != nil && len(sel) == 0 {
		return nil
	}
	if n.kind == constNode {
		a, err := e.one(n)
		if err != nil {
			return err
		}
		pick.AddConstant(a, sel)
		return nil
	}
	e.enter()
	defer e.leave()
	a, err := e.eval(n, sel)
	if err != nil {
		return err
	}
	pick.Add(a, sel)
	return nil
}

// coalesce evaluates each operand on the rows where the earlier ones are NULL.
func (e *Evaluator) coalesce(n *node, sel []int32) (arrow.Array, error) {
	first, err := e.eval(n.args[0], sel)
	if err != nil || len(n.args) == 1 {
		return first, err
	}
	open := e.selected(sel)
	defer func() { e.words.put(open) }()
	own, taken := e.sels.get(), e.sels.get()
	defer func() { e.sels.put(own); e.sels.put(taken) }()
	if e.nullRows(first, open); count(open) == 0 {
		return first, nil
	}
	pick := column.NewPick(e.n, len(n.args), n.dt, e.ctx.Alloc)
	defer pick.Release()
	pick.Add(first, sel)
	for k := 1; k < len(n.args); k++ {
		own = appendWords(own[:0], open)
		if len(own) == 0 {
			break
		}
		e.enter()
		a, err := e.eval(n.args[k], own)
		e.leave()
		if err != nil {
			return nil, err
		}
		e.nullRows(a, open)
		pick.Add(a, own) // a NULL stays open and is picked again
	}
	return pick.Finish()
}

// nullRows keeps those rows in open that are NULL in a and not in error.
func (e *Evaluator) nullRows(a arrow.Array, open []uint64) {
	if _, ok := a.(*array.Null); !ok {
		valid := column.Validity(a)
		for i, o := range open {
			if o != 0 {
				open[i] = o &^ valid.Word(64*i, e.n)
			}
		}
	}
	e.dropErrors(open)
}
