package exec

import (
	"runtime/metrics"
	"strings"
	"time"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/statestore"
)

// Progress is the state of a job at a commit; between commits, the same with what
// sources and sinks say of themselves since. Counts are since the job began, earlier
// runs included, unless said otherwise.
type Progress struct {
	Job   string    `json:"job,omitempty"`
	Epoch uint64    `json:"epoch"` // the micro-batch committed last; 0 before the first of this run
	Time  time.Time `json:"time"`
	// Records read in this run, and per second since the last report.
	RunRecords    int64   `json:"run_records"`
	RecordsPerSec float64 `json:"records_per_second"`
	// Late and Bad rows, over all operators.
	Late int64 `json:"late"`
	Bad  int64 `json:"bad"`
	// BadBy are the bad rows by error code.
	BadBy map[string]int64 `json:"bad_by,omitempty"`
	// StateRows and StateBytes are what the operators hold in memory, without
	// indexes; DiskBytes is the size of the whole state on disk.
	StateRows  int64 `json:"state_rows"`
	StateBytes int64 `json:"state_bytes"`
	DiskBytes  int64 `json:"disk_bytes"`
	// CommitMillis is the time from barrier to commit, StallMillis what the
	// slowest shard stood still for it.
	CommitMillis float64 `json:"commit_ms"`
	StallMillis  float64 `json:"stall_ms"`
	// QueueBytes is the most that has waited between the sources and the operators
	// in this run.
	QueueBytes int64 `json:"queue_bytes"`
	// Allocs is the number of heap objects that the process has allocated so
	// far: a sign of work per row where there should be none.
	Allocs   uint64 `json:"allocs"`
	Finished bool   `json:"finished,omitempty"`
	// Warnings tell of what does not stop the job but should be seen to, as long as it
	// lasts: a static table that could not be read again.
	Warnings []string `json:"warnings,omitempty"`

	Sources   []SourceProgress   `json:"sources"`
	Operators []OperatorProgress `json:"operators"`
	Sinks     []SinkProgress     `json:"sinks"`
}

// SourceProgress is the state of one source.
type SourceProgress struct {
	Name    string `json:"name"`
	Records int64  `json:"records"`
	Splits  int    `json:"splits"`
	Ended   bool   `json:"ended,omitempty"`
	// Watermark is nil before the first row and after the end of all input.
	Watermark *time.Time `json:"watermark,omitempty"`
	// State says what is amiss, if anything is (a broker that does not answer); Lost
	// counts records that were gone before they could be read; Lag those that are
	// there and not read yet, nil if the source can't tell.
	State string `json:"state,omitempty"`
	Lost  int64  `json:"lost,omitempty"`
	Lag   *int64 `json:"lag,omitempty"`
	// Held are the splits that are not read now, for they are too far ahead of
	// others in time (watermark alignment).
	Held []string `json:"held,omitempty"`
	// BySplit are the splits, by ID.
	BySplit []SplitProgress `json:"-"`
}

// SplitProgress is the state of one split.
type SplitProgress struct {
	ID      string
	Records int64 // bad ones too
	Idle    bool  // out of the watermark's minimum, by IDLE TIMEOUT
	Held    bool  // not read now, for it is too far ahead of others: watermark alignment
	Ended   bool
}

// Sources is the state of the sources right now, between commits; nil before
// they are open.
func (j *Job) Sources() []SourceProgress {
	q := j.seq.Load()
	if q == nil {
		return nil
	}
	q.mu.Lock()
	cuts := q.cutSources()
	q.mu.Unlock()
	return sourceProgress(q.sources, cuts)
}

func sourceProgress(sources []*source, cuts []sourceCut) []SourceProgress {
	out := make([]SourceProgress, len(cuts))
	for i, s := range cuts {
		p := SourceProgress{Name: s.Name, Splits: len(s.Splits), Ended: s.Ended}
		for _, x := range s.Splits {
			p.Records += x.Records
			p.BySplit = append(p.BySplit, SplitProgress{ID: x.ID, Records: x.Records, Idle: x.idle, Held: x.ahead, Ended: x.Ended})
			if x.ahead {
				p.Held = append(p.Held, x.ID)
			}
		}
		if sources[i].scan.Watermark != nil && s.Watermark != op.MinTime && s.Watermark != op.MaxTime {
			t := time.UnixMicro(s.Watermark).UTC()
			p.Watermark = &t
		}
		p.report(sources[i].conn)
		out[i] = p
	}
	return out
}

