package op

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// The ends of time, as watermarks.
const (
	MinTime int64 = math.MinInt64
	MaxTime int64 = math.MaxInt64
)

// Operator transforms batches. The runtime calls it from one goroutine at a
// time. Calls that emit do so through out, during the call.
type Operator interface {
	// Process takes a batch on an input.
	Process(input int, b *Batch, out Output) error
	// Advance says that an input's watermark has risen to w: no row with a
	// smaller W will come on it.
	Advance(input int, w int64, out Output) error
	// End says that an input has ended for good; Advance(input, MaxTime) came
	// before it.
	End(input int, out Output) error
	// Close releases memory.
	Close()
}

// Flusher is implemented by operators that collect changes before they emit
// them: an aggregate without a window emits each key's change once, however many
// rows touched it. Flush is called before each barrier, at the end of an input,
// and when the shard has nothing else to do.
type Flusher interface {
	// Flush emits what has been collected. settled says that the result stands
	// now (a barrier over unbounded input): rows in error are judged.
	Flush(settled bool, out Output) error
}

// Clocked is implemented by operators that do something by the clock.
type Clocked interface {
	// Tick says what the clock reads, at the same place among the rows on all
	// shards. It comes with each source batch, and every Period or more often.
	Tick(now time.Time, out Output) error
	// Period is how exactly the operator wants to know; 0: not at all.
	Period() time.Duration
}

// Balanced is implemented by operators whose counters must add up.
type Balanced interface {
	// Balance checks the counts of all shards since the job began; it gives the
	// equation that does not hold, with its numbers, or "".
	Balance(c Counters) string
}

// Gauges is implemented by operators with counts of what they hold now.
type Gauges interface {
	// Gauges sets them in c. It is called right after Freeze.
	Gauges(c Counters)
}

// Selector is implemented by operators that can take some rows of a batch.
type Selector interface {
	// ProcessSelected is Process for the rows sel of b, ascending.
	ProcessSelected(input int, b *Batch, sel []int32, out Output) error
}

// Stateful operators keep state over micro-batches.
type Stateful interface {
	Operator
	// Freeze captures what changed since the last Freeze. It runs on the
	// operator's goroutine while the data waits, so it copies and leaves the
	// encoding to Frozen.Write.
	Freeze(cut statestore.Cut) (Frozen, error)
	// Restore loads the state of the last commit, before the first Process.
	Restore(r *Restore) error
	// Layout says how the state is laid out in the store: the operator's own name
	// for it with a version, and that of what it is made of. State of another
	// layout is refused before Restore, so whoever changes what Freeze writes
	// raises a version.
	Layout() string
}

// Frozen is state captured at a barrier.
type Frozen interface {
	// Write encodes it into the commit. It runs on another goroutine, beside
	// the operator.
	Write(w *statestore.ShardWriter) error
}

// Restore says where an operator finds its state.
type Restore struct {
	Store    *statestore.Store
	Operator statestore.OperatorID
	// Groups are the key groups of this shard; Shard its number.
	Groups statestore.KeyGroups
	Shard  int
	// Same says that the state was written by as many shards as there are now:
	// stored shard Shard has just this operator's rows. Else it must read all
	// Stored shards, keep the rows of Groups, and write everything at its next
	// Freeze.
	Same   bool
	Stored int
	// Ended says that the operator's input had ended for good by the commit, so
	// that what it says at the end has been said. It will be told again.
	Ended bool
}

// Owns says whether the shard owns the rows of a key group. Without keys all rows
// are on shard 0, wherever the group of the empty key may be.
func (r *Restore) Owns(keys []int) func(group int) bool {
	if len(keys) == 0 {
		return func(int) bool { return r.Shard == 0 }
	}
	return r.Groups.Contains
}

// EachTable calls f with the tables that the operator's state is to be built from:
// if Same, its own one, to go on with; else those of all stored shards, one after
// the other, to take the rows of its Groups out of.
func (r *Restore) EachTable(f func(shard int, st *table.Table) error) error {
	from, to, load := 0, r.Stored, table.LoadSource
	if r.Same {
		from, to, load = r.Shard, r.Shard+1, table.Load
	}
	for shard := from; shard < to; shard++ {
		st, err := load(r.Store, r.Operator, shard)
		if err != nil {
			return err
		}
		if err := f(shard, st); err != nil {
			return err
		}
	}
	return nil
}

// Output takes what an operator emits.
type Output interface {
	// Emit hands on rows; the caller still owns b after the call.
	Emit(port planner.Port, b *Batch) error
	// EmitSelected hands on the rows sel of b (ascending), without copying them
	// where the consumer can work on a selection.
	EmitSelected(port planner.Port, b *Batch, sel []int32) error
	// Watermark says that the main output's watermark has risen to w.
	Watermark(w int64) error
	// End says that the output has ended.
	End() error
}

