package file_test

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/file"
)

// TestKindColumn: with 'sink.kind-column' the sink takes updates, and each row
// begins with its kind.
func TestKindColumn(t *testing.T) {
	w := newWorld(map[string]string{"format": "csv", "sink.kind-column": "op"})
	open := func(col string) (connectors.Sink, error) {
		w.options["sink.kind-column"] = col
		return file.Connector(formats).OpenSink(connectors.SinkConfig{
			Name: "out", Options: check(t, false, w.options), Columns: []catalog.Field{{Name: "n", Type: catalog.BigInt}},
		}, connectors.Env{FS: w.fs, Clock: w.clock})
	}
	if _, err := open("N"); err == nil || !strings.Contains(err.Error(), "names a column of the sink's own") {
		t.Errorf("a column of the same name: %v", err)
	}
	s, err := open("op")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	bld := array.NewInt64Builder(memory.DefaultAllocator)
	bld.AppendValues([]int64{1, 1, 2, 2}, nil)
	rows := &connectors.Batch{N: 4, Cols: []arrow.Array{bld.NewArray()},
		Kinds: []catalog.RowKind{catalog.Insert, catalog.UpdateBefore, catalog.UpdateAfter, catalog.Delete}}
	if err := s.Open(ctx, connectors.SinkIdentity{JobID: "j", Sink: "out"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(ctx, 1, 0, rows); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(ctx, true); err != nil {
		t.Fatal(err)
	}
	names := w.visible()
	if len(names) != 1 {
		t.Fatalf("files %v", names)
	}
	if got, want := w.fs.Files()[names[0]], "op,n\n+I,1\n-U,1\n+U,2\n-D,2\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	spec := file.Connector(formats).Spec.Sink
	if m := spec.Accepts(catalog.Options{"sink.kind-column": "op"}, false); m != catalog.RetractMode {
		t.Errorf("accepts %v", m)
	}
}
