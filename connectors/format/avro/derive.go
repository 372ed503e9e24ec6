package avro

import (
	"encoding/json"
	"fmt"
	"strings"

	hamba "github.com/hamba/avro/v2"

	"github.com/streamsql/streamsql/catalog"
)

// SchemaOf gives the schema of a record with the given columns, as Flink derives
// it: a column that may be NULL is a union of null and its type.
func SchemaOf(columns []catalog.Field, o catalog.Options) (string, error) {
	s, err := schemaOf(catalog.RowOf(columns...), "record", o[optLegacy] != "false")
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(s)
	return string(text), err
}

type object map[string]any

func schemaOf(t catalog.Type, name string, legacy bool) (any, error) {
	logical := func(typ, name string) any { return object{"type": typ, "logicalType": name} }
	switch t.Kind {
	case catalog.KindBoolean:
		return "boolean", nil
	case catalog.KindTinyInt, catalog.KindSmallInt, catalog.KindInt:
		return "int", nil
	case catalog.KindBigInt:
		return "long", nil
	case catalog.KindFloat:
		return "float", nil
	case catalog.KindDouble:
		return "double", nil
	case catalog.KindString, catalog.KindJSON:
		return "string", nil
	case catalog.KindBytes:
		return "bytes", nil
	case catalog.KindDecimal:
		return object{"type": "bytes", "logicalType": "decimal", "precision": t.Precision, "scale": t.Scale}, nil
	case catalog.KindDate:
		return logical("int", "date"), nil
	case catalog.KindTime:
		if t.Precision <= 3 {
			return logical("int", "time-millis"), nil
		}
		return logical("long", "time-micros"), nil
	case catalog.KindTimestamp, catalog.KindTimestampLTZ:
		name := "timestamp-"
		if t.Kind == catalog.KindTimestamp && !legacy {
			name = "local-timestamp-"
		}
		if t.Precision <= 3 {
			return logical("long", name+"millis"), nil
		}
		return logical("long", name+"micros"), nil
	case catalog.KindArray:
		items, err := nullable(*t.Elem, false, name, legacy)
		return object{"type": "array", "items": items}, err
	case catalog.KindMap:
		if t.Key.Kind != catalog.KindString {
			return nil, fmt.Errorf("avro: the keys of a MAP must be STRING, not %s", t.Key)
		}
		values, err := nullable(*t.Elem, false, name, legacy)
		return object{"type": "map", "values": values}, err
	case catalog.KindRow:
		fields := []any{}
		for _, f := range t.Fields {
			if !validName(f.Name) {
				return nil, fmt.Errorf("avro: %s can't be the name of a field: it takes letters, digits and _", catalog.QuoteName(f.Name))
			}
			typ, err := nullable(f.Type, f.NotNull, name+"_"+f.Name, legacy)
			if err != nil {
				return nil, err
			}
			field := object{"name": f.Name, "type": typ}
			if !f.NotNull {
				field["default"] = nil
			}
			fields = append(fields, field)
		}
		return object{"type": "record", "name": name, "fields": fields}, nil
	}
	return nil, fmt.Errorf("avro: there is no type for %s", t)
}

func nullable(t catalog.Type, notNull bool, name string, legacy bool) (any, error) {
	s, err := schemaOf(t, name, legacy)
	if err != nil || notNull {
		return s, err
	}
	return []any{"null", s}, nil
}

