package agg

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// Call is one aggregate call over columns of the input.
type Call struct {
	Spec
	Arg    int // input column; ignored for COUNT(*)
	Filter int // boolean input column of FILTER (WHERE ...), or -1
	// ArgNotNull says that the argument is known not to be NULL, which saves
	// the group its own count of values.
	ArgNotNull bool
	// More are the input columns of further arguments.
	More []int
	// Order is the order in which a function that minds it sees the rows of a
	// group. Rows that tie go by their arrival if Arrival is set, which must not
	// be over rows that are taken back, then by their values.
	Order   []Order
	Arrival bool
	// IgnoreNulls leaves rows out whose argument is NULL.
	IgnoreNulls bool
}

// Key is a grouping column.
type Key struct {
	Column int // of the input
	Type   catalog.Type
}

// Config is what an Aggregator computes.
type Config struct {
	Keys  []Key // none: one group for all rows
	Calls []Call
	// Retract says that rows can be taken out again. DISTINCT then counts
	// instead of remembering.
	Retract bool
	// Count says that groups count their rows, which Panes need.
	Count bool
	// Own is how many of the last keys are not among those that rows are spread over
	// shards by.
	Own int
}

// chunkRows is how many rows go through all loops before the next ones: few
// enough for the scratch arrays to stay in the first-level cache and the groups'
// rows in the second.
const (
	chunkRows  = 512
	firstChunk = 64
)

// Aggregator aggregates batches into Groups. It holds the compiled calls and
// scratch memory but no state, so one serves any number of Groups (panes), one
// at a time. Not safe for concurrent use.
type Aggregator struct {
	keys      []Key
	spread    int // so many of the keys say which shard a group belongs to
	layout    *hash.Layout
	words     int      // of state per row
	stored    []string // what the words are, in their order
	retract   bool
	countRows bool
	lanes     []*lane
	distincts []*distinct
	bags      []*bag
	bests     []*best
	hlls      []hll
	strings   bool  // bests may have long strings
	next      int64 // the position of the next row
	outputs   []output
	results   []arrow.DataType
	folds     []*fold
	views     []heldBytes
	sums      []floatSum

	// Scratch.
	enc    *hash.Encoder
	cols   []arrow.Array
	refs   hash.Refs
	walk   []hash.Row
	out    []hash.Row // of Emit, which a Tracker may call in the middle of a merge
	ids    []uint32
	apart  int      // batches that PreAggregate spreads
	places []place  // of PreAggregatePanes
	newID  []uint32 // of Merge: per id in src, that in dst or skipped
}

// lane is an input with the accumulators that it feeds.
type lane struct {
	*input
	accs  []accumulator
	count counter
	known map[string]accumulator // by kind and direction
}

// New compiles the calls.
func New(cfg Config) (*Aggregator, error) {
	types := make([]catalog.Type, len(cfg.Keys))
	for i, k := range cfg.Keys {
		types[i] = k.Type
	}
	layout, err := hash.NewLayout(types)
	if err != nil {
		return nil, fmt.Errorf("GROUP BY: %w", err)
	}
	a := &Aggregator{
		keys: cfg.Keys, spread: len(cfg.Keys) - cfg.Own, layout: layout, retract: cfg.Retract, countRows: cfg.Retract || cfg.Count,
		enc: hash.NewEncoder(layout), cols: make([]arrow.Array, len(cfg.Keys)),
	}
	for _, c := range cfg.Calls {
		if cfg.Retract && !c.Retractable() {
			return nil, fmt.Errorf("%s can't take rows back", c.Kind)
		}
		if c.Distinct && c.Star() {
			return nil, errors.New("DISTINCT without an argument")
		}
		if err := a.compile(c); err != nil {
			return nil, err
		}
	}
	for _, l := range a.lanes {
		l.fuse()
	}
	if a.retract && a.ordered() {
		return nil, errors.New("rows in the order of arrival can't be taken back")
	}
	return a, nil
}

// fuse joins a counter and a sum of integers into a countedSum.
func (l *lane) fuse() {
	if len(l.accs) == 0 {
		return
	}
	count, ok := l.accs[0].(counter)
	for i := 1; ok && i < len(l.accs); i++ {
		if sum, isSum := l.accs[i].(intSum); isSum {
			l.accs[0] = countedSum{count, sum}
			l.accs = slices.Delete(l.accs, i, i+1)
			return
		}
	}
}

// take reserves n words of state for what, and gives the row word that they start at.
func (a *Aggregator) take(n int, what string) int {
	w := 1 + a.layout.Words() + a.words
	a.words += n
	a.stored = append(a.stored, fmt.Sprintf("%s@%d", what, w))
	return w
}

// layoutVersion is that of groups in the store: the parts of Open, and what each kind
// of state is in words and bytes.
const layoutVersion = 1

// Layout is how groups are laid out: see op.Stateful.
func (a *Aggregator) Layout() string {
	text := fmt.Sprintf("groups %d (%s; %s", layoutVersion, a.layout, strings.Join(a.stored, " "))
	if a.countRows {
		text += "; rows counted"
	}
	for _, d := range a.distincts {
		text += fmt.Sprintf("; distinct %s, %d words", d.layout, d.words)
	}
	for _, b := range a.bags {
		text += fmt.Sprintf("; bag %s, %d words", b.rec.layout, b.words())
	}
	return fmt.Sprintf("%s; %d words)", text, a.words)
}

