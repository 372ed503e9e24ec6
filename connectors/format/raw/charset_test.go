package raw_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/raw"
)

// TestCharsets reads and writes what the codecs of Python 3.11 make of texts; bytes that
// are none are bad records, characters that a charset does not have refused rows.
func TestCharsets(t *testing.T) {
	fields := []catalog.Field{{Name: "v", Type: catalog.String}}
	for _, test := range []struct{ charset, bytes, text string }{
		{"UTF-8", "4772c3bc", "Grü"}, {"ISO-8859-1", "4772fcdf65", "Grüße"}, {"windows-1252", "4772fcdf652080", "Grüße €"}, {"ISO-8859-15", "4772fcdf6520a4", "Grüße €"},
		{"UTF-16", "feff0047007200fcd83dde00", "Grü😀"}, {"UTF-16LE", "47007200fc003dd800de", "Grü😀"}, {"UTF-16BE", "0047fffd", "G\uFFFD"},
		{"GBK", "c4e3bac3", "你好"}, {"GB18030", "c4e3bac3a2e3", "你好€"}, {"Big5", "a4a4a4e5", "中文"}, {"Shift_JIS", "93fa967bc3", "日本ﾃ"}, {"EUC-JP", "c6fccbdc", "日本"},
		{"EUC-KR", "c7d1b1b9", "한국"}, {"KOI8-R", "f0d2c9d7c5d4", "Привет"}, {"windows-1251", "cff0e8e2e5f2", "Привет"}, {"IBM850", "477281e165", "Grüße"},
		{"GBK", "61ff", "!BAD_STRING"}, {"UTF-16BE", "d83d", "!BAD_STRING"}, {"UTF-16LE", "414243", "!BAD_STRING"}, {"windows-1252", "81", "!BAD_STRING"},
		{"ISO-8859-1", "!BAD_FORMAT", "€"}, {"GBK", "!BAD_FORMAT", "한국"},
	} {
		o := catalog.Options{"charset": test.charset}
		if !strings.HasPrefix(test.bytes, "!") {
			b, err := hex.DecodeString(test.bytes)
			if err != nil {
				t.Fatal(err)
			}
			d, err := raw.Format().Decode(format.DecodeConfig{Options: o, Columns: fields, Declared: fields})
			if err != nil {
				t.Fatal(err)
			}
			m := d.(format.Messages).NewMessageDecoder(memory.DefaultAllocator)
			if err := m.Append(b, []format.Span{{End: int32(len(b))}}); err != nil {
				t.Fatal(err)
			}
			recs, err := m.Finish()
			if err != nil {
				t.Fatal(err)
			}
			got := recs.Cols[0].(*array.String).Value(0)
			for _, e := range recs.Errors {
				got += "!" + e.Code
			}
			if got != test.text {
				t.Errorf("%s %s is read as %q, want %q", test.charset, test.bytes, got, test.text)
			}
		}
		if !strings.HasPrefix(test.text, "!") {
			e, err := raw.Format().Encode(format.EncodeConfig{Options: o, Columns: fields})
			if err != nil {
				t.Fatal(err)
			}
			texts := array.NewStringBuilder(memory.DefaultAllocator)
			texts.Append(test.text)
			batch := &connectors.Batch{N: 1, Cols: []arrow.Array{texts.NewArray()}}
			buf, spans, err := e.(format.MessageEncoding).NewMessageEncoder().AppendMessages(nil, nil, batch)
			got := hex.EncodeToString(spans[0].Of(buf))
			if r := (*connectors.RefusedRows)(nil); errors.As(err, &r) {
				got += "!" + r.Rows[0].Code
			}
			if got != test.bytes {
				t.Errorf("%s: %q is written as %s, want %s", test.charset, test.text, got, test.bytes)
			}
			line, err := e.NewEncoder().Append(nil, batch)
			switch refused := (*connectors.RefusedRows)(nil); {
			case strings.HasPrefix(test.charset, "UTF-16"):
				if err == nil || !strings.Contains(err.Error(), "whose line ends are not a byte") {
					t.Errorf("%s in lines: %v", test.charset, err)
				}
			case errors.As(err, &refused):
			case err != nil || hex.EncodeToString(line) != test.bytes+"0a":
				t.Errorf("%s: the line is %x, %v", test.charset, line, err)
			}
		}
	}
}
