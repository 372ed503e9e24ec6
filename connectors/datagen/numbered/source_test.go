package numbered

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// numbers is a Rows with one column: the row's number.
type numbers struct{ rowBytes int }

func (numbers) Columns(alloc memory.Allocator, first, stride int64, count int) []arrow.Array {
	b := array.NewInt64Builder(alloc)
	defer b.Release()
	for i := range int64(count) {
		b.Append(first + i*stride)
	}
	return []arrow.Array{b.NewArray()}
}

func (n numbers) RowBytes() int       { return n.rowBytes }
func (numbers) Record(n int64) []byte { return fmt.Appendf(nil, "row %d", n) }
func newSource(t *testing.T, cfg Config) *Source {
	t.Helper()
	cfg.Name = "numbers"
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	s, err := NewSource(cfg, numbers{8})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openSplit(t *testing.T, s *Source, index int, from connectors.Offset) connectors.SplitReader {
	t.Helper()
	list, err := s.Splits(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(context.Background(), list[index], from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// fetch gives the numbers of the next chunk and the offset after it; nil if there
// is nothing now.
func fetch(t *testing.T, r connectors.SplitReader, limits connectors.Limits) ([]int64, connectors.Offset, error) {
	t.Helper()
	c, err := r.Fetch(context.Background(), limits)
	if err != nil || c == nil {
		return nil, nil, err
	}
	defer c.Release()
	records, err := c.Decode(memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer records.Cols[0].Release()
	got := slices.Clone(records.Cols[0].(*array.Int64).Int64Values())
	if records.N != len(got) || c.Records() != len(got) || c.Bytes() < 8*len(got) {
		t.Errorf("chunk of %d records, %d bytes, has %d rows", c.Records(), c.Bytes(), len(got))
	}
	for i, n := range got {
		if raw := string(records.Raw(i)); raw != fmt.Sprintf("row %d", n) {
			t.Errorf("raw of row %d: %s", n, raw)
		}
	}
	return got, c.End(), nil
}

// TestSplits reads sources of all small sizes with all small numbers of splits,
// stopping and going on after every chunk.
func TestSplits(t *testing.T) {
	for count := int64(1); count < 12; count++ {
		for splits := 1; splits < 15; splits++ {
			s := newSource(t, Config{First: 100, Count: count, Splits: splits})
			seen := map[int64]bool{}
			for i := range splits {
				last := int64(-1)
				var offset connectors.Offset
				for {
					got, end, err := fetch(t, openSplit(t, s, i, offset), connectors.Limits{Records: 2, Bytes: 1 << 10})
					if err == io.EOF {
						break
					}
					if err != nil || len(got) == 0 || len(got) > 2 {
						t.Fatalf("chunk %v, error %v", got, err)
					}
					for _, n := range got {
						if n <= last || seen[n] || n < 100 || n >= 100+count {
							t.Fatalf("%d rows, split %d of %d: row %d after %d", count, i, splits, n, last)
						}
						last, seen[n] = n, true
					}
					offset = end
				}
			}
			if int64(len(seen)) != count {
				t.Errorf("%d splits have %d rows of %d", splits, len(seen), count)
			}
		}
	}
}

// TestLimits holds chunks against both limits and against the source's own.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		limits connectors.Limits
		want   int
	}{
		{connectors.Limits{Records: 10, Bytes: 1 << 20}, 10},
		{connectors.Limits{Records: 100, Bytes: 80}, 10},
		{connectors.Limits{Records: 100, Bytes: 1}, 1},
		{connectors.Limits{Records: 1 << 30, Bytes: 1 << 40}, maxChunkRows},
	} {
		got, _, err := fetch(t, openSplit(t, newSource(t, Config{Splits: 1}), 0, nil), c.limits)
		if err != nil || len(got) != c.want {
			t.Errorf("limits %+v: %d rows, error %v, want %d", c.limits, len(got), err, c.want)
		}
	}
	wide, err := NewSource(Config{Splits: 1}, numbers{1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	chunk, err := openSplit(t, wide, 0, nil).Fetch(context.Background(), connectors.Limits{Records: 1 << 30, Bytes: 1 << 40})
	if err != nil || chunk.Records()*(1<<20) > maxChunkBytes {
		t.Errorf("%d rows of 1 MiB, error %v", chunk.Records(), err)
	}
}

// TestPace compares the rows that have come with exact arithmetic over many
// steps of a virtual clock, for several splits, also after a resume.
func TestPace(t *testing.T) {
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, rate := range []int64{1, 3, 999, 100_000} {
		for _, splits := range []int{1, 3} {
			virtual := clock.NewVirtual(start)
			s := newSource(t, Config{Splits: splits, Rate: rate, Clock: virtual})
			from := encodeOffset(1000)
			readers := make([]connectors.SplitReader, splits)
			for i := range readers {
				readers[i] = openSplit(t, s, i, from)
			}
			total := int64(0)
			for range 50 {
				for _, r := range readers {
					for {
						got, _, err := fetch(t, r, connectors.Limits{Records: 1 << 16, Bytes: 1 << 30})
						if err != nil {
							t.Fatal(err)
						}
						if got == nil {
							break
						}
						total += int64(len(got))
					}
				}
				elapsed := virtual.Now().Sub(start).Nanoseconds()
				// Row k is due at k/rate seconds, the first one at once.
				if want := elapsed*rate/1e9 + 1; total != want {
					t.Fatalf("rate %d, %d splits: %d rows after %d ns, want %d", rate, splits, total, elapsed, want)
				}
				virtual.Advance(37_123_457)
			}
		}
	}
}

// TestReady waits for rows as the engine does and must neither sleep for ever nor
// miss rows.
func TestReady(t *testing.T) {
	virtual := clock.NewVirtual(time.Unix(0, 0))
	r := openSplit(t, newSource(t, Config{Splits: 1, Rate: 1000, Count: 500, Clock: virtual}), 0, nil)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				virtual.Advance(time.Millisecond)
				time.Sleep(10 * time.Microsecond)
			}
		}
	}()
	next := int64(0)
	for {
		got, _, err := fetch(t, r, connectors.Limits{Records: 100, Bytes: 1 << 20})
		if err == io.EOF {
			break
		}
		if got == nil {
			<-r.Ready()
			continue
		}
		for _, n := range got {
			if n != next {
				t.Fatalf("row %d, want %d", n, next)
			}
			next++
		}
	}
	if next != 500 {
		t.Errorf("%d rows", next)
	}
}

// TestWakeUp holds when a sleeping reader is woken: not before the next row is
// due, and at a high rate not for each row.
func TestWakeUp(t *testing.T) {
	for _, c := range []struct {
		rate int64
		wake time.Duration
	}{
		{10, 100 * time.Millisecond},
		{100_000, tick},
	} {
		virtual := clock.NewVirtual(time.Unix(0, 0))
		r := openSplit(t, newSource(t, Config{Splits: 1, Rate: c.rate, Clock: virtual}), 0, nil)
		drain := func() {
			for {
				if got, _, err := fetch(t, r, connectors.Limits{Records: 1 << 16, Bytes: 1 << 20}); err != nil {
					t.Fatal(err)
				} else if got == nil {
					return
				}
			}
		}
		drain()
		virtual.Advance(c.wake - 1)
		select {
		case <-r.Ready():
			t.Errorf("rate %d: woken before %v", c.rate, c.wake)
		case <-time.After(time.Millisecond):
		}
		virtual.Advance(1)
		<-r.Ready()
		if got, _, err := fetch(t, r, connectors.Limits{Records: 1 << 16, Bytes: 1 << 20}); err != nil || got == nil {
			t.Errorf("rate %d: %v, error %v after waking", c.rate, got, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, cfg := range []Config{
		{Splits: 0}, {Splits: MaxSplits + 1}, {Splits: 1, Rate: -1}, {Splits: 1, Rate: MaxRate + 1},
		{Splits: 1, First: -1}, {Splits: 1, Count: -1}, {Splits: 1, First: 1 << 62},
	} {
		if _, err := NewSource(cfg, numbers{8}); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
	s := newSource(t, Config{Splits: 2, Count: 10})
	if _, err := s.Open(context.Background(), connectors.Split{ID: "2"}, nil); err == nil {
		t.Error("split 2 of 2 opened")
	}
	if _, err := s.Open(context.Background(), connectors.Split{ID: "0"}, encodeOffset(6)); err == nil {
		t.Error("an offset after the end opened")
	}
	if r := openSplit(t, s, 0, encodeOffset(5)); r != nil {
		if _, err := r.Fetch(context.Background(), connectors.Limits{Records: 1, Bytes: 1}); err != io.EOF {
			t.Errorf("error %v at the end, want io.EOF", err)
		}
	}
}

func TestGrown(t *testing.T) {
	split := connectors.Split{ID: "1", Bounded: true}
	for _, c := range []struct {
		count int64
		want  string
	}{
		{10, ""},
		{11, ""}, // the new row is of the other split
		{16, "numbers split 1 has 3 more rows"},
		{0, "numbers split 1 has no end any more"},
	} {
		got, err := newSource(t, Config{Count: c.count, Splits: 2}).Grown(context.Background(), split, encodeOffset(5))
		if err != nil || got != c.want {
			t.Errorf("%d rows: %q, error %v, want %q", c.count, got, err, c.want)
		}
	}
	s := newSource(t, Config{Count: 1, Splits: 1})
	if _, err := s.Grown(context.Background(), split, encodeOffset(0)); err == nil {
		t.Error("no error for a split that there is not")
	}
	if _, err := s.Grown(context.Background(), connectors.Split{ID: "0"}, nil); err == nil {
		t.Error("no error for an offset that is none")
	}
}
