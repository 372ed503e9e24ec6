package planner

// Rank keeps the first rows of each partition: those whose ROW_NUMBER, RANK or
// DENSE_RANK (Kind) is From to To. Output: the input's columns, then, if Show,
// the rank (BIGINT). Rows with equal terms of Order stand in the order of Tie,
// then of all columns, so nothing depends on how rows come.
type Rank struct {
	Kind      OverKind
	What      string // as it was written: "ROW_NUMBER", "ORDER BY"
	Partition []int
	Order     []SortKey
	From, To  int64
	Show      bool
	// Tie is the time attribute, where it is not a term of Order; -1: none.
	Tie int
	// Arrival says that the order is that of arrival; Order is empty then.
	Arrival ArrivalOrder
	// WindowStart and WindowEnd are the columns of Partition that are the bounds
	// of a window: its rows come out when it closes. -1: none.
	WindowStart, WindowEnd int
	// AtEnd says that the input is bounded: what is visible at its end comes out,
	// once.
	AtEnd bool
	// EmitBefore says whether -U rows are wanted.
	EmitBefore bool
	// Unique says that a second row of a partition at a commit (of a bounded input:
	// at its end) is an error: ON CONFLICT DO ERROR.
	Unique bool
	Life
	// LateCols are the input columns of a late row on LatePort; nil if nobody
	// reads that port.
	LateCols []int
}

// ArrivalOrder says how the order of arrival ranks rows.
type ArrivalOrder uint8

// The orders of arrival. FirstArrived gives rows that stay as they are.
const (
	NoArrival ArrivalOrder = iota
	FirstArrived
	LastArrived
)

// StateKeys implements Stateful.
func (o *Rank) StateKeys(int) []int { return o.Partition }

func (*Rank) op() {}

// Keep is the number of rows of a partition that decide what comes out.
func (o *Rank) Keep() int64 {
	if o.Unique {
		return o.To + 1
	}
	return o.To
}

// Updates says whether rows that have come out may change.
func (o *Rank) Updates() bool {
	return o.Arrival != FirstArrived && o.WindowStart < 0 && !o.AtEnd
}

// Replaces says that a row takes the place of another one: that of the same rank
// in its partition, or the only one.
func (o *Rank) Replaces() bool {
	return o.Kind == OverRowNumber && (o.Show || o.From == o.To)
}
