package console

import (
	"bytes"
	"context"
	stdcsv "encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
)

var fields = []catalog.Field{{Name: "id", Type: catalog.Int}, {Name: "text", Type: catalog.String}, {Name: "at", Type: catalog.Timestamp3}}

// batch makes rows with these texts; "NULL" makes a row of NULLs.
func batch(texts ...string) *connectors.Batch {
	id, text := array.NewInt32Builder(memory.DefaultAllocator), array.NewStringBuilder(memory.DefaultAllocator)
	at := array.NewTimestampBuilder(memory.DefaultAllocator, fields[2].Type.Arrow().(*arrow.TimestampType))
	for i, s := range texts {
		if s == "NULL" {
			id.AppendNull()
			text.AppendNull()
			at.AppendNull()
			continue
		}
		id.Append(int32(i))
		text.Append(s)
		at.Append(arrow.Timestamp(1_705_312_800_123_000))
	}
	return &connectors.Batch{N: len(texts), Cols: []arrow.Array{id.NewArray(), text.NewArray(), at.NewArray()}}
}

// output writes all batches and gives the text.
func output(t *testing.T, style Style, batches ...*connectors.Batch) string {
	t.Helper()
	var out bytes.Buffer
	w, err := NewRowWriter(&out, style, fields)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTable(t *testing.T) {
	want(t, output(t, Style{Format: "table", Truncate: 10}, batch("a", "NULL", "tab\t"), batch("a very long text", "日本")), `
+------+-------+------------+
| id   | text  | at         |
+------+-------+------------+
|    0 | a     | 2024-01... |
| NULL | NULL  | NULL       |
|    2 | tab\t | 2024-01... |
|    0 | a very ... | 2024-01... |
|    1 | 日本       | 2024-01... |
+------+------------+------------+
`)
	want(t, output(t, Style{Format: "table"}), `
+----+------+----+
| id | text | at |
+----+------+----+
+----+------+----+
`)
	// Held rows make the columns fit; all of them, or as many as are held.
	fit := `
+------+------+-------------------------+
| id   | text | at                      |
+------+------+-------------------------+
| NULL | NULL | NULL                    |
|    0 | long | 2024-01-15 10:00:00.123 |
+------+------+-------------------------+
`
	want(t, output(t, Style{Format: "table", Hold: 10}, batch("NULL"), batch("long")), fit)
	want(t, output(t, Style{Format: "table", Hold: 2}, batch("NULL"), batch("long")), fit)
	want(t, output(t, Style{Format: "table", Hold: 1}, batch("NULL"), batch("long")), `
+------+------+------+
| id   | text | at   |
+------+------+------+
| NULL | NULL | NULL |
|    0 | long | 2024-01-15 10:00:00.123 |
+------+------+-------------------------+
`)
	// Rows that go out at once leave room for the timestamps to come.
	want(t, output(t, Style{Format: "table"}, batch("NULL"), batch("long")), fit)
	var out bytes.Buffer
	w, err := NewRowWriter(&out, Style{Format: "table", Hold: 10}, fields)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := errors.Join(w.Write(batch("NULL")), w.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 5 || !strings.HasSuffix(out.String(), "| NULL | NULL | NULL |\n") {
		t.Errorf("after Flush:\n%s", out.String())
	}
	b := batch("a", "b")
	b.Kinds = []catalog.RowKind{catalog.UpdateBefore, catalog.Delete}
	want(t, output(t, Style{Format: "table", Kinds: true}, b, batch("c")), `
+----+----+------+-------------------------+
| op | id | text | at                      |
+----+----+------+-------------------------+
| -U |  0 | a    | 2024-01-15 10:00:00.123 |
| -D |  1 | b    | 2024-01-15 10:00:00.123 |
| +I |  0 | c    | 2024-01-15 10:00:00.123 |
+----+----+------+-------------------------+
`)
}

func TestLineFormats(t *testing.T) {
	b := batch("a,b", "x\ny\\", "NULL", "")
	want(t, output(t, Style{Format: "tsv"}, b), "id\ttext\tat\n0\ta,b\t2024-01-15 10:00:00.123\n1\tx\\ny\\\\\t2024-01-15 10:00:00.123\n\\N\t\\N\t\\N\n3\t\t2024-01-15 10:00:00.123\n")
	want(t, output(t, Style{Format: "tsv"}), "id\ttext\tat\n")

	text := output(t, Style{Format: "csv", Kinds: true}, b, b)
	records, err := stdcsv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(records) != 9 || strings.Join(records[0], "|") != "op|id|text|at" || records[2][2] != "x\ny\\" || records[3][1] != "" {
		t.Errorf("%q: %v", records, err)
	}
	lines := strings.Split(strings.TrimSpace(output(t, Style{Format: "json", Kinds: true}, b)), "\n")
	var row map[string]any
	if err := json.Unmarshal([]byte(lines[1]), &row); err != nil || len(lines) != 4 || row["op"] != "+I" || row["text"] != "x\ny\\" || row["at"] != "2024-01-15 10:00:00.123" {
		t.Errorf("%q: %v", lines, err)
	}
	if want := `{"op":"+I","id":null,"text":null,"at":null}`; lines[2] != want {
		t.Errorf("got %s, want %s", lines[2], want)
	}
	if _, err := NewRowWriter(&bytes.Buffer{}, Style{Format: "xml"}, fields); err == nil {
		t.Error("xml")
	}
}

// TestSink: rows are there at once, no more than num-rows of each micro-batch.
func TestSink(t *testing.T) {
	ctx := context.Background()
	var out bytes.Buffer
	open := func(mode catalog.ChangelogMode, raw map[string]string) connectors.Sink {
		o, errs := catalog.CheckOptions(Connector().Spec, connectors.NewRegistry(), raw, false)
		if errs != nil {
			t.Fatal(errs)
		}
		out.Reset()
		s, err := Connector().OpenSink(connectors.SinkConfig{Options: o, Columns: connectortest.SinkColumns(), Mode: mode}, connectors.Env{Stdout: &out})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(catalog.AppendOnly, map[string]string{"num-rows": "3"})
	for e := range uint64(2) {
		from := int64(e) * 10
		for range 2 {
			if err := s.Write(ctx, e+1, 0, connectortest.SinkBatch(from, from+2)); err != nil {
				t.Fatal(err)
			}
			from += 2
		}
		if _, err := s.Prepare(ctx, e+1); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(ctx, true); err != nil {
		t.Fatal(err)
	}
	want(t, out.String(), `
+----+-----------+
| id | text      |
+----+-----------+
|  0 | row "0"\n |
|  1 | row "1"\n |
|  2 | row "2"\n |
... 1 more rows
| 10 | row "10"\n |
| 11 | row "11"\n |
| 12 | row "12"\n |
... 1 more rows
+----+------------+
`)
	s = open(catalog.UpsertMode, map[string]string{"format": "csv"})
	if err := s.Write(ctx, 1, 0, connectortest.SinkBatch(0, 1)); err != nil {
		t.Fatal(err)
	}
	want(t, out.String(), "op,id,text\n+I,0,\"row \"\"0\"\"\n\"\n")
}
