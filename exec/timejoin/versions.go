package timejoin

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/rowstore"
	"github.com/streamsql/streamsql/statestore/table"
)

// The words that a stored version begins with.
const (
	verTime = iota
	verFrom // the least time of a probe that it serves: its own, or its W if it was late
	verHash
	verSeq // order of arrival; bit 63: the key is deleted from there on
	verOwn
)

const flagGone = 1 << 63

// versionBucket holds the versions; the probes' buckets are even.
const versionBucket = 1

// versions are the right rows of a temporal join. A version waits until the time
// from which it serves: then it is the one in force of its key, unless that has a
// later time; the other one is dropped, since no probe before that time is left. So
// a key has one version, besides those still to come into force.
//
// The version in force of a key that has been deleted is the deletion: an older
// version that comes late must not take its place.
type versions struct {
	keyer   *keyer
	format  *rowstore.Format
	enc     *rowstore.Encoder
	strict  bool
	byValue bool
	rows    *table.Rows
	arena   *table.Arena
	seq     uint64
	ripe    queue // versions not in force yet
	// inForce finds the versions in force by the hash of their key, next (by id) more
	// of the same hash: id+1; 0 is none.
	inForce index
	next    []uint32
	ids     []uint32
	at      []hash.Row
	dropped []uint32 // versions that may still be read
}

// open makes the versions of a state. All of them come into force anew.
func (v *versions) open(st *table.Table) {
	v.rows, v.arena = st.Rows(0, versionBucket, v.format.Words()), st.Arena(1, versionBucket)
	v.inForce, v.next, v.seq, v.ripe = index{}, nil, 0, queue{}
	v.rows.Each(func(id uint32, row []uint64) { v.wait(id) })
}

// wait notes a stored version.
func (v *versions) wait(id uint32) {
	row := v.rows.At(id)
	v.seq = max(v.seq, row[verSeq]&^flagGone+1)
	v.ripe.push(waiting{time: int64(row[verFrom]), id: id})
}

// add takes rows sel of a batch.
func (v *versions) add(b *op.Batch, sel []int32, times []int64, hashes []uint64) {
	v.ids, v.at = v.ids[:0], v.at[:0]
	for range sel {
		v.ids = append(v.ids, v.rows.Alloc())
	}
	for k, i := range sel {
		row := v.rows.At(v.ids[k])
		from := times[i]
		if v.strict {
			from = later(from, 1)
		}
		row[verTime], row[verFrom], row[verHash], row[verSeq] = uint64(times[i]), uint64(max(from, rowW(b, i))), hashes[i], v.seq
		v.seq++
		if b.Kind(int(i)) == catalog.Delete {
			row[verSeq] |= flagGone
		}
		v.at = append(v.at, hash.RowOf(row))
	}
	v.enc.Put(b.Cols, colvec.Selected(sel), v.at, v.arena)
	for _, id := range v.ids {
		v.wait(id)
	}
}

// merge takes a version over from another layout.
func (v *versions) merge(row hash.Row, from *table.Arena) {
	id := v.rows.Alloc()
	v.format.Copy(row, from, v.rows.At(id), v.arena)
	v.wait(id)
}

// before says whether version a comes before version b.
func (v *versions) before(a, b uint32) bool {
	x, y := v.rows.At(a), v.rows.At(b)
	if x[verTime] != y[verTime] {
		return int64(x[verTime]) < int64(y[verTime])
	}
	if v.byValue {
		if c := v.format.Compare(hash.RowOf(x), v.arena, hash.RowOf(y), v.arena); c != 0 {
			return c < 0
		}
	}
	return x[verSeq]&^flagGone < y[verSeq]&^flagGone
}

// takeEffect puts a version in force. The one that yields is dropped.
func (v *versions) takeEffect(id uint32) {
	for len(v.next) < int(v.rows.Cap()) {
		v.next = append(v.next, 0)
	}
	row := rowOf(v.rows, id)
	h := *hash.At[uint64](row, verHash)
	before := uint32(0)
	at, ok := v.inForce.find(h, v.rows, verHash)
	for ok {
		if v.keyer.sameStored(v.format, rowOf(v.rows, at), v.arena, v.keyer, v.format, row, v.arena) {
			if v.before(id, at) {
				v.dropped = append(v.dropped, id)
				return
			}
			v.dropped = append(v.dropped, at)
			v.next[id] = v.next[at]
			if before == 0 {
				v.inForce.set(h, id+1, v.rows, verHash)
			} else {
				v.next[before-1] = id + 1
			}
			return
		}
		before = at + 1
		n := v.next[at]
		at, ok = n-1, n != 0
	}
	v.next[id] = v.inForce.put(h, id, v.rows, verHash)
}

// find gives the version in force of the key of a probe.
func (v *versions) find(h uint64, probes *keyer, format *rowstore.Format, row hash.Row, arena *table.Arena) (hash.Row, bool) {
	id, ok := v.inForce.find(h, v.rows, verHash)
	for ok {
		ver := rowOf(v.rows, id)
		if v.keyer.sameStored(v.format, ver, v.arena, probes, format, row, arena) {
			return ver, *hash.At[uint64](ver, verSeq)&flagGone == 0
		}
		n := v.next[id]
		id, ok = n-1, n != 0
	}
	return hash.Row{}, false
}

// free forgets the dropped versions, and gives their number.
func (v *versions) free() int64 {
	n := len(v.dropped)
	for _, id := range v.dropped {
		v.format.Free(rowOf(v.rows, id), v.arena)
		v.rows.Free(id)
	}
	v.dropped = v.dropped[:0]
	return int64(n)
}
