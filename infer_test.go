package streamsql_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/hamba/avro/v2/ocf"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/planner"
)

// file writes a file of a directory.
func file(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// described gives "name type null" of the columns of a table.
func described(t *testing.T, s *streamsql.Session, sql, table string) string {
	t.Helper()
	script, err := s.Analyze("s", sql+"; DESCRIBE "+table)
	if err != nil {
		t.Fatal(err)
	}
	var cols []string
	for _, r := range script.Steps[len(script.Steps)-1].(*planner.Rows).Rows {
		cols = append(cols, strings.Join(r[:3], " "))
	}
	return strings.Join(cols, ", ")
}

// TestColumnsOfFiles: the columns of files that other libraries have written.
func TestColumnsOfFiles(t *testing.T) {
	dir := t.TempDir()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Millisecond}, Nullable: true},
		{Name: "tags", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32), Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.Int64Builder).Append(7)
	for i := 1; i < 4; i++ {
		b.Field(i).AppendNull()
	}
	f, err := os.Create(filepath.Join(dir, "a.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := pqarrow.NewFileWriter(schema, f, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(b.NewRecord()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err = os.Create(filepath.Join(dir, "a.avro")); err != nil {
		t.Fatal(err)
	}
	enc, err := ocf.NewEncoder(`{"type":"record","name":"r","fields":[{"name":"id","type":"long"},{"name":"day","type":["null",{"type":"int","logicalType":"date"}]}]}`, f)
	if err != nil {
		t.Fatal(err)
	}
	if err := enc.Encode(map[string]any{"id": int64(1), "day": nil}); err != nil {
		t.Fatal(err)
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	eng, err := streamsql.Open(streamsql.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	for format, want := range map[string]string{
		"parquet": "id BIGINT FALSE, name STRING TRUE, at TIMESTAMP(3) TRUE, tags ARRAY<INT> TRUE",
		"avro":    "id BIGINT FALSE, day DATE TRUE",
	} {
		got := described(t, eng.Script(), "CREATE SOURCE t WITH ('connector'='file', 'path'='a."+format+"', 'format'='"+format+"')", "t")
		if got != want {
			t.Errorf("%s: %s", format, got)
		}
	}
	for _, sql := range []string{
		"CREATE SOURCE t WITH ('connector'='file', 'path'='none', 'format'='json')",
		"CREATE SOURCE t WITH ('connector'='file', 'path'='a.avro', 'format'='parquet')",
		"CREATE SOURCE t WITH ('connector'='file', 'path'='a.avro', 'format'='raw')",
		"CREATE SOURCE t WITH ('connector'='file', 'path'='a.avro', 'format'='json', 'schema.infer.rows'='0')",
	} {
		if _, err := eng.Script().Analyze("s", sql); err == nil || !strings.Contains(err.Error(), "declare them") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// TestColumnsKept: definitions of the catalog keep the columns that their records
// had; a script takes them anew, and a job whose columns have changed says so.
func TestColumnsKept(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	open := func() *streamsql.Engine {
		eng, err := streamsql.Open(streamsql.Options{Dir: dir, DataDir: data})
		if err != nil {
			t.Fatal(err)
		}
		return eng
	}
	const definition = "CREATE SOURCE t WITH ('connector'='file', 'path'='t.ndjson', 'format'='json')"
	file(t, dir, "t.ndjson", `{"k":1,"v":1}`+"\n"+`{"k":2,"v":2}`+"\n")
	eng := open()
	if got := described(t, eng.Session(), definition, "t"); got != "k BIGINT TRUE, v BIGINT TRUE" {
		t.Errorf("first: %s", got)
	}
	job := func(eng *streamsql.Engine) error {
		s := eng.Script()
		script, err := s.Analyze("s", "SET 'max.rows'='1'; "+definition+"; CREATE SINK o (k STRING, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector'='blackhole'); INSERT INTO o SELECT CAST(k AS STRING), COUNT(*) FROM t GROUP BY k")
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range script.Steps {
			if step, ok := step.(*planner.Job); ok {
				j, err := s.StartJob(context.Background(), step, streamsql.JobOptions{Name: "job"})
				if err != nil {
					t.Fatal(err)
				}
				return j.Wait()
			}
		}
		return nil
	}
	if err := job(eng); err != nil {
		t.Fatal(err)
	}
	if err := eng.Close(); err != nil {
		t.Fatal(err)
	}
	file(t, dir, "t.ndjson", `{"k":1,"v":1}`+"\n"+`{"k":2,"v":2.5,"new":0}`+"\n")
	eng = open()
	defer eng.Close()
	if got := described(t, eng.Session(), "SELECT 1", "t"); got != "k BIGINT TRUE, v BIGINT TRUE" {
		t.Errorf("kept: %s", got)
	}
	if got := described(t, eng.Script(), definition, "t"); got != "k BIGINT TRUE, v DOUBLE TRUE, new BIGINT TRUE" {
		t.Errorf("anew: %s", got)
	}
	if err := job(eng); err != nil {
		t.Errorf("columns that the query doesn't read have changed: %v", err)
	}
	file(t, dir, "t.ndjson", `{"k":1,"v":1}`+"\n"+`{"k":"x","v":2.5}`+"\n"+`{"k":"x","v":2.5}`+"\n")
	if err := job(eng); err == nil || !strings.Contains(err.Error(), "k BIGINT") || !strings.Contains(err.Error(), "k STRING") {
		t.Errorf("a column that it reads: %v", err)
	}
}
