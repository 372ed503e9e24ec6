package datagen

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/clock"
)

// open makes a source as the engine does: options checked first.
func open(fields []catalog.Field, declared []catalog.Field, raw map[string]string) (connectors.Source, error) {
	registry := connectors.NewRegistry()
	if err := registry.Register(Connector()); err != nil {
		return nil, err
	}
	connector, err := registry.Connector("datagen")
	if err != nil {
		return nil, err
	}
	options, problems := catalog.CheckOptions(connector.Spec, registry, raw, true)
	if len(problems) > 0 {
		return nil, &problems[0]
	}
	cfg := connectors.SourceConfig{Name: "t", Options: options, Declared: declared}
	for _, f := range fields {
		cfg.Columns = append(cfg.Columns, connectors.ScanColumn{Name: f.Name, Type: f.Type, NotNull: f.NotNull})
	}
	return connector.OpenSource(cfg, connectors.Env{Clock: clock.NewVirtual(time.Unix(0, 0))})
}

// read gives the rows of a split from an offset on, in chunks of limit, with the
// offset after each row that ends a chunk.
func read(t *testing.T, s connectors.Source, index int, from connectors.Offset, limit int) (rows []string, offsets map[int]connectors.Offset) {
	t.Helper()
	splits, err := s.Splits(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(context.Background(), splits[index], from)
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
		alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
		records, err := chunk.Decode(alloc)
		if err != nil {
			t.Fatal(err)
		}
		for i := range records.N {
			var row []string
			for _, c := range records.Cols {
				row = append(row, c.ValueStr(i))
			}
			rows = append(rows, strings.Join(row, "|"))
		}
		for _, c := range records.Cols {
			c.Release()
		}
		alloc.AssertSize(t, 0)
		offsets[len(rows)] = chunk.End()
		chunk.Release()
	}
}

// TestSplitsAndResume holds that all numbers of splits have the same rows, in
// their order within each split, and that reading goes on from each offset.
func TestSplitsAndResume(t *testing.T) {
	fields, fieldOptions := allTypes()
	options := map[string]string{"number-of-rows": "200", "rows-per-second": "0", "seed": "4"}
	for name, v := range fieldOptions {
		options[name] = v
	}
	var want []string
	for _, splits := range []int{1, 2, 3, 7} {
		options["splits"] = fmt.Sprint(splits)
		s, err := open(fields, fields, options)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]string, 200)
		for i := range splits {
			rows, offsets := read(t, s, i, nil, 9)
			for k, row := range rows {
				got[i+k*splits] = row
			}
			for after, offset := range offsets {
				rest, _ := read(t, s, i, offset, 13)
				if !slices.Equal(rest, rows[after:]) {
					t.Errorf("split %d of %d: the rows after row %d differ after a resume", i, splits, after)
				}
			}
		}
		if splits == 1 {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("%d splits have other rows than one", splits)
		}
	}
}

