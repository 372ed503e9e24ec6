package datagen

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
)

var baseTime = time.Date(2024, 2, 28, 23, 59, 0, 0, time.UTC)

// allTypes is a table with a column of every type, NULLs among them.
func allTypes() ([]catalog.Field, catalog.Options) {
	types := []catalog.Type{
		catalog.Boolean, catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt, catalog.Float, catalog.Double,
		catalog.Decimal(5, 2), catalog.Decimal(38, 10), catalog.String,
		{Kind: catalog.KindString, Precision: 7}, {Kind: catalog.KindString, Precision: 4, Fixed: true},
		catalog.Bytes, catalog.Date, catalog.Time, {Kind: catalog.KindTime, Precision: 6},
		catalog.Timestamp3, catalog.Timestamp6, catalog.TimestampLTZ3, catalog.IntervalDay, catalog.IntervalMonth, catalog.JSON,
		catalog.ArrayOf(catalog.Int), catalog.ArrayOf(catalog.ArrayOf(catalog.String)),
		catalog.MapOf(catalog.String, catalog.Double),
		catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Int}, catalog.Field{Name: "B c", Type: catalog.ArrayOf(catalog.RowOf(
			catalog.Field{Name: "x", Type: catalog.String}, catalog.Field{Name: "y", Type: catalog.MapOf(catalog.TinyInt, catalog.Boolean)}))}),
	}
	options := catalog.Options{"fields.c9.var-len": "true", "fields.c24.var-len": "true", "fields.c16.max-past": "1 min"}
	fields := make([]catalog.Field, len(types))
	for i, typ := range types {
		name := fmt.Sprintf("c%d", i)
		fields[i] = catalog.Field{Name: name, Type: typ}
		options["fields."+name+".null-rate"] = "0.2"
		if typ.Kind == catalog.KindString && !typ.Fixed && typ.Precision == 0 {
			options["fields."+name+".length"] = "12"
		}
	}
	return fields, options
}

