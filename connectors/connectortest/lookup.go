package connectortest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// LookupTest says what TestLookup is to test: a table that does not change meanwhile.
type LookupTest struct {
	// Open makes a lookup of the columns Columns by Keys, not opened yet.
	Open    func(t testing.TB, columns []connectors.ScanColumn, keys []int) connectors.Lookup
	Columns []connectors.ScanColumn
	// Keys are the columns to look up by; all their non-empty prefixes are tried.
	Keys []int
	// Rows are all rows of the table that fit their columns, as the texts of the
	// columns ("NULL" for NULL); Bad those that don't, with their keys, which fit.
	// The order of the rows of one key does not matter.
	Rows, Bad [][]string
	// Absent are values of Keys that no row has.
	Absent [][]string
	// Key makes a column of the type of a key column from texts.
	Key func(t testing.TB, texts []string, as catalog.Type) arrow.Array
}

// TestLookup looks keys up in every way an engine may: one, several and all at once,
// that are there and that are not, in any order, with all columns and with some, from
// several goroutines; and checks that the rows are those of their keys, in the order
// of the keys, that no memory is lost, and that a cancelled call ends.
func TestLookup(t *testing.T, test LookupTest) {
	for n := range test.Keys {
		keys := test.Keys[:n+1]
		t.Run(fmt.Sprintf("By%dKeys", n+1), func(t *testing.T) {
			test.by(t, keys, test.Columns, keys)
		})
	}
	t.Run("KeysOnly", func(t *testing.T) {
		var cols []connectors.ScanColumn
		keys := make([]int, len(test.Keys))
		for i, k := range test.Keys {
			cols, keys[i] = append(cols, test.Columns[k]), i
		}
		test.by(t, test.Keys, cols, keys)
	})
	t.Run("Cancelled", func(t *testing.T) {
		l := test.open(t, test.Columns, test.Keys)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		cols := test.columns(t, test.Keys, test.Absent[:1])
		defer releaseAll(cols)
		if f, err := l.Lookup(ctx, cols, 1, memory.DefaultAllocator); err == nil {
			f.Release()
			t.Error("a lookup with a cancelled context succeeded")
		}
	})
}

func (test LookupTest) open(t testing.TB, cols []connectors.ScanColumn, keys []int) connectors.Lookup {
	t.Helper()
	l := test.Open(t, cols, keys)
	if err := l.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// columns makes key columns of the values of keys in rows of the table's width or of
// as many values as there are keys.
func (test LookupTest) columns(t testing.TB, at []int, rows [][]string) []arrow.Array {
	var out []arrow.Array
	for i, k := range at {
		texts := make([]string, len(rows))
		for r, row := range rows {
			texts[r] = row[i]
		}
		out = append(out, test.Key(t, texts, test.Columns[k].Type))
	}
	return out
}

// by looks rows up by the columns at, which are those at keys of what is read.
func (test LookupTest) by(t *testing.T, at []int, cols []connectors.ScanColumn, keys []int) {
	l := test.open(t, cols, keys)
	reads := make([]int, len(cols))
	for i, c := range cols {
		reads[i] = slices.IndexFunc(test.Columns, func(s connectors.ScanColumn) bool { return s.Name == c.Name })
	}
	want := map[string][]string{}
	var all [][]string
	note := func(row []string, bad bool) {
		key := make([]string, len(at))
		for i, k := range at {
			if key[i] = row[k]; key[i] == "NULL" {
				return
			}
		}
		text := ""
		for i, c := range reads {
			if i > 0 {
				text += "|"
			}
			text += row[c]
		}
		if bad && len(reads) == len(test.Columns) {
			text = "bad"
		}
		id := fmt.Sprint(key)
		if want[id] == nil {
			all = append(all, key)
		}
		want[id] = append(want[id], text)
	}
	for _, r := range test.Rows {
		note(r, false)
	}
	for _, r := range test.Bad {
		note(r, true)
	}
	for _, a := range test.Absent {
		if key := a[:len(at)]; want[fmt.Sprint(key)] == nil {
			all = append(all, key)
			want[fmt.Sprint(key)] = []string{}
		}
	}
	for _, rows := range want {
		slices.Sort(rows)
	}
	check := func(asked [][]string) {
		keyCols := test.columns(t, at, asked)
		defer releaseAll(keyCols)
		alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
		defer alloc.AssertSize(tAsserter{t}, 0)
		f, err := l.Lookup(context.Background(), keyCols, len(asked), alloc)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Release()
		got, err := foundRows(f, cols, len(asked))
		if err != nil {
			t.Errorf("keys %v: %v", asked, err)
			return
		}
		for i, k := range asked {
			if w := want[fmt.Sprint(k)]; !slices.Equal(got[i], w) {
				t.Errorf("the rows of key %v are\n%q, want\n%q", k, got[i], w)
			}
		}
	}
	for _, k := range all {
		check([][]string{k})
	}
	check(all)
	back := slices.Clone(all)
	slices.Reverse(back)
	check(back)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for k := i % len(all); k < len(all); k++ {
				check(all[k:])
			}
		}()
	}
	wg.Wait()
}

// foundRows gives the rows of each of n keys, sorted; one with an error is "bad".
func foundRows(f *connectors.Found, cols []connectors.ScanColumn, n int) ([][]string, error) {
	if len(f.Key) != f.N || len(f.Cols) != len(cols) {
		return nil, fmt.Errorf("%d rows of %d keys with %d columns, of %d that were asked for", f.N, len(f.Key), len(f.Cols), len(cols))
	}
	bad := map[int32]bool{}
	last := connectors.CellError{Row: -1}
	for _, e := range f.Errors {
		if e.Row < last.Row || e.Row == last.Row && e.Col < last.Col || int(e.Row) >= f.N || e.Code == "" {
			return nil, fmt.Errorf("error %+v after %+v", e, last)
		}
		last, bad[e.Row] = e, true
	}
	out := make([][]string, n)
	for i := range out {
		out[i] = []string{}
	}
	texts := make([]format.AppendText, len(cols))
	for c, col := range f.Cols {
		if col.Len() != f.N || !arrow.TypeEqual(col.DataType(), cols[c].Type.Arrow()) {
			return nil, fmt.Errorf("column %s has %d rows of type %s", cols[c].Name, col.Len(), col.DataType())
		}
		var err error
		if texts[c], err = format.Text(col, cols[c].Type); err != nil {
			return nil, err
		}
	}
	for i, key := range f.Key {
		if key < 0 || int(key) >= n || i > 0 && f.Key[i-1] > key {
			return nil, fmt.Errorf("row %d is of key %d of %d, after %v", i, key, n, f.Key[:i])
		}
		var row []byte
		for c, col := range f.Cols {
			if c > 0 {
				row = append(row, '|')
			}
			if col.IsNull(i) {
				row = append(row, "NULL"...)
			} else {
				row = texts[c](row, i)
			}
		}
		if bad[int32(i)] {
			row = []byte("bad")
		}
		out[key] = append(out[key], string(row))
	}
	for _, rows := range out {
		slices.Sort(rows)
	}
	return out, nil
}

func releaseAll(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}

// KeyOfText makes a column of integers or strings from texts: a LookupTest.Key.
func KeyOfText(t testing.TB, texts []string, as catalog.Type) arrow.Array {
	t.Helper()
	b := array.NewBuilder(memory.DefaultAllocator, as.Arrow())
	defer b.Release()
	for _, s := range texts {
		if err := b.AppendValueFromString(s); err != nil {
			t.Fatal(err)
		}
	}
	return b.NewArray()
}
