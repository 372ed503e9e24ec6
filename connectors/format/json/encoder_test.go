package json

import (
	stdjson "encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// put draws a value of type t into slot i of c; NULL one time in five.
func put(t *rapid.T, c *columns.Column, typ catalog.Type, i int, mayBeNull bool) {
	if mayBeNull && rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		return
	}
	micros := func() int64 { return rapid.Int64Range(minTimestamp, maxTimestamp).Draw(t, "micros") }
	cut := func(v int64) int64 { return cutMicros(v, typ) }
	switch typ.Kind {
	case catalog.KindBoolean:
		c.PutBool(i, rapid.Bool().Draw(t, "bool"))
	case catalog.KindTinyInt:
		c.PutInt8(i, rapid.Int8().Draw(t, "int8"))
	case catalog.KindSmallInt:
		c.PutInt16(i, rapid.Int16().Draw(t, "int16"))
	case catalog.KindInt:
		c.PutInt32(i, rapid.Int32().Draw(t, "int32"))
	case catalog.KindBigInt:
		c.PutInt64(i, rapid.Int64().Draw(t, "int64"))
	case catalog.KindFloat:
		c.PutFloat32(i, math.Float32frombits(rapid.Uint32().Draw(t, "float32")))
	case catalog.KindDouble:
		c.PutFloat64(i, math.Float64frombits(rapid.Uint64().Draw(t, "float64")))
	case catalog.KindDecimal:
		digits := strings.TrimLeft(rapid.StringMatching(`[0-9]{1,10}`).Draw(t, "digits")+rapid.StringMatching(`[0-9]{0,28}`).Draw(t, "more"), "0")
		if len(digits) > typ.Precision {
			digits = digits[:typ.Precision]
		}
		v, err := decimal128.FromString("0"+digits, 38, 0)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "negative") {
			v = v.Negate()
		}
		c.PutDecimal(i, v)
	case catalog.KindString:
		s := []rune(rapid.String().Draw(t, "string"))
		if typ.Precision > 0 && len(s) > typ.Precision {
			s = s[:typ.Precision]
		}
		c.PutBytes(i, []byte(string(s)))
	case catalog.KindBytes:
		c.PutBytes(i, rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	case catalog.KindJSON:
		text, err := stdjson.Marshal(rapid.MapOf(rapid.String(), rapid.Int()).Draw(t, "json"))
		if err != nil {
			t.Fatal(err)
		}
		c.PutBytes(i, text)
	case catalog.KindDate:
		c.PutInt32(i, int32(floor(micros(), day)/day))
	case catalog.KindTime:
		c.PutInt64(i, cut(rapid.Int64Range(0, day-1).Draw(t, "time")))
	case catalog.KindTimestamp, catalog.KindTimestampLTZ:
		c.PutInt64(i, cut(micros()))
	case catalog.KindIntervalDay:
		c.PutInt64(i, rapid.Int64Range(-day*100_000_000, day*100_000_000).Draw(t, "interval"))
	case catalog.KindIntervalMonth:
		c.PutInt32(i, rapid.Int32Range(-2_000_000_000, 2_000_000_000).Draw(t, "months"))
	case catalog.KindArray:
		start, n := c.Elems(), rapid.IntRange(0, 3).Draw(t, "elems")
		for k := range n {
			put(t, c.Child(0), *typ.Elem, start+k, true)
		}
		c.PutList(i, start+n)
	case catalog.KindMap:
		start, n := c.Elems(), 0
		for k := range rapid.MapOfN(rapid.String(), rapid.Bool(), 0, 12).Draw(t, "keys") {
			c.Child(0).PutBytes(start+n, []byte(k))
			put(t, c.Child(1), *typ.Elem, start+n, true)
			n++
		}
		c.PutList(i, start+n)
	case catalog.KindRow:
		c.PutRow(i)
		for k, f := range typ.Fields {
			put(t, c.Child(k), f.Type, i, true)
		}
	}
}

