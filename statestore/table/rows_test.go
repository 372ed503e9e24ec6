package table

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/statestore"
)

// logSim stands for the store: it keeps the blocks of one part by epoch and
// drops what the part says it does not need.
type logSim struct {
	epochs []simEpoch
	sum    partStats
}

type simEpoch struct {
	cut    statestore.Cut
	blocks [][]byte
}

func (l *logSim) freeze(p part, cut statestore.Cut, pool *bufferPool) {
	f := p.freeze(cut, pool)
	e := simEpoch{cut: cut}
	f.write(func(b []byte, _ func()) { e.blocks = append(e.blocks, bytes.Clone(b)) })
	l.sum = f.stats()
	f.release(pool)
	l.epochs = append(l.epochs, e)
	for l.epochs[0].cut.Epoch < l.sum.liveFrom {
		l.epochs = l.epochs[1:]
	}
}

func (l *logSim) load(t *testing.T, p part) {
	t.Helper()
	for _, e := range l.epochs {
		for _, b := range e.blocks {
			if err := p.apply(b, e.cut.Generation); err != nil {
				t.Fatalf("epoch %d: %v", e.cut.Epoch, err)
			}
		}
	}
	if err := p.loaded(l.sum.liveFrom); err != nil {
		t.Fatal(err)
	}
}

// cuts makes a thousand cuts, more generations than there are ages, and asks for
// evacuations of any kind. hold, if set, asks for none: ages run out.
func cuts(rng *rand.Rand, hold bool, fn func(cut statestore.Cut)) {
	gens := []uint64{1}
	for epoch := uint64(1); epoch <= 1000; epoch++ {
		if rng.IntN(2) == 0 && epoch > 1 {
			gens = append(gens, epoch)
		}
		cut := statestore.Cut{Epoch: epoch, Generation: gens[len(gens)-1]}
		if keep := 3 + rng.IntN(20); len(gens) > keep && !hold {
			cut.EvacuateBefore = gens[len(gens)-keep]
			cut.Fraction = rng.Float64()
		}
		fn(cut)
	}
}

// TestManyGenerations evacuates and loads each kind of part through more
// generations than a byte counts.
func TestManyGenerations(t *testing.T) {
	for _, hold := range []bool{false, true} {
		t.Run(fmt.Sprintf("rows,hold=%v", hold), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			var pool bufferPool
			log, rows, want := &logSim{}, NewRows(2), map[uint32][2]uint64{}
			longest := 0
			cuts(rng, hold, func(cut statestore.Cut) {
				var ids []uint32
				for range rng.IntN(20) {
					if len(want) < 3000 && rng.IntN(3) > 0 {
						ids = append(ids, rows.Alloc())
					} else if id := rng.Uint32N(max(1, rows.Cap())); rows.Live(id) {
						ids = append(ids, id)
					}
				}
				rows.MarkAll(ids)
				for _, id := range ids {
					copy(rows.At(id), []uint64{uint64(id), rng.Uint64()})
					want[id] = [2]uint64(rows.At(id))
				}
				if id := rng.Uint32N(max(1, rows.Cap())); rows.Live(id) && rng.IntN(3) == 0 {
					rows.Free(id)
					delete(want, id)
				}
				log.freeze(rows, cut, &pool)
				longest = max(longest, len(log.epochs))
				if cut.Epoch%25 == 0 {
					again := NewRows(2)
					log.load(t, again)
					n := 0
					again.Each(func(id uint32, row []uint64) {
						if n++; want[id] != [2]uint64(row) {
							t.Fatalf("epoch %d: row %d is %v, want %v", cut.Epoch, id, row, want[id])
						}
					})
					if n != len(want) {
						t.Fatalf("epoch %d: %d rows, want %d", cut.Epoch, n, len(want))
					}
					rows = again
				}
			})
			if !hold && longest > 300 {
				t.Errorf("the log grew to %d epochs", longest)
			}
		})
		t.Run(fmt.Sprintf("blobs,hold=%v", hold), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 4))
			log, blobs, want := &logSim{}, NewBlobs(), map[string]string{}
			cuts(rng, hold, func(cut statestore.Cut) {
				for range rng.IntN(10) {
					key := fmt.Sprint(rng.IntN(500))
					if rng.IntN(4) == 0 {
						blobs.Delete([]byte(key))
						delete(want, key)
					} else {
						v := strings.Repeat(key, rng.IntN(9))
						blobs.Put([]byte(key), []byte(v))
						want[key] = v
					}
				}
				log.freeze(blobs, cut, nil)
				if cut.Epoch%25 == 0 {
					again := NewBlobs()
					log.load(t, again)
					n := 0
					again.Each(func(k, v []byte) {
						if n++; want[string(k)] != string(v) {
							t.Fatalf("epoch %d: %q is %q, want %q", cut.Epoch, k, v, want[string(k)])
						}
					})
					if n != len(want) {
						t.Fatalf("epoch %d: %d records, want %d", cut.Epoch, n, len(want))
					}
					blobs = again
				}
			})
			if held := blobs.mem.Size(); held > 4*blobs.Bytes()+2*chunkBytes {
				t.Errorf("%d bytes held for %d", held, blobs.Bytes())
			}
		})
		t.Run(fmt.Sprintf("arena,hold=%v", hold), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 6))
			log, arena := &logSim{}, NewArena()
			type str struct {
				pos  uint64
				text string
			}
			var want []str
			cuts(rng, hold, func(cut statestore.Cut) {
				for range rng.IntN(5) {
					s := str{text: strings.Repeat(string(rune('a'+rng.IntN(26))), 100*rng.IntN(400))}
					s.pos = arena.Append([]byte(s.text))
					want = append(want, s)
				}
				for len(want) > 60 {
					i := rng.IntN(len(want))
					arena.Free(want[i].pos, len(want[i].text))
					want[i] = want[len(want)-1]
					want = want[:len(want)-1]
				}
				for i := range want {
					if s := &want[i]; arena.Sparse(s.pos) {
						s.pos = arena.Move(s.pos, len(s.text))
					}
				}
				log.freeze(arena, cut, nil)
				if cut.Epoch%25 == 0 {
					again := NewArena()
					log.load(t, again)
					for _, s := range want {
						if got := again.At(s.pos, len(s.text)); string(got) != s.text {
							t.Fatalf("epoch %d: %.10q…, want %.10q…", cut.Epoch, got, s.text)
						}
					}
					if again.Live() != arena.Live() || again.Size() != arena.Size() {
						t.Fatalf("epoch %d: %d of %d bytes live, want %d of %d", cut.Epoch, again.Live(), again.Size(), arena.Live(), arena.Size())
					}
					arena = again
				}
			})
			if arena.Size() > 3*arena.Live()+2*chunkBytes {
				t.Errorf("%d bytes held for %d", arena.Size(), arena.Live())
			}
		})
	}
}

