package raw_test

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/raw"
)

func decoder(t testing.TB, typ catalog.Type) format.MessageDecoder {
	t.Helper()
	fields := []catalog.Field{{Name: "v", Type: typ}}
	d, err := raw.Format().Decode(format.DecodeConfig{Options: catalog.Options{}, Columns: fields, Declared: fields})
	if err != nil {
		t.Fatal(err)
	}
	return d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
}

// FuzzDecode: a message is its column's value, or bad by the length of its type and
// by UTF-8, as encoding/binary and unicode/utf8 see it; the one behind is not touched.
func FuzzDecode(f *testing.F) {
	for _, m := range []string{"", "a", "\xff", "Grüße", "\x00\x00\x00\x01", "12345678", strings.Repeat("x", 100)} {
		f.Add([]byte(m))
	}
	text, number, double := decoder(f, catalog.String), decoder(f, catalog.Int), decoder(f, catalog.Double)
	f.Fuzz(func(t *testing.T, m []byte) {
		const behind = "\x01\x02\x03\x04\x05\x06\x07\x08"
		buf := append(append([]byte("before"), m...), behind...)
		from, to := int32(6), int32(6+len(m))
		for _, c := range []struct {
			d     format.MessageDecoder
			width int
			good  bool
		}{{text, 8, utf8.Valid(m)}, {number, 4, len(m) == 4}, {double, 8, len(m) == 8}} {
			if err := c.d.Append(buf, []format.Span{{Start: from, End: to}, {Start: to, End: to + int32(c.width)}}); err != nil {
				t.Fatal(err)
			}
			recs, err := c.d.Finish()
			if err != nil || recs.N != 2 {
				t.Fatalf("%d rows, %v", recs.N, err)
			}
			if bad := len(recs.Errors); bad > 1 || (bad == 0) != c.good || bad == 1 && recs.Errors[0].Row != 0 {
				t.Fatalf("%q: errors %v", m, recs.Errors)
			}
			switch a := recs.Cols[0].(type) {
			case *array.String:
				if c.good && a.Value(0) != string(m) || a.Value(1) != behind {
					t.Fatalf("%q: %q, %q", m, a.Value(0), a.Value(1))
				}
			case *array.Int32:
				if c.good && a.Value(0) != int32(binary.BigEndian.Uint32(m)) || a.Value(1) != 0x01020304 {
					t.Fatalf("%q: %d, %d", m, a.Value(0), a.Value(1))
				}
			case *array.Float64:
				if c.good && math.Float64bits(a.Value(0)) != binary.BigEndian.Uint64(m) || math.Float64bits(a.Value(1)) != 0x0102030405060708 {
					t.Fatalf("%q: %v, %v", m, a.Value(0), a.Value(1))
				}
			}
			recs.Cols[0].Release()
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	d := decoder(b, catalog.String)
	message := strings.Repeat("a message of text ", 15)
	var buf []byte
	var spans []format.Span
	for range 1000 {
		spans = append(spans, format.Span{Start: int32(len(buf)), End: int32(len(buf) + len(message))})
		buf = append(buf, message...)
	}
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		if err := d.Append(buf, spans); err != nil {
			b.Fatal(err)
		}
		recs, err := d.Finish()
		if err != nil || recs.N != len(spans) {
			b.Fatal(err)
		}
		recs.Cols[0].Release()
	}
}
