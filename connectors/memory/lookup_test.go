package memory_test

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	arrowmemory "github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/connectors/memory"
)

var table = []connectors.ScanColumn{{Name: "id", Type: catalog.BigInt}, {Name: "text", Type: catalog.String}, {Name: "n", Type: catalog.Int}}

func opener(s *memory.Store) func(t testing.TB, columns []connectors.ScanColumn, keys []int) connectors.Lookup {
	return func(t testing.TB, columns []connectors.ScanColumn, keys []int) connectors.Lookup {
		var declared []catalog.Field
		for _, c := range table {
			declared = append(declared, catalog.Field{Name: c.Name, Type: c.Type})
		}
		cfg := connectors.LookupConfig{
			SourceConfig: connectors.SourceConfig{Name: "t", Options: options(t, s, true, "changelog-mode", "retract"), Columns: columns, Declared: declared},
			Keys:         keys,
		}
		l, err := s.Connector(formats).OpenLookup(cfg, connectors.Env{})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
}

func TestLookup(t *testing.T) {
	s := memory.NewStore()
	s.Table("t").SendRows(0, []any{1, "a", 10}, []any{1, "b", 11}, []any{2, "a", 20}, []any{nil, "c", 5}, []any{3, nil, 6}, []any{4, "d", nil}, []any{5, "e", "no number"})
	s.Table("t").SendRows(1, []any{1, "a", 12}, []any{6, "gone", 1}, []any{7, "twice", 1}, []any{7, "twice", 1})
	s.Table("t").Send(1, memory.Record{Values: []any{6, "gone", 1}, Kind: catalog.Delete}, memory.Record{Values: []any{7, "twice", 1}, Kind: catalog.UpdateBefore})
	connectortest.TestLookup(t, connectortest.LookupTest{
		Open: opener(s), Columns: table, Keys: []int{1, 0},
		Rows: [][]string{{"1", "a", "10"}, {"1", "b", "11"}, {"2", "a", "20"}, {"NULL", "c", "5"}, {"3", "NULL", "6"}, {"4", "d", "NULL"}, {"1", "a", "12"}, {"7", "twice", "1"}},
		Bad:  [][]string{{"5", "e", "NULL"}},
		// By the text alone, or by both.
		Absent: [][]string{{"gone", "6"}, {"a", "9"}, {"", "1"}},
		Key:    connectortest.KeyOfText,
	})
}

// What is sent later is found later.
func TestLookupGrows(t *testing.T) {
	s := memory.NewStore()
	l := opener(s)(t, table[:2], []int{0})
	defer l.Close()
	keys := connectortest.KeyOfText(t, []string{"1"}, catalog.BigInt)
	defer keys.Release()
	for n := range 3 {
		f, err := l.Lookup(ctx, []arrow.Array{keys}, 1, arrowmemory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		if f.N != n {
			t.Fatalf("%d rows, want %d", f.N, n)
		}
		f.Release()
		s.Table("t").SendRows(n, []any{1, "x"})
	}
}
