package parquet

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format/cell"
)

// unitsOf is how many of a unit a second has.
func unitsOf(u arrow.TimeUnit) int64 {
	switch u {
	case arrow.Second:
		return 1
	case arrow.Millisecond:
		return 1e3
	case arrow.Microsecond:
		return 1e6
	}
	return 1e9
}

// check sees whether a type of the file fits a column.
func check(t arrow.DataType, to *cell.Cell) error {
	k := to.Type.Kind
	fits := false
	switch t := t.(type) {
	case *arrow.BooleanType:
		fits = k == catalog.KindBoolean
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type, *arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type, *arrow.Uint64Type:
		fits = to.Type.IsNumeric()
	case *arrow.Float32Type:
		fits = to.Type.IsFloating()
	case *arrow.Float64Type:
		fits = k == catalog.KindDouble
	case *arrow.Decimal128Type:
		fits = k == catalog.KindDecimal
	case *arrow.StringType, *arrow.LargeStringType, *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.FixedSizeBinaryType:
		fits = k == catalog.KindString || k == catalog.KindBytes
	case *arrow.Date32Type:
		fits = k == catalog.KindDate
	case *arrow.Time32Type, *arrow.Time64Type:
		fits = k == catalog.KindTime
	case *arrow.TimestampType:
		fits = to.Type.IsTimestamp()
	case *arrow.MapType:
		if k == catalog.KindMap {
			return errors.Join(check(t.KeyType(), to.Key()), check(t.ItemType(), to.Value()))
		}
	case *arrow.ListType:
		if k == catalog.KindArray {
			return check(t.Elem(), to.Elem())
		}
	case *arrow.StructType:
		if k == catalog.KindRow {
			for i, f := range to.Type.Fields {
				if g, ok := t.FieldByName(f.Name); ok {
					if err := check(g.Type, to.Member(i)); err != nil {
						return err
					}
				}
			}
			return nil
		}
	}
	if !fits {
		return fmt.Errorf("column %s: %s of the file does not fit %s", to.Path, t, to.Type)
	}
	return nil
}

// put puts element i of an array into a slot.
func put(c *cell.Cell, a arrow.Array, i, slot int) {
	if a.IsNull(i) {
		c.Null()
		return
	}
	switch a := a.(type) {
	case *array.Boolean:
		c.Bool(slot, a.Value(i))
	case *array.Int8:
		c.Int(slot, int64(a.Value(i)))
	case *array.Int16:
		c.Int(slot, int64(a.Value(i)))
	case *array.Int32:
		c.Int(slot, int64(a.Value(i)))
	case *array.Int64:
		c.Int(slot, a.Value(i))
	case *array.Uint8:
		c.Int(slot, int64(a.Value(i)))
	case *array.Uint16:
		c.Int(slot, int64(a.Value(i)))
	case *array.Uint32:
		c.Int(slot, int64(a.Value(i)))
	case *array.Uint64:
		c.Uint(slot, a.Value(i))
	case *array.Float32:
		c.Float32(slot, a.Value(i))
	case *array.Float64:
		c.Float64(slot, a.Value(i))
	case *array.Decimal128:
		c.Decimal(slot, a.Value(i), int(a.DataType().(*arrow.Decimal128Type).Scale))
	case *array.String:
		c.Text(slot, []byte(a.Value(i)))
	case *array.LargeString:
		c.Text(slot, []byte(a.Value(i)))
	case *array.Binary:
		c.Text(slot, a.Value(i))
	case *array.LargeBinary:
		c.Text(slot, a.Value(i))
	case *array.FixedSizeBinary:
		c.Text(slot, a.Value(i))
	case *array.Date32:
		c.Date(slot, int64(a.Value(i)))
	case *array.Time32:
		c.Time(slot, int64(a.Value(i))*(1e6/unitsOf(a.DataType().(*arrow.Time32Type).Unit)))
	case *array.Time64:
		v := int64(a.Value(i))
		if a.DataType().(*arrow.Time64Type).Unit == arrow.Nanosecond {
			v /= 1000
		}
		c.Time(slot, v)
	case *array.Timestamp:
		c.Timestamp(slot, int64(a.Value(i)), unitsOf(a.DataType().(*arrow.TimestampType).Unit))
	default:
		nested(c, a, i, slot)
	}
}

