package agg

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// The model of an aggregation: all rows of each group as a list, and each
// aggregate by its definition, in big numbers.

type modelRow []any // values by column, in the form of catalog.Literal.Value

type model struct {
	keys   []Key
	calls  []Call
	groups map[string][]modelRow
}

func newModel(cfg Config) *model {
	return &model{keys: cfg.Keys, calls: cfg.Calls, groups: map[string][]modelRow{}}
}

func (m *model) key(row modelRow) string {
	var b strings.Builder
	for _, k := range m.keys {
		b.WriteString(show(row[k.Column]) + "|")
	}
	return b.String()
}

// show writes a value so that equal group keys, and equal results, look equal.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case float64:
		if v == 0 {
			return "0"
		}
		return fmt.Sprintf("%b", v)
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	case decimal128.Num:
		return v.BigInt().String()
	case []any:
		var b strings.Builder
		for _, x := range v {
			b.WriteString(show(x) + ",")
		}
		return b.String()
	}
	return fmt.Sprint(v)
}

func (m *model) add(rows []modelRow) {
	for _, r := range rows {
		k := m.key(r)
		m.groups[k] = append(m.groups[k], r)
	}
}

// results gives "key -> results" of all groups that have rows.
func (m *model) results() map[string]string {
	out := map[string]string{}
	for k, rows := range m.groups {
		var b strings.Builder
		for _, c := range m.calls {
			b.WriteString(modelCall(c, rows) + "|")
		}
		out[k] = b.String()
	}
	return out
}

// modelCall gives the result of a call over rows as text, or "error".
func modelCall(c Call, rows []modelRow) string {
	if c.Kind > Max || len(c.More) > 0 {
		return modelMore(c, rows)
	}
	var vals []any
	seen := map[string]bool{}
	for _, r := range rows {
		if c.Filter >= 0 && r[c.Filter] != true {
			continue
		}
		if c.Star() {
			vals = append(vals, true)
			continue
		}
		v := r[c.Arg]
		if v == nil || c.Distinct && seen[show(v)] {
			continue
		}
		seen[show(v)] = true
		vals = append(vals, v)
	}
	if c.Kind == Count {
		return fmt.Sprint(len(vals))
	}
	if len(vals) == 0 {
		return "NULL"
	}
	switch c.Kind {
	case Min, Max:
		sort.SliceStable(vals, func(i, j int) bool { return less(vals[i], vals[j]) })
		if c.Kind == Min {
			return show(vals[0])
		}
		return show(vals[len(vals)-1])
	}
	if c.Spec.Arg.IsFloating() {
		var fs []float64
		for _, v := range vals {
			fs = append(fs, v.(float64))
		}
		sum := exactly(fs)
		if c.Kind == Avg {
			sum /= float64(len(fs))
		}
		return show(sum)
	}
	sum := new(big.Int)
	for _, v := range vals {
		if d, ok := v.(decimal128.Num); ok {
			sum.Add(sum, d.BigInt())
		} else {
			sum.Add(sum, big.NewInt(v.(int64)))
		}
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)
	n := big.NewInt(int64(len(vals)))
	switch {
	case c.Kind == Sum && (c.Spec.Arg.IsInteger() || c.Spec.Arg.IsInterval()):
		if !sum.IsInt64() || c.Result.Kind == catalog.KindIntervalMonth && sum.Int64() != int64(int32(sum.Int64())) {
			return "error"
		}
		return sum.String()
	case c.Kind == Sum:
		if new(big.Int).Abs(sum).Cmp(limit) >= 0 {
			return "error"
		}
		return sum.String()
	case c.Spec.Arg.IsInteger():
		f, _ := new(big.Rat).SetFrac(sum, n).Float64()
		return show(f)
	}
	up := int64(c.Result.Scale - c.Spec.Arg.Scale)
	x := new(big.Int).Mul(new(big.Int).Abs(sum), new(big.Int).Exp(big.NewInt(10), big.NewInt(up), nil))
	x.Lsh(x, 1).Add(x, n).Quo(x, new(big.Int).Lsh(n, 1))
	if x.Cmp(limit) >= 0 {
		return "error"
	}
	if sum.Sign() < 0 {
		x.Neg(x)
	}
	return x.String()
}

