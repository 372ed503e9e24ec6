package parser

// DataType is a type as written in DDL, CAST and the like.
type DataType struct {
	Span
	Kind TypeKind
	// Precision is the p of DECIMAL(p, s), TIME(p), TIMESTAMP(p), the n of
	// VARCHAR(n), CHAR(n), BINARY(n), VARBINARY(n); Unset if not written.
	Precision int
	// Scale is the s of DECIMAL(p, s); Unset if not written.
	Scale int
	// NotNull is NOT NULL after the type of an element or field; a column has it in
	// its ColumnDef.
	NotNull bool

	Key    *DataType    // MAP
	Elem   *DataType    // ARRAY, and the values of MAP
	Fields []*TypeField // ROW

	From, To TimeUnit // INTERVAL; UnitNone if not written
}

// Unset is the Precision or Scale of a DataType that does not name one.
const Unset = -1

// TypeField is a field of a ROW type.
type TypeField struct {
	Span
	Name    Ident
	Type    *DataType
	Comment *StringLit // nil if there is none
}

// TypeKind is the family of a DataType. Synonyms are one kind: INTEGER is TypeInt,
// NUMERIC and DEC are TypeDecimal, STRUCT is TypeRow, TEXT is TypeString.
type TypeKind int

const (
	TypeBoolean TypeKind = iota + 1
	TypeTinyInt
	TypeSmallInt
	TypeInt
	TypeBigInt
	TypeFloat
	TypeDouble
	TypeDecimal
	TypeString
	TypeVarchar
	TypeChar
	TypeBytes
	TypeVarbinary
	TypeBinary
	TypeDate
	TypeTime
	TypeTimestamp
	TypeTimestampLTZ
	TypeInterval
	TypeArray
	TypeMap
	TypeRow
	TypeJSON
)

var typeKindNames = [...]string{
	TypeBoolean: "BOOLEAN", TypeTinyInt: "TINYINT", TypeSmallInt: "SMALLINT", TypeInt: "INT", TypeBigInt: "BIGINT",
	TypeFloat: "FLOAT", TypeDouble: "DOUBLE", TypeDecimal: "DECIMAL", TypeString: "STRING", TypeVarchar: "VARCHAR",
	TypeChar: "CHAR", TypeBytes: "BYTES", TypeVarbinary: "VARBINARY", TypeBinary: "BINARY", TypeDate: "DATE",
	TypeTime: "TIME", TypeTimestamp: "TIMESTAMP", TypeTimestampLTZ: "TIMESTAMP_LTZ", TypeInterval: "INTERVAL",
	TypeArray: "ARRAY", TypeMap: "MAP", TypeRow: "ROW", TypeJSON: "JSON",
}

// String implements fmt.Stringer.
func (k TypeKind) String() string { return typeKindNames[k] }
