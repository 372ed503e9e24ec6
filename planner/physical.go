package planner

import (
	"time"

	"github.com/streamsql/streamsql/catalog"
)

// Plan is the physical plan of one job: a DAG of nodes with one or more sinks.
// exec runs it; nothing in it refers to the parser or to connectors' code.
type Plan struct {
	// Job is the job's name; "" for a top-level SELECT, which is no job.
	Job string
	// Nodes lists all nodes, inputs before their consumers; Nodes[i].ID == i.
	Nodes []*Node
	// Merge says that an order-sensitive operator sits above bounded sources:
	// all splits of all sources are read in the fixed merge order.
	Merge bool
	// Zone is the session's time zone.
	Zone *time.Location
}

// Node is one physical operator.
type Node struct {
	ID     int
	Op     Op
	Inputs []Edge
	// Cols are the columns on the main port.
	Cols  []Column
	Props Properties
	// StateID names the operator's state on disk: a hash of Canonical. 0 if it
	// keeps none.
	StateID uint64
	// Canonical is the canonical text of the operator's logical subtree, free
	// of physical choices (parallelism, pushdown, two phases). It is kept with
	// the state, so that a changed query can be told what changed.
	Canonical string
	// Detail is what EXPLAIN prints after the operator's name.
	Detail string
	// Rules names the rules that did something interesting here.
	Rules []string
}

// Column is one column of an edge.
type Column struct {
	Name    string
	Type    catalog.Type
	NotNull bool
}

// Edge is one input of a node: the output port of another.
type Edge struct {
	From *Node
	Port Port
}

// Port is an output of a node.
type Port uint8

// The ports. Only MainPort has Node.Cols as its columns.
const (
	MainPort Port = iota
	// LatePort gives late rows: the columns WindowAgg.LateCols, then
	// window_start, window_end, watermark (TIMESTAMP(3)).
	LatePort
	// ErrorPort gives dead letters: catalog.DeadLetterFields.
	ErrorPort
)

// Op is what a node does. Column indexes are positions in the input's columns.
type Op interface{ op() }

// Stateful is implemented by operators that keep state. Their rows must be on
// the shard that owns them, and StateID names what they keep.
type Stateful interface {
	Op
	// StateKeys are the columns of an input by whose values rows are spread over
	// shards; none: all rows are on one shard.
	StateKeys(input int) []int
}

// Evaluating is implemented by operators that evaluate expressions; exec
// compiles them once for all shards.
type Evaluating interface {
	Op
	// Expressions are over the input's columns; for an operator with two inputs,
	// over those of the first, then those of the second.
	Expressions() []catalog.Expr
}

// ErrorMode says what becomes of a row in error.
type ErrorMode uint8

// The error modes.
const (
	ErrorFail       ErrorMode = iota // the job stops, the message shows the row
	ErrorSkip                        // dropped and counted
	ErrorDeadLetter                  // out on ErrorPort and counted
)

// Tolerance bounds how many records or rows of a source or sink may be bad within
// a minute before the job stops; 0: any number.
type Tolerance struct {
	PerMinute int64
	Share     float64
}

// Values gives constant rows: SELECT without FROM, INSERT ... VALUES. A bounded
// source of its own.
type Values struct{ Rows [][]catalog.Expr }

// Scan reads a source. Its output is Columns, one row per record; rows with
// errors are in it, for Guard to judge.
type Scan struct {
	Source    string // name in SQL
	Connector string
	Options   catalog.Options
	Columns   []ScanColumn
	Bounded   bool
	Changelog bool // rows have kinds
	// Upserts are the PRIMARY KEY where rows are upserts by it; nil: they are not.
	Upserts     []string
	ValidateAll bool
	Declared    []catalog.Field // all physical columns: for ValidateAll, and for formats that go by position
	Watermark   *Watermark      // nil: none
	Tolerance   Tolerance
	Replay      *Replay // not nil: dead letters are read in place of the source
}

// ScanColumn is a column that a source is to produce; types may be pruned.
type ScanColumn struct {
	Name     string
	Type     catalog.Type
	NotNull  bool
	Metadata string // "" = physical
}