func less(a, b any) bool {
	switch a := a.(type) {
	case int64:
		return a < b.(int64)
	case float64:
		return a < b.(float64) || !math.IsNaN(a) && math.IsNaN(b.(float64))
	case string:
		return a < b.(string)
	case []byte:
		return bytes.Compare(a, b.([]byte)) < 0
	case bool:
		return !a && b.(bool)
	case decimal128.Num:
		return a.Less(b.(decimal128.Num))
	}
	panic(fmt.Sprintf("%T has no order", a))
}

// actual gives what the Aggregator says, in the form of model.results. parts have
// no group in common.
func actual(t testing.TB, a *Aggregator, parts ...*Groups) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, g := range parts {
		addActual(t, a, g, out)
	}
	return out
}

func addActual(t testing.TB, a *Aggregator, g *Groups, out map[string]string) {
	t.Helper()
	g.Each(func(ids []uint32) {
		if a.retract {
			var live []uint32
			for _, id := range ids {
				if g.Rows(id) != 0 {
					live = append(live, id)
				}
			}
			ids = live
		}
		failed := map[int]bool{}
		cols := a.Emit(g, ids, memory.DefaultAllocator, func(i int, code, message string) {
			if code == "" || message == "" {
				t.Errorf("an error without code or message")
			}
			failed[i] = true
		})
		types := a.Results()
		for i := range ids {
			var k, v strings.Builder
			for c, col := range cols {
				if !arrow.TypeEqual(types[c], col.DataType()) || col.Len() != len(ids) {
					t.Fatalf("column %d is %s of %d rows, want %s of %d", c, col.DataType(), col.Len(), types[c], len(ids))
				}
				s := cell(col, i)
				if c < len(a.keys) {
					k.WriteString(s + "|")
				} else {
					v.WriteString(s + "|")
				}
			}
			res := v.String()
			if failed[i] {
				res += "error"
			}
			if _, ok := out[k.String()]; ok {
				t.Fatalf("group %s comes twice", k.String())
			}
			out[k.String()] = res
		}
	})
}

func cell(col arrow.Array, i int) string { return show(column.Value(col, i, typeOf(col.DataType()))) }

// typeOf gives as much of a type as column.Value looks at.
func typeOf(dt arrow.DataType) catalog.Type {
	switch dt := dt.(type) {
	case *arrow.ListType:
		return catalog.ArrayOf(typeOf(dt.Elem()))
	case *arrow.MapType:
		return catalog.MapOf(typeOf(dt.KeyType()), typeOf(dt.ItemType()))
	}
	return catalog.Type{}
}

// compare wants the results to be the model's. A result in error is NULL in the
// column and reported.
func compare(t testing.TB, a *Aggregator, m *model, parts ...*Groups) {
	t.Helper()
	want := m.results()
	for k, v := range want {
		if strings.Contains(v, "error") {
			want[k] = strings.ReplaceAll(v, "error", "NULL") + "error"
		}
	}
	got := actual(t, a, parts...)
	for k, v := range want {
		if got[k] != v && differences(m.calls, got[k], v) != "" {
			t.Fatalf("group %s:\n%s", k, differences(m.calls, got[k], v))
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Fatalf("group %s has no rows", k)
		}
	}
}

// near says whether a number is what the model gives as about so much.
func near(got, want string) bool {
	var g, w float64
	if _, err := fmt.Sscanf(want, "~%g", &w); err != nil {
		return false
	}
	_, err := fmt.Sscanf(got, "%g", &g)
	return err == nil && math.Abs(g-w) <= 0.1*w
}

