package hash

import (
	"math/rand/v2"
	"testing"

	"github.com/streamsql/streamsql/statestore/table"
)

// indexIDs gives what the index holds, as hash -> ids, read slot by slot.
func indexIDs(t *testing.T, x *index) map[uint32]map[uint32]bool {
	got := map[uint32]map[uint32]bool{}
	n := 0
	for si := range x.segs {
		s := &x.segs[si]
		used := 0
		for _, e := range s.slots {
			if e == 0 {
				continue
			}
			used++
			h, id := uint32(e>>32), uint32(e)-1
			if got[h] == nil {
				got[h] = map[uint32]bool{}
			}
			if got[h][id] {
				t.Fatalf("id %d stands twice under hash %x", id, h)
			}
			got[h][id] = true
			if d := h >> maxSegmentBits & x.dirMask(); x.owner[d] != uint32(si) || &x.dir[d][0] != &s.slots[0] {
				t.Fatalf("hash %x lies in segment %d, its directory entry names %d", h, si, x.owner[d])
			}
			if !reachable(x, h, id) {
				t.Fatalf("id %d is not reachable from the home slot of hash %x", id, h)
			}
		}
		if used != s.used || used > segmentLimit(len(s.slots)) {
			t.Fatalf("segment %d: %d slots in use, says %d, may have %d", si, used, s.used, segmentLimit(len(s.slots)))
		}
		n += used
	}
	if n != x.n {
		t.Fatalf("%d slots in use, index says %d", n, x.n)
	}
	return got
}

func reachable(x *index, h, id uint32) bool {
	slots := x.dir[h>>maxSegmentBits&x.dirMask()]
	mask := uint32(len(slots) - 1)
	for s := h & mask; slots[s] != 0; s = (s + 1) & mask {
		if slots[s] == uint64(h)<<32|uint64(id+1) {
			return true
		}
	}
	return false
}

func TestIndexModel(t *testing.T) {
	spreads := map[string]func(*rand.Rand) uint32{
		"random":     func(r *rand.Rand) uint32 { return r.Uint32() },
		"16 hashes":  func(r *rand.Rand) uint32 { return r.Uint32N(16) * 0x01010101 },
		"wraparound": func(r *rand.Rand) uint32 { return maxSegment - 1 - r.Uint32N(3) },
		"one half":   func(r *rand.Rand) uint32 { return r.Uint32() &^ (1 << maxSegmentBits) },
	}
	for name, spread := range spreads {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			x := index{rows: table.NewRows(1)}
			x.init(minSegment)
			type entry struct{ h, id uint32 }
			var live []entry
			n := 3000
			if name == "random" || name == "one half" {
				n = 200_000
			}
			for id := range uint32(n) {
				h := spread(rng)
				x.insert(h, id)
				live = append(live, entry{h, id})
				for rng.IntN(3) == 0 && len(live) > 0 {
					i := rng.IntN(len(live))
					e := live[i]
					if !x.remove(e.h, e.id) {
						t.Fatalf("id %d is gone", e.id)
					}
					if x.remove(e.h, e.id) {
						t.Fatalf("id %d removed twice", e.id)
					}
					live[i] = live[len(live)-1]
					live = live[:len(live)-1]
				}
			}
			got := indexIDs(t, &x)
			for _, e := range live {
				if !got[e.h][e.id] {
					t.Fatalf("id %d under hash %x is lost", e.id, e.h)
				}
				delete(got[e.h], e.id)
			}
			for h, ids := range got {
				if len(ids) > 0 {
					t.Fatalf("hash %x has ids that were removed", h)
				}
			}
			x.reset()
			if x.n != 0 || len(indexIDs(t, &x)) != 0 {
				t.Fatal("reset left slots in use")
			}
		})
	}
}

// Hashes that agree in all bits that choose a segment: splitting can't part them,
// so after the last split their segment must grow in one piece.
func TestIndexCollidingSegment(t *testing.T) {
	x := index{rows: table.NewRows(1)}
	x.init(minSegment)
	const n = segmentLimitOfMax + 1000
	for id := range uint32(n) {
		x.insert(0xabcd<<16|id&(maxSegment-1), id)
	}
	total := 0
	for h, ids := range indexIDs(t, &x) {
		if h>>16 != 0xabcd {
			t.Fatalf("hash %x was never added", h)
		}
		total += len(ids)
	}
	if total != n || x.depth != maxDepth {
		t.Fatalf("%d ids of %d, depth %d", total, n, x.depth)
	}
}

const segmentLimitOfMax = maxSegment - maxSegment/4
