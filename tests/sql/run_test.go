package sql

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/internal/crashfs"
	"github.com/streamsql/streamsql/planner"
)

// epochTime is where the clock of every run stands: after all the records of
// the tests that say nothing else.
var epochTime = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// runTimeout ends a run that hangs.
const runTimeout = 20 * time.Second

// world is what a job leaves traces in: its state and its sinks, and what the
// harness has noted of its commits.
type world struct {
	fs   *crashfs.FS
	out  *outside
	mu   sync.Mutex
	last exec.Progress
	// cuts are the sources as of commits, by epoch.
	cuts  map[uint64][]exec.SourceProgress
	ended map[string]bool // splits whose end was seen, by source/split
	gone  bool            // crashed: nothing is noted any more
	// doubt: there was a crash, whose last commit may have seen the end of a split
	// without being noted. all says how many records splits have, by source/split.
	doubt bool
	all   map[string]int64
}

func newWorld() *world {
	return &world{fs: crashfs.New(), out: newOutside(), cuts: map[uint64][]exec.SourceProgress{}, ended: map[string]bool{}}
}

// note takes down a commit.
func (w *world) note(p exec.Progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return
	}
	w.last = p
	for _, s := range p.Sources {
		for _, sp := range s.BySplit {
			id := s.Name + "/" + sp.ID
			if !sp.Ended && (w.ended[id] || w.doubt && sp.Records >= w.all[id]) {
				// A new run looks at the ends again. Until it has, what has come
				// out is that of no prefix.
				return
			}
			w.ended[id] = sp.Ended
		}
	}
	w.cuts[p.Epoch] = p.Sources
}

// crash gives the world as the crash leaves it. The old one goes on, unseen.
func (w *world) crash(rng *rand.Rand) *world {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
	return &world{
		out: w.out.crash(), last: w.last, cuts: w.cuts, ended: w.ended, doubt: true, all: w.all,
		fs: w.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng}),
	}
}

// config is that of a run in this world.
func (w *world) config(p *planner.Plan, set *catalog.Settings, f *feed, v variant) exec.Config {
	w.all = f.counts()
	cfg := exec.Config{
		Plan: p, Connectors: registry(f, w.out), StateDir: "state", StateFS: w.fs,
		Env:         connectors.Env{Clock: clock.NewVirtual(epochTime)},
		Parallelism: v.par, BatchRows: v.batch, BarrierEvery: int64(v.barrier),
		Trigger: set.Trigger(), Hold: set.Get(catalog.EndKey) == "hold", Progress: w.note,
	}
	switch v.order {
	case "up":
		cfg.ReadRank = func(source, split string) int { return rank(source, split) }
	case "down":
		cfg.ReadRank = func(source, split string) int { return -rank(source, split) }
	}
	return cfg
}

// rank orders splits by source, then number.
func rank(source, split string) int {
	r := 0
	for _, b := range []byte(source + "/")[:min(len(source)+1, 6)] {
		r = r<<8 | int(b)
	}
	return r<<4 | int(split[len(split)-1]-'0')
}

// run runs a job to its end.
func run(cfg exec.Config) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), runTimeout, errors.New("the run hangs"))
	defer cancel()
	job := exec.Start(ctx, cfg)
	err := job.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("%w; the sources: %+v", context.Cause(ctx), job.Sources())
	}
	return err
}

// feed gives the sources of a case their records, dealt out to n splits.
func (c *testCase) feed(n int) *feed {
	f := newFeed()
	for name, in := range c.sources {
		f.set(name, in.dealt(n), !in.live)
		f.sources[name].static = in.static || in.lookup
	}
	return f
}

// prefix is a feed of the first half of every split, which ends there. Static
// tables are whole.
func (f *feed) prefix() *feed {
	p := newFeed()
	for name, s := range f.sources {
		var splits [][]record
		for _, sp := range s.splits {
			if !s.static {
				sp = sp[:len(sp)/2]
			}
			splits = append(splits, sp)
		}
		p.set(name, splits, true)
		p.sources[name].static = s.static
	}
	return p
}

