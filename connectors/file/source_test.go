package file_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/file"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/csv"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
	"github.com/streamsql/streamsql/internal/clock"
)

var formats = format.Set{ndjson.Format(), csv.Format()}

// idAndText are the columns that most tests read.
var idAndText = []connectors.ScanColumn{{Name: "id", Type: catalog.BigInt}, {Name: "text", Type: catalog.String}}

// check gives checked options of the connector.
func check(t testing.TB, forSource bool, options map[string]string) catalog.Options {
	t.Helper()
	registry := connectors.NewRegistry()
	for _, f := range formats {
		if err := registry.RegisterFormat(f.Spec); err != nil {
			t.Fatal(err)
		}
	}
	raw := map[string]string{"connector": "file", "format": "json"}
	for k, v := range options {
		raw[k] = v
	}
	out, errs := catalog.CheckOptions(file.Connector(formats).Spec, registry, raw, forSource)
	if errs != nil {
		t.Fatal(errs)
	}
	return out
}

func openSource(t testing.TB, env connectors.Env, cols []connectors.ScanColumn, options map[string]string) connectors.Source {
	t.Helper()
	if env.Clock == nil {
		env.Clock = clock.System{}
	}
	s, err := file.Connector(formats).OpenSource(connectors.SourceConfig{Name: "s", Options: check(t, true, options), Columns: cols}, env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// row is a record as read.
type row struct {
	text     string // values, or the error
	raw      string
	position string
}

// decode takes a chunk apart.
func decode(t testing.TB, c connectors.Chunk, cols []connectors.ScanColumn) []row {
	t.Helper()
	recs, err := c.Decode(memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	if recs.N != c.Records() || len(recs.Cols) != len(cols) {
		t.Fatalf("%d rows of %d columns for %d records of %d", recs.N, len(recs.Cols), c.Records(), len(cols))
	}
	rows := make([]row, recs.N)
	for i := range rows {
		var cells []string
		for k, col := range recs.Cols {
			if !arrowTypeMatches(col.DataType().ID().String(), cols[k].Type) {
				t.Fatalf("column %s is %s", cols[k].Name, col.DataType())
			}
			if col.IsNull(i) {
				cells = append(cells, "NULL")
			} else {
				text, err := format.Text(col, cols[k].Type)
				if err != nil {
					t.Fatal(err)
				}
				cells = append(cells, string(text(nil, i)))
			}
		}
		rows[i] = row{strings.Join(cells, "|"), string(recs.Raw(i)), recs.Position(i)}
	}
	for _, e := range recs.Errors {
		rows[e.Row].text += fmt.Sprintf(" !%s %d %s", e.Code, e.Col, e.Column)
	}
	for _, col := range recs.Cols {
		col.Release()
	}
	return rows
}

func arrowTypeMatches(id string, t catalog.Type) bool { return t.Arrow().ID().String() == id }

// readSplit reads a split from an offset to its end, giving the rows and the
// offset after each chunk by the number of rows before it.
func readSplit(t testing.TB, s connectors.Source, split connectors.Split, from connectors.Offset, limits connectors.Limits, cols []connectors.ScanColumn) ([]row, map[int]connectors.Offset, error) {
	t.Helper()
	r, err := s.Open(context.Background(), split, from)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	var rows []row
	offsets := map[int]connectors.Offset{}
	for {
		c, err := r.Fetch(context.Background(), limits)
		if err == io.EOF {
			return rows, offsets, nil
		}
		if err != nil {
			return rows, offsets, err
		}
		if c == nil {
			return rows, offsets, nil
		}
		if c.Records() > limits.Records || c.Records() == 0 {
			t.Fatalf("%d records where at most %d were asked for", c.Records(), limits.Records)
		}
		end := c.End()
		rows = append(rows, decode(t, c, cols)...)
		c.Release()
		offsets[len(rows)] = end
	}
}

// readAll reads the only split of a source.
func readAll(t testing.TB, s connectors.Source, limits connectors.Limits, cols []connectors.ScanColumn) []row {
	t.Helper()
	splits, err := s.Splits(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(splits) != 1 {
		t.Fatalf("%d splits", len(splits))
	}
	rows, _, err := readSplit(t, s, splits[0], nil, limits, cols)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func texts(rows []row) []string {
	var out []string
	for _, r := range rows {
		out = append(out, r.text)
	}
	return out
}

func write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	switch {
	case strings.HasSuffix(name, ".gz"):
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		// Two members: gzip files may be concatenated.
		z.Write(data[:len(data)/2])
		z.Close()
		z.Reset(&b)
		z.Write(data[len(data)/2:])
		z.Close()
		data = b.Bytes()
	case strings.HasSuffix(name, ".zst"):
		z, _ := zstd.NewWriter(nil)
		data = z.EncodeAll(data, nil)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// lines makes n records; every ninth has a backslash, every eleventh is long.
func lines(from, n int) []byte {
	var b bytes.Buffer
	for i := from; i < from+n; i++ {
		text := fmt.Sprintf("row %d", i)
		if i%9 == 0 {
			text += "\\ \"quoted\""
		}
		if i%11 == 0 {
			text += strings.Repeat("x", 900)
		}
		j, _ := json.Marshal(map[string]any{"id": i, "text": text, "extra": []int{i}})
		b.Write(append(j, '\n'))
	}
	return b.Bytes()
}

// expect takes records apart with encoding/json.
func expect(t testing.TB, data []byte) []string {
	t.Helper()
	var out []string
	for _, line := range bytes.Split(data, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var v struct {
			ID   *int64
			Text *string
		}
		if err := json.Unmarshal(line, &v); err != nil {
			out = append(out, "NULL|NULL !MALFORMED_RECORD -1 ")
			continue
		}
		id, text := "NULL", "NULL"
		if v.ID != nil {
			id = fmt.Sprint(*v.ID)
		}
		if v.Text != nil {
			text = *v.Text
		}
		out = append(out, id+"|"+text)
	}
	return out
}

func equal(t testing.TB, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			g, w := "nothing", "nothing"
			if i < len(got) {
				g = got[i]
			}
			if i < len(want) {
				w = want[i]
			}
			t.Fatalf("row %d of %d (want %d):\n got %.200s\nwant %.200s", i, len(got), len(want), g, w)
		}
	}
}

var bigLimits = connectors.Limits{Records: 1 << 20, Bytes: 1 << 20}

// Every encoding of the same text gives the same rows, at any limits, from any
// offset, with the lines' numbers.
func TestReadAndResume(t *testing.T) {
	data := lines(0, 3000)
	want := expect(t, data)
	for _, name := range []string{"a.ndjson", "a.ndjson.gz", "a.ndjson.zst"} {
		for _, limits := range []connectors.Limits{bigLimits, {Records: 7, Bytes: 1 << 20}, {Records: 1000, Bytes: 1}, {Records: 1000, Bytes: 5000}, {Records: 1, Bytes: 1 << 30}} {
			t.Run(fmt.Sprint(name, limits), func(t *testing.T) {
				dir := t.TempDir()
				write(t, filepath.Join(dir, name), data)
				s := openSource(t, connectors.Env{Dir: dir}, idAndText, map[string]string{"path": name})
				splits, err := s.Splits(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				rows, offsets, err := readSplit(t, s, splits[0], nil, limits, idAndText)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, texts(rows), want)
				for i, r := range rows {
					if p := fmt.Sprintf("%s:%d", name, i+1); r.position != p {
						t.Fatalf("row %d is at %s", i, r.position)
					}
				}
				tried := 0
				for n, offset := range offsets {
					if tried++; tried > 10 && n != len(rows) {
						continue
					}
					s := openSource(t, connectors.Env{Dir: dir}, idAndText, map[string]string{"path": name})
					rest, _, err := readSplit(t, s, splits[0], offset, bigLimits, idAndText)
					if err != nil {
						t.Fatal(err)
					}
					if len(rest) != len(rows)-n {
						t.Fatalf("from row %d: %d rows, want %d", n, len(rest), len(rows)-n)
					}
					for i := range rest {
						if rest[i] != rows[n+i] {
							t.Fatalf("from row %d, row %d: %v, want %v", n, i, rest[i], rows[n+i])
						}
					}
				}
			})
		}
	}
}

var _ = array.NewSlice
var _ = errors.Is
var _ = time.Second
