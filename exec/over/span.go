package over

import (
	"math"
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// The groups of a frame over a span of time are kept from one batch to the next:
// those of a partition hold its kept rows from wordLast less the span on. A row
// that comes moves wordLast to its time; the rows that the span leaves behind are
// read once more, to be taken out.

// since is where the span begins of a row of time t.
func (f *frameAggs) since(t int64) int64 {
	by := f.frame.Lower.Range
	n := by.Value.(int64)
	if by.T.Kind != catalog.KindIntervalMonth {
		return addClipped(t, -n)
	}
	if t < math.MinInt64/2 || t > math.MaxInt64/2 {
		return t
	}
	return addMonths(t, -n, false)
}

// from is the place in a list of kept rows of the first one of a time or later.
func (t *timed) from(list []uint32, time int64) int {
	// What is looked for is mostly among the first ones.
	end := 1
	for end < len(list) && t.kept.time(list[end]) < time {
		end *= 2
	}
	list = list[:min(end, len(list))]
	n, _ := slices.BinarySearchFunc(list, time, func(id uint32, time int64) int { return compareInts(t.kept.time(id), time) })
	return n
}

// leaving gives the kept rows of a partition that some span leaves behind as it
// moves on to a time. It puts into held, for each span, the position (counted
// from at) of the first row that is in its groups.
func (t *timed) leaving(q uint32, to int64, at int, held []int) []uint32 {
	list := t.lists[q]
	if len(list) == 0 {
		for i := range held {
			held[i] = at
		}
		return nil
	}
	last := int64(t.parts.read(q)[wordLast])
	first, end := len(list), 0
	for i, f := range t.calls.spans {
		a := t.from(list, f.since(last))
		b := a + t.from(list[a:], f.since(to))
		held[i] = a
		if a < b {
			first, end = min(first, a), max(end, b)
		}
	}
	first = min(first, end)
	for i, a := range held {
		held[i] = at + min(max(a, first), end) - first
	}
	return list[first:end]
}

// leave moves the spans of all partitions on to the watermark: what they leave
// behind goes out of their groups, and groups without a row go.
func (t *timed) leave(w, since int64) {
	var ids []uint32
	var parts []uint32
	t.parts.t.Rows().Each(func(q uint32, _ []uint64) {
		if list := t.lists[q]; len(list) > 0 && t.kept.time(list[0]) < since {
			ids, parts = append(ids, list...), append(parts, q)
		}
	})
	if len(parts) == 0 {
		return
	}
	for from := 0; from < len(parts); {
		to, n := from, 0
		for to < len(parts) && (n == 0 || n+len(t.lists[parts[to]]) <= chunkRows) {
			n += len(t.lists[parts[to]])
			to++
		}
		t.leaveSome(parts[from:to], ids[:n], w)
		from, ids = to, ids[n:]
	}
}

// leaveSome is leave for some partitions, whose kept rows are ids.
func (t *timed) leaveSome(parts, ids []uint32, w int64) {
	cols := t.past.readAll(t.kept, ids, nil, t.ctx.Alloc)
	defer release(cols)
	for i, f := range t.calls.frames {
		if !f.spans {
			continue
		}
		g := t.calls.kept[i]
		var sel, firsts []int32
		var empty []int
		at := 0
		for k, q := range parts {
			list := t.lists[q]
			last := int64(t.parts.read(q)[wordLast])
			a, b := t.from(list, f.since(last)), t.from(list, f.since(max(last, w)))
			for j := a; j < b; j++ {
				sel = append(sel, int32(at+j))
			}
			if b == len(list) {
				empty = append(empty, k)
			}
			firsts = append(firsts, int32(at))
			at += len(list)
		}
		if len(sel) > 0 {
			f.slide.Retract(g, cols, colvec.Selected(sel))
		}
		groups := f.slide.Find(g, cols, colvec.Selected(firsts), nil)
		var gone []uint32
		for _, k := range empty {
			gone = append(gone, groups[k])
		}
		f.slide.Delete(g, gone)
	}
	for _, q := range parts {
		word := t.parts.state(q)
		word[wordLast] = uint64(max(int64(word[wordLast]), w))
	}
}
