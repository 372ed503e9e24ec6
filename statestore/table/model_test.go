package table

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/statestore"
)

const (
	testOp  = statestore.OperatorID(0xfeedface)
	rowPart = 1
	strPart = 2
	rawPart = 3
)

// modelRow is what the model knows of a row: its words, and the string that its
// second and third word refer to.
type modelRow struct {
	words [4]uint64
	text  string
}

// model is the state of one bucket in plain Go maps.
type model struct {
	rows  map[uint32]modelRow
	blobs map[string]string
}

// history drives a table and the model through the same random changes.
type history struct {
	t     *testing.T
	rng   *rand.Rand
	more  *rand.Rand // for rows that come many at once
	fs    *vfs.MemFS
	store *statestore.Store
	epoch uint64
	tab   *Table
	model map[int64]*model
	opts  statestore.Options

	atOnce    int              // see Rows
	committed map[int64]*model // model as of the last commit
	evacuated int
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), more: rand.New(rand.NewPCG(seed, 2)), fs: vfs.NewMem(),
		tab: New(testOp), model: map[int64]*model{},
	}
	h.opts = statestore.Options{
		FS: h.fs, MemoryBudget: 8 << 20, SmallCommit: 1 << (8 + h.rng.IntN(10)),
		LogSlack: 1 << (10 + h.rng.IntN(4)), RunSize: 1 << (10 + h.rng.IntN(8)),
	}
	h.atOnce = []int{0, captureAtOnce}[h.rng.IntN(2)]
	h.open()
	return h
}

func (h *history) open() {
	s, err := statestore.Open("state", h.opts)
	if err != nil {
		h.t.Fatal(err)
	}
	h.store = s
}

func (h *history) text() string {
	n := h.rng.IntN(40)
	if h.rng.IntN(50) == 0 {
		n = h.rng.IntN(20000)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(h.rng.Uint32())
	}
	return string(b)
}

// setText writes a row's string as an operator does: words 0 and 3 are payload, 1 the
// position and 2 the length of the string.
func (h *history) setText(b int64, id uint32, s string) {
	rows, strs := h.tab.Rows(rowPart, b, 4), h.tab.Arena(strPart, b)
	row := rows.At(id)
	row[1], row[2] = strs.Append([]byte(s)), uint64(len(s))
}

