package ndjson

import (
	"bytes"
	stdjson "encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
)

// FuzzInfer: the objects that were looked at can be read into the columns that they
// gave, without an error.
func FuzzInfer(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":"2024-05-01 10:00:00","c":[1,2.5,null],"d":{"e":true}}` + "\n" + `{"a":1e400,"b":"2024-05-01","d":{"":1,"f":"x"}}`,
		`{"a":99999999999999999999,"t":"2024-05-01 10:00:00Z","u":"\ud800","v":"10:00:00+19:00","":{}}`, `{"a":-0}` + "\n" + `{"a":{"b":[[]]}}` + "\n" + `{"a":[{"b":1},{"c":"d"}]}`, `{"a":1,"a":"twice","A":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) || len(text) > 1<<12 {
			return
		}
		fields, err := infer(format.InferConfig{Options: catalog.Options{}, Rows: 100, Samples: func(yield func(format.Sample, error) bool) {
			yield(format.Sample{Data: text, Whole: true}, nil)
		}})
		if err != nil {
			return
		}
		d, err := Format().Decode(format.DecodeConfig{Options: catalog.Options{}, Columns: fields, Declared: fields})
		if err != nil {
			t.Fatalf("%q: columns %v: %v", text, fields, err)
		}
		m := d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
		for n, line := range bytes.Split(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), []byte("\n")) {
			if t := bytes.TrimLeft(line, " \t\r"); n >= 100 || len(t) == 0 || t[0] != '{' || !stdjson.Valid(line) {
				continue
			}
			if err := m.Append(line, []format.Span{{End: int32(len(line))}}); err != nil {
				t.Fatal(err)
			}
		}
		recs, err := m.Finish()
		if err != nil || len(recs.Errors) > 0 {
			t.Fatalf("%q: columns %v: %v %v", text, fields, recs.Errors, err)
		}
	})
}
