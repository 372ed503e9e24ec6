package streamsql_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/expr/cast"
)

// TestFunctionExamples runs the examples of the reference page as a user would
// write them, all in one SELECT.
func TestFunctionExamples(t *testing.T) {
	eng, err := streamsql.Open(streamsql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	var examples []catalog.Example
	for _, f := range expr.Functions().All() {
		for _, ex := range f.Examples {
			if f.Name == "ROW" || strings.HasPrefix(ex.Result, "error") {
				continue
			}
			if _, err := eng.Script().Query(context.Background(), "SELECT "+ex.SQL); err != nil {
				t.Errorf("%s: %v", ex.SQL, err)
				continue
			}
			examples = append(examples, ex)
		}
	}
	var list []string
	for i, ex := range examples {
		list = append(list, fmt.Sprintf("CAST(%s AS STRING) AS c%d", ex.SQL, i))
	}
	session := eng.Script()
	rows, err := session.Query(context.Background(), "SELECT "+strings.Join(list, ",\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	count := 0
	for rows.Next() {
		rec := rows.Record()
		for i, col := range rec.Columns() {
			got := "NULL"
			if !col.IsNull(0) {
				got = string(cast.Texter(col, catalog.String, nil)(nil, 0))
			}
			if _, ok := col.(*array.String); !ok {
				t.Fatalf("column %d is %s", i, col.DataType())
			}
			if got != examples[i].Result {
				t.Errorf("%s = %s, want %s", examples[i].SQL, got, examples[i].Result)
			}
			count++
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if count != len(examples) || count < 250 {
		t.Errorf("%d examples ran, of %d", count, len(examples))
	}
}
