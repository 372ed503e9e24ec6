package jsonschema

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	referee "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/formattest"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
	"github.com/streamsql/streamsql/connectors/format/registry"
)

func col(name string, t catalog.Type) catalog.Field { return catalog.Field{Name: name, Type: t} }

// typesOf gives columns as text.
func typesOf(fields []catalog.Field) string {
	return strings.TrimSuffix(strings.TrimPrefix(catalog.RowOf(fields...).String(), "ROW<"), ">")
}

// Expected: by hand, from JSON Schema's own rules.
func TestFields(t *testing.T) {
	refs := map[string]string{"money.json": `{"definitions":{"m":{"type":"object","properties":{"cents":{"type":"integer"}}}},"$ref":"#/definitions/m"}`,
		"loop.json": `{"type":"object","properties":{"next":{"$ref":"loop.json"}}}`}
	for schema, want := range map[string]string{
		`{"type":"object","properties":{"b":{"type":"integer"},"a":{"type":"string"},"n":{"type":["null","number"]}},"required":["b","n"]}`:                                                                                                                                   "b BIGINT NOT NULL, a STRING, n DOUBLE",
		`{"properties":{"x":{"oneOf":[{"type":"null"},{"type":"boolean"}]},"y":{"anyOf":[{"type":"string"},{"type":"integer"}]},"z":{"type":["integer","number"]},"any":{},"t":true}}`:                                                                                        "x BOOLEAN, y STRING, z DOUBLE, any STRING, t STRING",
		`{"type":"object","properties":{"d":{"type":"string","format":"date"},"i":{"type":"string","format":"date-time"},"m":{"type":"string","format":"email"},"y":{"type":"string","contentEncoding":"base64"}}}`:                                                           "d DATE, i TIMESTAMP_LTZ(6), m STRING, y BYTES",
		`{"type":"object","properties":{"a":{"type":"array","items":{"type":"array","items":{"type":"integer","connect.type":"int32"}}},"b":{"type":"array"},"m":{"type":"object","additionalProperties":{"type":"number","connect.type":"float32"}},"o":{"type":"object"}}}`: "a ARRAY<ARRAY<INT>>, b ARRAY<STRING>, m MAP<STRING, FLOAT>, o STRING",
		`{"type":"object","properties":{"p":{"$ref":"money.json"},"q":{"$ref":"#/$defs/a~1b"},"r":{"$ref":"money.json#/definitions/m"}},"required":["q"],"$defs":{"a/b":{"type":"boolean"}}}`:                                                                                 "p ROW<cents BIGINT>, q BOOLEAN NOT NULL, r ROW<cents BIGINT>",
		`{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}}},{"$ref":"#/definitions/x"}],"definitions":{"x":{"properties":{"b":{"enum":["u","v"]}}}}}`:                                                                                                          "a BIGINT, b STRING",
		`{"type":"string"}`: "not one of an object", `{"$ref":"other.json"}`: "does not give", `{"$ref":"#/definitions/none"}`: "there is nothing at", `{"$ref":"loop.json"}`: "holds itself", `{"type":1}`: "can't be read",
	} {
		fields, err := Fields(schema, refs)
		got := typesOf(fields)
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%s: got %s, want %s", schema, got, want)
		}
	}
}

// columns are one of each type, and rows that read back as they were.
var (
	columns = []catalog.Field{{Name: "id", Type: catalog.BigInt, NotNull: true}, col("tiny", catalog.TinyInt), col("small", catalog.SmallInt), col("i", catalog.Int), col("f", catalog.Float), col("d", catalog.Double),
		col("dec", catalog.Decimal(10, 2)), col("b", catalog.Boolean), col("s \"<é>", catalog.String), col("y", catalog.Bytes), col("day", catalog.Date), col("time", catalog.Type{Kind: catalog.KindTime, Precision: 6}),
		col("ts", catalog.Timestamp6), col("ltz", catalog.Type{Kind: catalog.KindTimestampLTZ, Precision: 6}), col("a", catalog.ArrayOf(catalog.Int)), col("m", catalog.MapOf(catalog.String, catalog.Double)),
		{Name: "r", Type: catalog.RowOf(catalog.Field{Name: "x", Type: catalog.Int, NotNull: true}), NotNull: true}, col("o", catalog.RowOf(col("z", catalog.ArrayOf(catalog.RowOf(col("k", catalog.String)))))), col("any", catalog.JSON)}
	objects = []string{
		`{"id":1,"tiny":-128,"small":300,"i":70000,"f":1.5,"d":"NaN","dec":1.25,"b":true,"s \"<é>":"t","y":"aGk=","day":"2024-05-01","time":"10:00:00.5","ts":"2024-05-01T10:00:00.123456","ltz":"2024-05-01T10:00:00Z","a":[1,null],"m":{"k":0.5,"n":null},"r":{"x":1},"o":{"z":[{"k":"v"},null]},"any":[{"deep":1}]}`,
		`{"id":2,"r":{"x":2}}`,
	}
	options = catalog.Options{"timestamp-format.standard": "ISO-8601"}
)

