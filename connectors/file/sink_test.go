package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/file"
	"github.com/streamsql/streamsql/internal/clock"
)

var idField = []catalog.Field{{Name: "id", Type: catalog.BigInt}}

func openSink(t testing.TB, env connectors.Env, options map[string]string, shards int) connectors.Sink {
	t.Helper()
	if env.Clock == nil {
		env.Clock = clock.System{}
	}
	s, err := file.Connector(formats).OpenSink(connectors.SinkConfig{
		Name: "out", Options: check(t, false, options), Columns: idField, Shards: shards,
	}, env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ids makes a batch of the numbers from up to, not including, to.
func ids(from, to int) *connectors.Batch {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	for i := from; i < to; i++ {
		b.Append(int64(i))
	}
	return &connectors.Batch{N: to - from, Cols: []arrow.Array{b.NewArray()}}
}

// visible gives the text of all files with visible names, in the order of names,
// and the number of hidden ones.
func visible(t testing.TB, dir string) (text string, files, hiddenFiles int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			hiddenFiles++
			continue
		}
		files++
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	return text, files, hiddenFiles
}

func idLines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "{\"id\":%d}\n", i)
	}
	return b.String()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestSinkOneFile(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	s := openSink(t, connectors.Env{Dir: dir}, map[string]string{"path": "out"}, 1)
	if err := s.Open(ctx, connectors.SinkIdentity{JobID: "j", Sink: "out"}); err != nil {
		t.Fatal(err)
	}
	for e := uint64(1); e <= 3; e++ {
		if err := s.Write(ctx, e, 0, ids(int(e)*10, int(e)*10+10)); err != nil {
			t.Fatal(err)
		}
		intent, err := s.Prepare(ctx, e)
		if err != nil || intent == nil {
			t.Fatal(intent, err)
		}
		if err := s.Commit(ctx, e, intent); err != nil {
			t.Fatal(err)
		}
		if text, _, hidden := visible(t, filepath.Join(dir, "out")); text != "" || hidden != 1 {
			t.Fatalf("after commit %d: %q, %d hidden files", e, text, hidden)
		}
	}
	if err := s.Close(ctx, true); err != nil {
		t.Fatal(err)
	}
	if text, files, hidden := visible(t, filepath.Join(dir, "out")); text != idLines(10, 40) || files != 1 || hidden != 0 {
		t.Fatalf("%d files, %d hidden: %s", files, hidden, text)
	}
}
