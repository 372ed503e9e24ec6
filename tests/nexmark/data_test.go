package nexmark

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// dataDir holds events.ndjson and disordered.ndjson, plain, beside side_input.csv.
var dataDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "nexmark")
	if err != nil {
		return "", err
	}
	packed, err := os.ReadFile("testdata/events.ndjson.zst")
	if err != nil {
		return "", err
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		return "", err
	}
	defer d.Close()
	events, err := d.DecodeAll(packed, nil)
	if err != nil {
		return "", err
	}
	lines := bytes.SplitAfter(events, []byte("\n"))
	lines = lines[:len(lines)-1]
	deltas, err := gunzip("testdata/disorder.gz")
	if err != nil {
		return "", err
	}
	var disordered []byte
	for i := range lines {
		d, n := binary.Varint(deltas)
		deltas = deltas[n:]
		disordered = append(disordered, lines[i+int(d)]...)
	}
	side, err := os.ReadFile("testdata/side_input.csv")
	if err != nil {
		return "", err
	}
	for name, b := range map[string][]byte{"events.ndjson": events, "disordered.ndjson": disordered, "side_input.csv": side} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := dataDir(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func gunzip(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// script is the schema over one of the files, followed by the query.
func script(t *testing.T, events, query string) string {
	t.Helper()
	schema, err := os.ReadFile("testdata/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	q, err := os.ReadFile("testdata/queries/" + query + ".sql")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(schema), "events.ndjson.gz", events, 1) + "\n" + string(q) + ";\n"
}

// checkRows compares rows (CSV lines without the header) with what is expected:
// row by row where the rows stand in testdata, by checksum else.
func checkRows(t *testing.T, dir, query string, rows []string) {
	t.Helper()
	want, err := gunzip(fmt.Sprintf("testdata/%s/%s.csv.gz", dir, query))
	if err == nil {
		lines := strings.Split(strings.TrimSuffix(string(want), "\n"), "\n")[1:]
		slices.Sort(lines)
		got := slices.Sorted(slices.Values(rows))
		if len(got) != len(lines) {
			t.Errorf("%d rows, want %d", len(got), len(lines))
		}
		for i := range min(len(got), len(lines)) {
			if got[i] != lines[i] {
				t.Fatalf("sorted row %d is\n  %s\nwant\n  %s", i+1, got[i], lines[i])
			}
		}
		return
	}
	text, err := os.ReadFile(fmt.Sprintf("testdata/%s/%s.checksum", dir, query))
	if err != nil {
		t.Fatal(err)
	}
	var sum uint64
	for _, r := range rows {
		h := sha256.Sum256([]byte(r))
		sum += binary.BigEndian.Uint64(h[:8])
	}
	if got := fmt.Sprintf("rows=%d\nchecksum=%016x\n", len(rows), sum); got != string(text) {
		t.Errorf("%swant\n%s", got, text)
	}
}