func newGenerator(t testing.TB, fields []catalog.Field, options catalog.Options) *Generator {
	t.Helper()
	g, err := New(Config{Seed: 1, BaseTime: baseTime, RowsPerSecond: 3, Fields: options}, fields)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// makeColumn makes one column with options (after 'fields.c.'), n rows from 0 on.
func makeColumn(t *testing.T, typ catalog.Type, options map[string]string, n int) arrow.Array {
	t.Helper()
	all := catalog.Options{}
	for name, v := range options {
		all["fields.c."+name] = v
	}
	g := newGenerator(t, []catalog.Field{{Name: "c", Type: typ}}, all)
	a := g.Columns(memory.DefaultAllocator, 0, 1, n)[0]
	if a.Len() != n || !arrow.TypeEqual(a.DataType(), typ.Arrow()) {
		t.Fatalf("%d rows of %s, want %d of %s", a.Len(), a.DataType(), n, typ.Arrow())
	}
	t.Cleanup(a.Release)
	return a
}

func cellTexts(a arrow.Array) []string {
	s := make([]string, a.Len())
	for i := range s {
		if !a.IsNull(i) {
			s[i] = a.ValueStr(i)
		} else {
			s[i] = "NULL"
		}
	}
	return s
}

// TestPure holds that a value depends on its column's name and its row alone: not
// on the run that it is made in, nor on the other columns and their order.
func TestPure(t *testing.T) {
	const n = 500
	fields, options := allTypes()
	all := newGenerator(t, fields, options)
	want := map[string][]string{}
	for i, a := range all.Columns(memory.DefaultAllocator, 0, 1, n) {
		want[fields[i].Name] = cellTexts(a)
		a.Release()
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		var some []catalog.Field
		for _, i := range random.Perm(len(fields))[:1+random.IntN(len(fields))] {
			some = append(some, fields[i])
		}
		g := newGenerator(t, some, options)
		first, stride := random.Int64N(n), 1+random.Int64N(7)
		count := int((n-1-first)/stride) + 1
		alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
		for i, a := range g.Columns(alloc, first, stride, count) {
			if a.Len() != count || !arrow.TypeEqual(a.DataType(), some[i].Type.Arrow()) {
				t.Fatalf("%s: %d rows of %s", some[i].Name, a.Len(), a.DataType())
			}
			for k, got := range cellTexts(a) {
				row := first + int64(k)*stride
				if w := want[some[i].Name][row]; got != w {
					t.Fatalf("%s %s of row %d (run of %d from %d by %d): %s, want %s", some[i].Name, some[i].Type, row, count, first, stride, got, w)
				}
			}
			a.Release()
		}
		alloc.AssertSize(t, 0)
	}
	for name, values := range want {
		nulls := 0
		for _, v := range values {
			if v == "NULL" {
				nulls++
			}
		}
		// 0.2 of 500, 5 standard deviations.
		if nulls < 55 || nulls > 145 {
			t.Errorf("%s: %d NULLs of %d", name, nulls, n)
		}
	}
	for _, g := range []*Generator{all} {
		if a := g.Columns(memory.DefaultAllocator, 7, 1, 0); a[0].Len() != 0 {
			t.Error("an empty run has rows")
		}
	}
}

// TestPruned holds that members of a ROW keep their values when others are not
// read.
func TestPruned(t *testing.T) {
	a, b := catalog.Field{Name: "a", Type: catalog.Int}, catalog.Field{Name: "b", Type: catalog.ArrayOf(catalog.String)}
	options := catalog.Options{"fields.r.null-rate": "0.5", "fields.r.a.null-rate": "0.2", "fields.r.b.length": "2"}
	whole := newGenerator(t, []catalog.Field{{Name: "r", Type: catalog.RowOf(a, b)}}, options).Columns(memory.DefaultAllocator, 0, 1, 100)[0].(*array.Struct)
	part := newGenerator(t, []catalog.Field{{Name: "r", Type: catalog.RowOf(b)}}, options).Columns(memory.DefaultAllocator, 0, 1, 100)[0].(*array.Struct)
	if g, w := cellTexts(part.Field(0)), cellTexts(whole.Field(1)); !slices.Equal(g, w) {
		t.Errorf("r.b is %v alone, %v beside r.a", g, w)
	}
	for i := range 100 {
		if whole.IsNull(i) && !(whole.Field(0).IsNull(i) && whole.Field(1).IsNull(i)) {
			t.Fatalf("row %d is NULL, its members are not", i)
		}
	}
	if own := whole.Field(0).NullN() - whole.NullN(); own < 2 || own > 25 {
		t.Errorf("%d members are NULL by themselves, want about 10", own)
	}
	if whole.NullN() == 0 || whole.NullN() == 100 {
		t.Errorf("%d rows of 100 are NULL", whole.NullN())
	}
}

// TestTableIsFrozen pins the values: a change of the generator that changes them
// must be meant.
func TestTableIsFrozen(t *testing.T) {
	fields, options := allTypes()
	h := sha256.New()
	for i, a := range newGenerator(t, fields, options).Columns(memory.DefaultAllocator, 0, 1, 1000) {
		fmt.Fprintln(h, fields[i].Type, cellTexts(a))
	}
	const want = "c8c75e9e3c74685a749409e7cdbd26ca210dad5a7de80311165f7a9ad7436422"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("SHA-256 of the table is %s, was %s", got, want)
	}
}

// TestSeedAndNames holds that seeds and names of columns give other values, and
// that letter case does not.
func TestSeedAndNames(t *testing.T) {
	values := func(seed uint64, name string) string {
		g, err := New(Config{Seed: seed, BaseTime: baseTime}, []catalog.Field{{Name: name, Type: catalog.BigInt}})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(cellTexts(g.Columns(memory.DefaultAllocator, 0, 1, 3)[0]))
	}
	if values(1, "a") == values(2, "a") || values(1, "a") == values(1, "b") {
		t.Error("two seeds, or two columns, have the same values")
	}
	if values(1, "Ab") != values(1, "aB") {
		t.Error("letter case changes values")
	}
}

