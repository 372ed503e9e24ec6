package json

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/internal/bufpool"
)

// decodeOne decodes one record.
func decodeOne(t *testing.T, fields []catalog.Field, opts Options, record string) (*Schema, *Batch) {
	t.Helper()
	schema := compile(t, fields, opts)
	d := NewDecoder(schema, memory.DefaultAllocator)
	d.Append([]byte(record))
	return schema, d.Finish()
}

// TestValues has one value a case: what becomes of it, or the error.
func TestValues(t *testing.T) {
	varchar3 := catalog.Type{Kind: catalog.KindString, Precision: 3}
	time3 := catalog.Type{Kind: catalog.KindTime, Precision: 3}
	ts0 := catalog.Type{Kind: catalog.KindTimestamp}
	micros := func(s string) int64 {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixMicro()
	}
	for _, test := range []struct {
		typ  catalog.Type
		text string
		want any // a value, or an ErrorCode
	}{
		{catalog.Boolean, `true`, true},
		{catalog.Boolean, `false`, false},
		{catalog.Boolean, `null`, nil},
		{catalog.Boolean, `"true"`, ErrType},
		{catalog.Boolean, `1`, ErrType},
		{catalog.Boolean, `truex`, ErrLiteral},
		{catalog.Boolean, `False`, ErrLiteral},
		{catalog.Boolean, `fals`, ErrLiteral},

		{catalog.TinyInt, `127`, int64(127)},
		{catalog.TinyInt, `128`, ErrRange},
		{catalog.TinyInt, `-128`, int64(-128)},
		{catalog.TinyInt, `-129`, ErrRange},
		{catalog.SmallInt, `32768`, ErrRange},
		{catalog.Int, `2147483647`, int64(math.MaxInt32)},
		{catalog.Int, `2147483648`, ErrRange},
		{catalog.Int, `-2147483648`, int64(math.MinInt32)},
		{catalog.Int, `0`, int64(0)},
		{catalog.Int, `-0`, int64(0)},
		{catalog.Int, `00`, ErrLiteral},
		{catalog.Int, `-`, ErrLiteral},
		{catalog.Int, `+1`, ErrLiteral},
		{catalog.Int, `24.0`, ErrNotInteger},
		{catalog.Int, `1e2`, ErrNotInteger},
		{catalog.Int, `"23"`, ErrType},
		{catalog.Int, `[1]`, ErrType},
		{catalog.Int, `{"v":1}`, ErrType},
		{catalog.Int, `nul`, ErrLiteral},
		{catalog.Int, `nullx`, ErrLiteral},
		{catalog.BigInt, `1234567`, int64(1234567)},
		{catalog.BigInt, `12345678`, int64(12345678)},
		{catalog.BigInt, `123456789`, int64(123456789)},
		{catalog.BigInt, `1234567890123456`, int64(1234567890123456)},
		{catalog.BigInt, `12345678901234567`, int64(12345678901234567)},
		{catalog.BigInt, `9223372036854775807`, int64(math.MaxInt64)},
		{catalog.BigInt, `9223372036854775808`, ErrRange},
		{catalog.BigInt, `-9223372036854775808`, int64(math.MinInt64)},
		{catalog.BigInt, `-9223372036854775809`, ErrRange},
		{catalog.BigInt, `18446744073709551617`, ErrRange},
		{catalog.BigInt, `100000000000000000000000`, ErrRange},

		{catalog.Double, `1.5`, 1.5},
		{catalog.Double, `15`, 15.0},
		{catalog.Double, `-0.0`, math.Copysign(0, -1)},
		{catalog.Double, `-0`, math.Copysign(0, -1)},
		{catalog.Double, `0.1234567890123456789`, 0.1234567890123456789},
		{catalog.Double, `9007199254740993`, 9007199254740992.0},
		{catalog.Double, `123456789012345678901234567890`, 123456789012345678901234567890.0},
		{catalog.Double, `4.9e-324`, 5e-324},
		{catalog.Double, `1e-400`, 0.0},
		{catalog.Double, `1e400`, ErrRange},
		{catalog.Double, `1E+2`, 100.0},
		{catalog.Double, `.5`, ErrLiteral},
		{catalog.Double, `5.`, ErrLiteral},
		{catalog.Double, `01.5`, ErrLiteral},
		{catalog.Double, `1.5e`, ErrLiteral},
		{catalog.Double, `0x10`, ErrLiteral},
		{catalog.Double, `1_000`, ErrLiteral},
		{catalog.Double, `NaN`, ErrLiteral},
		{catalog.Double, `"NaN"`, math.NaN()},
		{catalog.Double, `"-Infinity"`, math.Inf(-1)},
		{catalog.Double, `"1.5"`, ErrType},
		{catalog.Double, `"inf"`, ErrType},
		{catalog.Double, `""`, ErrType},
		{catalog.Float, `0.1`, float64(float32(0.1))},
		{catalog.Float, `16777217.000001`, float64(float32(16777217.000001))},
		{catalog.Float, `3.5e38`, ErrRange},

		{catalog.Decimal(5, 2), `123.45`, decimal("12345")},
		{catalog.Decimal(5, 2), `"123.45"`, decimal("12345")},
		{catalog.Decimal(5, 2), `-0.005`, decimal("-1")},
		{catalog.Decimal(5, 2), `0.004999`, decimal("0")},
		{catalog.Decimal(5, 2), `999.994`, decimal("99999")},
		{catalog.Decimal(5, 2), `999.995`, ErrRange},
		{catalog.Decimal(5, 2), `1000`, ErrRange},
		{catalog.Decimal(5, 2), `1.2345e2`, decimal("12345")},
		{catalog.Decimal(5, 2), `12345e-2`, decimal("12345")},
		{catalog.Decimal(5, 2), `1e999999999999999999999`, ErrRange},
		{catalog.Decimal(5, 2), `1e-999999999999999999999`, decimal("0")},
		{catalog.Decimal(5, 2), `0e999999999999999999999`, decimal("0")},
		{catalog.Decimal(5, 2), `"1,5"`, ErrFormat},
		{catalog.Decimal(5, 2), `"NaN"`, ErrFormat},
		{catalog.Decimal(5, 2), `""`, ErrFormat},
		{catalog.Decimal(5, 2), `true`, ErrType},
		{catalog.Decimal(5, 2), `01`, ErrLiteral},
		{catalog.Decimal(38, 0), `99999999999999999999999999999999999999`, decimal("99999999999999999999999999999999999999")},
		{catalog.Decimal(38, 0), `99999999999999999999999999999999999999.5`, ErrRange},
		{catalog.Decimal(38, 38), `-0.12345678901234567890123456789012345678`, decimal("-12345678901234567890123456789012345678")},
		{catalog.Decimal(20, 1), `1234567890123456789.25`, decimal("12345678901234567893")},

		{catalog.String, `""`, ""},
		{catalog.String, `"plain"`, "plain"},
		{catalog.String, `"\"\\\/\b\f\n\r\t\u00e9\u20ac\ud83d\ude00"`, "\"\\/\b\f\n\r\té€😀"},
		{catalog.String, `"seven77\\eight888\\"`, `seven77\eight888\`},
		{catalog.String, `"\ud83d"`, "\ufffd"},
		{catalog.String, `"\ud83d\u0041"`, "\ufffdA"},
		{catalog.String, `"\ude00\ud83d"`, "\ufffd\ufffd"},
		{catalog.String, `"\ud83dx"`, "\ufffdx"},
		{catalog.String, `"\q"`, ErrEscape},
		{catalog.String, `"\u12g4"`, ErrEscape},
		{catalog.String, `"\u12"`, ErrEscape},
		{catalog.String, "\"raw\ttab\"", ErrControl},
		{catalog.String, "\"nul\x00\"", ErrControl},
		{catalog.String, "\"del\x7f\"", "del\x7f"},
		{catalog.String, "\"é\xffé\"", ErrUTF8},
		{catalog.String, "\"cut \xe2\x82\"", ErrUTF8},
		{catalog.String, "\"surrogate \xed\xa0\x80\"", ErrUTF8},
		{catalog.String, "\"sixteen bytes of text, then \xff\"", ErrUTF8},
		{catalog.String, `7`, "7"},
		{catalog.String, `7.50`, "7.50"},
		{catalog.String, `true`, "true"},
		{catalog.String, `null`, nil},
		{catalog.String, `{"a": 1, "b":[1, 2]}`, `{"a": 1, "b":[1, 2]}`},
		{catalog.String, `["x", null]`, `["x", null]`},
		{catalog.String, `'single'`, ErrLiteral},
		{catalog.String, `{"a":NaN}`, ErrLiteral},
		{varchar3, `"äöü"`, "äöü"},
		{varchar3, `"äöüx"`, ErrTooManyCharacters},
		{varchar3, `1234`, ErrTooManyCharacters},

		{catalog.Bytes, `"AQID"`, "\x01\x02\x03"},
		{catalog.Bytes, `"\/\/8="`, "\xff\xff"},
		{catalog.Bytes, `""`, ""},
		{catalog.Bytes, `"AQI"`, ErrFormat},
		{catalog.Bytes, `"AQ\nID"`, ErrFormat},
		{catalog.Bytes, `1`, ErrType},

		{catalog.Date, `"1970-01-02"`, int64(1)},
		{catalog.Date, `"0001-01-01"`, int64(-719162)},
		{catalog.Date, `"9999-12-31"`, int64(2932896)},
		{catalog.Date, `"2000-02-29"`, int64(11016)},
		{catalog.Date, `"1900-02-29"`, ErrFormat},
		{catalog.Date, `"0000-01-01"`, ErrFormat},
		{catalog.Date, `"2024-1-5"`, ErrFormat},
		{catalog.Date, `"2024-13-05"`, ErrFormat},
		{catalog.Date, `19000`, ErrType},
		{time3, `"01:02:03.4567"`, int64(3723456000)},
		{time3, `"01:02:03"`, int64(3723000000)},
		{time3, `"24:00:00"`, ErrFormat},
		{time3, `"01:02:03."`, ErrFormat},
		{time3, `"01:02:03.0123456789"`, ErrFormat},

		{catalog.Timestamp3, `"2024-02-28 23:58:57.002"`, micros("2024-02-28T23:58:57.002Z")},
		{catalog.Timestamp3, `"2024-02-28 23:58:57"`, micros("2024-02-28T23:58:57Z")},
		{catalog.Timestamp3, `"2024-02-28 23:58:57.1"`, micros("2024-02-28T23:58:57.1Z")},
		{catalog.Timestamp3, `"2024-02-28 23:58:57.123456789"`, micros("2024-02-28T23:58:57.123Z")},
		{catalog.Timestamp6, `"2024-02-28 23:58:57.123456789"`, micros("2024-02-28T23:58:57.123456Z")},
		{ts0, `"1969-12-31 23:59:59.999"`, micros("1969-12-31T23:59:59Z")},
		{catalog.Timestamp3, `"1969-12-31 23:59:59.9999"`, micros("1969-12-31T23:59:59.999Z")},
		{catalog.Timestamp3, `"9999-12-31 23:59:59.999"`, micros("9999-12-31T23:59:59.999Z")},
		{catalog.Timestamp3, `"10000-01-01 00:00:00"`, ErrFormat},
		{catalog.Timestamp3, `"2024-02-28T23:58:57"`, ErrFormat},
		{catalog.Timestamp3, `"2024-02-28 23:58:57Z"`, ErrFormat},
		{catalog.Timestamp3, `" 2024-02-28 23:58:57"`, ErrFormat},
		{catalog.Timestamp3, `"2024-02-28"`, ErrFormat},
		{catalog.Timestamp3, `"2016-12-31 23:59:60"`, ErrFormat},
		{catalog.Timestamp3, `"2024-01-15 24:00:00"`, ErrFormat},
		{catalog.Timestamp3, `"2024-02-30 10:00:00"`, ErrFormat},
		{catalog.Timestamp3, `"2024-02-28 23:58:5\u0037.002"`, micros("2024-02-28T23:58:57.002Z")},
		{catalog.Timestamp3, `1705312800`, ErrType},
		{catalog.TimestampLTZ3, `"2024-02-28 23:58:57.002Z"`, micros("2024-02-28T23:58:57.002Z")},
		{catalog.TimestampLTZ3, `"2024-02-28 23:58:57Z"`, micros("2024-02-28T23:58:57Z")},
		{catalog.TimestampLTZ3, `"2024-02-28 23:58:57.5+05:30"`, micros("2024-02-28T23:58:57.5+05:30")},
		{catalog.TimestampLTZ3, `"2024-02-28 23:58:57-18:00"`, micros("2024-02-28T23:58:57-18:00")},
		{catalog.TimestampLTZ3, `"2024-02-28 23:58:57-18:01"`, ErrFormat},
		{catalog.TimestampLTZ3, `"0001-01-01 00:00:00+01:00"`, ErrFormat},
		{catalog.TimestampLTZ3, `"2024-02-28 23:58:57"`, ErrFormat},

		{catalog.IntervalDay, `"-1 00:00:01.5"`, int64(-86401500000)},
		{catalog.IntervalDay, `"1 day"`, ErrFormat},
		{catalog.IntervalMonth, `"1-11"`, int64(23)},
		{catalog.IntervalMonth, `"1-12"`, ErrFormat},

		{catalog.JSON, ` {"a" : [ 1,2 ] } `, `{"a" : [ 1,2 ] }`},
		{catalog.JSON, `"x"`, `"x"`},
		{catalog.JSON, `null`, nil},
		{catalog.JSON, `[tru]`, ErrLiteral},

		{catalog.ArrayOf(catalog.Int), `[]`, []any{}},
		{catalog.ArrayOf(catalog.Int), `[1, null ,3]`, []any{int64(1), nil, int64(3)}},
		{catalog.ArrayOf(catalog.Int), `[1,"x",3]`, ErrType},
		{catalog.ArrayOf(catalog.Int), `{}`, ErrType},
		{catalog.MapOf(catalog.String, catalog.Int), `{}`, map[string]any{}},
		{catalog.MapOf(catalog.String, catalog.Int), `{"a":1,"\u0061":2,"b":null}`, map[string]any{"a": int64(2), "b": nil}},
		{catalog.MapOf(catalog.String, catalog.Int), `{"a":"x","a":2}`, map[string]any{"a": int64(2)}},
		{catalog.MapOf(catalog.String, catalog.Int), `{"\q":1}`, ErrEscape},
		{catalog.MapOf(catalog.String, catalog.Int), `[]`, ErrType},
		{catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Int}), `{"b":1}`, row{nil}},
		{catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Int}), `[1]`, ErrType},
		{catalog.RowOf(), `{"b":1}`, row{}},
	} {
		schema, b := decodeOne(t, []catalog.Field{{Name: "x", Type: test.typ}}, Options{}, `{"x":`+test.text+`}`)
		got := cellOf(b.Columns[0], 0)
		if want, ok := test.want.(ErrorCode); ok {
			if len(b.Errors) != 1 || b.Errors[0].Code != want || b.Errors[0].Col != 0 {
				t.Errorf("%s from %s: errors %v, value %#v, want the error %q", test.typ, test.text, describe(schema, b), got, want)
			}
			if !test.typ.IsNested() && got != nil {
				t.Errorf("%s from %s: %#v, want NULL", test.typ, test.text, got)
			}
			continue
		}
		if len(b.Errors) > 0 || !same(got, test.want) {
			t.Errorf("%s from %s: %#v, errors %v, want %#v", test.typ, test.text, got, describe(schema, b), test.want)
		}
	}
}

// TestMalformed: nothing of the record is kept, whatever columns are read.
func TestMalformed(t *testing.T) {
	for _, record := range []string{
		``, ` `, `[]`, `null`, `42`, `"text"`, `{`, `}`, `{"a"`, `{"a":`, `{"a":1`, `{"a":}`, `{"a" 1}`, `{"a":1,}`, `{,"a":1}`, `{"a":1 "b":2}`,
		`{a:1}`, `{'a':1}`, `{"a":1}x`, `{"a":1}{"a":2}`, `{"a":1}]`, `{"a":"x}`, `{"a":"x\"}`, `{"a":[1}`, `{"a":{"b":1]}`, `{"a":[1,]}`, `{"a":[,]}`,
		`{"a":1,/* c */"b":2}`, `{"a":12"34"}`, `{"a":1:2}`, `{"a":{1:2}}`, `{"l":[1`, `{"l":[1,2`, `{"m":{"k"`, `{"m":{"k":`, `{"m":{"k":1`, `{"m":{"k":1,}}`,
		`{"r":{"a":1,}}`, `{"r":{"a":1`, `{"u":{"x":[{"y":"z"}}}`, "\xef\xbb\xbf{\"a\":1}", `{"b":"\`, `{"b":"\u00`,
	} {
		for _, fields := range [][]catalog.Field{everyType(), everyType()[:1], nil} {
			schema := compile(t, fields, Options{})
			d := NewDecoder(schema, memory.DefaultAllocator)
			d.Append([]byte(`{"a":1,"b":"before","l":[1],"r":{"a":1},"m":{"k":1}}`))
			// What stands behind the record in memory must not complete it.
			for _, behind := range []string{"", `"}}]}` + strings.Repeat("}", 70), `:1}` + strings.Repeat(" ", 70), strings.Repeat("0", 80)} {
				buf := []byte(record + behind)
				d.AppendAt(buf, 0, len(record))
			}
			d.Append([]byte(`{"a":2,"b":"after","l":[2],"r":{"a":2},"m":{"k":2}}`))
			b := d.Finish()
			if len(b.Errors) != 4 {
				t.Fatalf("%q: %v", record, describe(schema, b))
			}
			for i, e := range b.Errors {
				if int(e.Row) != i+1 || e.Col != -1 || e.Code != ErrMalformed || e.Offset < 0 || int(e.Offset) > len(record) {
					t.Errorf("%q: %+v", record, e)
				}
				for c, cell := range rowOf(b, i+1) {
					if cell != nil {
						t.Errorf("%q: column %d is %#v", record, c, cell)
					}
				}
			}
			if len(fields) > 1 {
				for i, want := range []string{"before", "after"} {
					r := rowOf(b, i*5)
					if n := int64(i + 1); r[0] != n || r[1] != want || !same(r[18], []any{n}) || !same(r[20], map[string]any{"k": n}) {
						t.Errorf("%q: the row %s is %#v", record, want, r)
					}
				}
			}
		}
	}
}

// TestErrorsOfRow: a bad member is NULL and named; the rest of the row stands.
func TestErrorsOfRow(t *testing.T) {
	fields := []catalog.Field{
		{Name: "a", Type: catalog.Int},
		{Name: "r", Type: catalog.RowOf(catalog.Field{Name: "x", Type: catalog.Int, NotNull: true},
			catalog.Field{Name: "l", Type: catalog.ArrayOf(catalog.RowOf(catalog.Field{Name: "y", Type: catalog.Int}))})},
		{Name: "z", Type: catalog.String, NotNull: true},
	}
	for _, test := range []struct{ record, errors string }{
		{`{"z":"\q","a":x,"r":{"x":1.5,"l":[{"y":1},{"y":true},{"y":false}]}}`,
			"column a INT: not a JSON literal or number (at byte 14)\n" +
				"column r.x INT: not an integer (at byte 25)\n" +
				"column r.l[].y INT: JSON value of another type (at byte 47)\n" +
				"column z STRING: bad escape in string (at byte 5)"},
		{`{"a":1}`, "column z STRING: NULL in a NOT NULL column (at byte 6)"},
		{`{"z":null,"r":{}}`, "column r.x INT: NULL in a NOT NULL column (at byte 15)\ncolumn z STRING: NULL in a NOT NULL column (at byte 5)"},
		{`{"a":x,"z":"","a":"y","r":{"x":y},"a":3,"r":null}`, ""},
	} {
		schema, b := decodeOne(t, fields, Options{}, test.record)
		if got := strings.Join(describe(schema, b), "\n"); got != test.errors {
			t.Errorf("%s:\n%s\nwant:\n%s", test.record, got, test.errors)
		}
	}
	_, b := decodeOne(t, fields, Options{}, `{"z":"s","a":x,"r":{"l":[{"y":1},{"y":true}],"x":7}}`)
	if got, want := rowOf(b, 0), (row{nil, row{int64(7), []any{row{int64(1)}, row{nil}}}, "s"}); !same(got, want) {
		t.Errorf("%#v, want %#v", got, want)
	}
}

// TestLines: what a line is, and where decoding stops.
func TestLines(t *testing.T) {
	fields := []catalog.Field{{Name: "a", Type: catalog.Int}}
	data := []byte("{\"a\":1}\r\n\n \t\r\n{\"a\":2}\n{\"a\":x}\n\r\n  {\"a\":4}")
	schema := compile(t, fields, Options{})
	d := NewDecoder(schema, memory.DefaultAllocator)
	if n := d.DecodeLines(data, 2); string(data[n:]) != "{\"a\":x}\n\r\n  {\"a\":4}" {
		t.Errorf("left after two rows: %q", data[n:])
	} else {
		d.DecodeLines(data[n:], 10)
	}
	b := d.Finish()
	if b.Rows != 4 || !same(cellOf(b.Columns[0], 3), int64(4)) {
		t.Errorf("%d rows", b.Rows)
	}
	for i, want := range []string{`{"a":1}`, `{"a":2}`, `{"a":x}`, `  {"a":4}`} {
		if got := string(b.Record(data, i)); got != want {
			t.Errorf("record %d is %q, want %q", i, got, want)
		}
	}
	if len(b.Errors) != 1 || b.Errors[0].Row != 2 || b.Errors[0].Offset != 5 {
		t.Errorf("errors %v", b.Errors)
	}
	if empty := d.Finish(); empty.Rows != 0 || empty.Columns[0].Len() != 0 {
		t.Errorf("a batch of nothing has %d rows", empty.Rows)
	}
}

// TestLongRecord: long records (one of 100 MB) take time in proportion, or are
// refused by the limit. In quadratic time these would take hours.
func TestLongRecord(t *testing.T) {
	if testing.Short() {
		t.Skip("needs half a gigabyte")
	}
	const size = 8 << 20
	fields := []catalog.Field{{Name: "a", Type: catalog.Int}, {Name: "s", Type: catalog.String}, {Name: "l", Type: catalog.ArrayOf(catalog.Int)},
		{Name: "d", Type: catalog.Decimal(10, 2)}, {Name: "m", Type: catalog.MapOf(catalog.String, catalog.Int)}}
	var m strings.Builder
	for i := range 1 << 18 {
		fmt.Fprintf(&m, `"%d":%d,`, i%(1<<17), i)
	}
	for name, record := range map[string]string{
		"text":        `{"a":7,"s":"` + strings.Repeat(`ab\\`, 100<<20/4) + `","l":[1]}`,
		"backslashes": `{"a":7,"x":"` + strings.Repeat(`\\`, size/2) + `","l":[1]}`,
		"quotes":      `{"a":7,"x":"` + strings.Repeat(`\"`, size/2) + `","l":[1]}`,
		"unclosed":    `{"a":7,"x":"` + strings.Repeat(`\"`, size/2),
		"array":       `{"a":7,"l":[` + strings.Repeat(`1,`, size/16) + `1]}`,
		"nested":      `{"a":7,"x":` + strings.Repeat(`[`, size) + `}`,
		"digits":      `{"a":7,"d":` + strings.Repeat(`1`, size) + `,"l":[1]}`,
		"exponent":    `{"a":7,"d":1e` + strings.Repeat(`9`, size) + `,"l":[1]}`,
		"map":         `{"a":7,"m":{` + m.String() + `"x":1}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, b := decodeOne(t, fields, Options{}, record)
			defer b.Release()
			wrong := name == "unclosed" || name == "nested"
			if got := cellOf(b.Columns[0], 0); (got == nil) != wrong || wrong != (len(b.Errors) > 0 && b.Errors[0].Col == -1) {
				t.Errorf("a is %v, errors %v", got, b.Errors)
			}
			if name == "map" && len(cellOf(b.Columns[4], 0).(map[string]any)) != 1<<17+1 {
				t.Error("the map has lost or doubled entries")
			}
		})
	}
	schema := compile(t, fields, Options{MaxRecordBytes: 20})
	d := NewDecoder(schema, memory.DefaultAllocator)
	d.DecodeLines([]byte(`{"a":1,"s":"`+strings.Repeat("x", 1000)+"\"}\n{\"a\":2}\n"), 10)
	b := d.Finish()
	if got := strings.Join(describe(schema, b), ";"); got != "record too long: more than 20 bytes" || !same(rowOf(b, 1)[0], int64(2)) {
		t.Errorf("%s", got)
	}
}

func TestQuotedNumbers(t *testing.T) {
	fields := []catalog.Field{{Name: "i", Type: catalog.Int}, {Name: "d", Type: catalog.Double}}
	for _, test := range []struct {
		record string
		want   row
		errors int
	}{
		{`{"i":"42","d":"1.5e3"}`, row{int64(42), 1500.0}, 0},
		{`{"i":"\u0034","d":"-1"}`, row{int64(4), -1.0}, 0},
		{`{"i":"4.0","d":"x"}`, row{nil, nil}, 2},
		{`{"i":"","d":" 1"}`, row{nil, nil}, 2},
		{`{"i":"99999999999","d":"null"}`, row{nil, nil}, 2},
	} {
		schema, b := decodeOne(t, fields, Options{QuotedNumbers: true}, test.record)
		if !same(rowOf(b, 0), test.want) || len(b.Errors) != test.errors {
			t.Errorf("%s: %v, errors %v", test.record, rowOf(b, 0), describe(schema, b))
		}
	}
}

func TestValidateAll(t *testing.T) {
	fields := []catalog.Field{{Name: "a", Type: catalog.Int}, {Name: "r", Type: catalog.RowOf(catalog.Field{Name: "x", Type: catalog.Int})}}
	for _, record := range []string{
		`{"a":1,"u":NaN}`, `{"a":1,"u":{"v":["\q"]}}`, "{\"a\":1,\"u\":\"\xff\"}", "{\"a\":1,\"\xff\":1}", `{"a":1,"r":{"y":01}}`, `{"a":x,"a":1}`, `{"a":1,"\q":2}`,
	} {
		for _, all := range []bool{false, true} {
			_, b := decodeOne(t, fields, Options{ValidateAll: all}, record)
			if all != (len(b.Errors) == 1 && b.Errors[0].Code == ErrExtraMember) || !all && len(b.Errors) > 0 {
				t.Errorf("%s, ValidateAll %v: %v", record, all, b.Errors)
			}
			if got := cellOf(b.Columns[0], 0); all != (got == nil) {
				t.Errorf("%s, ValidateAll %v: a is %v", record, all, got)
			}
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for _, fields := range [][]catalog.Field{
		{{Name: "a", Type: catalog.Int}, {Name: "a", Type: catalog.String}},
		{{Name: "m", Type: catalog.MapOf(catalog.Int, catalog.Int)}},
		{{Name: "n", Type: catalog.Null}},
		{{Name: "r", Type: catalog.RowOf(catalog.Field{Name: "n", Type: catalog.ArrayOf(catalog.Null)})}},
	} {
		if _, err := Compile(fields, Options{}); err == nil {
			t.Errorf("%v compiles", fields)
		}
	}
}

// TestMemory: everything allocated is freed, and a steady stream allocates
// nothing for each record.
func TestMemory(t *testing.T) {
	data := nexmarkEvents(t)
	checked := memory.NewCheckedAllocator(memory.DefaultAllocator)
	d := NewDecoder(compile(t, append(nexmarkColumns(), everyType()[3:]...), Options{}), checked)
	d.DecodeLines(data, 3000)
	d.Append([]byte(`{"l":[1,2`))
	d.Append([]byte(`{"l":[1,2],"m":{"a":1,"a":2},"lr":[{"k":"x"}]}`))
	b := d.Finish()
	d.DecodeLines(data, 3000)
	d.Release()
	b.Release()
	checked.AssertSize(t, 0)

	const rows = 4096
	d = NewDecoder(compile(t, nexmarkColumns(), Options{}), bufpool.New(64<<20))
	decode := func() {
		d.DecodeLines(data, rows)
		d.Finish().Release()
	}
	decode()
	if n := testing.AllocsPerRun(5, decode); n > 300 { // a few for each of 29 columns
		t.Errorf("%v allocations for a batch of %d records", n, rows)
	}
}

// TestReusedBuffers: pooled buffers hold what earlier batches left in them.
func TestReusedBuffers(t *testing.T) {
	pool := bufpool.New(1 << 20)
	fields := everyType()
	d := NewDecoder(compile(t, fields, Options{}), pool)
	full := `{"a":1,"b":"x","c":1.5,"d":true,"i":5,"dec":1.5,"ts":"2024-02-28 23:58:57.002","l":[1,2],"m":{"k":1},"r":{"a":1,"b":"x","r":{"z":1}},"lr":[{"k":"a","n":1}]}` + "\n"
	for range 3 {
		d.DecodeLines(bytes.Repeat([]byte(full), 700), 700)
		d.Finish().Release()
		d.DecodeLines(bytes.Repeat([]byte("{}\n"), 900), 900)
		b := d.Finish()
		for i := range b.Rows {
			for c, cell := range rowOf(b, i) {
				if cell != nil {
					t.Fatalf("row %d, column %s: %#v", i, fields[c].Name, cell)
				}
			}
		}
		b.Release()
	}
}
