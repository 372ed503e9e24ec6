package rank

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/streamsql/streamsql/statestore/table"
)

// TestTrees does the same to a tree and to a sorted list.
func TestTrees(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 2))
		tr := openTrees(table.New(1), 0)
		var root uint32
		var list []uint32
		order := func(a, b uint32) int {
			if c := tr.compare(tr.word(a), tr.record(a), b); c != 0 {
				return c
			}
			return int(a) - int(b)
		}
		for step := range 600 {
			v := uint64(rng.IntN(40))
			rec := fmt.Appendf(nil, "%03d", rng.IntN(3))
			switch {
			case rng.IntN(3) > 0 || len(list) == 0:
				id := tr.add(v, rec, len(rec))
				root = tr.insert(root, id)
				at, _ := slices.BinarySearchFunc(list, id, order)
				list = slices.Insert(list, at, id)
			case rng.IntN(4) == 0:
				var id uint32
				root, id = tr.removeLast(root)
				if id != list[len(list)-1] {
					t.Fatalf("seed %d step %d: the last row is %d, want %d", seed, step, id, list[len(list)-1])
				}
				list = list[:len(list)-1]
				tr.drop(id)
			default:
				old := list[rng.IntN(len(list))]
				rec := slices.Clone(tr.record(old))
				newRoot, id, ok := tr.remove(root, tr.word(old), rec)
				if !ok || !bytes.Equal(tr.record(id), rec) {
					t.Fatalf("seed %d step %d: row %d is not found", seed, step, old)
				}
				root = newRoot
				list = slices.DeleteFunc(list, func(x uint32) bool { return x == id })
				tr.drop(id)
			}
			check(t, tr, root, list, fmt.Sprintf("seed %d step %d", seed, step))
		}
		if _, _, ok := tr.remove(root, 1000, []byte("x")); ok {
			t.Fatal("a row that is not there was removed")
		}
		slices.SortFunc(list, order)
		check(t, tr, tr.build(list), list, "rebuilt")
	}
}

func check(t *testing.T, tr *trees, root uint32, want []uint32, what string) {
	t.Helper()
	var got []uint32
	tr.walk(root, 0, func(id uint32) bool { got = append(got, id); return true })
	if !slices.Equal(got, want) || tr.size(root) != len(want) {
		t.Fatalf("%s: the tree has %v, want %v", what, got, want)
	}
	for i := 0; i < len(want); i += 7 {
		if tr.at(root, i) != want[i] {
			t.Fatalf("%s: place %d", what, i)
		}
		got = got[:0]
		tr.walk(root, i, func(id uint32) bool { got = append(got, id); return len(got) < 3 })
		if !slices.Equal(got, want[i:min(i+3, len(want))]) {
			t.Fatalf("%s: from place %d the tree has %v", what, i, got)
		}
	}
	if depth := tr.depth(root); len(want) > 100 && depth > 40 {
		t.Fatalf("%s: %d rows are %d deep", what, len(want), depth)
	}
}

func (t *trees) depth(root uint32) int {
	if root == 0 {
		return 0
	}
	n := t.nodes[root-1]
	return 1 + max(t.depth(n.left), t.depth(n.right))
}

// Records that are replaced all the time leave no sparse chunks behind.
func TestTidy(t *testing.T) {
	tr := openTrees(table.New(1), 0)
	rec := make([]byte, 200)
	var ids []uint32
	for i := range 200_000 {
		binary.BigEndian.PutUint64(rec, uint64(i))
		ids = append(ids, tr.add(0, rec, 8))
		if len(ids) > 5000 {
			at := (i * 7919) % len(ids)
			if tr.drop(ids[at]); len(tr.record(ids[len(ids)-1])) != 200 {
				t.Fatal("a record has changed")
			}
			ids[at] = ids[len(ids)-1]
			ids = ids[:len(ids)-1]
		}
	}
	if size, live := tr.mem.Size(), tr.mem.Live(); size > 6*live {
		t.Errorf("%d bytes are held for %d", size, live)
	}
}