func TestBounds(t *testing.T) {
	const n = 20_000
	for _, c := range []struct {
		typ      catalog.Type
		min, max string
		distinct int // 0: many
	}{
		{catalog.TinyInt, "-128", "127", 256},
		{catalog.TinyInt, "-3", "3", 7},
		{catalog.SmallInt, "5", "5", 1},
		{catalog.Int, "-2147483648", "-2147483647", 2},
		{catalog.BigInt, "9223372036854775800", "9223372036854775807", 8},
		{catalog.BigInt, "-9223372036854775808", "9223372036854775807", 0},
		{catalog.Decimal(4, 2), "-0.02", "0.03", 6},
		{catalog.Decimal(3, 0), "1e1", "12", 3},
		{catalog.Float, "-1.5", "2.5", 0},
		{catalog.Double, "0", "0", 1},
		{catalog.IntervalMonth, "0", "11", 12},
	} {
		a := makeColumn(t, c.typ, map[string]string{"min": c.min, "max": c.max}, n)
		low, high := rat(t, c.min), rat(t, c.max)
		seen := map[string]int{}
		for i := range n {
			text := a.ValueStr(i)
			seen[text]++
			if v := rat(t, text); v.Cmp(low) < 0 || v.Cmp(high) > 0 {
				t.Fatalf("%s from %s to %s: %s", c.typ, c.min, c.max, text)
			}
		}
		switch {
		case c.distinct == 0:
			if len(seen) < n*9/10 {
				t.Errorf("%s from %s to %s: %d distinct values of %d", c.typ, c.min, c.max, len(seen), n)
			}
		case len(seen) != c.distinct:
			t.Errorf("%s from %s to %s: %d distinct values, want %d", c.typ, c.min, c.max, len(seen), c.distinct)
		default:
			mean := float64(n) / float64(c.distinct)
			for v, count := range seen {
				if c.distinct > 1 && math.Abs(float64(count)-mean) > 6*math.Sqrt(mean) {
					t.Errorf("%s: %s came %d times, want about %g", c.typ, v, count, mean)
				}
			}
		}
	}
}

func rat(t *testing.T, s string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return r
}

// TestDefaultRanges holds that numbers without bounds fill their types.
func TestDefaultRanges(t *testing.T) {
	const n = 5000
	for _, c := range []struct {
		typ  catalog.Type
		ends float64 // greatest magnitude
	}{
		{catalog.SmallInt, 1 << 15}, {catalog.Int, 1 << 31}, {catalog.BigInt, 1 << 63},
		{catalog.Float, math.MaxFloat32}, {catalog.Double, math.MaxFloat64},
		{catalog.Decimal(38, 0), 1e38}, {catalog.Decimal(20, 20), 1},
	} {
		a := makeColumn(t, c.typ, nil, n)
		var low, high, sum float64
		for i := range n {
			v, _ := rat(t, a.ValueStr(i)).Float64()
			v /= c.ends
			low, high, sum = min(low, v), max(high, v), sum+v
		}
		if low < -1 || low > -0.99 || high > 1 || high < 0.99 || math.Abs(sum/n) > 0.05 {
			t.Errorf("%s: from %g to %g of the range, mean %g", c.typ, low, high, sum/n)
		}
	}
	a := makeColumn(t, catalog.Boolean, nil, n).(*array.Boolean)
	yes := 0
	for i := range n {
		if a.Value(i) {
			yes++
		}
	}
	if yes < 2300 || yes > 2700 {
		t.Errorf("%d of %d booleans are true", yes, n)
	}
}

// TestBelow128 holds the product of 128-bit numbers against package big.
func TestBelow128(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	special := []uint64{0, 1, 1 << 63, math.MaxUint64, math.MaxUint64 - 1}
	word := func() uint64 {
		if random.IntN(3) == 0 {
			return special[random.IntN(len(special))]
		}
		return random.Uint64()
	}
	wide := func(high, low uint64) *big.Int {
		v := new(big.Int).SetUint64(high)
		return v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(low))
	}
	for range 100_000 {
		rh, rl, nh, nl := word(), word(), word(), word()
		got := below128(rh, rl, decimal128.New(int64(nh), nl))
		want := new(big.Int).Mul(wide(rh, rl), wide(nh, nl))
		want.Rsh(want, 128)
		if g := wide(uint64(got.HighBits()), got.LowBits()); g.Cmp(want) != 0 {
			t.Fatalf("%x:%x of %x:%x: %x, want %x", rh, rl, nh, nl, g, want)
		}
	}
}

