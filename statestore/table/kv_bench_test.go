package table

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/statestore"
)

const (
	kvRows    = 2_000_000
	kvDirty   = 200_000
	kvCommits = 30
)

// BenchmarkKVPerKey is the design that this package is not: one key-value pair
// per row, the changed rows of a commit sorted into an SST and ingested. Compare
// with BenchmarkBlocks, which makes the same changes. The commit itself is not
// slow; what follows from it is: each file overlaps all data, so compactions
// write everything again and again (compacted/delta), or level 0 fills up
// (L0-sublevels). Loading reads one pair at a time.
func BenchmarkKVPerKey(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		opts := &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}}
		opts.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
		db, err := pebble.Open(dir, opts)
		if err != nil {
			b.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		written := 0
		ingest := func(n int, ids []uint32) {
			path := filepath.Join(dir, fmt.Sprint("ingest", n))
			f, err := vfs.Default.Create(path, "bench")
			if err != nil {
				b.Fatal(err)
			}
			w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), sstable.WriterOptions{
				TableFormat: db.TableFormat(), Compression: block.NoCompression,
			})
			var key [8]byte
			var value [16]byte
			for _, id := range ids {
				binary.BigEndian.PutUint64(key[:], uint64(id)*0x9e3779b9)
				binary.LittleEndian.PutUint64(value[:], rng.Uint64())
				if err := w.Set(key[:], value[:]); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
			if err := db.Ingest(context.Background(), []string{path}); err != nil {
				b.Fatal(err)
			}
			written += 24 * len(ids)
		}
		all := make([]uint32, kvRows)
		for i := range all {
			all[i] = uint32(i)
		}
		ingest(0, all)
		written = 0
		for c := range kvCommits {
			ids := make([]uint32, kvDirty)
			for i := range ids {
				ids[i] = rng.Uint32N(kvRows)
			}
			slices.Sort(ids)
			ingest(c+1, slices.Compact(ids))
		}
		var compacted uint64
		m := db.Metrics()
		for i := range m.Levels {
			compacted += m.Levels[i].TableBytesCompacted
		}
		b.ReportMetric(float64(compacted)/float64(written), "compacted/delta")
		b.ReportMetric(float64(m.Levels[0].Sublevels), "L0-sublevels")
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(kvCommits*kvDirty*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
}

// BenchmarkBlocks makes the changes of BenchmarkKVPerKey through a table.
func BenchmarkBlocks(b *testing.B) {
	for b.Loop() {
		s, err := statestore.Open(b.TempDir(), statestore.Options{})
		if err != nil {
			b.Fatal(err)
		}
		t := New(1)
		rows := fill(t, kvRows)
		rng := rand.New(rand.NewPCG(1, 2))
		var base statestore.Metrics
		for c := range uint64(kvCommits + 1) {
			tx, err := s.Begin(c+1, statestore.Layout{Shards: 1})
			if err != nil {
				b.Fatal(err)
			}
			if err := t.Freeze(tx.Cut()).Write(tx.Shard(0)); err != nil {
				b.Fatal(err)
			}
			if err := tx.Commit(nil); err != nil {
				b.Fatal(err)
			}
			if c == 0 {
				base = s.Metrics()
			}
			touch(rows, kvDirty, rng)
		}
		m := s.Metrics()
		delta := float64(m.CommitBytes-base.CommitBytes) - float64(m.Evacuated)
		b.ReportMetric(float64(m.CompactionBytes)/delta, "compacted/delta")
		b.ReportMetric(float64(m.Evacuated)/delta, "evacuated/delta")
		b.ReportMetric(float64(m.L0Sublevels), "L0-sublevels")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(kvCommits*kvDirty*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
}

type quiet struct{}

func (quiet) Infof(string, ...any)      {}
func (quiet) Errorf(string, ...any)     {}
func (quiet) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
