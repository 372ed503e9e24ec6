package connectortest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// SourceTest says what TestSource is to test.
type SourceTest struct {
	// Open opens the source as a new process does. It gives the same records each
	// time; a bounded source all of them, an unbounded one those there are.
	Open func(t testing.TB) connectors.Source
	// Columns are the source's.
	Columns []connectors.ScanColumn
	// Want are the rows of each split by its ID, as Row gives them; nil: they are
	// held against the source's own first reading only.
	Want map[string][]string
	// Unbounded: the splits don't end but have nothing more.
	Unbounded bool
}

// TestSource reads a source every way an engine may: all splits, with many
// limits, from the offset after every chunk, with chunks decoded late, out of
// order, at once on several goroutines, and checks that the records are the
// same each time, limits are kept, and no memory is lost.
func TestSource(t *testing.T, test SourceTest) {
	s := test.Open(t)
	defer s.Close()
	splits := splitsOf(t, s)
	if test.Want != nil {
		ids := make([]string, len(splits))
		for i, sp := range splits {
			ids[i] = sp.ID
		}
		if want := slices.Sorted(maps.Keys(test.Want)); !slices.Equal(slices.Sorted(slices.Values(ids)), want) {
			t.Fatalf("splits %v, want %v", ids, want)
		}
	}
	for _, sp := range splits {
		t.Run("split "+sp.ID, func(t *testing.T) {
			if sp.Bounded == test.Unbounded {
				t.Fatalf("split is bounded: %v", sp.Bounded)
			}
			read := reading{test: test, split: sp}
			first := read.all(t, nil, connectors.Limits{Records: 1 << 30, Bytes: 1 << 20})
			if test.Want != nil {
				equalRows(t, first.rows, test.Want[sp.ID])
			}
			t.Run("Limits", func(t *testing.T) { read.limits(t, first) })
			t.Run("Resume", func(t *testing.T) { read.resume(t, first) })
			t.Run("DecodedElsewhere", func(t *testing.T) { read.elsewhere(t, first) })
			t.Run("DamagedOffset", func(t *testing.T) { read.damaged(t, first) })
			t.Run("Cancelled", func(t *testing.T) { read.cancelled(t) })
		})
	}
}

