package file_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/connectors/file"
	"github.com/streamsql/streamsql/internal/clock"
)

// world is a directory that file sinks write to.
type world struct {
	fs      *connectortest.MemFS
	clock   *clock.Virtual
	options map[string]string
}

func newWorld(options map[string]string) *world {
	w := &world{
		fs: connectortest.NewMemFS(), clock: clock.NewVirtual(time.Date(2024, 1, 15, 10, 0, 0, 0, time.UTC)),
		options: map[string]string{"path": "/data/out"},
	}
	maps.Copy(w.options, options)
	return w
}

// Sink implements connectortest.World.
func (w *world) Sink(t testing.TB) connectors.Sink {
	w.clock.Advance(3 * time.Second)
	s, err := newFileSink(t, connectors.Env{FS: w.fs, Clock: w.clock}, w.options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newFileSink(t testing.TB, env connectors.Env, options map[string]string) (connectors.Sink, error) {
	t.Helper()
	return file.Connector(formats).OpenSink(connectors.SinkConfig{
		Name: "out", Options: check(t, false, options), Columns: connectortest.SinkColumns(), Shards: 3,
	}, env)
}

// Crash implements connectortest.World.
func (w *world) Crash(power bool, rng *rand.Rand) {
	if power {
		w.fs = w.fs.Crash(rng)
	}
}

// visible lists the names of files that are not hidden.
func (w *world) visible() []string {
	var names []string
	for name := range w.fs.Files() {
		if base := path.Base(name); base[0] != '.' && base[0] != '_' {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Visible implements connectortest.World: what a reader that knows nothing of
// streamsql makes of the directory, in the order of names.
func (w *world) Visible(t testing.TB) []int64 {
	t.Helper()
	var ids []int64
	files := w.fs.Files()
	for _, name := range w.visible() {
		var got []int64
		switch w.options["format"] {
		case "csv":
			got = readCSV(t, files[name])
		case "parquet":
			got = readParquet(t, files[name])
		default:
			got = readJSON(t, files[name])
		}
		if len(got) == 0 {
			t.Fatalf("%s has no rows", name)
		}
		ids = append(ids, got...)
	}
	return ids
}

func readJSON(t testing.TB, text string) (ids []int64) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	for {
		var r struct {
			ID   int64
			Text *string
		}
		err := d.Decode(&r)
		if err == io.EOF {
			return ids
		}
		if err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		if want, ok := connectortest.SinkText(r.ID); ok != (r.Text != nil) || ok && *r.Text != want {
			t.Fatalf("row %d has another text", r.ID)
		}
		ids = append(ids, r.ID)
	}
}

func readCSV(t testing.TB, text string) (ids []int64) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(records) == 0 || !slices.Equal(records[0], []string{"id", "text"}) {
		t.Fatalf("%v in %q", err, text)
	}
	for _, r := range records[1:] {
		id, err := strconv.ParseInt(r[0], 10, 64)
		if want, _ := connectortest.SinkText(id); err != nil || r[1] != want {
			t.Fatalf("row %q: %v", r, err)
		}
		ids = append(ids, id)
	}
	return ids
}

// The sink keeps the commit protocol over crashes of the process and of the
// machine, whenever and however often it rolls.
func TestSinkProtocol(t *testing.T) {
	for name, options := range map[string]map[string]string{
		"one file":      nil,
		"rolls by size": {"sink.rolling-policy.file-size": "150"},
		"rolls always":  {"sink.rolling-policy.file-size": "1"},
		"rolls by age":  {"sink.rolling-policy.rollover-interval": "5 s"},
		"csv":           {"format": "csv", "sink.rolling-policy.file-size": "100"},
	} {
		t.Run(name, func(t *testing.T) {
			connectortest.TestSink(t, connectortest.SinkTest{
				World: func(testing.TB) connectortest.World { return newWorld(options) }, Late: true, Skew: true,
			})
		})
	}
}

var ctx = context.Background()

// life is a sink that is driven by hand.
type life struct {
	t     *testing.T
	world *world
	sink  connectors.Sink
	epoch uint64
}

func start(t *testing.T, w *world) *life {
	t.Helper()
	l := &life{t: t, world: w, sink: w.Sink(t)}
	if err := l.sink.Open(ctx, connectors.SinkIdentity{JobID: "job", Sink: "out"}); err != nil {
		t.Fatal(err)
	}
	return l
}

// commit writes the rows from up to, not including, to as one epoch.
func (l *life) commit(from, to int64) {
	l.t.Helper()
	l.epoch++
	if from < to {
		if err := l.sink.Write(ctx, l.epoch, 0, connectortest.SinkBatch(from, to)); err != nil {
			l.t.Fatal(err)
		}
	}
	intent, err := l.sink.Prepare(ctx, l.epoch)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := l.sink.Commit(ctx, l.epoch, intent); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) wantVisible(from, to int64) {
	l.t.Helper()
	got := l.world.Visible(l.t)
	var want []int64
	for i := from; i < to; i++ {
		want = append(want, i)
	}
	if !slices.Equal(got, want) {
		l.t.Fatalf("visible are %v, want %d to %d", got, from, to)
	}
}

// A file grows old though the clock is put back far behind its begin.
func TestSinkClockBack(t *testing.T) {
	l := start(t, newWorld(map[string]string{"sink.rolling-policy.rollover-interval": "1 min"}))
	l.commit(0, 2)
	l.world.clock.Advance(-24 * time.Hour)
	l.commit(2, 4)
	l.wantVisible(0, 0)
	l.world.clock.Advance(61 * time.Second)
	l.commit(0, 0)
	l.wantVisible(0, 4)
}

// Files show when they are rolled, by size, by age (without new rows too), and
// at the end; their names sort by time even if the clock stands still.
func TestSinkRolls(t *testing.T) {
	l := start(t, newWorld(map[string]string{"sink.rolling-policy.file-size": "200", "sink.rolling-policy.rollover-interval": "1 min"}))
	l.commit(0, 2)
	l.wantVisible(0, 0)
	l.commit(2, 20)
	l.wantVisible(0, 20) // one batch is one write: the file is full
	l.commit(20, 22)
	l.wantVisible(0, 20)
	l.world.clock.Advance(59 * time.Second)
	l.commit(0, 0)
	l.wantVisible(0, 20)
	l.world.clock.Advance(2 * time.Second) // the clock of names may be some ms ahead
	l.commit(0, 0)
	l.wantVisible(0, 22)
	for i := int64(22); i < 122; i += 10 {
		l.commit(i, i+10)
	}
	l.commit(122, 123)
	l.wantVisible(0, 122)
	if err := l.sink.Close(ctx, true); err != nil {
		t.Fatal(err)
	}
	l.wantVisible(0, 123)
	if files := l.world.fs.Files(); len(files) != len(l.world.visible()) {
		t.Fatalf("files are left: %v", slices.Sorted(maps.Keys(files)))
	}
}

// A run that does not end in order leaves its open file hidden.
func TestSinkCloseUnfinished(t *testing.T) {
	l := start(t, newWorld(nil))
	l.commit(0, 5)
	if err := l.sink.Close(ctx, false); err != nil {
		t.Fatal(err)
	}
	l.wantVisible(0, 0)
	if n := len(l.world.fs.Files()); n != 1 {
		t.Fatalf("%d files", n)
	}
}

// A disk that is full, or fails, at any operation of a commit: an error, and
// after Abort, once there is room again, the sink goes on as if nothing had
// been written.
func TestSinkDiskFails(t *testing.T) {
	t.Run("json", func(t *testing.T) { diskFails(t, map[string]string{"sink.rolling-policy.file-size": "300"}, 20) })
	t.Run("parquet", func(t *testing.T) {
		diskFails(t, map[string]string{"format": "parquet", "sink.rolling-policy.file-size": "300"}, 21)
	})
}

// diskFails commits 21 rows, of which so many show at once.
func diskFails(t *testing.T, options map[string]string, shown int64) {
	for at := 1; ; at++ {
		w := newWorld(options)
		l := start(t, w)
		l.commit(0, 3)
		before := w.Visible(t)
		ops, failedOp := 0, connectortest.Op("")
		w.fs.Fail(func(op connectortest.Op, _ string, n int) (int, error) {
			if ops++; ops < at {
				return n, nil
			}
			failedOp = op
			return n / 2, syscall.ENOSPC
		})
		err := l.sink.Write(ctx, 2, 0, connectortest.SinkBatch(3, 6))
		var intent []byte
		if err == nil {
			err = l.sink.Write(ctx, 2, 1, connectortest.SinkBatch(6, 20))
		}
		if err == nil {
			err = l.sink.Write(ctx, 2, 1, connectortest.SinkBatch(20, 21))
		}
		if err == nil {
			intent, err = l.sink.Prepare(ctx, 2)
		} else if _, perr := l.sink.Prepare(ctx, 2); perr == nil {
			t.Fatalf("operation %d (%s): Prepare succeeds after Write failed", at, failedOp)
		}
		if err == nil && failedOp == "" {
			// The commit record is written; only Commit is left to fail.
			for err = l.sink.Commit(ctx, 2, intent); err != nil; err = l.sink.Commit(ctx, 2, intent) {
				if !errors.Is(err, syscall.ENOSPC) {
					t.Fatal(err)
				}
				w.fs.Fail(nil)
			}
			l.epoch = 2
			l.wantVisible(0, shown)
			if failedOp == "" {
				return // nothing left to fail
			}
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("operation %d (%s): %v", at, failedOp, err)
		}
		l.wantVisible(0, int64(len(before)))
		w.fs.Fail(nil)
		if err := l.sink.Abort(ctx, 1); err != nil {
			t.Fatal(err)
		}
		l.commit(3, 25)
		if err := l.sink.Close(ctx, true); err != nil {
			t.Fatal(err)
		}
		l.wantVisible(0, 25)
	}
}

// What somebody else has done to the directory is found out where it matters.
func TestSinkTampered(t *testing.T) {
	recover := func(w *world, intent []byte) error {
		s := w.Sink(t)
		if err := s.Open(ctx, connectors.SinkIdentity{JobID: "job", Sink: "out", Epoch: 1}); err != nil {
			return err
		}
		if intent != nil {
			if err := s.Commit(ctx, 1, intent); err != nil {
				return err
			}
		}
		return s.Abort(ctx, 1)
	}
	prepare := func(options map[string]string) (*world, string, []byte) {
		l := start(t, newWorld(options))
		if err := l.sink.Write(ctx, 1, 0, connectortest.SinkBatch(0, 5)); err != nil {
			t.Fatal(err)
		}
		intent, err := l.sink.Prepare(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		return l.world, slices.Collect(maps.Keys(l.world.fs.Files()))[0], intent
	}
	w, name, intent := prepare(nil)
	f, err := w.fs.OpenAppend(name)
	if err != nil {
		t.Fatal(err)
	}
	f.Truncate(10)
	var fatal *connectors.FatalError
	if err := recover(w, intent); !errors.As(err, &fatal) || !strings.Contains(err.Error(), "10 bytes, but") {
		t.Errorf("a shortened file: %v", err)
	}
	w, _, _ = prepare(nil)
	if err := recover(w, nil); !errors.As(err, &fatal) || !strings.Contains(err.Error(), "does not name it") {
		t.Errorf("a commit without its intent: %v", err)
	}
	// A finished file that its reader has taken away is no loss.
	w, name, intent = prepare(map[string]string{"sink.rolling-policy.file-size": "1"})
	if err := recover(w, intent); err != nil {
		t.Fatal(err)
	}
	if err := w.fs.Remove(path.Join(path.Dir(name), path.Base(name)[1:])); err != nil {
		t.Fatal(err)
	}
	if err := recover(w, intent); err != nil {
		t.Errorf("a file taken away: %v", err)
	}
	// Two jobs, and two sinks of a job, may write to one directory.
	w, _, _ = prepare(nil)
	for _, id := range []connectors.SinkIdentity{{JobID: "other", Sink: "out"}, {JobID: "job", Sink: "other"}} {
		s := w.Sink(t)
		if err := errors.Join(s.Open(ctx, id), s.Abort(ctx, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.fs.Files()); n != 1 {
		t.Errorf("another sink has removed a file")
	}
}

// Concurrent writers lose and tear no row.
func TestSinkConcurrentWriters(t *testing.T) {
	for _, form := range []string{"json", "parquet"} {
		t.Run(form, func(t *testing.T) { concurrentWriters(t, form) })
	}
}

func concurrentWriters(t *testing.T, form string) {
	w := newWorld(map[string]string{"format": form, "sink.rolling-policy.file-size": "10kb"})
	l := start(t, w)
	const perShard, epochs = 200, 5
	for e := range int64(epochs) {
		var wg sync.WaitGroup
		for shard := range 3 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				base := (e*3 + int64(shard)) * perShard
				for i := int64(0); i < perShard; i += 10 {
					if err := l.sink.Write(ctx, l.epoch+1, shard, connectortest.SinkBatch(base+i, base+i+10)); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		wg.Wait()
		l.commit(0, 0)
	}
	if err := l.sink.Close(ctx, true); err != nil {
		t.Fatal(err)
	}
	ids := w.Visible(t)
	slices.Sort(ids)
	for i, id := range ids {
		if int64(i) != id {
			t.Fatalf("row %d is missing or another twice", i)
		}
	}
	if len(ids) != 3*perShard*epochs {
		t.Fatalf("%d rows", len(ids))
	}
}

// A sink finds out at Open that it can't write.
func TestSinkOpenErrors(t *testing.T) {
	w := newWorld(nil)
	w.fs.WriteFile("/data/out", []byte("a file"))
	if err := w.Sink(t).Open(ctx, connectors.SinkIdentity{JobID: "j"}); err == nil || !strings.Contains(err.Error(), "/data/out is a file") {
		t.Errorf("a file in place of the directory: %v", err)
	}
	w = newWorld(nil)
	w.fs.Fail(func(op connectortest.Op, _ string, n int) (int, error) {
		if op == connectortest.OpCreate {
			return 0, syscall.EACCES
		}
		return n, nil
	})
	if err := w.Sink(t).Open(ctx, connectors.SinkIdentity{JobID: "j"}); !errors.Is(err, syscall.EACCES) || !strings.Contains(err.Error(), "can't write to directory /data/out") {
		t.Errorf("a directory without rights: %v", err)
	}
}

// A file of changes would be no table.
func TestSinkRefusesRetractions(t *testing.T) {
	l := start(t, newWorld(nil))
	b := connectortest.SinkBatch(0, 2)
	b.Kinds = []catalog.RowKind{catalog.Insert, catalog.Delete}
	if err := l.sink.Write(ctx, 1, 0, b); err == nil || !strings.Contains(err.Error(), "-D") {
		t.Fatal(err)
	}
}

// On the operating system's files: the same steps as in memory.
func TestSinkRealFiles(t *testing.T) {
	dir := t.TempDir()
	env := connectors.Env{Dir: dir, Clock: clock.System{}}
	open := func(epoch uint64) connectors.Sink {
		s, err := newFileSink(t, env, with("deep/out"))
		if err == nil {
			err = s.Open(ctx, connectors.SinkIdentity{JobID: "job", Sink: "out", Epoch: epoch})
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(0)
	write := func(e uint64, from, to int64) {
		if err := s.Write(ctx, e, 0, connectortest.SinkBatch(from, to)); err != nil {
			t.Fatal(err)
		}
	}
	write(1, 0, 5)
	intent, err := s.Prepare(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	write(2, 100, 105) // never prepared
	s = open(1)
	if err := errors.Join(s.Commit(ctx, 1, intent), s.Abort(ctx, 1)); err != nil {
		t.Fatal(err)
	}
	write(2, 5, 8)
	if intent, err = s.Prepare(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Commit(ctx, 2, intent), s.Close(ctx, true)); err != nil {
		t.Fatal(err)
	}
	entries, err := connectors.OS.ReadDir(path.Join(dir, "deep/out"))
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	f, err := connectors.OS.Open(path.Join(dir, "deep/out", entries[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var text bytes.Buffer
	if _, err := io.Copy(&text, io.NewSectionReader(f, 0, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(readJSON(t, text.String())), "[0 1 2 3 4 5 6 7]"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}
