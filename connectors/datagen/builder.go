package datagen

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
)

// builder makes the generators of columns from their options.
type builder struct {
	options  *fieldOptions
	timeline timeline
	errs     []error
}

func newBuilder(cfg Config) *builder {
	return &builder{
		options:  newFieldOptions(cfg.Fields),
		timeline: newTimeline(cfg.BaseTime, cfg.TimeStep, cfg.RowsPerSecond),
	}
}

func (b *builder) fail(err error) column {
	b.errs = append(b.errs, err)
	return nil
}

// column gives the generator of the column or part at path; nil after an error.
// inCollection says that it is below an ARRAY or a MAP.
func (b *builder) column(path string, t catalog.Type, notNull, inCollection bool) column {
	nulls, err := b.options.nullRate(path, notNull)
	if err != nil {
		return b.fail(err)
	}
	base := base{dt: t.Arrow(), salt: salt(path), nulls: nulls}

	kind, given := b.options.get(path, optKind)
	if !given {
		kind = kindRandom
	}
	var c column
	switch strings.ToLower(kind) {
	case kindRandom:
		c = b.random(path, base, t, inCollection)
	case kindSequence:
		if inCollection {
			return b.fail(fmt.Errorf("datagen: '%s' can't be a sequence: it is part of a collection", path))
		}
		c = b.sequence(path, base, t)
	default:
		return b.fail(fmt.Errorf("datagen: option '%s.%s': %q is neither random nor sequence", path, optKind, kind))
	}
	if c == nil {
		return nil
	}
	for _, option := range b.options.misplaced(path) {
		b.fail(fmt.Errorf("datagen: option '%s' means nothing for a %s %s", option, strings.ToLower(kind), t))
	}
	return c
}

// salt makes a column's random numbers its own.
func salt(path string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(strings.ToLower(path)))
	return h.Sum64()
}

// random gives the generator of random values of a type.
func (b *builder) random(path string, base base, t catalog.Type, inCollection bool) column {
	switch t.Kind {
	case catalog.KindBoolean:
		return &booleans{base}
	case catalog.KindTinyInt:
		return randomIntegers[int8](b, path, base, math.MinInt8, math.MaxInt8)
	case catalog.KindSmallInt:
		return randomIntegers[int16](b, path, base, math.MinInt16, math.MaxInt16)
	case catalog.KindInt:
		return randomIntegers[int32](b, path, base, math.MinInt32, math.MaxInt32)
	case catalog.KindBigInt:
		return randomIntegers[int64](b, path, base, math.MinInt64, math.MaxInt64)
	case catalog.KindIntervalMonth:
		// 10,000 years, as all dates span.
		return randomIntegers[int32](b, path, base, 0, 120_000)
	case catalog.KindIntervalDay:
		return b.randomIntervals(path, base)
	case catalog.KindFloat:
		return randomFloats[float32](b, path, base, math.MaxFloat32)
	case catalog.KindDouble:
		return randomFloats[float64](b, path, base, math.MaxFloat64)
	case catalog.KindDecimal:
		return b.randomDecimals(path, base, t)
	case catalog.KindString, catalog.KindBytes, catalog.KindJSON:
		return b.randomTexts(path, base, t)
	case catalog.KindDate, catalog.KindTime, catalog.KindTimestamp, catalog.KindTimestampLTZ:
		return b.randomTimes(path, base, t)
	case catalog.KindArray, catalog.KindMap, catalog.KindRow:
		return b.nested(path, base, t, inCollection)
	default:
		return b.fail(fmt.Errorf("datagen: '%s': no values of type %s can be made", path, t))
	}
}

// ends reads the options min and max, by default least and greatest.
func ends[T any](b *builder, path string, least, greatest T, parse func(string) (T, error)) (low, high T, ok bool) {
	low, high = least, greatest
	for name, end := range map[string]*T{optMin: &low, optMax: &high} {
		if text, given := b.options.get(path, name); given {
			v, err := parse(text)
			if err != nil {
				b.fail(fmt.Errorf("datagen: option '%s.%s': %w", path, name, err))
				return low, high, false
			}
			*end = v
		}
	}
	return low, high, true
}

func (b *builder) order(path string, low, high any) column {
	return b.fail(fmt.Errorf("datagen: '%s': min %v is greater than max %v", path, low, high))
}

func randomIntegers[T integer](b *builder, path string, base base, least, greatest int64) column {
	low, high, ok := ends(b, path, least, greatest, func(text string) (int64, error) {
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v < least || v > greatest {
			return 0, fmt.Errorf("%q is not an integer from %d to %d", text, least, greatest)
		}
		return v, nil
	})
	if !ok {
		return nil
	}
	if low > high {
		return b.order(path, low, high)
	}
	return &integers[T]{base: base, min: low, span: uint64(high) - uint64(low) + 1}
}

// randomIntervals gives day intervals, in us; min and max are durations.
func (b *builder) randomIntervals(path string, base base) column {
	low, high, ok := ends(b, path, 0, 24*time.Hour, catalog.ParseDuration)
	if !ok {
		return nil
	}
	if low > high {
		return b.order(path, low, high)
	}
	return &integers[int64]{base: base, min: low.Microseconds(), span: uint64(high.Microseconds()-low.Microseconds()) + 1}
}

func randomFloats[T float32 | float64](b *builder, path string, base base, greatest float64) column {
	low, high, ok := ends(b, path, -greatest, greatest, func(text string) (float64, error) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(math.Abs(v) <= greatest) {
			return 0, fmt.Errorf("%q is not a number within ±%g", text, greatest)
		}
		return v, nil
	})
	if !ok {
		return nil
	}
	if low > high {
		return b.order(path, low, high)
	}
	return &floats[T]{base: base, min: low, max: high}
}

