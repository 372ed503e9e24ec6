package timejoin

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
)

// record is a row of an input of a test: its values, kind, and W.
type record struct {
	values []any
	kind   catalog.RowKind
	time   int64 // what raises the watermark of its split
	w      int64 // made by stream
}

// stream is one input: splits of records. The watermark is delay behind the
// greatest time of a split.
type stream struct {
	cols   []planner.Column
	keys   []int
	delay  int64
	splits [][]record
}

// settle gives each record its W.
func (s *stream) settle() {
	for _, sp := range s.splits {
		w := op.MinTime
		for i := range sp {
			sp[i].w = w
			w = max(w, sp[i].time-s.delay)
		}
	}
}

func (s *stream) all() []record { return slices.Concat(s.splits...) }

func cols(types ...catalog.Type) []planner.Column {
	out := make([]planner.Column, len(types))
	for i, t := range types {
		out[i] = planner.Column{Name: fmt.Sprintf("c%d", i), Type: t}
	}
	return out
}

// world runs an operator in several shards over two streams, in some order, with
// barriers, restarts and changes of parallelism between, and collects what comes
// out.
type world struct {
	t      *testing.T
	rng    *rand.Rand
	node   *planner.Node
	out    []planner.Column
	make   func(ctx *op.Context) (op.Operator, error)
	in     [2]*stream
	alloc  *memory.CheckedAllocator
	check  func(row []any, w, mark int64) string // of each row that comes out
	always bool                                  // batches carry W even if no row is late

	shards []*shard
	store  *statestore.Store
	fs     vfs.FS
	epoch  uint64
	read   [2][]int // records read of each split
	marks  [2]int64
	kept   op.Counters // counts of shards that are gone
	rows   []string
	late   []string
}

type shard struct {
	w    *world
	op   op.Operator
	ctx  *op.Context
	mark int64
	ends int
}

// Emit implements op.Output.
func (s *shard) Emit(port planner.Port, b *op.Batch) error {
	if port == planner.LatePort {
		for i := range b.N {
			s.w.late = append(s.w.late, op.RowText(b, i))
		}
		return nil
	}
	s.ctx.Counters[op.CountOut] += int64(b.N)
	for i := range b.N {
		row := make([]any, len(b.Cols))
		texts := make([]string, len(b.Cols))
		for c, a := range b.Cols {
			row[c] = column.Value(a, i, s.w.out[c].Type)
			texts[c] = fmt.Sprint(row[c])
		}
		w := op.MinTime
		if b.W != nil {
			w = b.W[i]
		}
		if s.w.check != nil {
			if msg := s.w.check(row, w, s.mark); msg != "" {
				s.w.t.Fatalf("row %v with W %d, at the watermark %d: %s", row, w, s.mark, msg)
			}
		}
		s.w.rows = append(s.w.rows, strings.Join(texts, " "))
	}
	return nil
}

// EmitSelected implements op.Output.
func (s *shard) EmitSelected(port planner.Port, b *op.Batch, sel []int32) error {
	g := b.Gather(sel, s.w.alloc)
	defer g.Release()
	return s.Emit(port, g)
}

// Watermark implements op.Output.
func (s *shard) Watermark(w int64) error {
	if w <= s.mark {
		s.w.t.Fatalf("watermark %d after %d", w, s.mark)
	}
	s.mark = w
	return nil
}

// End implements op.Output.
func (s *shard) End() error {
	s.ends++
	return nil
}

