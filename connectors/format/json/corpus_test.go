package json

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"github.com/streamsql/streamsql/catalog"
)

// sparkDiffers lists the lines of json_edge.ndjson for which Spark 4.3 gives
// something else than we do, with what we give: the values of id, customer_id
// and amount, and which columns are in error (* for the whole record).
var sparkDiffers = map[int]struct {
	id, customer, amount any
	errors               string
}{
	5:  {int64(5), "C1", nil, "amount"},               // NaN bare is no JSON; Spark: NaN
	7:  {int64(7), "C1", nil, "amount"},               // -Infinity bare; Spark: -inf
	8:  {int64(8), "C1", nil, "amount"},               // 1e400 is beyond DOUBLE; Spark: inf
	13: {int64(13), "C1", nil, "amount"},              // .5 spoils its column only; Spark: the record
	14: {int64(14), "C1", nil, "amount"},              // +5, the same
	15: {int64(15), "C1", nil, "amount"},              // 007, the same
	27: {int64(27), "7.50", 1.0, ""},                  // a number as text is as written; Spark: 7.5
	29: {int64(29), `{"a": 1, "b":[1, 2]}`, 1.0, ""},  // so is an object; Spark writes it anew
	30: {int64(30), `["x", null]`, 1.0, ""},           // and an array
	33: {int64(33), "lone surrogate \ufffd", 1.0, ""}, // Spark: ?
	34: {int64(34), nil, 1.0, "customer_id"},          // a bad escape spoils its column only; Spark: the record
	35: {int64(35), nil, 1.0, "customer_id"},          // a raw tab, the same
	36: {int64(36), nil, 1.0, "customer_id"},          // single quotes are no JSON; Spark takes them
	42: {nil, nil, nil, "*"},                          // text after the object; Spark ignores it
	43: {nil, nil, nil, "*"},                          // a second object; Spark ignores it
}

// TestSparkEdgeCases compares json_edge.ndjson with what Spark makes of it.
func TestSparkEdgeCases(t *testing.T) {
	data, err := os.ReadFile("testdata/json_edge.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	fields := []catalog.Field{{Name: "id", Type: catalog.Int}, {Name: "customer_id", Type: catalog.String}, {Name: "amount", Type: catalog.Double},
		{Name: "transaction_time", Type: catalog.String}, {Name: "category", Type: catalog.String}}
	schema := compile(t, fields, Options{})
	fields[3].Type = catalog.Timestamp3
	timed := compile(t, fields, Options{})
	seen := 0
	for i, line := range bytes.Split(bytes.TrimSuffix(data, []byte{'\n'}), []byte{'\n'}) {
		number := i + 1
		spark, known := sparkRows(t)[number]
		d := NewDecoder(schema, memory.DefaultAllocator)
		d.DecodeLines(line, 10)
		b := d.Finish()
		if b.Rows == 0 { // blank: no record; Spark: a NULL row
			if spark["is_null_struct"] != "true" {
				t.Errorf("line %d is no record", number)
			}
			seen++
			continue
		}
		if !known {
			t.Fatalf("line %d is not in Spark's result", number)
		}
		seen++
		var errs []string
		for _, e := range b.Errors {
			if e.Col < 0 {
				errs = append(errs, "*")
			} else {
				errs = append(errs, schema.Path(e))
			}
		}
		got := rowOf(b, 0)
		if own, ok := sparkDiffers[number]; ok {
			if !same(got[:3], row{own.id, own.customer, own.amount}) || strings.Join(errs, " ") != own.errors {
				t.Errorf("line %d: %#v, errors %v", number, got, errs)
			}
			continue
		}
		for c, f := range fields {
			if want := spark[f.Name]; !same(got[c], sparkValue(t, f, want)) {
				t.Errorf("line %d, %s: %#v, Spark has %s", number, f.Name, got[c], want)
			}
		}
		// Spark notes no corrupt record for an empty object, and neither do we.
		if corrupt := spark["_corrupt_record"] != `\N`; corrupt != (len(errs) > 0) {
			t.Errorf("line %d: errors %v, Spark's corrupt record: %v", number, errs, spark["_corrupt_record"])
		}
		// As a TIMESTAMP: to_timestamp of 'yyyy-MM-dd HH:mm:ss', but that we take fractions.
		d = NewDecoder(timed, memory.DefaultAllocator)
		d.DecodeLines(line, 10)
		b = d.Finish()
		var want any
		if text := spark["timestamp"]; text != `\N` {
			v, err := time.Parse("2006-01-02 15:04:05", text)
			if err != nil {
				t.Fatal(err)
			}
			want = v.UnixMicro()
		}
		if number == 58 {
			want = time.Date(2024, 1, 15, 10, 0, 0, 123e6, time.UTC).UnixMicro()
		}
		if got := rowOf(b, 0)[3]; !same(got, want) {
			t.Errorf("line %d: timestamp %v, Spark has %s", number, got, spark["timestamp"])
		}
	}
	if seen != len(sparkRows(t)) {
		t.Errorf("%d lines, Spark has %d", seen, len(sparkRows(t)))
	}
}