func (h *history) change() {
	if h.rng.IntN(40) == 0 && len(h.model) > 0 {
		b := h.anyBucket()
		h.tab.DropBucket(b)
		delete(h.model, b)
	}
	b := int64(h.rng.IntN(3)) - 1
	m := h.model[b]
	if m == nil {
		m = &model{rows: map[uint32]modelRow{}, blobs: map[string]string{}}
		h.model[b] = m
	}
	rows, strs, blobs := h.tab.Rows(rowPart, b, 4), h.tab.Arena(strPart, b), h.tab.Blobs(rawPart, b)
	rows.atOnce = h.atOnce
	ids := slices.Sorted(maps.Keys(m.rows))
	inserts, deletes := h.rng.IntN(30), h.rng.IntN(25)
	if h.rng.IntN(30) == 0 {
		inserts = 1500
	}
	if h.rng.IntN(40) == 0 {
		deletes = len(ids)
	}
	insert := func() {
		for range inserts {
			id := rows.Alloc()
			if _, ok := m.rows[id]; ok {
				h.t.Fatalf("row %d handed out twice", id)
			}
			r := modelRow{words: [4]uint64{h.rng.Uint64(), 0, 0, h.rng.Uint64()}, text: h.text()}
			row := rows.At(id)
			if slices.Max(row) != 0 {
				h.t.Fatalf("new row %d is not zero: %v", id, row)
			}
			row[0], row[3] = r.words[0], r.words[3]
			h.setText(b, id, r.text)
			m.rows[id] = r
		}
	}
	update := func() {
		for range min(len(ids), h.rng.IntN(60)) {
			id := ids[h.rng.IntN(len(ids))]
			r, ok := m.rows[id]
			if !ok {
				continue
			}
			row := rows.Edit(id)
			r.words[0] = h.rng.Uint64()
			row[0] = r.words[0]
			if h.rng.IntN(3) == 0 {
				r.text = h.text()
				strs.Free(row[1], int(row[2]))
				h.setText(b, id, r.text)
			}
			m.rows[id] = r
		}
	}
	remove := func() {
		h.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		for _, id := range ids[:min(len(ids), deletes)] {
			row := rows.At(id)
			strs.Free(row[1], int(row[2]))
			rows.Free(id)
			delete(m.rows, id)
		}
	}
	// Many rows at once go behind all others, as if no id had been freed.
	appendRows := func() {
		n := h.more.IntN(5)
		words := make([]uint64, 4*n)
		for i := range words {
			words[i] = h.more.Uint64()
		}
		first := rows.Append(words)
		for i := range uint32(n) {
			if _, ok := m.rows[first+i]; ok {
				h.t.Fatalf("row %d handed out twice", first+i)
			}
			w := words[4*i:]
			r := modelRow{words: [4]uint64{w[0], 0, 0, w[3]}, text: "many"}
			h.setText(b, first+i, r.text)
			m.rows[first+i] = r
		}
	}
	// In any order: each must do its own part in a freeze that is under way.
	steps := []func(){insert, update, remove}
	h.rng.Shuffle(3, func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	for _, step := range slices.Insert(steps, h.more.IntN(4), appendRows) {
		step()
	}
	// What is sparse moves, as an operator does it when it comes across.
	rows.Each(func(id uint32, row []uint64) {
		if strs.Sparse(row[1]) && h.rng.IntN(4) == 0 {
			rows.Mark(id)
			row[1] = strs.Move(row[1], int(row[2]))
		}
	})
	for range h.rng.IntN(40) {
		key := fmt.Sprint("key ", h.rng.IntN(200))
		if h.rng.IntN(3) == 0 {
			_, want := m.blobs[key]
			if got := blobs.Delete([]byte(key)); got != want {
				h.t.Fatalf("delete of %q: %v, want %v", key, got, want)
			}
			delete(m.blobs, key)
		} else {
			v := h.text()
			blobs.Put([]byte(key), []byte(v))
			m.blobs[key] = v
		}
	}
}

func (h *history) anyBucket() int64 {
	return slices.Sorted(maps.Keys(h.model))[h.rng.IntN(len(h.model))]
}

func (h *history) commit() {
	h.epoch += 1 + uint64(h.rng.IntN(2))
	tx, err := h.store.Begin(h.epoch, statestore.Layout{Shards: 1})
	if err != nil {
		h.t.Fatal(err)
	}
	f := h.tab.Freeze(tx.Cut())
	barrier := cloneModel(h.model)
	done := make(chan error)
	go func() {
		err := f.Write(tx.Shard(0))
		if err == nil {
			err = tx.Commit(map[string][]byte{"epoch": fmt.Append(nil, h.epoch)})
		}
		done <- err
	}()
	// The next epoch goes on beside.
	for range h.rng.IntN(3) {
		h.change()
	}
	if err := <-done; err != nil {
		h.t.Fatal(err)
	}
	h.committed = barrier
	h.evacuated += f.Stats().Evacuated
}

func cloneModel(m map[int64]*model) map[int64]*model {
	c := map[int64]*model{}
	for b, x := range m {
		c[b] = &model{rows: maps.Clone(x.rows), blobs: maps.Clone(x.blobs)}
	}
	return c
}

func (h *history) restart() {
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.open()
	tab, err := Load(h.store, testOp, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	h.tab = tab
	h.model = cloneModel(h.committed)
}

// check compares the table with the model.
func (h *history) check() {
	h.t.Helper()
	for _, b := range h.tab.Buckets() {
		if h.model[b] == nil {
			h.t.Fatalf("epoch %d: bucket %d came back", h.epoch, b)
		}
	}
	for b, m := range h.model {
		rows, strs, blobs := h.tab.Rows(rowPart, b, 4), h.tab.Arena(strPart, b), h.tab.Blobs(rawPart, b)
		if rows.Len() != len(m.rows) {
			h.t.Fatalf("epoch %d bucket %d: %d rows, want %d", h.epoch, b, rows.Len(), len(m.rows))
		}
		n, text := 0, 0
		rows.Each(func(id uint32, row []uint64) {
			n++
			want, ok := m.rows[id]
			if !ok || row[0] != want.words[0] || row[3] != want.words[3] {
				h.t.Fatalf("epoch %d bucket %d: row %d is %v, want %v (%v)", h.epoch, b, id, row, want.words, ok)
			}
			if got := strs.At(row[1], int(row[2])); string(got) != want.text {
				h.t.Fatalf("epoch %d bucket %d: row %d has text %.20q, want %.20q", h.epoch, b, id, got, want.text)
			}
			text += len(want.text)
		})
		if n != len(m.rows) || strs.Live() != text {
			h.t.Fatalf("epoch %d bucket %d: %d rows of %d, %d bytes of text of %d", h.epoch, b, n, len(m.rows), strs.Live(), text)
		}
		n = 0
		blobs.Each(func(k, v []byte) {
			n++
			if want, ok := m.blobs[string(k)]; !ok || want != string(v) {
				h.t.Fatalf("epoch %d bucket %d: record %q is %.20q, want %.20q (%v)", h.epoch, b, k, v, want, ok)
			}
		})
		if n != len(m.blobs) || n != blobs.Len() {
			h.t.Fatalf("epoch %d bucket %d: %d records, want %d", h.epoch, b, n, len(m.blobs))
		}
		for k, v := range m.blobs {
			if got, ok := blobs.Get([]byte(k)); !ok || !bytes.Equal(got, []byte(v)) {
				h.t.Fatalf("epoch %d bucket %d: record %q: %.20q, want %.20q", h.epoch, b, k, got, v)
			}
		}
	}
}

// TestEvacuation commits uniformly random changes: the log must stay near twice
// the live data, at the price of a fraction of the changes (about a quarter; the
// theory is in the package comment of statestore).
func TestEvacuation(t *testing.T) {
	s, err := statestore.Open("state", statestore.Options{FS: vfs.NewMem(), LogSlack: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const n, dirty = 50_000, 3_000
	tab := New(testOp)
	rows := fill(tab, n)
	rng := rand.New(rand.NewPCG(1, 2))
	var sum FrozenStats
	for epoch := uint64(1); epoch <= 300; epoch++ {
		tx, err := s.Begin(epoch, statestore.Layout{Shards: 1})
		if err != nil {
			t.Fatal(err)
		}
		f := tab.Freeze(tx.Cut())
		if err := f.Write(tx.Shard(0)); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(nil); err != nil {
			t.Fatal(err)
		}
		if m := s.Metrics(); float64(m.LogBytes) > 2.5*float64(m.LiveBytes) {
			t.Fatalf("epoch %d: %d bytes of log for %d live", epoch, m.LogBytes, m.LiveBytes)
		}
		if epoch > 100 {
			sum.Changed += f.Stats().Changed
			sum.Evacuated += f.Stats().Evacuated
		}
		touch(rows, dirty, rng)
	}
	ratio := float64(sum.Evacuated) / float64(sum.Changed)
	if ratio < 0.1 || ratio > 0.4 {
		t.Errorf("%d rows evacuated for %d changed", sum.Evacuated, sum.Changed)
	}
	t.Logf("evacuated/changed = %.3f", ratio)
}

// TestModel runs random histories of changes, commits and restarts against
// plain maps.
func TestModel(t *testing.T) {
	seeds := 24
	if testing.Short() {
		seeds = 6
	}
	var evacuated atomic.Int64
	t.Cleanup(func() {
		if evacuated.Load() == 0 {
			t.Error("nothing was ever evacuated: the histories are too tame")
		}
	})
	for seed := range seeds {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			t.Parallel()
			h := newHistory(t, uint64(seed))
			for range 120 {
				for range h.rng.IntN(3) {
					h.change()
				}
				h.commit()
				h.check()
				if h.rng.IntN(8) == 0 {
					h.restart()
					h.check()
				}
			}
			h.restart()
			h.check()
			if err := h.store.Close(); err != nil {
				t.Fatal(err)
			}
			evacuated.Add(int64(h.evacuated))
		})
	}
}
