package window

import "container/heap"

// wheel finds what is due by time. Things are put into slots of some width by
// the time at which they were due when they were added; whoever takes them out
// says when they really are, since a session's end moves on without being moved
// here.
type wheel struct {
	width int64
	slots map[int64][]uint32
	order slotHeap // the numbers of slots
	next  int64    // nothing is due before
	spare [][]uint32
}

// spareSlots is how many empty slots are kept for new ones.
const spareSlots = 64

func newWheel(width int64) wheel {
	return wheel{width: max(1, width), slots: map[int64][]uint32{}, next: maxTime}
}

// add notes that id is due at a time.
func (w *wheel) add(at int64, id uint32) {
	n := floorDiv(at, w.width)
	ids, ok := w.slots[n]
	if !ok {
		heap.Push(&w.order, n)
		if last := len(w.spare) - 1; last >= 0 {
			ids, w.spare = w.spare[last], w.spare[:last]
		}
	}
	w.slots[n] = append(ids, id)
	w.next = min(w.next, at)
}

// take goes through what was due up to mark. due gives the time at which an id
// is due now, or false if it is nothing any more; those due up to mark are given
// to fire, once, and leave the wheel.
func (w *wheel) take(mark int64, due func(id uint32) (int64, bool), fire func(id uint32)) {
	if mark < w.next {
		return
	}
	for len(w.order) > 0 && w.order[0] <= floorDiv(mark, w.width) {
		n := w.order[0]
		ids := w.slots[n]
		kept := ids[:0]
		next := maxTime
		for _, id := range ids {
			at, ok := due(id)
			switch {
			case !ok:
			case at <= mark:
				fire(id)
			case floorDiv(at, w.width) == n:
				kept = append(kept, id)
				next = min(next, at)
			default:
				w.add(at, id)
			}
		}
		if len(kept) > 0 {
			w.slots[n], w.next = kept, next
			return
		}
		delete(w.slots, n)
		heap.Pop(&w.order)
		if len(w.spare) < spareSlots && cap(ids) <= 4096 {
			w.spare = append(w.spare, ids[:0])
		}
	}
	w.next = maxTime
	if len(w.order) > 0 {
		w.next = w.order[0] * w.width
	}
}

type slotHeap []int64

func (h slotHeap) Len() int           { return len(h) }
func (h slotHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h slotHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *slotHeap) Push(x any)        { *h = append(*h, x.(int64)) }
func (h *slotHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
