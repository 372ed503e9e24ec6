package file_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/connectors/file"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/avro"
	"github.com/streamsql/streamsql/connectors/format/csv"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
	pq "github.com/streamsql/streamsql/connectors/format/parquet"
	"github.com/streamsql/streamsql/internal/clock"
)

var formats = format.Set{ndjson.Format(), csv.Format(), avro.Format(), pq.Format()}

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

// with gives options: path, then name, value...
func with(path string, kv ...string) map[string]string {
	m := map[string]string{"path": path}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return m
}

func tryOpen(t testing.TB, env connectors.Env, cols []connectors.ScanColumn, options map[string]string) (connectors.Source, error) {
	t.Helper()
	if env.Clock == nil {
		env.Clock = clock.NewVirtual(time.Unix(0, 0))
	}
	cfg := connectors.SourceConfig{Name: "s", Options: check(t, true, options), Columns: cols}
	for _, c := range cols {
		if c.Metadata == "" {
			cfg.Declared = append(cfg.Declared, catalog.Field{Name: c.Name, Type: c.Type, NotNull: c.NotNull})
		}
	}
	return file.Connector(formats).OpenSource(cfg, env)
}

func openSource(t testing.TB, env connectors.Env, cols []connectors.ScanColumn, options map[string]string) connectors.Source {
	t.Helper()
	s, err := tryOpen(t, env, cols, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var bigLimits = connectors.Limits{Records: 1 << 20, Bytes: 1 << 20}

// read reads a split from an offset until there is nothing more, giving rows,
// their positions and the last offset.
func read(t testing.TB, s connectors.Source, split string, from connectors.Offset, limits connectors.Limits, cols []connectors.ScanColumn) (rows, positions []string, end connectors.Offset, err error) {
	t.Helper()
	splits, err := s.Splits(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, sp := range splits {
		if sp.ID != split {
			continue
		}
		r, err := s.Open(ctx, sp, from)
		if err != nil {
			return nil, nil, nil, err
		}
		defer r.Close()
		rows, positions, end, err = drain(t, r, limits, cols)
		if err == io.EOF {
			err = nil
		}
		return rows, positions, end, err
	}
	t.Fatalf("no split %q in %v", split, splits)
	return nil, nil, nil, nil
}

// drain fetches until there is nothing now, an error or the end.
func drain(t testing.TB, r connectors.SplitReader, limits connectors.Limits, cols []connectors.ScanColumn) (rows, positions []string, end connectors.Offset, err error) {
	t.Helper()
	for {
		c, err := r.Fetch(ctx, limits)
		if err != nil || c == nil {
			return rows, positions, end, err
		}
		some, _, at := connectortest.Decode(t, c, cols)
		rows, positions, end = append(rows, some...), append(positions, at...), c.End()
		c.Release()
	}
}

// compressed gives data as a file of that name holds it.
func compressed(name string, data []byte) []byte {
	switch {
	case strings.HasSuffix(name, ".gz"):
		var b bytes.Buffer
		// Two members: gzip files may be concatenated.
		for _, part := range [][]byte{data[:len(data)/2], data[len(data)/2:]} {
			z := gzip.NewWriter(&b)
			z.Write(part)
			z.Close()
		}
		return b.Bytes()
	case strings.HasSuffix(name, ".zst"):
		z, _ := zstd.NewWriter(nil)
		return z.EncodeAll(data[len(data)/2:], z.EncodeAll(data[:len(data)/2], nil))
	}
	return data
}

// lines makes n records; some have a backslash, are long, empty or bad.
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
		switch i % 23 {
		case 5:
			b.WriteString("{\"id\":1,\n")
		case 7:
			b.WriteString("\n   \r\n")
		case 9:
			j = append(j, '\r')
		}
		b.Write(append(j, '\n'))
	}
	return b.Bytes()
}

// expect takes records apart with encoding/json. It gives rows and their lines.
func expect(t testing.TB, data []byte) (rows []string, lineNumbers []int) {
	t.Helper()
	for n, line := range bytes.Split(data, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		lineNumbers = append(lineNumbers, n+1)
		var v struct {
			ID   *int64
			Text *string
		}
		if err := json.Unmarshal(line, &v); err != nil {
			rows = append(rows, "NULL|NULL !MALFORMED_RECORD -1")
			continue
		}
		id, text := "NULL", "NULL"
		if v.ID != nil {
			id = fmt.Sprint(*v.ID)
		}
		if v.Text != nil {
			text = *v.Text
		}
		rows = append(rows, id+"|"+text)
	}
	return rows, lineNumbers
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

// Every encoding of the same text gives the rows that encoding/json finds, in
// every way of reading.
func TestSourceConformance(t *testing.T) {
	data := append(lines(0, 500), `{"id":-1,"text":"no line end"}`...)
	want, lineNumbers := expect(t, data)
	for _, name := range []string{"/a.ndjson", "/a.ndjson.gz", "/a.ndjson.zst", "/bom.json"} {
		t.Run(name, func(t *testing.T) {
			m := connectortest.NewMemFS()
			content := data
			if name == "/bom.json" {
				content = append([]byte("\xef\xbb\xbf"), data...)
			}
			m.WriteFile(name, compressed(name, content))
			open := func(t testing.TB) connectors.Source {
				return openSource(t, connectors.Env{FS: m}, idAndText, with(name))
			}
			connectortest.TestSource(t, connectortest.SourceTest{Open: open, Columns: idAndText, Want: map[string][]string{"files": want}})
			_, positions, _, err := read(t, open(t), "files", nil, bigLimits, idAndText)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range positions {
				if want := fmt.Sprintf("%s:%d", name, lineNumbers[i]); p != want {
					t.Fatalf("row %d is at %s, want %s", i, p, want)
				}
			}
		})
	}
}

// Several files: one split in the order of the bytes of their paths, or a split
// each; hidden files are left out; metadata says where rows come from.
func TestSourceManyFiles(t *testing.T) {
	m := connectortest.NewMemFS()
	names := []string{"/d/a.json", "/d/b/c.json.gz", "/d/b.json", "/d/empty.json", "/d/z.json.zst"}
	var all []string
	perFile := map[string][]string{}
	for i, n := range names {
		var data []byte
		if n != "/d/empty.json" {
			data = lines(i*100, 60)
		}
		m.WriteFile(n, compressed(n, data))
		perFile[n], _ = expect(t, data)
	}
	for _, n := range []string{"/d/a.json", "/d/b.json", "/d/b/c.json.gz", "/d/empty.json", "/d/z.json.zst"} {
		all = append(all, perFile[n]...)
	}
	m.WriteFile("/d/.hidden.json", []byte("x"))
	m.WriteFile("/d/_meta/x.json", []byte("x"))
	for _, path := range []string{"/d", "/d/", "file:///d", "/d/z.json.zst, /d/a.json,/d/b.json,/d/b,/d/empty.json", "/d/*"} {
		t.Run(path, func(t *testing.T) {
			connectortest.TestSource(t, connectortest.SourceTest{
				Open: func(t testing.TB) connectors.Source {
					return openSource(t, connectors.Env{FS: m}, idAndText, with(path))
				},
				Columns: idAndText, Want: map[string][]string{"files": all},
			})
		})
	}
	t.Run("split per file", func(t *testing.T) {
		connectortest.TestSource(t, connectortest.SourceTest{
			Open: func(t testing.TB) connectors.Source {
				return openSource(t, connectors.Env{FS: m, Dir: "/"}, idAndText, with("/d", "scan.files-as-splits", "true"))
			},
			Columns: idAndText, Want: perFile,
		})
	})
	t.Run("glob", func(t *testing.T) {
		rows, _, _, err := read(t, openSource(t, connectors.Env{FS: m, Dir: "/d"}, idAndText, with("[ab]*.json")), "files", nil, bigLimits, idAndText)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, rows, append(append([]string{}, perFile["/d/a.json"]...), perFile["/d/b.json"]...))
	})
	t.Run("metadata", func(t *testing.T) {
		cols := []connectors.ScanColumn{
			{Name: "p", Type: catalog.String, Metadata: "file.path"}, {Name: "id", Type: catalog.Int}, {Name: "n", Type: catalog.String, Metadata: "file.name"},
			{Name: "s", Type: catalog.BigInt, Metadata: "file.size"}, {Name: "t", Type: catalog.TimestampLTZ3, Metadata: "file.modification-time"}, {Name: "l", Type: catalog.BigInt, Metadata: "file.line"},
		}
		m.WriteFile("/m/x.json", []byte("{\"id\":1}\n\n{\"id\":\"x\"}\n{\n"))
		info, _ := m.Stat("/m/x.json")
		rest := "|x.json|23|" + info.ModTime().Format("2006-01-02 15:04:05.000Z")
		rows, _, _, err := read(t, openSource(t, connectors.Env{FS: m, Dir: "/m"}, cols, with("x.json")), "files", nil, bigLimits, cols)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, rows, []string{"x.json|1" + rest + "|1", "x.json|NULL" + rest + "|3 !WRONG_TYPE 1", "x.json|NULL" + rest + "|4 !MALFORMED_RECORD -1"})
	})
}

