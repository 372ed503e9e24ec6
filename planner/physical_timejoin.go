package planner

import (
	"math"

	"github.com/streamsql/streamsql/catalog"
)

// The joins that time bounds. Column indexes are positions in the columns of the
// input that they are about; Residual is over the columns of the left input,
// then those of the right one. A pair joins iff its keys are equal, none of them
// NULL, the bounds hold, and Residual is TRUE.
//
// Output: the columns of both inputs; of a semi or anti join those of the left
// one.

// JoinKind says which rows a join gives besides or instead of pairs.
type JoinKind uint8

// The join kinds.
const (
	InnerJoin JoinKind = iota
	LeftJoin           // and left rows without a partner, padded with NULL
	RightJoin          // and right rows without a partner
	FullJoin           // both
	SemiJoin           // left rows that have a partner, once each
	AntiJoin           // left rows that have none
)

// Preserves says whether rows of an input come out without a partner too.
func (k JoinKind) Preserves(input int) bool {
	switch k {
	case LeftJoin, AntiJoin:
		return input == 0
	case RightJoin:
		return input == 1
	case FullJoin:
		return true
	}
	return false
}

// LeftOnly says whether the output has the columns of the left input only.
func (k JoinKind) LeftOnly() bool { return k == SemiJoin || k == AntiJoin }

// IntervalJoin joins two streams where the left time is within
// [right time - Before, right time + After] (semantics 2). Times are
// microseconds.
type IntervalJoin struct {
	Kind JoinKind
	// Keys are the equi-join columns of each input, of the same types pairwise.
	Keys [2][]int
	// Time are the time attributes.
	Time          [2]int
	Before, After int64
	// Lag is how far below a watermark times of later rows of an input can be:
	// 1 ms less 1 us if the time is a window_time, else 0.
	Lag      [2]int64
	Residual catalog.Expr // nil: none
	OnError  ErrorMode
}

// Delay is how far the output's watermark is behind those of the inputs.
func (o *IntervalJoin) Delay() int64 { return max(0, o.Before, o.After, AddTime(o.Before, o.After)) }

// WindowJoin joins rows of equal windows, which stand in two columns of each
// input. A window's rows leave when the watermark has passed its end; a row whose
// window has ended by its own W is late.
type WindowJoin struct {
	Kind JoinKind
	// Start and End are the window's columns.
	Start, End [2]int
	// Keys are further equi-join columns.
	Keys     [2][]int
	Residual catalog.Expr
	OnError  ErrorMode
	// LateCols are the columns of both inputs, left ones first, that late rows on
	// LatePort have (those of the other input are NULL); nil if nobody reads that
	// port.
	LateCols []int
}

// TemporalJoin gives each left row, the probe, the version of its key as of the
// probe's time: of the right rows with the key, the last one whose time is not
// after it (Strict: is before it) and whose own W is not after it. Residual is
// asked of that version alone. Late probes go to LatePort.
type TemporalJoin struct {
	Kind   JoinKind // InnerJoin or LeftJoin
	Keys   [2][]int
	Time   [2]int
	Lag    [2]int64
	Strict bool
	// Deletes says that right rows of kind -D end their key's version; those of
	// kind -U are passed over.
	Deletes  bool
	Residual catalog.Expr
	OnError  ErrorMode
	// Asof says that it was written as ASOF JOIN.
	Asof bool
	// LateCols are the left columns of a late probe on LatePort; nil if nobody
	// reads that port.
	LateCols []int
}

// AddTime adds two times or spans and stays within int64.
func AddTime(a, b int64) int64 {
	sum := a + b
	switch {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	}
	return sum
}

// StateKeys implements Stateful.
func (o *IntervalJoin) StateKeys(input int) []int { return o.Keys[input] }

// StateKeys implements Stateful. Without further keys the windows themselves are
// spread over the shards.
func (o *WindowJoin) StateKeys(input int) []int {
	if len(o.Keys[input]) == 0 {
		return []int{o.Start[input], o.End[input]}
	}
	return o.Keys[input]
}

// StateKeys implements Stateful.
func (o *TemporalJoin) StateKeys(input int) []int { return o.Keys[input] }

// Expressions implements Evaluating.
func (o *IntervalJoin) Expressions() []catalog.Expr { return some(o.Residual) }

// Expressions implements Evaluating.
func (o *WindowJoin) Expressions() []catalog.Expr { return some(o.Residual) }

// Expressions implements Evaluating.
func (o *TemporalJoin) Expressions() []catalog.Expr { return some(o.Residual) }

func some(e catalog.Expr) []catalog.Expr {
	if e == nil {
		return nil
	}
	return []catalog.Expr{e}
}

func (*IntervalJoin) op() {}
func (*WindowJoin) op()   {}
func (*TemporalJoin) op() {}
