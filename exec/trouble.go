package exec

import (
	"context"
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
// sink, and once more when that has passed. It ends with ctx.
func (j *job) watchTrouble(ctx context.Context) {
	told := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.clock.After(troubleInterval):
		}
		var sources []SourceProgress
		amiss := false
		for _, c := range j.seq.sources {
			s := SourceProgress{Name: c.scan.Source}
			s.report(c.conn)
			sources = append(sources, s)
			amiss = amiss || s.State != ""
		}
		var sinks []SinkProgress
		for _, c := range j.sinks {
			s := SinkProgress{Name: c.op.Name}
			s.report(c)
			sinks = append(sinks, s)
			amiss = amiss || s.State != ""
		}
		if amiss || told {
			j.tell(sources, sinks)
		}
		told = amiss
	}
}

// tell gives the progress of the last commit with the states of now.
func (j *job) tell(sources []SourceProgress, sinks []SinkProgress) {
	if j.cfg.Progress == nil {
		return
	}
	j.progressM.Lock()
	defer j.progressM.Unlock()
	p := j.Progress()
	p.Time, p.RecordsPerSec = j.clock.Now(), 0
	for i, s := range p.Sources { // in the same order
		s.State, s.Lost, s.Lag = sources[i].State, sources[i].Lost, sources[i].Lag
		sources[i] = s
	}
	for i, s := range p.Sinks {
		sinks[i].Rows = s.Rows
	}
	p.Sources, p.Sinks = sources, sinks
	j.cfg.Progress(p)
}
