package catalog

import "github.com/streamsql/streamsql/parser"

// Role says what a table may be used for.
type Role uint8

// The roles: CREATE TABLE, CREATE SOURCE, CREATE SINK.
const (
	EitherRole Role = iota
	SourceRole
	SinkRole
)

// String gives the word of the CREATE statement.
func (r Role) String() string {
	switch r {
	case SourceRole:
		return "SOURCE"
	case SinkRole:
		return "SINK"
	default:
		return "TABLE"
	}
}

// ColumnKind says where the values of a declared column come from.
type ColumnKind uint8

// The kinds of columns.
const (
	PhysicalColumn     ColumnKind = iota // a member of the record
	MetadataColumnKind                   // given by the connector
	ComputedColumn                       // an expression over the others
)

// Column is a declared column of a table.
type Column struct {
	Name    string
	Type    Type
	NotNull bool
	Kind    ColumnKind
	// Metadata is the connector's name of a metadata column.
	Metadata string
	// Virtual: a metadata column that is not written.
	Virtual bool
	// Expr is the expression of a computed column, as parsed from Source.
	Expr    parser.Expr
	Source  *parser.Source
	Comment string
}

// Table is a source, a sink, or a table that may be used as either. It is
// immutable once it is in a catalog.
type Table struct {
	Name      Name
	Role      Role
	Temporary bool
	Columns   []Column
	// Watermark is the WATERMARK clause, as parsed from WatermarkSource (which is
	// another table's where LIKE has brought it); nil: none.
	Watermark       *parser.Watermark
	WatermarkSource *parser.Source
	// PrimaryKey and PartitionedBy are indexes into Columns.
	PrimaryKey    []int
	PartitionedBy []int
	Connector     *ConnectorSpec
	// SourceOptions and SinkOptions are the checked options for either use; nil
	// where the connector or the role does not allow it.
	SourceOptions, SinkOptions Options
	// NotRead and NotWritten say why the options of a CREATE TABLE allow one use only.
	NotRead, NotWritten *OptionError
	// With are the options as written, those that LIKE has brought included.
	With    []*parser.Option
	Comment string
	// Source and Span are where the definition was read from: positions of
	// messages about the table as a whole.
	Source *parser.Source
	Span   parser.Span
	// Uses lists the functions that computed columns and the watermark call.
	Uses []Name
	// SQL is the CREATE statement, complete on its own.
	SQL string
}

// Physical lists the physical columns as fields.
func (t *Table) Physical() []Field {
	var fields []Field
	for _, c := range t.Columns {
		if c.Kind == PhysicalColumn {
			fields = append(fields, Field{Name: c.Name, Type: c.Type, NotNull: c.NotNull})
		}
	}
	return fields
}

// View is a named query. It is immutable once it is in a catalog.
type View struct {
	Name      Name
	Temporary bool
	// Query is parsed from Source; Namespace is where its names are looked up.
	Query     *parser.Query
	Namespace Namespace
	// Columns is the schema that the query had when the view was made.
	Columns []Field
	// Uses lists the objects that the query reads.
	Uses    []Name
	Comment string
	Source  *parser.Source
	Span    parser.Span
	SQL     string
}

// Object is what a name of a catalog stands for: a *Table, a *View or a *Macro.
type Object interface {
	// ObjectName is the full name.
	ObjectName() Name
	// Kind is the word of CREATE: "TABLE", "SOURCE", "SINK", "VIEW", "FUNCTION".
	Kind() string
	// Definition is the CREATE statement.
	Definition() string
}

// ObjectName implements Object.
func (t *Table) ObjectName() Name { return t.Name }

// Kind implements Object.
func (t *Table) Kind() string { return t.Role.String() }

// Definition implements Object.
func (t *Table) Definition() string { return t.SQL }

// ObjectName implements Object.
func (v *View) ObjectName() Name { return v.Name }

// Kind implements Object.
func (*View) Kind() string { return "VIEW" }

// Definition implements Object.
func (v *View) Definition() string { return v.SQL }
