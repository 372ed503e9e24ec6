//go:build linux && !memcheck

package table

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/streamsql/streamsql/statestore"
)

// heldBytes is what the blocks of a table take outside Go's heap.
func heldBytes(b *blockSet) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, g := range b.held {
		n += g.size
	}
	return n
}

// dropSpare gives back what a table keeps of dropped buckets.
func dropSpare(t *Table) {
	for _, r := range t.spare {
		r.drop()
	}
	t.spare = nil
}

// A dropped bucket gives its memory back, rows, index and strings, at once.
func TestDropGivesMemoryBack(t *testing.T) {
	tab := New(1)
	rows, arena, beside := tab.Rows(0, 7, 3), tab.Arena(1, 7), tab.Beside(7, 5)
	for range 10_000 {
		rows.Alloc()
		beside.Alloc()
		arena.Append(make([]byte, 100))
	}
	index := rows.Lend(32 << 10)
	for i, w := range index {
		if w != 0 {
			t.Fatalf("word %d of lent memory is %x", i, w)
		}
		index[i] = 1
	}
	if n := heldBytes(tab.mem.blocks); n < 10_000*(24+40+100)+8*len(index) {
		t.Fatalf("the table holds %d bytes", n)
	}
	tab.DropBucket(7)
	dropSpare(tab)
	if n := heldBytes(tab.mem.blocks); n != 0 {
		t.Errorf("the table holds %d bytes after its only bucket has gone", n)
	}
	again := tab.Rows(0, 8, 3)
	for _, w := range again.Lend(32 << 10) {
		if w != 0 {
			t.Fatal("memory that was used before was lent as it was")
		}
	}
}

// What a freeze has taken is written as it was then, though its bucket goes and the
// memory is used again before the write.
func TestDropBeforeWrite(t *testing.T) {
	tab := New(1)
	fill := func(bucket int64, b byte) {
		rows, arena := tab.Rows(0, bucket, 2), tab.Arena(1, bucket)
		rows.atOnce = 0 // copied beside the operator
		for i := range 20_000 {
			row := rows.At(rows.Alloc())
			row[0], row[1] = uint64(i), arena.Append(bytes.Repeat([]byte{b}, 50))
		}
	}
	fill(1, 'a')
	f := tab.Freeze(statestore.Cut{Epoch: 1, Generation: 1})
	tab.DropBucket(1)
	fill(2, 'b')
	texts, ids := 0, 0
	for _, p := range f.parts {
		p.f.write(func(block []byte, back func()) {
			switch kind(block[0]) {
			case kindArena:
				if bytes.IndexByte(block[64:len(block)-64], 'b') >= 0 {
					t.Error("the strings of the other bucket were written")
				}
				texts += bytes.Count(block, []byte("a"))
			case kindRows:
				again := NewRows(2)
				if err := again.apply(block, 1); err != nil {
					t.Fatal(err)
				}
				again.Each(func(id uint32, row []uint64) {
					if row[0] != uint64(id) {
						t.Errorf("row %d has %d", id, row[0])
					}
					ids++
				})
			}
			if back != nil {
				back()
			}
		})
	}
	if texts < 20_000*50 || ids != 20_000 {
		t.Errorf("%d bytes of texts and %d rows were written", texts, ids)
	}
	f.release()
	tab.DropBucket(2)
	tab.Freeze(statestore.Cut{Epoch: 2, Generation: 2})
	for _, g := range tab.pool.free {
		tab.mem.freeWords(g)
	}
	tab.pool.free = nil
	dropSpare(tab)
	if n := heldBytes(tab.mem.blocks); n != 0 {
		t.Errorf("the table holds %d bytes", n)
	}
}

// A table that nobody refers to gives its memory back.
func TestMemoryIsCollected(t *testing.T) {
	blocks := func() *blockSet {
		tab := New(1)
		arena := tab.Arena(0, 0)
		for range 16 {
			arena.Append(make([]byte, 1<<20))
		}
		if n := heldBytes(tab.mem.blocks); n < 16<<20 {
			t.Fatalf("the table holds %d bytes", n)
		}
		return tab.mem.blocks
	}()
	for n := 0; heldBytes(blocks) > 0; n++ {
		if n == 1000 {
			t.Fatal("the memory of a table is still held after a thousand collections")
		}
		runtime.GC()
	}
}