func TestSequences(t *testing.T) {
	for _, c := range []struct {
		typ  catalog.Type
		want string
	}{
		{catalog.TinyInt, "[-1 0 1]"}, {catalog.SmallInt, "[-1 0 1]"}, {catalog.Int, "[-1 0 1]"}, {catalog.BigInt, "[-1 0 1]"},
		{catalog.Float, "[-1 0 1]"}, {catalog.Double, "[-1 0 1]"}, {catalog.Decimal(5, 2), "[-1 0 1]"}, {catalog.String, "[-1 0 1]"},
	} {
		a := makeColumn(t, c.typ, map[string]string{"kind": "sequence", "start": "-1", "end": "5"}, 3)
		if got := fmt.Sprint(cellTexts(a)); got != c.want {
			t.Errorf("%s: %s, want %s", c.typ, got, c.want)
		}
	}
	a := makeColumn(t, catalog.Decimal(5, 2), map[string]string{"kind": "SEQUENCE", "start": "7", "end": "9"}, 1).(*array.Decimal128)
	if a.Value(0) != decimal128.FromI64(700) {
		t.Errorf("7 as DECIMAL(5, 2) is %v hundredths", a.Value(0))
	}
	row := makeColumn(t, catalog.RowOf(catalog.Field{Name: "id", Type: catalog.Int}), map[string]string{"id.kind": "sequence", "id.start": "10", "id.end": "20"}, 3)
	if got := fmt.Sprint(cellTexts(row.(*array.Struct).Field(0))); got != "[10 11 12]" {
		t.Errorf("sequence in a ROW: %s", got)
	}
}

func TestStrings(t *testing.T) {
	lengthsOf := func(typ catalog.Type, options map[string]string) map[int]int {
		seen := map[int]int{}
		for _, s := range cellTexts(makeColumn(t, typ, options, 2000)) {
			if i := strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(hexDigits, r) }); i >= 0 {
				t.Fatalf("%s: %q", typ, s)
			}
			seen[len(s)]++
		}
		return seen
	}
	fixed := func(typ catalog.Type, options map[string]string, want int) {
		if seen := lengthsOf(typ, options); seen[want] != 2000 {
			t.Errorf("%s, options %v: lengths %v, want %d", typ, options, seen, want)
		}
	}
	fixed(catalog.String, nil, 100)
	fixed(catalog.String, map[string]string{"length": "17"}, 17)
	fixed(catalog.String, map[string]string{"length": "0", "var-len": "true"}, 0)
	fixed(catalog.Type{Kind: catalog.KindString, Precision: 9}, nil, 9)
	fixed(catalog.Type{Kind: catalog.KindString, Precision: 9}, map[string]string{"length": "3"}, 3)
	fixed(catalog.Type{Kind: catalog.KindString, Precision: 5, Fixed: true}, nil, 5)
	seen := lengthsOf(catalog.String, map[string]string{"length": "20", "var-len": "true"})
	if len(seen) != 20 || seen[0] != 0 || seen[1] == 0 || seen[20] == 0 {
		t.Errorf("lengths %v, want 1 to 20", seen)
	}

	bytes := makeColumn(t, catalog.Bytes, map[string]string{"length": "11"}, 1000).(*array.Binary)
	high := 0
	for i := range 1000 {
		if v := bytes.Value(i); len(v) != 11 {
			t.Fatalf("%d bytes", len(v))
		} else if v[10] >= 0x80 {
			high++
		}
	}
	if high < 400 || high > 600 {
		t.Errorf("%d of 1,000 last bytes have their high bit", high)
	}
	for _, s := range cellTexts(makeColumn(t, catalog.JSON, map[string]string{"length": "5"}, 10)) {
		var v string
		if err := json.Unmarshal([]byte(s), &v); err != nil || len(v) != 5 {
			t.Errorf("JSON %s: %v", s, err)
		}
	}
}