// textOf writes rows as objects.
func textOf(t testing.TB, fields []catalog.Field, recs *connectors.Records) []string {
	t.Helper()
	e, err := ndjson.Format().Encode(format.EncodeConfig{Options: options, Columns: fields})
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.NewEncoder().Append(nil, &connectors.Batch{N: recs.N, Cols: recs.Cols})
	if err != nil {
		t.Fatal(err)
	}
	out := strings.Split(strings.TrimSpace(string(b)), "\n")
	for _, e := range recs.Errors {
		out = append(out, e.Code+" "+e.Column)
	}
	return out
}

// TestWritten: what is written another implementation finds valid by the schema that
// was registered, whose columns are those that it was made of, and it reads back.
func TestWritten(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	o := catalog.Options{"url": fake.URL(), "timestamp-format.standard": "ISO-8601"}
	e, err := Confluent().Encode(format.EncodeConfig{Options: o, Columns: columns, Subject: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	batch := formattest.BatchWith(t, options, columns, objects...)
	buf, spans, err := e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, batch)
	if err != nil {
		t.Fatal(err)
	}
	api, err := sr.NewClient(sr.URLs(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	registered, err := api.SchemaByVersion(t.Context(), "orders-value", -1)
	if err != nil || registered.Type != sr.TypeJSON {
		t.Fatal(err, registered.Type)
	}
	c := referee.NewCompiler()
	doc, err := referee.UnmarshalJSON(strings.NewReader(registered.Schema.Schema))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource("mem:///s.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("mem:///s.json")
	if err != nil {
		t.Fatal(err)
	}
	var head sr.ConfluentHeader
	for _, s := range spans {
		id, value, err := head.DecodeID(s.Of(buf))
		if err != nil || id != registered.ID {
			t.Fatal(id, err)
		}
		v, err := referee.UnmarshalJSON(strings.NewReader(string(value)))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(v); err != nil {
			t.Errorf("%s: %v", value, err)
		}
	}
	for _, bad := range []string{`{"r":{"x":1}}`, `{"id":1,"r":{"x":1},"more":1}`, `{"id":"1","r":{"x":1}}`, `{"id":1,"r":null}`} {
		v, _ := referee.UnmarshalJSON(strings.NewReader(bad))
		if compiled.Validate(v) == nil {
			t.Errorf("the schema takes %s", bad)
		}
	}
	fields, err := Confluent().Infer(format.InferConfig{Options: o, Subject: "orders"})
	want := slices.Clone(columns)
	want[6].Type, want[18].Type = catalog.Double, catalog.String // which JSON Schema does not tell
	if err != nil || typesOf(fields) != typesOf(want) {
		t.Errorf("inferred %v: %s\nwant %s", err, typesOf(fields), typesOf(want))
	}
	d, err := Confluent().Decode(format.DecodeConfig{Options: o, Columns: columns, Declared: columns})
	if err != nil {
		t.Fatal(err)
	}
	m := d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
	none := append(buf, `{"id":1}`...)
	if err := m.Append(none, append(spans, format.NoValue, format.Span{Start: int32(len(buf)), End: int32(len(none))})); err != nil {
		t.Fatal(err)
	}
	recs, err := m.Finish()
	if err != nil {
		t.Fatal(err)
	}
	got := textOf(t, columns, recs)
	if wrote := textOf(t, columns, &connectors.Records{N: batch.N, Cols: batch.Cols}); !slices.Equal(got[:2], wrote) {
		t.Errorf("read %q\nwant %q", got, wrote)
	}
	if got[len(got)-1] != "MALFORMED_RECORD " || recs.N != 3 {
		t.Errorf("without an envelope: %q", got)
	}
}

// TestOptions: subjects by the title, schemas of one's own, and what can't be.
func TestOptions(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	encode := func(o catalog.Options, fields ...catalog.Field) error {
		o["url"] = fake.URL()
		e, err := Confluent().Encode(format.EncodeConfig{Options: o, Columns: fields, Subject: "t"})
		if err != nil {
			return err
		}
		_, _, err = e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, formattest.BatchWith(t, options, fields, `{}`))
		return err
	}
	id := col("id", catalog.Int)
	if err := encode(catalog.Options{"subject-name-strategy": "topic-record", "schema": `{"title":"Own","type":"object"}`}, id); err != nil {
		t.Fatal(err)
	}
	client, err := registry.New(catalog.Options{"url": fake.URL()}, connectors.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := client.Latest("t-Own"); err != nil || s.Text != `{"title":"Own","type":"object"}` {
		t.Errorf("%v %v", s, err)
	}
	for want, err := range map[string]error{
		"does not know it":               encode(catalog.Options{"auto-register": "false"}, id),
		"must be STRING":                 encode(catalog.Options{}, col("m", catalog.MapOf(catalog.Int, catalog.Int))),
		"option 'json-confluent.schema'": encode(catalog.Options{"schema": "{"}, id),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// FuzzFields: no schema stops the reader, and columns that it gives can be compiled
// unless names come twice.
func FuzzFields(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#/definitions/x"},"b":{"oneOf":[{"type":"null"},{"type":"array","items":{}}]}},"definitions":{"x":{"allOf":[{"$ref":"#"}]}}}`)
	f.Add(`{"properties":{"a":{"type":"object","additionalProperties":{"type":"object","additionalProperties":true}}}}`)
	f.Fuzz(func(_ *testing.T, text string) { _, _ = Fields(text, map[string]string{"a": text}) })
}
