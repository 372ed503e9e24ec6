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

// probeWidth is the width of a time bucket of waiting probes, us.
const probeWidth = 10_000_000

// The words that a waiting probe begins with.
const (
	probeTime = iota
	probeHash
	probeOwn
)

// temporal gives each probe (left row) the version (right row) of its key as of its
// time. Probes wait until both watermarks have passed them: then all versions that
// may serve them are there.
type temporal struct {
	base
	o     *planner.TemporalJoin
	marks [2]int64
	mark  int64

	keyer   *keyer
	needs   [2][]int
	format  *rowstore.Format
	enc     *rowstore.Encoder
	buckets map[int64]*segment
	due     queue
	held    int64
	ver     versions

	live, null, sel []int32
	parts           []bucketPart
	pairs           [2]rowstore.Refs
	alone           rowstore.Refs
	done            []waiting
}

var (
	_ op.Stateful = (*temporal)(nil)
	_ op.Gauges   = (*temporal)(nil)
	_ op.Balanced = (*temporal)(nil)
)

// NewTemporal makes the operator. left and right are the columns of its inputs, prog
// the compiled residual (nil if there is none).
func NewTemporal(o *planner.TemporalJoin, left, right []planner.Column, prog *expr.Program, ctx *op.Context) (op.Operator, error) {
	j := &temporal{base: newBase(&o.Pairing, left, right, prog, ctx), o: o}
	var err error
	if j.keyer, err = newKeyer(left, &o.Pairing, 0); err != nil {
		return nil, err
	}
	j.format = rowstore.NewFormat(probeOwn, columnTypes(left))
	j.enc = j.format.NewEncoder()
	j.ver = versions{strict: o.Strict, byValue: o.ByValue, format: rowstore.NewFormat(verOwn, columnTypes(right))}
	j.ver.enc = j.ver.format.NewEncoder()
	if j.ver.keyer, err = newKeyer(right, &o.Pairing, 1); err != nil {
		return nil, err
	}
	j.needs = [2][]int{append(j.keyer.needs(), o.Time[0]), append(j.ver.keyer.needs(), o.Time[1])}
	j.marks, j.mark = [2]int64{op.MinTime, op.MinTime}, op.MinTime
	j.adopt(j.st)
	return j, nil
}

// adopt makes st the state, with whatever it holds.
func (j *temporal) adopt(st *table.Table) {
	j.st, j.buckets, j.due, j.held = st, map[int64]*segment{}, queue{}, 0
	j.ver.open(st)
	for _, n := range st.Buckets() {
		if n == versionBucket {
			continue
		}
		g := j.bucket(n / 2)
		g.rows.Each(func(id uint32, _ []uint64) { j.wait(g, id) })
	}
}

// bucket finds or makes a bucket of waiting probes.
func (j *temporal) bucket(n int64) *segment {
	g := j.buckets[n]
	if g == nil {
		g = &segment{bucket: n, rows: j.st.Rows(0, 2*n, j.format.Words()), arena: j.st.Arena(1, 2*n)}
		j.buckets[n] = g
	}
	return g
}

// wait notes a stored probe.
func (j *temporal) wait(g *segment, id uint32) {
	j.due.push(waiting{time: int64(g.rows.At(id)[probeTime]), bucket: g.bucket, id: id})
	j.held++
}

// Process implements op.Operator.
func (j *temporal) Process(input int, b *op.Batch, out op.Output) error {
	j.live, j.null = splitNull(b, j.needs[input], j.live[:0], j.null[:0])
	times := column.Fixed[int64](b.Cols[j.o.Time[input]])
	if input == 1 {
		return j.versions(b, times)
	}
	return j.probes(b, times, out)
}

// versions takes right rows.
func (j *temporal) versions(b *op.Batch, times []int64) error {
	c := j.ctx.Counters
	c[op.CountUnmatched] += int64(len(j.null))
	if b.Kinds != nil {
		n := len(j.live)
		// What an update takes back is replaced by what follows it.
		j.live = slices.DeleteFunc(j.live, func(i int32) bool { return b.Kinds[i] == catalog.UpdateBefore })
		c[op.CountReleased] += int64(n - len(j.live))
	}
	if j.over() {
		c[op.CountReleased] += int64(len(j.live))
		return nil
	}
	j.ver.add(b, j.live, times, j.ver.keyer.hashes(b))
	return nil
}

// over says that no probe will come any more, nor waits.
func (j *temporal) over() bool { return j.marks[0] == op.MaxTime && j.held == 0 }

// probes takes left rows: late ones leave, the others wait.
func (j *temporal) probes(b *op.Batch, times []int64, out op.Output) error {
	valid := colvec.ValidityOf(b.Cols[j.o.Time[0]])
	j.sel = j.sel[:0]
	if b.W != nil {
		isLate := func(i int32) bool {
			if !valid.Valid(int(i)) || times[i] >= b.W[i] {
				return false
			}
			j.sel = append(j.sel, i)
			return true
		}
		j.live = slices.DeleteFunc(j.live, isLate)
		j.null = slices.DeleteFunc(j.null, isLate)
		if err := lateRows(j.glue, j.o, 0, b, j.sel, out); err != nil {
			return err
		}
	}
	j.ctx.Counters[op.CountUnmatched] += int64(len(j.null))
	if j.o.Kind.Preserves(0) {
		if err := j.glue.alone(0, part{batch: b, sel: j.null}, len(j.null), nil, out); err != nil {
			return err
		}
	}
	hashes := j.keyer.hashes(b)
	j.parts = j.parts[:0]
	for _, i := range j.live {
		j.parts = addPart(j.parts, floorDiv(times[i], probeWidth), i)
	}
	for k := range j.parts {
		p := &j.parts[k]
		g := j.bucket(p.bucket)
		ids := make([]uint32, len(p.sel))
		for n := range ids {
			ids[n] = g.rows.Alloc()
		}
		at := make([]hash.Row, len(ids))
		for n, i := range p.sel {
			row := g.rows.At(ids[n])
			row[probeTime], row[probeHash] = uint64(times[i]), hashes[i]
			at[n] = hash.RowOf(row)
		}
		j.enc.Put(b.Cols, colvec.Selected(p.sel), at, g.arena)
		for _, id := range ids {
			j.wait(g, id)
		}
	}
	return nil
}