// CSV files with headers of their own, quoted line ends across buffers.
func TestSourceCSV(t *testing.T) {
	m := connectortest.NewMemFS()
	var want []string
	a, b := "id,text\n", "\ufefftext;id\r\n"
	b = strings.ReplaceAll(b, ";", ",")
	for i := range 400 {
		text := strings.Repeat("x\n", i%7) + "\"\""
		a += fmt.Sprintf("%d,\"%s\"\n", i, text)
		want = append(want, fmt.Sprintf("%d|%s", i, strings.ReplaceAll(text, `""`, `"`)))
	}
	for i := range 50 {
		b += fmt.Sprintf("t%d,%d\r\n", i, i)
		want = append(want, fmt.Sprintf("%d|t%d", i, i))
	}
	m.WriteFile("/c/a.csv", []byte(a))
	m.WriteFile("/c/b.csv.gz", compressed("b.csv.gz", []byte(b)))
	m.WriteFile("/c/c.csv", []byte("id,text\n"))
	m.WriteFile("/c/d.csv", nil)
	m.WriteFile("/c/e.csv", []byte("7,headless"))
	want = append(want, "7|headless")
	open := func(t testing.TB) connectors.Source {
		return openSource(t, connectors.Env{FS: m}, idAndText, with("/c", "format", "csv"))
	}
	connectortest.TestSource(t, connectortest.SourceTest{Open: open, Columns: idAndText, Want: map[string][]string{"files": want}})
	_, positions, _, _ := read(t, open(t), "files", nil, bigLimits, idAndText)
	line := 2
	for i := range 400 {
		if p := fmt.Sprintf("/c/a.csv:%d", line); positions[i] != p {
			t.Fatalf("row %d is at %s, want %s", i, positions[i], p)
		}
		line += 1 + i%7
	}
}

