package table

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/statestore"
)

// TestArenaBlocks: strings of all sizes, in commits that fill blocks and in small
// ones, come back at their positions; and the buffers of blocks are given back.
func TestArenaBlocks(t *testing.T) {
	fs := vfs.NewMem()
	store, err := statestore.Open("state", statestore.Options{FS: fs, RunSize: 2 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	r := rand.New(rand.NewPCG(3, 4))
	type text struct {
		pos  uint64
		want []byte
	}
	var texts []text
	tab := New(1)
	for epoch := range uint64(6) {
		a := tab.Arena(0, 0)
		for _, n := range []int{1, 100, 200_000, blockBytes - 30, blockBytes, 700_000, chunkBytes, 3 << 20, 17}[:1+r.IntN(9)] {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			texts = append(texts, text{a.Append(b), b})
		}
		if epoch%2 == 1 {
			i := r.IntN(len(texts))
			a.Free(texts[i].pos, len(texts[i].want))
			texts = append(texts[:i], texts[i+1:]...)
		}
		tx, err := store.Begin(epoch+1, statestore.Layout{Shards: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := tab.Freeze(tx.Cut()).Write(tx.Shard(0)); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(nil); err != nil {
			t.Fatal(err)
		}
		if n := tab.pool.lent; n != 0 {
			t.Fatalf("epoch %d: %d buffers are still lent", epoch+1, n)
		}
		if tab, err = Load(store, 1, 0); err != nil {
			t.Fatal(err)
		}
		for _, x := range texts {
			if !bytes.Equal(tab.Arena(0, 0).At(x.pos, len(x.want)), x.want) {
				t.Fatalf("epoch %d: %d bytes are not what they were", epoch+1, len(x.want))
			}
		}
	}
}
