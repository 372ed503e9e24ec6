package hash_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// A Lookup finds the rows that a walk over all rows finds, in their order.
func TestLookup(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	value := func(typ catalog.Type) any {
		if r.IntN(6) == 0 {
			return nil
		}
		switch typ.Kind {
		case catalog.KindString:
			return []string{"", "a", "twelve chars", "more than twelve", "more than twelve too"}[r.IntN(5)]
		case catalog.KindDouble:
			return []float64{0, 1.5, -2}[r.IntN(3)]
		}
		return int64(r.IntN(5))
	}
	many := make([]catalog.Type, 10)
	for i := range many {
		many[i] = catalog.Boolean
		if i > 0 {
			many[i] = catalog.TinyInt
		}
	}
	for _, types := range [][]catalog.Type{
		{catalog.BigInt}, {catalog.String}, {catalog.Int, catalog.String}, {catalog.Double, catalog.SmallInt, catalog.TinyInt},
		{catalog.String, catalog.String}, many[1:],
	} {
		rows := func(n int) (cols []arrow.Array, texts []string) {
			values := make([][]any, len(types))
			texts = make([]string, n)
			for c, typ := range types {
				for i := range n {
					v := value(typ)
					if len(types) > 5 && c != 8 {
						v = nil
					}
					values[c] = append(values[c], v)
					texts[i] += fmt.Sprint(v, "|")
				}
				a, err := column.FromValues(values[c], typ, memory.DefaultAllocator)
				if err != nil {
					t.Fatal(err)
				}
				cols = append(cols, a)
			}
			return cols, texts
		}
		l, err := hash.NewLayout(types)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 7, 300} {
			build, have := rows(n)
			skip := func(row int) bool { return row%5 == 3 }
			x := hash.NewLookup(l, build, n, skip)
			probe, asked := rows(100)
			first := make([]int32, 100)
			x.First(hash.NewEncoder(l).Encode(probe, colvec.All(100)), first)
			for i, want := range asked {
				var got, found []int32
				for row := first[i]; row >= 0; row = x.Next(row) {
					got = append(got, row)
				}
				for row, text := range have {
					if text == want && !skip(row) {
						found = append(found, int32(row))
					}
				}
				if !slices.Equal(got, found) {
					t.Fatalf("%v, %d rows: %s is found at %v, not at %v", types, n, want, got, found)
				}
			}
		}
	}
}
