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

// TestFunctionsAreKept: what CREATE FUNCTION makes in a session outlives the
// engine, in the order in which the functions need each other; temporary ones
// don't.
func TestFunctionsAreKept(t *testing.T) {
	dir := t.TempDir()
	open := func() *streamsql.Engine {
		eng, err := streamsql.Open(streamsql.Options{DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return eng
	}
	eng := open()
	if _, err := eng.Session().Analyze("a.sql", `
		CREATE FUNCTION twice(x INT) RETURNS INT AS (x * 2);
		CREATE FUNCTION fourfold(x INT) RETURNS INT AS (twice(twice(x)));
		CREATE VIEW v AS SELECT fourfold(3) AS x;
		CREATE TEMPORARY FUNCTION gone() AS (1);
		CREATE OR REPLACE FUNCTION twice(x INT) RETURNS INT AS (x + x)`); err != nil {
		t.Fatal(err)
	}
	eng.Close()
	eng = open()
	defer eng.Close()
	rows, err := eng.Session().Query(context.Background(), "SELECT x + twice(1) AS y FROM v")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if got := fmt.Sprint(rows.Record().Column(0)); got != "[14]" {
			t.Errorf("y = %s, want [14]", got)
		}
	}
	for sql, want := range map[string]string{
		"SELECT gone()":       "no function",
		"DROP FUNCTION twice": "in use by function fourfold",
	} {
		if _, err := eng.Session().Analyze("b.sql", sql); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", sql, err, want)
		}
	}
}