// A record beyond the limit is one bad record, whatever buffers it crosses; its
// raw bytes are cut at the limit, and memory stays within a few buffers.
func TestSourceLongRecords(t *testing.T) {
	const limit = 50_000
	rng := rand.New(rand.NewPCG(1, 2))
	var data []byte
	var want []string
	add := func(n int, end string) {
		data = append(append(append(data, `{"id":1,"text":"`...), bytes.Repeat([]byte{'x'}, n)...), `"}`+end...)
		size := n + len(`{"id":1,"text":""}`) + strings.Count(end, "\r")
		if size > limit {
			want = append(want, "NULL|NULL !MALFORMED_RECORD -1")
		} else {
			want = append(want, "1|"+strings.Repeat("x", n))
		}
	}
	base := limit - len(`{"id":1,"text":""}`)
	for _, n := range []int{10, base - 1, base, base + 1, 5, base + 2, 2 * limit, 3_000_000, 1, base - 1, base, base + 1, base} {
		add(n, "\n")
		add(rng.IntN(100), "\n")
		add(n, "\r\n")
	}
	add(10*limit, "") // the last line has no end
	m := connectortest.NewMemFS()
	m.WriteFile("/long.json", data)
	open := func(t testing.TB) connectors.Source {
		return openSource(t, connectors.Env{FS: m}, idAndText, with("/long.json", "max-record-bytes", fmt.Sprint(limit)))
	}
	connectortest.TestSource(t, connectortest.SourceTest{Open: open, Columns: idAndText, Want: map[string][]string{"files": want}})
	r, err := open(t).Open(ctx, connectors.Split{ID: "files", Bounded: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	longest := 0
	for {
		c, err := r.Fetch(ctx, bigLimits)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		_, raw, _ := connectortest.Decode(t, c, idAndText)
		for _, b := range raw {
			longest = max(longest, len(b))
		}
		c.Release()
	}
	if longest != limit {
		t.Errorf("the longest raw record has %d bytes, want %d", longest, limit)
	}
}

// Damage within a compressed file: what is whole before it is delivered, then an
// error names the file and the place, each time the same.
func TestSourceDamagedCompression(t *testing.T) {
	data := lines(0, 4000)
	all, _ := expect(t, data)
	for _, name := range []string{"/x.json.gz", "/x.json.zst"} {
		whole := compressed(name, data)
		for _, test := range []struct {
			what string
			data []byte
			err  string
		}{
			{"cut off", whole[:len(whole)*3/4], "is cut off after"},
			{"header cut off", whole[:5], "is cut off after 0 bytes"},
			{"garbage", []byte("{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n"), "damaged"},
			{"flipped", flipped(whole), "data"}, // what is wrong shows at the checksum at the latest
		} {
			t.Run(name+" "+test.what, func(t *testing.T) {
				m := connectortest.NewMemFS()
				m.WriteFile(name, test.data)
				var first string
				for range 2 {
					rows, _, end, err := read(t, openSource(t, connectors.Env{FS: m}, idAndText, with(name)), "files", nil, connectors.Limits{Records: 100, Bytes: 1 << 20}, idAndText)
					if err == nil || !strings.Contains(err.Error(), test.err) || !strings.Contains(err.Error(), name) {
						t.Fatalf("got %v, want %q", err, test.err)
					}
					if test.what != "flipped" {
						equal(t, rows, all[:len(rows)])
					}
					if test.what == "cut off" && len(rows) < 2000 {
						t.Errorf("%d rows only before the damage", len(rows))
					}
					now := fmt.Sprint(len(rows), err)
					if first == "" {
						first = now
					}
					if now != first {
						t.Errorf("first %s, then %s", first, now)
					}
					if end != nil { // reading on gives the same error
						rows, _, _, err := read(t, openSource(t, connectors.Env{FS: m}, idAndText, with(name)), "files", end, bigLimits, idAndText)
						if err == nil || len(rows) != 0 {
							t.Errorf("resumed: %d rows, %v", len(rows), err)
						}
					}
				}
			})
		}
	}
}

func flipped(data []byte) []byte {
	b := bytes.Clone(data)
	for i := len(b) / 3; i < len(b)/3+40; i++ {
		b[i] ^= 0x55
	}
	return b
}

// What is wrong with the files themselves is told by name.
func TestSourceFileErrors(t *testing.T) {
	m := connectortest.NewMemFS()
	m.WriteFile("/d/ok.json", lines(0, 10))
	m.WriteFile("/empty/.x", nil)
	for _, test := range []struct {
		options map[string]string
		fail    error
		want    string
	}{
		{options: with("/d/missing.json"), want: "/d/missing.json: no such file or directory"},
		{options: with("/d/ok.json,/d/missing.json"), want: "/d/missing.json: no such file or directory"},
		{options: with("/nowhere/*.json"), want: "no file to read at /nowhere/*.json"},
		{options: with("/empty"), want: "no file to read at /empty"},
		{options: with("/d/ok.json"), fail: fs.ErrPermission, want: "can't open /d/ok.json: permission denied"},
		{options: with("/d/ok.json"), fail: syscall.EIO, want: "can't read /d/ok.json: input/output error"},
	} {
		m.Fail(func(op connectortest.Op, _ string, n int) (int, error) {
			if test.fail == fs.ErrPermission && op == connectortest.OpOpen || test.fail == syscall.EIO && op == connectortest.OpRead {
				return 0, test.fail
			}
			return n, nil
		})
		_, _, _, err := read(t, openSource(t, connectors.Env{FS: m}, idAndText, test.options), "files", nil, bigLimits, idAndText)
		if err == nil || err.Error() != test.want {
			t.Errorf("%v: got %v, want %s", test.options, err, test.want)
		}
	}
	m.Fail(nil)
	if _, err := tryOpen(t, connectors.Env{FS: m}, idAndText, with("/d", "scan.files-as-splits", "true", "source.monitor-interval", "1 s")); err == nil {
		t.Error("files as splits of a watched directory")
	}
	if _, err := tryOpen(t, connectors.Env{FS: m}, idAndText, with("/d", "max-record-bytes", "0")); err == nil {
		t.Error("a limit of nothing")
	}
}