// TestBounded holds when a source ends: by the number of rows or by a sequence,
// whichever ends first, also one of a column that is not read.
func TestBounded(t *testing.T) {
	sequence := func(name string, end int) map[string]string {
		return map[string]string{"fields." + name + ".kind": "sequence", "fields." + name + ".start": "1", "fields." + name + ".end": fmt.Sprint(end)}
	}
	merge := func(maps ...map[string]string) map[string]string {
		all := map[string]string{"rows-per-second": "0"}
		for _, m := range maps {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	for _, c := range []struct {
		options map[string]string
		want    int // 0: no end
	}{
		{merge(), 0},
		{merge(map[string]string{"number-of-rows": "7"}), 7},
		{merge(sequence("a", 5)), 5},
		{merge(sequence("a", 5), sequence("unread", 4)), 4},
		{merge(sequence("a", 5), sequence("r.x.y", 3), map[string]string{"number-of-rows": "2"}), 2},
		{merge(sequence("a", 5), map[string]string{"number-of-rows": "6"}), 5},
	} {
		checked, problems := catalog.CheckOptions(spec(), connectors.NewRegistry(), c.options, true)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if got := spec().Source.Bounded(checked); got != (c.want > 0) {
			t.Errorf("%v: bounded %v", c.options, got)
		}
		y := catalog.Field{Name: "y", Type: catalog.Int}
		declared := []catalog.Field{{Name: "a", Type: catalog.Int}, {Name: "unread", Type: catalog.Int},
			{Name: "r", Type: catalog.RowOf(catalog.Field{Name: "x", Type: catalog.RowOf(y)})}}
		s, err := open(declared[:1], declared, c.options)
		if err != nil {
			t.Fatal(err)
		}
		splits, err := s.Splits(context.Background())
		if err != nil || splits[0].Bounded != (c.want > 0) {
			t.Errorf("%v: splits %v, error %v", c.options, splits, err)
		}
		if c.want > 0 {
			if rows, _ := read(t, s, 0, nil, 100); len(rows) != c.want {
				t.Errorf("%v: %d rows, want %d", c.options, len(rows), c.want)
			}
		}
	}
}

// TestRate holds that rows come by the clock, 10,000 a second if nothing is said.
func TestRate(t *testing.T) {
	for _, c := range []struct {
		rate string
		want int
	}{{"", 1}, {"10", 1}, {"0", 50}} {
		options := map[string]string{"number-of-rows": "50"}
		if c.rate != "" {
			options["rows-per-second"] = c.rate
		}
		s, err := open([]catalog.Field{{Name: "a", Type: catalog.Int}}, nil, options)
		if err != nil {
			t.Fatal(err)
		}
		splits, err := s.Splits(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(context.Background(), splits[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		chunk, err := r.Fetch(context.Background(), connectors.Limits{Records: 100, Bytes: 1 << 20})
		if err != nil || chunk.Records() != c.want {
			t.Errorf("rows-per-second %q: chunk %v, error %v, want %d rows", c.rate, chunk, err, c.want)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestErrors(t *testing.T) {
	row := catalog.RowOf(catalog.Field{Name: "m", Type: catalog.Int}, catalog.Field{Name: "l", Type: catalog.ArrayOf(catalog.Int)})
	char := catalog.Type{Kind: catalog.KindString, Precision: 3, Fixed: true}
	for _, c := range []struct {
		typ   catalog.Type
		name  string // of the options; '' = before "fields."
		value string
		want  string
	}{
		{catalog.Int, "c.min", "x", "'fields.c.min': \"x\" is not an integer from -2147483648"},
		{catalog.Int, "c.max", "2147483648", "not an integer from"},
		{catalog.TinyInt, "c.min", "-129", "from -128 to 127"},
		{catalog.Int, "c.min", "2147483647;c.max=0", "is not an integer"},
		{catalog.Double, "c.min", "NaN", "not a number"},
		{catalog.Float, "c.max", "1e39", "not a number"},
		{catalog.Decimal(4, 2), "c.max", "100", "100 does not fit DECIMAL(4, 2)"},
		{catalog.Decimal(4, 2), "c.max", "0.001", "does not fit"},
		{catalog.Decimal(4, 2), "c.max", "1/3", "not a decimal number"},
		{catalog.IntervalDay, "c.max", "soon", "not a duration"},
		{catalog.String, "c.length", "-1", "not an integer from 0"},
		{catalog.String, "c.length", "99999999", "not an integer from 0"},
		{catalog.Type{Kind: catalog.KindString, Precision: 5}, "c.length", "6", "beyond the declared length 5"},
		{char, "c.length", "2", "have length 3"},
		{catalog.String, "c.min", "1", "'fields.c.min' means nothing for a random STRING"},
		{catalog.Int, "c.length", "1", "means nothing for a random INT"},
		{catalog.Int, "c.start", "1", "means nothing for a random INT"},
		{row, "c.min", "1", "means nothing"},
		{row, "c.m.max-past", "1 s", "'fields.c.m.max-past' means nothing for a random INT"},
		{row, "c.l.element.min", "x", "'fields.c.l.element.min'"},
		{catalog.Int, "c.kind", "constant", "not one of random, sequence"},
		{catalog.Int, "c.kind", "sequence", "a sequence needs option 'fields.c.start'"},
		{catalog.Int, "c.null-rate", "1.5", "not a number from 0 to 1"},
		{catalog.Int, "c.nul-rate", "0.5", "did you mean"},
		{catalog.Int, "d.min", "1", "there is no column d"},
		{catalog.Null, "c.null-rate", "0", "no values of type NULL"},
	} {
		fields := []catalog.Field{{Name: "c", Type: c.typ}}
		_, err := open(fields, fields, map[string]string{"fields." + c.name: c.value})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, '%s'='%s': error %v, want one with %q", c.typ, c.name, c.value, err, c.want)
		}
	}
	for _, c := range []struct {
		typ     catalog.Type
		options map[string]string
		want    string
	}{
		{catalog.Int, map[string]string{"fields.c.min": "1", "fields.c.max": "0"}, "min 1 is greater than max 0"},
		{catalog.Decimal(4, 2), map[string]string{"fields.c.min": "1.5", "fields.c.max": "0"}, "min 1.50 is greater than max 0.00"},
		{catalog.TinyInt, map[string]string{"fields.c.kind": "sequence", "fields.c.start": "0", "fields.c.end": "128"}, "leaves the range of TINYINT"},
		{catalog.Decimal(3, 2), map[string]string{"fields.c.kind": "sequence", "fields.c.start": "0", "fields.c.end": "10"}, "leaves the range of DECIMAL(3, 2)"},
		{char, map[string]string{"fields.c.kind": "sequence", "fields.c.start": "0", "fields.c.end": "1000"}, "longer than CHAR(3)"},
		{catalog.Int, map[string]string{"fields.c.kind": "sequence", "fields.c.start": "2", "fields.c.end": "1"}, "ends at 1, before it starts at 2"},
		{catalog.BigInt, map[string]string{"fields.c.kind": "sequence", "fields.c.start": "-9223372036854775808", "fields.c.end": "9223372036854775807"}, "is longer than"},
		{catalog.Date, map[string]string{"fields.c.kind": "sequence", "fields.c.start": "2", "fields.c.end": "3"}, "can't be a sequence"},
		{catalog.ArrayOf(catalog.Int), map[string]string{"fields.c.element.kind": "sequence", "fields.c.element.start": "2", "fields.c.element.end": "3"}, "part of a collection"},
		{catalog.ArrayOf(catalog.ArrayOf(catalog.Int)), map[string]string{"fields.c.length": "1000000", "fields.c.element.length": "1000000"}, "a row would take about"},
		{catalog.Int, map[string]string{"number-of-rows": "-1"}, "must not be negative"},
		{catalog.Int, map[string]string{"splits": "0"}, "number of splits is 0"},
		{catalog.Int, map[string]string{"rows-per-second": "-1"}, "rate is -1"},
		{catalog.Timestamp3, map[string]string{"number-of-rows": "1000000000", "time-step": "1 d"}, "beyond year 9999"},
	} {
		fields := []catalog.Field{{Name: "c", Type: c.typ}}
		_, err := open(fields, fields, c.options)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %v: error %v, want one with %q", c.typ, c.options, err, c.want)
		}
	}
	_, err := open([]catalog.Field{{Name: "c", Type: catalog.Int, NotNull: true}}, nil, map[string]string{"fields.c.null-rate": "0.1"})
	if err == nil || !strings.Contains(err.Error(), "the column is NOT NULL") {
		t.Errorf("NULLs in a NOT NULL column: error %v", err)
	}
	// All that is wrong is said at once.
	_, err = open([]catalog.Field{{Name: "a", Type: catalog.Int}, {Name: "b", Type: catalog.Int}}, nil, map[string]string{"fields.a.min": "x", "fields.b.max": "y"})
	if err == nil || !strings.Contains(err.Error(), "fields.a.min") || !strings.Contains(err.Error(), "fields.b.max") {
		t.Errorf("two wrong options: error %v", err)
	}
}