func (a *Aggregator) compile(c Call) error {
	if c.folds(a.retract) {
		a.outputs = append(a.outputs, a.foldOf(c))
		a.results = append(a.results, c.Result.Arrow())
		return nil
	}
	if a.needsRecords(c) {
		o, err := a.compileRecords(c)
		if err != nil {
			return err
		}
		a.outputs = append(a.outputs, o)
		a.results = append(a.results, c.Result.Arrow())
		return nil
	}
	in := input{arg: c.Arg, second: -1, filter: c.Filter, notNull: c.ArgNotNull, form: formOf(c.Spec.Arg)}
	if c.Star() {
		in.arg = -1
	}
	if c.Kind.pair() {
		in.second = c.More[0]
	}
	if c.Kind == Count && (!c.Distinct || in.form == formNested) {
		in.form = formNone
	}
	var l *lane
	if c.Distinct {
		d, err := a.distinctOf(c)
		if err != nil {
			return err
		}
		if l = d.laneOf(a, in); l == nil {
			return fmt.Errorf("more than %d FILTER clauses over one DISTINCT column", maxFilters)
		}
	} else {
		l = a.laneOf(in)
	}
	a.outputs = append(a.outputs, a.outputOf(c, l))
	a.results = append(a.results, c.Result.Arrow())
	return nil
}

// laneOf finds or adds the lane with the input.
func (a *Aggregator) laneOf(in input) *lane {
	for _, l := range a.lanes {
		if l.arg == in.arg && l.second == in.second && l.filter == in.filter && l.notNull == in.notNull {
			l.form = max(l.form, in.form)
			return l
		}
	}
	l := &lane{input: &in, known: map[string]accumulator{}}
	if in.every() {
		a.countRows = true // and counter{} reads it
	} else {
		l.count = counter{a.take(1, "count")}
		l.accs = append(l.accs, l.count)
	}
	a.lanes = append(a.lanes, l)
	return l
}

// share finds or adds an accumulator of n words in the lane.
func share[A accumulator](a *Aggregator, l *lane, kind string, n int, make func(word int) A) A {
	if acc, ok := l.known[kind]; ok {
		return acc.(A)
	}
	acc := make(a.take(n, kind))
	l.known[kind] = acc
	l.accs = append(l.accs, acc)
	return acc
}

// Results are the types of the result columns of Emit: keys, then calls.
func (a *Aggregator) Results() []arrow.DataType {
	var types []arrow.DataType
	for _, k := range a.keys {
		types = append(types, k.Type.Arrow())
	}
	return append(types, a.results...)
}

// StateWords is the number of 64-bit words per group beside header and key.
func (a *Aggregator) StateWords() int { return a.words }

// Update adds rows of a batch to their groups in g.
func (a *Aggregator) Update(g *Groups, cols []arrow.Array, rows colvec.Rows) {
	a.apply(g, cols, rows, false)
}

// Retract takes rows of a batch out of their groups. Only with Config.Retract.
func (a *Aggregator) Retract(g *Groups, cols []arrow.Array, rows colvec.Rows) {
	if !a.retract {
		panic("agg: Retract without Config.Retract")
	}
	a.apply(g, cols, rows, true)
}

func (a *Aggregator) apply(g *Groups, cols []arrow.Array, rows colvec.Rows, retract bool) {
	for i, k := range a.keys {
		a.cols[i] = cols[k.Column]
	}
	for from, to := 0, 0; from < rows.Len(); from = to {
		// Rows of a key that is new are found by the next chunk only, so that the
		// first chunks of an empty table are small.
		to = min(from+min(chunkRows, max(firstChunk, 2*g.table.Len())), rows.Len())
		r := rows.Slice(from, to)
		g.table.Upsert(a.enc.Encode(a.cols, r), &a.refs)
		g.touch(&a.refs)
		a.feed(g, cols, r, retract)
	}
}

// feed adds rows r of a batch, at most chunkRows of them, to their groups in
// a.refs, or takes them out.
func (a *Aggregator) feed(g *Groups, cols []arrow.Array, r colvec.Rows, retract bool) {
	if a.countRows {
		if retract {
			countRows(a.refs.Rows, -1)
		} else {
			countRows(a.refs.Rows, 1)
		}
	}
	for _, l := range a.lanes {
		l.run(g, l.prepare(cols, r, &a.refs), retract)
	}
	for _, d := range a.distincts {
		d.apply(g, cols, r, &a.refs, retract)
	}
	for _, b := range a.bests {
		b.apply(g, cols, r, &a.refs, a.next)
	}
	for _, b := range a.bags {
		b.apply(g, cols, r, &a.refs, a.next, retract)
	}
	for _, f := range a.folds {
		f.apply(g, cols, r, &a.refs, retract)
	}
	a.next += int64(r.Len())
}

// run feeds the vector to the lane's accumulators.
func (l *lane) run(g *Groups, v *vector, retract bool) {
	if len(v.rows) == 0 {
		return
	}
	for _, acc := range l.accs {
		if retract {
			acc.(retractor).retract(g, v)
		} else {
			acc.update(g, v)
		}
	}
}

// Emit gives the key columns and then the results of the calls for groups of g,
// one row each. Errors of results are passed to fail.
func (a *Aggregator) Emit(g *Groups, ids []uint32, alloc memory.Allocator, fail Fail) []arrow.Array {
	a.out = g.table.RowsOf(ids, a.out[:0])
	return a.emitRows(g, alloc, fail)
}

// emitRows is Emit for the rows in a.out.
func (a *Aggregator) emitRows(g *Groups, alloc memory.Allocator, fail Fail) []arrow.Array {
	out := make([]arrow.Array, 0, len(a.keys)+len(a.outputs))
	for i := range a.keys {
		out = append(out, g.table.KeyColumn(i, a.out, alloc))
	}
	for _, o := range a.outputs {
		out = append(out, o.emit(g, a.out, alloc, fail))
	}
	return out
}
