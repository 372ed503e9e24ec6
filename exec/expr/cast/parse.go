package cast

import (
	"errors"
	"math"
	"strconv"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/calendar"
	"github.com/streamsql/streamsql/exec/expr/decimal"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

type decimalNum = decimal.Num

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func parseBool(b []byte) (bool, string) {
	switch {
	case equalFold(b, "true"), equalFold(b, "t"), equalFold(b, "yes"), equalFold(b, "y"), equalFold(b, "1"):
		return true, ""
	case equalFold(b, "false"), equalFold(b, "f"), equalFold(b, "no"), equalFold(b, "n"), equalFold(b, "0"):
		return false, ""
	}
	return false, BadCast
}

func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// parseInt reads an integer, or a number whose fraction is cut off.
func parseInt[T int8 | int16 | int32 | int64](bits int) func(b []byte) (T, string) {
	limit := uint64(1) << (bits - 1)
	return func(b []byte) (T, string) {
		i, negative := 0, false
		if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
			negative = b[0] == '-'
			i++
		}
		var v uint64
		start := i
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			d := uint64(b[i] - '0')
			if v > (math.MaxUint64-d)/10 {
				v = math.MaxUint64
				continue
			}
			v = v*10 + d
		}
		if i < len(b) || i == start {
			return parseFraction[T](b, bits)
		}
		if negative {
			if v > limit {
				return 0, Overflow
			}
			return T(-v), ""
		}
		if v >= limit {
			return 0, Overflow
		}
		return T(v), ""
	}
}

// parseFraction reads 12.7 or 1e3 as an integer, cutting what is behind the
// point.
func parseFraction[T int8 | int16 | int32 | int64](b []byte, bits int) (T, string) {
	const scale = 18 // digits kept of the fraction; more can't carry, they are cut
	n, problem := decimal.Parse(b, catalog.MaxDecimalPrecision, scale)
	switch problem {
	case decimal.Syntax:
		return 0, BadCast
	case decimal.Overflow:
		return 0, Overflow
	}
	v, ok := decimal.Int64(decimal.Truncate(n, scale))
	if !ok || v != int64(T(v)) {
		return 0, Overflow
	}
	return T(v), ""
}

func parseFloat[T float32 | float64](bits int) func(b []byte) (T, string) {
	return func(b []byte) (T, string) {
		for _, c := range b {
			if c == '_' || c == 'x' || c == 'X' || c == 'p' || c == 'P' {
				return 0, BadCast // Go's notations, not SQL's
			}
		}
		v, err := strconv.ParseFloat(view(b), bits)
		if errors.Is(err, strconv.ErrRange) {
			return 0, Overflow
		}
		if err != nil {
			return 0, BadCast
		}
		return T(v), ""
	}
}

func parseDecimal(to catalog.Type) func(b []byte) (decimalNum, string) {
	return func(b []byte) (decimalNum, string) {
		n, problem := decimal.Parse(b, to.Precision, to.Scale)
		switch problem {
		case decimal.Syntax:
			return n, BadCast
		case decimal.Overflow:
			return n, Overflow
		}
		return n, ""
	}
}

// parseDate reads a date; a time of day behind it is cut off.
func parseDate(b []byte) (int32, string) {
	if d, ok := calendar.ParseDate(b); ok {
		return int32(d), ""
	}
	if us, zoned, ok := calendar.ParseTimestamp(b); ok && !zoned {
		return int32(calendar.FloorDiv(us, calendar.Day)), ""
	}
	return 0, BadCast
}

func parseTime(b []byte) (int64, string) {
	if us, ok := calendar.ParseTime(b); ok {
		return us, ""
	}
	return 0, BadCast
}

func parseTimestamp(precision int) func(b []byte) (int64, string) {
	unit := precisionUnit(precision)
	return func(b []byte) (int64, string) {
		us, zoned, ok := calendar.ParseTimestamp(b)
		if !ok || zoned {
			return 0, BadCast
		}
		return us - calendar.FloorMod(us, unit), ""
	}
}

// precisionUnit is the microseconds of the last digit that a precision keeps.
func precisionUnit(precision int) int64 {
	unit := int64(1)
	for range 6 - min(precision, 6) {
		unit *= 10
	}
	return unit
}

// zonedText reads TIMESTAMP_LTZ: a text without a zone is in the session's.
type zonedText struct{ to catalog.Type }

// Eval implements catalog.Kernel.
func (k zonedText) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	valid := kernel.NewNullable(c.Alloc, n, args[0])
	texts := kernel.TextsOf(args[0])
	buf := column.NewBuffer(c.Alloc, 8*n)
	dst := column.As[int64](buf, n)
	unit := precisionUnit(k.to.Precision)
	local := calendar.NewLocal(c.Zone)
	kernel.ForEach(n, sel, &valid, func(i int) {
		us, zoned, ok := calendar.ParseTimestamp(trim(texts.At(i)))
		if !ok {
			failText(c, &valid, i, BadCast, texts.At(i), k.to)
			return
		}
		if !zoned {
			us = local.ToUTC(us)
		}
		dst[i] = us - calendar.FloorMod(us, unit)
	})
	return column.Make(k.to.Arrow(), n, -1, []*memory.Buffer{valid.Buffer(), buf}), nil
}
