package exec

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/planner"
)

// troubleInterval is how often a job that something is amiss with says so, since
// commits, which report else, may be what can't be done.
const troubleInterval = time.Second

// setTrouble says what keeps the sink's rows from being shown; "": nothing.
func (s *sink) setTrouble(text string) { s.trouble.Store(&text) }

// report fills in what a source says of itself, if it does.
func (p *SourceProgress) report(conn connectors.Source) {
	if c, ok := conn.(connectors.Reporting); ok {
		r := c.Report()
		p.State, p.Lost = r.State, r.Lost
		if r.Lag >= 0 {
			p.Lag = &r.Lag
		}
	}
}

// report fills in what is amiss with a sink, and what it has lost.
func (p *SinkProgress) report(s *sink) {
	if c, ok := s.conn.(connectors.ReportingSink); ok {
		r := c.Report()
		p.State, p.Lost = r.State, r.Lost
	}
	if t := s.trouble.Load(); t != nil && p.State == "" {
		p.State = *t
	}
}

// watchTrouble reports between commits while something is amiss with a source or a
// sink, or splits are held back and nothing is committed, and once more when that has
// passed. It ends with ctx.
func (j *attempt) watchTrouble(ctx context.Context) {
	before := j.Progress() // of the run before, if the job goes back to its last commit
	told, epoch := before.troubled(), before.Epoch
	last := j.clock.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.clock.After(troubleInterval):
		}
		now := j.clock.Now()
		j.tellJump(last, now)
		last = now
		sources, sinks := j.states()
		committed := j.Progress().Epoch
		amiss := false
		for _, s := range sources {
			amiss = amiss || s.State != "" || len(s.Held) > 0 && committed == epoch
		}
		for _, s := range sinks {
			amiss = amiss || s.State != ""
		}
		if amiss || told {
			j.tell(sources, sinks)
		}
		told, epoch = amiss, committed
	}
}

// minJump is how far a clock must be set to be told of: time servers move it by less
// every day.
const minJump = 2 * time.Second

// tellJump logs that the clock was set between two of its readings: durations are
// right all the same, but not everything goes by them.
func (j *attempt) tellJump(before, now time.Time) {
	jump := (time.Duration(now.UnixNano()-before.UnixNano()) - now.Sub(before)).Round(time.Second)
	switch {
	case jump >= minJump:
		j.log.Warn(fmt.Sprintf("the clock was put ahead by %s: what goes by its date takes that time for passed (windows of PROCTIME(), 'state.ttl' without a watermark)", jump))
	case jump <= -minJump:
		j.log.Warn(fmt.Sprintf("the clock was put back by %s: windows of PROCTIME() and 'state.ttl' without a watermark wait until it is where it was", -jump))
	}
}

// states is what sources and sinks say of themselves right now, of those that have
// been made so far.
func (j *attempt) states() ([]SourceProgress, []SinkProgress) {
	open := j.Job.seq.Load() == j.seq // before, splits are still found and restored
	j.seq.mu.Lock()
	made := slices.Clone(j.seq.sources)
	sources := make([]SourceProgress, len(made))
	for i, s := range made {
		sources[i].Name = s.scan.Source
		if !open {
			continue
		}
		sources[i].Splits = len(s.splits)
		for _, sp := range s.splits {
			if sp.ahead() {
				sources[i].Held = append(sources[i].Held, sp.id)
			}
		}
	}
	conns := slices.Clone(j.sinks)
	j.seq.mu.Unlock()
	for i, s := range made {
		sources[i].report(s.conn)
	}
	sinks := make([]SinkProgress, len(conns))
	for i, s := range conns {
		sinks[i].Name = s.op.Name
		sinks[i].report(s)
	}
	return sources, sinks
}

// tell gives the progress of the last commit with the states of now.
func (j *attempt) tell(sources []SourceProgress, sinks []SinkProgress) {
	j.progressM.Lock()
	defer j.progressM.Unlock()
	p := j.Progress()
	if p.Finished {
		return
	}
	p.Time, p.RecordsPerSec = j.clock.Now(), 0
	p.Sources, p.Sinks = slices.Clone(p.Sources), slices.Clone(p.Sinks)
	// Both are in the order of the plan; while a job starts, not all are made yet.
	for i, now := range sources {
		if i == len(p.Sources) {
			p.Sources = append(p.Sources, now)
		}
		s := &p.Sources[i]
		s.State, s.Lost, s.Lag, s.Held = now.State, now.Lost, now.Lag, now.Held
	}
	for i, now := range sinks {
		if i == len(p.Sinks) {
			p.Sinks = append(p.Sinks, now)
		}
		p.Sinks[i].State, p.Sinks[i].Lost = now.State, now.Lost
	}
	j.last.Store(&p)
	if j.cfg.Progress != nil {
		j.cfg.Progress(p)
	}
}

// troubled says that a source or a sink has something amiss.
func (p *Progress) troubled() bool {
	return slices.ContainsFunc(p.Sources, func(s SourceProgress) bool { return s.State != "" }) ||
		slices.ContainsFunc(p.Sinks, func(s SinkProgress) bool { return s.State != "" })
}

// tellPause gives the progress of the last commit with what has made the job go back
// to it: it waits, and nothing of it runs that could say so.
func (j *Job) tellPause(err error, failures int) {
	p := j.Progress()
	p.Time, p.RecordsPerSec = j.cfg.Env.Clock.Now(), 0
	var sinks []SinkProgress // in the order of the plan
	for _, n := range j.cfg.Plan.Nodes {
		if s, ok := n.Op.(*planner.Sink); ok {
			sinks = append(sinks, SinkProgress{Name: s.Name})
		}
	}
	copy(sinks, p.Sinks)
	p.Sinks = sinks
	for _, e := range sinkErrors(err) {
		i := slices.IndexFunc(sinks, func(s SinkProgress) bool { return s.Name == e.sink })
		if i < 0 {
			continue
		}
		sinks[i].State = fmt.Sprintf("a micro-batch could not be written: %v; attempt %d of %d from the last commit, in %s",
			e.err, failures+2, len(restartPauses)+1, restartPauses[failures])
	}
	j.last.Store(&p)
	if j.cfg.Progress != nil {
		j.cfg.Progress(p)
	}
}

// sinkErrors are the errors of sinks in an error.
func sinkErrors(err error) []*sinkError {
	switch e := err.(type) {
	case *sinkError:
		return []*sinkError{e}
	case interface{ Unwrap() []error }:
		var all []*sinkError
		for _, one := range e.Unwrap() {
			all = append(all, sinkErrors(one)...)
		}
		return all
	case interface{ Unwrap() error }:
		return sinkErrors(e.Unwrap())
	}
	return nil
}