// Watermark is a source's WATERMARK clause. Both expressions are over
// Scan.Columns.
type Watermark struct {
	// Expr is the watermark expression: the W of later rows is its greatest
	// value so far.
	Expr catalog.Expr
	// Time is the time attribute itself, for MaxSkew.
	Time catalog.Expr
	// IdleTimeout takes a silent split out of the minimum; 0: never.
	IdleTimeout time.Duration
	// MaxSkew makes a record bad whose Time is beyond its transport timestamp
	// (else the clock) plus this; 0: no limit.
	MaxSkew time.Duration
	// MaxDrift holds the reading of a split back whose W is so far ahead of the
	// least one of its source, or of all sources of the same AlignGroup; 0: never.
	MaxDrift   time.Duration
	AlignGroup string // "" = the source alone
}

// Guard is the first operator of each branch above a Scan. It drops records
// that are not well-formed or have an error in one of the columns Reads.
type Guard struct {
	Source string
	Reads  []int // columns of the scan that this INSERT reads
	// Members says, for each of Reads that is a ROW, which of its members the
	// INSERT reads, as paths ("bid.price"); nil: the whole column. An error in
	// another member is none of this INSERT.
	Members [][]string
	OnError ErrorMode
	Branch  string // the INSERT, for dead letters and progress: the sink's name
}

// Filter keeps rows for which Pred is TRUE.
type Filter struct {
	Pred    catalog.Expr
	OnError ErrorMode
}

// Project computes the output columns.
type Project struct {
	Exprs   []catalog.Expr
	OnError ErrorMode
}

// WindowKind is the shape of a window.
type WindowKind uint8

// The window kinds. AttachedWindow takes the window from two input columns
// (GROUP BY window_start, window_end above another windowed operator).
const (
	TumbleWindow WindowKind = iota
	HopWindow
	CumulateWindow
	SessionWindow
	AttachedWindow
)

// Window is a window specification. Times are microseconds.
type Window struct {
	Kind WindowKind
	Time int // time attribute column; -1 for AttachedWindow
	// Size is the length (CUMULATE: the greatest; SESSION: the gap), Slide the
	// distance of starts (HOP) or step (CUMULATE), Offset moves the alignment.
	Size, Slide, Offset int64
	// Proc says that Time is processing time: windows close by the clock, and
	// nothing is late.
	Proc bool
	// Zone aligns windows of whole days over TIMESTAMP_LTZ; nil: epoch.
	Zone *time.Location
	// Start and End are the columns of an AttachedWindow.
	Start, End int
	// Partition are the columns by which the sessions of a window table function
	// are told apart; those of a WindowAgg are told apart by its keys.
	Partition []int
}

// WindowAssign appends window_start, window_end, window_time to each row
// (TIMESTAMP(3)), once per window that it is in: a window table function
// without aggregation. Rows without time are dropped and counted.
type WindowAssign struct{ Window Window }

// SessionAssign appends window_start, window_end, window_time to each row, as
// WindowAssign does, for sessions: rows leave when their session closes. W of the
// input decides, row by row, which session a row is in, and whether it is late.
type SessionAssign struct {
	Window Window
	// LateCols are the input's columns of a late row on LatePort; nil if nobody
	// reads that port.
	LateCols []int
}

// AggCall is one aggregate of a GROUP BY.
type AggCall struct {
	Fn       *catalog.Function
	Overload *catalog.Overload
	Args     []int // input columns, those of Overload.Aggregate.Columns
	Filter   int   // BOOLEAN column of FILTER (WHERE ...); -1: none
	Distinct bool
	// Order is the order in which a function that minds it sees the rows of a
	// group: the call's own, or that of time. Rows that tie go by their arrival
	// with Arrival, then by their values.
	Order   []SortKey
	Arrival bool
	// IgnoreNulls leaves rows out whose argument is NULL.
	IgnoreNulls bool
	// Constants are the arguments behind the columns, as text.
	Constants string
	Name      string // as shown by EXPLAIN
}

// EmitMode says when a windowed aggregation gives out its rows.
type EmitMode uint8

// The modes. EmitChanges gives a window's rows as they change, and EmitEvery
// those that have changed once an interval of the clock; both give what is left
// to say when the window closes.
const (
	EmitClosed EmitMode = iota
	EmitChanges
	EmitEvery
)

