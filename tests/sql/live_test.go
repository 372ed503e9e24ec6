package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/planner"
)

// liveStart is where the clock of a live case begins.
var liveStart = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// liveStep is a step of a live case: something happens, or must hold, and then
// exactly some net changes have come out.
type liveStep struct {
	line  string
	words []string
	want  []string
}

// liveSteps parses the steps.
func liveSteps(lines []string) ([]liveStep, error) {
	var steps []liveStep
	for _, l := range lines {
		if strings.HasPrefix(l, "+") || strings.HasPrefix(l, "-") {
			if len(steps) == 0 {
				return nil, fmt.Errorf("%q before any step", l)
			}
			s := &steps[len(steps)-1]
			sign, row, _ := strings.Cut(l, "|")
			s.want = append(s.want, strings.TrimSpace(sign)+" | "+normal(row))
			continue
		}
		steps = append(steps, liveStep{line: l, words: strings.Fields(l)})
	}
	return steps, nil
}

// testLive runs a live case with several batch sizes and parallelisms.
func (c *testCase) testLive(t *testing.T, p *planned) {
	steps, err := liveSteps(c.want[0].lines)
	if err != nil {
		t.Fatalf("%s:%d: %v", c.file, c.line, err)
	}
	for _, v := range []variant{{batch: 1, par: 1, splits: 1}, {batch: 2, par: 3, splits: 1}, {batch: 7, par: 2, splits: 1}, {batch: 1000, par: 2, splits: 1}} {
		c.inVariant(t, fmt.Sprintf("batch=%d,par=%d", v.batch, v.par), func(t *testing.T) (_ string, err error) {
			// Within the bubble, Wait returns when every goroutine of the engine
			// has nothing to do: deterministic quiescence, without a timing.
			synctest.Test(t, func(*testing.T) {
				l := &live{c: c, p: p, v: v, feed: c.feed(1), world: newWorld(), clock: clock.NewVirtual(liveStart), net: map[string]int{}}
				for name, s := range l.feed.sources {
					for i := range s.ended {
						s.ended[i] = c.sources[name].static
					}
				}
				err = l.run(steps)
			})
			return "", err
		})
	}
}

// live is a run of a live case.
type live struct {
	c     *testCase
	p     *planned
	v     variant
	feed  *feed
	world *world
	clock *clock.Virtual
	job   *exec.Job
	stop  context.CancelFunc

	mu    sync.Mutex
	net   map[string]int    // changes since the last step
	shown map[string]*table // by sink: as the last step saw it
}

// run does the steps.
func (l *live) run(steps []liveStep) (err error) {
	l.start()
	defer func() {
		l.stop()
		werr := l.job.Wait()
		if err == nil && werr != nil && !errors.Is(werr, context.Canceled) {
			err = fmt.Errorf("the job ended with: %w", werr)
		}
	}()
	synctest.Wait()
	for _, s := range steps {
		if err := l.do(s); err != nil {
			return fmt.Errorf("%s\n%w", s.line, err)
		}
		synctest.Wait()
		select {
		case <-l.job.Done():
			if err := l.job.Wait(); err != nil {
				return fmt.Errorf("%s\nthe job failed: %w", s.line, err)
			}
		default:
		}
		got, err := l.changes()
		if err != nil {
			return fmt.Errorf("%s\n%w", s.line, err)
		}
		if d := diff(s.want, got); d != "" {
			return fmt.Errorf("after the step\n  %s\nwhat came out differs (-want +got):\n%s", s.line, d)
		}
	}
	return nil
}

// start starts the job or SELECT.
func (l *live) start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	plan := l.p.sel
	if plan == nil {
		plan = l.p.job
	}
	cfg := l.world.config(plan, l.p.set, l.feed, l.v)
	cfg.Env = connectors.Env{Clock: l.clock}
	cfg.CommitInterval = l.p.set.Duration(catalog.CommitIntervalKey)
	if l.p.sel != nil {
		cfg.Result = func(b *op.Batch, cols []planner.Column) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, c := range changes(b.N, b.Cols, b.Kinds, func(i int) catalog.Type { return cols[i].Type }) {
				l.count("", c)
			}
			return nil
		}
	}
	l.job = exec.Start(ctx, cfg)
}

