package protobuf

import (
	"encoding/hex"
	stdjson "encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/formattest"
)

const common = `syntax = "proto3"; package c; enum Color { RED = 0; GREEN = 1; BLUE = -2; }`

const order = `syntax = "proto3"; package shop;
import "common.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/wrappers.proto";
message Order {
  message Item { string sku = 1; repeated int32 n = 2; Item inner = 3; }
  int32 i = 1; sint64 s = 2; fixed32 f32 = 3; sfixed64 f64 = 4; uint64 u = 5; float f = 6; double d = 7; bool b = 8; string t = 9; bytes y = 10;
  c.Color color = 11; Item item = 12; repeated Item items = 13; map<string, Item> by_name = 14; map<int32, string> by_id = 15; repeated c.Color colors = 16;
  google.protobuf.Timestamp ts = 17; google.protobuf.Duration dur = 18; google.protobuf.Int64Value wrapped = 19; optional int32 opt = 20; repeated string texts = 21;
  oneof choice { int32 one = 22; string two = 300; } repeated double numbers = 23; string skipped = 24; sint32 z = 25; uint32 u32 = 26;
}`

func col(name string, t catalog.Type) catalog.Field { return catalog.Field{Name: name, Type: t} }

var (
	item    = catalog.RowOf(col("sku", catalog.String), col("n", catalog.ArrayOf(catalog.Int)))
	ltz6    = catalog.Type{Kind: catalog.KindTimestampLTZ, Precision: 6}
	columns = []catalog.Field{
		col("i", catalog.Int), col("s", catalog.BigInt), col("f32", catalog.BigInt), col("f64", catalog.BigInt), col("u", catalog.Decimal(20, 0)), col("f", catalog.Float), col("d", catalog.Double), col("b", catalog.Boolean),
		col("t", catalog.String), col("y", catalog.Bytes), col("color", catalog.String), col("item", item), col("items", catalog.ArrayOf(item)), col("by_name", catalog.MapOf(catalog.String, item)),
		col("colors", catalog.ArrayOf(catalog.String)), col("ts", ltz6), col("wrapped", catalog.BigInt), col("opt", catalog.Int), col("texts", catalog.ArrayOf(catalog.String)), col("one", catalog.Int), col("two", catalog.String),
		col("numbers", catalog.ArrayOf(catalog.Double)), col("z", catalog.Int), col("u32", catalog.BigInt),
	}
)

func world() connectors.Env {
	fs := connectortest.NewMemFS()
	fs.WriteFile("/p/order.proto", []byte(order))
	fs.WriteFile("/p/common.proto", []byte(common))
	return connectors.Env{FS: fs, Dir: "/"}
}

var options = catalog.Options{optMessage: "shop.Order", optFile: "p/order.proto"}

func decoderOf(t testing.TB, fields []catalog.Field, o catalog.Options) format.MessageDecoder {
	t.Helper()
	d, err := Format().Decode(format.DecodeConfig{Options: o, Columns: fields, Declared: fields, Env: world()})
	if err != nil {
		t.Fatal(err)
	}
	return d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
}

func rows(t testing.TB, d format.MessageDecoder, fields []catalog.Field, messages ...[]byte) []string {
	t.Helper()
	for _, m := range messages {
		if err := d.Append(append([]byte("xx"), m...), []format.Span{{Start: 2, End: int32(2 + len(m))}}); err != nil {
			t.Fatal(err)
		}
	}
	recs, err := d.Finish()
	if err != nil {
		t.Fatal(err)
	}
	out := formattest.Objects(t, fields, recs.Cols, recs.N)
	for _, e := range recs.Errors {
		out = append(out, e.Code+" "+e.Column)
	}
	return out
}