// WindowAgg groups by window and keys. Output: the keys, the aggregates,
// window_start, window_end, window_time. A window's rows leave when the
// watermark has passed its end; W of the input decides lateness row by row.
type WindowAgg struct {
	Window Window
	Keys   []int
	Aggs   []AggCall
	// LateCols are the input columns of a late row on LatePort; nil if nobody
	// reads that port.
	LateCols []int
	// TwoPhase asks for aggregation before the exchange (all Aggs mergeable).
	TwoPhase bool
	OnError  ErrorMode
	// Emit says when rows come out; Every is the interval of EmitEvery.
	Emit  EmitMode
	Every time.Duration
	// Lateness (us) is how long after its end a window takes late rows; it is
	// given out at its end and again whenever it has changed.
	Lateness int64
	// EmitBefore says whether -U rows are wanted.
	EmitBefore bool
}

// Updates says whether the operator takes back rows that it gave out.
func (o *WindowAgg) Updates() bool { return o.Emit != EmitClosed || o.Lateness > 0 }

// GroupAgg groups by keys without a window and gives a changelog. Output: the
// keys, the aggregates. With no Aggs it is DISTINCT and appends only; with no
// Keys it is a global aggregate, which has one row even over no input.
type GroupAgg struct {
	Keys []int
	Aggs []AggCall
	// Totals are the values of the last key whose group, with NULL in all other
	// keys, has a row even over no input: the empty ones of GROUPING SETS.
	Totals []int64
	// EmitBefore says whether -U rows are wanted.
	EmitBefore bool
	TwoPhase   bool
	// Every is the interval of EMIT EVERY, at whose multiples changes come out; 0:
	// as they happen.
	Every time.Duration
	Life
	OnError ErrorMode
}

// Join is a regular join: it keeps the rows of both sides, and pairs each row with
// those of the other side that have the same keys and satisfy the residual. Its
// columns are Emit of the left columns followed by the right ones. With no keys all
// rows are on one shard and every pair is looked at.
type Join struct {
	Kind JoinKind
	// LeftKeys and RightKeys are columns of each side whose values must be equal, of
	// the same types. A NULL equals none, save where NullSafe says otherwise.
	LeftKeys, RightKeys []int
	NullSafe            []bool
	// Residual is over the left columns, then the right ones; nil: TRUE.
	Residual catalog.Expr
	Emit     []int
	// LeftTTL and RightTTL are how long the rows of a key are kept after the last one
	// of their side; 0: for ever. EventTime says that this is measured by the rows' W,
	// else by the clock.
	LeftTTL, RightTTL time.Duration
	EventTime         bool
	// Expiry says of each side when its rows can have no more partners, so that they
	// go; nil: they stay. Both inputs only append then.
	Expiry  [2]*Expiry
	OnError ErrorMode
}

// Union is UNION ALL: inputs have the same columns.
type Union struct{}

// SortKey is one term of ORDER BY.
type SortKey struct {
	Col        int
	Desc       bool
	NullsFirst bool
}

// Sort orders a bounded input, and cuts it if Limit >= 0. It gives its rows at
// the end of input.
type Sort struct {
	Keys          []SortKey
	Limit, Offset int64 // Limit -1: none
	// ByTime says that the first of Keys is the time attribute, ascending: a row
	// comes out when the watermark has passed it, and is late if its time is below
	// its W. The input need not end then.
	ByTime bool
	// LateCols are the input columns of a late row on LatePort; nil if nobody
	// reads that port.
	LateCols []int
}

// Limit passes Limit rows after Offset, in input order, then ends its SELECT.
type Limit struct{ Limit, Offset int64 }

// ExchangeKind says how an Exchange spreads rows over shards.
type ExchangeKind uint8

// The exchange kinds.
const (
	HashExchange   ExchangeKind = iota // by key group of Keys
	SingleExchange                     // all to one shard, in input order
)

// Exchange moves rows to the shard that owns them.
type Exchange struct {
	Kind ExchangeKind
	Keys []int
}

