package catalog

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/parser"
)

// Kind names a SQL type without its parameters.
type Kind uint8

// The kinds of the dialect. KindNull is the type of a bare NULL literal; it
// coerces to every other kind.
const (
	KindInvalid Kind = iota
	KindNull
	KindBoolean
	KindTinyInt
	KindSmallInt
	KindInt
	KindBigInt
	KindFloat
	KindDouble
	KindDecimal
	KindString
	KindBytes
	KindDate
	KindTime
	KindTimestamp
	KindTimestampLTZ
	KindIntervalDay   // DAY TO SECOND, counted in microseconds
	KindIntervalMonth // YEAR TO MONTH, counted in months
	KindArray
	KindMap
	KindRow
	KindJSON
)

// MaxDecimalPrecision is the greatest precision of DECIMAL(p, s): what 128 bits hold.
const MaxDecimalPrecision = 38

// Type is a SQL type. It is a small immutable value; compare with Equal.
//
// Nullability is not part of a Type: it stands on Column and Field.
type Type struct {
	Kind Kind
	// Precision: DECIMAL's digits; CHAR/VARCHAR's length (0 = no limit);
	// TIMESTAMP/TIME's fractional digits (0, 3 or 6 as declared; values are
	// microseconds whatever it says).
	Precision int
	// Scale: DECIMAL's digits after the point.
	Scale int
	// Fixed marks CHAR(n) as against VARCHAR(n).
	Fixed bool
	// Elem: ARRAY's element type, MAP's value type.
	Elem *Type
	// Key: MAP's key type.
	Key *Type
	// Fields: ROW's members, in order.
	Fields []Field
}

// Field is one member of a ROW type.
type Field struct {
	Name    string
	Type    Type
	NotNull bool
}

// Types without parameters.
var (
	Null          = Type{Kind: KindNull}
	Boolean       = Type{Kind: KindBoolean}
	TinyInt       = Type{Kind: KindTinyInt}
	SmallInt      = Type{Kind: KindSmallInt}
	Int           = Type{Kind: KindInt}
	BigInt        = Type{Kind: KindBigInt}
	Float         = Type{Kind: KindFloat}
	Double        = Type{Kind: KindDouble}
	String        = Type{Kind: KindString}
	Bytes         = Type{Kind: KindBytes}
	Date          = Type{Kind: KindDate}
	Time          = Type{Kind: KindTime, Precision: 0}
	Timestamp3    = Type{Kind: KindTimestamp, Precision: 3}
	Timestamp6    = Type{Kind: KindTimestamp, Precision: 6}
	TimestampLTZ3 = Type{Kind: KindTimestampLTZ, Precision: 3}
	IntervalDay   = Type{Kind: KindIntervalDay, Precision: 6}
	IntervalMonth = Type{Kind: KindIntervalMonth}
	JSON          = Type{Kind: KindJSON}
)

// Decimal is DECIMAL(precision, scale).
func Decimal(precision, scale int) Type {
	return Type{Kind: KindDecimal, Precision: precision, Scale: scale}
}

// ArrayOf is ARRAY<elem>.
func ArrayOf(elem Type) Type { return Type{Kind: KindArray, Elem: &elem} }

// MapOf is MAP<key, value>.
func MapOf(key, value Type) Type { return Type{Kind: KindMap, Key: &key, Elem: &value} }

// RowOf is ROW<fields...>.
func RowOf(fields ...Field) Type { return Type{Kind: KindRow, Fields: fields} }

// Equal says whether two types are the same, parameters and field names included.
func (t Type) Equal(u Type) bool {
	if t.Kind != u.Kind || t.Precision != u.Precision || t.Scale != u.Scale || t.Fixed != u.Fixed ||
		len(t.Fields) != len(u.Fields) || (t.Elem == nil) != (u.Elem == nil) || (t.Key == nil) != (u.Key == nil) {
		return false
	}
	if t.Elem != nil && !t.Elem.Equal(*u.Elem) {
		return false
	}
	if t.Key != nil && !t.Key.Equal(*u.Key) {
		return false
	}
	for i, f := range t.Fields {
		g := u.Fields[i]
		if f.Name != g.Name || f.NotNull != g.NotNull || !f.Type.Equal(g.Type) {
			return false
		}
	}
	return true
}

// IsInteger says whether t is TINYINT, SMALLINT, INT or BIGINT.
func (t Type) IsInteger() bool { return t.Kind >= KindTinyInt && t.Kind <= KindBigInt }

// IsFloating says whether t is FLOAT or DOUBLE.
func (t Type) IsFloating() bool { return t.Kind == KindFloat || t.Kind == KindDouble }

// IsNumeric says whether arithmetic is defined on t.
func (t Type) IsNumeric() bool { return t.Kind >= KindTinyInt && t.Kind <= KindDecimal }

// IsTimestamp says whether t is TIMESTAMP or TIMESTAMP_LTZ.
func (t Type) IsTimestamp() bool { return t.Kind == KindTimestamp || t.Kind == KindTimestampLTZ }

