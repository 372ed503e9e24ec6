package exec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

const (
	// badWindow is the time over which bad records are counted.
	badWindow = time.Minute
	// badSample is the number of records from which on their share is judged.
	badSample = 100
)

// tolerance watches how much of a source or sink is bad.
type tolerance struct {
	planner.BadLimit
	what    string
	samples []badSampling // by time; the first is where the window begins
}

// badSampling are the totals at one commit.
type badSampling struct {
	at      time.Time
	records int64
	bad     []int64 // by branch
}

// TolerateError says that more records or rows are bad than may be. The
// micro-batch is not committed: a job that is started again reads it again.
type TolerateError struct {
	Message string
	Epoch   uint64       // 0: of a SELECT, which commits nothing
	Sample  *op.RowError // an example
}

// Error implements error.
func (e *TolerateError) Error() string {
	s := e.Message
	if e.Epoch > 0 {
		s += fmt.Sprintf("; micro-batch %d was not committed", e.Epoch)
	}
	if r := e.Sample; r != nil {
		s += "\n  such as " + strings.TrimPrefix(r.Position+": "+r.Message, ": ")
		if r.Row != "" {
			s += "\n  row: " + r.Row
		}
	}
	return s + "\n  hint: mend the input or the script, or raise the limit; the job then goes on from its last commit"
}

// watchBad begins to watch what has limits; call it when the counts of earlier
// runs are known.
func (j *attempt) watchBad() {
	for _, l := range j.plan.BadLimits() {
		t := &tolerance{BadLimit: l}
		switch o := l.Node.Op.(type) {
		case *planner.Scan:
			t.what = "source " + o.Source
		case *planner.Sink:
			t.what = "sink " + o.Name
		}
		total := j.base
		if total == nil {
			total = make(counts, len(j.plan.Nodes))
		}
		t.samples = []badSampling{t.sample(j, total, j.seq.cutSources(), j.clock.Now())}
		j.tolerances = append(j.tolerances, t)
	}
	if j.tolerances == nil {
		return
	}
	for _, t := range j.tasks {
		for _, i := range t.insts {
			i.ctx.Sample = func(e *op.RowError) { j.badRow.Store(e) }
		}
	}
}

// sample reads the totals.
func (t *tolerance) sample(j *attempt, total counts, sources []sourceCut, now time.Time) badSampling {
	s := badSampling{at: now, bad: make([]int64, len(t.Branches))}
	for i, b := range t.Branches {
		for _, n := range b.Nodes {
			s.bad[i] += total[n.ID][op.CountBad] + total[n.ID][op.PrePrefix+op.CountBad]
		}
	}
	if _, ok := t.Node.Op.(*planner.Sink); ok {
		s.records = total[t.Node.ID][op.CountIn]
	}
	for i, src := range j.seq.sources {
		if src.node == t.Node {
			for _, sp := range sources[i].Splits {
				s.records += sp.Records
			}
		}
	}
	return s
}

// tolerate gives an error if too much is bad in what is about to be committed.
func (j *attempt) tolerate(c cut) error {
	now := j.clock.Now()
	for _, t := range j.tolerances {
		s := t.sample(j, j.counts, c.sources, now)
		if msg := t.exceeded(s, c.finished, j.counts); msg != "" {
			e := &TolerateError{Message: msg, Sample: j.badRow.Load()}
			if j.store != nil {
				e.Epoch = c.epoch
			}
			return e
		}
		t.keep(s)
	}
	return nil
}

// keep adds the totals of a commit. The window begins at the last ones that are as
// old as it is long.
func (t *tolerance) keep(s badSampling) {
	t.samples = append(t.samples, s)
	for len(t.samples) > 1 && s.at.Sub(t.samples[1].at) >= badWindow {
		t.samples = t.samples[1:]
	}
}

// exceeded says what limit the totals s break, "" if none. At the end of the input
// the share is that of the whole job.
func (t *tolerance) exceeded(s badSampling, last bool, total counts) string {
	from := t.samples[0]
	said := func(bad, records int64, b planner.JudgingBranch) string {
		return fmt.Sprintf("%s: %d bad of %d (for %s; since the job began %s)", t.what, bad, records, b.Name, reasons(b.Nodes, total))
	}
	for i, b := range t.Branches {
		bad, records := s.bad[i]-from.bad[i], s.records-from.records
		// Commits may be further apart than the window.
		minutes := max(1, float64(s.at.Sub(from.at))/float64(badWindow))
		if t.PerMinute > 0 && float64(bad) > float64(t.PerMinute)*minutes {
			return fmt.Sprintf("%s in %s, more than '%s' = %d allows", said(bad, records, b), rounded(s.at.Sub(from.at)), catalog.MaxBadOption, t.PerMinute)
		}
		if last {
			bad, records = s.bad[i], s.records
		}
		if t.Share > 0 && (records >= badSample || last) && float64(bad) > t.Share*float64(records) {
			return fmt.Sprintf("%s, more than '%s' = %g allows", said(bad, records, b), catalog.MaxBadShareOption, t.Share)
		}
	}
	return ""
}

// rounded gives a time for people.
func rounded(d time.Duration) time.Duration { return max(d.Round(time.Second), time.Second) }

// reasons lists the codes of bad rows, since the job began, most frequent first.
func reasons(nodes []*planner.Node, total counts) string {
	by := map[string]int64{}
	for _, n := range nodes {
		for code, v := range badBy(total[n.ID]) {
			by[code] += v
		}
	}
	codes := make([]string, 0, len(by))
	for c := range by {
		codes = append(codes, c)
	}
	slices.SortFunc(codes, func(a, b string) int {
		if by[a] != by[b] {
			return int(by[b] - by[a])
		}
		return strings.Compare(a, b)
	})
	for i, c := range codes {
		codes[i] = fmt.Sprintf("%d %s", by[c], c)
	}
	return strings.Join(codes, ", ")
}

// badBy gives the rows in error of an operator by their code.
func badBy(c op.Counters) map[string]int64 {
	by := map[string]int64{}
	for name, v := range c {
		if code, ok := strings.CutPrefix(strings.TrimPrefix(name, op.PrePrefix), op.BadPrefix); ok {
			by[code] += v
		}
	}
	return by
}