func validName(s string) bool {
	for i, c := range s {
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// Fields gives the columns that a schema stands for. A record that holds itself and
// a union of several types other than null have none.
func Fields(text string) ([]catalog.Field, error) {
	r, err := recordOf(text)
	if err != nil {
		return nil, err
	}
	return fieldsOf(r)
}

func fieldsOf(s hamba.Schema) ([]catalog.Field, error) {
	r, ok := deref(s).(*hamba.RecordSchema)
	if !ok {
		return nil, fmt.Errorf("avro: the schema is %s, not a record", s.Type())
	}
	t, _, err := typeOf(r, nil)
	if err != nil {
		return nil, fmt.Errorf("avro: %w", err)
	}
	return t.Fields, nil
}

// typeOf gives the SQL type of a schema, and whether it may be null.
func typeOf(s hamba.Schema, within []*hamba.RecordSchema) (t catalog.Type, null bool, err error) {
	switch s := deref(s).(type) {
	case *hamba.NullSchema:
		return catalog.String, true, nil
	case *hamba.PrimitiveSchema:
		return primitiveType(s), false, nil
	case *hamba.EnumSchema:
		return catalog.String, false, nil
	case *hamba.FixedSchema:
		if d, ok := s.Logical().(*hamba.DecimalLogicalSchema); ok {
			return decimalType(d), false, nil
		}
		if logical(s.Logical()) == hamba.UUID {
			return catalog.String, false, nil
		}
		return catalog.Bytes, false, nil
	case *hamba.ArraySchema:
		e, _, err := typeOf(s.Items(), within)
		return catalog.ArrayOf(e), false, err
	case *hamba.MapSchema:
		e, _, err := typeOf(s.Values(), within)
		return catalog.MapOf(catalog.String, e), false, err
	case *hamba.RecordSchema:
		for _, outer := range within {
			if outer == s {
				return t, false, fmt.Errorf("record %s holds itself, which no SQL type can say: declare the columns", s.FullName())
			}
		}
		within = append(within, s)
		var fields []catalog.Field
		for _, f := range s.Fields() {
			ft, null, err := typeOf(f.Type(), within)
			if err != nil {
				return t, false, fmt.Errorf("field %s: %w", f.Name(), err)
			}
			fields = append(fields, catalog.Field{Name: f.Name(), Type: ft, NotNull: !null})
		}
		return catalog.RowOf(fields...), false, nil
	case *hamba.UnionSchema:
		var branches []hamba.Schema
		for _, b := range s.Types() {
			if deref(b).Type() == hamba.Null {
				null = true
			} else {
				branches = append(branches, b)
			}
		}
		if len(branches) != 1 {
			return t, false, fmt.Errorf("a %s has no type in SQL: declare the columns", describe(s))
		}
		t, _, err = typeOf(branches[0], within)
		return t, null, err
	}
	return t, false, fmt.Errorf("%s has no type in SQL", s.Type())
}

func decimalType(d *hamba.DecimalLogicalSchema) catalog.Type {
	p := min(max(d.Precision(), 1), catalog.MaxDecimalPrecision)
	return catalog.Decimal(p, min(d.Scale(), p))
}

func primitiveType(s *hamba.PrimitiveSchema) catalog.Type {
	name := logicalName(s)
	local := strings.HasPrefix(string(name), "local-")
	switch s.Type() {
	case hamba.Boolean:
		return catalog.Boolean
	case hamba.Int, hamba.Long:
		switch {
		case name == hamba.Date:
			return catalog.Date
		case name == hamba.TimeMillis:
			return catalog.Type{Kind: catalog.KindTime, Precision: 3}
		case name == hamba.TimeMicros:
			return catalog.Type{Kind: catalog.KindTime, Precision: 6}
		case timestampUnits[name] > 0:
			t := catalog.Type{Kind: catalog.KindTimestampLTZ, Precision: 6}
			if local {
				t.Kind = catalog.KindTimestamp
			}
			if timestampUnits[name] == 1e3 {
				t.Precision = 3
			}
			return t
		case s.Type() == hamba.Int:
			return catalog.Int
		}
		return catalog.BigInt
	case hamba.Float:
		return catalog.Float
	case hamba.Double:
		return catalog.Double
	case hamba.Bytes:
		if d, ok := s.Logical().(*hamba.DecimalLogicalSchema); ok {
			return decimalType(d)
		}
		return catalog.Bytes
	}
	return catalog.String
}
