package csv

import (
	"bytes"
	stdjson "encoding/json"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format/columns"
	"github.com/streamsql/streamsql/connectors/format/json"
)

// parser selects how a field is read.
type parser uint8

const (
	parseText parser = iota
	parseBool
	parseInt
	parseFloat
	parseDecimal
	parseDate
	parseTime
	parseTimestamp
	// parseJSON: BYTES, intervals, ARRAY, MAP, ROW, JSON are read by the JSON decoder.
	parseJSON
)

func parserOf(t catalog.Type) parser {
	switch t.Kind {
	case catalog.KindString:
		return parseText
	case catalog.KindBoolean:
		return parseBool
	case catalog.KindTinyInt, catalog.KindSmallInt, catalog.KindInt, catalog.KindBigInt:
		return parseInt
	case catalog.KindFloat, catalog.KindDouble:
		return parseFloat
	case catalog.KindDecimal:
		return parseDecimal
	case catalog.KindDate:
		return parseDate
	case catalog.KindTime:
		return parseTime
	case catalog.KindTimestamp, catalog.KindTimestampLTZ:
		return parseTimestamp
	}
	return parseJSON
}

// The codes of values that don't fit.
const (
	badUTF8   = "BAD_UTF8"
	badNumber = "BAD_NUMBER"
	badFormat = "BAD_FORMAT"
	badTime   = "BAD_TIMESTAMP"
	badRange  = "OUT_OF_RANGE"
	tooLong   = "TOO_LONG"
)

// put writes a text to slot row of the column's builder; "" or what is wrong.
// Blanks around values other than STRING don't count.
func (c *column) put(b *columns.Column, row int, text []byte) (code string) {
	if c.kind == parseText {
		if !utf8.Valid(text) {
			return badUTF8
		}
		if limit := c.Type.Precision; limit > 0 && len(text) > limit && utf8.RuneCount(text) > limit {
			return tooLong
		}
		b.PutBytes(row, text)
		return ""
	}
	text = trimBlanks(text)
	switch c.kind {
	case parseBool:
		switch {
		case bytes.EqualFold(text, []byte("true")):
			b.PutBool(row, true)
		case bytes.EqualFold(text, []byte("false")):
			b.PutBool(row, false)
		default:
			return badFormat
		}
	case parseInt:
		return c.putInt(b, row, text)
	case parseFloat:
		return c.putFloat(b, row, text)
	case parseDecimal:
		v, code := decimal(text, c.Type.Precision, c.Type.Scale)
		if code == "" {
			b.PutDecimal(row, v)
		}
		return code
	case parseDate:
		days, rest, ok := date(text)
		if !ok || len(rest) > 0 {
			return badTime
		}
		b.PutInt32(row, int32(days))
	case parseTime:
		us, rest, ok := clock(text)
		if !ok || len(rest) > 0 {
			return badTime
		}
		b.PutInt64(row, us-us%c.cut)
	case parseTimestamp:
		us, ok := timestamp(text, c.Type.Kind == catalog.KindTimestampLTZ)
		if !ok {
			return badTime
		}
		b.PutInt64(row, floor(us, c.cut))
	}
	return ""
}

func trimBlanks(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

func (c *column) putInt(b *columns.Column, row int, text []byte) string {
	v, code := integer(text)
	if code != "" {
		return code
	}
	switch c.Type.Kind {
	case catalog.KindTinyInt:
		if v != int64(int8(v)) {
			return badRange
		}
		b.PutInt8(row, int8(v))
	case catalog.KindSmallInt:
		if v != int64(int16(v)) {
			return badRange
		}
		b.PutInt16(row, int16(v))
	case catalog.KindInt:
		if v != int64(int32(v)) {
			return badRange
		}
		b.PutInt32(row, int32(v))
	default:
		b.PutInt64(row, v)
	}
	return ""
}

// integer reads digits with a sign.
func integer(text []byte) (v int64, code string) {
	digits := text
	negative := false
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		negative, digits = digits[0] == '-', digits[1:]
	}
	if len(digits) == 0 {
		return 0, badNumber
	}
	var u uint64
	beyond := false
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, badNumber
		}
		beyond = beyond || u > 1<<63/10
		u = u*10 + uint64(c)
	}
	switch {
	case beyond:
	case negative && u <= 1<<63:
		return int64(-u), ""
	case !negative && u <= math.MaxInt64:
		return int64(u), ""
	}
	return 0, badRange
}

