package json

import (
	"bytes"
	"encoding/base64"
	stdjson "encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
)

// The reference: records taken apart by encoding/json, one value at a time, and
// converted with the standard library. It shares no code with the decoder.

// cellValue is a value as both sides give it: nil, bool, int64, float64, string
// (also of BYTES), decimal (its unscaled digits), []any, map[string]any (MAP),
// row.
type (
	decimal string
	row     []any
)

var errReference = fmt.Errorf("misfit")

// referenceRow gives the values of a record, or false if encoding/json rejects
// it, it is not valid UTF-8, or a value does not fit.
func referenceRow(columns []catalog.Field, record []byte, opts Options) (row, bool) {
	if !stdjson.Valid(record) || !utf8.Valid(record) {
		return nil, false
	}
	if trimmed := bytes.TrimLeft(record, " \t\r\n"); trimmed[0] != '{' {
		return nil, false
	}
	v, err := referenceValue(catalog.RowOf(columns...), record, opts)
	if err != nil {
		return nil, false
	}
	return v.(row), true
}

var (
	integerForm   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	numberForm    = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	dateForm      = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	timeForm      = regexp.MustCompile(`^[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?$`)
	timestampForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?$`)
)

func referenceValue(t catalog.Type, raw []byte, opts Options) (any, error) {
	raw = bytes.Trim(raw, " \t\r\n")
	if string(raw) == "null" {
		return nil, nil
	}
	content := ""
	isString := raw[0] == '"'
	if isString {
		if err := stdjson.Unmarshal(raw, &content); err != nil {
			return nil, err
		}
	}
	switch t.Kind {
	case catalog.KindBoolean:
		var v bool
		err := stdjson.Unmarshal(raw, &v)
		return v, err
	case catalog.KindTinyInt, catalog.KindSmallInt, catalog.KindInt, catalog.KindBigInt:
		bits := map[catalog.Kind]int{catalog.KindTinyInt: 8, catalog.KindSmallInt: 16, catalog.KindInt: 32, catalog.KindBigInt: 64}[t.Kind]
		text := string(raw)
		if isString && opts.QuotedNumbers {
			text = content
		}
		if !integerForm.MatchString(text) {
			return nil, errReference
		}
		return strconv.ParseInt(text, 10, bits)
	case catalog.KindDouble, catalog.KindFloat:
		text := string(raw)
		if isString {
			if content == "NaN" || content == "Infinity" || content == "-Infinity" {
				if !bytes.ContainsRune(raw, '\\') {
					return strconv.ParseFloat(content, 64)
				}
			}
			if opts.QuotedNumbers {
				text = content
			}
		}
		if !numberForm.MatchString(text) {
			return nil, errReference
		}
		if t.Kind == catalog.KindFloat {
			return strconv.ParseFloat(text, 32)
		}
		var v float64
		err := stdjson.Unmarshal([]byte(text), &v)
		return v, err
	case catalog.KindDecimal:
		text := string(raw)
		if isString {
			text = content
		}
		return referenceDecimal(text, t)
	case catalog.KindString, catalog.KindJSON:
		if !isString || t.Kind == catalog.KindJSON {
			content = string(raw)
		}
		if t.Precision > 0 && utf8.RuneCountInString(content) > t.Precision {
			return nil, errReference
		}
		return content, nil
	case catalog.KindBytes:
		if !isString || strings.ContainsAny(content, "\r\n") {
			return nil, errReference
		}
		v, err := base64.StdEncoding.DecodeString(content)
		return string(v), err
	case catalog.KindDate:
		if !isString || !dateForm.MatchString(content) || content < "0001" {
			return nil, errReference
		}
		v, err := time.Parse(time.DateOnly, content)
		return v.Unix() / 86400, err
	case catalog.KindTime:
		if !isString || !timeForm.MatchString(content) {
			return nil, errReference
		}
		v, err := time.Parse("2006-01-02 15:04:05", "1970-01-01 "+content)
		return cutMicros(v.UnixMicro(), t), err
	case catalog.KindTimestamp, catalog.KindTimestampLTZ:
		if !isString {
			return nil, errReference
		}
		if t.Kind == catalog.KindTimestampLTZ {
			if !strings.HasSuffix(content, "Z") {
				return nil, errReference // offsets have tests of their own
			}
			content = strings.TrimSuffix(content, "Z")
		}
		separator := " "
		if opts.TimestampFormat == TimestampISO8601 {
			separator = "T"
		}
		if !timestampForm.MatchString(content) || content < "0001" {
			return nil, errReference
		}
		v, err := time.Parse("2006-01-02"+separator+"15:04:05", content)
		return cutMicros(v.UnixMicro(), t), err
	case catalog.KindArray:
		var elems []stdjson.RawMessage
		if err := stdjson.Unmarshal(raw, &elems); err != nil {
			return nil, err
		}
		list := []any{}
		for _, e := range elems {
			v, err := referenceValue(*t.Elem, e, opts)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case catalog.KindMap:
		var entries map[string]stdjson.RawMessage
		if err := stdjson.Unmarshal(raw, &entries); err != nil {
			return nil, err
		}
		m := map[string]any{}
		for k, e := range entries {
			v, err := referenceValue(*t.Elem, e, opts)
			if err != nil {
				return nil, err
			}
			m[k] = v
		}
		return m, nil
	case catalog.KindRow:
		var members map[string]stdjson.RawMessage
		if err := stdjson.Unmarshal(raw, &members); err != nil {
			return nil, err
		}
		r := make(row, len(t.Fields))
		for i, f := range t.Fields {
			if m, ok := members[f.Name]; ok {
				v, err := referenceValue(f.Type, m, opts)
				if err != nil {
					return nil, err
				}
				r[i] = v
			}
			if f.NotNull && r[i] == nil {
				return nil, errReference
			}
		}
		return r, nil
	}
	return nil, fmt.Errorf("no reference for %s", t)
}

func cutMicros(v int64, t catalog.Type) int64 {
	for p, unit := t.Precision, int64(1); p < 6; p++ {
		unit *= 10
		v -= ((v % unit) + unit) % unit
	}
	return v
}

func referenceDecimal(text string, t catalog.Type) (any, error) {
	if !numberForm.MatchString(text) {
		return nil, errReference
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 { // a Rat of a huge exponent takes for ever
		if e, err := strconv.Atoi(text[i+1:]); err != nil || e > 300 || e < -300 {
			zero := strings.Trim(text[:i], "-0.") == ""
			if zero || strings.HasPrefix(text[i+1:], "-") {
				return decimal("0"), nil
			}
			return nil, errReference
		}
	}
	v, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, errReference
	}
	negative := v.Sign() < 0
	v.Abs(v)
	v.Mul(v, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)))
	v.Add(v, big.NewRat(1, 2))
	n := new(big.Int).Quo(v.Num(), v.Denom())
	if n.Cmp(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Precision)), nil)) >= 0 {
		return nil, errReference
	}
	if negative {
		n.Neg(n)
	}
	return decimal(n.String()), nil
}

// cellOf reads slot i of an array.
func cellOf(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Float32:
		return float64(a.Value(i))
	case *array.Float64:
		return a.Value(i)
	case *array.Decimal128:
		return decimal(a.Value(i).BigInt().String())
	case *array.String:
		return strings.Clone(a.Value(i))
	case *array.Binary:
		return string(a.Value(i))
	case *array.Date32:
		return int64(a.Value(i))
	case *array.Time64:
		return int64(a.Value(i))
	case *array.Timestamp:
		return int64(a.Value(i))
	case *array.Duration:
		return int64(a.Value(i))
	case *array.MonthInterval:
		return int64(a.Value(i))
	case *array.Map:
		start, end := a.ValueOffsets(i)
		m := map[string]any{}
		for j := start; j < end; j++ {
			m[a.Keys().(*array.String).Value(int(j))] = cellOf(a.Items(), int(j))
		}
		if len(m) != int(end-start) {
			panic("a MAP holds a key twice")
		}
		return m
	case *array.List:
		start, end := a.ValueOffsets(i)
		list := []any{}
		for j := start; j < end; j++ {
			list = append(list, cellOf(a.ListValues(), int(j)))
		}
		return list
	case *array.Struct:
		r := make(row, a.NumField())
		for j := range r {
			r[j] = cellOf(a.Field(j), i)
		}
		return r
	}
	panic(fmt.Sprintf("no cell of %s", a.DataType()))
}

// rowOf reads row i of a batch.
func rowOf(b *Batch, i int) row {
	r := make(row, len(b.Columns))
	for j, c := range b.Columns {
		r[j] = cellOf(c, i)
	}
	return r
}

// same compares values, NaN being equal to itself and 0 not to -0.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && (math.Float64bits(a) == math.Float64bits(b) || a != a && b != b)
	case row:
		b, ok := b.(row)
		return ok && sameAll(a, b)
	case []any:
		b, ok := b.([]any)
		return ok && sameAll(a, b)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

func sameAll(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !same(a[i], b[i]) {
			return false
		}
	}
	return true
}

// compile compiles columns that must be right.
func compile(t testing.TB, columns []catalog.Field, opts Options) *Schema {
	t.Helper()
	s, err := Compile(columns, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
