package avro

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// TestRealRegistry writes and reads by way of a real registry, whose address is
// STREAMSQL_SCHEMA_REGISTRY: schemas that follow each other, and one that the
// registry refuses.
func TestRealRegistry(t *testing.T) {
	url := os.Getenv("STREAMSQL_SCHEMA_REGISTRY")
	if url == "" {
		t.Skip("STREAMSQL_SCHEMA_REGISTRY names no registry")
	}
	options := catalog.Options{"url": url, "subject": "real-" + strings.ToLower(t.Name()) + "-value"}
	v1 := []catalog.Field{field("id", catalog.Int)}
	v2 := []catalog.Field{field("id", catalog.Int), field("note", catalog.String)}
	one := written(t, options, connectors.Env{}, v1, `{"id":1}`)
	two := written(t, options, connectors.Env{}, v2, `{"id":2,"note":"n"}`)
	got := jsonOf(t, v2, decode(t, confluent(t, options, v2), two[0], one[0], []byte{0, 0x7f, 0, 0, 0, 2}))
	want := []string{`{"id":2,"note":"n"}`, `{"id":1,"note":null}`, `{"id":null,"note":null}`, "row 2 col -1: UNKNOWN_SCHEMA "}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	fields, err := Confluent().Infer(format.InferConfig{Options: options})
	if err != nil || len(fields) != 2 || fields[1].Name != "note" {
		t.Errorf("inferred %v: %v", fields, err)
	}
	options["auto-register"] = "false"
	e, err := Confluent().Encode(format.EncodeConfig{Options: options, Columns: []catalog.Field{field("other", catalog.Double)}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, rowsOf(t, []catalog.Field{field("other", catalog.Double)}, `{"other":1}`))
	if err == nil || !strings.Contains(err.Error(), "does not know it") {
		t.Errorf("a schema that must be there: %v", err)
	}
}
