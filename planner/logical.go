package planner

import (
	"time"

	"github.com/streamsql/streamsql/catalog"
)

// rel is a node of the logical plan: an operator of relational algebra over the
// outputs of its inputs. Nodes are immutable; a node may have several
// consumers. Column indexes of expressions are positions in the input's
// columns.
type rel interface {
	inputs() []rel
	// cols are the output columns.
	cols() []column
	// over gives the same operator over other inputs, which must have columns
	// of the same types in the same places.
	over(inputs []rel) rel
	// at is where the operator was written.
	at() place
}

// column is an output column of a rel.
type column struct {
	Column
	// time says that the column is a time attribute.
	time timeRole
	// timeMember is the path of member indexes to the time attribute within a
	// ROW column; nil: none.
	timeMember []int
	// lost says what took the time attribute away ("the GROUP BY at line 3"),
	// so that an operator that wants one can name it.
	lost string
	// window says that the column is a bound of window number windowID.
	window   windowRole
	windowID int
	// proc says that the window is one of processing time.
	proc bool
	// lag is how far below the watermark later values of a time attribute can be:
	// a window's rows come until the watermark is at its end, and its window_time is
	// 1 ms before that.
	lag int64
}

// timeRole tells time attributes from plain columns.
type timeRole uint8

const (
	noTime timeRole = iota
	eventTime
	processingTime
)

// windowRole tells which bound of a window a column is.
type windowRole uint8

const (
	noWindow windowRole = iota
	windowStart
	windowEnd
	windowTime
)

// source is a table as a query reads it: definition, options, watermark. All
// scans of one script with the same name and options share one.
type source struct {
	table   *catalog.Table
	name    string // name in SQL
	options catalog.Options
	bounded bool
	// changelog says that its rows may take back earlier ones.
	changelog bool
	// upserts says that they come as upserts by the primary key: see normalizeRel.
	upserts bool
	static  bool // a static table: see settleStatic
	lookup  bool // rows can be looked up by key
	// fields are the physical and metadata columns in declared order: what a
	// scanRel gives. exprs compute the declared columns from them.
	fields []ScanColumn
	// declared are all declared columns, exprs their values over fields.
	declared []column
	exprs    []catalog.Expr
	// watermark is over fields; nil: none. delay is how far it is behind the
	// time attribute (microseconds), -1 if it is no constant.
	watermark *Watermark
	delay     int64
	// key is the declared primary key, as indexes of declared.
	key []int
	// onError and deadLetter are the reading policy.
	onError    ErrorMode
	deadLetter *catalog.Table
	// letters takes the dead letters of expressions: deadLetter, or, where the setting
	// sends them there and records go another way, the sink that is named.
	letters   *catalog.Table
	tolerance Tolerance
	replay    *Replay // reads dead letters in its place
	validate  bool
	at        place
}

type (
	// scanRel gives the physical and metadata columns of a source.
	scanRel struct {
		src   *source
		out   []column
		place place
	}

	// valuesRel gives constant rows.
	valuesRel struct {
		rows  [][]catalog.Expr
		out   []column
		place place
	}

	// filterRel keeps the rows for which pred is TRUE.
	filterRel struct {
		in    rel
		pred  catalog.Expr
		place place
	}

	// projectRel computes columns.
	projectRel struct {
		in    rel
		exprs []catalog.Expr
		out   []column
		place place
	}

	// windowRel appends window_start, window_end and window_time to its input's
	// columns, one row for each window that a row is in.
	windowRel struct {
		in  rel
		win Window
		id  int // number of the window within the script
		// late says where the late rows of a SESSION go, which it finds itself.
		late  *lateRows
		out   []column
		place place
	}

	// aggregateRel groups by keys, and by a window if window is there. Its
	// columns are the keys, the aggregates and, with a window, window_start,
	// window_end, window_time.
	aggregateRel struct {
		in     rel
		keys   []int
		aggs   []AggCall
		window *Window // AttachedWindow until a rule finds its windowRel
		// ttl is how long a group without window is kept: see keptForEver.
		ttl  time.Duration
		emit emission
		late *lateRows
		// totals are the numbers of empty grouping sets, which have a row each even
		// over no input; the last key is the number of the set.
		totals []int64
		out    []column
		place  place
	}

	// unionRel is UNION ALL.
	unionRel struct {
		ins   []rel
		out   []column
		place place
	}

	// sortRel orders its input and cuts it.
	sortRel struct {
		in            rel
		keys          []SortKey
		limit, offset int64 // limit -1: none
		// byTime says that rows come out as the watermark passes them.
		byTime bool
		late   *lateRows
		place  place
	}

	// limitRel cuts its input in the order in which it comes.
	limitRel struct {
		in            rel
		limit, offset int64
		place         place
	}
)

// emission says when a windowed aggregation gives out its rows.
type emission struct {
	mode     EmitMode
	every    time.Duration
	lateness int64 // us
}

// updates says whether rows that were given out are taken back.
func (e emission) updates() bool { return e.mode != EmitClosed || e.lateness > 0 }

// clause names what makes the rows update.
func (e emission) clause() string {
	switch {
	case e.mode == EmitChanges:
		return "EMIT CHANGES"
	case e.mode == EmitEvery:
		return "EMIT EVERY"
	}
	return "ALLOW LATENESS"
}