func TestTimes(t *testing.T) {
	// 3 rows a second from 2024-02-28 23:59:00.
	at := func(n int) time.Time { return baseTime.Add(time.Duration(n) * time.Second / 3) }
	const n = 400
	for _, c := range []struct {
		typ  catalog.Type
		want func(time.Time) int64
	}{
		{catalog.Type{Kind: catalog.KindTimestamp}, func(v time.Time) int64 { return v.Truncate(time.Second).UnixMicro() }},
		{catalog.Timestamp3, func(v time.Time) int64 { return v.Truncate(time.Millisecond).UnixMicro() }},
		{catalog.Timestamp6, func(v time.Time) int64 { return v.Truncate(time.Microsecond).UnixMicro() }},
		{catalog.TimestampLTZ3, func(v time.Time) int64 { return v.Truncate(time.Millisecond).UnixMicro() }},
		{catalog.Date, func(v time.Time) int64 { return v.Unix() / 86400 }},
		{catalog.Time, func(v time.Time) int64 { return v.Unix() % 86400 * 1e6 }},
	} {
		a := makeColumn(t, c.typ, nil, n)
		for i := range n {
			if got, want := integerAt(a, i), c.want(at(i)); got != want {
				t.Fatalf("%s of row %d: %d, want %d", c.typ, i, got, want)
			}
		}
	}
	a := makeColumn(t, catalog.Timestamp6, map[string]string{"max-past": "10 s"}, n)
	least, greatest := int64(math.MaxInt64), int64(0)
	for i := range n {
		age := at(i).UnixMicro() - integerAt(a, i)
		least, greatest = min(least, age), max(greatest, age)
	}
	if least < 0 || least > 500_000 || greatest > 10_000_000 || greatest < 9_500_000 {
		t.Errorf("ages from %d to %d us, want 0 to 10 s", least, greatest)
	}
	for _, c := range []struct {
		step time.Duration
		rate int64
		row  int64
		want time.Duration
	}{
		{0, 0, 1000, time.Second},
		{0, 7, 7_000_001, 1_000_000*time.Second + 142857*time.Microsecond},
		{24 * time.Hour, 10, 366, 366 * 24 * time.Hour},
		{1500 * time.Nanosecond, 10, 1_000_001, 1_500_001 * time.Microsecond},
	} {
		if got := newTimeline(baseTime, c.step, c.rate).at(c.row) - baseTime.UnixMicro(); got != c.want.Microseconds() {
			t.Errorf("row %d at a step of %v, %d rows a second: %d us, want %v", c.row, c.step, c.rate, got, c.want)
		}
	}
	interval := makeColumn(t, catalog.IntervalDay, map[string]string{"min": "1 min", "max": "2 min"}, n)
	for i := range n {
		if v := integerAt(interval, i); v < 60e6 || v > 120e6 {
			t.Fatalf("interval of %d us", v)
		}
	}
}

func integerAt(a arrow.Array, i int) int64 {
	switch a := a.(type) {
	case *array.Timestamp:
		return int64(a.Value(i))
	case *array.Date32:
		return int64(a.Value(i))
	case *array.Time64:
		return int64(a.Value(i))
	case *array.Duration:
		return int64(a.Value(i))
	default:
		panic(a.DataType())
	}
}

