package json

import (
	"bytes"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
)

// everyType has a column of each type, nested ones within each other.
func everyType() []catalog.Field {
	f := func(name string, t catalog.Type) catalog.Field { return catalog.Field{Name: name, Type: t} }
	return []catalog.Field{
		f("a", catalog.BigInt), f("b", catalog.String), f("c", catalog.Double), f("d", catalog.Boolean),
		f("t", catalog.TinyInt), f("s", catalog.SmallInt), f("i", catalog.Int), f("f", catalog.Float),
		f("dec", catalog.Decimal(10, 3)), f("big", catalog.Decimal(38, 10)), f("v", catalog.Type{Kind: catalog.KindString, Precision: 3}),
		f("x", catalog.Bytes), f("j", catalog.JSON), f("dt", catalog.Date), f("tm", catalog.Type{Kind: catalog.KindTime, Precision: 6}),
		f("ts", catalog.Timestamp3), f("ts6", catalog.Timestamp6), f("ltz", catalog.TimestampLTZ3),
		f("l", catalog.ArrayOf(catalog.BigInt)), f("ls", catalog.ArrayOf(catalog.ArrayOf(catalog.String))),
		f("m", catalog.MapOf(catalog.String, catalog.Int)), f("mm", catalog.MapOf(catalog.String, catalog.MapOf(catalog.String, catalog.String))),
		f("r", catalog.RowOf(f("a", catalog.Int), f("b", catalog.String), f("r", catalog.RowOf(f("z", catalog.Double))))),
		f("lr", catalog.ArrayOf(catalog.RowOf(f("k", catalog.String), f("n", catalog.Decimal(5, 2))))),
		f("a long name, beyond sixteen bytes", catalog.Int), f("quo\"te", catalog.Int), f("ключ", catalog.String), f("", catalog.Int),
	}
}

