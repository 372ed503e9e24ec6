package parser

// ObjectKind says what sort of catalog object a statement is about.
type ObjectKind int

const (
	ObjectTable ObjectKind = iota + 1
	ObjectSource
	ObjectSink
	ObjectView
	ObjectMaterializedView
	ObjectFunction
	ObjectCatalog
	ObjectDatabase
)

var objectKindNames = [...]string{
	ObjectTable: "TABLE", ObjectSource: "SOURCE", ObjectSink: "SINK", ObjectView: "VIEW",
	ObjectMaterializedView: "MATERIALIZED VIEW", ObjectFunction: "FUNCTION",
	ObjectCatalog: "CATALOG", ObjectDatabase: "DATABASE",
}

// String implements fmt.Stringer.
func (k ObjectKind) String() string { return objectKindNames[k] }

type (
	// CreateTable is CREATE SOURCE | SINK | TABLE. Kind is ObjectSource,
	// ObjectSink or ObjectTable.
	CreateTable struct {
		Span
		Kind          ObjectKind
		OrReplace     bool
		Temporary     bool
		IfNotExists   bool
		Name          *Name
		Columns       []*ColumnDef // nil: taken from LIKE, AS, or the format
		Elements      Span         // of Columns and what stands beside them, with the parentheses; empty if there are none
		Watermark     *Watermark   // nil if there is none
		PrimaryKey    *PrimaryKey  // the table constraint; a column may carry its own
		Comment       *StringLit
		Distribution  *Distribution // accepted from Flink scripts
		PartitionedBy []Ident
		Options       []*Option
		Like          *LikeClause
		Query         *Query // AS SELECT ...
	}

	// CreateView is CREATE VIEW (Materialized false) or CREATE MATERIALIZED VIEW.
	CreateView struct {
		Span
		Materialized bool
		OrReplace    bool
		Temporary    bool
		IfNotExists  bool
		Name         *Name
		Columns      []*ViewColumn
		Comment      *StringLit
		Options      []*Option // materialized views only
		Query        *Query
	}

	// CreateFunction is a macro: CREATE FUNCTION f(x DOUBLE) RETURNS DOUBLE AS (x * 2).
	CreateFunction struct {
		Span
		OrReplace   bool
		Temporary   bool
		IfNotExists bool
		Name        *Name
		Params      []*FunctionParam
		Returns     *DataType // nil: the type of the body
		Body        Expr
	}

	// CreateNamespace is CREATE CATALOG or CREATE DATABASE, accepted from Flink
	// scripts. Kind is ObjectCatalog or ObjectDatabase.
	CreateNamespace struct {
		Span
		Kind        ObjectKind
		IfNotExists bool
		Name        *Name
		Comment     *StringLit
		Options     []*Option
	}

	// Use is USE [CATALOG] name. Kind is ObjectCatalog or ObjectDatabase.
	Use struct {
		Span
		Kind ObjectKind
		Name *Name
	}

	// Drop is DROP kind [IF EXISTS] name [CASCADE | RESTRICT].
	Drop struct {
		Span
		Kind      ObjectKind
		Temporary bool
		IfExists  bool
		Name      *Name
		Params    []*DataType // of a FUNCTION; nil: not given
		Cascade   bool
	}

	// Alter is ALTER kind name SET ('k' = 'v', ...) or RESET ('k', ...); exactly
	// one of Set and Reset is there.
	Alter struct {
		Span
		Kind     ObjectKind
		IfExists bool
		Name     *Name
		Set      []*Option
		Reset    []*StringLit
	}

	// Show is SHOW what.
	Show struct {
		Span
		What    ShowKind
		Object  ObjectKind // ShowCreate: the kind named, 0 if none was
		Name    *Name      // ShowCreate, ShowColumns: of what; else FROM | IN database
		NotLike bool
		Like    *StringLit // LIKE pattern, nil if there is none
	}

	// Describe is DESCRIBE | DESC [kind] name.
	Describe struct {
		Span
		Object   ObjectKind // 0 if none was named
		Extended bool
		Name     *Name
	}

	// Explain is EXPLAIN [VERBOSE | ANALYZE] statement.
	Explain struct {
		Span
		Mode ExplainMode
		Stmt Stmt // *QueryStmt, *Insert, *StatementSet, *CreateTable or *CreateView
	}

	// Set is SET 'key' = 'value' or SET key = value; Key is nil for SET alone,
	// which lists all settings.
	Set struct {
		Span
		Key   *StringLit
		Value *StringLit
	}

	// Reset is RESET 'key' or RESET key; Key is nil for RESET alone (all keys).
	Reset struct {
		Span
		Key *StringLit
	}

	// Insert is INSERT INTO table [(columns)] query, with VALUES as a query too.
	Insert struct {
		Span
		Table      *TableName
		Columns    []Ident // nil: all columns
		Query      *Query
		OnConflict *OnConflict // nil if there is none
	}

	// StatementSet is BEGIN STATEMENT SET; ... END, also EXECUTE STATEMENT SET
	// BEGIN ... END.
	StatementSet struct {
		Span
		Inserts []*Insert
	}

	// QueryStmt is a query at the top of a script.
	QueryStmt struct {
		Span
		Query *Query
	}

	// ReplayDeadLetters is REPLAY DEAD LETTERS FROM sink [WHERE condition].
	ReplayDeadLetters struct {
		Span
		From  *Name
		Where Expr // nil: all of them
	}
)

