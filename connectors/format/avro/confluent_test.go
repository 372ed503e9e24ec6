package avro

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/formattest"
	"github.com/streamsql/streamsql/connectors/format/registry"
)

// written encodes rows as a sink of a topic does.
func written(t testing.TB, options catalog.Options, env connectors.Env, fields []catalog.Field, rows ...string) [][]byte {
	t.Helper()
	e, err := Confluent().Encode(format.EncodeConfig{Options: options, Columns: fields, Subject: "orders", Env: env})
	if err != nil {
		t.Fatal(err)
	}
	buf, spans, err := e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, formattest.Batch(t, fields, rows...))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, s := range spans {
		out = append(out, s.Of(buf))
	}
	return out
}

func confluent(t testing.TB, options catalog.Options, fields []catalog.Field) format.MessageDecoder {
	t.Helper()
	d, err := Confluent().Decode(format.DecodeConfig{Options: options, Columns: fields, Declared: fields, Env: connectors.Env{Log: slog.New(slog.DiscardHandler)}})
	if err != nil {
		t.Fatal(err)
	}
	return d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
}

// TestEvolution: messages of schemas that come up one after the other are read into
// the same columns; the registry is asked once for each.
func TestEvolution(t *testing.T) {
	fake := srfake.New(srfake.WithAuth("Basic dTpw"))
	defer fake.Close()
	options := catalog.Options{"url": fake.URL(), "basic-auth.user-info": "u:p"}
	v1 := []catalog.Field{field("id", catalog.Int), {Name: "old", Type: catalog.String, NotNull: true}}
	v2 := []catalog.Field{field("note", catalog.String), field("id", catalog.BigInt)}
	v3 := []catalog.Field{field("id", catalog.String)}
	columns := []catalog.Field{field("id", catalog.Int), field("note", catalog.String), field("old", catalog.String)}
	d := confluent(t, options, columns)
	one := written(t, options, connectors.Env{}, v1, `{"id":1,"old":"x"}`)
	got := jsonOf(t, columns, decode(t, d, one...))
	two, three := written(t, options, connectors.Env{}, v2, `{"id":5,"note":"n"}`, `{"id":5000000000,"note":null}`), written(t, options, connectors.Env{}, v3, `{"id":"s"}`)
	got = append(got, jsonOf(t, columns, decode(t, d, two[0], one[0], two[1], three[0], []byte{0, 0, 0, 0, 99, 2}, []byte{1, 0, 0, 0, 1}, []byte{0, 0}, one[0]))...)
	want := []string{
		`{"id":1,"note":null,"old":"x"}`, `{"id":5,"note":"n","old":null}`, `{"id":1,"note":null,"old":"x"}`, `{"id":null,"note":null,"old":null}`, `{"id":null,"note":null,"old":null}`,
		`{"id":null,"note":null,"old":null}`, `{"id":null,"note":null,"old":null}`, `{"id":null,"note":null,"old":null}`, `{"id":1,"note":null,"old":"x"}`,
		"row 2 col 0: OUT_OF_RANGE id", "row 3 col -1: SCHEMA_MISMATCH ", "row 4 col -1: UNKNOWN_SCHEMA ", "row 5 col -1: MALFORMED_RECORD ", "row 6 col -1: MALFORMED_RECORD ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	fields, err := Confluent().Infer(format.InferConfig{Options: options, Subject: "orders"})
	if err != nil || len(fields) != 1 || fields[0].Name != "id" || fields[0].Type.Kind != catalog.KindString {
		t.Errorf("inferred %v: %v", fields, err)
	}
	if _, err := Confluent().Infer(format.InferConfig{Options: options, Subject: "none"}); err == nil || !strings.Contains(err.Error(), "does not know") {
		t.Errorf("of no subject: %v", err)
	}
	options["basic-auth.user-info"] = "u:q"
	if _, err := Confluent().Infer(format.InferConfig{Options: options, Subject: "orders"}); err == nil || !strings.Contains(err.Error(), "refuses") {
		t.Errorf("with a wrong password: %v", err)
	}
}

// TestReferences: a schema that refers to another subject's.
func TestReferences(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	client, err := sr.NewClient(sr.URLs(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := client.CreateSchema(ctx, "money", sr.Schema{Schema: `{"type":"record","name":"Money","namespace":"n","fields":[{"name":"cents","type":"long"}]}`}); err != nil {
		t.Fatal(err)
	}
	outer, err := client.CreateSchema(ctx, "orders-value", sr.Schema{
		Schema:     `{"type":"record","name":"Order","namespace":"n","fields":[{"name":"total","type":"n.Money"}]}`,
		References: []sr.SchemaReference{{Name: "n.Money", Subject: "money", Version: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	columns := []catalog.Field{field("total", catalog.RowOf(field("cents", catalog.BigInt)))}
	got := jsonOf(t, columns, decode(t, confluent(t, catalog.Options{"url": fake.URL()}, columns), append(registry.AppendHeader(nil, outer.ID), 84)))
	if want := []string{`{"total":{"cents":42}}`}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestRegistryDown: a registry that fails for a while is asked again; one that
// stays away is an error that names it.
func TestRegistryDown(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	options := catalog.Options{"url": fake.URL()}
	columns := []catalog.Field{field("id", catalog.Int)}
	m := written(t, options, connectors.Env{}, columns, `{"id":7}`)
	var asked atomic.Int32
	fake.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if asked.Add(1) <= 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	if got := jsonOf(t, columns, decode(t, confluent(t, options, columns), m[0], m[0])); !slices.Equal(got, []string{`{"id":7}`, `{"id":7}`}) || asked.Load() != 4 {
		t.Errorf("%d requests: %q", asked.Load(), got)
	}
	options["retry-timeout"] = "300ms"
	fake.Intercept(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true })
	d := confluent(t, options, columns)
	if err := d.Append(m[0], []format.Span{{End: int32(len(m[0]))}}); err == nil || !strings.Contains(err.Error(), "has not answered") || !strings.Contains(err.Error(), fake.URL()) {
		t.Errorf("a registry that is down: %v", err)
	}
}
