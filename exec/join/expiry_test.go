package join

import (
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
)

// TestExpiry: rows of one side, anyhow, against rows of the other whose v is above the
// watermark, fold to the join of all; and what the watermark has passed is not held.
func TestExpiry(t *testing.T) {
	const second = 1_000_000
	for seed := range uint64(24) {
		r := rand.New(rand.NewPCG(seed, 9))
		o := &planner.Join{Kind: planner.JoinKind(seed % 6), Emit: []int{0, 1, 2, 3, 4, 5, 6, 7}}
		if seed%5 > 0 {
			o.LeftKeys, o.RightKeys, o.NullSafe = []int{0}, []int{0}, []bool{seed%3 == 0}
		}
		if o.Kind == planner.SemiJoin || o.Kind == planner.AntiJoin {
			o.Emit = []int{2, 1, 3}
		}
		goes := int(seed/6) % 2 // the side whose rows go
		o.Residual = compare(t, []string{">", "<"}[goes])
		o.Expiry[goes] = &planner.Expiry{Col: 1}
		store, err := statestore.Open("state", statestore.Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		c := &cluster{t: t, o: o, store: store, out: &folded{t: t, rows: map[string]int{}}, shards: 1 + r.IntN(3)}
		for i := range c.kinds {
			c.kinds[i] = planner.KindSet(0).With(catalog.Insert)
		}
		c.start(false)
		var all [2][]row
		mark := int64(0)
		for step := range 25 {
			input := r.IntN(2)
			var rows []row
			for range 1 + r.IntN(12) {
				n := randomRow(r)
				switch {
				case input != goes:
					n[1] = mark + 1 + r.Int64N(20*second)
				case r.IntN(9) == 0:
					n[1] = nil
				default: // late ones, and some that stay for long
					n[1] = mark - 10*second + r.Int64N(20*second)<<(r.IntN(2)*r.IntN(12))
				}
				rows = append(rows, n)
			}
			all[input] = append(all[input], rows...)
			c.process(input, batchOf(t, rows, nil, nil))
			if want := naive(t, o, all[0], all[1]); !maps.Equal(c.out.rows, want) {
				t.Fatalf("seed %d (%s), step %d: it is\n%v\nwant\n%v", seed, o.Kind, step, c.out.rows, want)
			}
			if r.IntN(3) == 0 {
				mark += r.Int64N(8 * second)
				c.advance(1-goes, mark)
				c.check(goes, mark, all[goes])
			}
			if r.IntN(4) == 0 {
				c.commit()
				if r.IntN(2) == 0 {
					c.stored = c.shards
					if r.IntN(2) == 0 {
						c.shards = 1 + r.IntN(3)
					}
					c.start(true)
				}
			}
		}
		c.advance(goes, op.MaxTime)
		c.advance(1-goes, op.MaxTime)
		c.check(goes, op.MaxTime, nil)
		for _, x := range c.ops {
			if n := len(x.st.Buckets()); n > 1 {
				t.Fatalf("seed %d: %d buckets are left", seed, n-1)
			}
			x.Close()
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestExpiryCounts: the counts add up at every watermark, and the segments are few
// however far ahead the rows are.
func TestExpiryCounts(t *testing.T) {
	o := &planner.Join{Kind: planner.LeftJoin, LeftKeys: []int{0}, RightKeys: []int{0}, NullSafe: []bool{false}, Emit: []int{1, 5}, Residual: compare(t, ">")}
	o.Expiry[0] = &planner.Expiry{Col: 1, Keep: 3_000_000}
	c := &cluster{t: t, o: o, out: &folded{t: t, rows: map[string]int{}}, shards: 1}
	c.kinds = [2]planner.KindSet{planner.KindSet(0).With(catalog.Insert), planner.KindSet(0).With(catalog.Insert)}
	c.start(false)
	r := rand.New(rand.NewPCG(2, 2))
	x := c.ops[0]
	const hour = 3_600_000_000
	for mark := int64(0); mark < hour; mark += 10_000_000 {
		var rows []row
		for range 20 {
			n := randomRow(r)
			n[1] = mark + r.Int64N(1<<r.IntN(34))
			rows = append(rows, n)
		}
		c.process(0, batchOf(t, rows, nil, nil))
		c.process(1, batchOf(t, []row{{"a", mark + 5_000_000, nil, nil}}, nil, nil))
		c.advance(1, mark)
		c.held()
		if text := x.Balance(x.ctx.Counters); text != "" {
			t.Fatal(text)
		}
		if n := len(x.sides[0].segs); n > 60 {
			t.Fatalf("%d segments", n)
		}
	}
	if x.ctx.Counters[op.CountReleased] == 0 {
		t.Fatal("nothing has gone")
	}
}

func (c *cluster) advance(input int, w int64) {
	for _, x := range c.ops {
		if err := x.Advance(input, w, c.out); err != nil {
			c.t.Fatal(err)
		}
	}
}

// check looks for rows that should have gone: they may stay for half of their time
// longer.
func (c *cluster) check(side int, mark int64, came []row) {
	most := 0
	for _, n := range came {
		if v, ok := n[1].(int64); ok && v+max(v, 4_000_000) > mark {
			most++
		}
	}
	held := 0
	for _, x := range c.ops {
		for _, g := range x.sides[side].segs {
			held += g.rows.Len()
			if g.until <= mark {
				c.t.Fatalf("a segment that ends at %d is there at %d", g.until, mark)
			}
		}
	}
	if held > most {
		c.t.Fatalf("%d rows are held at %d, %d may be", held, mark, most)
	}
}
