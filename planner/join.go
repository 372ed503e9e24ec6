package planner

import (
	"slices"
	"time"

	"github.com/streamsql/streamsql/catalog"
)

// joinRel joins two relations. Its columns are those of the left side, then those
// of the right one; a SEMI or ANTI join has the left ones only.
type joinRel struct {
	kind        JoinKind
	left, right rel
	// on is the condition over the columns of both sides; nil: all pairs.
	on catalog.Expr
	// asof says that this is an ASOF join, match is its MATCH_CONDITION over the
	// columns of both sides; nil: none was given.
	asof  bool
	match catalog.Expr
	// temporal says that the right side was given FOR SYSTEM_TIME AS OF a time of the
	// left one; match compares them.
	temporal bool
	// lookup is where the right side was given FOR SYSTEM_TIME AS OF a processing
	// time, if it was: its rows are those of the moment.
	lookup *place
	// versionKey are the right columns that say what its rows are versions of; nil: it
	// is not known.
	versionKey []int
	// late says where the late rows of a window join go, or the late probes of a
	// temporal one.
	late *lateRows
	// notIn makes an anti join that of NOT IN: rows are partners where on holds and
	// this comparison of the left values with the right ones is not FALSE, so that a
	// left row does not come out either if it is NULL.
	notIn catalog.Expr
	// mode is how the join is run; settleJoins finds it.
	mode joinMode
	// times is how time bounds the join, unless it is a regular one.
	times *joinTimes
	// static is the side that is a static table of a staticJoin, or is looked up.
	static side
	// leftTable and rightTable name the table that a side is, for hints; "" for a
	// side that is no table by itself.
	leftTable, rightTable string
	// ttl is how long rows of each side are kept: see keptForEver.
	ttl [2]time.Duration
	// emit are the columns that come out, as positions in those of both sides; nil:
	// all that the kind gives. Pruning sets it.
	emit  []int
	out   []column
	place place
}

// JoinKind says which rows a join gives.
type JoinKind uint8

// The join kinds. A CROSS JOIN is an inner one without condition.
const (
	InnerJoin JoinKind = iota
	LeftJoin           // and left rows without a partner
	RightJoin          // and right rows without a partner
	FullJoin           // and both
	SemiJoin           // left rows that have a partner, once
	AntiJoin           // left rows that have none
)

var joinKindNames = [...]string{"INNER", "LEFT", "RIGHT", "FULL", "SEMI", "ANTI"}

// String is the kind as EXPLAIN shows it.
func (k JoinKind) String() string { return joinKindNames[k] }

// padsLeft says that left columns may be NULL because a right row has no partner.
func (k JoinKind) padsLeft() bool { return k == RightJoin || k == FullJoin }

// padsRight says that right columns may be NULL because a left row has no partner.
func (k JoinKind) padsRight() bool { return k == LeftJoin || k == FullJoin }

// oneSided says that only left columns come out.
func (k JoinKind) oneSided() bool { return k == SemiJoin || k == AntiJoin }

// joinMode is how a join is run.
type joinMode uint8

const (
	// unsettledJoin is a join of a SELECT block whose WHERE has not been bound yet.
	unsettledJoin joinMode = iota
	// regularJoin keeps the rows of both sides for ever, or as long as 'state.ttl'
	// says, and updates its result.
	regularJoin
	// intervalJoin bounds the difference of two time attributes.
	intervalJoin
	// windowJoin joins rows of equal windows.
	windowJoin
	// temporalJoin finds for each left row the version as of its time.
	temporalJoin
	// staticJoin reads one side whole before the other: see StaticJoin.
	staticJoin
	// lookupJoin looks the keys of the left rows up: see LookupJoin.
	lookupJoin
)

func (r *joinRel) inputs() []rel  { return []rel{r.left, r.right} }
func (r *joinRel) cols() []column { return r.out }
func (r *joinRel) at() place      { return r.place }

func (r *joinRel) over(in []rel) rel {
	c := *r
	c.left, c.right = in[0], in[1]
	return &c
}

// both are the columns of both sides: what on and match are over.
func (r *joinRel) both() []column {
	return append(slices.Clip(r.left.cols()), r.right.cols()...)
}

