package planner

import "github.com/streamsql/streamsql/catalog"

// Over appends to each row the results of calls over the rows of its partition:
// OVER (PARTITION BY ... ORDER BY ...). All calls of one Over share partition
// and order; each has its own frame. Output: the input's columns, then a column
// for each call.
type Over struct {
	Partition []int
	Order     []SortKey
	Calls     []OverCall
	// ByTime says that the first term of Order is the time attribute, ascending,
	// of an input that only appends: a row comes out once the watermark has
	// passed its time and the rows that calls see ahead of it are there (but see
	// AtEnd), and is late if its time is below its W.
	ByTime bool
	// WindowStart and WindowEnd are the columns of Partition that are the bounds
	// of a window: partitions are complete when the window closes. -1: none.
	WindowStart, WindowEnd int
	// AtEnd says that rows come out at the end of bounded input; Arrival that they
	// come out as they come in, in that order. Without any of the four the output
	// updates.
	AtEnd, Arrival bool
	// Limit says that nobody wants a row that is not among the first so many of its
	// partition; 0: all are wanted. The only call is ROW_NUMBER then, and ByTime set.
	Limit int64
	// Positions says that rows of equal time are taken in the order of source,
	// split and record; else in that of all columns.
	Positions bool
	Life
	// LateCols are the input columns of a late row on LatePort; nil if nobody
	// reads that port.
	LateCols []int
	OnError  ErrorMode
}

// OverKind says what a call over a window computes.
type OverKind uint8

// The kinds of calls. OverAggregate is an aggregate function over the frame.
const (
	OverAggregate OverKind = iota
	OverRowNumber
	OverRank
	OverDenseRank
	OverPercentRank
	OverCumeDist
	OverNTile
	OverLag
	OverLead
	OverFirstValue
	OverLastValue
	OverNthValue
)

// OverCall is one call with OVER.
type OverCall struct {
	Kind     OverKind
	Fn       *catalog.Function // OverAggregate only
	Overload *catalog.Overload // OverAggregate only
	// Args are input columns: those of the aggregate; of LAG and LEAD the value,
	// then the default if there is one; else the value.
	Args     []int
	Filter   int // BOOLEAN column of FILTER (WHERE ...); -1: none
	Distinct bool
	// N is the number of buckets of NTILE, the distance of LAG and LEAD, the row
	// of NTH_VALUE (from 1).
	N           int64
	IgnoreNulls bool
	// Frame holds for OverAggregate and the three values of a frame's rows.
	Frame Frame
	// Constants are the arguments of an aggregate behind its columns, as text.
	Constants string
	Type      catalog.Type
	Name      string // as shown by EXPLAIN
}

// FrameUnit is what the bounds of a frame count.
type FrameUnit uint8

// The frame units: rows, values of the sort key, groups of rows with equal keys.
const (
	RowsFrame FrameUnit = iota
	RangeFrame
	GroupsFrame
)

// FrameExclusion says which rows around the current one a frame leaves out.
type FrameExclusion uint8

// The frame exclusions.
const (
	ExcludeNone FrameExclusion = iota
	ExcludeCurrentRow
	ExcludeGroup
	ExcludeTies
)

// BoundKind is the sort of a FrameBound.
type BoundKind uint8

// The bounds of frames.
const (
	UnboundedPreceding BoundKind = iota
	Preceding
	CurrentRow
	Following
	UnboundedFollowing
)

// FrameBound is an end of a frame. Preceding and Following have an offset: of
// ROWS and GROUPS a number; of RANGE a constant, not negative: of the sort key's
// type if that is a number, else an interval.
type FrameBound struct {
	Kind  BoundKind
	Rows  int64
	Range *catalog.Literal
}

// Frame is the rows of the partition that a call looks at.
type Frame struct {
	Unit         FrameUnit
	Lower, Upper FrameBound
	Exclude      FrameExclusion
}

// StateKeys implements Stateful.
func (o *Over) StateKeys(int) []int { return o.Partition }

func (*Over) op() {}

// overKinds are the functions that are there with OVER only, and those that mean
// something else with it.
var overKinds = map[string]OverKind{
	"ROW_NUMBER": OverRowNumber, "RANK": OverRank, "DENSE_RANK": OverDenseRank,
	"PERCENT_RANK": OverPercentRank, "CUME_DIST": OverCumeDist, "NTILE": OverNTile,
	"LAG": OverLag, "LEAD": OverLead,
	"FIRST_VALUE": OverFirstValue, "LAST_VALUE": OverLastValue, "NTH_VALUE": OverNthValue,
}

// Framed says whether a call looks at the rows of its frame only.
func (k OverKind) Framed() bool {
	switch k {
	case OverAggregate, OverFirstValue, OverLastValue, OverNthValue:
		return true
	}
	return false
}

// ranks says whether a call numbers rows by their place in the order.
func (k OverKind) ranks() bool {
	return k == OverRowNumber || k == OverRank || k == OverDenseRank
}