func (*CreateTable) stmt()       {}
func (*CreateView) stmt()        {}
func (*CreateFunction) stmt()    {}
func (*CreateNamespace) stmt()   {}
func (*Use) stmt()               {}
func (*Drop) stmt()              {}
func (*Alter) stmt()             {}
func (*Show) stmt()              {}
func (*Describe) stmt()          {}
func (*Explain) stmt()           {}
func (*Set) stmt()               {}
func (*Reset) stmt()             {}
func (*Insert) stmt()            {}
func (*StatementSet) stmt()      {}
func (*QueryStmt) stmt()         {}
func (*ReplayDeadLetters) stmt() {}

// ShowKind says what SHOW lists.
type ShowKind int

const (
	ShowTables ShowKind = iota + 1
	ShowSources
	ShowSinks
	ShowViews
	ShowMaterializedViews
	ShowFunctions
	ShowJobs
	ShowCatalogs
	ShowDatabases
	ShowCurrentCatalog
	ShowCurrentDatabase
	ShowColumns // SHOW COLUMNS FROM name
	ShowCreate  // SHOW CREATE [kind] name
	ShowAll     // SHOW ALL: the settings
)

var showKindNames = [...]string{
	ShowTables: "TABLES", ShowSources: "SOURCES", ShowSinks: "SINKS", ShowViews: "VIEWS",
	ShowMaterializedViews: "MATERIALIZED VIEWS", ShowFunctions: "FUNCTIONS", ShowJobs: "JOBS",
	ShowCatalogs: "CATALOGS", ShowDatabases: "DATABASES", ShowCurrentCatalog: "CURRENT CATALOG",
	ShowCurrentDatabase: "CURRENT DATABASE", ShowColumns: "COLUMNS", ShowCreate: "CREATE", ShowAll: "ALL",
}

// String implements fmt.Stringer.
func (k ShowKind) String() string { return showKindNames[k] }

// ExplainMode is the amount of detail of EXPLAIN.
type ExplainMode int

const (
	ExplainPlan    ExplainMode = iota // EXPLAIN
	ExplainVerbose                    // EXPLAIN VERBOSE
	ExplainAnalyze                    // EXPLAIN ANALYZE: runs the statement and measures
)

// ConflictAction is what ON CONFLICT DO asks for.
type ConflictAction int

const (
	ConflictDeduplicate ConflictAction = iota + 1
	ConflictError
	ConflictNothing
)

var conflictActionNames = [...]string{
	ConflictDeduplicate: "DEDUPLICATE", ConflictError: "ERROR", ConflictNothing: "NOTHING",
}

