package cast

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/calendar"
	"github.com/streamsql/streamsql/exec/expr/decimal"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// toText gives the texts of a column, cut to the length of VARCHAR(n), cut or
// padded to that of CHAR(n).
func toText(from, to catalog.Type) catalog.Kernel {
	switch {
	case from.IsText() && to.Kind == catalog.KindJSON && from.Kind != catalog.KindJSON:
		return checked(to, validJSON)
	case from.IsText() && (to.Precision == 0 || !to.Fixed && from.Precision > 0 && from.Precision <= to.Precision):
		return nil
	case from.Kind == catalog.KindBytes && to.Precision == 0:
		return checked(to, utf8.Valid)
	}
	return kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
		valid := kernel.NewNullable(c.Alloc, n, args[0])
		b := kernel.NewTextBuilder(c.Alloc, n, 12*n)
		text := Texter(args[0], from, c)
		var one []byte
		kernel.ForEach(n, sel, &valid, func(i int) {
			one = fit(text(one[:0], i), to)
			b.Put(i, one)
		})
		return b.Finish(to.Arrow(), valid.Buffer())
	})
}

// checked takes over the bytes if they all pass.
func checked(to catalog.Type, ok func([]byte) bool) catalog.Kernel {
	return kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
		valid := kernel.NewNullable(c.Alloc, n, args[0])
		texts := kernel.TextsOf(args[0])
		b := kernel.NewTextBuilder(c.Alloc, n, texts.Size(n))
		kernel.ForEach(n, sel, &valid, func(i int) {
			if !ok(texts.At(i)) {
				failText(c, &valid, i, BadCast, []byte(strconv.QuoteToASCII(texts.String(i))), to)
				return
			}
			b.Put(i, texts.At(i))
		})
		return b.Finish(to.Arrow(), valid.Buffer())
	})
}

func fit(text []byte, to catalog.Type) []byte {
	if to.Precision == 0 {
		return text
	}
	chars := 0
	for i := range view(text) {
		if chars == to.Precision {
			return text[:i]
		}
		chars++
	}
	for to.Fixed && chars < to.Precision {
		text = append(text, ' ')
		chars++
	}
	return text
}

// Texter gives a function that appends the text of row i, which is not NULL, of
// a column of type t. Only TIMESTAMP_LTZ needs the context (its zone).
func Texter(a arrow.Array, t catalog.Type, c *catalog.EvalContext) func(dst []byte, i int) []byte {
	switch a := a.(type) {
	case *array.Boolean:
		return func(dst []byte, i int) []byte { return strconv.AppendBool(dst, a.Value(i)) }
	case *array.Int8:
		return intText[int8](a)
	case *array.Int16:
		return intText[int16](a)
	case *array.Int32:
		return intText[int32](a)
	case *array.Int64:
		return intText[int64](a)
	case *array.Float32:
		return func(dst []byte, i int) []byte { return AppendFloat(dst, float64(a.Value(i)), 32) }
	case *array.Float64:
		return func(dst []byte, i int) []byte { return AppendFloat(dst, a.Value(i), 64) }
	case *array.Decimal128:
		return func(dst []byte, i int) []byte { return decimal.Append(dst, a.Value(i), t.Scale) }
	case *array.String, *array.Binary:
		texts := kernel.TextsOf(a)
		return func(dst []byte, i int) []byte { return append(dst, texts.At(i)...) }
	case *array.Date32:
		return func(dst []byte, i int) []byte { return calendar.AppendDate(dst, int64(a.Value(i))) }
	case *array.Time64:
		return func(dst []byte, i int) []byte {
			return calendar.AppendTime(dst, int64(a.Value(i)), timeDigits(t.Precision))
		}
	case *array.Timestamp:
		digits := calendar.Digits(t.Precision)
		if t.Kind == catalog.KindTimestampLTZ {
			local := calendar.NewLocal(c.Zone)
			return func(dst []byte, i int) []byte {
				return calendar.AppendTimestamp(dst, local.FromUTC(int64(a.Value(i))), digits)
			}
		}
		return func(dst []byte, i int) []byte { return calendar.AppendTimestamp(dst, int64(a.Value(i)), digits) }
	case *array.Duration:
		return func(dst []byte, i int) []byte { return appendDayInterval(dst, int64(a.Value(i))) }
	case *array.MonthInterval:
		return func(dst []byte, i int) []byte { return appendMonthInterval(dst, int64(a.Value(i))) }
	default:
		return func(dst []byte, i int) []byte { return appendJSON(dst, a, i, t, c) }
	}
}

