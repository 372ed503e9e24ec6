package raw

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"unicode/utf8"

	texts "golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// charsets are the encodings of texts besides UTF-8, by their names at IANA. UTF-16 is
// written as Java does: the high byte first, with a mark before it.
var charsets = map[string]texts.Encoding{
	"ISO-8859-1": charmap.ISO8859_1, "ISO-8859-2": charmap.ISO8859_2, "ISO-8859-5": charmap.ISO8859_5, "ISO-8859-7": charmap.ISO8859_7, "ISO-8859-9": charmap.ISO8859_9, "ISO-8859-15": charmap.ISO8859_15,
	"windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251, "windows-1252": charmap.Windows1252, "windows-1253": charmap.Windows1253, "windows-1254": charmap.Windows1254,
	"windows-1255": charmap.Windows1255, "windows-1256": charmap.Windows1256, "windows-1257": charmap.Windows1257, "windows-1258": charmap.Windows1258, "KOI8-R": charmap.KOI8R, "IBM850": charmap.CodePage850,
	"UTF-16": unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "UTF-16BE": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "UTF-16LE": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"GBK": simplifiedchinese.GBK, "GB18030": simplifiedchinese.GB18030, "Big5": traditionalchinese.Big5, "Shift_JIS": japanese.ShiftJIS, "EUC-JP": japanese.EUCJP, "EUC-KR": korean.EUCKR,
}

const utf8Name = "UTF-8"

// charsetNames are the values of the option.
func charsetNames() []string {
	return append([]string{utf8Name}, slices.Sorted(maps.Keys(charsets))...)
}

// inLines says whether a charset can stand in lines, which the byte 10 ends.
func inLines(e texts.Encoding) bool {
	b, err := e.NewEncoder().Bytes([]byte("a\nb\n"))
	return err == nil && string(b) == "a\nb\n"
}

// converter brings texts from one encoding to another.
type converter struct {
	t       transform.Transformer
	back    *texts.Encoder // of a decoder: to tell what is no text
	scratch []byte
}

func decoderOf(e texts.Encoding) *converter {
	return &converter{t: e.NewDecoder(), back: e.NewEncoder()}
}

func encoderOf(e texts.Encoding) *converter { return &converter{t: e.NewEncoder()} }

var errNoText = errors.New("bytes that are no text")

// convert gives v in the other encoding, good until the next call.
func (c *converter) convert(v []byte) ([]byte, error) {
	c.t.Reset()
	if need := 3*len(v) + 16; len(c.scratch) < need {
		c.scratch = make([]byte, 2*need)
	}
	n, used := 0, 0
	for {
		wrote, read, err := c.t.Transform(c.scratch[n:], v[used:], true)
		n, used = n+wrote, used+read
		if errors.Is(err, transform.ErrShortDst) {
			c.scratch = append(c.scratch, make([]byte, len(c.scratch))...)
			continue
		}
		if err != nil {
			return nil, err
		}
		break
	}
	out := c.scratch[:n]
	// A decoder puts U+FFFD in the place of what it can't read.
	if c.back != nil && bytes.ContainsRune(out, utf8.RuneError) {
		if again, err := c.back.Bytes(out); err != nil || !bytes.Equal(again, v) {
			return nil, errNoText
		}
	}
	return out, nil
}
