package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// mergeBlock is the number of records of a split that the fixed merge takes at
// a time. Part of the semantics: never to be changed.
const mergeBlock = 4096

// source is one Scan (or Values) of the plan while it runs.
type source struct {
	index  int
	node   *planner.Node
	scan   *planner.Scan
	conn   connectors.Source
	splits []*split // by ID
	// Programs of the watermark clause; nil without one. Evaluators are made
	// per task.
	wmark *expr.Program

	// watermark is the source's watermark: the minimum over the splits that are
	// not idle. It never falls.
	watermark int64
	ended     bool
	// lastAllEmpty is when a poll last found every split empty; it drives the
	// watermark while all splits are idle.
	lastAllEmpty time.Time
	allIdle      bool
	dynamic      bool       // unbounded: Splits is asked again
	restored     int64      // records read in earlier runs
	missing      error      // what is not there that the source is told to read
	align        *alignment // nil: its splits go at their own pace
}

// split is one split while it is read. Its fields are guarded by the
// sequencer's lock, save reader, which belongs to whoever has set busy.
type split struct {
	source  *source
	id      string
	bounded bool
	reader  connectors.SplitReader

	// Reading side.
	busy     bool
	eof      bool
	fetched  int64 // records fetched
	nextNum  int64 // number of the next chunk to fetch
	lastData time.Time
	told     time.Time // lastData when its silence was told of
	quiet    time.Time // since when it has had nothing whenever it was asked; zero: it had
	empty    bool      // the last Fetch had nothing, and nobody said to ask again
	tells    bool      // its reader says when there may be something again
	polledAt time.Time // when it was last asked again without that
	asked    int       // counts requests to ask again, so that none is lost during a Fetch
	dry      bool      // a Fetch had nothing since the trigger's gate was opened
	held     bool      // and that for a limit of the source, not for want of records
	found    bool      // it appeared after the job had begun
	number   int64     // its place among the source's splits, which stays what it is
	place    int64     // what order gives; -1: not asked yet

	// Sequencing side.
	parked  map[int64]*chunk // decoded, waiting for their turn
	seqNum  int64            // number of the next chunk to sequence
	records int64            // records sequenced
	added   int64            // rows sequenced beyond one a record; negative if there are fewer
	offset  connectors.Offset
	w       int64 // greatest watermark value so far, or the floor
	idle    bool
	ended   bool
}

// chunk is a run of records on its way from a split to the shards.
type chunk struct {
	split *split
	num   int64
	raw   connectors.Chunk
	recs  *connectors.Records
	now   time.Time // the clock when it was read

	// wvals are the rows' watermark values (MinTime: raises nothing); nil
	// without a watermark. times are the time attributes; minTime their least.
	wvals   []int64
	minTime int64
	maxW    int64
	skewed  []int32 // rows

	// Set by the sequencer.
	seq   int64
	epoch uint64
	baseW int64   // the split's W before the first record
	first int64   // number of the first record within the split
	order int64   // of the split among all, by source name and split
	marks []int64 // all sources' watermarks after this chunk
	bytes int
}

// fail wraps an error of a source so that it names it.
func (s *source) fail(err error) error {
	var row *op.RowError
	if errors.As(err, &row) {
		return err
	}
	return fmt.Errorf("source %s: %w", s.scan.Source, err)
}

// fetch claims the next chunk of the split; the caller has set busy. A nil
// chunk without error means that there is nothing now; io.EOF that it has ended,
// connectors.ErrPending and ErrHeld what they say.
func (sp *split) fetch(ctx context.Context, max connectors.Limits) (connectors.Chunk, error) {
	c, err := sp.reader.Fetch(ctx, max)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, connectors.ErrPending) || errors.Is(err, connectors.ErrHeld) {
			return nil, err
		}
		return nil, sp.source.fail(err)
	}
	return c, nil
}

// watermarker evaluates a source's watermark clause for one task.
type watermarker struct {
	eval *expr.Evaluator
}

// decode turns the chunk's bytes into columns and evaluates the watermark
// clause. It touches nothing but the chunk.
func (c *chunk) decode(alloc memory.Allocator, wm *watermarker) error {
	recs, err := c.raw.Decode(alloc)
	if err != nil {
		return c.split.source.fail(err)
	}
	c.recs = recs
	c.ofKeys()
	c.minTime, c.maxW = op.MaxTime, op.MinTime
	src := c.split.source
	if src.scan.Watermark == nil {
		return nil
	}
	out, _, err := wm.eval.Eval(c.now, recs.Cols, recs.N, nil)
	if err != nil {
		return src.fail(err)
	}
	defer func() {
		for _, a := range out {
			a.Release()
		}
	}()
	c.scanTimes(out[0].(*array.Timestamp), out[1].(*array.Timestamp), src.scan.Watermark)
	return nil
}

