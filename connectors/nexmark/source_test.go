package nexmark

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/clock"
)

// open makes a source as the engine does: options checked, all columns.
func open(t *testing.T, c clock.Clock, options map[string]string) connectors.Source {
	t.Helper()
	s, err := tryOpen(c, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryOpen(c clock.Clock, options map[string]string) (connectors.Source, error) {
	registry := connectors.NewRegistry()
	if err := registry.Register(Connector()); err != nil {
		return nil, err
	}
	connector, err := registry.Connector("nexmark")
	if err != nil {
		return nil, err
	}
	checked, problems := catalog.CheckOptions(connector.Spec, registry, options, true)
	if len(problems) > 0 {
		return nil, &problems[0]
	}
	fields, err := connector.Spec.Source.Columns(checked)
	if err != nil {
		return nil, err
	}
	cfg := connectors.SourceConfig{Name: "events", Options: checked}
	for _, f := range fields {
		cfg.Columns = append(cfg.Columns, connectors.ScanColumn{Name: f.Name, Type: f.Type})
	}
	return connector.OpenSource(cfg, connectors.Env{Clock: c})
}

// readAll reads a split from an offset to its end, with chunks of at most limit
// records, and gives its rows as text, and the offset after each chunk.
func readAll(t *testing.T, s connectors.Source, split connectors.Split, from connectors.Offset, limit int) (rows []string, offsets map[int]connectors.Offset) {
	t.Helper()
	r, err := s.Open(context.Background(), split, from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	offsets = map[int]connectors.Offset{}
	for {
		chunk, err := r.Fetch(context.Background(), connectors.Limits{Records: limit, Bytes: 1 << 20})
		if err == io.EOF {
			return rows, offsets
		}
		if err != nil || chunk == nil {
			t.Fatalf("chunk %v, error %v", chunk, err)
		}
		rows = append(rows, decode(t, chunk, limit)...)
		offsets[len(rows)] = chunk.End()
	}
}

func decode(t *testing.T, chunk connectors.Chunk, limit int) (rows []string) {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	records, err := chunk.Decode(alloc)
	if err != nil {
		t.Fatal(err)
	}
	if records.N != chunk.Records() || records.N < 1 || records.N > limit || len(records.Errors) > 0 {
		t.Fatalf("%d rows of a chunk of %d, %d errors", records.N, chunk.Records(), len(records.Errors))
	}
	for i := range records.N {
		var row strings.Builder
		for _, c := range records.Cols {
			fmt.Fprintf(&row, "%s ", text(c, i))
		}
		rows = append(rows, row.String())
	}
	for _, c := range records.Cols {
		c.Release()
	}
	chunk.Release()
	return rows
}

func splits(t *testing.T, s connectors.Source) []connectors.Split {
	t.Helper()
	list, err := s.Splits(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestSplits holds that any number of splits has the same events, each split in
// their order, and that split IDs sort in the order of the splits.
func TestSplits(t *testing.T) {
	var want []string
	for _, n := range []int{1, 2, 3, 11} {
		s := open(t, clock.System{}, map[string]string{"events.num": "1000", "first-event.number": "37", "seed": "5", "splits": fmt.Sprint(n)})
		list := splits(t, s)
		if len(list) != n || !slices.IsSortedFunc(list, func(a, b connectors.Split) int { return strings.Compare(a.ID, b.ID) }) {
			t.Fatalf("splits %v", list)
		}
		got := make([]string, 1000)
		for i, split := range list {
			if !split.Bounded {
				t.Errorf("split %s is not bounded", split.ID)
			}
			rows, _ := readAll(t, s, split, nil, 17)
			for k, row := range rows {
				got[i+k*n] = row
			}
		}
		if n == 1 {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("%d splits have other events than one", n)
		}
	}
}

// TestResume goes on from every offset of every split, with other chunks.
func TestResume(t *testing.T) {
	options := map[string]string{"events.num": "200", "splits": "3"}
	s, again := open(t, clock.System{}, options), open(t, clock.System{}, options)
	for _, split := range splits(t, s) {
		rows, offsets := readAll(t, s, split, nil, 5)
		for read, offset := range offsets {
			rest, _ := readAll(t, again, split, offset, 7)
			if !slices.Equal(rest, rows[read:]) {
				t.Errorf("split %s: %d rows after row %d differ from the first run's", split.ID, len(rest), read)
			}
		}
	}
	// The bytes of offsets stand in commits: they must not change.
	_, offsets := readAll(t, s, splits(t, s)[0], nil, 67)
	if got := fmt.Sprintf("%x", []byte(offsets[67])); got != "0000000000000043" {
		t.Errorf("offset after 67 rows is %s", got)
	}
	for _, bad := range []string{"", "1", "000000000", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x00\x00\x00\x00\x00\x00\x00\xff"} {
		if _, err := s.Open(context.Background(), splits(t, s)[0], connectors.Offset(bad)); err == nil {
			t.Errorf("offset %x opened", bad)
		}
	}
	for _, bad := range []string{"3", "-1", "01", "x", ""} {
		if _, err := s.Open(context.Background(), connectors.Split{ID: bad}, nil); err == nil {
			t.Errorf("split %q opened", bad)
		}
	}
}

// TestRecord holds that a row's raw bytes are its line and that its position
// names its event.
func TestRecord(t *testing.T) {
	s := open(t, clock.System{}, map[string]string{"first-event.number": "100", "splits": "4"})
	r, err := s.Open(context.Background(), splits(t, s)[3], nil)
	if err != nil {
		t.Fatal(err)
	}
	chunk, err := r.Fetch(context.Background(), connectors.Limits{Records: 10, Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	records, err := chunk.Decode(memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	line := string(newGenerator(t, DefaultConfig()).NewEncoder().Append(nil, 100+3+4*2))
	if got := string(records.Raw(2)) + "\n"; got != line {
		t.Errorf("raw %s, want %s", got, line)
	}
	if got := records.Position(2); got != "nexmark/3@111" {
		t.Errorf("position %s", got)
	}
	if got := records.Cols[0].(*array.Int32).Value(2); got != 2 {
		t.Errorf("event type %d", got)
	}
}

// TestRate lets a virtual clock run and counts the events that come.
func TestRate(t *testing.T) {
	for _, options := range []map[string]string{
		{"rows-per-second": "100"},
		{"first-event.rate": "100", "rate.limited": "true"},
	} {
		options["splits"] = "2"
		virtual := clock.NewVirtual(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
		s := open(t, virtual, options)
		var readers []connectors.SplitReader
		for _, split := range splits(t, s) {
			r, err := s.Open(context.Background(), split, nil)
			if err != nil {
				t.Fatal(err)
			}
			readers = append(readers, r)
		}
		fetch := func() (n int) {
			for _, r := range readers {
				for {
					chunk, err := r.Fetch(context.Background(), connectors.Limits{Records: 1000, Bytes: 1 << 20})
					if err != nil {
						t.Fatal(err)
					}
					if chunk == nil {
						break
					}
					n += chunk.Records()
				}
			}
			return n
		}
		if n := fetch(); n != 1 {
			t.Errorf("%d events at the start, want 1", n)
		}
		virtual.Advance(9 * time.Millisecond)
		if n := fetch(); n != 0 {
			t.Errorf("%d events before the second is due", n)
		}
		virtual.Advance(time.Millisecond)
		<-readers[1].Ready()
		if n := fetch(); n != 1 {
			t.Errorf("%d events after 10 ms, want 1", n)
		}
		virtual.Advance(990 * time.Millisecond)
		<-readers[0].Ready()
		if n := fetch(); n != 99 {
			t.Errorf("%d events in the rest of the second, want 99", n)
		}
		for _, r := range readers {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	spec := Connector().Spec
	bounded := func(o map[string]string) bool {
		checked, problems := catalog.CheckOptions(spec, connectors.NewRegistry(), o, true)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return spec.Source.Bounded(checked)
	}
	if bounded(map[string]string{}) || !bounded(map[string]string{"events.num": "1"}) {
		t.Error("bounded must be what has a number of events")
	}
	for _, c := range []struct {
		name, value, want string
	}{
		{"event.num", "1", "did you mean 'events.num'?"},
		{"events.num", "many", "not an integer"},
		{"events.num", "-5", "number of events is -5"},
		{"splits", "0", "number of splits is 0"},
		{"splits", "99999999999", "must be 1 to 1024"},
		{"rows-per-second", "-1", "rate is -1"},
		{"bid.proportion", "-1", "bid proportion is -1"},
		{"bid.avg-size", "1gb", "average size of a bid"},
		{"next-event.rate", "20000", "a rate that changes is not supported"},
		{"base-time", "yesterday", "not a time"},
	} {
		_, err := tryOpen(clock.System{}, map[string]string{c.name: c.value})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("'%s'='%s': error %v, want one with %q", c.name, c.value, err, c.want)
		}
	}
	// As the benchmark's own script has them.
	if _, err := tryOpen(clock.System{}, map[string]string{
		"first-event.rate": "10000", "next-event.rate": "10000", "events.num": "100",
		"person.proportion": "1", "auction.proportion": "3", "bid.proportion": "46", "bid.avg-size": "100b",
	}); err != nil {
		t.Error(err)
	}
}
