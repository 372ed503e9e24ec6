package join

import (
	"time"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/op"
)

// Where rows have a time to live, a key has a word more for each side: its touch,
// the greatest time of the side's rows so far. A row whose time is beyond touch and
// time to live finds that side of its key empty, whether or not the rows are still
// in memory; those that no row to come can find are swept from time to time.

// timeOf is the time of row n of the batch's rows.
func (j *join) timeOf(n int) int64 {
	if !j.o.EventTime {
		return j.ctx.Now().UnixMicro()
	}
	if j.b.W == nil {
		return op.MinTime
	}
	return j.b.W[j.rows[n]]
}

// expire empties the sides of row n's key that are over for it, and touches its own.
// It says whether the row is to be passed over: it takes back what has been
// forgotten.
func (j *join) expire(n int, out op.Output) (passed bool, err error) {
	t := j.timeOf(n)
	adds := j.adds(n)
	row := j.refs.Rows[n]
	for s := range j.sides {
		touch := hash.At[op.Touch](row, j.heads+1+s)
		if !touch.Over(t, j.ttl[s]) {
			continue
		}
		if err := j.settleAll(out); err != nil {
			return false, err
		}
		j.empties(row, s)
	}
	if !adds {
		if err := j.settleAll(out); err != nil {
			return false, err
		}
		me := &j.sides[j.input]
		values := me.codec.row(n)
		if _, ok := me.find(valueHash(j.k.Hash[n], values), j.refs.IDs[n], values); !ok {
			j.ctx.Counters[op.CountTTLDropped]++
			if *hash.At[uint64](row, j.heads) == 0 {
				j.empty = append(j.empty, j.refs.IDs[n])
			}
			j.next++
			return true, nil
		}
	}
	own := hash.At[op.Touch](row, j.heads+1+j.input)
	*own = max(*own, op.TouchAt(t))
	return false, nil
}

// settleAll settles and emits what is pending, so that rows may be forgotten.
func (j *join) settleAll(out op.Output) error {
	if err := j.settle(out); err != nil {
		return err
	}
	return j.emit(out)
}

// empties forgets the rows of one side of a key.
func (j *join) empties(row hash.Row, s int) {
	word := hash.At[uint64](row, j.heads)
	shift := 32 * uint(s)
	j.ctx.Counters[op.CountReleased] += j.sides[s].drop(uint32(*word >> shift))
	*word &^= low << shift
	*hash.At[op.Touch](row, j.heads+1+s) = 0
}

// sweep forgets what no row at time t or later can find.
func (j *join) sweep(t int64) {
	j.swept = t
	j.keys.Each(func(ids []uint32, rows []hash.Row) {
		for i, row := range rows {
			for s := range j.sides {
				if hash.At[op.Touch](row, j.heads+1+s).Over(t, j.ttl[s]) {
					j.keys.Rows().Mark(ids[i])
					j.empties(row, s)
				}
			}
			if *hash.At[uint64](row, j.heads) == 0 {
				j.empty = append(j.empty, ids[i])
			}
		}
	})
	j.forgetEmpty()
	for s := range j.sides {
		j.sides[s].tidy()
	}
}

// due says whether it is time for a sweep, by the shorter time to live.
func (j *join) due(t int64) bool {
	ttl := j.ttl[0]
	if ttl == 0 || j.ttl[1] > 0 && j.ttl[1] < ttl {
		ttl = j.ttl[1]
	}
	return op.SweepDue(t, j.swept, ttl)
}

// Tick implements op.Clocked. It comes to all operators of a job of which one goes by
// the clock.
func (j *join) Tick(now time.Time, _ op.Output) error {
	if t := now.UnixMicro(); !j.o.EventTime && j.due(t) {
		j.sweep(t)
	}
	return nil
}

// Period implements op.Clocked.
func (j *join) Period() time.Duration {
	if j.o.EventTime || !j.o.Forgets() {
		return 0
	}
	return max(time.Second, time.Duration(max(j.ttl[0], j.ttl[1]))*time.Microsecond/4)
}
