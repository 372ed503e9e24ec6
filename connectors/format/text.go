package format

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
)

// AppendText appends the text of one value to dst. Row i must not be NULL.
type AppendText func(dst []byte, i int) []byte

// Texts makes the text of values, for all formats that write text:
//
//	BOOLEAN true, false; integers and DECIMAL (with its scale) in digits;
//	FLOAT, DOUBLE the shortest text that reads back: 1.0, 0.1, 1e+16, NaN, Infinity;
//	DATE yyyy-MM-dd; TIME HH:mm:ss[.SSS[SSS]]; TIMESTAMP yyyy-MM-dd HH:mm:ss.SSS[SSS],
//	TIMESTAMP_LTZ the same in UTC with Z; intervals [-]d HH:mm:ss.SSSSSS and [-]y-MM;
//	STRING as it is; BYTES in base64; ARRAY, MAP, ROW, JSON as JSON.
type Texts struct {
	// ISO8601 puts a T between the date and the time of timestamps.
	ISO8601 bool
}

// Of gives the text of the values of a, a column of type t.
func (x Texts) Of(a arrow.Array, t catalog.Type) AppendText {
	switch a := a.(type) {
	case *array.Boolean:
		return func(dst []byte, i int) []byte { return strconv.AppendBool(dst, a.Value(i)) }
	case *array.Int8:
		return integers(a.Int8Values())
	case *array.Int16:
		return integers(a.Int16Values())
	case *array.Int32:
		return integers(a.Int32Values())
	case *array.Int64:
		return integers(a.Int64Values())
	case *array.Float32:
		return func(dst []byte, i int) []byte { return AppendFloat(dst, float64(a.Value(i)), 32) }
	case *array.Float64:
		return func(dst []byte, i int) []byte { return AppendFloat(dst, a.Value(i), 64) }
	case *array.Decimal128:
		return func(dst []byte, i int) []byte { return AppendDecimal(dst, a.Value(i), t.Scale) }
	case *array.String:
		return func(dst []byte, i int) []byte { return append(dst, a.Value(i)...) }
	case *array.Binary:
		return func(dst []byte, i int) []byte { return base64.StdEncoding.AppendEncode(dst, a.Value(i)) }
	case *array.Date32:
		return func(dst []byte, i int) []byte { return appendDate(dst, int64(a.Value(i))) }
	case *array.Time64:
		return func(dst []byte, i int) []byte { return appendTime(dst, int64(a.Value(i)), t.Precision) }
	case *array.Timestamp:
		return x.timestamps(a, t)
	case *array.Duration:
		return func(dst []byte, i int) []byte { return appendDayInterval(dst, int64(a.Value(i))) }
	case *array.MonthInterval:
		return func(dst []byte, i int) []byte { return appendMonthInterval(dst, int64(a.Value(i))) }
	case *array.List, *array.Map, *array.Struct:
		return x.nested(a, t)
	default: // NULL
		return func(dst []byte, i int) []byte { return dst }
	}
}

func integers[T int8 | int16 | int32 | int64](values []T) AppendText {
	return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(values[i]), 10) }
}

// timestamps remembers the text of the day, which rarely changes from row to row.
func (x Texts) timestamps(a *array.Timestamp, t catalog.Type) AppendText {
	values := a.TimestampValues()
	separator := byte(' ')
	if x.ISO8601 {
		separator = 'T'
	}
	precision := max(t.Precision, 3)
	var dayText [24]byte
	day := dayText[:0]
	lastDay := int64(math.MinInt64)
	return func(dst []byte, i int) []byte {
		d, rest := divide(int64(values[i]), dayMicros)
		if d != lastDay {
			day = append(appendDate(dayText[:0], d), separator)
			lastDay = d
		}
		dst = appendTime(append(dst, day...), rest, precision)
		if t.Kind == catalog.KindTimestampLTZ {
			dst = append(dst, 'Z')
		}
		return dst
	}
}

// AppendFloat appends the shortest text that reads back as f with bits of 32 or 64.
func AppendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, bits)
	}
	if i := int64(f); float64(i) == f && (i != 0 || !math.Signbit(f)) {
		return append(strconv.AppendInt(dst, i, 10), '.', '0')
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, bits)
	for _, c := range dst[from:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

const (
	secondMicros = 1_000_000
	minuteMicros = 60 * secondMicros
	hourMicros   = 60 * minuteMicros
	dayMicros    = 24 * hourMicros
)

// divide gives the floor of v/unit and what is left, which is not negative.
func divide(v, unit int64) (quotient, rest int64) {
	quotient, rest = v/unit, v%unit
	if rest < 0 {
		quotient, rest = quotient-1, rest+unit
	}
	return quotient, rest
}

// appendDate appends the date of a day counted from 1970-01-01. After Howard
// Hinnant, "chrono-compatible low-level date algorithms".
func appendDate(dst []byte, days int64) []byte {
	era, dayOfEra := divide(days+719468, 146097)
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	month := (5*dayOfYear + 2) / 153
	day := dayOfYear - (153*month+2)/5 + 1
	year := yearOfEra + era*400
	if month += 3; month > 12 {
		month -= 12
		year++
	}
	if year < 0 {
		dst, year = append(dst, '-'), -year
	}
	if year > 9999 {
		dst = strconv.AppendInt(dst, year, 10)
	} else {
		dst = appendTwo(appendTwo(dst, year/100), year%100)
	}
	return appendTwo(append(appendTwo(append(dst, '-'), month), '-'), day)
}

func appendTwo(dst []byte, v int64) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }

// appendTime appends a time of day with 0, 3 or 6 digits of fraction, as
// precision asks.
func appendTime(dst []byte, us int64, precision int) []byte {
	seconds, fraction := us/secondMicros, us%secondMicros
	dst = append(appendTwo(dst, seconds/3600), ':')
	dst = append(appendTwo(dst, seconds/60%60), ':')
	dst = appendTwo(dst, seconds%60)
	if precision == 0 {
		return dst
	}
	ms := fraction / 1000
	dst = append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	if precision <= 3 {
		return dst
	}
	us = fraction % 1000
	return append(dst, byte('0'+us/100), byte('0'+us/10%10), byte('0'+us%10))
}

func appendDayInterval(dst []byte, us int64) []byte {
	n := uint64(us)
	if us < 0 {
		dst, n = append(dst, '-'), -n
	}
	dst = append(strconv.AppendUint(dst, n/dayMicros, 10), ' ')
	return appendTime(dst, int64(n%dayMicros), 6)
}

func appendMonthInterval(dst []byte, months int64) []byte {
	if months < 0 {
		dst, months = append(dst, '-'), -months
	}
	return appendTwo(append(strconv.AppendInt(dst, months/12, 10), '-'), months%12)
}
