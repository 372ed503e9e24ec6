package raw

import (
	"bytes"
	"encoding/binary"
	"fmt"

	texts "golang.org/x/text/encoding"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

const (
	optEndianness = "endianness"
	optCharset    = "charset"
)

// Format gives the format.
func Format() *format.Format {
	return &format.Format{
		Suffix: ".txt",
		Spec: &catalog.ConnectorSpec{
			Name: "raw",
			Doc:  "The bytes of a record as the only column: STRING, BYTES, BOOLEAN, a number of fixed width. In files a line, as STRING or BYTES.",
			Options: []catalog.OptionSpec{
				{Name: optEndianness, Type: catalog.OptionEnum, Values: []string{"big-endian", "little-endian"}, Default: "big-endian", Source: true, Sink: true,
					Doc: "The order of the bytes of a number."},
				{Name: optCharset, Type: catalog.OptionEnum, Values: charsetNames(), Default: utf8Name, Source: true, Sink: true,
					Doc: "The encoding of STRING."},
			},
		},
		Decode: newDecoding,
		Encode: newEncoding,
	}
}

func byteOrder(o catalog.Options) binary.ByteOrder {
	if o[optEndianness] == "little-endian" {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// width gives the bytes of a value of t; 0: any number, -1: t has no raw form.
func width(t catalog.Type) int {
	switch t.Kind {
	case catalog.KindString, catalog.KindBytes:
		return 0
	case catalog.KindBoolean, catalog.KindTinyInt:
		return 1
	case catalog.KindSmallInt:
		return 2
	case catalog.KindInt, catalog.KindFloat:
		return 4
	case catalog.KindBigInt, catalog.KindDouble:
		return 8
	}
	return -1
}

// check sees whether raw can hold the columns.
func check(columns []catalog.Field) error {
	if len(columns) != 1 {
		return fmt.Errorf("raw: there must be one column, not %d", len(columns))
	}
	if width(columns[0].Type) < 0 {
		return fmt.Errorf("raw: column %s can't be %s: it takes STRING, BYTES, BOOLEAN, integers, FLOAT and DOUBLE", catalog.QuoteName(columns[0].Name), columns[0].Type)
	}
	return nil
}

// lines is the Cutter of streams in which every line is a record.
type lines struct{}

// Cut implements format.Cutter.
func (lines) Cut(data []byte, max connectors.Limits, final bool) format.Cut {
	var c format.Cut
	for c.Records < max.Records && c.Bytes < max.Bytes && c.Bytes < len(data) {
		i := bytes.IndexByte(data[c.Bytes:], '\n')
		if i < 0 {
			if final {
				c.Bytes = len(data)
				c.Records++
			}
			return c
		}
		c.Bytes += i + 1
		c.Lines++
		c.Records++
	}
	return c
}

// inFile says what a stream of lines can't hold.
func inFile(t catalog.Type, charset texts.Encoding) error {
	if width(t) != 0 {
		return fmt.Errorf("raw: in a stream of lines the column is STRING or BYTES, not %s", t)
	}
	if charset != nil && !inLines(charset) {
		return fmt.Errorf("raw: a stream of lines can't be in this '%s', whose line ends are not a byte", optCharset)
	}
	return nil
}
