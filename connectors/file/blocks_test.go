package file_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hamba/avro/v2/ocf"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
)

const idAndTextSchema = `{"type":"record","name":"R","fields":[{"name":"pad","type":"string"},{"name":"id","type":"int"},{"name":"text","type":["null","string"]}]}`

// avroFile writes n records, blocks of so many, as another library does.
func avroFile(t testing.TB, first, n, block int, codec ocf.CodecName) []byte {
	t.Helper()
	var buf bytes.Buffer
	e, err := ocf.NewEncoder(idAndTextSchema, &buf, ocf.WithCodec(codec), ocf.WithBlockLength(block))
	if err != nil {
		t.Fatal(err)
	}
	for i := first; i < first+n; i++ {
		row := map[string]any{"pad": strings.Repeat("p", i%7), "id": i, "text": nil}
		if i%3 > 0 {
			row["text"] = map[string]any{"string": fmt.Sprint("text ", i)}
		}
		if err := e.Encode(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestAvroFiles reads containers of every codec in every way.
func TestAvroFiles(t *testing.T) {
	for _, codec := range []ocf.CodecName{ocf.Null, ocf.Deflate, ocf.Snappy, ocf.ZStandard} {
		t.Run(string(codec), func(t *testing.T) {
			w := newWorld(nil)
			w.fs.WriteFile("/in/a.avro", avroFile(t, 0, 100, 30, codec))
			w.fs.WriteFile("/in/b.avro", avroFile(t, 100, 0, 30, codec))
			w.fs.WriteFile("/in/c.avro", avroFile(t, 100, 41, 100, codec))
			cols := append(idAndText[:2:2], connectors.ScanColumn{Name: "line", Type: catalog.BigInt, Metadata: "file.line"})
			var want []string
			for i := range 141 {
				text, line := fmt.Sprint("text ", i), i+1
				if i%3 == 0 {
					text = "NULL"
				}
				if i >= 100 {
					line -= 100
				}
				want = append(want, fmt.Sprintf("%d|%s|%d", i, text, line))
			}
			connectortest.TestSource(t, connectortest.SourceTest{
				Open: func(t testing.TB) connectors.Source {
					return openSource(t, connectors.Env{FS: w.fs}, cols, with("/in", "format", "avro"))
				},
				Columns: cols, Want: map[string][]string{"files": want},
			})
		})
	}
}

// TestAvroDamage: a file that is cut off or damaged stops the source and says where.
func TestAvroDamage(t *testing.T) {
	good := avroFile(t, 0, 100, 30, ocf.Snappy)
	for name, bad := range map[string][]byte{
		"cut off": good[:len(good)-10], "damaged": append(append(bytes.Clone(good[:len(good)-30]), 1, 2, 3), good[len(good)-27:]...),
		"no Avro container file": []byte("id,text\n1,a\n"), "within its header": good[:40],
	} {
		w := newWorld(nil)
		w.fs.WriteFile("/in/a.avro", bad)
		s := openSource(t, connectors.Env{FS: w.fs}, idAndText, with("/in", "format", "avro"))
		r, err := s.Open(context.Background(), connectors.Split{ID: "files", Bounded: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = r.Fetch(context.Background(), connectors.Limits{Records: 1000, Bytes: 1 << 20})
		}
		if !strings.Contains(err.Error(), name) && !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), "/in/a.avro") {
			t.Errorf("%s: %v", name, err)
		}
		r.Close()
	}
}