// Sink writes to a sink; the input has exactly its columns.
type Sink struct {
	Name       string
	Connector  string
	Options    catalog.Options
	Columns    []catalog.Field
	PrimaryKey []int
	// Metadata are the connector's names of columns beside the row itself; "": an
	// ordinary one. nil: all are.
	Metadata []string
	Mode     catalog.ChangelogMode
	// Net says that changes of one key come in any order (they are of several
	// shards), each -D with its whole row: those of an epoch have to be netted.
	Net       bool
	Guarantee catalog.Guarantee
	// OnError judges rows that the sink can't take: NULL in NOT NULL, or refused by
	// the target. Judges says that it is the sink's own 'on-error', not that of the
	// sources.
	OnError   ErrorMode
	Judges    bool
	Tolerance Tolerance
}

// Result gives the rows of a top-level SELECT to the caller.
type Result struct {
	// Final: all inputs are bounded, so only the folded result is wanted, once.
	Final bool
}

// StateKeys implements Stateful.
func (o *WindowAgg) StateKeys(int) []int { return o.Keys }

// StateKeys implements Stateful.
func (o *SessionAssign) StateKeys(int) []int { return o.Window.Partition }

// StateKeys implements Stateful.
func (o *GroupAgg) StateKeys(int) []int { return o.Keys }

// StateKeys implements Stateful.
func (o *Join) StateKeys(input int) []int {
	if input == 0 {
		return o.LeftKeys
	}
	return o.RightKeys
}

// Forgets says whether the join forgets keys.
func (o *Join) Forgets() bool { return o.LeftTTL > 0 || o.RightTTL > 0 }

// Expressions implements Evaluating.
func (o *Join) Expressions() []catalog.Expr {
	if o.Residual == nil {
		return nil
	}
	return []catalog.Expr{o.Residual}
}

// StateKeys implements Stateful.
func (o *Sort) StateKeys(int) []int { return nil }

// StateKeys implements Stateful.
func (o *Limit) StateKeys(int) []int { return nil }

// Expressions implements Evaluating.
func (o *Filter) Expressions() []catalog.Expr { return []catalog.Expr{o.Pred} }

// Expressions implements Evaluating.
func (o *Project) Expressions() []catalog.Expr { return o.Exprs }

func (*Values) op()        {}
func (*Scan) op()          {}
func (*Guard) op()         {}
func (*Filter) op()        {}
func (*Project) op()       {}
func (*WindowAssign) op()  {}
func (*WindowAgg) op()     {}
func (*SessionAssign) op() {}
func (*GroupAgg) op()      {}
func (*Join) op()          {}
func (*Union) op()         {}
func (*Sort) op()          {}
func (*Limit) op()         {}
func (*Exchange) op()      {}
func (*Sink) op()          {}
func (*Result) op()        {}

// KindSet is a set of row kinds.
type KindSet uint8

// Has says whether the set holds k.
func (s KindSet) Has(k catalog.RowKind) bool { return s&(1<<k) != 0 }

// With adds k.
func (s KindSet) With(k catalog.RowKind) KindSet { return s | 1<<k }

// AppendOnly says whether the set holds +I at most.
func (s KindSet) AppendOnly() bool { return s&^(1<<catalog.Insert) == 0 }

// Properties are what the planner knows of a node's main output.
type Properties struct {
	Kinds KindSet
	// UpsertKey are the columns by which updates replace rows; nil: none.
	UpsertKey []int
	// Time lists the columns that are time attributes.
	Time []int
	// NeedsW says that an operator above judges rows by W.
	NeedsW bool
	// EveryW says that it looks at the W of every row, also where none can be late.
	EveryW bool
	// Bound is the state's bound as EXPLAIN prints it: "1 h + 30 s of orders by
	// user_id"; "" for a stateless operator; Unbounded flags the rest.
	Bound     string
	Unbounded bool
	// AnyOrder says that changes of one upsert key may come out of order: its rows
	// have been on several shards.
	AnyOrder bool
	// Moves says that this holds for all keys but UpsertKey: a row that moves is
	// taken back from its old place after it has come at its new one.
	Moves bool
	// Hash lists the columns by which rows are spread over shards; Single says
	// that one shard has them all. Neither: any way.
	Hash   []int
	Single bool
	// OrderSensitive: the result depends on the order of the input.
	OrderSensitive bool
	// Bounded: the input ends.
	Bounded bool
}
