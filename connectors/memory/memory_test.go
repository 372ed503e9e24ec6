package memory_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	arrowmemory "github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/internal/clock"
)

var (
	ctx     = context.Background()
	formats = format.Set{ndjson.Format()}
)

func options(t testing.TB, s *memory.Store, forSource bool, kv ...string) catalog.Options {
	t.Helper()
	raw := map[string]string{"connector": "memory"}
	for i := 0; i < len(kv); i += 2 {
		raw[kv[i]] = kv[i+1]
	}
	out, errs := catalog.CheckOptions(s.Connector(formats).Spec, connectors.NewRegistry(), raw, forSource)
	if errs != nil {
		t.Fatal(errs)
	}
	return out
}

func source(t testing.TB, s *memory.Store, cols []connectors.ScanColumn, kv ...string) connectors.Source {
	t.Helper()
	var declared []catalog.Field
	for _, c := range cols {
		declared = append(declared, catalog.Field{Name: c.Name, Type: c.Type, NotNull: c.NotNull})
	}
	src, err := s.Connector(formats).OpenSource(connectors.SourceConfig{Name: "t", Options: options(t, s, true, kv...), Columns: cols, Declared: declared},
		connectors.Env{Clock: clock.NewVirtual(time.Unix(0, 0))})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

var idText = []connectors.ScanColumn{{Name: "id", Type: catalog.BigInt, NotNull: true}, {Name: "text", Type: catalog.String}}

func TestSource(t *testing.T) {
	s := memory.NewStore()
	want := map[string][]string{}
	for i := range 100 {
		s.Table("t").SendRows(i%2, []any{i, fmt.Sprint("row ", i)})
		id := fmt.Sprint(i % 2)
		want[id] = append(want[id], fmt.Sprintf("%d|row %d", i, i))
	}
	s.Table("t").Send(0, memory.Record{Values: []any{nil, "x"}}, memory.Record{Values: []any{int8(-1)}, Kind: catalog.Delete}, memory.Record{Values: []any{"a", 5}})
	want["0"] = append(want["0"], "NULL|x !NOT_NULL 0", "-1|NULL -D", "NULL|NULL !WRONG_TYPE 0 !WRONG_TYPE 1")
	s.Table("t").Send(1, memory.Record{Values: []any{1, "\xff"}, Timestamp: time.UnixMicro(77)})
	want["1"] = append(want["1"], "1|NULL @77 !WRONG_TYPE 1")
	open := func(kv ...string) func(t testing.TB) connectors.Source {
		return func(t testing.TB) connectors.Source {
			return source(t, s, idText, append(kv, "splits", "2", "changelog-mode", "retract")...)
		}
	}
	t.Run("unbounded", func(t *testing.T) {
		connectortest.TestSource(t, connectortest.SourceTest{Open: open("bounded", "false"), Columns: idText, Want: want, Unbounded: true})
	})
	s.Table("t").End(0)
	s.Table("t").End(1)
	s.Table("t").SendRows(0, []any{5}) // dropped
	t.Run("bounded", func(t *testing.T) {
		connectortest.TestSource(t, connectortest.SourceTest{Open: open(), Columns: idText, Want: want})
	})
	r, err := open()(t).Open(ctx, connectors.Split{ID: "0", Bounded: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Fetch(ctx, connectors.Limits{Records: 1000, Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	rows, _, positions := connectortest.Decode(t, c, idText)
	if got := rows[50:]; !slices.Equal(got, []string{"NULL|x !NOT_NULL 0", "-1|NULL -D", "NULL|NULL !WRONG_TYPE 0 !WRONG_TYPE 1"}) {
		t.Errorf("got %q", got)
	}
	if positions[51] != "t/0@51" {
		t.Errorf("position %s", positions[51])
	}
	if c, err := r.Fetch(ctx, connectors.Limits{Records: 1, Bytes: 1}); c != nil || err != io.EOF {
		t.Errorf("after End: %v, %v", c, err)
	}
}

// Records as text are decoded by the format, bad ones too.
func TestSourceLines(t *testing.T) {
	s := memory.NewStore()
	s.Table("t").SendLines(0, `{"id":1,"text":"a"}`, `{"id":`, `{"text":"b"}`)
	s.Table("t").End(0)
	connectortest.TestSource(t, connectortest.SourceTest{
		Open:    func(t testing.TB) connectors.Source { return source(t, s, idText, "format", "json") },
		Columns: idText, Want: map[string][]string{"0": {"1|a", "NULL|NULL !MALFORMED_RECORD -1", "NULL|b !NOT_NULL 0"}},
	})
}

// A reader that waits is woken by what is sent.
func TestReady(t *testing.T) {
	s := memory.NewStore()
	r, err := source(t, s, idText).Open(ctx, connectors.Split{ID: "0", Bounded: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	limits := connectors.Limits{Records: 10, Bytes: 100}
	for i := range 100 {
		if c, err := r.Fetch(ctx, limits); c != nil || err != nil {
			t.Fatal(c, err)
		}
		ready := r.Ready()
		go s.Table("t").SendRows(0, []any{i, "x"})
		for {
			<-ready
			c, err := r.Fetch(ctx, limits)
			if err != nil {
				t.Fatal(err)
			}
			if c != nil {
				break
			}
		}
	}
}

// Values of every type go in and come out; ROWs are pruned by name.
func TestValues(t *testing.T) {
	when := time.Date(2024, 1, 15, 10, 0, 0, 123456000, time.UTC)
	row := catalog.RowOf(catalog.Field{Name: "x", Type: catalog.Int}, catalog.Field{Name: "y", Type: catalog.String})
	values := []struct {
		t    catalog.Type
		in   any
		want any
	}{
		{catalog.Boolean, true, true}, {catalog.TinyInt, 5, int64(5)}, {catalog.SmallInt, uint16(5), int64(5)}, {catalog.Int, int32(-5), int64(-5)}, {catalog.BigInt, int64(1) << 62, int64(1) << 62},
		{catalog.Float, float32(0.5), 0.5}, {catalog.Double, 0.1, 0.1}, {catalog.Decimal(5, 2), "1.5", "1.50"}, {catalog.Decimal(5, 2), -3, "-3.00"},
		{catalog.String, "é", "é"}, {catalog.Bytes, []byte{0, 255}, []byte{0, 255}}, {catalog.JSON, `{"a":1}`, `{"a":1}`},
		{catalog.Date, when, time.Date(2024, 1, 15, 0, 0, 0, 0, time.UTC)}, {catalog.Time, 3 * time.Hour, 3 * time.Hour},
		{catalog.Timestamp6, when, when}, {catalog.TimestampLTZ3, when.In(time.FixedZone("", 3600)), when},
		{catalog.Timestamp6, when.In(time.FixedZone("", 3600)), when.Add(time.Hour)}, // the wall clock
		{catalog.IntervalDay, time.Minute, int64(60e6)}, {catalog.IntervalMonth, 14, int64(14)},
		{catalog.ArrayOf(catalog.Int), []int{1, 2}, []any{int64(1), int64(2)}}, {catalog.ArrayOf(catalog.Int), []any{nil}, []any{nil}},
		{catalog.MapOf(catalog.String, catalog.Int), map[string]int{"a": 1, "b": 2}, map[any]any{"a": int64(1), "b": int64(2)}},
		{row, []any{1, "a"}, []any{int64(1), "a"}}, {row, map[string]any{"y": "a"}, []any{nil, "a"}},
	}
	s := memory.NewStore()
	var cols []connectors.ScanColumn
	var fields []catalog.Field
	var in, want, nulls []any
	for i, v := range values {
		name := fmt.Sprint("c", i)
		cols = append(cols, connectors.ScanColumn{Name: name, Type: v.t})
		fields = append(fields, catalog.Field{Name: name, Type: v.t})
		in, want, nulls = append(in, v.in), append(want, v.want), append(nulls, nil)
	}
	s.Table("t").SendRows(0, in, nil, in)
	s.Table("t").End(0)
	r, err := source(t, s, cols).Open(ctx, connectors.Split{ID: "0", Bounded: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Fetch(ctx, connectors.Limits{Records: 10, Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	recs, err := c.Decode(allocator)
	if err != nil || len(recs.Errors) > 0 {
		t.Fatal(err, recs.Errors)
	}
	sink, err := s.Connector(formats).OpenSink(connectors.SinkConfig{Name: "out", Options: options(t, s, false), Columns: fields}, connectors.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Open(ctx, connectors.SinkIdentity{JobID: "j", Sink: "out"}); err != nil {
		t.Fatal(err)
	}
	kinds := []catalog.RowKind{catalog.Insert, catalog.UpdateBefore, catalog.UpdateAfter}
	if err := sink.Write(ctx, 1, 0, &connectors.Batch{N: 3, Cols: recs.Cols, Kinds: kinds}); err != nil {
		t.Fatal(err)
	}
	intent, err := sink.Prepare(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if rows := s.Table("out").Rows(); rows != nil {
		t.Fatalf("visible before the commit: %v", rows)
	}
	if err := sink.Commit(ctx, 1, intent); err != nil {
		t.Fatal(err)
	}
	got := s.Table("out").Rows()
	for i, w := range [][]any{want, nulls, want} {
		if got[i].Kind != kinds[i] {
			t.Errorf("row %d has kind %s", i, got[i].Kind)
		}
		for k := range w {
			if !reflect.DeepEqual(got[i].Values[k], w[k]) {
				t.Errorf("row %d, %s: got %#v, want %#v", i, fields[k].Type, got[i].Values[k], w[k])
			}
		}
	}
	// A pruned ROW takes its members by name.
	pruned := []connectors.ScanColumn{{Name: "r", Type: catalog.RowOf(row.Fields[1])}}
	s.Table("p").SendRows(0, []any{[]any{1, "a"}})
	src, err := s.Connector(formats).OpenSource(connectors.SourceConfig{Name: "p", Options: options(t, s, true), Columns: pruned,
		Declared: []catalog.Field{{Name: "r", Type: row}}}, connectors.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = src.Open(ctx, connectors.Split{ID: "0"}, nil); err != nil {
		t.Fatal(err)
	}
	if c, err = r.Fetch(ctx, connectors.Limits{Records: 10, Bytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	if rows, _, _ := connectortest.Decode(t, c, pruned); rows[0] != `{"y":"a"}` {
		t.Errorf("pruned: %s", rows[0])
	}
}

// Values that don't fit are errors of their column.
func TestWrongValues(t *testing.T) {
	for _, test := range []struct {
		t  catalog.Type
		in any
	}{
		{catalog.TinyInt, 128}, {catalog.SmallInt, -32769}, {catalog.Int, int64(1) << 31}, {catalog.BigInt, uint64(1) << 63}, {catalog.BigInt, 1.5}, {catalog.Boolean, 1},
		{catalog.Double, "1"}, {catalog.Decimal(3, 1), "1.55"}, {catalog.Decimal(3, 1), "100"}, {catalog.Decimal(3, 1), "x"}, {catalog.String, 1}, {catalog.Date, "2024-01-01"},
		{catalog.ArrayOf(catalog.Int), 1}, {catalog.ArrayOf(catalog.Int), []string{"a"}}, {catalog.MapOf(catalog.String, catalog.Int), []int{1}},
		{catalog.RowOf(catalog.Field{Name: "x", Type: catalog.Int}), 5}, {catalog.Time, time.Now()},
	} {
		s := memory.NewStore()
		cols := []connectors.ScanColumn{{Name: "v", Type: test.t}}
		s.Table("t").SendRows(0, []any{test.in}, []any{nil})
		r, err := source(t, s, cols).Open(ctx, connectors.Split{ID: "0"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.Fetch(ctx, connectors.Limits{Records: 10, Bytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if rows, _, _ := connectortest.Decode(t, c, cols); !slices.Equal(rows, []string{"NULL !WRONG_TYPE 0", "NULL"}) {
			t.Errorf("%v as %s: %q", test.in, test.t, rows)
		}
	}
}

// world is a store as a world of sinks.
type world struct{ *memory.Store }

func (w world) Sink(t testing.TB) connectors.Sink {
	s, err := w.Connector(formats).OpenSink(connectors.SinkConfig{Name: "out", Options: options(t, w.Store, false), Columns: connectortest.SinkColumns(), Shards: 3}, connectors.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w world) Visible(testing.TB) (ids []int64) {
	for _, c := range w.Table("out").Commits() {
		for _, b := range c.Batches {
			ids = append(ids, b.Cols[0].(*array.Int64).Int64Values()...)
		}
	}
	return ids
}

func (w world) Crash(bool, *rand.Rand) {}

func TestSinkProtocol(t *testing.T) {
	connectortest.TestSink(t, connectortest.SinkTest{World: func(testing.TB) connectortest.World { return world{memory.NewStore()} }, Skew: true})
}

var allocator = arrowmemory.DefaultAllocator

// TestForgetRead: what a commit holds is dropped where the source says so; who would
// go on from before is told.
func TestForgetRead(t *testing.T) {
	s := memory.NewStore()
	table := s.Table("t")
	fields := []catalog.Field{{Name: "a", Type: catalog.Int}}
	open := func(forget string) connectors.Source {
		c := s.Connector(formats)
		src, err := c.OpenSource(connectors.SourceConfig{
			Name: "t", Options: options(t, s, true, "forget-read", forget), Declared: fields,
			Columns: []connectors.ScanColumn{{Name: "a", Type: catalog.Int}},
		}, connectors.Env{Clock: clock.System{}})
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	// fetch gives the number of the first record that is read after an offset, and the
	// offset behind the last one.
	fetch := func(src connectors.Source, from connectors.Offset, n int) (string, connectors.Offset, error) {
		r, err := src.Open(ctx, connectors.Split{ID: "0"}, from)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		c, err := r.Fetch(ctx, connectors.Limits{Records: n, Bytes: 1 << 20})
		if err != nil || c == nil {
			return "", nil, err
		}
		defer c.Release()
		recs, err := c.Decode(arrowmemory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		defer recs.Cols[0].Release()
		return recs.Position(0) + " " + recs.Cols[0].ValueStr(0), c.End(), nil
	}
	table.SendRows(0, []any{10}, []any{11}, []any{12})
	src := open("true")
	_, early, err := fetch(src, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	_, two, err := fetch(src, nil, 2)
	if err != nil {
		t.Fatal(err)
	}
	src.(connectors.Published).Committed(map[string]connectors.Offset{"0": two})
	src.(connectors.Published).Committed(map[string]connectors.Offset{"0": early}) // an older one does nothing
	table.SendRows(0, []any{13})
	for what, from := range map[string]connectors.Offset{"the start": nil, "the commit": two} {
		if got, _, err := fetch(src, from, 10); err != nil || got != "t/0@2 12" {
			t.Errorf("from %s: %s %v", what, got, err)
		}
	}
	if _, _, err := fetch(src, early, 10); err == nil || err.Error() != "memory: table t has forgotten the first 2 records of split 0, but only 1 were read before" {
		t.Errorf("from before: %v", err)
	}
	open("false").(connectors.Published).Committed(map[string]connectors.Offset{"0": binary.AppendUvarint(nil, 4)})
	if got, _, err := fetch(src, nil, 10); err != nil || got != "t/0@2 12" {
		t.Errorf("a source that forgets nothing: %s %v", got, err)
	}
}
