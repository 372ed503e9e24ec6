package connectortest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

// SinkColumns are the columns of the rows that TestSink writes: `id`, counted
// from 0, and a text that is made of it.
func SinkColumns() []catalog.Field {
	return []catalog.Field{{Name: "id", Type: catalog.BigInt, NotNull: true}, {Name: "text", Type: catalog.String}}
}

// SinkText is the value of `text` in the row with an id; ok is false for NULL.
func SinkText(id int64) (text string, ok bool) {
	if id%5 == 3 {
		return "", false
	}
	return fmt.Sprintf("row \"%d\"\n", id), true
}

// SinkBatch makes the rows with ids from up to, not including, to.
func SinkBatch(from, to int64) *connectors.Batch {
	id, text := array.NewInt64Builder(memory.DefaultAllocator), array.NewStringBuilder(memory.DefaultAllocator)
	for i := from; i < to; i++ {
		id.Append(i)
		if s, ok := SinkText(i); ok {
			text.Append(s)
		} else {
			text.AppendNull()
		}
	}
	return &connectors.Batch{N: int(to - from), Cols: []arrow.Array{id.NewArray(), text.NewArray()}}
}

// World is the outside world that a sink under test writes to.
type World interface {
	// Sink makes a sink as a new process does.
	Sink(t testing.TB) connectors.Sink
	// Visible gives the ids of the rows that readers see, in any order.
	Visible(t testing.TB) []int64
	// Crash ends the process that has made the sinks so far; with power, the
	// machine with it.
	Crash(power bool, rng *rand.Rand)
}

// SinkTest says what TestSink is to test.
type SinkTest struct {
	// World makes an empty world.
	World func(t testing.TB) World
	// Late says that committed rows may show later, at Close at the latest.
	Late bool
	// AtLeastOnce: rows may show before their commit, and again after a crash.
	AtLeastOnce bool
	// Skew lets a shard write epoch e+1 before another has ended e.
	Skew bool
}

// sinkShards is the number of concurrent writers in TestSink.
const sinkShards = 3

// TestSink drives sinks through the commit protocol, as the engine does, crashes
// them at every step and recovers, and checks all along that no row is visible
// before its epoch is committed (the engine's commit record is there), and at
// the end that each is visible exactly once.
func TestSink(t *testing.T, test SinkTest) {
	t.Run("NoCrash", func(t *testing.T) {
		r := newSinkRun(t, test, 1)
		if r.run(0) {
			t.Fatal("crashed by itself")
		}
		r.checkEnd()
		r.again()
	})
	t.Run("CrashAtEachStep", func(t *testing.T) {
		for step := 1; ; step++ {
			crashed := false
			for seed := range uint64(3) {
				r := newSinkRun(t, test, seed)
				if crashed = r.run(step); !crashed {
					break
				}
				r.world.Crash(seed%2 == 0, r.rng)
				for more := 1 + r.rng.IntN(30); r.run(more); more = 1 + r.rng.IntN(60) {
					r.world.Crash(r.rng.IntN(2) == 0, r.rng)
				}
				r.checkEnd()
				r.again()
			}
			if !crashed {
				if step < 10 {
					t.Fatalf("the protocol has %d steps only", step)
				}
				return
			}
		}
	})
	t.Run("AbortAtEachStep", func(t *testing.T) {
		for step := 1; ; step++ {
			r := newSinkRun(t, test, uint64(step))
			r.abortAt = step
			if r.run(0) {
				t.Fatal("crashed by itself")
			}
			r.checkEnd()
			if r.abortAt > 0 {
				return
			}
		}
	})
	t.Run("DamagedIntent", func(t *testing.T) { damagedIntent(t, test) })
}