func intText[T integer](a arrow.Array) func(dst []byte, i int) []byte {
	values := column.Fixed[T](a)
	return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(values[i]), 10) }
}

func timeDigits(precision int) int {
	if precision == 0 {
		return 0
	}
	return calendar.Digits(precision)
}

// AppendFloat appends the shortest text that reads back as f: 1.0, 0.1, 1e+16,
// NaN, Infinity, -Infinity.
func AppendFloat(dst []byte, f float64, size int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, size)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, size)
	for _, c := range dst[from:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

// appendDayInterval appends +d HH:mm:ss.SSSSSS.
func appendDayInterval(dst []byte, us int64) []byte {
	sign := byte('+')
	if us < 0 {
		sign, us = '-', -us
	}
	dst = append(dst, sign)
	dst = strconv.AppendInt(dst, us/calendar.Day, 10)
	return calendar.AppendTime(append(dst, ' '), us%calendar.Day, 6)
}

// appendMonthInterval appends +y-MM.
func appendMonthInterval(dst []byte, months int64) []byte {
	sign := byte('+')
	if months < 0 {
		sign, months = '-', -months
	}
	dst = append(dst, sign)
	dst = strconv.AppendInt(dst, months/12, 10)
	return append(dst, '-', byte('0'+months%12/10), byte('0'+months%12%10))
}

// appendJSON appends row i as JSON: what a nested value's text is made of.
func appendJSON(dst []byte, a arrow.Array, i int, t catalog.Type, c *catalog.EvalContext) []byte {
	if a.IsNull(i) || column.AllNull(a) {
		return append(dst, "null"...)
	}
	switch a := a.(type) {
	case *array.Map:
		from, to := a.ValueOffsets(i)
		dst = append(dst, '{')
		for k := int(from); k < int(to); k++ {
			if k > int(from) {
				dst = append(dst, ',')
			}
			if a.Keys().IsNull(k) {
				dst = append(dst, `""`...)
			} else {
				dst = appendQuoted(dst, Texter(a.Keys(), *t.Key, c)(nil, k))
			}
			dst = append(dst, ':')
			dst = appendJSON(dst, a.Items(), k, *t.Elem, c)
		}
		return append(dst, '}')
	case *array.List:
		from, to := a.ValueOffsets(i)
		dst = append(dst, '[')
		for k := int(from); k < int(to); k++ {
			if k > int(from) {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, a.ListValues(), k, *t.Elem, c)
		}
		return append(dst, ']')
	case *array.Struct:
		dst = append(dst, '{')
		for k, f := range t.Fields {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, []byte(f.Name)), ':')
			dst = appendJSON(dst, a.Field(k), i, f.Type, c)
		}
		return append(dst, '}')
	case *array.Binary:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, a.Value(i))
		return append(dst, '"')
	}
	text := Texter(a, t, c)
	switch {
	case t.Kind == catalog.KindBoolean, t.IsInteger(), t.Kind == catalog.KindDecimal, t.Kind == catalog.KindJSON:
		return text(dst, i)
	case t.IsFloating():
		if f := column.Value(a, i, t).(float64); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return text(dst, i)
		}
	}
	return appendQuoted(dst, text(nil, i))
}

// appendQuoted appends a text as a JSON string.
func appendQuoted(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, b := range text {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, '\\', 'n')
		case b == '\r':
			dst = append(dst, '\\', 'r')
		case b == '\t':
			dst = append(dst, '\\', 't')
		case b < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}
