package column

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
)

// Value gives row i of a column of type t in the form of catalog.Literal.Value
// (nil: NULL). It is for single values: literals, messages, embedders.
func Value(a arrow.Array, i int, t catalog.Type) any {
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
		return a.Value(i)
	case *array.String:
		return string([]byte(a.Value(i)))
	case *array.Binary:
		return append([]byte{}, a.Value(i)...)
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
		from, to := a.ValueOffsets(i)
		out := make([]any, 0, 2*(to-from))
		for k := int(from); k < int(to); k++ {
			out = append(out, Value(a.Keys(), k, *t.Key), Value(a.Items(), k, *t.Elem))
		}
		return out
	case *array.List:
		from, to := a.ValueOffsets(i)
		out := make([]any, 0, to-from)
		for k := int(from); k < int(to); k++ {
			out = append(out, Value(a.ListValues(), k, *t.Elem))
		}
		return out
	case *array.Struct:
		out := make([]any, a.NumField())
		for k := range out {
			out[k] = Value(a.Field(k), i, t.Fields[k].Type)
		}
		return out
	default:
		return nil
	}
}

// FromValues makes a column of type t from values in the form of
// catalog.Literal.Value.
func FromValues(values []any, t catalog.Type, alloc memory.Allocator) (arrow.Array, error) {
	b := array.NewBuilder(alloc, t.Arrow())
	defer b.Release()
	for _, v := range values {
		if err := Append(b, v, t); err != nil {
			return nil, err
		}
	}
	return b.NewArray(), nil
}

// Append appends one value of type t, in the form of catalog.Literal.Value, to a
// builder of t's Arrow type.
func Append(b array.Builder, v any, t catalog.Type) error {
	if v == nil {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		return appendAs(v, t, b.Append)
	case *array.Int8Builder:
		return appendAs(v, t, func(x int64) { b.Append(int8(x)) })
	case *array.Int16Builder:
		return appendAs(v, t, func(x int64) { b.Append(int16(x)) })
	case *array.Int32Builder:
		return appendAs(v, t, func(x int64) { b.Append(int32(x)) })
	case *array.Int64Builder:
		return appendAs(v, t, b.Append)
	case *array.Float32Builder:
		return appendAs(v, t, func(x float64) { b.Append(float32(x)) })
	case *array.Float64Builder:
		return appendAs(v, t, b.Append)
	case *array.Decimal128Builder:
		return appendAs(v, t, func(x decimal128.Num) { b.Append(x) })
	case *array.StringBuilder:
		return appendAs(v, t, b.Append)
	case *array.BinaryBuilder:
		return appendAs(v, t, b.Append)
	case *array.Date32Builder:
		return appendAs(v, t, func(x int64) { b.Append(arrow.Date32(x)) })
	case *array.Time64Builder:
		return appendAs(v, t, func(x int64) { b.Append(arrow.Time64(x)) })
	case *array.TimestampBuilder:
		return appendAs(v, t, func(x int64) { b.Append(arrow.Timestamp(x)) })
	case *array.DurationBuilder:
		return appendAs(v, t, func(x int64) { b.Append(arrow.Duration(x)) })
	case *array.MonthIntervalBuilder:
		return appendAs(v, t, func(x int64) { b.Append(arrow.MonthInterval(x)) })
	}
	list, ok := v.([]any)
	if !ok {
		return mismatch(v, t)
	}
	switch b := b.(type) {
	case *array.MapBuilder:
		if len(list)%2 != 0 {
			return mismatch(v, t)
		}
		b.Append(true)
		for i := 0; i < len(list); i += 2 {
			if err := Append(b.KeyBuilder(), list[i], *t.Key); err != nil {
				return err
			}
			if err := Append(b.ItemBuilder(), list[i+1], *t.Elem); err != nil {
				return err
			}
		}
	case *array.ListBuilder:
		b.Append(true)
		for _, x := range list {
			if err := Append(b.ValueBuilder(), x, *t.Elem); err != nil {
				return err
			}
		}
	case *array.StructBuilder:
		if len(list) != len(t.Fields) {
			return mismatch(v, t)
		}
		b.Append(true)
		for i, x := range list {
			if err := Append(b.FieldBuilder(i), x, t.Fields[i].Type); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("no column of %s", t)
	}
	return nil
}

func appendAs[T any](v any, t catalog.Type, f func(T)) error {
	x, ok := v.(T)
	if !ok {
		return mismatch(v, t)
	}
	f(x)
	return nil
}

func mismatch(v any, t catalog.Type) error {
	return fmt.Errorf("%T (%v) is no value of %s", v, v, t)
}

// Repeat gives a literal as a column of n rows.
func Repeat(l *catalog.Literal, n int, alloc memory.Allocator) (arrow.Array, error) {
	dt := l.T.Arrow()
	if l.Value == nil {
		return NewNull(alloc, dt, n), nil
	}
	one, err := FromValues([]any{l.Value}, l.T, alloc)
	if err != nil || n == 1 {
		return one, err
	}
	defer one.Release()
	switch dt := dt.(type) {
	case *arrow.StringType, *arrow.BinaryType:
		return repeatBytes(one, n, alloc), nil
	case *arrow.BooleanType:
	case arrow.FixedWidthDataType:
		width := dt.BitWidth() / 8
		out := NewBuffer(alloc, n*width)
		dst := out.Bytes()
		if n > 0 {
			for at := copy(dst, one.Data().Buffers()[1].Bytes()[:width]); at < len(dst); {
				at += copy(dst[at:], dst[:at])
			}
		}
		return Make(dt, n, 0, []*memory.Buffer{nil, out}), nil
	}
	// Row 0, n times.
	sel := make([]int32, n)
	return Gather(one, sel, alloc), nil
}

func repeatBytes(one arrow.Array, n int, alloc memory.Allocator) arrow.Array {
	from := Offsets(one)
	text := Data(one)[from[0]:from[1]]
	offBuf := NewBuffer(alloc, 4*(n+1))
	offs := As[int32](offBuf, n+1)
	out := NewBuffer(alloc, n*len(text))
	dst := out.Bytes()
	for i := range offs {
		offs[i] = int32(i * len(text))
	}
	for i := range n {
		copy(dst[i*len(text):], text)
	}
	return Make(one.DataType(), n, 0, []*memory.Buffer{nil, offBuf, out})
}