// name is what the user calls the join.
func (r *joinRel) name() string {
	switch {
	case r.asof && r.kind == LeftJoin:
		return "ASOF LEFT JOIN"
	case r.asof:
		return "ASOF JOIN"
	case r.kind == InnerJoin:
		return "JOIN"
	}
	return r.kind.String() + " JOIN"
}

// versioned says that the right side is a history, of which each left row sees one
// state: taking rows out of it would change which.
func (r *joinRel) versioned() bool { return r.asof || r.temporal }

// keepsProbes says that no left row may be taken away below the join: late ones go
// to a sink, or may yet be sent there.
func (r *joinRel) keepsProbes() bool {
	return r.late != nil || r.versioned() && r.mode == unsettledJoin
}

// exprs are the expressions over the columns of both sides.
func (r *joinRel) exprs() []catalog.Expr {
	var out []catalog.Expr
	for _, e := range []catalog.Expr{r.on, r.match, r.notIn} {
		if e != nil {
			out = append(out, e)
		}
	}
	return out
}

// eachExpr puts f of each expression into its place.
func (r *joinRel) eachExpr(f func(catalog.Expr) catalog.Expr) {
	for _, e := range []*catalog.Expr{&r.on, &r.match, &r.notIn} {
		if *e != nil {
			*e = f(*e)
		}
	}
}

// with gives the join with other inputs and conjuncts of its condition.
func (r *joinRel) with(left, right rel, on []catalog.Expr) *joinRel {
	c := *r
	c.left, c.right, c.on = left, right, nil
	if len(on) > 0 {
		c.on = conjunction(on)
	}
	return &c
}

// conditions are the conjuncts of on.
func (r *joinRel) conditions() []catalog.Expr {
	if r.on == nil {
		return nil
	}
	return conjuncts(r.on)
}

// joinColumns are the columns of a join before it is known how it is run: as in
// its sides, but NULL where the join pads.
func joinColumns(kind JoinKind, left, right []column) []column {
	out := slices.Clone(left)
	for i := range out {
		out[i].NotNull = out[i].NotNull && !kind.padsLeft()
	}
	if kind.oneSided() {
		return out
	}
	out = append(out, right...)
	for i := len(left); i < len(out); i++ {
		out[i].NotNull = out[i].NotNull && !kind.padsRight()
	}
	return out
}

// plainColumns are columns that are no time attributes and no bounds of windows any
// more; lost says what took that away.
func plainColumns(cols []column, lost string) []column {
	out := slices.Clone(cols)
	for i := range out {
		c := &out[i]
		if c.time == eventTime || c.timeMember != nil {
			c.lost = lost
		}
		c.time, c.timeMember, c.window, c.windowID, c.lag = noTime, nil, noWindow, 0, 0
	}
	return out
}

// side tells of which side of a join an expression is.
type side uint8

const (
	noSide side = iota // a constant
	leftSide
	rightSide
	bothSides
)

// sideOf finds the side of an expression over the columns of both, of which the
// first n are the left one's.
func sideOf(e catalog.Expr, n int) side {
	s := noSide
	for _, c := range columnsOf(e) {
		if c < n {
			s |= leftSide
		} else {
			s |= rightSide
		}
	}
	return s
}

// equality splits a conjunct "left = right", or IS NOT DISTINCT FROM, into the
// operand over the left columns and that over the right ones, both as positions
// in the columns of both sides.
func equality(e catalog.Expr, n int) (left, right catalog.Expr, nullSafe, ok bool) {
	c, isCall := e.(*catalog.Call)
	if !isCall || len(c.Args) != 2 || c.Overload.CanFail || c.Fn.Name != "=" && c.Fn.Name != fnSame {
		return nil, nil, false, false
	}
	left, right = c.Args[0], c.Args[1]
	if sideOf(left, n) == rightSide {
		left, right = right, left
	}
	ok = sideOf(left, n) == leftSide && sideOf(right, n) == rightSide && volatility(e) == catalog.Immutable
	return left, right, c.Fn.Name == fnSame, ok
}

// shifted moves an expression over the columns of both sides to those of the right
// one.
func shifted(e catalog.Expr, n int) catalog.Expr {
	return shift(e, func(i int) int { return i - n })
}