// differences lists the calls whose results differ.
func differences(calls []Call, got, want string) string {
	var b strings.Builder
	g, w := strings.Split(got, "|"), strings.Split(want, "|")
	for i := range w {
		if i >= len(g) || g[i] != w[i] && !near(g[i], w[i]) {
			name := "errors"
			if i < len(calls) {
				name = fmt.Sprintf("%+v", calls[i])
			}
			fmt.Fprintf(&b, "%s\n got %s\nwant %s\n", name, g[min(i, len(g)-1)], w[i])
		}
	}
	return b.String()
}

var dataTypes = []catalog.Type{
	catalog.Boolean, catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt, catalog.Float, catalog.Double,
	catalog.Decimal(10, 2), catalog.Decimal(38, 0), catalog.String, catalog.Bytes, catalog.Date, catalog.Time,
	catalog.Timestamp3, catalog.TimestampLTZ3, catalog.IntervalDay, catalog.IntervalMonth, catalog.Null,
}

// randomData gives a value for an aggregate's argument.
func randomData(rng *rand.Rand, t catalog.Type) any {
	if t.Kind == catalog.KindNull || rng.IntN(8) == 0 {
		return nil
	}
	limit := func(bits int) int64 {
		switch rng.IntN(8) {
		case 0:
			return 1<<(bits-1) - 1
		case 1:
			return -1 << (bits - 1)
		}
		return int64(rng.IntN(21) - 10)
	}
	switch t.Kind {
	case catalog.KindBoolean:
		return rng.IntN(2) == 0
	case catalog.KindTinyInt:
		return limit(8)
	case catalog.KindSmallInt:
		return limit(16)
	case catalog.KindInt, catalog.KindDate, catalog.KindIntervalMonth:
		return limit(32)
	case catalog.KindFloat:
		return float64(float32(rng.NormFloat64() * pow2(rng.IntN(80)-40)))
	case catalog.KindDouble:
		if t.Precision == 1 {
			return []float64{rng.NormFloat64() * pow2(rng.IntN(60)-30), float64(rng.IntN(7) - 3), 1e15 + float64(rng.IntN(9))/8, 0.1}[rng.IntN(4)]
		}
		names := []string{"money", "ties", "huge", "specials", "zeros", "cancelling"}
		return floatInputs[names[rng.IntN(len(names))]](rng)
	case catalog.KindDecimal:
		v := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Precision)), nil)
		v.Sub(v, big.NewInt(1))
		if rng.IntN(3) > 0 {
			v.SetInt64(rng.Int64N(2_000_001) - 1_000_000)
		} else if rng.IntN(2) == 0 {
			v.Neg(v)
		}
		return decimal128.FromBigInt(v)
	case catalog.KindString:
		return strings.Repeat([]string{"", "a", "b", "prefix-"}[rng.IntN(4)], rng.IntN(5)) + fmt.Sprint(rng.IntN(4))
	case catalog.KindBytes:
		return bytes.Repeat([]byte{byte(rng.IntN(3) * 127)}, rng.IntN(20))
	}
	return limit(64)
}