// lateRows counts late rows sel of an input, and gives them out on LatePort.
func lateRows(g *gluer, o *planner.TemporalJoin, input int, b *op.Batch, sel []int32, out op.Output) error {
	n := len(sel)
	g.ctx.Counters[op.CountLate] += int64(n)
	if n == 0 || o.LateCols == nil {
		return nil
	}
	slices.Sort(sel)
	which := slices.Clone(o.LateCols)
	for _, c := range o.LateRight {
		which = append(which, len(g.in[0])+c)
	}
	late := &op.Batch{N: n, Cols: g.oneSide(input, &part{batch: b, sel: sel}, which, n)}
	late.Cols = append(late.Cols, watermarkColumn(b, sel, b.Cols[o.Time[input]].DataType(), g.ctx))
	defer late.Release()
	return out.Emit(planner.LatePort, late)
}

// Advance implements op.Operator.
func (j *temporal) Advance(input int, w int64, out op.Output) error {
	j.marks[input] = max(j.marks[input], earlier(w, j.o.Lag[input]))
	mark := min(j.marks[0], j.marks[1])
	if mark <= j.mark {
		return nil
	}
	j.mark = mark
	if err := j.answer(mark, out); err != nil {
		return err
	}
	if j.over() {
		j.ctx.Counters[op.CountReleased] += int64(j.ver.rows.Len())
		j.st.DropBucket(versionBucket)
		j.ver.open(j.st)
	}
	return out.Watermark(mark)
}

// answer goes through the time up to mark: versions come into force, probes see
// those that are.
func (j *temporal) answer(mark int64, out op.Output) error {
	for {
		at, any := j.due.first()
		if v, ok := j.ver.ripe.first(); ok && (!any || v <= at) {
			x, ok := j.ver.ripe.pop(mark)
			if !ok {
				break
			}
			j.ver.takeEffect(x.id)
			continue
		}
		x, ok := j.due.pop(mark)
		if !ok {
			break
		}
		g := j.buckets[x.bucket]
		row := rowOf(g.rows, x.id)
		if v, found := j.ver.find(*hash.At[uint64](row, probeHash), j.keyer, j.format, row, g.arena); found {
			j.pairs[0].Add(row, g.arena)
			j.pairs[1].Add(v, j.ver.arena)
		} else {
			j.alone.Add(row, g.arena)
		}
		if j.done = append(j.done, x); len(j.done) >= j.ctx.BatchRows {
			if err := j.flush(out); err != nil {
				return err
			}
		}
	}
	return j.flush(out)
}

// flush gives out the probes in done, and lets them go with the versions that have
// been dropped.
func (j *temporal) flush(out op.Output) error {
	defer j.alone.Reset()
	if err := j.glue.versioned([2]*rowstore.Format{j.format, j.ver.format}, &j.pairs, &j.alone, out); err != nil {
		return err
	}
	if j.o.Kind.Preserves(0) {
		if err := j.glue.alone(0, part{format: j.format, refs: &j.alone}, j.alone.Len(), nil, out); err != nil {
			return err
		}
	}
	j.ctx.Counters[op.CountReleased] += int64(len(j.done))
	j.held -= int64(len(j.done))
	for _, x := range j.done {
		g := j.buckets[x.bucket]
		j.format.Free(rowOf(g.rows, x.id), g.arena)
		g.rows.Free(x.id)
		if g.rows.Len() == 0 {
			delete(j.buckets, x.bucket)
			j.st.DropBucket(2 * x.bucket)
		}
	}
	j.done = j.done[:0]
	j.ctx.Counters[op.CountReleased] += j.ver.free()
	return nil
}

// Layout implements op.Stateful.
func (j *temporal) Layout() string {
	return fmt.Sprintf("temporal join 1: %s, %s, %s", j.keyer, j.format, j.ver.format)
}

// Restore implements op.Stateful. The watermarks are told again.
func (j *temporal) Restore(r *op.Restore) error {
	owns := r.Owns(j.keyer.keys)
	return r.EachTable(func(_ int, st *table.Table) error {
		if r.Same {
			j.adopt(st)
			return nil
		}
		for _, n := range st.Buckets() {
			f, word := j.format, probeHash
			if n == versionBucket {
				f, word = j.ver.format, verHash
			}
			arena := st.Arena(1, n)
			st.Rows(0, n, f.Words()).Each(func(_ uint32, row []uint64) {
				switch {
				case !owns(hash.Group(row[word])):
				case n == versionBucket:
					j.ver.merge(hash.RowOf(row), arena)
				default:
					g := j.bucket(n / 2)
					id := g.rows.Alloc()
					f.Copy(hash.RowOf(row), arena, g.rows.At(id), g.arena)
					j.wait(g, id)
				}
			})
		}
		return nil
	})
}

// Gauges implements op.Gauges.
func (j *temporal) Gauges(c op.Counters) { c[op.CountHeld] = j.held + int64(j.ver.rows.Len()) }

// Balance implements op.Balanced.
func (j *temporal) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountLate, op.CountUnmatched, op.CountHeld, op.CountReleased)
}