// nested puts a value of several.
func nested(c *cell.Cell, a arrow.Array, i, slot int) {
	switch a := a.(type) {
	case *array.Map:
		start, end := a.ValueOffsets(i)
		at, key, value := c.Column.Elems(), c.Key(), c.Value()
		for j := start; j < end; j++ {
			put(key, a.Keys(), int(j), at)
			put(value, a.Items(), int(j), at)
			at++
		}
		c.Entries(slot, at)
	case *array.List:
		start, end := a.ValueOffsets(i)
		at, elem := c.Column.Elems(), c.Elem()
		for j := start; j < end; j++ {
			put(elem, a.ListValues(), int(j), at)
			at++
		}
		c.Column.PutList(slot, at)
	case *array.Struct:
		c.Column.PutRow(slot)
		t := a.DataType().(*arrow.StructType)
		for m, f := range c.Type.Fields {
			if k, ok := t.FieldIdx(f.Name); ok {
				put(c.Member(m), a.Field(k), i, slot)
			} else {
				c.Member(m).Null()
			}
		}
	}
}

// fieldsOf gives the columns that a schema stands for.
func fieldsOf(s *arrow.Schema) ([]catalog.Field, error) {
	var out []catalog.Field
	for _, f := range s.Fields() {
		t, err := typeOf(f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		out = append(out, catalog.Field{Name: f.Name, Type: t, NotNull: !f.Nullable})
	}
	return out, nil
}

func typeOf(t arrow.DataType) (catalog.Type, error) {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return catalog.Boolean, nil
	case *arrow.Int8Type:
		return catalog.TinyInt, nil
	case *arrow.Int16Type, *arrow.Uint8Type:
		return catalog.SmallInt, nil
	case *arrow.Int32Type, *arrow.Uint16Type:
		return catalog.Int, nil
	case *arrow.Int64Type, *arrow.Uint32Type:
		return catalog.BigInt, nil
	case *arrow.Uint64Type:
		return catalog.Decimal(20, 0), nil
	case *arrow.Float32Type:
		return catalog.Float, nil
	case *arrow.Float64Type:
		return catalog.Double, nil
	case *arrow.Decimal128Type:
		return catalog.Decimal(int(t.Precision), int(t.Scale)), nil
	case *arrow.StringType, *arrow.LargeStringType:
		return catalog.String, nil
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.FixedSizeBinaryType:
		return catalog.Bytes, nil
	case *arrow.Date32Type:
		return catalog.Date, nil
	case *arrow.Time32Type:
		return catalog.Type{Kind: catalog.KindTime, Precision: 3}, nil
	case *arrow.Time64Type:
		return catalog.Type{Kind: catalog.KindTime, Precision: 6}, nil
	case *arrow.TimestampType:
		out := catalog.Type{Kind: catalog.KindTimestamp, Precision: 6}
		if t.TimeZone != "" {
			out.Kind = catalog.KindTimestampLTZ
		}
		if t.Unit <= arrow.Millisecond {
			out.Precision = 3
		}
		return out, nil
	case *arrow.MapType:
		k, err := typeOf(t.KeyType())
		if err != nil {
			return k, err
		}
		v, err := typeOf(t.ItemType())
		return catalog.MapOf(k, v), err
	case *arrow.ListType:
		e, err := typeOf(t.Elem())
		return catalog.ArrayOf(e), err
	case *arrow.StructType:
		var fields []catalog.Field
		for _, f := range t.Fields() {
			m, err := typeOf(f.Type)
			if err != nil {
				return m, err
			}
			fields = append(fields, catalog.Field{Name: f.Name, Type: m})
		}
		return catalog.RowOf(fields...), nil
	}
	return catalog.Type{}, fmt.Errorf("%s has no type in SQL", t)
}