// IsInterval says whether t is an interval of either family.
func (t Type) IsInterval() bool { return t.Kind == KindIntervalDay || t.Kind == KindIntervalMonth }

// IsNested says whether t is ARRAY, MAP or ROW.
func (t Type) IsNested() bool { return t.Kind >= KindArray && t.Kind <= KindRow }

// Arrow gives the Arrow type that columns of t have:
//
//	BOOLEAN bool; TINYINT..BIGINT int8..int64; FLOAT/DOUBLE float32/float64;
//	DECIMAL(p,s) decimal128(p,s); STRING, JSON utf8; BYTES binary;
//	DATE date32; TIME time64[us]; TIMESTAMP timestamp[us];
//	TIMESTAMP_LTZ timestamp[us, UTC]; day interval duration[us];
//	month interval month_interval; ARRAY list; MAP map; ROW struct; NULL null.
func (t Type) Arrow() arrow.DataType {
	switch t.Kind {
	case KindBoolean:
		return arrow.FixedWidthTypes.Boolean
	case KindTinyInt:
		return arrow.PrimitiveTypes.Int8
	case KindSmallInt:
		return arrow.PrimitiveTypes.Int16
	case KindInt:
		return arrow.PrimitiveTypes.Int32
	case KindBigInt:
		return arrow.PrimitiveTypes.Int64
	case KindFloat:
		return arrow.PrimitiveTypes.Float32
	case KindDouble:
		return arrow.PrimitiveTypes.Float64
	case KindDecimal:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	case KindString, KindJSON:
		return arrow.BinaryTypes.String
	case KindBytes:
		return arrow.BinaryTypes.Binary
	case KindDate:
		return arrow.FixedWidthTypes.Date32
	case KindTime:
		return arrow.FixedWidthTypes.Time64us
	case KindTimestamp:
		return timestampUS
	case KindTimestampLTZ:
		return arrow.FixedWidthTypes.Timestamp_us
	case KindIntervalDay:
		return arrow.FixedWidthTypes.Duration_us
	case KindIntervalMonth:
		return arrow.FixedWidthTypes.MonthInterval
	case KindArray:
		return arrow.ListOf(t.Elem.Arrow())
	case KindMap:
		return arrow.MapOf(t.Key.Arrow(), t.Elem.Arrow())
	case KindRow:
		fields := make([]arrow.Field, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: !f.NotNull}
		}
		return arrow.StructOf(fields...)
	default:
		return arrow.Null
	}
}

var timestampUS arrow.DataType = &arrow.TimestampType{Unit: arrow.Microsecond}

// String gives the type as SQL.
func (t Type) String() string {
	switch t.Kind {
	case KindNull:
		return "NULL"
	case KindBoolean:
		return "BOOLEAN"
	case KindTinyInt:
		return "TINYINT"
	case KindSmallInt:
		return "SMALLINT"
	case KindInt:
		return "INT"
	case KindBigInt:
		return "BIGINT"
	case KindFloat:
		return "FLOAT"
	case KindDouble:
		return "DOUBLE"
	case KindDecimal:
		return fmt.Sprintf("DECIMAL(%d, %d)", t.Precision, t.Scale)
	case KindString:
		switch {
		case t.Fixed:
			return fmt.Sprintf("CHAR(%d)", t.Precision)
		case t.Precision > 0:
			return fmt.Sprintf("VARCHAR(%d)", t.Precision)
		}
		return "STRING"
	case KindBytes:
		return "BYTES"
	case KindDate:
		return "DATE"
	case KindTime:
		return fmt.Sprintf("TIME(%d)", t.Precision)
	case KindTimestamp:
		return fmt.Sprintf("TIMESTAMP(%d)", t.Precision)
	case KindTimestampLTZ:
		return fmt.Sprintf("TIMESTAMP_LTZ(%d)", t.Precision)
	case KindIntervalDay:
		return "INTERVAL DAY TO SECOND"
	case KindIntervalMonth:
		return "INTERVAL YEAR TO MONTH"
	case KindArray:
		return "ARRAY<" + t.Elem.String() + ">"
	case KindMap:
		return "MAP<" + t.Key.String() + ", " + t.Elem.String() + ">"
	case KindRow:
		var b strings.Builder
		b.WriteString("ROW<")
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(QuoteName(f.Name))
			b.WriteByte(' ')
			b.WriteString(f.Type.String())
			if f.NotNull {
				b.WriteString(" NOT NULL")
			}
		}
		b.WriteByte('>')
		return b.String()
	case KindJSON:
		return "JSON"
	default:
		return "INVALID"
	}
}

// QuoteName gives a name as it can stand in SQL: in backticks unless it is a
// plain word that is not reserved.
func QuoteName(name string) string {
	plain := name != "" && !parser.IsReserved(name)
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9' {
			continue
		}
		plain = false
	}
	if plain {
		return name
	}
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}
