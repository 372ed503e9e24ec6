package streamsql_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql"
)

// TestFunctionsAgainstOracles holds expressions to what DuckDB and PostgreSQL answer:
// the table says who, and the script beside it asks them anew.
func TestFunctionsAgainstOracles(t *testing.T) {
	table, err := os.ReadFile("tests/sql/testdata/oracles.tsv")
	if err != nil {
		t.Fatal(err)
	}
	eng, err := streamsql.Open(streamsql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	count := 0
	for line := range strings.Lines(string(table)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 4 {
			t.Fatalf("%q has %d cells", line, len(cells))
		}
		count++
		rows, err := eng.Script().Query(context.Background(), "SELECT CAST(("+cells[0]+") AS STRING)")
		if err != nil {
			t.Errorf("%s: %v", cells[0], err)
			continue
		}
		for rows.Next() {
			got, col := "NULL", rows.Record().Column(0).(*array.String)
			if !col.IsNull(0) {
				got = col.Value(0)
			}
			if got != cells[1] {
				t.Errorf("%s = %s, want %s", cells[0], got, cells[1])
			}
		}
		if err := rows.Err(); err != nil {
			t.Errorf("%s: %v", cells[0], err)
		}
		rows.Close()
	}
	if count < 300 {
		t.Errorf("%d expressions only", count)
	}
}