func TestCollections(t *testing.T) {
	const n = 1000
	list := makeColumn(t, catalog.ArrayOf(catalog.Int), map[string]string{
		"length": "5", "var-len": "true", "null-rate": "0.1", "element.min": "1", "element.max": "9", "element.null-rate": "0.3"}, n).(*array.List)
	lengths := map[int64]int{}
	elements := list.ListValues().(*array.Int32)
	for i := range n {
		start, end := list.ValueOffsets(i)
		if list.IsNull(i) {
			if start != end {
				t.Fatal("a NULL array has elements")
			}
			continue
		}
		lengths[end-start]++
	}
	if len(lengths) != 5 || lengths[0] != 0 {
		t.Errorf("lengths %v, want 1 to 5", lengths)
	}
	nulls := 0
	for i := range elements.Len() {
		if elements.IsNull(i) {
			nulls++
		} else if v := elements.Value(i); v < 1 || v > 9 {
			t.Fatalf("element %d", v)
		}
	}
	if share := float64(nulls) / float64(elements.Len()); share < 0.25 || share > 0.35 {
		t.Errorf("share of NULL elements %g", share)
	}

	// Ten entries with keys of four values: most are doubles.
	m := makeColumn(t, catalog.MapOf(catalog.TinyInt, catalog.String), map[string]string{
		"length": "10", "key.min": "0", "key.max": "3", "value.length": "4"}, n).(*array.Map)
	keys, values := m.Keys().(*array.Int8), m.Items().(*array.String)
	if keys.Len() != values.Len() || keys.NullN() > 0 {
		t.Fatalf("%d keys, %d of them NULL, %d values", keys.Len(), keys.NullN(), values.Len())
	}
	sizes := map[int64]int{}
	for i := range n {
		start, end := m.ValueOffsets(i)
		seen := map[int8]bool{}
		for k := start; k < end; k++ {
			if seen[keys.Value(int(k))] {
				t.Fatalf("map %d has key %d twice", i, keys.Value(int(k)))
			}
			seen[keys.Value(int(k))] = true
		}
		sizes[end-start]++
	}
	// P(all four keys in ten draws) = 0.78.
	if sizes[4] < 700 || sizes[4] > 850 || sizes[0] > 0 || sizes[5] > 0 {
		t.Errorf("sizes of maps %v", sizes)
	}
}

// TestMapKeys holds that maps of every kind of key have no key twice.
func TestMapKeys(t *testing.T) {
	for _, c := range []struct {
		key     catalog.Type
		options map[string]string
		most    int // keys that there can be
	}{
		{catalog.Boolean, nil, 2},
		{catalog.String, map[string]string{"key.length": "1"}, 16},
		{catalog.Bytes, map[string]string{"key.length": "0"}, 1},
		{catalog.Decimal(3, 1), map[string]string{"key.min": "0", "key.max": "0.3"}, 4},
		{catalog.Date, nil, 1},
		{catalog.RowOf(catalog.Field{Name: "b", Type: catalog.Boolean}), nil, 2},
		{catalog.ArrayOf(catalog.Boolean), map[string]string{"key.length": "2"}, 4},
	} {
		options := map[string]string{"length": "64"}
		for k, v := range c.options {
			options[k] = v
		}
		m := makeColumn(t, catalog.MapOf(c.key, catalog.Int), options, 50).(*array.Map)
		for i := range 50 {
			start, end := m.ValueOffsets(i)
			seen := map[string]bool{}
			for k := start; k < end; k++ {
				seen[m.Keys().ValueStr(int(k))] = true
			}
			if int64(len(seen)) != end-start || len(seen) > c.most || len(seen) < c.most/2 || len(seen) == 0 {
				t.Errorf("map %d by %s: %d entries, %d keys, want about %d", i, c.key, end-start, len(seen), c.most)
			}
		}
	}
}

// TestRecord reads the text of a row back.
func TestRecord(t *testing.T) {
	fields := []catalog.Field{{Name: "id", Type: catalog.Int}, {Name: "name", Type: catalog.String}, {Name: "tags", Type: catalog.ArrayOf(catalog.String)}}
	g := newGenerator(t, fields, catalog.Options{"fields.id.kind": "sequence", "fields.id.start": "5", "fields.id.end": "9", "fields.name.length": "6"})
	var v struct {
		ID   int
		Name string
		Tags []string
	}
	if err := json.Unmarshal(g.Record(3), &v); err != nil || v.ID != 8 || len(v.Name) != 6 || len(v.Tags) != 3 {
		t.Errorf("%s: %v", g.Record(3), err)
	}
}