func splitsOf(t testing.TB, s connectors.Source) []connectors.Split {
	t.Helper()
	splits, err := s.Splits(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, sp := range splits {
		if seen[sp.ID] {
			t.Fatalf("two splits are named %q", sp.ID)
		}
		seen[sp.ID] = true
	}
	again, err := s.Splits(context.Background())
	if err != nil || !slices.Equal(splits, again) {
		t.Fatalf("asked again, the splits are %v: %v", again, err)
	}
	return splits
}

// reading reads one split.
type reading struct {
	test  SourceTest
	split connectors.Split
}

// records are what was read, and the offset after so many rows.
type records struct {
	rows, raw, positions []string
	offsets              map[int]connectors.Offset
}

// patience is how long a source that says that nothing is available is asked again.
const patience = 100

// all reads from an offset to the end.
func (r reading) all(t testing.TB, from connectors.Offset, limits connectors.Limits) records {
	t.Helper()
	s := r.test.Open(t)
	defer s.Close()
	got := records{offsets: map[int]connectors.Offset{}}
	err := r.chunks(t, s, from, limits, func(c connectors.Chunk) {
		rec := decodeChunk(t, c, r.test.Columns)
		got.rows = append(got.rows, rec.rows...)
		got.raw = append(got.raw, rec.raw...)
		got.positions = append(got.positions, rec.positions...)
		got.offsets[len(got.rows)] = c.End()
		c.Release()
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// chunks calls f with each chunk from an offset on.
func (r reading) chunks(t testing.TB, s connectors.Source, from connectors.Offset, limits connectors.Limits, f func(connectors.Chunk)) error {
	t.Helper()
	splitsOf(t, s)
	reader, err := s.Open(context.Background(), r.split, from)
	if err != nil {
		return err
	}
	defer func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}()
	for waited := 0; ; {
		c, err := reader.Fetch(context.Background(), limits)
		switch {
		case errors.Is(err, io.EOF):
			if r.test.Unbounded {
				t.Fatal("an unbounded split has ended")
			}
			if c, err := reader.Fetch(context.Background(), limits); c != nil || !errors.Is(err, io.EOF) {
				t.Fatalf("after the end: %v, %v", c, err)
			}
			return nil
		case err != nil:
			return err
		case c == nil && r.test.Unbounded:
			return nil
		case c == nil:
			if waited++; waited > patience {
				t.Fatal("a bounded split has neither records nor an end")
			}
			select {
			case <-reader.Ready():
			case <-time.After(10 * time.Millisecond):
			}
			continue
		}
		if n := c.Records(); n < 1 || n > limits.Records {
			t.Fatalf("a chunk of %d records, where 1 to %d were asked for", n, limits.Records)
		}
		f(c)
	}
}

// Decode decodes a chunk and gives its rows: the texts of the columns joined by
// '|' (NULL for NULL), a row kind other than +I, " @timestamp" if there is one, then
// errors as " !CODE column-index"; beside each its raw bytes and its position.
func Decode(t testing.TB, c connectors.Chunk, cols []connectors.ScanColumn) (rows, raw, positions []string) {
	t.Helper()
	r := decodeChunk(t, c, cols)
	return r.rows, r.raw, r.positions
}

func decodeChunk(t testing.TB, c connectors.Chunk, cols []connectors.ScanColumn) records {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(tAsserter{t}, 0)
	recs, err := c.Decode(alloc)
	if err != nil {
		t.Fatal(err)
	}
	return rowsOf(t, c, recs, cols)
}

// tAsserter makes a testing.TB what CheckedAllocator wants.
type tAsserter struct{ testing.TB }

func rowsOf(t testing.TB, c connectors.Chunk, recs *connectors.Records, cols []connectors.ScanColumn) records {
	t.Helper()
	if recs.Of != nil {
		last := int32(0)
		for _, r := range recs.Of {
			if r < last || int(r) >= c.Records() {
				t.Fatalf("rows of %d records come from %v", c.Records(), recs.Of)
			}
			last = r
		}
	}
	if recs.Of == nil && recs.N != c.Records() || recs.Of != nil && recs.N != len(recs.Of) || len(recs.Cols) != len(cols) {
		t.Fatalf("%d rows of %d columns for %d records of %d", recs.N, len(recs.Cols), c.Records(), len(cols))
	}
	texts := make([]format.AppendText, len(cols))
	for k, col := range recs.Cols {
		var err error
		if col.Len() != recs.N {
			t.Fatalf("column %s has %d rows of %d", cols[k].Name, col.Len(), recs.N)
		}
		if texts[k], err = format.Text(col, cols[k].Type); err != nil {
			t.Fatal(err)
		}
	}
	out := records{rows: make([]string, recs.N)}
	var row []byte
	for i := range recs.N {
		row = row[:0]
		for k, col := range recs.Cols {
			if k > 0 {
				row = append(row, '|')
			}
			if col.IsNull(i) {
				row = append(row, "NULL"...)
			} else {
				row = texts[k](row, i)
			}
		}
		if recs.Kinds != nil && recs.Kinds[i] != catalog.Insert {
			row = append(append(row, ' '), recs.Kinds[i].String()...)
		}
		if recs.Timestamps != nil && recs.Timestamps[recs.Record(i)] != 0 {
			row = fmt.Appendf(row, " @%d", recs.Timestamps[recs.Record(i)])
		}
		out.rows[i] = string(row)
		out.raw = append(out.raw, string(recs.Raw(recs.Record(i))))
		out.positions = append(out.positions, recs.Position(recs.Record(i)))
	}
	last := connectors.CellError{Row: -1}
	for _, e := range recs.Errors {
		if e.Row < last.Row || e.Row == last.Row && e.Col < last.Col || int(e.Row) >= recs.N || int(e.Col) >= len(cols) || e.Col < -2 || e.Code == "" {
			t.Fatalf("error %+v after %+v", e, last)
		}
		last = e
		if e.Col == -1 {
			for k, col := range recs.Cols {
				if cols[k].Metadata == "" && col.IsValid(int(e.Row)) {
					t.Fatalf("a malformed record has a value")
				}
			}
		}
		out.rows[e.Row] += fmt.Sprintf(" !%s %d", e.Code, e.Col)
	}
	for _, col := range recs.Cols {
		col.Release()
	}
	return out
}

func equalRows(t testing.TB, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("%d rows, want %d; the next is %.200s", len(got), len(want), want[i])
		case i >= len(want):
			t.Fatalf("%d rows, want %d; too much is %.200s", len(got), len(want), got[i])
		case got[i] != want[i]:
			t.Fatalf("row %d:\n got %.300s\nwant %.300s", i, got[i], want[i])
		}
	}
}

func (r reading) same(t testing.TB, got, first records, from int) {
	t.Helper()
	equalRows(t, got.rows, first.rows[from:])
	equalRows(t, got.raw, first.raw[from:])
	equalRows(t, got.positions, first.positions[from:])
}

func (r reading) limits(t *testing.T, first records) {
	for _, l := range []connectors.Limits{{Records: 1, Bytes: 1 << 20}, {Records: 7, Bytes: 1 << 20}, {Records: 1 << 20, Bytes: 1}, {Records: 100, Bytes: 3000}} {
		if len(first.rows) > 5000 && l.Records == 1 {
			continue
		}
		r.same(t, r.all(t, nil, l), first, 0)
	}
}

// resume reads from offsets given at all sorts of limits; with the same ones
// the offsets are the same too.
func (r reading) resume(t *testing.T, first records) {
	rng := rand.New(rand.NewPCG(1, 2))
	small := connectors.Limits{Records: 1 + len(first.rows)/20, Bytes: 1 << 20}
	cut := r.all(t, nil, small)
	places := slices.Sorted(maps.Keys(cut.offsets))
	for _, n := range places {
		got := r.all(t, cut.offsets[n], connectors.Limits{Records: 1 + rng.IntN(500), Bytes: 1 + rng.IntN(1<<16)})
		r.same(t, got, first, n)
	}
	if len(places) > 1 {
		n := places[len(places)/2]
		again := r.all(t, cut.offsets[n], small)
		for m, o := range again.offsets {
			if want, ok := cut.offsets[n+m]; ok && string(want) != string(o) {
				t.Fatalf("the offset after record %d is %x, where it was %x before", n+m, o, want)
			}
		}
	}
}

// elsewhere decodes chunks on several goroutines, when all have been fetched,
// while the reader is closed.
func (r reading) elsewhere(t *testing.T, first records) {
	s := r.test.Open(t)
	defer s.Close()
	var chunks []connectors.Chunk
	limits := connectors.Limits{Records: 1 + len(first.rows)/16, Bytes: 1 << 20}
	if err := r.chunks(t, s, nil, limits, func(c connectors.Chunk) { chunks = append(chunks, c) }); err != nil {
		t.Fatal(err)
	}
	parts := make([]records, len(chunks))
	var wg sync.WaitGroup
	for i := range chunks {
		wg.Add(1)
		go func() {
			defer wg.Done()
			recs, err := chunks[i].Decode(memory.DefaultAllocator)
			if err != nil {
				t.Error(err)
				return
			}
			parts[i] = rowsOf(t, chunks[i], recs, r.test.Columns)
			chunks[i].Release()
		}()
	}
	wg.Wait()
	var got records
	for _, p := range parts {
		got.rows = append(got.rows, p.rows...)
		got.raw = append(got.raw, p.raw...)
		got.positions = append(got.positions, p.positions...)
	}
	r.same(t, got, first, 0)
}

// damaged offsets are errors, or at least no panic and no endless loop.
func (r reading) damaged(t *testing.T, first records) {
	last := first.offsets[len(first.rows)]
	if last == nil {
		return
	}
	rng := rand.New(rand.NewPCG(3, 4))
	try := func(from connectors.Offset) error {
		s := r.test.Open(t)
		defer s.Close()
		return r.chunks(t, s, from, connectors.Limits{Records: 1 << 20, Bytes: 1 << 20}, func(c connectors.Chunk) { c.Release() })
	}
	if err := try(append(slices.Clone(last), 0)); err == nil {
		t.Error("an offset with a byte too many is taken")
	}
	if err := try(connectors.Offset{}); err == nil {
		t.Error("an empty offset is taken")
	}
	for range 50 {
		bad := slices.Clone(last)
		bad[rng.IntN(len(bad))] ^= byte(1 << rng.IntN(8))
		_ = try(bad[:1+rng.IntN(len(bad))]) // may be an offset by chance
	}
}

func (r reading) cancelled(t *testing.T) {
	s := r.test.Open(t)
	defer s.Close()
	splitsOf(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	reader, err := s.Open(ctx, r.split, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	cancel()
	// What needs no I/O may as well be given.
	c, err := reader.Fetch(ctx, connectors.Limits{Records: 1, Bytes: 1})
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, io.EOF) {
		t.Errorf("Fetch with a cancelled context: %v", err)
	}
	if c != nil {
		c.Release()
	}
}
