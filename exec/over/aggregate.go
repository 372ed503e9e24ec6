package over

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/planner"
)

// frameAggs are the aggregates over one frame.
type frameAggs struct {
	frame planner.Frame
	calls []int // indexes of Over.Calls
	// slide moves the frame along: rows come in at its upper end and, unless
	// grow is set, go out at its lower one. each computes every frame by itself,
	// and is nil if nothing is lost by sliding always.
	slide, each *agg.Aggregator
	grow        bool
	// spans says that the frame is a span of time up to the current row whose
	// groups are kept from one batch to the next.
	spans bool
	span  int // its place among these frames
	keys  int // columns of the groups' keys
}

// fail takes an error of a call's result for wanted row k.
type fail func(k int, code, message string)

// frames groups the aggregates of an Over by frame and by how they are computed.
func frames(o *planner.Over, in []planner.Column, keys []int) ([]*frameAggs, error) {
	var out []*frameAggs
	for i := range o.Calls {
		c := &o.Calls[i]
		if c.Kind != planner.OverAggregate {
			continue
		}
		grow := c.Frame.Lower.Kind == planner.UnboundedPreceding && c.Frame.Exclude == planner.ExcludeNone
		slides := grow || c.Overload.Aggregate.Retractable && !c.Overload.Aggregate.OrderSensitive && c.Frame.Exclude == planner.ExcludeNone
		k := slices.IndexFunc(out, func(f *frameAggs) bool {
			return sameFrame(f.frame, c.Frame) && f.grow == grow && (f.slide != nil) == slides
		})
		if k < 0 {
			k = len(out)
			out = append(out, &frameAggs{frame: c.Frame, grow: grow})
			if slides {
				out[k].slide = &agg.Aggregator{} // made below
			}
		}
		out[k].calls = append(out[k].calls, i)
	}
	spans := keys != nil && spansOnly(o)
	for _, f := range out {
		f.spans = spans && f.frame.Lower.Range != nil
		if err := f.compile(o, in, keys); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// compile makes the aggregators; keys are those of groups that are kept, which
// those of frames that only grow may be.
func (f *frameAggs) compile(o *planner.Over, in []planner.Column, keys []int) error {
	if !f.grow && !f.spans {
		keys = nil
	}
	f.keys = len(keys)
	var calls []planner.AggCall
	for _, i := range f.calls {
		c := o.Calls[i]
		calls = append(calls, planner.AggCall{
			Fn: c.Fn, Overload: c.Overload, Args: c.Args, Filter: c.Filter, Distinct: c.Distinct, IgnoreNulls: c.IgnoreNulls, Constants: c.Constants, Name: c.Name,
			Arrival: c.Overload.Aggregate.OrderSensitive, // rows come in the order of the window
		})
	}
	make := func(retract bool) (*agg.Aggregator, error) {
		cfg, err := agg.Of(keys, calls, in, retract)
		if err != nil {
			return nil, err
		}
		return agg.New(cfg)
	}
	var err error
	if f.slide != nil {
		if f.slide, err = make(!f.grow); err != nil {
			return err
		}
	}
	if !f.grow && !f.spans {
		f.each, err = make(false)
	}
	return err
}

// spansOnly says that rows that have come out are seen by nothing but aggregates
// over spans of time up to the current row, which rows can leave again. Then the
// rows of a span need not be gone through for each new one.
func spansOnly(o *planner.Over) bool {
	found := false
	for i := range o.Calls {
		c := &o.Calls[i]
		switch {
		case c.Kind == planner.OverLag, c.Ahead():
			return false
		case !c.Kind.Framed():
		case c.Kind != planner.OverAggregate || c.Frame.Exclude != planner.ExcludeNone || c.Frame.Upper.Kind != planner.CurrentRow:
			return false
		case c.Frame.Lower.Kind == planner.UnboundedPreceding:
		case c.Frame.Lower.Range != nil && c.Overload.Aggregate.Retractable && !c.Overload.Aggregate.OrderSensitive:
			found = true
		default:
			return false
		}
	}
	return found
}

func sameFrame(a, b planner.Frame) bool {
	same := func(a, b planner.FrameBound) bool {
		if a.Kind != b.Kind || a.Rows != b.Rows || (a.Range == nil) != (b.Range == nil) {
			return false
		}
		return a.Range == nil || a.Range.T.Equal(b.Range.T) && a.Range.Value == b.Range.Value
	}
	return a.Unit == b.Unit && a.Exclude == b.Exclude && same(a.Lower, b.Lower) && same(a.Upper, b.Upper)
}

// results collects the results of aggregates in the order in which they are
// computed, and gives them in that of the wanted rows.
type results struct {
	f      *frameAggs
	a      *agg.Aggregator
	g      *agg.Groups
	keys   int // columns before the results
	alloc  memory.Allocator
	fail   fail
	caps   agg.Captured
	row    []int32 // by wanted row: where its result is
	order  []int32 // by result: its wanted row
	pieces [][]arrow.Array
}

// capture takes the results of groups as they are now, for the wanted rows ks.
func (r *results) capture(ids []uint32, ks []int32) {
	for i, k := range ks {
		r.row[k] = int32(len(r.order) + i)
	}
	r.order = append(r.order, ks...)
	if r.a.Capture(r.g, ids, &r.caps) {
		return
	}
	r.flush(len(ids))
	from := len(r.order) - len(ids)
	r.piece(r.a.Emit(r.g, ids, r.alloc, r.failer(from)))
}

// flush turns the copies taken so far into columns; the last n of order are not
// among them.
func (r *results) flush(n int) {
	if r.caps.Len() == 0 {
		return
	}
	from := len(r.order) - n - r.caps.Len()
	cols := r.a.EmitCopies(r.g, &r.caps, 0, r.caps.Len(), r.alloc, r.failer(from))
	r.piece(cols)
	r.caps.Reset()
}

// piece adds results, which stand behind the columns of the groups' keys.
func (r *results) piece(cols []arrow.Array) {
	for _, c := range cols[:r.keys] {
		c.Release()
	}
	r.pieces = append(r.pieces, cols[r.keys:])
}

func (r *results) failer(from int) agg.Fail {
	return func(i int, code, message string) { r.fail(int(r.order[from+i]), code, message) }
}

// columns gives the results, a column for each call of the frame.
func (r *results) columns() ([]arrow.Array, error) {
	r.flush(0)
	out := make([]arrow.Array, len(r.f.calls))
	parts := make([]arrow.Array, len(r.pieces))
	for c := range out {
		for i, p := range r.pieces {
			parts[i] = p[c]
		}
		all, err := column.Concat(parts, r.alloc)
		if err != nil {
			return nil, err
		}
		out[c] = column.Gather(all, r.row, r.alloc)
		all.Release()
	}
	for _, p := range r.pieces {
		for _, c := range p {
			c.Release()
		}
	}
	return out, nil
}

// compute gives the results of the frame's aggregates for the wanted rows. They
// start with nothing: the sequence has all rows of every frame.
func (f *frameAggs) compute(s *sequence, fail fail) ([]arrow.Array, error) {
	lo, hi := s.bounds(f.frame)
	var pairs int
	for k := range lo {
		pairs += int(max(0, hi[k]-lo[k]))
	}
	r := &results{f: f, alloc: s.alloc, fail: fail, row: make([]int32, s.wanted)}
	if f.slide == nil || f.each != nil && pairs <= 16*s.wanted {
		r.a = f.each
		r.g = r.a.Open(nil, 0, 0)
		f.eachFrame(s, lo, hi, r)
	} else {
		r.a = f.slide
		r.g = r.a.Open(nil, 0, 0)
		f.slideAlong(s, lo, hi, r, r.a.Add(r.g, len(s.parts), nil), func(p *stretch) (from, to int) { return p.from, p.from })
	}
	return r.columns()
}

// goOn gives the results of a frame whose rows before the first wanted one are
// in groups g, save those that the frame's end had not come to.
func (f *frameAggs) goOn(s *sequence, g *agg.Groups, fail fail) ([]arrow.Array, error) {
	lo, hi := s.bounds(f.frame)
	r := &results{f: f, a: f.slide, g: g, keys: f.keys, alloc: s.alloc, fail: fail, row: make([]int32, s.wanted)}
	sel := make([]int32, len(s.parts))
	for q, p := range s.parts {
		sel[q] = s.rows[p.first]
	}
	ids := r.a.Find(g, s.cols, colvec.Selected(sel), nil)
	upper := s.bound(f.frame.Unit, f.frame.Upper, true)
	f.slideAlong(s, lo, hi, r, ids, func(p *stretch) (from, to int) {
		switch {
		case f.spans: // the groups hold all rows of the span before
			return p.held[f.span], p.first
		case f.frame.Upper.Kind == planner.CurrentRow:
			return p.first, p.first
		case p.first == p.from:
			return p.from, p.from
		}
		// Rows are in the groups up to the end of the frame of the row before.
		at := max(p.from, min(p.to, upper(p.first-1, p)))
		return at, at
	})
	return r.columns()
}

// pairRows is how many pairs of frame and row are gone through at a time.
const pairRows = 8192

// eachFrame computes every frame by itself, in a group of its own.
func (f *frameAggs) eachFrame(s *sequence, lo, hi []int32, r *results) {
	var ids, pairIDs []uint32
	var ks, rows []int32
	flush := func() {
		f.each.UpdateAt(r.g, pairIDs, s.cols, colvec.Selected(rows))
		r.capture(ids, ks)
		r.flush(0)
		r.g.Clear()
		ids, pairIDs, ks, rows = ids[:0], pairIDs[:0], ks[:0], rows[:0]
	}
	s.each(func(k, i int, _ *stretch) {
		ids, ks = f.each.Add(r.g, 1, ids), append(ks, int32(k))
		id := ids[len(ids)-1]
		for j := lo[k]; j < hi[k]; j++ {
			if !s.excluded(f.frame.Exclude, i, int(j)) {
				pairIDs, rows = append(pairIDs, id), append(rows, s.rows[j])
			}
		}
		if len(rows) >= pairRows || len(ks) >= pairRows {
			flush()
		}
	})
	flush()
}

// slideAlong moves the frames of all partitions on side by side: first the first
// wanted row of each, then the second of each. ids are the groups of the
// partitions, start says from which position to which rows are in them.
func (f *frameAggs) slideAlong(s *sequence, lo, hi []int32, r *results, ids []uint32, start func(p *stretch) (from, to int)) {
	type walk struct {
		k, n     int // the next wanted row, how many are left
		from, to int32
		id       uint32
	}
	live := make([]walk, 0, len(s.parts))
	k := 0
	for q := range s.parts {
		p := &s.parts[q]
		if n := p.last - p.first; n > 0 {
			from, to := start(p)
			live = append(live, walk{k: k, n: n, from: int32(from), to: int32(to), id: ids[q]})
			k += n
		}
	}
	var in, out, groups []uint32
	var inRows, outRows, ks []int32
	for len(live) > 0 {
		in, out, groups = in[:0], out[:0], groups[:0]
		inRows, outRows, ks = inRows[:0], outRows[:0], ks[:0]
		for q := range live {
			w := &live[q]
			from, to := lo[w.k], max(hi[w.k], lo[w.k])
			if f.grow {
				from = w.from
			}
			for ; w.from < min(from, w.to); w.from++ {
				out, outRows = append(out, w.id), append(outRows, s.rows[w.from])
			}
			if w.to < from { // no frame has held the rows between
				w.from, w.to = from, from
			}
			for ; w.to < to; w.to++ {
				in, inRows = append(in, w.id), append(inRows, s.rows[w.to])
			}
			groups, ks = append(groups, w.id), append(ks, int32(w.k))
			w.k++
			w.n--
		}
		f.slide.UpdateAt(r.g, in, s.cols, colvec.Selected(inRows))
		if len(out) > 0 {
			f.slide.RetractAt(r.g, out, s.cols, colvec.Selected(outRows))
		}
		r.capture(groups, ks)
		live = slices.DeleteFunc(live, func(w walk) bool { return w.n == 0 })
	}
}
