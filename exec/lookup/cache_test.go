package lookup

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/planner"
)

// modelEntry is an answer as the model of the cache has it.
type modelEntry struct {
	rows         []int64
	wrote, asked time.Time
	use          int // number of the last use
}

// The cache holds against a map with the same limits: the same keys are there, with
// the same rows, whatever was merged in between.
func TestCacheModel(t *testing.T) {
	for seed := range uint64(20) {
		limits := planner.LookupCache{On: true, Missing: seed%3 > 0}
		if seed%2 == 0 {
			limits.MaxRows = 1 + int64(seed)*3
		}
		if seed%4 > 0 {
			limits.AfterWrite = 40 * time.Second
		}
		if seed%5 > 2 {
			limits.AfterAccess = 15 * time.Second
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { cacheAgainstModel(t, limits, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func cacheAgainstModel(t *testing.T, limits planner.LookupCache, rng *rand.Rand) {
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	c, model := newCache(limits), map[string]*modelEntry{}
	now, uses, version := time.Unix(0, 0), 0, int64(0)
	stale := func(e *modelEntry) bool {
		return limits.AfterWrite > 0 && now.Sub(e.wrote) >= limits.AfterWrite || limits.AfterAccess > 0 && now.Sub(e.asked) >= limits.AfterAccess
	}
	for range 2000 {
		now = now.Add(time.Duration(rng.IntN(2000)) * time.Millisecond)
		var keys [][]byte
		for k := range 30 {
			if rng.IntN(6) == 0 {
				keys = append(keys, fmt.Appendf(nil, "k%d", k))
			}
		}
		parts, missing := c.get(keys, now, alloc)
		var got, want []int64
		for _, p := range parts {
			got = append(got, p.cols[0].(*array.Int64).Int64Values()...)
			release(p.cols)
		}
		var asked []int32
		for i, k := range keys {
			e := model[string(k)]
			if e == nil || stale(e) {
				asked = append(asked, int32(i))
				continue
			}
			uses++
			e.asked, e.use = now, uses
			want = append(want, e.rows...)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || !slices.Equal(missing, asked) {
			t.Fatalf("keys %s: rows %v, want %v; missing %v, want %v", keys, got, want, missing, asked)
		}
		if len(missing) == 0 {
			continue
		}
		// What is missing is written, each with up to three rows of a new version.
		var wrote [][]byte
		var rows []int64
		first := []int32{0}
		for _, i := range missing {
			wrote = append(wrote, keys[i])
			e := &modelEntry{wrote: now, asked: now}
			for range rng.IntN(4) {
				version++
				e.rows = append(e.rows, version)
			}
			rows = append(rows, e.rows...)
			first = append(first, int32(len(rows)))
			delete(model, string(keys[i]))
			if uses++; len(e.rows) > 0 || limits.Missing {
				e.use = uses
				model[string(keys[i])] = e
			}
		}
		b := array.NewInt64Builder(alloc)
		b.AppendValues(rows, nil)
		col := b.NewArray()
		b.Release()
		if err := c.put(wrote, []arrow.Array{col}, len(rows), first, now); err != nil {
			t.Fatal(err)
		}
		col.Release()
		shrink(model, limits.MaxRows, stale)
		held := 0
		for _, b := range c.blocks {
			held += b.n + len(b.entries)
		}
		if live := len(c.entries) + liveRows(c); held > 3*live+8 {
			t.Fatalf("%d rows and keys are held for %d that are alive", held, live)
		}
	}
	c.close()
}

// shrink drops what is too old, then what was used longest ago until the rest fits.
func shrink(model map[string]*modelEntry, most int64, stale func(*modelEntry) bool) {
	for {
		cost, oldest := int64(0), ""
		for k, e := range model {
			if stale(e) {
				delete(model, k)
				continue
			}
			cost += max(1, int64(len(e.rows)))
			if oldest == "" || e.use < model[oldest].use {
				oldest = k
			}
		}
		if most == 0 || cost <= most {
			return
		}
		delete(model, oldest)
	}
}

func liveRows(c *cache) (n int) {
	for _, e := range c.entries {
		n += int(e.n)
	}
	return n
}