var fuzzSeeds = []string{
	`{"a":1,"b":"x","c":1.5,"d":true}`,
	`{"a":1,"b":"x","c":-0.0,"d":false,"t":-128,"s":32767,"i":2147483648,"f":3.4e38}`,
	`{"d":null,"c":1e2,"b":"\u00e9\ud83d\ude00\ud83d \"\\\/\b\f\n\r\t","a":-9223372036854775808}`,
	`{"dec":1.2345,"big":1234567890123456789012345678.1234567890,"v":"\u00e9\u00e9\u00e9","x":"AQI=","j":{"a": [1, 2 ]}}`,
	`{"dec":"9999999.9995","big":1e27,"v":123,"x":"AQI","j":"x"}`,
	`{"dt":"2024-02-29","tm":"23:59:59.999999","ts":"2024-02-28 23:58:57.002","ts6":"0001-01-01 00:00:00.1234567","ltz":"9999-12-31 23:59:59Z"}`,
	`{"dt":"2023-02-29","tm":"24:00:00","ts":"2024-02-28T23:58:57.002","ts6":"2024-02-28 23:58:60","ltz":"2024-01-01 00:00:00.000Z"}`,
	`{"l":[1,2,null,3],"ls":[["a",null],[],null,["\\"]],"m":{"k":1,"l":null,"k":2},"mm":{"a":{"b":"c"}}}`,
	`{"m":{"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8,"9":9,"10":10,"11":11,"1":12,"9":"x","9":13}}`,
	`{"r":{"a":1,"b":"x","r":{"z":1}},"r":{"b":"y"},"lr":[{"k":"a","n":1},{"n":2.345,"k":"b"},{},null]}`,
	"{\"a\" : 1 ,\t\"b\" :\r\n\"x\" , \"zzz\":[{\"a\":[]},{}], \"a\":2 } \n",
	`{"\u0061":1,"a\u0000":2,"quo\"te":3,"a long name, beyond sixteen bytes":4,"ключ":"значение","":0}`,
	`{"a":01,"b":"x` + "\t" + `","c":.5,"d":True,"u":nul}`,
	`{"a":1}{"a":2}`, `{"a":1} x`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1 2}`, `{"a":[1,2}`, `{"a":{"b":1]}`, `{}`, ``, ` `, `[]`, `null`,
	`{"a":12345678,"i":123456789012345678901234567890,"c":0.1234567890123456789,"s":-0}`,
	`{"b":"\ud800\udc00\udc00","j":"\x","l":{},"m":[],"r":1}`,
	"{\"b\":\"\xff\"}", "{\"b\":\"ok\",\"\xff\":1}", "{\"b\":\"\xc3\\u00a9\"}",
	`{"u":"\q"}`, `{"u":[NaN]}`, `{"a":1,"a":x,"a":2}`, `{"m":{"a":NaN,"a":1}}`,
	strings.Repeat(`{"u":`, 50) + "1" + strings.Repeat("}", 50),
	`{"u":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`,
}

// FuzzDecode compares the decoder, all columns read and everything validated,
// with encoding/json: the same values, or both reject. The one difference is
// invalid UTF-8, which encoding/json replaces and the decoder rejects.
func FuzzDecode(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s))
	}
	columns := everyType()
	opts := Options{ValidateAll: true}
	schema := compile(f, columns, opts)
	lazy := compile(f, columns[:1], Options{})
	f.Fuzz(func(t *testing.T, record []byte) {
		want, ok := referenceRow(columns, record, opts)
		// A decoder that has learned another layout, and one that has learned this.
		d := NewDecoder(schema, memory.DefaultAllocator)
		d.Append([]byte(`{"zzz":1,"d":true,"a":7,"ls":[["x"],["y","z"]],"m":{"k":1}}`))
		d.Append(record)
		d.Append(record)
		b := d.Finish()
		defer b.Release()
		for i := 1; i <= 2; i++ {
			rejected := false
			for _, e := range b.Errors {
				rejected = rejected || int(e.Row) == i
			}
			if rejected == ok {
				t.Fatalf("%q: encoding/json accepts: %v; the decoder's errors: %v", record, ok, describe(schema, b))
			}
			if ok && !same(rowOf(b, i), want) {
				t.Fatalf("%q:\n got %#v\nwant %#v", record, rowOf(b, i), want)
			}
		}
		// Whether a record is malformed does not depend on the columns read.
		other := NewDecoder(lazy, memory.DefaultAllocator)
		other.Append(record)
		c := other.Finish()
		defer c.Release()
		if all, one := malformed(b, 1), malformed(c, 0); all != one {
			t.Fatalf("%q: malformed with all columns read: %v, with one: %v", record, all, one)
		}
		// Lines are cut where records are: the same rows as one by one.
		if !bytes.ContainsAny(record, "\n") && len(bytes.Trim(record, " \t\r")) > 0 {
			lines := bytes.Join([][]byte{record, record, record}, []byte("\n"))
			d.DecodeLines(lines, 10)
			l := d.Finish()
			defer l.Release()
			if l.Rows != 3 {
				t.Fatalf("%q three times gives %d rows", record, l.Rows)
			}
			for i := range 3 {
				if !same(rowOf(l, i), rowOf(b, 1)) || malformed(l, i) != malformed(b, 1) {
					t.Fatalf("%q as line %d: %v, alone: %v", record, i, rowOf(l, i), rowOf(b, 1))
				}
			}
		}
	})
}

// FuzzLines compares the decoding of a stream of lines, cut into batches, with
// that of the lines one by one.
func FuzzLines(f *testing.F) {
	f.Add([]byte(strings.Join(fuzzSeeds, "\n")), 3, true)
	f.Add([]byte("{\"b\":\"x\n\"}\n{\"u\":[1,\n2]}\r\n\n{\"u\":\"\\\n\"}{\n{\"a\":1}"), 2, false)
	schemas := map[bool]*Schema{true: compile(f, everyType(), Options{}), false: compile(f, everyType()[:2], Options{ValidateAll: true})}
	f.Fuzz(func(t *testing.T, data []byte, maxRows int, wide bool) {
		schema := schemas[wide]
		maxRows = max(1, maxRows)
		one, many := NewDecoder(schema, memory.DefaultAllocator), NewDecoder(schema, memory.DefaultAllocator)
		for _, line := range bytes.Split(data, []byte("\n")) {
			if len(bytes.Trim(line, " \t\r")) > 0 {
				one.Append(line)
			}
		}
		want := one.Finish()
		defer want.Release()
		row, failed := 0, 0
		for rest := data; ; {
			n := many.DecodeLines(rest, maxRows)
			got := many.Finish()
			for i := range got.Rows {
				if !same(rowOf(got, i), rowOf(want, row+i)) {
					t.Fatalf("line %d of %q: %v, alone %v", row+i, data, rowOf(got, i), rowOf(want, row+i))
				}
			}
			for _, e := range got.Errors {
				e.Row += int32(row)
				if failed == len(want.Errors) || e != want.Errors[failed] {
					t.Fatalf("%q: error %+v, alone %+v", data, e, want.Errors)
				}
				failed++
			}
			row += got.Rows
			rest = rest[n:]
			if got.Release(); len(rest) == 0 {
				break
			}
			if got.Rows == 0 {
				t.Fatalf("no progress at %q", rest)
			}
		}
		if row != want.Rows || failed != len(want.Errors) {
			t.Fatalf("%q: %d rows and %d errors, alone %d and %d", data, row, failed, want.Rows, len(want.Errors))
		}
	})
}

func malformed(b *Batch, row int) bool {
	for _, e := range b.Errors {
		if int(e.Row) == row && (e.Code == ErrMalformed || e.Code == ErrTooDeep) {
			return true
		}
	}
	return false
}

func describe(s *Schema, b *Batch) []string {
	var texts []string
	for _, e := range b.Errors {
		texts = append(texts, s.Describe(e))
	}
	return texts
}