// TestRoundTrip writes random rows of every type and reads them back.
func TestRoundTrip(t *testing.T) {
	fields := append(everyType(), catalog.Field{Name: "iv", Type: catalog.IntervalDay}, catalog.Field{Name: "im", Type: catalog.IntervalMonth},
		catalog.Field{Name: "e", Type: catalog.RowOf()})
	for _, timestamps := range []TimestampFormat{TimestampSQL, TimestampISO8601} {
		schema := compile(t, fields, Options{ValidateAll: true, TimestampFormat: timestamps})
		d := NewDecoder(schema, memory.DefaultAllocator)
		e := NewEncoder(fields, EncoderOptions{TimestampFormat: timestamps})
		rapid.Check(t, func(t *rapid.T) {
			rows := rapid.IntRange(1, 5).Draw(t, "rows")
			want := &Batch{Rows: rows}
			for _, f := range fields {
				c := columns.New(f.Type, memory.DefaultAllocator)
				for i := range rows {
					put(t, c, f.Type, i, true)
				}
				want.Columns = append(want.Columns, c.Finish(rows))
			}
			// The second half as slices, whose arrays have an offset.
			from := rapid.IntRange(0, rows-1).Draw(t, "from")
			bound := make([]arrow.Array, len(fields))
			for i, c := range want.Columns {
				bound[i] = array.NewSlice(c, int64(from), int64(rows))
			}
			if err := e.Bind(bound); err != nil {
				t.Fatal(err)
			}
			text := e.AppendRows(nil, 0, rows-from)
			for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
				if !stdjson.Valid([]byte(line)) {
					t.Fatalf("not JSON: %s", line)
				}
			}
			if n := d.DecodeLines(text, 100); n != len(text) {
				t.Fatalf("%d of %d bytes consumed", n, len(text))
			}
			got := d.Finish()
			if got.Rows != rows-from || len(got.Errors) > 0 {
				t.Fatalf("%d rows, %v\n%s", got.Rows, describe(schema, got), text)
			}
			for i := range got.Rows {
				if g, w := rowOf(got, i), rowOf(want, from+i); !same(g, w) {
					t.Fatalf("row %d:\n got %#v\nwant %#v\ntext %s", i, g, w, text)
				}
			}
		})
	}
}

