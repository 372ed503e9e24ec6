package exec

import (
	"context"
	"slices"
	"time"

	"github.com/streamsql/streamsql/connectors"
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
func (j *job) watchTrouble(ctx context.Context) {
	told, epoch := false, j.Progress().Epoch
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.clock.After(troubleInterval):
		}
		sources, sinks := j.states()
		last := j.Progress().Epoch
		amiss := false
		for _, s := range sources {
			amiss = amiss || s.State != "" || len(s.Held) > 0 && last == epoch
		}
		for _, s := range sinks {
			amiss = amiss || s.State != ""
		}
		if amiss || told {
			j.tell(sources, sinks)
		}
		told, epoch = amiss, last
	}
}

// states is what sources and sinks say of themselves right now, of those that have
// been made so far.
func (j *job) states() ([]SourceProgress, []SinkProgress) {
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
func (j *job) tell(sources []SourceProgress, sinks []SinkProgress) {
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