// counts says how many records splits have, by source/split.
func (f *feed) counts() map[string]int64 {
	n := map[string]int64{}
	for name, s := range f.sources {
		for i, sp := range s.splits {
			n[fmt.Sprintf("%s/%d", name, i)] = int64(len(sp))
		}
	}
	return n
}

// seed makes chance depend on the case and the variant alone.
func (c *testCase) seed(v variant) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s:%s %s", c.file, c.sql, v)
	return rand.New(rand.NewPCG(h.Sum64(), 0))
}

// faultPoints are where a run may crash.
var faultPoints = []string{
	"before-barrier", "after-barrier", "before-prepare", "after-prepare",
	"before-store", "after-store", "before-sink-commit", "after-commit",
}

// runJob runs the INSERTs of a case as the variant says, to the end of input,
// and gives the world after it. how says what the cut was.
func (c *testCase) runJob(plan *planner.Plan, set *catalog.Settings, v variant) (w *world, how string, err error) {
	w, rng, f := newWorld(), c.seed(v), c.feed(v.splits)
	cfg := w.config(plan, set, f, v)
	switch v.cut {
	case killCut, scaleCut:
		point, nth := faultPoints[rng.IntN(len(faultPoints))], 1+rng.IntN(f.count()/v.barrier+1)
		after, err := w.kill(cfg, rng, point, nth)
		if after == nil && err == nil {
			// There are fewer commits, or this one has no rows.
			w, point, nth = newWorld(), "after-barrier", 1
			after, err = w.kill(w.config(plan, set, f, v), rng, point, nth)
		}
		how = fmt.Sprintf("killed %s of commit %d", point, nth)
		if after == nil {
			return w, how + " (which never came)", errors.Join(err, errNoKill)
		}
		w = after
		if v.cut == scaleCut {
			v.par, v.batch = v.par%3+1, max(1, 14/v.batch)
			how += fmt.Sprintf(", then par=%d,batch=%d", v.par, v.batch)
		}
	case stopCut:
		cfg.MaxRows = int64(1 + rng.IntN(max(1, f.count())))
		how = fmt.Sprintf("stopped after every %d records", cfg.MaxRows)
		for range f.count()/int(cfg.MaxRows) + 1 {
			if err := run(cfg); err != nil {
				return w, how, ignoreFinished(err)
			}
		}
	case holdCut:
		how = "held after half of every split"
		first := w.config(plan, set, f.prefix(), v)
		first.Hold = true
		first.Progress = func(p exec.Progress) {
			// What ends here goes on later: the end is not one of time.
			for _, s := range p.Sources {
				for i := range s.BySplit {
					s.BySplit[i].Ended = false
				}
			}
			w.note(p)
		}
		if err := run(first); err != nil {
			return w, how, err
		}
	}
	return w, how, ignoreFinished(run(w.config(plan, set, f, v)))
}

func ignoreFinished(err error) error {
	if errors.Is(err, exec.ErrFinished) {
		return nil
	}
	return err
}

var errNoKill = errors.New("the job ended before the crash")

// kill runs a job until a crash at some point of its nth commit, and gives the
// world after it; nil if that did not come.
func (w *world) kill(cfg exec.Config, rng *rand.Rand, point string, nth int) (after *world, err error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), runTimeout, errors.New("the run hangs"))
	defer cancel()
	var mu sync.Mutex
	count := 0
	cfg.Fault = func(p string) {
		mu.Lock()
		defer mu.Unlock()
		if p != point || after != nil {
			return
		}
		if count++; count == nth {
			after = w.crash(rng)
			cancel()
		}
	}
	err = exec.Start(ctx, cfg).Wait()
	switch {
	case after != nil:
		return after, nil // what becomes of the ghost is of no account
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, err
}

// runSelect runs a SELECT and gives its rows in the order in which they come.
func (c *testCase) runSelect(plan *planner.Plan, set *catalog.Settings, v variant) (rows []change, w *world, err error) {
	w = newWorld()
	cfg := w.config(plan, set, c.feed(v.splits), v)
	cfg.Result = func(b *op.Batch, cols []planner.Column) error {
		rows = append(rows, changes(b.N, b.Cols, b.Kinds, func(i int) catalog.Type { return cols[i].Type })...)
		return nil
	}
	err = run(cfg)
	return rows, w, err
}
