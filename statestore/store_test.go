package statestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"
)

// testOptions makes a store small enough that generations, runs and cuts happen
// within a few commits.
func testOptions(fs vfs.FS) Options {
	return Options{FS: fs, SmallCommit: 2 << 10, RunSize: 8 << 10, LogSlack: 64 << 10, MemoryBudget: 8 << 20}
}

func mustOpen(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// putEpoch commits one epoch whose blocks and metadata all tell its number.
func putEpoch(s *Store, epoch uint64, shards, blocks, size int) error {
	tx, err := s.Begin(epoch, Layout{Shards: shards})
	if err != nil {
		return err
	}
	for i := range shards {
		w := tx.Shard(i)
		id := StreamID{Operator: 7, Part: uint32(i)}
		for b := range blocks {
			w.Put(id, testBlock(epoch, i, b, size))
		}
		if epoch > 3 {
			w.SetLiveFrom(id, epoch-3)
		}
		w.SetLiveBytes(id, int64(blocks*size))
	}
	return tx.Commit(map[string][]byte{"offset": fmt.Append(nil, "offset of ", epoch)})
}

// testBlock makes a block of about size bytes; at 700, of much less in two of
// three epochs, so that small and large commits alternate.
func testBlock(epoch uint64, shard, n, size int) []byte {
	if size == 700 && epoch%3 != 0 {
		size = 70
	}
	b := fmt.Appendf(nil, "epoch %d shard %d block %d ", epoch, shard, n)
	return append(b, bytes.Repeat([]byte{byte(epoch + uint64(n))}, size)...)
}

// checkEpochs verifies that exactly the blocks of putEpoch up to last are there.
func checkEpochs(s *Store, last uint64, shards, blocks, size int) error {
	c, ok := s.Last()
	if !ok || c.Epoch != last || c.Layout.Shards != shards {
		return fmt.Errorf("last commit: %v, %v; want epoch %d", c, ok, last)
	}
	if got, want := string(c.Meta["offset"]), fmt.Sprint("offset of ", last); got != want {
		return fmt.Errorf("metadata %q, want %q", got, want)
	}
	for i := range shards {
		want := uint64(1)
		if last > 3 {
			want = last - 3
		}
		b := 0
		err := s.Read(7, i, func(blk Block) error {
			if blk.Epoch != want || blk.Shard != i || !bytes.Equal(blk.Data, testBlock(want, i, b, size)) {
				return fmt.Errorf("block %d of epoch %d: got %.40q of epoch %d", b, want, blk.Data, blk.Epoch)
			}
			if b++; b == blocks {
				b, want = 0, want+1
			}
			return nil
		})
		if err != nil {
			return err
		}
		if want != last+1 {
			return fmt.Errorf("shard %d: blocks end before epoch %d, want %d", i, want, last+1)
		}
	}
	return nil
}

func TestCommitAndReopen(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, size := range []int{10, 700, 5000} { // small, mixed and large commits
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			fs := vfs.NewMem()
			s := mustOpen(t, "dir", testOptions(fs))
			if _, ok := s.Last(); ok {
				t.Fatal("a new store has a commit")
			}
			id := s.ID()
			for e := uint64(1); e <= 40; e++ {
				if err := putEpoch(s, e, 2, 3, size); err != nil {
					t.Fatal(err)
				}
				if err := checkEpochs(s, e, 2, 3, size); err != nil {
					t.Fatal(err)
				}
				if e%7 == 0 {
					mustClose(t, s)
					s = mustOpen(t, "dir", testOptions(fs))
					if s.ID() != id {
						t.Fatalf("identity changed from %s to %s", id, s.ID())
					}
					if err := checkEpochs(s, e, 2, 3, size); err != nil {
						t.Fatal(err)
					}
				}
			}
			mustClose(t, s)
		})
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, "dir", testOptions(fs))
	if err := putEpoch(s, 1, 2, 3, 5000); err != nil {
		t.Fatal(err)
	}
	tx, err := s.Begin(2, Layout{Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(2, Layout{Shards: 2}); err == nil {
		t.Fatal("two transactions at once")
	}
	tx.Shard(0).Put(StreamID{Operator: 7}, make([]byte, 20000))
	tx.Abort()
	if err := tx.Commit(nil); err == nil {
		t.Fatal("commit after abort")
	}
	if names, err := fs.List(fs.PathJoin("dir", tmpName)); err != nil || len(names) > 0 {
		t.Fatalf("left behind: %v %v", names, err)
	}
	if err := checkEpochs(s, 1, 2, 3, 5000); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(1, Layout{Shards: 2}); err == nil {
		t.Fatal("an epoch committed twice")
	}
	mustClose(t, s)
	if _, err := s.Begin(2, Layout{Shards: 2}); !errors.Is(err, ErrClosed) {
		t.Fatalf("begin on a closed store: %v", err)
	}
}

// TestTamper alters the log below the store's own checks, where Pebble's
// checksums see nothing wrong: blocks and records that are missing, altered or
// in another's place.
func TestTamper(t *testing.T) {
	key := func(epoch uint64, shard, n int) []byte {
		k := appendBlockPrefix(nil, epoch, shard, 0, StreamID{Operator: 7, Part: uint32(shard)})
		return binary.BigEndian.AppendUint32(k, uint32(n))
	}
	get := func(s *Store, k []byte) []byte {
		v, c, err := s.db.Get(k)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return bytes.Clone(v)
	}
	cases := map[string]func(s *Store) error{
		"last block missing":  func(s *Store) error { return s.db.Delete(key(5, 0, 2), nil) },
		"first block missing": func(s *Store) error { return s.db.Delete(key(5, 0, 0), nil) },
		"all blocks missing":  func(s *Store) error { return s.db.DeleteRange(key(5, 1, 0), key(5, 1, 3), nil) },
		"block altered":       func(s *Store) error { v := get(s, key(5, 1, 1)); v[3] ^= 1; return s.db.Set(key(5, 1, 1), v, nil) },
		"block of another":    func(s *Store) error { return s.db.Set(key(5, 1, 1), get(s, key(5, 1, 2)), nil) },
		"block rewritten": func(s *Store) error {
			k, v := key(5, 1, 1), []byte("sound in itself")
			return s.db.Set(k, binary.BigEndian.AppendUint64(v, checksum(k, v[:len(v):len(v)])), nil)
		},
		"one block more":        func(s *Store) error { return s.db.Set(key(5, 1, 3), get(s, key(5, 1, 2)), nil) },
		"block of no bytes":     func(s *Store) error { return s.db.Set(key(5, 1, 1), nil, nil) },
		"older record missing":  func(s *Store) error { return s.db.Delete(recordKey(5), nil) },
		"newest record missing": func(s *Store) error { return s.db.Delete(recordKey(7), nil) },
		"newest epoch missing":  func(s *Store) error { return s.db.DeleteRange(epochKey(7), epochKey(8), nil) },
		"record altered":        func(s *Store) error { v := get(s, recordKey(7)); v[2] ^= 4; return s.db.Set(recordKey(7), v, nil) },
		"record of another":     func(s *Store) error { return s.db.Set(recordKey(7), get(s, recordKey(6)), nil) },
		"metadata missing":      func(s *Store) error { return s.db.Delete(metaKey(7, "offset"), nil) },
		"metadata altered":      func(s *Store) error { return s.db.Set(metaKey(7, "offset"), []byte("offset of 8"), nil) },
	}
	for name, tamper := range cases {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			s := mustOpen(t, "dir", testOptions(fs))
			for e := uint64(1); e <= 7; e++ {
				if err := putEpoch(s, e, 2, 3, 100); err != nil {
					t.Fatal(err)
				}
			}
			if err := tamper(s); err != nil {
				t.Fatal(err)
			}
			mustClose(t, s)
			s, err := Open("dir", testOptions(fs))
			if err == nil {
				for shard := range 2 {
					err = errors.Join(err, s.Read(7, shard, func(Block) error { return nil }))
				}
				mustClose(t, s)
			}
			if !errors.As(err, new(*DamageError)) || !strings.Contains(err.Error(), "dir") {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestLayout(t *testing.T) {
	for n := 1; n <= NumKeyGroups; n++ {
		l, next := Layout{Shards: n}, 0
		for i := range n {
			g := l.KeyGroups(i)
			if g.From != next || g.To <= g.From {
				t.Fatalf("shard %d of %d owns %v, the one before ends at %d", i, n, g, next)
			}
			for k := g.From; k < g.To; k++ {
				if l.ShardOf(k) != i {
					t.Fatalf("group %d of %d shards: %d, want %d", k, n, l.ShardOf(k), i)
				}
			}
			next = g.To
		}
		if next != NumKeyGroups {
			t.Fatalf("%d shards own %d groups", n, next)
		}
	}
	if got := (Layout{Shards: 2}).Overlapping(KeyGroups{127, 129}); !slices.Equal(got, []int{0, 1}) {
		t.Error(got)
	}
}

// What has been committed is on disk, and counts, before Pebble has flushed it to a
// table.
func TestDiskBytesCountTheLog(t *testing.T) {
	s := mustOpen(t, "d", Options{FS: vfs.NewMem()})
	defer mustClose(t, s)
	before := s.Metrics().DiskBytes
	if err := putEpoch(s, 1, 1, 4, 1000); err != nil {
		t.Fatal(err)
	}
	if m := s.Metrics(); m.DiskBytes < before+4000 || m.Tables > 0 {
		t.Errorf("%d bytes after a commit of 4000, %d before it; %d tables", m.DiskBytes, before, m.Tables)
	}
}