// damagedIntent hands a sink intents that no sink has made. Nothing may come of
// it but an error, which for a recovery is final.
func damagedIntent(t *testing.T, test SinkTest) {
	ctx := context.Background()
	w := test.World(t)
	s := w.Sink(t)
	if err := s.Open(ctx, connectors.SinkIdentity{JobID: "job", Sink: "sink"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(ctx, 1, 0, SinkBatch(0, 10)); err != nil {
		t.Fatal(err)
	}
	intent, err := s.Prepare(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(intent) == 0 {
		return
	}
	for cut := 1; cut < len(intent); cut++ {
		if err := s.Commit(ctx, 1, intent[:cut]); err == nil {
			t.Errorf("%d of %d bytes of an intent are taken for one", cut, len(intent))
		}
	}
	if err := s.Commit(ctx, 1, intent); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(ctx, true); err != nil {
		t.Fatal(err)
	}
	if got := w.Visible(t); len(got) != 10 {
		t.Fatalf("%d rows are visible, want 10", len(got))
	}
}

// sinkRun is a job: its durable state and the process that runs it now.
type sinkRun struct {
	t     testing.TB
	test  SinkTest
	world World
	rng   *rand.Rand

	// Durable: the engine's last commit.
	epoch  uint64
	offset int64 // rows covered
	intent []byte

	total   int64
	steps   int
	crashAt int // 0: never
	abortAt int // a step where the job restarts within the process; 0: none
}

func newSinkRun(t testing.TB, test SinkTest, seed uint64) *sinkRun {
	return &sinkRun{t: t, test: test, world: test.World(t), rng: rand.New(rand.NewPCG(seed, 7)), total: 40}
}

type crash struct{}
type restart struct{}

// run is the life of a process: true if it crashed before its end.
func (r *sinkRun) run(crashAt int) (crashed bool) {
	r.steps, r.crashAt = 0, crashAt
	defer func() {
		switch p := recover(); p {
		case nil:
		case crash{}:
			crashed = true
		default:
			panic(p)
		}
	}()
	ctx := context.Background()
	s := r.world.Sink(r.t)
	r.must(s.Open(ctx, connectors.SinkIdentity{JobID: "job", Sink: "sink", Epoch: r.epoch}))
	r.step()
	if r.intent != nil {
		r.must(s.Commit(ctx, r.epoch, r.intent))
		r.step()
		if r.rng.IntN(2) == 0 {
			r.must(s.Commit(ctx, r.epoch, r.intent))
			r.step()
		}
	}
	r.abort(s)
	for r.attempt(s) {
		r.abort(s)
	}
	r.must(s.Close(ctx, true))
	return false
}

func (r *sinkRun) abort(s connectors.Sink) {
	r.must(s.Abort(context.Background(), r.epoch))
	r.step()
	r.checkVisible(r.offset)
}

// step is a point where the process may crash, or the job restart.
func (r *sinkRun) step() {
	r.steps++
	if r.steps == r.crashAt {
		panic(crash{})
	}
}

func (r *sinkRun) restartPoint() {
	r.step()
	if r.abortAt > 0 && r.steps >= r.abortAt {
		r.abortAt = 0
		panic(restart{})
	}
}

// attempt reads the source from the last commit to its end; true if the job is
// to be restarted on the way.
func (r *sinkRun) attempt(s connectors.Sink) (again bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case restart{}:
			again = true
		default:
			panic(p)
		}
	}()
	ctx := context.Background()
	read := r.offset // rows of the source read so far
	for empty := 0; r.offset < r.total; {
		e := r.epoch + 1
		size := int64(r.rng.IntN(12))
		if size < 3 && empty < 2 {
			size, empty = 0, empty+1
		}
		end := max(read, min(r.total, r.offset+size))
		r.write(s, e, r.offset, &read, end)
		end = read
		if r.test.Skew && r.rng.IntN(2) == 0 {
			// Shard 0 is ahead: the rows of e that are still to come are written by 1.
			late := min(r.total, end+2)
			early := min(r.total, late+3)
			r.must(s.Write(ctx, e+1, 0, SinkBatch(late, early)))
			r.restartPoint()
			r.must(s.Write(ctx, e, 1, SinkBatch(end, late)))
			end, read = late, early
		}
		intent, err := s.Prepare(ctx, e)
		r.must(err)
		r.restartPoint()
		r.checkVisible(r.offset)
		ahead := min(r.total, read+int64(r.rng.IntN(4)))
		r.write(s, e+1, read, &read, ahead)
		r.restartPoint()
		r.epoch, r.offset, r.intent = e, end, intent
		r.step()
		if intent != nil {
			for range 1 + r.rng.IntN(2) {
				r.must(s.Commit(ctx, e, intent))
				r.step()
			}
		}
		r.checkVisible(end)
		if !r.test.Late && !r.test.AtLeastOnce {
			if got := r.world.Visible(r.t); int64(len(got)) != end {
				r.t.Fatalf("after commit %d: %d rows are visible, want %d", e, len(got), end)
			}
		}
		read = max(read, ahead)
	}
	return false
}

// write writes rows from *read on, in batches from all shards.
func (r *sinkRun) write(s connectors.Sink, epoch uint64, from int64, read *int64, end int64) {
	for at := max(from, *read); at < end; {
		next := min(end, at+1+int64(r.rng.IntN(4)))
		r.must(s.Write(context.Background(), epoch, r.rng.IntN(sinkShards), SinkBatch(at, next)))
		at = next
		*read = at
		r.restartPoint()
	}
}

func (r *sinkRun) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("seed step %d, epoch %d: %v", r.steps, r.epoch, err)
	}
}

// checkVisible: rows from committed on must not be seen, none twice.
func (r *sinkRun) checkVisible(committed int64) {
	r.t.Helper()
	if r.test.AtLeastOnce {
		return
	}
	ids := r.world.Visible(r.t)
	slices.Sort(ids)
	for i, id := range ids {
		if id >= committed {
			r.t.Fatalf("row %d is visible, but only %d rows are committed", id, committed)
		}
		if i > 0 && ids[i-1] == id {
			r.t.Fatalf("row %d is visible twice", id)
		}
	}
}

// checkEnd: every row, once.
func (r *sinkRun) checkEnd() {
	r.t.Helper()
	ids := r.world.Visible(r.t)
	slices.Sort(ids)
	if r.test.AtLeastOnce {
		ids = slices.Compact(ids)
	}
	for i := range r.total {
		if i >= int64(len(ids)) || ids[i] != i {
			r.t.Fatalf("row %d is missing or another twice: %v", i, ids)
		}
	}
	if int64(len(ids)) != r.total {
		r.t.Fatalf("%d rows, want %d", len(ids), r.total)
	}
}

// again runs the finished job once more: it recovers its last commit and adds
// nothing.
func (r *sinkRun) again() {
	r.t.Helper()
	if r.run(0) {
		r.t.Fatal("crashed by itself")
	}
	r.checkEnd()
}
