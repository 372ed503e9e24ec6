package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

func options(kv ...string) catalog.Options {
	o := catalog.Options{optHeader: "false"}
	for i := 0; i < len(kv); i += 2 {
		o[kv[i]] = kv[i+1]
	}
	return o
}

func text(names ...string) []catalog.Field {
	var fields []catalog.Field
	for _, n := range names {
		fields = append(fields, catalog.Field{Name: n, Type: catalog.String})
	}
	return fields
}

func compile(t testing.TB, cfg format.DecodeConfig) format.Decoding {
	t.Helper()
	if cfg.Declared == nil {
		cfg.Declared = cfg.Columns
	}
	d, err := newDecoding(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var unlimited = connectors.Limits{Records: 1 << 30, Bytes: 1 << 40}

// decodeAll decodes a stream without a header, as rows of texts; errors are
// behind them.
func decodeAll(t testing.TB, d format.Decoding, fields []catalog.Field, data []byte) [][]string {
	t.Helper()
	s, isHeader, err := d.Stream(nil)
	if err != nil || isHeader {
		t.Fatal(isHeader, err)
	}
	return decodeStream(t, d, s, fields, data)
}

func decodeStream(t testing.TB, d format.Decoding, s format.Stream, fields []catalog.Field, data []byte) [][]string {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	cut := d.Cut(data, unlimited, true)
	if cut.Bytes != len(data) {
		t.Fatalf("cut %d of %d bytes", cut.Bytes, len(data))
	}
	recs, err := s.NewDecoder(alloc).Decode(data, cut.Records)
	if err != nil {
		t.Fatal(err)
	}
	if recs.N != cut.Records {
		t.Fatalf("%d rows of %d records", recs.N, cut.Records)
	}
	rows := make([][]string, recs.N)
	for k, c := range recs.Cols {
		show, err := format.Text(c, fields[k].Type)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if c.IsNull(i) {
				rows[i] = append(rows[i], "NULL")
			} else {
				rows[i] = append(rows[i], string(show(nil, i)))
			}
		}
		c.Release()
	}
	for _, e := range recs.Errors {
		rows[e.Row] = append(rows[e.Row], fmt.Sprintf("!%s %d", e.Code, e.Col))
	}
	return rows
}

// Random tables written by encoding/csv are read as encoding/csv reads them,
// whatever the cuts; quoted empty fields are empty, others NULL.
func TestReadAgainstStandardLibrary(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	pieces := []string{"a", "b,c", `"`, `""`, "\n", "x\ny", " ", "é", ",", "#", "1.5", "\\", "'", ""}
	fields := text("a", "b", "c")
	d := compile(t, format.DecodeConfig{Options: options(), Columns: fields})
	for range 2000 {
		var data bytes.Buffer
		w := stdcsv.NewWriter(&data)
		w.UseCRLF = rng.IntN(3) == 0
		var want [][]string
		for range rng.IntN(8) {
			rec := make([]string, 3)
			for k := range rec {
				for range rng.IntN(4) {
					rec[k] += pieces[rng.IntN(len(pieces))]
				}
			}
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		r := stdcsv.NewReader(bytes.NewReader(data.Bytes()))
		for {
			rec, err := r.Read()
			if err != nil {
				break
			}
			for k := range rec {
				if rec[k] == "" {
					rec[k] = "NULL" // the writer does not quote empty fields
				}
				if w.UseCRLF {
					rec[k] = strings.ReplaceAll(rec[k], "\n", "\r\n") // the reader drops it, within quotes too
				}
			}
			want = append(want, rec)
		}
		got := decodeAll(t, d, fields, data.Bytes())
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("%q:\n got %q\nwant %q", data.String(), got, want)
		}
		checkCuts(t, d, data.Bytes(), rng)
	}
}

// checkCuts: cut piece by piece, the records are the same as cut at once.
func checkCuts(t testing.TB, d format.Decoding, data []byte, rng *rand.Rand) {
	t.Helper()
	whole := d.Cut(data, unlimited, true)
	at, seen, sum := 0, 0, format.Cut{}
	for at < len(data) {
		seen = min(len(data), max(seen, at)+rng.IntN(9))
		c := d.Cut(data[at:seen], connectors.Limits{Records: 1 + rng.IntN(3), Bytes: 1 + rng.IntN(20)}, seen == len(data))
		at += c.Bytes
		sum.Records += c.Records
		sum.Lines += c.Lines
		if seen == len(data) && c.Bytes == 0 {
			t.Fatalf("no end in %q", data[at:])
		}
	}
	if sum.Records != whole.Records || sum.Lines != whole.Lines {
		t.Fatalf("%q: %d records in %d lines, in pieces %d in %d", data, whole.Records, whole.Lines, sum.Records, sum.Lines)
	}
}

func TestRead(t *testing.T) {
	abc := text("a", "b", "c")
	for _, test := range []struct {
		name, data string
		options    catalog.Options
		max        int
		want       [][]string
	}{
		{name: "empty fields", data: "a,,\"\"\n", want: [][]string{{"a", "NULL", ""}}},
		{name: "no line end", data: "a,b,c", want: [][]string{{"a", "b", "c"}}},
		{name: "blank lines", data: "\r\n\na,b,c\n\n\n", want: [][]string{{"a", "b", "c"}}},
		{name: "stray quote costs one record", data: "a,\"b,c\nd,e,f\ng,h,i\n", want: [][]string{{"NULL", "NULL", "NULL", "!MALFORMED_RECORD -1"}, {"d", "e", "f"}, {"g", "h", "i"}}},
		{name: "quote within a field", data: "a,b\"x\",c\n", want: [][]string{{"a", `b"x"`, "c"}}},
		{name: "text after quote", data: "a,\"b\"x,c\nd,e,f\n", want: [][]string{{"NULL", "NULL", "NULL", "!MALFORMED_RECORD -1"}, {"d", "e", "f"}}},
		{name: "too few", data: "a,b\nd,e,f\n", want: [][]string{{"NULL", "NULL", "NULL", "!MALFORMED_RECORD -1"}, {"d", "e", "f"}}},
		{name: "too many", data: "a,b,c,d\nd,e,f\n", want: [][]string{{"NULL", "NULL", "NULL", "!MALFORMED_RECORD -1"}, {"d", "e", "f"}}},
		{name: "too few, loose", data: "a,b\n", options: options(optLoose, "true"), want: [][]string{{"a", "b", "NULL"}}},
		{name: "comments", data: "#x\na,#b,c\n#\"\n", options: options(optComments, "true"), want: [][]string{{"a", "#b", "c"}}},
		{name: "no comments", data: "#x,y,z\n", want: [][]string{{"#x", "y", "z"}}},
		{name: "null literal", data: "n/a,\"n/a\",\n", options: options(optNull, "n/a"), want: [][]string{{"NULL", "n/a", ""}}},
		{name: "null literal with the escape in it", data: "\\N,\\\\N,\"\\\\N\"\nN,x\\N,\\N\n", options: options(optNull, `\N`, optEscape, `\`), want: [][]string{{"NULL", `\N`, `\N`}, {"N", "xN", "NULL"}}},
		{name: "semicolons", data: "a;b,c;'d;''e'\n", options: options(optDelimiter, ";", optQuote, "'"), want: [][]string{{"a", "b,c", "d;'e"}}},
		{name: "tabs", data: "a\tb\tc\n", options: options(optDelimiter, `\t`), want: [][]string{{"a", "b", "c"}}},
		{name: "no quotes", data: "\"a,\"b\",c\n", options: options(optNoQuote, "true"), want: [][]string{{`"a`, `"b"`, "c"}}},
		{name: "escapes", data: "a\\,x,\"b\\\"y\\\\\",c\\\nz\n", options: options(optEscape, `\`), want: [][]string{{"a,x", `b"y\`, "c\nz"}}},
		{name: "invalid UTF-8", data: "a,\xff,c\n", want: [][]string{{"a", "NULL", "c", "!BAD_UTF8 1"}}},
		{name: "too long", data: "a,bbbbbbbb,c\nd,e,f\n", max: 8, want: [][]string{{"NULL", "NULL", "NULL", "!MALFORMED_RECORD -1"}, {"d", "e", "f"}}},
		{name: "quoted too long", data: "a,\"b\nb\nb\nb\",c\nd,e,f\n", max: 8, want: [][]string{
			{"NULL", "NULL", "NULL", "!MALFORMED_RECORD -1"}, {"NULL", "NULL", "NULL", "!MALFORMED_RECORD -1"}, {"NULL", "NULL", "NULL", "!MALFORMED_RECORD -1"},
			{"NULL", "NULL", "NULL", "!MALFORMED_RECORD -1"}, {"d", "e", "f"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.options == nil {
				test.options = options()
			}
			d := compile(t, format.DecodeConfig{Options: test.options, Columns: abc, MaxRecordBytes: test.max})
			if got := decodeAll(t, d, abc, []byte(test.data)); !reflect.DeepEqual(got, test.want) {
				t.Fatalf("\n got %q\nwant %q", got, test.want)
			}
			rng := rand.New(rand.NewPCG(1, 1))
			for range 50 {
				checkCuts(t, d, []byte(test.data), rng)
			}
		})
	}
}

func TestTypes(t *testing.T) {
	row := catalog.RowOf(catalog.Field{Name: "x", Type: catalog.Int}, catalog.Field{Name: "y", Type: catalog.String})
	for _, test := range []struct {
		t        catalog.Type
		in, want string
	}{
		{catalog.Boolean, "true", "true"}, {catalog.Boolean, "FALSE", "false"}, {catalog.Boolean, "1", "!BAD_FORMAT"},
		{catalog.TinyInt, "127", "127"}, {catalog.TinyInt, "128", "!OUT_OF_RANGE"}, {catalog.TinyInt, "-128", "-128"},
		{catalog.SmallInt, "-32769", "!OUT_OF_RANGE"}, {catalog.Int, " 2147483647 ", "2147483647"}, {catalog.Int, "2147483648", "!OUT_OF_RANGE"},
		{catalog.BigInt, "9223372036854775807", "9223372036854775807"}, {catalog.BigInt, "9223372036854775808", "!OUT_OF_RANGE"},
		{catalog.BigInt, "-9223372036854775808", "-9223372036854775808"}, {catalog.BigInt, "-9223372036854775809", "!OUT_OF_RANGE"},
		{catalog.BigInt, "99999999999999999999999999", "!OUT_OF_RANGE"}, {catalog.BigInt, "18446744073709551617", "!OUT_OF_RANGE"},
		{catalog.BigInt, "+7", "7"}, {catalog.BigInt, "007", "7"}, {catalog.BigInt, "1.5", "!BAD_NUMBER"}, {catalog.BigInt, "1e3", "!BAD_NUMBER"},
		{catalog.BigInt, "-", "!BAD_NUMBER"}, {catalog.BigInt, "x", "!BAD_NUMBER"}, {catalog.BigInt, `""`, "!BAD_NUMBER"}, {catalog.BigInt, "", "NULL"},
		{catalog.Double, "1.5e300", "1.5e+300"}, {catalog.Double, "1e999", "!OUT_OF_RANGE"}, {catalog.Double, "NaN", "NaN"}, {catalog.Double, "-Infinity", "-Infinity"},
		{catalog.Double, "0x1p-2", "!BAD_NUMBER"}, {catalog.Double, "inf", "!BAD_NUMBER"}, {catalog.Double, "1_0", "!BAD_NUMBER"}, {catalog.Float, "0.1", "0.1"}, {catalog.Float, "1e39", "!OUT_OF_RANGE"},
		{catalog.Decimal(5, 2), "1.5", "1.50"}, {catalog.Decimal(5, 2), "-0.005", "-0.01"}, {catalog.Decimal(5, 2), "999.994", "999.99"}, {catalog.Decimal(5, 2), "999.995", "!OUT_OF_RANGE"},
		{catalog.Decimal(5, 2), "1000", "!OUT_OF_RANGE"}, {catalog.Decimal(5, 2), "1e2", "100.00"}, {catalog.Decimal(5, 2), "1.2.3", "!BAD_NUMBER"}, {catalog.Decimal(5, 2), ".", "!BAD_NUMBER"},
		{catalog.Decimal(38, 0), strings.Repeat("9", 38), strings.Repeat("9", 38)}, {catalog.Decimal(38, 0), strings.Repeat("9", 39), "!OUT_OF_RANGE"},
		{catalog.Decimal(38, 37), "-1.2345678901234567890123456789012345678", "-1.2345678901234567890123456789012345678"},
		{catalog.Date, "2024-02-29", "2024-02-29"}, {catalog.Date, "2023-02-29", "!BAD_TIMESTAMP"}, {catalog.Date, "2024-1-1", "!BAD_TIMESTAMP"}, {catalog.Date, "9999-12-31", "9999-12-31"},
		{catalog.Time, "23:59:59", "23:59:59"}, {catalog.Time, "24:00:00", "!BAD_TIMESTAMP"},
		{catalog.Timestamp3, "2024-01-15 10:00:00", "2024-01-15 10:00:00.000"}, {catalog.Timestamp3, "2024-01-15T10:00:00.123456789", "2024-01-15 10:00:00.123"},
		{catalog.Timestamp6, "1969-12-31 23:59:59.9999999", "1969-12-31 23:59:59.999999"}, {catalog.Timestamp3, "1969-12-31 23:59:59.9999", "1969-12-31 23:59:59.999"},
		{catalog.Timestamp3, "0001-01-01 00:00:00", "0001-01-01 00:00:00.000"}, {catalog.Timestamp3, "2024-01-15", "!BAD_TIMESTAMP"}, {catalog.Timestamp3, "2024-01-15 10:00:00Z", "!BAD_TIMESTAMP"},
		{catalog.TimestampLTZ3, "2024-01-15 10:00:00Z", "2024-01-15 10:00:00.000Z"}, {catalog.TimestampLTZ3, "2024-01-15 10:00:00.5+02:30", "2024-01-15 07:30:00.500Z"}, {catalog.TimestampLTZ3, "2024-01-15 10:00:00", "!BAD_TIMESTAMP"},
		{catalog.Bytes, "aGk=", "aGk="}, {catalog.Bytes, "aGk", "!BAD_FORMAT"},
		{catalog.IntervalDay, "1 02:03:04", "1 02:03:04.000000"}, {catalog.IntervalMonth, "-1-02", "-1-02"},
		{row, `"{""x"":1,""y"":""a""}"`, `{"x":1,"y":"a"}`}, {row, `"{""x"":"`, "!BAD_FORMAT"}, {row, `"{""x"":""q""}"`, `{"x":null,"y":null} !BAD_FORMAT`},
		{catalog.ArrayOf(catalog.Int), `"[1,2]"`, "[1,2]"}, {catalog.JSON, `"{""a"":[1]}"`, `{"a":[1]}`}, {catalog.MapOf(catalog.String, catalog.Int), `"{""k"":1}"`, `{"k":1}`},
		{catalog.Type{Kind: catalog.KindString, Precision: 3}, "äöü", "äöü"}, {catalog.Type{Kind: catalog.KindString, Precision: 3}, "abcd", "!TOO_LONG"},
	} {
		// A column before and one behind: the error is that of this one only.
		fields := []catalog.Field{{Name: "a", Type: catalog.Int}, {Name: "v", Type: test.t}, {Name: "z", Type: catalog.ArrayOf(catalog.Int)}}
		d := compile(t, format.DecodeConfig{Options: options(), Columns: fields})
		rows := decodeAll(t, d, fields, []byte("1,"+test.in+",[7]\n2,,\n"))
		got := rows[0][1]
		if len(rows[0]) > 3 {
			if got += " " + strings.TrimSuffix(rows[0][3], " 1"); rows[0][1] == "NULL" {
				got = strings.TrimSuffix(rows[0][3], " 1")
			}
		}
		if got != test.want || rows[0][0] != "1" || rows[0][2] != "[7]" || !slices.Equal(rows[1], []string{"2", "NULL", "NULL"}) {
			t.Errorf("%s from %s: got %q, want %q", test.t, test.in, rows, test.want)
		}
	}
}

// A header gives the columns by name, in any order; auto takes it for one only
// if it names all columns.
func TestHeader(t *testing.T) {
	ab := text("a", "b")
	for _, test := range []struct {
		mode, first string
		isHeader    bool
		want        []string // of "1,2,3" or "1,2"
		err         string
	}{
		{mode: "auto", first: "b,x,A", isHeader: true, want: []string{"3", "1"}},
		{mode: "auto", first: "a,c", want: []string{"1", "2"}},
		{mode: "auto", first: `"a"," b "`, isHeader: true, want: []string{"1", "2"}},
		{mode: "true", first: "a,c", err: "no column b, it has a, c; without a header"},
		{mode: "true", first: "b,a", isHeader: true, want: []string{"2", "1"}},
		{mode: "skip", first: "x,y", isHeader: true, want: []string{"1", "2"}},
	} {
		d := compile(t, format.DecodeConfig{Options: options(optHeader, test.mode), Columns: ab})
		s, isHeader, err := d.Stream([]byte(test.first))
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%+v: %v", test, err)
			}
			continue
		}
		if err != nil || isHeader != test.isHeader {
			t.Errorf("%+v: %v, %v", test, isHeader, err)
			continue
		}
		line := "1,2"
		if strings.Count(test.first, ",") == 2 {
			line = "1,2,3"
		}
		if got := decodeStream(t, d, s, ab, []byte(line)); !reflect.DeepEqual(got, [][]string{test.want}) {
			t.Errorf("%+v: got %q", test, got)
		}
	}
}

// Columns that are declared and not read are passed over, or checked.
func TestValidateAll(t *testing.T) {
	declared := []catalog.Field{{Name: "a", Type: catalog.Int}, {Name: "b", Type: catalog.Int}, {Name: "c", Type: catalog.ArrayOf(catalog.Int)}}
	read := declared[1:2]
	data := []byte("x,1,[1\n2,2,[2]\n")
	d := compile(t, format.DecodeConfig{Options: options(), Columns: read, Declared: declared})
	if got := decodeAll(t, d, read, data); !reflect.DeepEqual(got, [][]string{{"1"}, {"2"}}) {
		t.Errorf("got %q", got)
	}
	if _, err := newDecoding(format.DecodeConfig{Options: options(), Columns: read}); err == nil {
		t.Error("positions are known without the declared columns")
	}
	d = compile(t, format.DecodeConfig{Options: options(), Columns: read, Declared: declared, ValidateAll: true})
	if got := decodeAll(t, d, read, data); !reflect.DeepEqual(got, [][]string{{"1", "!BAD_NUMBER -2", "!BAD_FORMAT -2"}, {"2"}}) {
		t.Errorf("got %q", got)
	}
}

func TestNotNull(t *testing.T) {
	fields := []catalog.Field{{Name: "a", Type: catalog.Int, NotNull: true}, {Name: "b", Type: catalog.Int}}
	d := compile(t, format.DecodeConfig{Options: options(), Columns: fields})
	if got := decodeAll(t, d, fields, []byte(",\n1,\n")); !reflect.DeepEqual(got, [][]string{{"NULL", "NULL", "!NOT_NULL 0"}, {"1", "NULL"}}) {
		t.Errorf("got %q", got)
	}
}

// What is written is what encoding/csv reads, and what we read back.
func TestWrite(t *testing.T) {
	fields := []catalog.Field{{Name: "s", Type: catalog.String}, {Name: "f, \"g\"", Type: catalog.Double}, {Name: "r", Type: catalog.RowOf(catalog.Field{Name: "x", Type: catalog.String})}}
	strs := []string{"plain", "", "a,b", `q"q`, "l\nf", "c\r", "#c", " lead", "trail ", "\\N", "é", "'"}
	sb, fb := array.NewStringBuilder(memory.DefaultAllocator), array.NewFloat64Builder(memory.DefaultAllocator)
	rb := array.NewStructBuilder(memory.DefaultAllocator, fields[2].Type.Arrow().(*arrow.StructType))
	for i, s := range strs {
		sb.Append(s)
		fb.Append([]float64{1, 0.1, 1e300, math.NaN()}[i%4])
		rb.Append(true)
		rb.FieldBuilder(0).(*array.StringBuilder).Append(s)
	}
	sb.AppendNull()
	fb.AppendNull()
	rb.AppendNull()
	b := &connectors.Batch{N: len(strs) + 1, Cols: []arrow.Array{sb.NewArray(), fb.NewArray(), rb.NewArray()}}

	e, err := newEncoding(format.EncodeConfig{Options: catalog.Options{}, Columns: fields})
	if err != nil {
		t.Fatal(err)
	}
	data, err := e.NewEncoder().Append(slices.Clone(e.Header()), b)
	if err != nil {
		t.Fatal(err)
	}
	records, err := stdcsv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if !slices.Equal(records[0], []string{"s", "f, \"g\"", "r"}) {
		t.Errorf("header %q", records[0])
	}
	for i, s := range strs {
		// The reader drops carriage returns before line feeds, so don't put one there.
		if got := records[i+1][0]; got != s {
			t.Errorf("got %q, want %q", got, s)
		}
	}
	d := compile(t, format.DecodeConfig{Options: options(optHeader, "auto"), Columns: fields})
	s, isHeader, err := d.Stream(format.TrimLineEnd(e.Header()))
	if err != nil || !isHeader {
		t.Fatal(isHeader, err)
	}
	rows := decodeStream(t, d, s, fields, data[len(e.Header()):])
	for i, want := range append(strs, "NULL") {
		if len(rows[i]) != 3 || rows[i][0] != want {
			t.Errorf("row %d is read back as %q, want %q", i, rows[i], want)
		}
	}
	if want := []string{"", "0.1", `{"x":""}`}; !slices.Equal(rows[1], want) {
		t.Errorf("got %q, want %q", rows[1], want)
	}
	if last := rows[len(strs)]; !slices.Equal(last, []string{"NULL", "NULL", "NULL"}) {
		t.Errorf("NULLs are read back as %q", last)
	}
}

// Every choice of characters reads back what it wrote, NULL and all.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, opts := range []catalog.Options{
		options(), options(optDelimiter, ";"), options(optDelimiter, "\\t", optQuote, "'"), options(optEscape, `\`),
		options(optNull, "NULL"), options(optNoQuote, "true", optEscape, `\`, optNull, `N`), options(optComments, "true"),
	} {
		for _, width := range []int{1, 3} {
			fields := text([]string{"a", "b", "c"}[:width]...)
			e, err := newEncoding(format.EncodeConfig{Options: opts, Columns: fields})
			if err != nil {
				t.Fatal(err)
			}
			d := compile(t, format.DecodeConfig{Options: opts, Columns: fields})
			for range 300 {
				n := 1 + rng.IntN(6)
				b := &connectors.Batch{N: n}
				want := make([][]string, n)
				for range width {
					col := array.NewStringBuilder(memory.DefaultAllocator)
					for i := range n {
						if rng.IntN(4) == 0 {
							col.AppendNull()
							want[i] = append(want[i], "NULL")
							continue
						}
						s := ""
						for range rng.IntN(5) {
							s += string(`a,;'"\#N `[rng.IntN(9)])
							if rng.IntN(5) == 0 && opts[optNoQuote] == "" {
								s += "\n"
							}
						}
						if s == "" && opts[optNoQuote] != "" {
							s = "x" // can't be told from NULL without quotes
						}
						col.Append(s)
						want[i] = append(want[i], s)
					}
					b.Cols = append(b.Cols, col.NewArray())
				}
				data, err := e.NewEncoder().Append(nil, b)
				if err != nil {
					t.Fatal(err)
				}
				if got := decodeAll(t, d, fields, data); !reflect.DeepEqual(got, want) {
					t.Fatalf("%v: %q\n got %q\nwant %q", opts, data, got, want)
				}
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("a,\"b\nc\",1\n,\"\",x\r\n\"\"\"\",2\n"), byte(0))
	f.Add([]byte("#\"\n\\\"a,\"b\\\"\",[1]"), byte(3))
	f.Fuzz(func(t *testing.T, data []byte, how byte) {
		opts := options()
		if how&1 != 0 {
			opts[optEscape] = `\`
		}
		if how&2 != 0 {
			opts[optComments] = "true"
		}
		if how&4 != 0 {
			opts[optLoose] = "true"
		}
		fields := []catalog.Field{{Name: "a", Type: catalog.String}, {Name: "b", Type: catalog.Double}, {Name: "c", Type: catalog.ArrayOf(catalog.Int)}}
		d := compile(t, format.DecodeConfig{Options: opts, Columns: fields, MaxRecordBytes: 64})
		decodeAll(t, d, fields, data)
		checkCuts(t, d, data, rand.New(rand.NewPCG(uint64(how), uint64(len(data)))))
	})
}

func BenchmarkDecode(b *testing.B) {
	fields := []catalog.Field{{Name: "id", Type: catalog.BigInt}, {Name: "name", Type: catalog.String}, {Name: "amount", Type: catalog.Decimal(10, 2)}, {Name: "ts", Type: catalog.Timestamp3}, {Name: "x", Type: catalog.Double}}
	var data []byte
	for i := range 4096 {
		data = fmt.Appendf(data, "%d,customer number %d,%d.%02d,2024-01-15 10:%02d:%02d.%03d,%d.5\n", i, i, i, i%100, i/60%60, i%60, i%1000, i)
	}
	d := compile(b, format.DecodeConfig{Options: options(), Columns: fields})
	s, _, _ := d.Stream(nil)
	dec := s.NewDecoder(memory.DefaultAllocator)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		recs, err := dec.Decode(data, 4096)
		if err != nil || len(recs.Errors) > 0 {
			b.Fatal(err, recs.Errors)
		}
		for _, c := range recs.Cols {
			c.Release()
		}
	}
	b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds()/1e6, "Mrec/s")
}