// TestEncode has the text of values that readers depend on.
func TestEncode(t *testing.T) {
	ltz := catalog.Type{Kind: catalog.KindTimestampLTZ, Precision: 6}
	time3 := catalog.Type{Kind: catalog.KindTime, Precision: 3}
	for _, test := range []struct {
		typ  catalog.Type
		put  func(*columns.Column)
		want string
	}{
		{catalog.BigInt, func(*columns.Column) {}, `null`},
		{catalog.BigInt, func(c *columns.Column) { c.PutInt64(0, math.MinInt64) }, `-9223372036854775808`},
		{catalog.Double, func(c *columns.Column) { c.PutFloat64(0, 0.1) }, `0.1`},
		{catalog.Double, func(c *columns.Column) { c.PutFloat64(0, 1) }, `1.0`},
		{catalog.Double, func(c *columns.Column) { c.PutFloat64(0, math.Copysign(0, -1)) }, `-0.0`},
		{catalog.Double, func(c *columns.Column) { c.PutFloat64(0, 1e22) }, `1e+22`},
		{catalog.Double, func(c *columns.Column) { c.PutFloat64(0, 5e-324) }, `5e-324`},
		{catalog.Double, func(c *columns.Column) { c.PutFloat64(0, math.NaN()) }, `"NaN"`},
		{catalog.Double, func(c *columns.Column) { c.PutFloat64(0, math.Inf(-1)) }, `"-Infinity"`},
		{catalog.Float, func(c *columns.Column) { c.PutFloat32(0, 0.1) }, `0.1`},
		{catalog.Decimal(10, 2), func(c *columns.Column) { c.PutDecimal(0, decimal128.FromI64(5)) }, `0.05`},
		{catalog.Decimal(10, 2), func(c *columns.Column) { c.PutDecimal(0, decimal128.FromI64(-1200)) }, `-12.00`},
		{catalog.Decimal(10, 0), func(c *columns.Column) { c.PutDecimal(0, decimal128.FromI64(0)) }, `0`},
		{catalog.Decimal(38, 2), func(c *columns.Column) {
			c.PutDecimal(0, decimal128.GetMaxValue(38))
		}, `999999999999999999999999999999999999.99`},
		{catalog.Decimal(38, 38), func(c *columns.Column) { c.PutDecimal(0, decimal128.FromI64(1)) }, `0.` + strings.Repeat("0", 37) + `1`},
		{catalog.Decimal(38, 0), func(c *columns.Column) {
			c.PutDecimal(0, decimal128.GetScaleMultiplier(20))
		}, `100000000000000000000`},
		{catalog.String, func(c *columns.Column) { c.PutBytes(0, []byte("a\"b\\c\x01\n\té\u2028<&>")) }, `"a\"b\\c\u0001\n\té` + "\u2028" + `<&>"`},
		{catalog.String, func(c *columns.Column) { c.PutBytes(0, []byte("long enough\xff\xe2\x82, \"x\"")) }, `"long enough` + "\ufffd\ufffd\ufffd" + `, \"x\""`},
		{catalog.Bytes, func(c *columns.Column) { c.PutBytes(0, []byte{0xff, 0}) }, `"/wA="`},
		{catalog.JSON, func(c *columns.Column) { c.PutBytes(0, []byte("{\"a\":\r\n1}")) }, `{"a":  1}`},
		{catalog.Date, func(c *columns.Column) { c.PutInt32(0, -1) }, `"1969-12-31"`},
		{catalog.Time, func(c *columns.Column) { c.PutInt64(0, 3_661_500_000) }, `"01:01:01"`},
		{time3, func(c *columns.Column) { c.PutInt64(0, 3_661_500_000) }, `"01:01:01.500"`},
		{catalog.Timestamp3, func(c *columns.Column) { c.PutInt64(0, -1000) }, `"1969-12-31 23:59:59.999"`},
		{catalog.Timestamp6, func(c *columns.Column) { c.PutInt64(0, 1_709_164_800_000_001) }, `"2024-02-29 00:00:00.000001"`},
		{ltz, func(c *columns.Column) { c.PutInt64(0, 0) }, `"1970-01-01 00:00:00.000000Z"`},
		{catalog.Timestamp3, func(c *columns.Column) { c.PutInt64(0, maxTimestamp+1) }, `"10000-01-01 00:00:00.000"`},
		{catalog.IntervalDay, func(c *columns.Column) { c.PutInt64(0, -90_061_000_001) }, `"-1 01:01:01.000001"`},
		{catalog.IntervalMonth, func(c *columns.Column) { c.PutInt32(0, 14) }, `"1-02"`},
		{catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Int}, catalog.Field{Name: "b\"", Type: catalog.Int}),
			func(c *columns.Column) { c.PutRow(0); c.Child(1).PutInt32(0, 2) }, `{"a":null,"b\"":2}`},
		{catalog.Null, func(*columns.Column) {}, `null`},
	} {
		c := columns.New(test.typ, memory.DefaultAllocator)
		test.put(c)
		e := NewEncoder([]catalog.Field{{Name: "x", Type: test.typ}}, EncoderOptions{})
		if err := e.Bind([]arrow.Array{c.Finish(1)}); err != nil {
			t.Fatal(err)
		}
		if got := string(e.AppendRow(nil, 0)); got != `{"x":`+test.want+`}` {
			t.Errorf("%s: %s, want %s", test.typ, got, test.want)
		}
	}
}

// TestEncodeAllocates nothing for rows once the buffer is large enough.
func TestEncodeAllocates(t *testing.T) {
	fields := nexmarkColumns()
	d := NewDecoder(compile(t, fields, Options{}), memory.DefaultAllocator)
	d.DecodeLines(nexmarkEvents(t), 1000)
	b := d.Finish()
	e := NewEncoder(fields, EncoderOptions{})
	if err := e.Bind(b.Columns); err != nil {
		t.Fatal(err)
	}
	buf := e.AppendRows(nil, 0, b.Rows)
	if n := testing.AllocsPerRun(10, func() { buf = e.AppendRows(buf[:0], 0, b.Rows) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