// Counter names of an operator, as progress and accounting use them.
const (
	CountIn         = "in"          // rows taken
	CountOut        = "out"         // rows emitted on the main port; of a sink: taken by its target
	CountFiltered   = "filtered"    // rows a predicate dropped
	CountBad        = "bad"         // rows in error, skipped or sent to dead letters
	CountAdded      = "added"       // further rows of one input row
	CountNoTime     = "no_time"     // rows without time, dropped by a window
	CountPairs      = "pairs"       // (row, window) pairs of the assigned rows
	CountLate       = "late"        // late rows, or late (row, window) pairs
	CountApplied    = "applied"     // rows put into state
	CountClosed     = "closed"      // pairs in windows that have fired
	CountOpen       = "open"        // pairs in windows still open (a gauge)
	CountHeld       = "held"        // rows in state (a gauge)
	CountKept       = "kept"        // rows of state that are none of those held: counters of keys, rows that came out and are still seen (a gauge)
	CountMemory     = "memory"      // bytes of state in memory (a gauge)
	CountReleased   = "released"    // rows that have left state
	CountUnmatched  = "unmatchable" // rows with a NULL key or time
	CountCancelled  = "cancelled"   // retractions, and the rows that they have removed
	CountTTLDropped = "ttl_dropped" // retractions of expired keys
	CountUnknown    = "unknown"     // deletions of keys that have no row

	// Of lookups, by the different keys of each batch.
	CountCacheHits   = "cache_hits"   // keys whose rows were in the cache
	CountCacheMisses = "cache_misses" // keys that were looked up in the table
	CountTableBad    = "table_bad"    // rows of the table that were dropped as bad
)

// PrePrefix marks the counts of the half of an operator that runs before its
// exchange, among those of the whole operator.
const PrePrefix = "pre."

// Counters are an operator instance's counts. An instance has its own, so they
// need no lock; the runtime adds them up at barriers.
type Counters map[string]int64

// Equal is the equation want = the sum of got, for Balanced: "" if it holds.
func (c Counters) Equal(want string, got ...string) string {
	sum := int64(0)
	terms := make([]string, len(got))
	for i, g := range got {
		sum += c[g]
		terms[i] = fmt.Sprintf("%s %d", g, c[g])
	}
	if c[want] == sum {
		return ""
	}
	return fmt.Sprintf("%s %d is not %s", want, c[want], strings.Join(terms, " + "))
}

// Context is what an operator may use.
type Context struct {
	Alloc memory.Allocator
	Zone  *time.Location
	// Now is the clock's reading for the current source batch.
	Now func() time.Time
	// BatchRows is the wished number of rows of emitted batches.
	BatchRows int
	// Shards is the number of shards, ShardOf the one that owns a key group.
	Shards  int
	ShardOf func(group int) int
	// Counters are the operator's own.
	Counters Counters
	// Satisfied says that the operator needs no more input; nil: nobody asks.
	Satisfied func()
	// Sample takes an example of the rows in error that are not errors of the job;
	// nil: nobody asks.
	Sample func(*RowError)
	// Job and Branch (the sink that the rows lead to) name the place in dead
	// letters.
	Job, Branch string
	Node        *planner.Node
}

// RowError stops a job: a row that an operator with ErrorFail can't take.
type RowError struct {
	Code     string // OUT_OF_RANGE, DIVISION..., MALFORMED_RECORD
	Message  string
	Position string // "orders.ndjson:17"; "" where the record is not known any more
	Row      string // the row, as JSON
	Where    string // the operator
}

// Error implements error.
func (e *RowError) Error() string {
	s := e.Message
	if e.Position != "" {
		s = e.Position + ": " + s
	}
	if e.Where != "" {
		s += " (in " + e.Where + ")"
	}
	if e.Row != "" {
		s += fmt.Sprintf("\n  row: %s", e.Row)
	}
	switch {
	case strings.HasPrefix(e.Where, "source "):
		return s + "\n  hint: 'on-error' = 'skip' or 'dead-letter' on the source lets the job go on without such records"
	case strings.HasPrefix(e.Where, "sink "):
		return s + "\n  hint: 'on-error' = 'skip' or 'dead-letter' on the sink, or on the source, lets the job go on without such rows"
	}
	return s + "\n  hint: 'on-error' = 'skip' or 'dead-letter' on the source, or SET 'expression.on-error', lets the job go on without such rows"
}
