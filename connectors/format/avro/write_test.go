package avro

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/formattest"
)

var symbols = catalog.Options{optSchema: `{"type":"record","name":"R","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}}]}`}

// refusedRows gives the rows that an encoder has refused, as "row code column".
func refusedRows(t *testing.T, err error) []string {
	t.Helper()
	var refused *connectors.RefusedRows
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	var out []string
	for _, r := range refused.Rows {
		out = append(out, string(rune('0'+r.Row))+" "+r.Code+" "+r.Column)
	}
	return out
}

// TestCodecs: what is written in each codec is read back, without the rows that the
// schema has no place for.
func TestCodecs(t *testing.T) {
	fields := []catalog.Field{field("e", catalog.String)}
	rows := formattest.Batch(t, fields, `{"e":"A"}`, `{"e":"C"}`, `{"e":"B"}`, `{"e":null}`, `{"e":"A"}`)
	for _, codec := range []string{"", "null", "deflate", "snappy", "zstandard"} {
		o := catalog.Options{optSchema: symbols[optSchema], optCodec: codec}
		e, err := Format().Encode(format.EncodeConfig{Options: o, Columns: fields})
		if err != nil {
			t.Fatal(err)
		}
		text, enc := e.Header(), e.NewEncoder()
		for range 2 { // an encoder is used for batch after batch
			if text, err = enc.Append(text, rows); !slices.Equal(refusedRows(t, err), []string{"1 BAD_FORMAT e", "3 NOT_NULL e"}) {
				t.Errorf("%s: refused %v", codec, err)
			}
		}
		none := len(text)
		if text, err = enc.Append(text, formattest.Batch(t, fields, `{"e":"C"}`)); len(text) != none || err == nil {
			t.Errorf("%s: a block without records", codec)
		}
		b, err := Format().Blocks(format.DecodeConfig{Options: catalog.Options{}, Columns: fields})
		if err != nil {
			t.Fatal(err)
		}
		f, err := b.OpenFile(strings.NewReader(string(text)), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for place := int64(0); ; {
			info, err := f.Block(place)
			if err != nil {
				break // the end
			}
			block, err := f.Load(place)
			if err != nil {
				t.Fatal(codec, err)
			}
			part, err := block.Cut(0, info.Records)
			if err != nil {
				t.Fatal(err)
			}
			recs, err := part.Decode(memory.DefaultAllocator)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, jsonOf(t, fields, recs)...)
			place = info.Next
		}
		if want := []string{`{"e":"A"}`, `{"e":"B"}`, `{"e":"A"}`}; !slices.Equal(got, append(want, want...)) {
			t.Errorf("%s: got %q", codec, got)
		}
	}
}

// TestRefusedMessages: a message that can't be written has no span, the others stand.
func TestRefusedMessages(t *testing.T) {
	fields := []catalog.Field{field("e", catalog.String)}
	e, err := Format().Encode(format.EncodeConfig{Options: symbols, Columns: fields})
	if err != nil {
		t.Fatal(err)
	}
	buf, spans, err := e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, formattest.Batch(t, fields, `{"e":"A"}`, `{"e":"C"}`, `{"e":"B"}`))
	if got := refusedRows(t, err); !slices.Equal(got, []string{"1 BAD_FORMAT e"}) || len(spans) != 3 || !spans[1].IsNull() || string(spans[0].Of(buf)) != "\x00" || string(spans[2].Of(buf)) != "\x02" {
		t.Errorf("%v %v %q", got, spans, buf)
	}
}

// TestShortSnappy: a few bytes that say they are a gigabyte are damage, and take no
// gigabyte.
func TestShortSnappy(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := decompress("snappy", append(binary.AppendUvarint(nil, 1<<30), 0, 'x', 0, 0, 0, 0)); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

// FuzzContainer: whatever a file holds, reading it ends, with rows or an error.
func FuzzContainer(f *testing.F) {
	fields := []catalog.Field{field("e", catalog.String)}
	for _, codec := range []string{"null", "deflate", "snappy", "zstandard"} {
		e, err := Format().Encode(format.EncodeConfig{Options: catalog.Options{optSchema: symbols[optSchema], optCodec: codec}, Columns: fields})
		if err != nil {
			f.Fatal(err)
		}
		text, err := e.NewEncoder().Append(e.Header(), formattest.Batch(f, fields, `{"e":"A"}`, `{"e":"B"}`))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	b, err := Format().Blocks(format.DecodeConfig{Options: catalog.Options{}, Columns: fields})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := b.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for place := int64(0); ; {
			info, err := file.Block(place)
			if err != nil {
				return
			}
			if info.Next <= place {
				t.Fatalf("behind the block at %d comes that at %d", place, info.Next)
			}
			block, err := file.Load(place)
			place = info.Next
			if err != nil {
				return
			}
			n := min(info.Records, 100)
			part, err := block.Cut(0, n)
			if err != nil {
				return
			}
			recs, err := part.Decode(memory.DefaultAllocator)
			if err != nil || recs.N != n {
				t.Fatalf("%d records of %d: %v", recs.N, n, err)
			}
			for i := range min(n, 3) {
				part.Raw(i)
			}
		}
	})
}
