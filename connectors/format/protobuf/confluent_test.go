package protobuf

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/formattest"
)

// enveloped makes a message of the wire format by other libraries: the envelope by
// franz-go's, the value by Google's.
func enveloped(t testing.TB, id int, path []int, m protoreflect.MessageDescriptor, text string) []byte {
	t.Helper()
	v := dynamicpb.NewMessage(m)
	if err := protojson.Unmarshal([]byte(text), v); err != nil {
		t.Fatal(err)
	}
	body, err := proto.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var head sr.ConfluentHeader
	b, err := head.AppendEncode(nil, id, path)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, body...)
}

func compiledOf(t testing.TB, files map[string]string, main string) *compiled {
	t.Helper()
	c, err := compileText(main, func(path string) (string, error) {
		if files[path] == "" {
			return "", fs.ErrNotExist
		}
		return files[path], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func confluent(t testing.TB, o catalog.Options, fields []catalog.Field) format.MessageDecoder {
	t.Helper()
	d, err := Confluent().Decode(format.DecodeConfig{Options: o, Columns: fields, Declared: fields, Env: world()})
	if err != nil {
		t.Fatal(err)
	}
	return d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
}

const (
	money    = `syntax = "proto3"; package shop; message Money { int64 cents = 1; }`
	versions = `syntax = "proto3"; package shop; import "money.proto"; import "confluent/meta.proto";
message Order { int32 id = 1 [(confluent.field_meta).doc = "key"]; Money total = 2; message Line { string sku = 1; message Part { string sku = 3; } } }
message Refund { int64 id = 7; }`
	newer = `syntax = "proto3"; package shop; message Order { int64 id = 1; string note = 3; }`
)

// TestConfluentReading: messages of several schemas and types into the same columns.
func TestConfluentReading(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	api, err := sr.NewClient(sr.URLs(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	register := func(subject string, s sr.Schema) int {
		got, err := api.CreateSchema(t.Context(), subject, s)
		if err != nil {
			t.Fatal(err)
		}
		return got.ID
	}
	register("money", sr.Schema{Schema: money, Type: sr.TypeProtobuf})
	v1 := register("orders-value", sr.Schema{Schema: versions, Type: sr.TypeProtobuf, References: []sr.SchemaReference{{Name: "money.proto", Subject: "money", Version: 1}}})
	v2 := register("orders-value", sr.Schema{Schema: newer, Type: sr.TypeProtobuf})
	avro := register("other", sr.Schema{Schema: `"int"`})
	old := compiledOf(t, map[string]string{"a.proto": versions, "money.proto": money, "confluent/meta.proto": builtIn["confluent/meta.proto"]}, "a.proto")
	top := old.file.Messages()
	order, refund, line := top.Get(0), top.Get(1), top.Get(0).Messages().Get(0)
	next := compiledOf(t, map[string]string{"b.proto": newer}, "b.proto").file.Messages().Get(0)
	columns := []catalog.Field{col("id", catalog.BigInt), col("note", catalog.String), col("total", catalog.RowOf(col("cents", catalog.BigInt), col("currency", catalog.String))), col("sku", catalog.String)}
	o := catalog.Options{"url": fake.URL()}
	got := rows(t, confluent(t, o, columns), columns,
		enveloped(t, v1, []int{0}, order, `{"id":1,"total":{"cents":"250"}}`), enveloped(t, v2, []int{0}, next, `{"id":"5000000000","note":"n"}`),
		enveloped(t, v1, []int{1}, refund, `{"id":"3"}`), enveloped(t, v1, []int{0, 0}, line, `{"sku":"s"}`), enveloped(t, v1, []int{0, 0, 0}, line.Messages().Get(0), `{"sku":"p"}`),
		enveloped(t, v1, []int{0}, order, `{}`),
		[]byte{0, 0, 0, 0, 99, 0}, []byte{1}, append([]byte{0, 0, 0, 0, byte(avro)}, 0), []byte{0, 0, 0, 0, byte(v1), 2, 10}, []byte{0, 0, 0, 0, byte(v1)}, []byte{0, 0, 0, 0, byte(v1), 3}, []byte{0, 0, 0, 0, byte(v1), 0, 0xff})
	null := `{"id":null,"note":null,"total":null,"sku":null}`
	want := []string{
		`{"id":1,"note":null,"total":{"cents":250,"currency":null},"sku":null}`, `{"id":5000000000,"note":"n","total":null,"sku":null}`,
		`{"id":3,"note":null,"total":null,"sku":null}`, `{"id":null,"note":null,"total":null,"sku":"s"}`, `{"id":null,"note":null,"total":null,"sku":"p"}`,
		`{"id":0,"note":null,"total":null,"sku":null}`,
		null, null, null, null, null, null, null,
		"UNKNOWN_SCHEMA ", "MALFORMED_RECORD ", "SCHEMA_MISMATCH ", "SCHEMA_MISMATCH ", "MALFORMED_RECORD ", "MALFORMED_RECORD ", "MALFORMED_RECORD ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for name, want := range map[string]string{"": "id BIGINT, note STRING", "shop.Order": "id BIGINT, note STRING"} {
		fields, err := Confluent().Infer(format.InferConfig{Options: catalog.Options{"url": fake.URL(), optMessage: name}, Subject: "orders"})
		if got := catalog.RowOf(fields...).String(); err != nil || got != "ROW<"+want+">" {
			t.Errorf("inferred %s: %v", got, err)
		}
	}
	for o, want := range map[string]string{"shop.None": "no message type shop.None", "": "not Protocol Buffers"} {
		cfg := format.InferConfig{Options: catalog.Options{"url": fake.URL(), optMessage: o}, Subject: "orders"}
		if o == "" {
			cfg.Options["subject"] = "other"
		}
		if _, err := Confluent().Infer(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("inferred %v: want %s", err, want)
		}
	}
	wrong := []catalog.Field{col("total", catalog.Int)}
	if got := rows(t, confluent(t, o, wrong), wrong, enveloped(t, v1, []int{0}, order, `{}`)); !slices.Equal(got, []string{`{"total":null}`, "SCHEMA_MISMATCH "}) {
		t.Errorf("a column that does not fit: %q", got)
	}
}

// written encodes rows as a sink of the topic orders does.
func written(t testing.TB, o catalog.Options, fields []catalog.Field, env connectors.Env, objects ...string) ([][]byte, error) {
	t.Helper()
	e, err := Confluent().Encode(format.EncodeConfig{Options: o, Columns: fields, Subject: "orders", Env: env})
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

// TestConfluentDerived: what is written by a schema made of the columns, Google's
// library reads by the text that was registered, and it reads back.
func TestConfluentDerived(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	o := catalog.Options{"url": fake.URL()}
	fields := []catalog.Field{{Name: "id", Type: catalog.BigInt, NotNull: true}, col("tiny", catalog.TinyInt), col("f", catalog.Float), col("d", catalog.Double), col("b", catalog.Boolean), col("s", catalog.String), col("y", catalog.Bytes),
		col("ts", catalog.Timestamp6), col("dur", catalog.IntervalDay), col("list", catalog.ArrayOf(catalog.RowOf(col("k", catalog.String)))), col("m", catalog.MapOf(catalog.String, catalog.RowOf(col("v", catalog.Int)))), col("o", catalog.RowOf(col("in", catalog.RowOf(col("x", catalog.Int)))))}
	objects := []string{`{"id":1,"tiny":-3,"f":1.5,"d":0.25,"b":true,"s":"é","y":"aGk=","ts":"2024-05-01 10:00:00.123456","dur":"0 00:00:01.500000","list":[{"k":"a"},{"k":null}],"m":{"k":{"v":1}},"o":{"in":{"x":5}}}`, `{"id":0}`}
	messages, err := written(t, o, fields, world(), objects...)
	if err != nil {
		t.Fatal(err)
	}
	api, err := sr.NewClient(sr.URLs(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	registered, err := api.SchemaByVersion(t.Context(), "orders-value", -1)
	if err != nil || registered.Type != sr.TypeProtobuf {
		t.Fatal(err, registered.Type)
	}
	m := compiledOf(t, map[string]string{"x.proto": registered.Schema.Schema}, "x.proto").file.Messages().Get(0)
	var head sr.ConfluentHeader
	for i, want := range []string{`{"id":"1","tiny":-3,"f":1.5,"d":0.25,"b":true,"s":"é","y":"aGk=","ts":"2024-05-01T10:00:00.123456Z","dur":"1.500s","list":[{"k":"a"},{}],"m":{"k":{"v":1}},"o":{"in":{"x":5}}}`, `{}`} {
		id, rest, err := head.DecodeID(messages[i])
		if err != nil || id != registered.ID {
			t.Fatal(id, err)
		}
		path, body, err := head.DecodeIndex(rest, 4)
		if err != nil || !slices.Equal(path, []int{0}) {
			t.Fatal(path, err)
		}
		v := dynamicpb.NewMessage(m)
		if err := proto.Unmarshal(body, v); err != nil {
			t.Fatal(err)
		}
		expected := dynamicpb.NewMessage(m)
		if err := protojson.Unmarshal([]byte(want), expected); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(v, expected) {
			t.Errorf("wrote %v, want %s", v, want)
		}
	}
	inferred, err := Confluent().Infer(format.InferConfig{Options: o, Subject: "orders"})
	if err != nil || len(inferred) != len(fields) || inferred[11].Type.String() != fields[11].Type.String() {
		t.Errorf("inferred %v: %v", inferred, err)
	}
	back := rows(t, confluent(t, o, fields), fields, messages...)
	if !strings.HasPrefix(back[0], `{"id":1,"tiny":-3,"f":1.5,"d":0.25,"b":true,"s":"é","y":"aGk=","ts":"2024-05-01 10:00:00.123456","dur":"0 00:00:01.500000","list":[{"k":"a"},{"k":null}],"m":{"k":{"v":1}},"o":{"in":{"x":5}}`) ||
		!strings.HasPrefix(back[1], `{"id":0,"tiny":null,"f":null,"d":null,"b":null,"s":null`) {
		t.Errorf("read back %q", back)
	}
	for want, f := range map[string]catalog.Field{"no type for DATE": col("day", catalog.Date), "name of a field": col("a b", catalog.Int), "key of a map": col("m", catalog.MapOf(catalog.Double, catalog.Int)), "no type for ARRAY": col("a", catalog.ArrayOf(catalog.ArrayOf(catalog.Int)))} {
		if _, err := Confluent().Encode(format.EncodeConfig{Options: o, Columns: []catalog.Field{f}, Subject: "t"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", f.Type, err, want)
		}
	}
}

// TestConfluentOwnFile: a .proto file of one's own is registered with what it
// imports; the type in it is named by its path.
func TestConfluentOwnFile(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	o := catalog.Options{"url": fake.URL(), optMessage: "shop.Order.Item", optFile: "p/order.proto", "subject-name-strategy": "topic-record"}
	fields := []catalog.Field{col("sku", catalog.String)}
	messages, err := written(t, o, fields, world(), `{"sku":"x"}`)
	if err != nil {
		t.Fatal(err)
	}
	api, err := sr.NewClient(sr.URLs(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	main, err := api.SchemaByVersion(t.Context(), "orders-shop.Order.Item", -1)
	if err != nil || main.Schema.Schema != order || len(main.References) != 1 || main.References[0].Name != "common.proto" {
		t.Fatalf("%v %+v", err, main)
	}
	if _, err := api.SchemaByVersion(t.Context(), "common.proto", -1); err != nil {
		t.Fatal(err)
	}
	var head sr.ConfluentHeader
	_, rest, _ := head.DecodeID(messages[0])
	if path, _, err := head.DecodeIndex(rest, 4); err != nil || !slices.Equal(path, []int{0, 0}) {
		t.Errorf("path %v: %v", path, err)
	}
	if got := rows(t, confluent(t, o, fields), fields, messages...); !slices.Equal(got, []string{`{"sku":"x"}`}) {
		t.Errorf("read back %q", got)
	}
	o["auto-register"], o["subject"] = "false", "elsewhere"
	if _, err := written(t, o, fields, world(), `{"sku":"x"}`); err == nil || !strings.Contains(err.Error(), "does not know") {
		t.Errorf("a schema that must be there: %v", err)
	}
	for want, o := range map[string]catalog.Options{"needs 'proto-file'": {optMessage: "a.B"}, "no message type a.B": {optMessage: "a.B", optFile: "p/order.proto"}, "option 'proto-file'": {optFile: "p/none.proto"}} {
		o["url"] = fake.URL()
		if _, err := written(t, o, fields, world(), `{"sku":"x"}`); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// FuzzConfluent: no message stops the decoder, and each is a row.
func FuzzConfluent(f *testing.F) {
	fake := srfake.New()
	f.Cleanup(fake.Close)
	o := catalog.Options{"url": fake.URL()}
	fields := []catalog.Field{col("id", catalog.Int), col("o", catalog.RowOf(col("s", catalog.String)))}
	messages, err := written(f, o, fields, world(), `{"id":1,"o":{"s":"x"}}`)
	if err != nil {
		f.Fatal(err)
	}
	d := confluent(f, o, fields)
	f.Add(messages[0])
	f.Add([]byte{0, 0, 0, 0, 1, 4, 0, 0})
	f.Fuzz(func(t *testing.T, m []byte) {
		if len(m) >= 5 {
			m = append([]byte{0, 0, 0, 0, m[4] & 1}, m[5:]...)
		}
		if got := rows(t, d, fields, m, messages[0]); len(got) < 2 || got[1] != `{"id":1,"o":{"s":"x"}}` {
			t.Fatalf("%q", got)
		}
	})
}
