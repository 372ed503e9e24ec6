package column

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
)

// Keys order as values do, and come back as the value, whatever follows them.
func TestKey(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	nested := catalog.RowOf(catalog.Field{Name: "a", Type: catalog.ArrayOf(catalog.Double)}, catalog.Field{Name: "b", Type: catalog.ArrayOf(catalog.Bytes)})
	for _, typ := range append(kinds[:len(kinds):len(kinds)], nested, catalog.ArrayOf(catalog.Null)) {
		a, want := sample(t, r, typ, 150)
		write, compare := KeyWriter(a), Comparator(a, a)
		b := array.NewBuilder(memory.DefaultAllocator, typ.Arrow())
		keys := make([][]byte, len(want))
		for i, w := range want {
			if w == nil {
				b.AppendNull()
				continue
			}
			keys[i] = write(nil, i)
			if rest := AppendKey(b, append(bytes.Clone(keys[i]), "more"...)); typ.Kind != catalog.KindNull && string(rest) != "more" {
				t.Fatalf("%v: %q is left of the key of %v", typ, rest, w)
			}
		}
		got := b.NewArray()
		wantValues(t, "keys", typ, got, want)
		for i := range want {
			for j := range want {
				if want[i] != nil && want[j] != nil && bytes.Compare(keys[i], keys[j]) != sign(compare(i, j)) {
					t.Fatalf("%v: the key of %v against that of %v: %d", typ, want[i], want[j], bytes.Compare(keys[i], keys[j]))
				}
			}
		}
	}
}

func sign(c int) int { return boolToInt(c > 0) - boolToInt(c < 0) }

// Equal values have one key: zeros, NaNs, and maps in any order of entries. Texts
// with zero bytes stay apart from their beginnings and from what follows them.
func TestKeyEquality(t *testing.T) {
	floats := catalog.ArrayOf(catalog.Double)
	maps := catalog.MapOf(catalog.String, catalog.Int)
	texts := catalog.ArrayOf(catalog.String)
	for _, c := range []struct {
		typ  catalog.Type
		a, b any
		same bool
	}{
		{floats, []any{0.0}, []any{math.Copysign(0, -1)}, true},
		{floats, []any{math.NaN()}, []any{math.Float64frombits(0xfff8000000000001)}, true},
		{floats, []any{1.0}, []any{1.0, nil}, false},
		{maps, []any{"a", int64(1), "b", nil}, []any{"b", nil, "a", int64(1)}, true},
		{maps, []any{"a", int64(1), "b", int64(2)}, []any{"a", int64(2), "b", int64(1)}, false},
		{texts, []any{"a", "b"}, []any{"a\x00\x00b"}, false},
		{texts, []any{"a\x00"}, []any{"a"}, false},
		{texts, []any{""}, []any{}, false},
		{texts, []any{nil}, []any{""}, false},
	} {
		a, err := FromValues([]any{c.a, c.b}, c.typ, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		write := KeyWriter(a)
		if same := bytes.Equal(write(nil, 0), write(nil, 1)); same != c.same {
			t.Errorf("%v: the keys of %v and %v are equal: %v", c.typ, c.a, c.b, same)
		}
		if same := Comparator(a, a)(0, 1) == 0; same != c.same {
			t.Errorf("%v: %v and %v are equal: %v", c.typ, c.a, c.b, same)
		}
	}
	// What is decoded has one zero.
	a, _ := FromValues([]any{[]any{math.Copysign(0, -1)}}, floats, memory.DefaultAllocator)
	b := array.NewBuilder(memory.DefaultAllocator, floats.Arrow())
	AppendKey(b, KeyWriter(a)(nil, 0))
	if v := Value(b.NewArray(), 0, floats).([]any)[0].(float64); math.Signbit(v) {
		t.Error("-0.0 comes back from a key")
	}
	z, _ := FromValues([]any{[]any{"x\x00y\x00", "\x00"}}, texts, memory.DefaultAllocator)
	b = array.NewBuilder(memory.DefaultAllocator, texts.Arrow())
	AppendKey(b, KeyWriter(z)(nil, 0))
	if v := Value(b.NewArray(), 0, texts).([]any); v[0] != "x\x00y\x00" || v[1] != "\x00" {
		t.Errorf("a text with zero bytes comes back as %q", v)
	}
}