// String implements fmt.Stringer.
func (a ConflictAction) String() string { return conflictActionNames[a] }

// OnConflict is ON CONFLICT DO action at the end of an INSERT.
type OnConflict struct {
	Span
	Action ConflictAction
}

// ColumnKind says where the values of a declared column come from.
type ColumnKind int

const (
	ColumnPhysical ColumnKind = iota + 1 // name type
	ColumnMetadata                       // name type METADATA [FROM 'key'] [VIRTUAL]
	ColumnComputed                       // name AS expr
)

// ColumnDef is a column of CREATE SOURCE | SINK | TABLE.
type ColumnDef struct {
	Span
	Name        Ident
	Kind        ColumnKind
	Type        *DataType  // nil for computed columns
	NotNull     bool       // NOT NULL after the type, which does not say so itself
	PrimaryKey  bool       // PRIMARY KEY [NOT ENFORCED] on the column
	MetadataKey *StringLit // METADATA FROM 'key'; nil: the column's name
	Virtual     bool       // METADATA VIRTUAL: not written to a sink
	Expr        Expr       // ColumnComputed
	Default     Expr       // DEFAULT expr, nil if there is none
	Comment     *StringLit
}

// Watermark is WATERMARK FOR column AS expr with its own clauses. Source is true
// for AS SOURCE_WATERMARK(); Expr is nil then.
type Watermark struct {
	Span
	Column        *Name // a column, or a field of one
	Expr          Expr
	Source        bool
	IdleTimeout   *IntervalLit // nil if not given
	MaxFutureSkew *IntervalLit // nil if not given
}

// PrimaryKey is [CONSTRAINT name] PRIMARY KEY (columns) [NOT ENFORCED].
type PrimaryKey struct {
	Span
	Constraint  *Ident
	Columns     []Ident
	NotEnforced bool
}

// Distribution is DISTRIBUTED BY [HASH | RANGE] (columns) [INTO n BUCKETS] or
// DISTRIBUTED INTO n BUCKETS.
type Distribution struct {
	Span
	Range   bool
	Hash    bool
	Columns []Ident
	Buckets string // digits, "" if not given
}

// LikeClause is LIKE table [(options)].
type LikeClause struct {
	Span
	Table   *Name
	Options []*LikeOption
}

// LikeOption is one of INCLUDING | EXCLUDING | OVERWRITING and what of.
type LikeOption struct {
	Span
	Mode LikeMode
	What LikeFeature
}

// LikeMode says how a feature of the table named by LIKE is taken over.
type LikeMode int

const (
	LikeIncluding LikeMode = iota + 1
	LikeExcluding
	LikeOverwriting
)

var likeModeNames = [...]string{
	LikeIncluding: "INCLUDING", LikeExcluding: "EXCLUDING", LikeOverwriting: "OVERWRITING",
}

// String implements fmt.Stringer.
func (m LikeMode) String() string { return likeModeNames[m] }

// LikeFeature is a part of a table's definition that LIKE can take over.
type LikeFeature int

const (
	LikeAll LikeFeature = iota + 1
	LikeConstraints
	LikeDistribution
	LikeGenerated
	LikeMetadata
	LikeOptions
	LikePartitions
	LikeWatermarks
)

var likeFeatureNames = [...]string{
	LikeAll: "ALL", LikeConstraints: "CONSTRAINTS", LikeDistribution: "DISTRIBUTION", LikeGenerated: "GENERATED",
	LikeMetadata: "METADATA", LikeOptions: "OPTIONS", LikePartitions: "PARTITIONS", LikeWatermarks: "WATERMARKS",
}

// String implements fmt.Stringer.
func (f LikeFeature) String() string { return likeFeatureNames[f] }

// ViewColumn is a column name of CREATE VIEW v (a COMMENT 'text', b).
type ViewColumn struct {
	Span
	Name    Ident
	Comment *StringLit
}

// FunctionParam is a parameter of CREATE FUNCTION.
type FunctionParam struct {
	Span
	Name Ident
	Type *DataType
}