// count adds a change to the net.
func (l *live) count(sink string, c change) {
	row := sink + " | " + line(c.cells)
	if c.kind.Adds() {
		l.net[row]++
	} else {
		l.net[row]--
	}
}

// changes gives the net of what came out since it was asked last.
func (l *live) changes() ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.p.sel == nil {
		l.committed()
	}
	var out []string
	for row, n := range l.net {
		sign := "+"
		if n < 0 {
			sign, n = "-", -n
		}
		for range n {
			out = append(out, sign+row)
		}
	}
	clear(l.net)
	slices.Sort(out)
	return out, nil
}

// committed counts what the sinks have shown since it was asked last.
func (l *live) committed() {
	for _, name := range l.p.sinks {
		label := name
		if len(l.p.sinks) == 1 {
			label = ""
		}
		t, err := l.world.fold(name, nil)
		if err != nil {
			l.net[label+" | "+err.Error()]++
			continue
		}
		for row, n := range t.rows {
			l.net[label+" | "+row] += n
		}
		if old := l.shown[name]; old != nil {
			for row, n := range old.rows {
				l.net[label+" | "+row] -= n
			}
		}
		if l.shown == nil {
			l.shown = map[string]*table{}
		}
		l.shown[name] = t
	}
}

// do does one step.
func (l *live) do(s liveStep) error {
	switch w := s.words; w[0] {
	case ">":
		_, text, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(s.line, ">")), " ")
		if !ok {
			return errors.New("> takes a source and a record")
		}
		name, split, _ := strings.Cut(w[1], "/")
		n, _ := strconv.Atoi(split) // none: 0
		return l.feed.add(name, n, parseRecord(text))
	case "clock":
		d, err := time.ParseDuration(strings.TrimPrefix(w[1], "+"))
		if err != nil {
			return err
		}
		for d > 0 {
			step := min(d, time.Second)
			l.clock.Advance(step)
			synctest.Wait()
			d -= step
		}
		return nil
	case "end":
		return l.feed.end(w[1])
	case "table":
		text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(strings.TrimPrefix(s.line, "table")), w[1]))
		return l.feed.replace(w[1], text)
	case "broken":
		l.feed.mu.Lock()
		defer l.feed.mu.Unlock()
		l.feed.sources[w[1]].broken = true
		return nil
	case "warning":
		return l.warned(strings.TrimSpace(strings.TrimPrefix(s.line, "warning")))
	case "kill":
		before := l.world
		l.world = before.crash(l.c.seed(l.v))
		l.stop()
		_ = l.job.Wait() // a ghost's error says nothing
		l.start()
		return nil
	case "restart":
		l.job.Stop()
		if err := l.job.Wait(); err != nil {
			return err
		}
		l.stop()
		l.start()
		return nil
	case "watermark", "idle", "held":
		return l.assert(w)
	}
	return errors.New("no such step")
}

// warned checks what the job warns of; "": nothing.
func (l *live) warned(text string) error {
	got := l.job.Progress().Warnings
	if text == "" && len(got) > 0 || text != "" && (len(got) != 1 || !strings.Contains(got[0], text)) {
		return fmt.Errorf("the job warns of %q", got)
	}
	return nil
}

// assert checks the state of a source.
func (l *live) assert(w []string) error {
	for _, s := range l.job.Sources() {
		if s.Name != w[1] {
			continue
		}
		want, got := strings.Join(w[2:], " "), "none"
		if w[0] == "idle" {
			var idle []string
			for _, sp := range s.BySplit {
				if sp.Idle {
					idle = append(idle, sp.ID)
				}
			}
			got = strings.Join(idle, " ")
		} else if w[0] == "held" {
			got = strings.Join(s.Held, " ")
		} else if s.Watermark != nil {
			got = s.Watermark.Format("2006-01-02 15:04:05.999999")
		}
		if got != want {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	}
	return fmt.Errorf("no source %s", w[1])
}
