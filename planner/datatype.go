package planner

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// dataType gives the type that a text names.
func dataType(src *parser.Source, d *parser.DataType) (catalog.Type, *parser.Error) {
	here := place{src, d.Span}
	simple := map[parser.TypeKind]catalog.Type{
		parser.TypeBoolean: catalog.Boolean, parser.TypeTinyInt: catalog.TinyInt, parser.TypeSmallInt: catalog.SmallInt,
		parser.TypeInt: catalog.Int, parser.TypeBigInt: catalog.BigInt, parser.TypeFloat: catalog.Float,
		parser.TypeDouble: catalog.Double, parser.TypeString: catalog.String, parser.TypeBytes: catalog.Bytes,
		parser.TypeBinary: catalog.Bytes, parser.TypeVarbinary: catalog.Bytes, parser.TypeDate: catalog.Date,
		parser.TypeJSON: catalog.JSON,
	}
	if t, ok := simple[d.Kind]; ok {
		return t, nil
	}
	switch d.Kind {
	case parser.TypeDecimal:
		return decimalType(here, d)
	case parser.TypeVarchar:
		if d.Precision == 0 {
			return catalog.Type{}, here.errorf("VARCHAR needs a length of at least 1")
		}
		return catalog.Type{Kind: catalog.KindString, Precision: max(0, d.Precision)}, nil
	case parser.TypeChar:
		if d.Precision == 0 {
			return catalog.Type{}, here.errorf("CHAR needs a length of at least 1")
		}
		return catalog.Type{Kind: catalog.KindString, Precision: max(1, d.Precision), Fixed: true}, nil
	case parser.TypeTime, parser.TypeTimestamp, parser.TypeTimestampLTZ:
		return timeType(here, d)
	case parser.TypeInterval:
		if d.From == parser.UnitYear || d.From == parser.UnitMonth {
			return catalog.IntervalMonth, nil
		}
		return catalog.IntervalDay, nil
	case parser.TypeArray:
		elem, err := dataType(src, d.Elem)
		if err != nil {
			return catalog.Type{}, err
		}
		return catalog.ArrayOf(elem), nil
	case parser.TypeMap:
		key, err := dataType(src, d.Key)
		if err != nil {
			return catalog.Type{}, err
		}
		elem, err := dataType(src, d.Elem)
		if err != nil {
			return catalog.Type{}, err
		}
		if key.IsNested() {
			return catalog.Type{}, here.errorf("a MAP can't have keys of type %s", key)
		}
		return catalog.MapOf(key, elem), nil
	case parser.TypeRow:
		var fields []catalog.Field
		seen := map[string]bool{}
		for _, f := range d.Fields {
			t, err := dataType(src, f.Type)
			if err != nil {
				return catalog.Type{}, err
			}
			if seen[f.Name.Text] {
				return catalog.Type{}, place{src, f.Name.Span}.errorf("ROW has two members named `%s`", f.Name.Text)
			}
			seen[f.Name.Text] = true
			fields = append(fields, catalog.Field{Name: f.Name.Text, Type: t, NotNull: f.Type.NotNull})
		}
		return catalog.RowOf(fields...), nil
	}
	return catalog.Type{}, here.errorf("type %s is not supported", d.Kind)
}

func decimalType(here place, d *parser.DataType) (catalog.Type, *parser.Error) {
	p, s := d.Precision, d.Scale
	if p == parser.Unset {
		p, s = 10, 0 // as in Flink
	}
	if s == parser.Unset {
		s = 0
	}
	if p < 1 || p > catalog.MaxDecimalPrecision {
		return catalog.Type{}, hint(here.errorf("DECIMAL can't have %d digits", p), "1 to %d", catalog.MaxDecimalPrecision)
	}
	if s > p {
		return catalog.Type{}, here.errorf("DECIMAL(%d, %d) has more digits after the point than digits", p, s)
	}
	return catalog.Decimal(p, s), nil
}

// timeType rounds the precision up to one that is stored (0, 3, 6); without
// one, TIME is TIME(0), TIMESTAMP is TIMESTAMP(6), as in Flink.
func timeType(here place, d *parser.DataType) (catalog.Type, *parser.Error) {
	kinds := map[parser.TypeKind]catalog.Kind{parser.TypeTime: catalog.KindTime,
		parser.TypeTimestamp: catalog.KindTimestamp, parser.TypeTimestampLTZ: catalog.KindTimestampLTZ}
	t := catalog.Type{Kind: kinds[d.Kind]}
	p := d.Precision
	switch {
	case p == parser.Unset && d.Kind == parser.TypeTime:
		p = 0
	case p == parser.Unset:
		p = 6
	case p < 0 || p > 9:
		return t, hint(here.errorf("%s can't have precision %d", d.Kind, p), "0 to 6")
	case p > 6:
		return t, hint(here.errorf("%s(%d): times have microseconds at most", d.Kind, p), "use %s(6)", d.Kind)
	}
	t.Precision = (p + 2) / 3 * 3
	return t, nil
}
