package sql

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
)

// variant is the circumstances of one run.
type variant struct {
	batch, par, splits int
	barrier            int    // records of a micro-batch
	order              string // in which splits are read where it is open: up, down, or by time
	cut                string // what happens in the middle
}

// The interruptions.
const (
	noCut    = "none"
	killCut  = "kill"  // a crash at some point of some commit, the same layout after it
	scaleCut = "scale" // a crash, and other parallelism and batch rows after it
	stopCut  = "stop"  // --max-rows, several times
	holdCut  = "hold"  // a prefix of every split with --end hold, then the whole
)

// String names the variant as the subtest.
func (v variant) String() string {
	return fmt.Sprintf("batch=%d,par=%d,splits=%d,barrier=%d,order=%s,cut=%s", v.batch, v.par, v.splits, v.barrier, v.order, v.cut)
}

var (
	batches  = []int{1, 2, 7, 1000}
	pars     = []int{1, 2, 3}
	splits   = []int{1, 2, 3}
	barriers = []int{1, 7, 1000}
	orders   = []string{"up", "down", "time"}
	cuts     = []string{noCut, killCut, scaleCut, stopCut, holdCut}
)

// variants gives the circumstances to run a case in: a covering set, a hundred at random with
// STREAMSQL_SOAK set, all (which takes days) if it is "all". Cases may rule out some splits and cuts.
func variants(splits []int, cuts []string) []variant {
	sizes := []int{len(batches), len(pars), len(splits), len(barriers), len(orders), len(cuts)}
	var rows [][]int
	if os.Getenv("STREAMSQL_SOAK") == "all" {
		rows = product(sizes)
	} else if soak() {
		rows = product(sizes)
		rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		rows = rows[:min(len(rows), 100)]
	} else if memo, ok := coverings.Load(fmt.Sprint(sizes)); ok {
		rows = memo.([][]int)
	} else {
		rows = covering(sizes)
		coverings.Store(fmt.Sprint(sizes), rows)
	}
	out := make([]variant, len(rows))
	for i, r := range rows {
		out[i] = variant{batches[r[0]], pars[r[1]], splits[r[2]], barriers[r[3]], orders[r[4]], cuts[r[5]]}
	}
	return out
}

// coverings remembers covering sets by their sizes.
var coverings sync.Map

func soak() bool { return os.Getenv("STREAMSQL_SOAK") != "" }

// product gives all combinations of choices.
func product(sizes []int) [][]int {
	out := [][]int{{}}
	for _, n := range sizes {
		var next [][]int
		for _, row := range out {
			for k := range n {
				next = append(next, append(slices.Clone(row), k))
			}
		}
		out = next
	}
	return out
}

// pair is two choices of two dimensions.
type pair struct{ d1, c1, d2, c2 int }

// covering gives rows of choices in which every two choices of different
// dimensions occur together: greedily, the row with the most new pairs next.
// (In-parameter-order and its kin do a little better; this is short.)
func covering(sizes []int) [][]int {
	missing := map[pair]bool{}
	for a := range sizes {
		for b := a + 1; b < len(sizes); b++ {
			for x := range sizes[a] {
				for y := range sizes[b] {
					missing[pair{a, x, b, y}] = true
				}
			}
		}
	}
	all := product(sizes)
	var rows [][]int
	for len(missing) > 0 {
		var best []int
		most := -1
		for _, row := range all {
			n := 0
			for _, p := range pairsOf(row) {
				if missing[p] {
					n++
				}
			}
			if n > most {
				best, most = row, n
			}
		}
		for _, p := range pairsOf(best) {
			delete(missing, p)
		}
		rows = append(rows, best)
	}
	return rows
}

func pairsOf(row []int) []pair {
	var out []pair
	for a := range row {
		for b := a + 1; b < len(row); b++ {
			out = append(out, pair{a, row[a], b, row[b]})
		}
	}
	return out
}

// TestCovering holds that every pair of choices is tried, by few runs.
func TestCovering(t *testing.T) {
	sizes := []int{4, 3, 3, 3, 3, 5}
	rows := covering(sizes)
	seen := map[pair]bool{}
	for _, r := range rows {
		for _, p := range pairsOf(r) {
			seen[p] = true
		}
	}
	want := 0
	for a := range sizes {
		for b := a + 1; b < len(sizes); b++ {
			want += sizes[a] * sizes[b]
		}
	}
	if len(seen) != want {
		t.Errorf("%d pairs are tried, there are %d", len(seen), want)
	}
	if len(rows) > 30 {
		t.Errorf("%d runs for %d pairs", len(rows), want)
	}
}