// updates says whether the aggregation takes rows back that it gave out.
func (r *aggregateRel) updates() bool {
	if r.window != nil {
		return r.emit.updates()
	}
	return len(r.aggs) > 0
}

// lateRows says where the late rows of an aggregateRel go.
type lateRows struct {
	sink *catalog.Table
	// cols are the columns of the operator's input that a late row has.
	cols []int
	// right are those of the right input of a window join, cols of its left one.
	right []int
	// exprs give the sink's columns from the late row: cols, right, then
	// window_start, window_end, watermark.
	exprs []catalog.Expr
	place place
}

func (r *scanRel) inputs() []rel      { return nil }
func (r *valuesRel) inputs() []rel    { return nil }
func (r *filterRel) inputs() []rel    { return []rel{r.in} }
func (r *projectRel) inputs() []rel   { return []rel{r.in} }
func (r *windowRel) inputs() []rel    { return []rel{r.in} }
func (r *aggregateRel) inputs() []rel { return []rel{r.in} }
func (r *unionRel) inputs() []rel     { return r.ins }
func (r *sortRel) inputs() []rel      { return []rel{r.in} }
func (r *limitRel) inputs() []rel     { return []rel{r.in} }

func (r *scanRel) cols() []column      { return r.out }
func (r *valuesRel) cols() []column    { return r.out }
func (r *filterRel) cols() []column    { return r.in.cols() }
func (r *projectRel) cols() []column   { return r.out }
func (r *windowRel) cols() []column    { return r.out }
func (r *aggregateRel) cols() []column { return r.out }
func (r *unionRel) cols() []column     { return r.out }
func (r *sortRel) cols() []column      { return r.in.cols() }
func (r *limitRel) cols() []column     { return r.in.cols() }

func (r *scanRel) over([]rel) rel         { return r }
func (r *valuesRel) over([]rel) rel       { return r }
func (r *filterRel) over(in []rel) rel    { c := *r; c.in = in[0]; return &c }
func (r *projectRel) over(in []rel) rel   { c := *r; c.in = in[0]; return &c }
func (r *windowRel) over(in []rel) rel    { c := *r; c.in = in[0]; return &c }
func (r *aggregateRel) over(in []rel) rel { c := *r; c.in = in[0]; return &c }
func (r *unionRel) over(in []rel) rel     { c := *r; c.ins = in; return &c }
func (r *sortRel) over(in []rel) rel      { c := *r; c.in = in[0]; return &c }
func (r *limitRel) over(in []rel) rel     { c := *r; c.in = in[0]; return &c }

func (r *scanRel) at() place      { return r.place }
func (r *valuesRel) at() place    { return r.place }
func (r *filterRel) at() place    { return r.place }
func (r *projectRel) at() place   { return r.place }
func (r *windowRel) at() place    { return r.place }
func (r *aggregateRel) at() place { return r.place }
func (r *unionRel) at() place     { return r.place }
func (r *sortRel) at() place      { return r.place }
func (r *limitRel) at() place     { return r.place }

// rewrite gives the tree in which f has been applied to every node, inputs
// first. Shared nodes stay shared.
func rewrite(r rel, f func(rel) rel) rel {
	return rewriteFrom(r, func(_, r rel) rel { return f(r) })
}

// rewriteFrom is rewrite where f is also given the node as it was.
func rewriteFrom(r rel, f func(was, r rel) rel) rel {
	done := map[rel]rel{}
	var walk func(rel) rel
	walk = func(r rel) rel {
		if out, ok := done[r]; ok {
			return out
		}
		out := f(r, overRewritten(r, walk))
		done[r] = out
		return out
	}
	return walk(r)
}

// overRewritten applies walk to the inputs of r; r itself stays if none changes.
func overRewritten(r rel, walk func(rel) rel) rel {
	ins := r.inputs()
	var changed []rel
	for i, in := range ins {
		if out := walk(in); out != in || changed != nil {
			if changed == nil {
				changed = append(make([]rel, 0, len(ins)), ins[:i]...)
			}
			changed = append(changed, out)
		}
	}
	if changed == nil {
		return r
	}
	return r.over(changed)
}

// visit calls f on every node once, inputs first.
func visit(r rel, f func(rel)) {
	seen := map[rel]bool{}
	var walk func(rel)
	walk = func(r rel) {
		if seen[r] {
			return
		}
		seen[r] = true
		for _, in := range r.inputs() {
			walk(in)
		}
		f(r)
	}
	walk(r)
}

// sessions says whether the window is of sessions, which only their rows make.
func (r *windowRel) sessions() bool { return r.win.Kind == SessionWindow }

// refs gives one reference to each column.
func refs(cols []column) []catalog.Expr {
	exprs := make([]catalog.Expr, len(cols))
	for i := range cols {
		exprs[i] = ref(cols, i)
	}
	return exprs
}

// ref is a reference to column i.
func ref(cols []column, i int) *catalog.ColumnRef {
	return &catalog.ColumnRef{Index: i, Name: cols[i].Name, T: cols[i].Type}
}

// plain takes the names and types of columns.
func plain(cols []column) []Column {
	out := make([]Column, len(cols))
	for i, c := range cols {
		out[i] = c.Column
	}
	return out
}

// isBounded says whether a relation ends.
func isBounded(r rel) bool {
	bounded := true
	visit(r, func(r rel) {
		if s, ok := r.(*scanRel); ok && !s.src.bounded {
			bounded = false
		}
	})
	return bounded
}