// OperatorProgress is the state of one operator.
type OperatorProgress struct {
	Node   int         `json:"node"`
	Name   string      `json:"name"`   // WindowAgg, Filter, ...
	Detail string      `json:"detail"` // as in EXPLAIN, cut if long
	Counts op.Counters `json:"counts"`
	// StateRows are the rows of its state, MemoryBytes and DiskBytes its size; 0
	// without one.
	StateRows   int64 `json:"state_rows,omitempty"`
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	DiskBytes   int64 `json:"disk_bytes,omitempty"`
	// BusiestShard is the share of the rows taken in this run that the busiest shard
	// took, of an operator that is spread by keys over several shards: near 1, a key
	// has most rows.
	BusiestShard float64 `json:"busiest_shard,omitempty"`
	// BusyMillis is the time that all shards were at work in it, without the
	// operators above it; of Config.Measure only.
	BusyMillis float64 `json:"busy_ms,omitempty"`
}

// SinkProgress is the state of one sink.
type SinkProgress struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
	// State says what is amiss, if anything is; Lost counts rows that were committed
	// and could not be shown, in this run.
	State string `json:"state,omitempty"`
	Lost  int64  `json:"lost,omitempty"`
}

// report makes the progress of a commit that has just been done.
func (j *attempt) report(c cut, cuts []*shardCut, start, barrier time.Time) {
	now := j.clock.Now()
	p := Progress{
		Job: j.plan.Job, Epoch: c.epoch, Time: now, Finished: c.finished,
		CommitMillis: millis(now.Sub(start)),
	}
	for _, t := range j.tables {
		if why := t.failed.Load(); why != nil {
			p.Warnings = append(p.Warnings, *why)
		}
	}
	for _, s := range j.sinks {
		cs := j.counts[s.node.ID]
		sp := SinkProgress{Name: s.op.Name, Rows: cs[op.CountIn] - cs[op.CountBad]}
		sp.report(s)
		p.Sinks = append(p.Sinks, sp)
	}
	p.StallMillis = millis(stall(cuts))
	p.Sources = sourceProgress(j.seq.sources, c.sources)
	var disk map[statestore.OperatorID]int64
	if j.store != nil {
		p.DiskBytes = int64(j.store.Metrics().DiskBytes)
		disk = j.store.OperatorBytes()
	}
	for i, n := range j.plan.Nodes {
		cs := j.counts[i]
		busy := j.busy(i)
		if len(cs) == 0 && busy == 0 {
			continue
		}
		p.Late += cs[op.CountLate] + cs[op.PrePrefix+op.CountLate]
		p.Bad += cs[op.CountBad] + cs[op.PrePrefix+op.CountBad]
		for code, v := range badBy(cs) {
			if p.BadBy == nil {
				p.BadBy = map[string]int64{}
			}
			p.BadBy[code] += v
		}
		p.StateRows += cs[op.CountHeld] + cs[op.CountKept]
		p.StateBytes += cs[op.CountMemory]
		p.Operators = append(p.Operators, OperatorProgress{
			Node: i, Name: n.Name(), Detail: shorten(n.Detail), Counts: cs,
			StateRows: cs[op.CountHeld] + cs[op.CountKept], MemoryBytes: cs[op.CountMemory], DiskBytes: disk[statestore.OperatorID(n.StateID)], BusyMillis: millis(busy),
			BusiestShard: j.busiest[i],
		})
	}
	j.seq.mu.Lock()
	p.RunRecords = j.seq.records
	j.seq.mu.Unlock()
	if d := now.Sub(j.lastTime).Seconds(); d > 0 {
		p.RecordsPerSec = float64(p.RunRecords-j.lastRows) / d
	}
	j.lastRows, j.lastTime = p.RunRecords, now
	p.QueueBytes = j.reader.peak.Load()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(sample)
	p.Allocs = sample[0].Value.Uint64()
	j.progressM.Lock()
	defer j.progressM.Unlock()
	j.last.Store(&p)
	if j.cfg.Progress != nil {
		j.cfg.Progress(p)
	}
}

// shorten cuts a text for progress.
func shorten(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
