package builtin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/formattest"
)

// registry is as much of a schema registry as writing and reading a topic needs.
func registry(t testing.TB) string {
	var mu sync.Mutex
	schemas := []map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPost {
			var s map[string]string
			b, _ := io.ReadAll(r.Body)
			if err := json.Unmarshal(b, &s); err != nil {
				t.Error(err)
			}
			schemas = append(schemas, s)
			fmt.Fprintf(w, `{"id":%d}`, len(schemas))
			return
		}
		var id int
		if n, _ := fmt.Sscanf(r.URL.Path, "/schemas/ids/%d", &id); n == 1 && id <= len(schemas) {
			_ = json.NewEncoder(w).Encode(schemas[id-1])
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// benchFields are columns of all shapes; the objects of a row of them are benchRow's.
var benchFields = []catalog.Field{
	{Name: "id", Type: catalog.BigInt}, {Name: "name", Type: catalog.String}, {Name: "price", Type: catalog.Double}, {Name: "ok", Type: catalog.Boolean}, {Name: "at", Type: catalog.TimestampLTZ3},
	{Name: "tags", Type: catalog.ArrayOf(catalog.String)}, {Name: "counts", Type: catalog.MapOf(catalog.String, catalog.BigInt)},
	{Name: "place", Type: catalog.RowOf(catalog.Field{Name: "city", Type: catalog.String}, catalog.Field{Name: "zip", Type: catalog.Int})},
}

func benchRow(i int) string {
	return fmt.Sprintf(`{"id":%d,"name":"name of row %d with more text than a few bytes","price":%d.25,"ok":%t,"at":"2024-05-01 10:00:%02d.250Z","tags":["new","tag-%d"],"counts":{"views":%d,"clicks":1},"place":{"city":"Rome","zip":%d}}`, i, i, i%1000, i%2 == 0, i%60, i%10, i, i%90000)
}

const benchProto = `syntax = "proto3"; import "google/protobuf/timestamp.proto";
message Row { message Place { string city = 1; int32 zip = 2; } int64 id = 1; string name = 2; double price = 3; bool ok = 4; google.protobuf.Timestamp at = 5; repeated string tags = 6; map<string, int64> counts = 7; Place place = 8; }`

const benchRows = 1000

// messageWork is a batch of benchRows rows in one format.
type messageWork struct {
	name           string
	bytes          int64
	encode, decode func()
}

// messageFormats makes a batch in each format of messages that goes both ways.
func messageFormats(t testing.TB) []messageWork {
	url := registry(t)
	fs := connectortest.NewMemFS()
	fs.WriteFile("/row.proto", []byte(benchProto))
	env := connectors.Env{FS: fs, Dir: "/"}
	options := map[string]catalog.Options{
		"avro-confluent": {"url": url, "auto-register": "true"}, "json-confluent": {"url": url, "auto-register": "true"}, "protobuf-confluent": {"url": url, "auto-register": "true"},
		"protobuf": {"message-name": "Row", "proto-file": "/row.proto"},
	}
	var work []messageWork
	for _, f := range Formats() {
		if f.Decode == nil || f.Encode == nil {
			continue
		}
		o := options[f.Spec.Name]
		if o == nil {
			o = catalog.Options{}
		}
		for _, s := range f.Spec.Options {
			if _, given := o[s.Name]; !given && s.Default != "" {
				o[s.Name] = s.Default
			}
		}
		fields, row := benchFields, benchRow
		if f.Spec.Name == "raw" {
			fields, row = benchFields[1:2], func(i int) string { return fmt.Sprintf(`{"name":"%s %d"}`, strings.Repeat("x", 100), i) }
		}
		var objects []string
		for i := range benchRows {
			objects = append(objects, row(i))
		}
		batch := formattest.Batch(t, fields, objects...)
		e, err := f.Encode(format.EncodeConfig{Options: o, Columns: fields, Env: env, Subject: "t"})
		if err != nil {
			t.Fatalf("%s: %v", f.Spec.Name, err)
		}
		m := e.(format.MessageEncoding).NewMessageEncoder()
		buf, spans, err := m.AppendMessages(nil, nil, batch)
		if err != nil {
			t.Fatalf("%s: %v", f.Spec.Name, err)
		}
		d, err := f.Decode(format.DecodeConfig{Options: o, Columns: fields, Declared: fields, Env: env, Subject: "t"})
		if err != nil {
			t.Fatalf("%s: %v", f.Spec.Name, err)
		}
		md := d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
		work = append(work, messageWork{f.Spec.Name, int64(len(buf)), func() {
			if buf, spans, err = m.AppendMessages(buf[:0], spans[:0], batch); err != nil {
				t.Fatal(err)
			}
		}, func() {
			if err := md.Append(buf, spans); err != nil {
				t.Fatal(err)
			}
			recs, err := md.Finish()
			if err != nil || recs.N != benchRows || len(recs.Errors) > 0 {
				t.Fatal(recs, err)
			}
			for _, c := range recs.Cols {
				c.Release()
			}
		}})
	}
	return work
}

// TestMessagesMakeNoGarbage: no format allocates for a row, written or read; what a
// batch takes is a few buffers.
func TestMessagesMakeNoGarbage(t *testing.T) {
	const most = benchRows / 5
	for _, w := range messageFormats(t) {
		if n := testing.AllocsPerRun(5, w.encode); n > most {
			t.Errorf("%s: %v allocations to write %d rows", w.name, n, benchRows)
		}
		if n := testing.AllocsPerRun(5, w.decode); n > most {
			t.Errorf("%s: %v allocations to read %d rows", w.name, n, benchRows)
		}
	}
}

// BenchmarkMessages writes and reads rows of all shapes in each format of messages.
func BenchmarkMessages(b *testing.B) {
	for _, w := range messageFormats(b) {
		for way, f := range map[string]func(){"encode": w.encode, "decode": w.decode} {
			b.Run(w.name+"/"+way, func(b *testing.B) {
				b.SetBytes(w.bytes)
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
	}
}