// dynamic makes a message of protojson by the independent implementation.
func dynamic(t testing.TB, text string) []byte {
	t.Helper()
	m, err := messageType(options, world())
	if err != nil {
		t.Fatal(err)
	}
	d := dynamicpb.NewMessage(m)
	if err := protojson.Unmarshal([]byte(text), d); err != nil {
		t.Fatal(err)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const whole = `{"i":-5,"s":"-6","f32":7,"f64":"-8","u":"18446744073709551615","f":1.5,"d":0.1,"b":true,"t":"é","y":"AAEC","color":"GREEN","item":{"sku":"a","n":[1,-2,300],"inner":{"sku":"no"}},
"items":[{"sku":"x"},{},{"n":[5]}],"byName":{"k":{"sku":"m"}},"byId":{"3":"c"},"colors":["RED","BLUE"],"ts":"1969-12-31T23:59:59.999999Z","dur":"1.5s","wrapped":"0","opt":0,"texts":["","q"],"two":"zwei","numbers":[1,2.5],"skipped":"s","z":-3,"u32":4294967295}`

var wantWhole = `{"i":-5,"s":-6,"f32":7,"f64":-8,"u":18446744073709551615,"f":1.5,"d":0.1,"b":true,"t":"é","y":"AAEC","color":"GREEN","item":{"sku":"a","n":[1,-2,300]},"items":[{"sku":"x","n":[]},{"sku":"","n":[]},{"sku":"","n":[5]}],"by_name":{"k":{"sku":"m","n":[]}},"colors":["RED","BLUE"],"ts":"1969-12-31 23:59:59.999999Z","wrapped":0,"opt":0,"texts":["","q"],"one":null,"two":"zwei","numbers":[1.0,2.5],"z":-3,"u32":4294967295}`

// TestDecode: what the independent implementation writes is read: all kinds of
// fields, absent ones, defaults and merged messages.
func TestDecode(t *testing.T) {
	empty := `{"i":0,"s":0,"f32":0,"f64":0,"u":0,"f":0.0,"d":0.0,"b":false,"t":"","y":"","color":"RED","item":null,"items":[],"by_name":{},"colors":[],"ts":null,"wrapped":null,"opt":null,"texts":[],"one":null,"two":null,"numbers":[],"z":0,"u32":0}`
	merged := append(dynamic(t, `{"i":1,"item":{"sku":"a","n":[1]},"one":5,"t":"first"}`), dynamic(t, `{"item":{"n":[2]},"two":"later","t":"second"}`)...)
	d := decoderOf(t, columns, options)
	wantMerged := strings.NewReplacer(`"i":0`, `"i":1`, `"t":""`, `"t":"second"`, `"item":null`, `"item":{"sku":"a","n":[1,2]}`, `"two":null`, `"two":"later"`).Replace(empty)
	for range 2 {
		if got, want := rows(t, d, columns, dynamic(t, whole), nil, merged), []string{wantWhole, empty, wantMerged}; !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	few := []catalog.Field{col("t", catalog.String), col("color", catalog.TinyInt), col("byId", catalog.MapOf(catalog.Int, catalog.String)), col("texts", catalog.ArrayOf(catalog.String)), {Name: "dur", Type: catalog.IntervalDay}}
	o := catalog.Options{optMessage: "shop.Order", optFile: "p/order.proto", optNoDefaults: "true"}
	want := []string{`{"t":"é","color":1,"byId":{"3":"c"},"texts":["","q"],"dur":"0 00:00:01.500000"}`, `{"t":null,"color":null,"byId":null,"texts":null,"dur":null}`}
	got := rows(t, decoderOf(t, few, o), few, dynamic(t, whole), nil)
	if len(got) != 2 || !strings.HasPrefix(got[0], want[0][:60]) || got[1] != want[1] {
		t.Errorf("got %q", got)
	}
}

// TestMapKeyTwice: of entries with one key the last counts, whole. The message and
// what it holds are those of Python's protobuf 7.36.2.
func TestMapKeyTwice(t *testing.T) {
	env := connectors.Env{FS: connectortest.NewMemFS(), Dir: "/"}
	env.FS.(*connectortest.MemFS).WriteFile("/m.proto", []byte(`syntax = "proto3"; message S { string s = 1; sint64 z = 2; }
message M { map<string, int32> msi = 30; map<int64, string> mis = 31; map<bool, double> mbd = 32; map<fixed32, S> mfs = 33; }`))
	o := catalog.Options{optMessage: "M", optFile: "m.proto"}
	fields := []catalog.Field{
		col("msi", catalog.MapOf(catalog.String, catalog.Int)), col("mis", catalog.MapOf(catalog.BigInt, catalog.String)), col("mbd", catalog.MapOf(catalog.Boolean, catalog.Double)),
		col("mfs", catalog.MapOf(catalog.BigInt, catalog.RowOf(col("s", catalog.String), col("z", catalog.BigInt)))),
	}
	d, err := Format().Decode(format.DecodeConfig{Options: o, Columns: fields, Declared: fields, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	message, err := hex.DecodeString("f201050a016b1001f201050a016c1002fa01050804120164fa0105080312016382020b080111000000000000f03f8a020a0d0100000012030a016d" +
		"f201050a016b1007fa0105080312017882020b08011100000000000000408a02090d010000001202100a")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"msi":{"l":2,"k":7},"mis":{"4":"d","3":"x"},"mbd":{"true":2.0},"mfs":{"1":{"s":"","z":5}}}`}
	if got := rows(t, d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator), fields, message); !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// A key that does not fit makes the MAP NULL, and the record bad.
	unfit := append(slices.Clone(message), 0xf2, 1, 5, 0x0a, 1, 0xff, 0x10, 1)
	if got, want := rows(t, d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator), fields, unfit), []string{strings.Replace(want[0], `{"l":2,"k":7}`, "null", 1), "BAD_UTF8 msi[]"}; !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	many := slices.Repeat(message[:59], 50) // more entries than are just compared
	if got, want := rows(t, d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator), fields, append(many, message...)), want; !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestBad: what is no message is one error; a value that does not fit is its column's.
func TestBad(t *testing.T) {
	fields := []catalog.Field{col("i", catalog.TinyInt), {Name: "opt", Type: catalog.Int, NotNull: true}, col("t", catalog.String)}
	d := decoderOf(t, fields, options)
	good := dynamic(t, `{"i":1,"opt":2,"t":"x"}`)
	null := `{"i":null,"opt":null,"t":null}`
	for _, bad := range [][]byte{{8}, {0x4a, 5, 'a'}, {0xff}, {9, 1}, {0, 0}, {0xc3, 0x01, 8}} {
		if got, want := rows(t, d, fields, good, bad, good), []string{`{"i":1,"opt":2,"t":"x"}`, null, `{"i":1,"opt":2,"t":"x"}`, "MALFORMED_RECORD "}; !slices.Equal(got, want) {
			t.Errorf("% x: %q", bad, got)
		}
	}
	if got, want := rows(t, d, fields, dynamic(t, `{"i":1000}`), []byte{0x4a, 1, 0xff}), []string{null[:17] + `"opt":null,"t":""}`, `{"i":0,"opt":null,"t":null}`, "OUT_OF_RANGE i", "NOT_NULL opt", "NOT_NULL opt", "BAD_UTF8 t"}; len(got) != 6 || !slices.Equal(got[2:], want[2:]) {
		t.Errorf("%q", got)
	}
	for want, o := range map[string]catalog.Options{
		"one of the options": {optMessage: "shop.Order"}, "there is no message type": {optMessage: "shop.None", optFile: "p/order.proto"}, "is no message type": {optMessage: "c.Color", optFile: "p/order.proto"},
		"none.proto": {optMessage: "shop.Order", optFile: "p/none.proto"}, "has no field": {optMessage: "shop.Order.Item", optFile: "p/order.proto"},
	} {
		if _, err := Format().Decode(format.DecodeConfig{Options: o, Columns: fields, Declared: fields, Env: world()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", o, err, want)
		}
	}
}

// TestEncode: what is written the independent implementation reads, and it reads
// back as it was, with a descriptor set as well.
func TestEncode(t *testing.T) {
	env := world()
	m, err := messageType(options, env)
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	for i := range m.ParentFile().Imports().Len() {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(m.ParentFile().Imports().Get(i)))
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(m.ParentFile()))
	b, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	env.FS.(*connectortest.MemFS).WriteFile("/set.bin", b)
	o := catalog.Options{optMessage: "shop.Order", optDescriptor: "set.bin"}
	e, err := Format().Encode(format.EncodeConfig{Options: o, Columns: columns, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	buf, spans, err := e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, formattest.Batch(t, columns, wantWhole))
	if err != nil {
		t.Fatal(err)
	}
	message := spans[0].Of(buf)
	d := dynamicpb.NewMessage(m)
	if err := proto.Unmarshal(message, d); err != nil {
		t.Fatal(err)
	}
	again, err := proto.MarshalOptions{Deterministic: true}.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{message, again} {
		if got := rows(t, decoderOf(t, columns, options), columns, b); !slices.Equal(got, []string{wantWhole}) {
			t.Errorf("got %s\nwant %s", got[0], wantWhole)
		}
	}
	inferred, err := Format().Infer(format.InferConfig{Options: catalog.Options{optMessage: "c.None", optFile: "p/order.proto"}, Env: env})
	if err == nil || inferred != nil {
		t.Errorf("inferred %v", inferred)
	}
	if _, err := Format().Infer(format.InferConfig{Options: options, Env: env}); err == nil || !strings.Contains(err.Error(), "holds itself") {
		t.Errorf("a message that holds itself: %v", err)
	}
}

// FuzzDecode holds the decoder against dynamicpb: what both take is, written again
// by dynamicpb, the same row.
func FuzzDecode(f *testing.F) {
	f.Add(dynamic(f, whole))
	f.Add([]byte{8, 1, 0x62, 2, 8, 3})
	m, err := messageType(options, world())
	if err != nil {
		f.Fatal(err)
	}
	d := decoderOf(f, columns, options)
	f.Fuzz(func(t *testing.T, message []byte) {
		got := rows(t, d, columns, message)
		if len(got) > 1 {
			return
		}
		again, err := rewritten(m, message)
		if err != nil {
			return
		}
		var x, y any // entries of a map in any order
		want := rows(t, d, columns, again)
		if stdjson.Unmarshal([]byte(got[0]), &x) != nil || stdjson.Unmarshal([]byte(want[0]), &y) != nil || !reflect.DeepEqual(x, y) {
			t.Fatalf("got %s\nwant %s", got[0], want[0])
		}
	})
}

// rewritten reads a message by dynamicpb and writes it again. dynamicpb panics over an
// entry of a map whose key is of another wire type.
func rewritten(m protoreflect.MessageDescriptor, message []byte) (again []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("dynamicpb: %v", p)
		}
	}()
	v := dynamicpb.NewMessage(m)
	if err := proto.Unmarshal(message, v); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(v)
}

func BenchmarkDecode(b *testing.B) {
	m := dynamic(b, `{"i":5,"s":"6","t":"https://www.example.com/abo/item.htm?query=1","ts":"2024-05-01T10:00:00Z","d":0.5,"skipped":"`+strings.Repeat("x", 100)+`"}`)
	var buf []byte
	var spans []format.Span
	for range 1000 {
		spans = append(spans, format.Span{Start: int32(len(buf)), End: int32(len(buf) + len(m))})
		buf = append(buf, m...)
	}
	fields := []catalog.Field{columns[0], columns[1], columns[6], columns[8], columns[15]}
	d := decoderOf(b, fields, options)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Append(buf, spans); err != nil {
			b.Fatal(err)
		}
		recs, err := d.Finish()
		if err != nil || recs.N != 1000 {
			b.Fatal(err)
		}
		for _, c := range recs.Cols {
			c.Release()
		}
	}
}
