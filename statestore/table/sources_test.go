package table

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/zeebo/xxh3"

	"github.com/streamsql/streamsql/statestore"
)

// counter is a minimal keyed operator: per shard, a count per string key, with
// the key in an arena and an index of its own. It is what an operator has to do
// about restarts, in small.
type counter struct {
	table *Table
	index map[string]uint32
}

func (c *counter) rows() *Rows     { return c.table.Rows(1, 0, 3) } // position, length, count
func (c *counter) keys() *Arena    { return c.table.Arena(2, 0) }
func group(key string) int         { return int(xxh3.HashString(key) >> 56) }
func newCounter(t *Table) *counter { return &counter{table: t, index: map[string]uint32{}} }

func (c *counter) add(key string, n uint64) {
	id, ok := c.index[key]
	if !ok {
		id = c.rows().Alloc()
		row := c.rows().At(id)
		row[0], row[1] = c.keys().Append([]byte(key)), uint64(len(key))
		c.index[key] = id
	}
	row := c.rows().Edit(id)
	row[2] += n
}

func each(t *Table, fn func(key string, id uint32, n uint64)) {
	keys := t.Arena(2, 0)
	t.Rows(1, 0, 3).Each(func(id uint32, row []uint64) {
		fn(string(keys.At(row[0], int(row[1]))), id, row[2])
	})
}

// restore makes the counters of a layout from the last commit.
func restoreCounters(store *statestore.Store, layout statestore.Layout) ([]*counter, error) {
	counters := make([]*counter, layout.Shards)
	last, _ := store.Last()
	sources := NewSources(store, layout)
	errs := make([]error, layout.Shards)
	var wg sync.WaitGroup
	for i := range counters {
		wg.Go(func() {
			if last.Layout == layout {
				t, err := Load(store, testOp, i)
				if err != nil {
					errs[i] = err
					return
				}
				counters[i] = newCounter(t)
				each(t, func(key string, id uint32, _ uint64) { counters[i].index[key] = id })
				return
			}
			counters[i] = newCounter(New(testOp))
			tables, err := sources.Tables(testOp, i)
			if err != nil {
				errs[i] = err
				return
			}
			groups := layout.KeyGroups(i)
			for _, t := range tables {
				each(t, func(key string, _ uint32, n uint64) {
					if groups.Contains(group(key)) {
						counters[i].add(key, n)
					}
				})
			}
			sources.Done(testOp, i)
		})
	}
	wg.Wait()
	if len(sources.loaded) > 0 {
		return nil, fmt.Errorf("%d sources are still held", len(sources.loaded))
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return counters, nil
}

// TestLayouts counts keys over restarts with the same and with other numbers of
// shards.
func TestLayouts(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	opts := statestore.Options{FS: vfs.NewMem(), LogSlack: 32 << 10, SmallCommit: 4 << 10, MemoryBudget: 8 << 20}
	want := map[string]uint64{}
	epoch := uint64(0)
	layouts := []int{2, 2, 3, 1, 1, 8, 5, 5, 256, 2}
	var counters []*counter
	for round, shards := range layouts {
		layout := statestore.Layout{Shards: shards}
		store, err := statestore.Open("state", opts)
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			for range shards {
				counters = append(counters, newCounter(New(testOp)))
			}
		} else if counters, err = restoreCounters(store, layout); err != nil {
			t.Fatal(err)
		}
		got := map[string]uint64{}
		for i, c := range counters {
			each(c.table, func(key string, _ uint32, n uint64) {
				if layout.ShardOf(group(key)) != i {
					t.Fatalf("round %d: key %q is in shard %d", round, key, i)
				}
				got[key] += n
			})
		}
		if !maps.Equal(got, want) {
			t.Fatalf("round %d: %d keys, want %d, or other counts", round, len(got), len(want))
		}
		for range 10 {
			for range 300 {
				key := fmt.Sprint("a rather long key, number ", rng.IntN(2000))
				counters[layout.ShardOf(group(key))].add(key, 1)
				want[key]++
			}
			epoch++
			tx, err := store.Begin(epoch, layout)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for i, c := range counters {
				f := c.table.Freeze(tx.Cut())
				wg.Go(func() {
					if err := f.Write(tx.Shard(i)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if err := tx.Commit(nil); err != nil {
				t.Fatal(err)
			}
		}
		if m := store.Metrics(); round > 0 && m.LogEpochs > int(epoch)-10*round+10 {
			t.Errorf("round %d: %d live epochs", round, m.LogEpochs)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
