package timejoin

import "github.com/streamsql/streamsql/exec/op"

// waiting is a stored row that something is to be done about at a time.
type waiting struct {
	time   int64
	bucket int64
	id     uint32
}

// queue gives waiting rows by time: a binary heap (Williams 1964). Rows mostly
// come in the order of time, which makes a push cheap.
type queue struct{ heap []waiting }

func (q *queue) push(x waiting) {
	q.heap = append(q.heap, x)
	h := q.heap
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if h[up].time <= x.time {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = x
}

// first gives the time of the first row.
func (q *queue) first() (int64, bool) {
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].time, true
}

// pop gives the first row if it is due before a time. Before the end of time all
// are.
func (q *queue) pop(before int64) (waiting, bool) {
	h := q.heap
	if len(h) == 0 || h[0].time >= before && before != op.MaxTime {
		return waiting{}, false
	}
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	q.heap = h
	if len(h) == 0 {
		return top, true
	}
	i := 0
	for {
		down := 2*i + 1
		if down >= len(h) {
			break
		}
		if down+1 < len(h) && h[down+1].time < h[down].time {
			down++
		}
		if h[down].time >= last.time {
			break
		}
		h[i] = h[down]
		i = down
	}
	h[i] = last
	return top, true
}
