//go:build unix

package registry_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/avro"
	"github.com/streamsql/streamsql/connectors/format/formattest"
	"github.com/streamsql/streamsql/connectors/format/jsonschema"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
	"github.com/streamsql/streamsql/connectors/format/protobuf"
	"github.com/streamsql/streamsql/internal/testservice"
)

func TestMain(m *testing.M) { testservice.Main(m) }

func col(name string, t catalog.Type) catalog.Field { return catalog.Field{Name: name, Type: t} }

// written encodes objects as a sink of the topic orders does.
func written(t *testing.T, f *format.Format, o catalog.Options, fields []catalog.Field, objects ...string) ([][]byte, error) {
	t.Helper()
	e, err := f.Encode(format.EncodeConfig{Options: o, Columns: fields, Subject: "orders"})
	if err != nil {
		return nil, err
	}
	buf, spans, err := e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, formattest.Batch(t, fields, objects...))
	var out [][]byte
	for _, s := range spans {
		out = append(out, s.Of(buf))
	}
	return out, err
}

// read gives the rows of messages as objects, and the codes of errors.
func read(t *testing.T, f *format.Format, o catalog.Options, fields []catalog.Field, messages ...[]byte) []string {
	t.Helper()
	d, err := f.Decode(format.DecodeConfig{Options: o, Columns: fields, Declared: fields})
	if err != nil {
		t.Fatal(err)
	}
	m := d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
	for _, b := range messages {
		if err := m.Append(b, []format.Span{{End: int32(len(b))}}); err != nil {
			t.Fatal(err)
		}
	}
	recs, err := m.Finish()
	if err != nil {
		t.Fatal(err)
	}
	e, err := ndjson.Format().Encode(format.EncodeConfig{Options: catalog.Options{}, Columns: fields})
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.NewEncoder().Append(nil, &connectors.Batch{N: recs.N, Cols: recs.Cols})
	if err != nil {
		t.Fatal(err)
	}
	out := strings.Split(strings.TrimSpace(string(b)), "\n")
	for _, e := range recs.Errors {
		out = append(out, e.Code)
	}
	return out
}

// TestRealRegistry: schemas that follow each other in a real registry, columns taken
// from it, an id that it does not know, and a schema that must be there.
func TestRealRegistry(t *testing.T) {
	r := testservice.SharedRegistry(t)
	v1 := []catalog.Field{col("id", catalog.BigInt)}
	v2 := []catalog.Field{col("id", catalog.BigInt), col("note", catalog.String), col("at", catalog.Timestamp3)}
	for _, f := range []*format.Format{avro.Confluent(), protobuf.Confluent(), jsonschema.Confluent()} {
		t.Run(f.Spec.Name, func(t *testing.T) {
			o := catalog.Options{"url": r.URL, "subject": f.Spec.Name}
			one, err := written(t, f, o, v1, `{"id":1}`)
			if err != nil {
				t.Fatal(err)
			}
			two, err := written(t, f, o, v2, `{"id":2,"note":"é","at":"2024-05-01 10:00:00.500"}`)
			if err != nil {
				t.Fatal(err)
			}
			got := read(t, f, o, v2, two[0], one[0], append([]byte{0, 0x7f, 0, 0, 0}, one[0][5:]...))
			want := []string{`{"id":2,"note":"é","at":"2024-05-01 10:00:00.500"}`, `{"id":1,"note":null,"at":null}`, `{"id":null,"note":null,"at":null}`, "UNKNOWN_SCHEMA"}
			if f.Spec.Name == "json-confluent" { // which asks for no schema
				want[2] = want[1]
				want = want[:3]
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q", got)
			}
			fields, err := f.Infer(format.InferConfig{Options: o})
			if err != nil || len(fields) != 3 || fields[0].Type.Kind != catalog.KindBigInt || fields[1].Name != "note" {
				t.Errorf("inferred %v: %v", fields, err)
			}
			o["auto-register"] = "false"
			if _, err := written(t, f, o, []catalog.Field{col("other", catalog.Double)}, `{"other":1}`); err == nil || !strings.Contains(err.Error(), "does not know it") {
				t.Errorf("a schema that must be there: %v", err)
			}
		})
	}
}

// TestRealReferences: a .proto file with what it imports, in a real registry.
func TestRealReferences(t *testing.T) {
	r := testservice.SharedRegistry(t)
	dir := t.TempDir()
	write(t, dir, "order.proto", `syntax = "proto3"; package shop; import "money.proto"; message None {} message Order { int64 id = 1; Money total = 2; }`)
	write(t, dir, "money.proto", `syntax = "proto3"; package shop; message Money { int64 cents = 1; }`)
	f := protobuf.Confluent()
	o := catalog.Options{"url": r.URL, "subject-name-strategy": "record", "message-name": "shop.Order", "proto-file": dir + "/order.proto"}
	fields := []catalog.Field{col("id", catalog.BigInt), col("total", catalog.RowOf(col("cents", catalog.BigInt)))}
	messages, err := written(t, f, o, fields, `{"id":7,"total":{"cents":250}}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, f, o, fields, messages...); !slices.Equal(got, []string{`{"id":7,"total":{"cents":250}}`}) {
		t.Errorf("got %q", got)
	}
	if inferred, err := f.Infer(format.InferConfig{Options: o}); err != nil || catalog.RowOf(inferred...).String() != catalog.RowOf(fields...).String() {
		t.Errorf("inferred %v: %v", inferred, err)
	}
}
