package planner

import (
	"math"

	"github.com/streamsql/streamsql/catalog"
)

// Pairing is what the joins that time bounds have in common: what makes two rows
// partners besides their times, and what comes out. Columns of the output are Emit
// of the left columns followed by the right ones.
type Pairing struct {
	Kind JoinKind
	// Keys are columns of each side whose values must be equal, of the same types. A
	// NULL equals none, save where NullSafe says otherwise.
	Keys     [2][]int
	NullSafe []bool
	// Residual is over the left columns, then the right ones; nil: TRUE.
	Residual catalog.Expr
	Emit     []int
	OnError  ErrorMode
}

// Preserves says whether rows of a side come out without a partner too.
func (k JoinKind) Preserves(side int) bool {
	return side == 0 && (k.padsRight() || k == AntiJoin) || side == 1 && k.padsLeft()
}

// LeftOnly says whether only left rows come out, without their partners.
func (k JoinKind) LeftOnly() bool { return k.oneSided() }

// IntervalJoin joins two streams where the left time is within
// [right time - Before, right time + After] (semantics 2). Times are
// microseconds.
type IntervalJoin struct {
	Pairing
	// Time are the time attributes.
	Time          [2]int
	Before, After int64
	// Lag is how far below its watermark the times of later rows of an input can
	// be: 1 ms less 1 us if the time is a window_time, else 0.
	Lag [2]int64
}

// Delay is how far the output's watermark is behind those of the inputs.
func (o *IntervalJoin) Delay() int64 { return max(0, o.Before, o.After, AddTime(o.Before, o.After)) }

// WindowJoin joins rows of equal windows, which stand in two columns of each
// input. A window's rows leave when the watermark has passed its end; a row whose
// window has ended by its own W is late.
type WindowJoin struct {
	Pairing
	// Start and End are the window's columns.
	Start, End [2]int
	// LateCols are the columns of each input that a late row has on LatePort: those
	// of the left one, those of the right one (NULL but for the input that the row is
	// of), then window_start, window_end and the watermark. nil if nobody reads that
	// port.
	LateCols *[2][]int
}

// TemporalJoin gives each left row, the probe, the version of its key as of the
// probe's time: of the right rows with the key, the last one whose time is not
// after it (Strict: is before it) and whose own W is not after it. Residual is
// asked of that version alone. Late probes go to LatePort.
//
// With Ahead it is the other way round in time: the first right row with the key whose
// time is not before the probe's (Strict: is after it), late ones not counted.
type TemporalJoin struct {
	Pairing
	Time [2]int
	Lag  [2]int64
	// Strict: a version serves later probes only, not those of its own time.
	Strict bool
	// Ahead: the next right row, instead of the last one.
	Ahead bool
	// Asof says that it was written as ASOF JOIN.
	Asof bool
	// ByValue says that versions come in no order of their own, from an operator
	// with state: of those of one time the greatest is the last, the least the first.
	ByValue bool
	// LateCols are the left columns of a late probe on LatePort; nil if nobody
	// reads that port. Ahead, late right rows come there too: behind the left columns
	// stand LateRight of the right ones, NULL but for the side that the row is of.
	LateCols, LateRight []int
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
func (p *Pairing) Expressions() []catalog.Expr {
	if p.Residual == nil {
		return nil
	}
	return []catalog.Expr{p.Residual}
}

func (*IntervalJoin) op() {}
func (*WindowJoin) op()   {}
func (*TemporalJoin) op() {}
