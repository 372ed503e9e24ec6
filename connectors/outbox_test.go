package connectors

import (
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
)

// An intent gives back rows of every type, kinds and NULLs with them.
func TestOutboxIntent(t *testing.T) {
	types := []catalog.Type{
		catalog.Boolean, catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt, catalog.Float, catalog.Double, catalog.Decimal(38, 2), catalog.String, catalog.Bytes,
		catalog.Date, catalog.Time, catalog.Timestamp3, catalog.TimestampLTZ3, catalog.IntervalDay, catalog.IntervalMonth, catalog.ArrayOf(catalog.Int),
		catalog.MapOf(catalog.String, catalog.Double), catalog.RowOf(catalog.Field{Name: "x", Type: catalog.ArrayOf(catalog.String)}), catalog.JSON,
	}
	var cols []catalog.Field
	for i, typ := range types {
		cols = append(cols, catalog.Field{Name: fmt.Sprint("c", i), Type: typ})
	}
	o := NewOutbox(nil, cols).(*outbox)
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	var want Batch
	want.N, want.Kinds = 3, []catalog.RowKind{catalog.Insert, catalog.UpdateAfter, catalog.Delete}
	for _, typ := range types {
		b := array.NewBuilder(alloc, typ.Arrow())
		for i := range want.N {
			if i == 1 {
				b.AppendNull()
				continue
			}
			fill(b, int64(i+7))
		}
		want.Cols = append(want.Cols, b.NewArray())
		b.Release()
	}
	plain := Batch{N: want.N, Cols: want.Cols}
	intent, err := encodeOutbox(o.schema, 41, []Batch{want, plain})
	if err != nil {
		t.Fatal(err)
	}
	prev, got, err := decodeOutbox(o.schema, intent)
	if err != nil || prev != 41 || len(got) != 2 {
		t.Fatal(prev, len(got), err)
	}
	for k, c := range want.Cols {
		for b := range got {
			if !array.Equal(got[b].Cols[k], c) {
				t.Errorf("%s: got %v, want %v", types[k], got[b].Cols[k], c)
			}
			got[b].Cols[k].Release()
		}
		c.Release()
	}
	if fmt.Sprint(got[0].Kinds) != fmt.Sprint(want.Kinds) || fmt.Sprint(got[1].Kinds) != "[+I +I +I]" {
		t.Errorf("kinds %v and %v", got[0].Kinds, got[1].Kinds)
	}
	for i := range intent {
		if _, _, err := decodeOutbox(o.schema, intent[:i]); err == nil {
			t.Errorf("%d of %d bytes are taken for an intent", i, len(intent))
		}
	}
}

// fill appends a value made of v.
func fill(b array.Builder, v int64) {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(v%2 == 0)
	case *array.Int8Builder:
		b.Append(int8(v))
	case *array.Int16Builder:
		b.Append(int16(v))
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Int64Builder:
		b.Append(v)
	case *array.Float32Builder:
		b.Append(float32(v))
	case *array.Float64Builder:
		b.Append(float64(v))
	case *array.Decimal128Builder:
		b.Append(decimal128.New(v, 3))
	case *array.StringBuilder:
		b.Append(fmt.Sprint(v))
	case *array.BinaryBuilder:
		b.Append([]byte{byte(v)})
	case *array.Date32Builder:
		b.Append(arrow.Date32(v))
	case *array.Time64Builder:
		b.Append(arrow.Time64(v))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(v))
	case *array.MonthIntervalBuilder:
		b.Append(arrow.MonthInterval(v))
	case *array.MapBuilder:
		b.Append(true)
		fill(b.KeyBuilder(), v)
		fill(b.ItemBuilder(), v)
	case *array.ListBuilder:
		b.Append(true)
		fill(b.ValueBuilder(), v)
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			fill(b.FieldBuilder(i), v)
		}
	default:
		panic(fmt.Sprintf("%T", b))
	}
}