// ofKeys forgives what does not fit in records that delete by key: nothing but the
// key is looked at.
func (c *chunk) ofKeys() {
	scan := c.split.source.scan
	if scan.Upserts == nil || c.recs.Kinds == nil || len(c.recs.Errors) == 0 {
		return
	}
	c.recs.Errors = slices.DeleteFunc(c.recs.Errors, func(e connectors.CellError) bool {
		return !c.recs.Kinds[e.Row].Adds() && e.Col != -1 && (e.Col < 0 || !slices.Contains(scan.Upserts, scan.Columns[e.Col].Name))
	})
}

// scanTimes fills wvals, minTime, maxW and skewed from the watermark values
// and the time attributes of the rows. An expression in error is NULL, so it
// raises nothing; nor does a record that is not well-formed, since all its
// columns are NULL... unless the expression does not read any: hence the check
// against the record errors.
func (c *chunk) scanTimes(wv, tm *array.Timestamp, mark *planner.Watermark) {
	n := c.recs.N
	vals, times := wv.TimestampValues(), tm.TimestampValues()
	c.wvals = make([]int64, n)
	for i := range c.wvals {
		c.wvals[i] = int64(vals[i])
	}
	if wv.NullN() > 0 {
		for i := range c.wvals {
			if wv.IsNull(i) {
				c.wvals[i] = op.MinTime
			}
		}
	}
	for _, e := range c.recs.Errors {
		if e.Col == -1 {
			c.wvals[e.Row] = op.MinTime
		}
	}
	if mark.MaxSkew > 0 {
		skew := mark.MaxSkew.Microseconds()
		now := c.now.UnixMicro()
		for i := 0; i < n; i++ {
			if tm.IsNull(i) {
				continue
			}
			base := now
			if c.recs.Timestamps != nil {
				base = c.recs.Timestamps[c.recs.Record(i)]
			}
			if int64(times[i])-base > skew && int64(times[i]) > base {
				c.wvals[i] = op.MinTime
				c.skewed = append(c.skewed, int32(i))
			}
		}
	}
	if tm.NullN() == 0 {
		for _, t := range times {
			c.minTime = min(c.minTime, int64(t))
		}
	} else {
		for i, t := range times {
			if tm.IsValid(i) {
				c.minTime = min(c.minTime, int64(t))
			}
		}
	}
	for _, w := range c.wvals {
		c.maxW = max(c.maxW, w)
	}
}

// rowW gives each row's W, or nil if no row of the chunk can be late: the least time
// is above the W of the last row. With every they are given even then. Call it after
// sequencing.
func (c *chunk) rowW(every bool) []int64 {
	if c.wvals == nil {
		return nil
	}
	last := c.baseW
	if n := len(c.wvals); n > 0 {
		// Leaving out the last row costs more than it saves: maxW is known.
		last = max(last, c.maxW)
		if c.wvals[n-1] == c.maxW && c.minTime <= last {
			last = c.baseW
			for _, w := range c.wvals[:n-1] {
				last = max(last, w)
			}
		}
	}
	if c.minTime > last && !every {
		return nil
	}
	// In place: wvals[i] becomes the maximum over the rows before i.
	run := c.baseW
	for i, w := range c.wvals {
		c.wvals[i] = run
		run = max(run, w)
	}
	w := c.wvals
	c.wvals = nil
	return w
}

// floor is the watermark that a new or waking split starts with.
func (s *source) floor() int64 { return s.watermark }

// refresh recomputes the source's watermark from its splits. With hold, the end
// of a split is no end of time: it stays where it was.
func (s *source) refresh(hold bool) {
	w, any := op.MaxTime, false
	for _, sp := range s.splits {
		if sp.idle || sp.ended && !hold {
			continue
		}
		any = true
		w = min(w, sp.w)
	}
	switch {
	case any:
		s.watermark = max(s.watermark, w)
	case !hold && s.allEnded():
		s.watermark = op.MaxTime
	}
}

func (s *source) allEnded() bool {
	if s.dynamic {
		return false
	}
	for _, sp := range s.splits {
		if !sp.ended {
			return false
		}
	}
	return true
}

// sortSplits keeps the splits in the order of their IDs, which settles ties of
// the fixed merge.
func (s *source) sortSplits() {
	sort.Slice(s.splits, func(i, j int) bool { return s.splits[i].id < s.splits[j].id })
}

// order numbers the split among all splits of all sources, by source name, then
// split: by its ID if that is a number, else by its place among the IDs when it was
// first listed, those listed later coming after. It stays what it is as splits are
// added.
func (sp *split) order(sources []*source) int64 {
	if sp.place >= 0 {
		return sp.place
	}
	rank := int64(0)
	for _, s := range sources {
		if s.scan.Source < sp.source.scan.Source {
			rank++
		}
	}
	n, err := strconv.ParseUint(sp.id, 10, 31)
	if err != nil {
		n = uint64(sp.number)
	}
	sp.place = rank<<32 | int64(n)
	return sp.place
}

// numberSplits gives the splits that have no number yet the next ones, in the order
// of their IDs.
func (s *source) numberSplits() {
	next := int64(0)
	for _, sp := range s.splits {
		next = max(next, sp.number+1)
	}
	for _, sp := range s.splits {
		if sp.number < 0 {
			sp.number = next
			next++
		}
	}
}