func (w *world) open(n int) {
	w.shards = nil
	for range n {
		s := &shard{w: w, mark: op.MinTime}
		s.ctx = &op.Context{
			Alloc: w.alloc, Zone: time.UTC, Now: time.Now, BatchRows: 1 + w.rng.IntN(50), Shards: n,
			Counters: op.Counters{}, Node: w.node,
		}
		o, err := w.make(s.ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		s.op = o
		w.shards = append(w.shards, s)
	}
}

// run feeds everything.
func (w *world) run() {
	w.fs = vfs.NewMem()
	w.reopen()
	w.kept = op.Counters{}
	w.node.StateID = 7
	w.open(1 + w.rng.IntN(3))
	w.marks = [2]int64{op.MinTime, op.MinTime}
	for i, s := range w.in {
		w.read[i] = make([]int, len(s.splits))
	}
	ended := [2]bool{}
	for !ended[0] || !ended[1] {
		i := w.rng.IntN(2)
		if ended[i] {
			i = 1 - i
		}
		if !w.feed(i) {
			w.advance(i, true)
			for _, s := range w.shards {
				w.must(s.op.End(i, s))
			}
			ended[i] = true
		} else if w.rng.IntN(3) == 0 {
			w.advance(w.rng.IntN(2), false)
		}
		if w.rng.IntN(8) == 0 {
			w.commit()
			if w.rng.IntN(2) == 0 {
				w.restart(ended)
			}
		}
		w.balance()
	}
	for _, s := range w.shards {
		if s.ends != 1 || s.mark != op.MaxTime {
			w.t.Fatalf("at the end the output has ended %d times, its watermark is %d", s.ends, s.mark)
		}
		c := op.Counters{}
		s.op.(op.Gauges).Gauges(c)
		if c[op.CountHeld] != 0 {
			w.t.Fatalf("%d rows are held at the end", c[op.CountHeld])
		}
		s.op.Close()
	}
	w.must(w.store.Close())
	w.alloc.AssertSize(w.t, 0)
	slices.Sort(w.rows)
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
}

// feed delivers some records of one input; false: there are none.
func (w *world) feed(i int) bool {
	s := w.in[i]
	var open []int
	for k, sp := range s.splits {
		if w.read[i][k] < len(sp) {
			open = append(open, k)
		}
	}
	if len(open) == 0 {
		return false
	}
	k := open[w.rng.IntN(len(open))]
	from := w.read[i][k]
	to := min(len(s.splits[k]), from+1+w.rng.IntN(20))
	w.read[i][k] = to
	recs := s.splits[k][from:to]
	b := &op.Batch{N: len(recs), Cols: make([]arrow.Array, len(s.cols))}
	late, updates := w.always, false
	for _, r := range recs {
		b.W, b.Kinds = append(b.W, r.w), append(b.Kinds, r.kind)
		late = late || r.time <= recs[len(recs)-1].w
		updates = updates || r.kind != catalog.Insert
	}
	if !late {
		b.W = nil
	}
	if !updates {
		b.Kinds = nil
	}
	for c := range b.Cols {
		var vs []any
		for _, r := range recs {
			vs = append(vs, r.values[c])
		}
		a, err := column.FromValues(vs, s.cols[c].Type, w.alloc)
		w.must(err)
		b.Cols[c] = a
	}
	w.deliver(i, b)
	b.Release()
	return true
}

// deliver spreads a batch over the shards by its keys.
func (w *world) deliver(i int, b *op.Batch) {
	sels := make([][]int32, len(w.shards))
	if keys := w.in[i].keys; len(keys) == 0 {
		sels[0] = make([]int32, b.N)
		for r := range sels[0] {
			sels[0][r] = int32(r)
		}
	} else {
		types, cols := make([]catalog.Type, len(keys)), make([]arrow.Array, len(keys))
		for k, c := range keys {
			types[k], cols[k] = w.in[i].cols[c].Type, b.Cols[c]
		}
		l, err := hash.NewLayout(types)
		w.must(err)
		for r, h := range hash.NewEncoder(l).Encode(cols, colvec.All(b.N)).Hash {
			to := (statestore.Layout{Shards: len(w.shards)}).ShardOf(hash.Group(h))
			sels[to] = append(sels[to], int32(r))
		}
	}
	for k, s := range w.shards {
		if len(sels[k]) > 0 {
			g := b.Gather(sels[k], w.alloc)
			s.ctx.Counters[op.CountIn] += int64(g.N)
			w.must(s.op.Process(i, g, s))
			g.Release()
		}
	}
}

// advance tells an input's watermark.
func (w *world) advance(i int, end bool) {
	mark := op.MaxTime
	for k, sp := range w.in[i].splits {
		if n := w.read[i][k]; n < len(sp) || !end {
			m := op.MinTime
			for _, r := range sp[:n] {
				m = max(m, r.time-w.in[i].delay)
			}
			mark = min(mark, m)
		}
	}
	if mark > w.marks[i] {
		w.marks[i] = mark
		for _, s := range w.shards {
			w.must(s.op.Advance(i, mark, s))
		}
	}
}

func (w *world) commit() {
	w.epoch++
	tx, err := w.store.Begin(w.epoch, statestore.Layout{Shards: len(w.shards)})
	w.must(err)
	for i, s := range w.shards {
		f, err := s.op.(op.Stateful).Freeze(tx.Cut())
		w.must(err)
		w.must(f.Write(tx.Shard(i)))
	}
	w.must(tx.Commit(nil))
}

func (w *world) reopen() {
	if w.store != nil {
		w.must(w.store.Close())
	}
	var err error
	w.store, err = statestore.Open("state", statestore.Options{FS: w.fs, MemoryBudget: 1 << 20})
	w.must(err)
}

// restart makes the shards anew from what is stored, perhaps others in number.
func (w *world) restart(ended [2]bool) {
	for _, s := range w.shards {
		for k, v := range s.ctx.Counters {
			w.kept[k] += v
		}
		s.op.Close()
	}
	old := statestore.Layout{Shards: len(w.shards)}
	n := len(w.shards)
	if w.rng.IntN(2) == 0 {
		n = 1 + w.rng.IntN(3)
	}
	w.reopen()
	w.open(n)
	layout := statestore.Layout{Shards: n}
	for i, s := range w.shards {
		w.must(s.op.(op.Stateful).Restore(&op.Restore{
			Store: w.store, Operator: statestore.OperatorID(w.node.StateID), Groups: layout.KeyGroups(i), Shard: i,
			Same: old == layout, Stored: old.Shards, Ended: ended[0] && ended[1],
		}))
	}
	for i := range w.in {
		if w.marks[i] == op.MinTime {
			continue
		}
		for _, s := range w.shards {
			w.must(s.op.Advance(i, w.marks[i], s))
			if ended[i] {
				w.must(s.op.End(i, s))
			}
		}
	}
}

// balance checks the accounting.
func (w *world) balance() {
	if rule := w.shards[0].op.(op.Balanced).Balance(w.counts()); rule != "" {
		w.t.Fatal(rule)
	}
}

// counts adds up the counters of all shards, those that are gone too.
func (w *world) counts() op.Counters {
	total := op.Counters{}
	for k, v := range w.kept {
		total[k] += v
	}
	for _, s := range w.shards {
		c := op.Counters{}
		s.op.(op.Gauges).Gauges(c)
		for k, v := range s.ctx.Counters {
			c[k] += v
		}
		for k, v := range c {
			total[k] += v
		}
	}
	return total
}

// same compares the rows that came out with a model's.
func (w *world) same(want []string) {
	w.t.Helper()
	slices.Sort(want)
	if slices.Equal(w.rows, want) {
		return
	}
	count := map[string]int{}
	for _, r := range want {
		count[r]++
	}
	for _, r := range w.rows {
		count[r]--
	}
	var diff []string
	for r, n := range count {
		if n != 0 {
			diff = append(diff, fmt.Sprintf("%+d of %s", -n, r))
		}
	}
	slices.Sort(diff)
	w.t.Fatalf("%d rows came, %d are right:\n%s", len(w.rows), len(want), strings.Join(diff[:min(20, len(diff))], "\n"))
}
