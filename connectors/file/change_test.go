package file_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/internal/clock"
)

// A file that changed under an offset is found out.
func TestSourceChangedFiles(t *testing.T) {
	m := connectortest.NewMemFS()
	reset := func() {
		for name := range m.Files() {
			m.Remove(name)
		}
		m.WriteFile("/d/a.json", lines(0, 10))
		m.WriteFile("/d/b.json", lines(10, 10))
	}
	open := func() connectors.Source { return openSource(t, connectors.Env{FS: m}, idAndText, with("/d")) }
	split := connectors.Split{ID: "files", Bounded: true}
	// offset after the records of a and n of b
	offset := func(n int) connectors.Offset {
		r, err := open().Open(ctx, split, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		a, err := r.Fetch(ctx, bigLimits)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return a.End()
		}
		b, err := r.Fetch(ctx, connectors.Limits{Records: n, Bytes: 1 << 20})
		if err != nil || b.Records() != n {
			t.Fatal(b, err)
		}
		return b.End()
	}
	for _, test := range []struct {
		what   string
		at     int
		change func()
		want   string
	}{
		{"gone", 5, func() { m.Remove("/d/b.json") }, "/d/b.json is gone"},
		{"shrunk", 5, func() { m.WriteFile("/d/b.json", []byte("{}\n")) }, "/d/b.json has changed: it was read up to byte"},
		{"one before gone", 5, func() { m.Remove("/d/a.json") }, "the files before /d/b.json have changed"},
		{"one before grown", 5, func() { m.WriteFile("/d/a.json", lines(0, 11)) }, "the files before /d/b.json have changed"},
		{"a new one before", 5, func() { m.WriteFile("/d/a2.json", nil) }, "the files before /d/b.json have changed"},
		{"a new one behind", 5, func() { m.WriteFile("/d/c.json", nil) }, ""},
		{"grown", 5, func() { m.WriteFile("/d/b.json", lines(10, 20)) }, ""},
	} {
		reset()
		from := offset(test.at)
		test.change()
		_, _, _, err := read(t, open(), "files", from, bigLimits, idAndText)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v, want %q", test.what, err, test.want)
		}
	}
}

// A finished source tells when its input has grown, and only then.
func TestSourceGrown(t *testing.T) {
	for _, suffix := range []string{"", ".gz", ".zst"} {
		m := connectortest.NewMemFS()
		put := func(name string, data []byte) { m.WriteFile(name+suffix, compressed(name+suffix, data)) }
		open := func() connectors.Source { return openSource(t, connectors.Env{FS: m}, idAndText, with("/d")) }
		grown := func(end connectors.Offset) string {
			t.Helper()
			what, err := open().(connectors.Growable).Grown(ctx, connectors.Split{ID: "files", Bounded: true}, end)
			if err != nil {
				return err.Error()
			}
			return what
		}
		want := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s%s: got %q, want %q", what, suffix, got, want)
			}
		}
		put("/d/a.json", []byte("{\"id\":1}\n{\"id\":2}"))
		put("/d/b.json", nil)
		_, _, end, err := read(t, open(), "files", nil, bigLimits, idAndText)
		if err != nil {
			t.Fatal(err)
		}
		want("the same", grown(end), "")
		put("/d/c.json", []byte("\n"))
		want("a new file without records", grown(end), "")
		put("/d/d.json", []byte("\n{\"id\":3}\n"))
		want("a new file", grown(end), "/d/d.json"+suffix+" has more records, from line 2 on")
		m.Remove("/d/d.json" + suffix)
		put("/d/a.json", []byte("{\"id\":1}\n{\"id\":2}\r\n"))
		want("a line end more", grown(end), "")
		put("/d/a.json", []byte("{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n"))
		want("a record more", grown(end), "/d/a.json"+suffix+" has more records, from line 3 on")
		put("/d/a.json", []byte("{\"id\":1}\n{\"id\":2}  "))
		want("the last line goes on", grown(end), "/d/a.json"+suffix+" has changed: its last line, without an end, was read as a record at line 2, and has been added to since")
	}
}

// A watched directory: files come in the order of discovery, then modification
// time, then path; each once, over restarts; files that change are an error.
func TestSourceWatched(t *testing.T) {
	m := connectortest.NewMemFS()
	c := clock.NewVirtual(time.Unix(1_700_000_000, 0))
	put := func(name string, id int) { m.WriteFile("/w/"+name, fmt.Appendf(nil, "{\"id\":%d}\n", id)) }
	open := func(from connectors.Offset) connectors.SplitReader {
		t.Helper()
		s := openSource(t, connectors.Env{FS: m, Clock: c}, idAndText, with("/w/*.json", "source.monitor-interval", "10 s"))
		splits, err := s.Splits(ctx)
		if err != nil || len(splits) != 1 || splits[0].Bounded {
			t.Fatal(splits, err)
		}
		r, err := s.Open(ctx, splits[0], from)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := open(nil)
	expectRows := func(want ...string) (end connectors.Offset) {
		t.Helper()
		rows, _, end, err := drain(t, r, bigLimits, idAndText)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, rows, want)
		return end
	}
	expectRows()
	put("z.json", 1)
	put("a.json", 2)
	expectRows() // it has looked a moment ago
	ready := r.Ready()
	select {
	case <-ready:
		t.Fatal("ready too early")
	default:
	}
	c.Advance(10 * time.Second)
	<-ready
	end := expectRows("1|NULL", "2|NULL")
	put("b.json", 3)
	c.Advance(9 * time.Second)
	expectRows()
	c.Advance(time.Second)
	end2 := expectRows("3|NULL")
	r.Close()

	r = open(end) // b was read, but not committed
	end3 := expectRows("3|NULL")
	if string(end2) != string(end3) {
		t.Errorf("offsets %x and %x", end2, end3)
	}
	r.Close()
	r = open(end3)
	expectRows()
	put("c.json", 4)
	put("b.json", 35)
	c.Advance(10 * time.Second)
	if _, _, _, err := drain(t, r, bigLimits, idAndText); err == nil || !strings.Contains(err.Error(), "/w/b.json has changed after it was read: 9 bytes then, 10 now") {
		t.Errorf("a changed file: %v", err)
	}
	r.Close()
	connectortest.TestSource(t, connectortest.SourceTest{
		Open: func(t testing.TB) connectors.Source {
			return openSource(t, connectors.Env{FS: m, Clock: c}, idAndText, with("/w", "source.monitor-interval", "10 s"))
		},
		Columns: idAndText, Want: map[string][]string{"files": {"1|NULL", "2|NULL", "4|NULL", "35|NULL"}}, Unbounded: true,
	})
}

// Errors of reading are kept: Fetch goes on failing.
func TestSourceErrorStays(t *testing.T) {
	m := connectortest.NewMemFS()
	m.WriteFile("/a.json", lines(0, 10))
	m.WriteFile("/b.json", lines(0, 10))
	s := openSource(t, connectors.Env{FS: m}, idAndText, with("/a.json,/b.json"))
	if _, err := s.Splits(ctx); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(ctx, connectors.Split{ID: "files", Bounded: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m.Fail(func(op connectortest.Op, name string, n int) (int, error) {
		if op == connectortest.OpOpen {
			return 0, syscall.EIO
		}
		return n, nil
	})
	if _, err := r.Fetch(ctx, bigLimits); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	m.Fail(nil)
	if c, err := r.Fetch(ctx, bigLimits); !errors.Is(err, syscall.EIO) {
		t.Fatalf("after an error: %v, %v", c, err)
	}
}