func (c *column) putFloat(b *columns.Column, row int, text []byte) string {
	bits := 64
	if c.Type.Kind == catalog.KindFloat {
		bits = 32
	}
	var f float64
	switch string(text) {
	case "NaN":
		f = math.NaN()
	case "Infinity":
		f = math.Inf(1)
	case "-Infinity":
		f = math.Inf(-1)
	default:
		for _, ch := range text { // what else ParseFloat takes: 0x1p-2, 1_0, inf
			if ch-'0' > 9 && ch != '.' && ch != '-' && ch != '+' && ch != 'e' && ch != 'E' {
				return badNumber
			}
		}
		var err error
		if f, err = strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), bits); err != nil {
			if math.IsInf(f, 0) {
				return badRange
			}
			return badNumber
		}
	}
	if bits == 32 {
		b.PutFloat32(row, float32(f))
	} else {
		b.PutFloat64(row, f)
	}
	return ""
}

// decimal reads a number exactly; digits beyond the scale are rounded half up
// (away from zero).
func decimal(text []byte, precision, scale int) (decimal128.Num, string) {
	mantissa, exponent := text, []byte(nil)
	for i, ch := range text {
		if ch|0x20 == 'e' {
			mantissa, exponent = text[:i], text[i+1:]
			if _, code := integer(exponent); code == badNumber {
				return decimal128.Num{}, badNumber
			}
			break
		}
	}
	negative := false
	if len(mantissa) > 0 && (mantissa[0] == '-' || mantissa[0] == '+') {
		negative, mantissa = mantissa[0] == '-', mantissa[1:]
	}
	digits, fraction, point := 0, 0, false
	small := int64(0)
	for _, ch := range mantissa {
		switch {
		case ch == '.' && !point:
			point = true
			continue
		case ch-'0' > 9:
			return decimal128.Num{}, badNumber
		}
		digits++
		if point {
			fraction++
		}
		if digits <= 18 {
			small = small*10 + int64(ch-'0')
		}
	}
	if digits == 0 {
		return decimal128.Num{}, badNumber
	}
	if shift := scale - fraction; exponent == nil && digits <= 18 && shift >= 0 && digits+shift <= min(18, precision) {
		for ; shift > 0; shift-- {
			small *= 10
		}
		if negative {
			small = -small
		}
		return decimal128.FromI64(small), ""
	}
	v, ok := json.ParseDecimal(mantissa, exponent, negative, precision, scale)
	if !ok {
		return v, badRange
	}
	return v, ""
}

// json adds a value to the record for the JSON decoder: as it is if it is JSON
// of its own, as a string for types whose JSON is a string.
func (d *decoder) json(c *column, row int, text []byte) {
	asString := c.Type.Kind == catalog.KindBytes || c.Type.IsInterval()
	if !asString && !stdjson.Valid(text) {
		d.fail(c, row, badFormat, misfit(text, c))
		return
	}
	if len(d.record) > 1 {
		d.record = append(d.record, ',')
	}
	d.record = append(append(d.record, c.member...), ':')
	if asString {
		d.record = json.AppendString(d.record, text)
	} else {
		d.record = append(d.record, text...)
	}
}

// merge adds the errors of the JSON decoder.
func (d *decoder) merge(errs []connectors.CellError, nested []json.CellError) []connectors.CellError {
	for _, e := range nested {
		for i := range d.columns {
			if c := &d.columns[i]; e.Col >= 0 && c.nested == int(e.Col) {
				errs = append(errs, connectors.CellError{Row: e.Row, Col: c.out, Code: badFormat, Column: d.schema.Path(e), Detail: d.schema.Describe(e)})
			}
		}
	}
	return errs
}

func sortErrors(errs []connectors.CellError) {
	slices.SortStableFunc(errs, func(a, b connectors.CellError) int {
		if a.Row != b.Row {
			return int(a.Row - b.Row)
		}
		return int(a.Col - b.Col)
	})
}
