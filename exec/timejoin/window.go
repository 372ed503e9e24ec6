package timejoin

import (
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/rowstore"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// windowOwn is the words that a stored row of a window join begins with: the hash
// of the columns by which rows are spread over shards.
const windowOwn = 1

// windows joins the rows of equal windows when the watermark has passed their end:
// a hash join of what has come by then, window by window.
type windows struct {
	base
	o     *planner.WindowJoin
	sides [2]windowSide
	open  map[int64]*openWindow // by window_end
	ends  []int64               // of open, ascending
	mark  int64

	live, null, late []int32
	parts            []bucketPart
	pair             pairing
}

// windowSide is one input.
type windowSide struct {
	start, end int
	keyer      *keyer // of the columns that spread the rows
	same       *keyer // compares keys and window_start
	needs      []int
	types      []catalog.Type
	format     *rowstore.Format
	enc        *rowstore.Encoder
	mark       int64
}

// openWindow is the rows of windows that end at one time.
type openWindow struct {
	rows   [2]*table.Rows
	arenas [2]*table.Arena
}

// pairing collects pairs of stored rows.
type pairing struct {
	refs [2]rowstore.Refs
	ids  [2][]uint32
}

func (p *pairing) reset() {
	for s := range p.refs {
		p.refs[s].Reset()
		p.ids[s] = p.ids[s][:0]
	}
}

var (
	_ op.Stateful = (*windows)(nil)
	_ op.Gauges   = (*windows)(nil)
	_ op.Balanced = (*windows)(nil)
)

// NewWindow makes the operator. left and right are the columns of its inputs, prog
// the compiled residual (nil if there is none).
func NewWindow(o *planner.WindowJoin, left, right []planner.Column, prog *expr.Program, ctx *op.Context) (op.Operator, error) {
	j := &windows{base: newBase(&o.Pairing, left, right, prog, ctx), o: o, open: map[int64]*openWindow{}, mark: op.MinTime}
	for n, in := range [][]planner.Column{left, right} {
		s := &j.sides[n]
		spread, all := o.Pairing, o.Pairing
		for k := range spread.Keys {
			spread.Keys[k] = o.StateKeys(k)
			all.Keys[k] = append(slices.Clone(o.Keys[k]), o.Start[k])
		}
		if len(o.Keys[n]) == 0 {
			spread.NullSafe = nil
		}
		if all.NullSafe != nil {
			all.NullSafe = append(slices.Clone(all.NullSafe), false)
		}
		var err error
		if s.keyer, err = newKeyer(in, &spread, n); err != nil {
			return nil, err
		}
		if s.same, err = newKeyer(in, &all, n); err != nil {
			return nil, err
		}
		s.start, s.end, s.mark = o.Start[n], o.End[n], op.MinTime
		s.needs = append(s.same.needs(), s.end)
		s.types = columnTypes(in)
		s.format = rowstore.NewFormat(windowOwn, s.types)
		s.enc = s.format.NewEncoder()
	}
	return j, nil
}

// Process implements op.Operator.
func (j *windows) Process(input int, b *op.Batch, out op.Output) error {
	s := &j.sides[input]
	j.live, j.null = splitNull(b, s.needs, j.live[:0], j.null[:0])
	ends := column.Fixed[int64](b.Cols[s.end])
	if b.W != nil {
		valid := colvec.ValidityOf(b.Cols[s.end])
		j.late = j.late[:0]
		isLate := func(i int32) bool {
			if !valid.Valid(int(i)) || ends[i] > b.W[i] {
				return false
			}
			j.late = append(j.late, i)
			return true
		}
		j.live = slices.DeleteFunc(j.live, isLate)
		j.null = slices.DeleteFunc(j.null, isLate)
		if err := j.lateRows(input, b, out); err != nil {
			return err
		}
	}
	j.ctx.Counters[op.CountUnmatched] += int64(len(j.null))
	if j.o.Kind.Preserves(input) {
		if err := j.glue.alone(input, part{batch: b, sel: j.null}, len(j.null), nil, out); err != nil {
			return err
		}
	}
	j.parts = j.parts[:0]
	for _, i := range j.live {
		j.parts = addPart(j.parts, ends[i], i)
	}
	if len(j.parts) == 0 {
		return nil
	}
	hashes := s.keyer.hashes(b)
	for k := range j.parts {
		j.put(input, &j.parts[k], b, hashes)
	}
	return nil
}

// lateRows counts the late rows of a batch, and gives them out on LatePort.
func (j *windows) lateRows(input int, b *op.Batch, out op.Output) error {
	n := len(j.late)
	j.ctx.Counters[op.CountLate] += int64(n)
	if n == 0 || j.o.LateCols == nil {
		return nil
	}
	slices.Sort(j.late)
	p, late := part{batch: b, sel: j.late}, &op.Batch{N: n}
	defer func() { late.Release() }()
	for side, cols := range j.o.LateCols {
		for _, c := range cols {
			if side == input {
				late.Cols = append(late.Cols, p.column(c, j.ctx))
			} else {
				late.Cols = append(late.Cols, column.NewNull(j.ctx.Alloc, j.sides[side].types[c].Arrow(), n))
			}
		}
	}
	s := &j.sides[input]
	late.Cols = append(late.Cols, p.column(s.start, j.ctx), p.column(s.end, j.ctx), watermarkColumn(b, j.late, b.Cols[s.end].DataType(), j.ctx))
	return out.Emit(planner.LatePort, late)
}

// window finds or makes the open windows of an end.
func (j *windows) window(end int64) *openWindow {
	w := j.open[end]
	if w == nil {
		w = &openWindow{}
		for s := range w.rows {
			w.rows[s] = j.st.Rows(uint32(2*s), end, j.sides[s].format.Words())
			w.arenas[s] = j.st.Arena(uint32(2*s+1), end)
		}
		j.open[end] = w
		at, _ := slices.BinarySearch(j.ends, end)
		j.ends = slices.Insert(j.ends, at, end)
	}
	return w
}

func (j *windows) put(input int, p *bucketPart, b *op.Batch, hashes []uint64) {
	w := j.window(p.bucket)
	rows := w.rows[input]
	ids := make([]uint32, len(p.sel))
	for k := range ids {
		ids[k] = rows.Alloc()
	}
	at := make([]hash.Row, len(ids))
	for k, id := range ids {
		row := rows.At(id)
		row[0] = hashes[p.sel[k]]
		at[k] = hash.RowOf(row)
	}
	j.sides[input].enc.Put(b.Cols, colvec.Selected(p.sel), at, w.arenas[input])
}

// Advance implements op.Operator.
func (j *windows) Advance(input int, w int64, out op.Output) error {
	s := &j.sides[input]
	s.mark = max(s.mark, w)
	mark := min(j.sides[0].mark, j.sides[1].mark)
	if mark <= j.mark {
		return nil
	}
	for len(j.ends) > 0 && j.ends[0] <= mark {
		if err := j.fire(j.ends[0], out); err != nil {
			return err
		}
	}
	j.mark = mark
	return out.Watermark(mark)
}

// fire joins the rows of the windows that end at a time, and forgets them.
func (j *windows) fire(end int64, out op.Output) error {
	w := j.open[end]
	if err := j.join(w, out); err != nil {
		return err
	}
	j.ctx.Counters[op.CountReleased] += int64(w.rows[0].Len() + w.rows[1].Len())
	delete(j.open, end)
	j.ends = j.ends[1:]
	j.st.DropBucket(end)
	return nil
}

// join finds the pairs of a window: an index of the right rows, asked for each left
// one.
func (j *windows) join(w *openWindow, out op.Output) error {
	var x index
	next := make([]uint32, w.rows[1].Cap())
	w.rows[1].Each(func(id uint32, row []uint64) { next[id] = x.put(row[0], id, w.rows[1], 0) })
	had := [2][]bool{make([]bool, w.rows[0].Cap()), make([]bool, w.rows[1].Cap())}
	l, r := &j.sides[0], &j.sides[1]
	var err error
	w.rows[0].Each(func(lid uint32, lrow []uint64) {
		left := hash.RowOf(lrow)
		rid, ok := x.find(lrow[0], w.rows[1], 0)
		for ok && err == nil {
			right := rowOf(w.rows[1], rid)
			if r.same.sameStored(r.format, right, w.arenas[1], l.same, l.format, left, w.arenas[0]) {
				j.pair.refs[0].Add(left, w.arenas[0])
				j.pair.refs[1].Add(right, w.arenas[1])
				j.pair.ids[0], j.pair.ids[1] = append(j.pair.ids[0], lid), append(j.pair.ids[1], rid)
			}
			if j.pair.refs[0].Len() >= j.ctx.BatchRows {
				err = j.flush(&had, out)
			}
			n := next[rid]
			rid, ok = n-1, n != 0
		}
	})
	if err == nil {
		err = j.flush(&had, out)
	}
	if err != nil {
		return err
	}
	for s := range had {
		if err := j.rest(w, s, had[s], out); err != nil {
			return err
		}
	}
	return nil
}

// flush asks the residual of the pairs collected, and gives them out.
func (j *windows) flush(had *[2][]bool, out op.Output) error {
	defer j.pair.reset()
	n := j.pair.refs[0].Len()
	if n == 0 {
		return nil
	}
	var parts [2]part
	for s := range parts {
		parts[s] = part{format: j.sides[s].format, refs: &j.pair.refs[s]}
	}
	pass, err := j.glue.filter(&parts, n, out)
	if err != nil || len(pass) == 0 {
		return err
	}
	for _, k := range pass {
		for s := range had {
			had[s][j.pair.ids[s][k]] = true
		}
	}
	if j.o.Kind.LeftOnly() {
		return nil
	}
	if len(pass) < n {
		pass = slices.Clone(pass)
		parts[0], parts[1] = parts[0].some(pass), parts[1].some(pass)
	}
	return j.glue.emit(&parts, len(pass), nil, out)
}

// rest gives out the rows of a side that come out by themselves: those without a
// partner, of a semi join those that have one.
func (j *windows) rest(w *openWindow, s int, had []bool, out op.Output) error {
	if !j.o.Kind.Preserves(s) && (j.o.Kind != planner.SemiJoin || s == 1) {
		return nil
	}
	refs := &j.pair.refs[s]
	defer j.pair.reset()
	emit := func() error {
		defer refs.Reset()
		return j.glue.alone(s, part{format: j.sides[s].format, refs: refs}, refs.Len(), nil, out)
	}
	var err error
	w.rows[s].Each(func(id uint32, row []uint64) {
		if err != nil || had[id] != (j.o.Kind == planner.SemiJoin) {
			return
		}
		if refs.Add(hash.RowOf(row), w.arenas[s]); refs.Len() >= j.ctx.BatchRows {
			err = emit()
		}
	})
	if err != nil {
		return err
	}
	return emit()
}

// Layout implements op.Stateful.
func (j *windows) Layout() string {
	return fmt.Sprintf("window join 1: %s, %s, %s", j.sides[0].keyer, j.sides[0].format, j.sides[1].format)
}

// Restore implements op.Stateful. The watermarks are told again.
func (j *windows) Restore(r *op.Restore) error {
	owns := r.Owns(j.o.StateKeys(0))
	return r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			j.st = st
			for _, end := range st.Buckets() {
				j.window(end)
			}
			return nil
		}
		for _, end := range st.Buckets() {
			for s := range j.sides {
				f := j.sides[s].format
				arena := st.Arena(uint32(2*s+1), end)
				st.Rows(uint32(2*s), end, f.Words()).Each(func(_ uint32, row []uint64) {
					if owns(hash.Group(row[0])) {
						w := j.window(end)
						id := w.rows[s].Alloc()
						f.Copy(hash.RowOf(row), arena, w.rows[s].At(id), w.arenas[s])
					}
				})
			}
		}
		return nil
	})
}

// Gauges implements op.Gauges.
func (j *windows) Gauges(c op.Counters) {
	c[op.CountHeld] = 0
	for _, w := range j.open {
		c[op.CountHeld] += int64(w.rows[0].Len() + w.rows[1].Len())
	}
}

// Balance implements op.Balanced.
func (j *windows) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountLate, op.CountUnmatched, op.CountHeld, op.CountReleased)
}
