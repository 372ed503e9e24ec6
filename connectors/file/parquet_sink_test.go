package file_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	filesystem "github.com/streamsql/streamsql/connectors/file"
)

// readParquet reads a file with arrow-go, and checks its rows.
func readParquet(t testing.TB, data string) (ids []int64) {
	t.Helper()
	f, err := file.NewParquetReader(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	rows := array.NewTableReader(table, 0)
	for rows.Next() {
		id, text := rows.Record().Column(0).(*array.Int64), rows.Record().Column(1).(*array.String)
		for i := range id.Len() {
			if want, ok := connectortest.SinkText(id.Value(i)); ok != text.IsValid(i) || ok && text.Value(i) != want {
				t.Fatalf("row %d has another text", id.Value(i))
			}
			ids = append(ids, id.Value(i))
		}
	}
	return ids
}

// TestParquetSinkProtocol: the sink keeps the commit protocol over crashes of the
// process and of the machine; rows show with their commit, not later.
func TestParquetSinkProtocol(t *testing.T) {
	for name, options := range map[string]map[string]string{
		"a file per commit": {"format": "parquet"},
		"rolls always":      {"format": "parquet", "sink.rolling-policy.file-size": "1", "parquet.block.size": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			connectortest.TestSink(t, connectortest.SinkTest{World: func(testing.TB) connectortest.World { return newWorld(options) }, Skew: true})
		})
	}
}

// TestParquetSinkFiles: there is a file for each commit with rows, and none for one
// without; the size to roll at ends files earlier. Nothing hidden is left.
func TestParquetSinkFiles(t *testing.T) {
	l := start(t, newWorld(map[string]string{"format": "parquet", "sink.rolling-policy.file-size": "10kb"}))
	wantFiles := func(n int) {
		t.Helper()
		if got := len(l.world.visible()); got != n || len(l.world.fs.Files()) != n {
			t.Fatalf("%d files are shown of %d, want %d", got, len(l.world.fs.Files()), n)
		}
	}
	l.commit(0, 5)
	wantFiles(1)
	l.commit(0, 0)
	wantFiles(1)
	l.commit(5, 7)
	wantFiles(2)
	if err := l.sink.Write(ctx, l.epoch+1, 1, connectortest.SinkBatch(7, 1000)); err != nil {
		t.Fatal(err)
	}
	l.commit(1000, 1002) // behind a full file of another shard
	wantFiles(4)
	l.wantVisible(0, 1002)
	if err := l.sink.Close(ctx, true); err != nil {
		t.Fatal(err)
	}
	wantFiles(4)
	// Rows that no commit covers are not shown.
	l = start(t, newWorld(map[string]string{"format": "parquet"}))
	if err := l.sink.Write(ctx, 1, 0, connectortest.SinkBatch(0, 3)); err != nil {
		t.Fatal(err)
	}
	if err := l.sink.Close(ctx, true); err == nil || !strings.Contains(err.Error(), "no commit covers") {
		t.Error(err)
	}
	l.wantVisible(0, 0)
}

// TestParquetSinkRefused: rows that are refused are left out, and a file of none but
// them is none.
func TestParquetSinkRefused(t *testing.T) {
	l := start(t, newWorld(map[string]string{"format": "parquet"}))
	b := connectortest.SinkBatch(0, 4)
	ids := array.NewInt64Builder(memory.DefaultAllocator)
	ids.AppendValues([]int64{0, 9, 2, 9}, []bool{true, false, true, false})
	b.Cols[0] = ids.NewArray()
	var refused *connectors.RefusedRows
	if err := l.sink.Write(ctx, 1, 0, b); !errors.As(err, &refused) || len(refused.Rows) != 2 || refused.Rows[0].Row != 1 || refused.Rows[1].Row != 3 || refused.Rows[0].Code != "NOT_NULL" || refused.Rows[0].Column != "id" {
		t.Fatal(err)
	}
	ids.AppendNull()
	b = connectortest.SinkBatch(0, 1)
	b.Cols[0] = ids.NewArray()
	if err := l.sink.Write(ctx, 1, 1, b); !errors.As(err, &refused) {
		t.Fatal(err)
	}
	l.commit(0, 0)
	if got := l.world.Visible(t); len(got) != 2 || got[0] != 0 || got[1] != 2 || len(l.world.visible()) != 1 {
		t.Errorf("rows %v in files %v", got, l.world.visible())
	}
}

// TestParquetSinkTypes: a type that Parquet has no form for is refused with its column.
func TestParquetSinkTypes(t *testing.T) {
	for want, typ := range map[string]catalog.Type{
		"column c[].d: INTERVAL": catalog.ArrayOf(catalog.RowOf(catalog.Field{Name: "d", Type: catalog.Type{Kind: catalog.KindIntervalDay}})),
		"column c: a ROW":        catalog.RowOf(),
		"column c[value]: ":      catalog.MapOf(catalog.String, catalog.Type{Kind: catalog.KindIntervalMonth}),
	} {
		_, err := filesystem.Connector(formats).OpenSink(connectors.SinkConfig{
			Name: "out", Options: check(t, false, map[string]string{"path": "/out", "format": "parquet"}), Columns: []catalog.Field{{Name: "c", Type: typ}},
		}, connectors.Env{FS: connectortest.NewMemFS()})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