func sparkValue(t *testing.T, f catalog.Field, text string) any {
	switch {
	case text == `\N`:
		return nil
	case f.Type.Kind == catalog.KindInt:
		v, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		return v
	case f.Type.Kind == catalog.KindDouble:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return text
}

// sparkRows gives Spark's result by line number and column.
func sparkRows(t *testing.T) map[int]map[string]string {
	t.Helper()
	f, err := os.Open("testdata/json_edge_spark.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[int]map[string]string{}
	for _, record := range records[1:] {
		r := map[string]string{}
		for i, name := range records[0] {
			r[name] = record[i]
		}
		number, err := strconv.Atoi(r["line"])
		if err != nil {
			t.Fatal(err)
		}
		rows[number] = r
	}
	return rows
}

// TestShuffled takes records of steady layouts apart and puts them together in
// other ways: other orders, missing, doubled and extra members, other white
// space, escaped names. What the decoder has learned from one must not show in
// the next.
func TestShuffled(t *testing.T) {
	fields := everyType()
	opts := Options{ValidateAll: true}
	schema := compile(t, fields, opts)
	members := []string{
		`"a":1`, `"a":-9223372036854775808`, `"a":null`, `"b":"plain"`, `"b":"with \\ escapes \u00e9"`, `"b":12.50`, `"c":-1.5e3`, `"d":true`, `"d":"x"`, `"t":200`,
		`"dec":12.3456`, `"dec":"7"`, `"ts":"2024-02-28 23:58:57.002"`, `"ts":"2024-02-28 23:58:58"`, `"l":[1,2,3]`, `"l":[]`, `"l":["x"]`, `"m":{"a":1,"b":2}`,
		`"m":{"a":1,"b":2,"a":3}`, `"r":{"a":1,"b":"x"}`, `"r":{"b":"y","r":{"z":0.5},"a":2}`, `"r":null`, `"lr":[{"k":"1","n":1},{"n":2}]`, `"lr":[{"n":9999}]`,
		`"u":{"x":[1,"2",{}]}`, `"another":"extra"`, `"a long name, beyond sixteen bytes":5`, `"a long name, beyond sixteen byteS":5`, `"quo\"te":1`, `"ключ":"да"`, `"":0`,
		`"\u0061":2`, `"u":01`, `"j":{"b":[ ]}`, `"v":"abc"`, `"v":"abcd"`,
	}
	space := rapid.SampledFrom([]string{"", "", "", " ", "  ", "\t", "\r\n "})
	rapid.Check(t, func(t *rapid.T) {
		d := NewDecoder(schema, memory.DefaultAllocator)
		var records [][]byte
		layouts := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom(members), 0, 12), 1, 3).Draw(t, "layouts")
		for range rapid.IntRange(1, 8).Draw(t, "records") {
			layout := rapid.SampledFrom(layouts).Draw(t, "layout")
			if rapid.IntRange(0, 3).Draw(t, "change") == 0 && len(layout) > 0 {
				layout = rapid.Permutation(layout).Draw(t, "order")[:rapid.IntRange(0, len(layout)).Draw(t, "length")]
			}
			var text strings.Builder
			text.WriteString(space.Draw(t, "space") + "{" + space.Draw(t, "space"))
			for i, m := range layout {
				if i > 0 {
					text.WriteString(space.Draw(t, "space") + "," + space.Draw(t, "space"))
				}
				text.WriteString(m)
			}
			text.WriteString(space.Draw(t, "space") + "}" + space.Draw(t, "space"))
			records = append(records, []byte(text.String()))
			d.Append(records[len(records)-1])
		}
		b := d.Finish()
		for i, record := range records {
			want, ok := referenceRow(fields, record, opts)
			rejected := false
			for _, e := range b.Errors {
				rejected = rejected || int(e.Row) == i
			}
			if rejected == ok {
				t.Fatalf("record %d %s: encoding/json accepts: %v; errors %v", i, record, ok, describe(schema, b))
			}
			if ok && !same(rowOf(b, i), want) {
				t.Fatalf("record %d %s:\n got %#v\nwant %#v", i, record, rowOf(b, i), want)
			}
		}
	})
}