// TestWidths stores and loads rows of all kinds of widths, over several pages
// and blocks, captured by both sides.
func TestWidths(t *testing.T) {
	for _, width := range []int{1, 2, 3, 4, 5, 6, 7, 8, 64, 1100, 20000} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			n := uint32(min(40_000, 4_000_000/width))
			rng := rand.New(rand.NewPCG(uint64(width), 1))
			rows := NewRows(width)
			rows.atOnce = 0
			var pool bufferPool
			value := func(id uint32, epoch uint64, j int) uint64 {
				return uint64(id)<<32 ^ epoch<<16 ^ uint64(j)*0x9e3779b97f4a7c15
			}
			set := func(id uint32, epoch uint64) {
				for j, row := 0, rows.Edit(id); j < width; j++ {
					row[j] = value(id, epoch, j)
				}
			}
			want := make([]uint64, n) // epoch of the last change as of the freeze
			for id := range n {
				if got := rows.Alloc(); got != id {
					t.Fatalf("row %d, want %d", got, id)
				}
				set(id, 1)
				want[id] = 1
			}
			log := &logSim{}
			for epoch := uint64(1); epoch <= 4; epoch++ {
				cut := statestore.Cut{Epoch: epoch, Generation: epoch}
				f := rows.freeze(cut, &pool)
				at := bytes.Clone(wordBytes(want))
				// The next epoch changes rows before the writer has come to them.
				for range n / 5 {
					id := rng.Uint32N(n)
					set(id, epoch+1)
					want[id] = epoch + 1
				}
				e := simEpoch{cut: cut}
				f.write(func(b []byte, _ func()) { e.blocks = append(e.blocks, bytes.Clone(b)) })
				log.sum = f.stats()
				f.release(&pool)
				log.epochs = append(log.epochs, e)
				again := NewRows(width)
				log.load(t, again)
				if again.Len() != int(n) {
					t.Fatalf("epoch %d: %d rows, want %d", epoch, again.Len(), n)
				}
				var stored []uint64 = make([]uint64, n)
				copy(wordBytes(stored), at)
				again.Each(func(id uint32, row []uint64) {
					for j, x := range row {
						if x != value(id, stored[id], j) {
							t.Fatalf("epoch %d: word %d of row %d is not of epoch %d", epoch, j, id, stored[id])
						}
					}
				})
			}
		})
	}
}

// TestLoadRefuses gives Load blocks that are sound in themselves and yet can't
// be: they must not pass for state.
func TestLoadRefuses(t *testing.T) {
	rowsBlock := func(width int) []byte {
		r := NewRows(width)
		r.Alloc()
		var out []byte
		f := r.freeze(statestore.Cut{Epoch: 1, Generation: 1}, &bufferPool{})
		f.write(func(b []byte, _ func()) { out = bytes.Clone(b) })
		return out
	}
	cases := map[string][][]byte{
		"unknown kind":         {{9, 0, 0, 0, 0, 0, 0, 0}},
		"empty block":          {{}},
		"rows cut short":       {rowsBlock(2)[:20]},
		"rows with a tail":     {append(rowsBlock(2), 0)},
		"another width":        {rowsBlock(2), rowsBlock(3)},
		"rows among blobs":     {{byte(kindBlobs), 0, 0, 0}, rowsBlock(2)},
		"arena without begin":  {{byte(kindArena), 1, 0, 5, 1, 1, 'x'}},
		"arena cut short":      {{byte(kindArena), 1, 0, 0, 3, 3, 'x'}},
		"blobs with no value":  {{byte(kindBlobs), 1, 2, 'k'}},
		"row beyond the rows":  {func() []byte { b := rowsBlock(2); b[len(b)-1] = 4 << 1; return b }()},
		"a row that is no row": {func() []byte { b := rowsBlock(2); b[len(b)-1] |= 1; return b }()},
	}
	for name, blocks := range cases {
		t.Run(name, func(t *testing.T) {
			s, err := statestore.Open("state", statestore.Options{FS: vfs.NewMem()})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			tx, err := s.Begin(1, statestore.Layout{Shards: 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range blocks {
				tx.Shard(0).Put(statestore.StreamID{Operator: testOp, Part: 1}, bytes.Clone(b))
			}
			if err := tx.Commit(nil); err != nil {
				t.Fatal(err)
			}
			_, err = Load(s, testOp, 0)
			if err == nil || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), "part 1") {
				t.Fatalf("got %v", err)
			}
		})
	}
}
