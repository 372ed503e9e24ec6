package datagen

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
)

// The options of a column, after fields.COLUMN. Parts of nested columns have names
// as in Flink: fields.ROW.MEMBER.min, fields.ARRAY.element.min, fields.MAP.key.min
// and fields.MAP.value.min.
const (
	optKind     = "kind"
	optMin      = "min"
	optMax      = "max"
	optStart    = "start"
	optEnd      = "end"
	optLength   = "length"
	optVarLen   = "var-len"
	optMaxPast  = "max-past"
	optNullRate = "null-rate"
)

var columnOptions = []string{optKind, optMin, optMax, optStart, optEnd, optLength, optVarLen, optMaxPast, optNullRate}

const (
	kindRandom   = "random"
	kindSequence = "sequence"
)

const fieldsPrefix = "fields."

func fieldPath(name string) string { return fieldsPrefix + name }

// maxLength bounds the length of a string or a collection.
const maxLength = 1 << 20

// fieldOptions are all options of columns, found by name without regard to case:
// column names have none either.
type fieldOptions struct {
	values map[string]string // by lower-case name
	names  map[string]string // as written
	used   map[string]bool
}

func newFieldOptions(options catalog.Options) *fieldOptions {
	f := &fieldOptions{values: map[string]string{}, names: map[string]string{}, used: map[string]bool{}}
	for name, value := range options {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, fieldsPrefix) {
			f.values[lower], f.names[lower] = strings.TrimSpace(value), name
		}
	}
	return f
}

// get gives option name of the column or part at path, and notes that it has a
// meaning there.
func (f *fieldOptions) get(path, name string) (string, bool) {
	key := strings.ToLower(path + "." + name)
	v, ok := f.values[key]
	f.used[key] = true
	return v, ok
}

// misplaced lists the options of the part at path that nobody asked for: the ones
// that its type does not have.
func (f *fieldOptions) misplaced(path string) []string {
	var names []string
	for _, o := range columnOptions {
		key := strings.ToLower(path + "." + o)
		if _, given := f.values[key]; given && !f.used[key] {
			names = append(names, f.names[key])
		}
	}
	slices.Sort(names)
	return names
}

// sequenceRows gives how many rows there are until the first sequence of all
// columns ends, read or not; -1 if there is none.
func (f *fieldOptions) sequenceRows() (int64, error) {
	rows := int64(-1)
	var errs []error
	for key, kind := range f.values {
		path, ok := strings.CutSuffix(key, "."+optKind)
		if !ok || !strings.EqualFold(kind, kindSequence) {
			continue
		}
		start, end, err := f.bounds(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if n := end - start + 1; rows < 0 || n < rows {
			rows = n
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return rows, errors.Join(errs...)
}

// bounds gives the ends of the sequence at path.
func (f *fieldOptions) bounds(path string) (start, end int64, err error) {
	var ends [2]int64
	for i, name := range []string{optStart, optEnd} {
		text, ok := f.get(path, name)
		if !ok {
			return 0, 0, fmt.Errorf("datagen: a sequence needs option '%s.%s'", path, name)
		}
		if ends[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return 0, 0, fmt.Errorf("datagen: option '%s.%s': %q is not an integer", path, name, text)
		}
	}
	start, end = ends[0], ends[1]
	if end < start {
		return 0, 0, fmt.Errorf("datagen: the sequence of '%s' ends at %d, before it starts at %d", path, end, start)
	}
	// As many rows as an int64 counts, with room for arithmetic.
	if uint64(end)-uint64(start) >= math.MaxInt64/4 {
		return 0, 0, fmt.Errorf("datagen: the sequence of '%s' is longer than %d", path, int64(math.MaxInt64/4))
	}
	return start, end, nil
}

// nullRate gives the bound of the draws that make a cell NULL.
func (f *fieldOptions) nullRate(path string, notNull bool) (uint64, error) {
	text, ok := f.get(path, optNullRate)
	if !ok {
		return 0, nil
	}
	rate, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || !(rate >= 0 && rate <= 1):
		return 0, fmt.Errorf("datagen: option '%s.%s': %q is not a number from 0 to 1", path, optNullRate, text)
	case rate > 0 && notNull:
		return 0, fmt.Errorf("datagen: option '%s.%s': the column is NOT NULL", path, optNullRate)
	case rate == 1:
		return math.MaxUint64, nil
	default:
		return uint64(rate * (1 << 63) * 2), nil
	}
}

// lengths gives the lengths of a string or collection. limit is the declared
// length (0: none).
func (f *fieldOptions) lengths(path string, usual, limit int) (lengths, error) {
	l := lengths{max: usual}
	if text, ok := f.get(path, optLength); ok {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxLength {
			return l, fmt.Errorf("datagen: option '%s.%s': %q is not an integer from 0 to %d", path, optLength, text, maxLength)
		}
		if limit > 0 && n > limit {
			return l, fmt.Errorf("datagen: option '%s.%s': %d is beyond the declared length %d", path, optLength, n, limit)
		}
		l.max = n
	}
	if text, ok := f.get(path, optVarLen); ok {
		v, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil {
			return l, fmt.Errorf("datagen: option '%s.%s': %q is neither true nor false", path, optVarLen, text)
		}
		l.variable = v
	}
	return l, nil
}

// past gives the greatest age of times, in us.
func (f *fieldOptions) past(path string) (uint64, error) {
	text, ok := f.get(path, optMaxPast)
	if !ok {
		return 0, nil
	}
	d, err := catalog.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("datagen: option '%s.%s': %w", path, optMaxPast, err)
	}
	return uint64(d / time.Microsecond), nil
}