func (b *builder) randomDecimals(path string, base base, t catalog.Type) column {
	greatest := decimal128.GetMaxValue(int32(t.Precision))
	low, high, ok := ends(b, path, greatest.Negate(), greatest, func(text string) (decimal128.Num, error) {
		return parseDecimal(text, t)
	})
	if !ok {
		return nil
	}
	if low.Cmp(high) > 0 {
		return b.order(path, low.ToString(int32(t.Scale)), high.ToString(int32(t.Scale)))
	}
	return &decimals{base: base, min: low, span: high.Sub(low).Add(decimal128.FromI64(1))}
}

// parseDecimal reads a number that a DECIMAL type holds exactly.
func parseDecimal(text string, t catalog.Type) (decimal128.Num, error) {
	r, ok := new(big.Rat).SetString(text)
	if !ok || strings.Contains(text, "/") || len(text) > 100 {
		return decimal128.Num{}, fmt.Errorf("%q is not a decimal number", text)
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)
	r.Mul(r, new(big.Rat).SetInt(scale))
	if !r.IsInt() || r.Num().BitLen() > 127 || !decimal128.FromBigInt(r.Num()).FitsInPrecision(int32(t.Precision)) {
		return decimal128.Num{}, fmt.Errorf("%s does not fit %s", text, t)
	}
	return decimal128.FromBigInt(r.Num()), nil
}

func (b *builder) randomTexts(path string, base base, t catalog.Type) column {
	usual := 100
	if t.Precision > 0 {
		usual = min(t.Precision, maxLength)
	}
	l, err := b.options.lengths(path, usual, t.Precision)
	if err != nil {
		return b.fail(err)
	}
	if t.Fixed && (l.max != t.Precision || l.variable) {
		return b.fail(fmt.Errorf("datagen: '%s': values of type %s have length %d", path, t, t.Precision))
	}
	return &texts{base: base, length: l, raw: t.Kind == catalog.KindBytes, quoted: t.Kind == catalog.KindJSON}
}

func (b *builder) randomTimes(path string, base base, t catalog.Type) column {
	past, err := b.options.past(path)
	if err != nil {
		return b.fail(err)
	}
	ts := timestamps{base: base, timeline: b.timeline, past: past, unit: 1}
	switch {
	case t.Precision == 0:
		ts.unit = 1_000_000
	case t.Precision <= 3:
		ts.unit = 1000
	}
	switch t.Kind {
	case catalog.KindDate:
		return &dates{ts}
	case catalog.KindTime:
		return &timesOfDay{ts}
	default:
		return &ts
	}
}

func (b *builder) nested(path string, base base, t catalog.Type, inCollection bool) column {
	if t.Kind == catalog.KindRow {
		r := &rowValues{base: base}
		ok := true
		for _, f := range t.Fields {
			m := b.column(path+"."+f.Name, f.Type, f.NotNull, inCollection)
			ok = ok && m != nil
			r.members = append(r.members, m)
		}
		if !ok {
			return nil
		}
		return r
	}
	l, err := b.options.lengths(path, 3, 0)
	if err != nil {
		return b.fail(err)
	}
	if t.Kind == catalog.KindArray {
		element := b.column(path+".element", *t.Elem, false, true)
		if element == nil {
			return nil
		}
		return &arrays{base: base, length: l, element: element}
	}
	key := b.column(path+".key", *t.Key, true, true)
	value := b.column(path+".value", *t.Elem, false, true)
	if key == nil || value == nil {
		return nil
	}
	return &maps{base: base, length: l, key: key, value: value}
}

// sequence gives the generator of a sequence.
func (b *builder) sequence(path string, base base, t catalog.Type) column {
	start, end, err := b.options.bounds(path)
	if err != nil {
		return b.fail(err)
	}
	within := func(least, greatest int64) bool {
		if start < least || end > greatest {
			b.fail(fmt.Errorf("datagen: the sequence of '%s', %d to %d, leaves the range of %s", path, start, end, t))
			return false
		}
		return true
	}
	switch t.Kind {
	case catalog.KindTinyInt:
		if within(math.MinInt8, math.MaxInt8) {
			return &integerSequence[int8]{base, start}
		}
	case catalog.KindSmallInt:
		if within(math.MinInt16, math.MaxInt16) {
			return &integerSequence[int16]{base, start}
		}
	case catalog.KindInt:
		if within(math.MinInt32, math.MaxInt32) {
			return &integerSequence[int32]{base, start}
		}
	case catalog.KindBigInt:
		return &integerSequence[int64]{base, start}
	case catalog.KindFloat:
		if within(-1<<24, 1<<24) {
			return &integerSequence[float32]{base, start}
		}
	case catalog.KindDouble:
		if within(-1<<53, 1<<53) {
			return &integerSequence[float64]{base, start}
		}
	case catalog.KindDecimal:
		digits := t.Precision - t.Scale
		if digits < 19 {
			greatest := int64(math.Pow10(digits)) - 1
			if !within(-greatest, greatest) {
				return nil
			}
		}
		return &decimalSequence{base, start, decimal128.GetScaleMultiplier(t.Scale)}
	case catalog.KindString:
		if limit := t.Precision; limit > 0 && max(len(strconv.FormatInt(start, 10)), len(strconv.FormatInt(end, 10))) > limit {
			return b.fail(fmt.Errorf("datagen: the sequence of '%s', %d to %d, is longer than %s", path, start, end, t))
		}
		return &textSequence{base, start}
	default:
		return b.fail(fmt.Errorf("datagen: '%s': a column of type %s can't be a sequence", path, t))
	}
	return nil // within has the error
}
