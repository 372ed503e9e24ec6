package nexmark

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
)

// subset chooses some columns and some members of each, in random order.
func subset(random *rand.Rand) []catalog.Field {
	var fields []catalog.Field
	known := Columns()
	for _, i := range random.Perm(len(known))[:random.IntN(len(known)+1)] {
		f := known[i]
		if f.Type.Kind == catalog.KindRow {
			var members []catalog.Field
			for _, m := range random.Perm(len(f.Type.Fields))[:random.IntN(len(f.Type.Fields)+1)] {
				members = append(members, f.Type.Fields[m])
			}
			f.Type = catalog.RowOf(members...)
		}
		fields = append(fields, f)
	}
	return fields
}

// TestColumnsAgainstJSON holds the columns of random projections and runs against
// what encoding/json reads from the lines of the same events.
func TestColumnsAgainstJSON(t *testing.T) {
	cfg := DefaultConfig()
	cfg.PersonProportion, cfg.AuctionProportion, cfg.BidProportion = 3, 5, 12
	cfg.OutOfOrderGroup = 7
	g := newGenerator(t, cfg)
	random := rand.New(rand.NewPCG(1, 1))
	for round := range 60 {
		fields := subset(random)
		if round == 0 {
			fields = Columns()
		}
		p, err := project(fields)
		if err != nil {
			t.Fatal(err)
		}
		r := run{first: random.Int64N(1 << 30), stride: 1 + random.Int64N(5), count: random.IntN(300)}
		checkColumns(t, g, p, fields, r)
	}
	// Runs with one type of event only, so that no row, or every row, is NULL.
	p, err := project(Columns())
	if err != nil {
		t.Fatal(err)
	}
	for first := range int64(20) {
		checkColumns(t, newGenerator(t, withoutShuffle(cfg)), p, Columns(), run{first: first, stride: 20, count: 33})
	}
}

func withoutShuffle(c Config) Config {
	c.OutOfOrderGroup = 1
	return c
}

func checkColumns(t *testing.T, g *Generator, p *projection, fields []catalog.Field, r run) {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	columns := g.columns(alloc, p, r)
	if len(columns) != len(fields) {
		t.Fatalf("%d columns, want %d", len(columns), len(fields))
	}
	encoder := g.NewEncoder()
	events := make([]map[string]any, r.count)
	for i := range events {
		line := encoder.Append(nil, r.first+int64(i)*r.stride)
		if err := json.Unmarshal(line, &events[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i, f := range fields {
		column := columns[i]
		if column.Len() != r.count || !arrow.TypeEqual(column.DataType(), f.Type.Arrow()) {
			t.Fatalf("%s: %d rows of %s, want %d of %s", f.Name, column.Len(), column.DataType(), r.count, f.Type.Arrow())
		}
		nulls := 0
		for row := range events {
			want := events[row][f.Name]
			if want == nil {
				nulls++
			}
			if got, w := text(column, row), jsonText(want, f.Type); got != w {
				t.Fatalf("%s of row %d (%+v):\n%s\nwant\n%s", f.Name, row, r, got, w)
			}
		}
		if column.NullN() != nulls {
			t.Errorf("%s: %d nulls, want %d", f.Name, column.NullN(), nulls)
		}
		if s, ok := column.(*array.Struct); ok {
			for m := range s.NumField() {
				if s.Field(m).NullN() != nulls {
					t.Errorf("%s.%d: %d nulls, want %d", f.Name, m, s.Field(m).NullN(), nulls)
				}
			}
		}
		column.Release()
	}
}

// text gives a value as text, by Arrow's own accessors.
func text(a arrow.Array, row int) string {
	if a.IsNull(row) {
		return "null"
	}
	switch a := a.(type) {
	case *array.Int32:
		return fmt.Sprint(a.Value(row))
	case *array.Int64:
		return fmt.Sprint(a.Value(row))
	case *array.String:
		return fmt.Sprintf("%q", a.Value(row))
	case *array.Timestamp:
		return time.UnixMicro(int64(a.Value(row))).UTC().Format("2006-01-02 15:04:05.000000")
	case *array.Struct:
		s := "("
		for i := range a.NumField() {
			s += text(a.Field(i), row) + ";"
		}
		return s + ")"
	default:
		return "unexpected " + a.DataType().String()
	}
}

// jsonText gives a value of encoding/json as text would.
func jsonText(v any, typ catalog.Type) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case float64:
		return fmt.Sprint(int64(v))
	case string:
		if typ.Kind == catalog.KindTimestamp {
			return v + "000"
		}
		return fmt.Sprintf("%q", v)
	case map[string]any:
		s := "("
		for _, f := range typ.Fields {
			s += jsonText(v[f.Name], f.Type) + ";"
		}
		return s + ")"
	default:
		return fmt.Sprintf("unexpected %T", v)
	}
}

// TestRowBytes holds what a chunk says of its size against its buffers.
func TestRowBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	g := newGenerator(t, DefaultConfig())
	for round := range 20 {
		fields := subset(random)
		if round == 0 {
			fields = Columns()
		}
		p, err := project(fields)
		if err != nil {
			t.Fatal(err)
		}
		const count = 10_000
		size := 0
		var add func(arrow.ArrayData)
		add = func(d arrow.ArrayData) {
			for _, b := range d.Buffers() {
				if b != nil {
					size += b.Len()
				}
			}
			for _, c := range d.Children() {
				add(c)
			}
		}
		for _, a := range g.columns(memory.DefaultAllocator, p, run{0, 1, count}) {
			add(a.Data())
			a.Release()
		}
		// Validity bitmaps are left out of the estimate.
		if want := g.rowBytes(p) * count; float64(size) < 0.8*float64(want)-2*count || float64(size) > 1.1*float64(want)+6*count {
			t.Errorf("%v: %d bytes, estimated %d", fields, size, want)
		}
	}
}

func TestProjectErrors(t *testing.T) {
	row := func(fields ...catalog.Field) catalog.Type { return catalog.RowOf(fields...) }
	for _, c := range []struct {
		field catalog.Field
		want  string
	}{
		{catalog.Field{Name: "bids", Type: catalog.Int}, "no column bids"},
		{catalog.Field{Name: "event_type", Type: catalog.BigInt}, "event_type is INT, not BIGINT"},
		{catalog.Field{Name: "bid", Type: catalog.String}, "not STRING"},
		{catalog.Field{Name: "bid", Type: row(catalog.Field{Name: "prize", Type: catalog.BigInt})}, "no member prize"},
		{catalog.Field{Name: "bid", Type: row(catalog.Field{Name: "price", Type: catalog.Int})}, "bid.price is BIGINT, not INT"},
		{catalog.Field{Name: "bid", Type: row(catalog.Field{Name: "dateTime", Type: catalog.TimestampLTZ3})}, "TIMESTAMP(3), not TIMESTAMP_LTZ(3)"},
		{catalog.Field{Name: "bid", Type: row(catalog.Field{Name: "price", Type: catalog.BigInt}, catalog.Field{Name: "PRICE", Type: catalog.BigInt})}, "asked for twice"},
	} {
		_, err := project([]catalog.Field{c.field})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: error %v, want one with %q", c.field.Name, c.field.Type, err, c.want)
		}
	}
	if _, err := project([]catalog.Field{{Name: "BID", Type: row(catalog.Field{Name: "datetime", Type: catalog.Timestamp6})}}); err != nil {
		t.Errorf("names without regard to case, TIMESTAMP(6): %v", err)
	}
}