// columns turns rows into columns of the types.
func columns(t testing.TB, rows []modelRow, types []catalog.Type) []arrow.Array {
	out := make([]arrow.Array, len(types))
	for c, typ := range types {
		vals := make([]any, len(rows))
		for i, r := range rows {
			vals[i] = r[c]
		}
		var err error
		if out[c], err = column.FromValues(vals, typ, memory.DefaultAllocator); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// everything gives a Config over columns: two keys, two filters, then one column
// of each type in dataTypes, with every call that there is for them.
func everything(t testing.TB, retract bool) (Config, []catalog.Type) {
	types := append([]catalog.Type{catalog.BigInt, catalog.String, catalog.Boolean, catalog.Boolean}, dataTypes...)
	cfg := Config{Keys: []Key{{0, catalog.BigInt}, {1, catalog.String}}, Retract: retract}
	filters := []int{-1, 2, 3}
	n := 0
	for _, f := range filters {
		cfg.Calls = append(cfg.Calls, Call{Spec: mustResolve(t, "COUNT", false), Filter: f})
	}
	for c, typ := range types[4:] {
		for _, name := range []string{"SUM", "AVG", "MIN", "MAX", "COUNT"} {
			for _, distinct := range []bool{false, true} {
				s, err := Resolve(name, []catalog.Type{typ}, distinct)
				if err != nil || retract && !s.Retractable() {
					continue
				}
				cfg.Calls = append(cfg.Calls, Call{Spec: s, Arg: 4 + c, Filter: filters[n%3]})
				n++
			}
		}
	}
	cfg.Calls = append(cfg.Calls, more(t, retract, 4, filters)...)
	return cfg, append(types, tame, tame)
}

// tame is DOUBLE, of values whose products are doubles and errors.
var tame = catalog.Type{Kind: catalog.KindDouble, Precision: 1}

func randomRows(rng *rand.Rand, types []catalog.Type, n int) []modelRow {
	rows := make([]modelRow, n)
	for i := range rows {
		r := make(modelRow, len(types))
		r[0] = []any{nil, int64(0), int64(1), int64(-5)}[rng.IntN(4)]
		r[1] = []any{nil, "", "short", "a string of some length"}[rng.IntN(4)]
		for c := 2; c < len(types); c++ {
			r[c] = randomData(rng, types[c])
		}
		rows[i] = r
	}
	return rows
}

// feed gives rows to the Aggregator in batches of several sizes, some as
// selections.
func feed(t testing.TB, rng *rand.Rand, types []catalog.Type, rows []modelRow, fn func(cols []arrow.Array, r colvec.Rows)) {
	for len(rows) > 0 {
		n := min(len(rows), 1+rng.IntN(1500))
		part := rows[:n]
		rows = rows[n:]
		if rng.IntN(2) == 0 {
			fn(columns(t, part, types), colvec.All(n))
			continue
		}
		// The same rows among others that must not count.
		var mixed []modelRow
		var sel []int32
		for _, r := range part {
			for rng.IntN(3) == 0 {
				mixed = append(mixed, randomRows(rng, types, 1)...)
			}
			sel = append(sel, int32(len(mixed)))
			mixed = append(mixed, r)
		}
		fn(columns(t, mixed, types), colvec.Selected(sel))
	}
}

func TestAggregateModel(t *testing.T) {
	for _, retract := range []bool{false, true} {
		for seed := range uint64(7) {
			t.Run(fmt.Sprintf("retract=%v/%d", retract, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 15))
				cfg, types := everything(t, retract)
				a := mustNew(t, cfg)
				m := newModel(cfg)
				g := a.Open(nil, 0, 0)
				rows := randomRows(rng, types, 1+rng.IntN(1500)>>rng.IntN(8))
				if retract {
					// Rows that come and go, half of them going first.
					extra := randomRows(rng, types, rng.IntN(500))
					half := len(extra) / 2
					feed(t, rng, types, extra[:half], func(c []arrow.Array, r colvec.Rows) { a.Retract(g, c, r) })
					feed(t, rng, types, extra[half:], func(c []arrow.Array, r colvec.Rows) { a.Update(g, c, r) })
					feed(t, rng, types, rows, func(c []arrow.Array, r colvec.Rows) { a.Update(g, c, r) })
					feed(t, rng, types, extra[:half], func(c []arrow.Array, r colvec.Rows) { a.Update(g, c, r) })
					feed(t, rng, types, extra[half:], func(c []arrow.Array, r colvec.Rows) { a.Retract(g, c, r) })
				} else {
					feed(t, rng, types, rows, func(c []arrow.Array, r colvec.Rows) { a.Update(g, c, r) })
				}
				m.add(rows)
				compare(t, a, m, g)
			})
		}
	}
}
