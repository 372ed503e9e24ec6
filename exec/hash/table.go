package hash

import (
	"bytes"
	"unsafe"

	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore/table"
)

// Table maps keys to rows: an index over table.Rows. A row is a header word
// (see HeaderNulls), the key words of the layout, then the owner's words, which
// start as zeros. Row ids are stable.
//
// Rows and Arena are what the state of the table is; the index is rebuilt from
// them (Attach).
type Table struct {
	l     *Layout
	idx   index
	rows  *table.Rows
	arena *table.Arena // strings longer than InlineBytes; nil: the layout has no strings

	cand    []uint64 // scratch: a promising slot per key
	got     []uint64
	touched byte    // keeps touchLong's loads alive
	miss    []int32 // scratch: keys that it was not
	enc     *Encoder
	walk    []Row
	ids     []uint32
}

// NewTableBeside makes an empty table whose rows have state words of the owner, and
// are dropped with a bucket of st.
func NewTableBeside(l *Layout, state int, st *table.Table, bucket int64) *Table {
	return newTable(l, st.Beside(bucket, 1+l.words+state))
}

func newTable(l *Layout, rows *table.Rows) *Table {
	t := &Table{l: l, rows: rows}
	if len(l.views) > 0 {
		t.arena = table.NewArena()
	}
	t.idx.rows = rows
	t.idx.init(minSegment)
	return t
}

// Attach makes a table of rows and an arena that a restore has filled.
func Attach(l *Layout, rows *table.Rows, arena *table.Arena) *Table {
	t := &Table{l: l, rows: rows, arena: arena}
	t.idx.rows = rows
	t.idx.init(slotsFor(rows.Len()))
	t.EachHash(func(ids []uint32, _ []Row, hashes []uint64) {
		for i, id := range ids {
			t.idx.insert(uint32(hashes[i]), id)
		}
	})
	return t
}

// Unindexed makes a table of rows and an arena whose rows the owner finds by itself:
// those of a pane, whose keys stand in a table of all panes too. It is read as any
// other; rows are added by Copy and CopyKey alone.
func Unindexed(l *Layout, rows *table.Rows, arena *table.Arena) *Table {
	return &Table{l: l, rows: rows, arena: arena}
}

// Copy adds rows to an Unindexed table, each of them the words of one row of it, and
// gives the first one's id; the others follow it. src is where the long strings of
// their keys stand: that of row i in rows[i].
func (t *Table) Copy(words []uint64, rows []Row, src Source) uint32 {
	first := t.rows.Append(words)
	for _, c := range t.l.views {
		w := 1 + t.l.cols[c].word
		for i, row := range rows {
			if n := viewLen(*At[uint64](row, w)); n > InlineBytes {
				t.rows.At(first + uint32(i))[w+1] = t.arena.Append(src.Bytes(*At[uint64](row, w+1), n))
			}
		}
	}
	return first
}

// CopyKey adds a row to an Unindexed table with the key of another, whose long
// strings stand in src.
func (t *Table) CopyKey(key Row, src Source) uint32 {
	id := t.rows.Alloc()
	row := t.rows.At(id)
	copy(row, key.Words(1+t.l.words))
	row[0] &= HeaderNulls
	for _, c := range t.l.views {
		w := 1 + t.l.cols[c].word
		if n := viewLen(row[w]); n > InlineBytes {
			row[w+1] = t.arena.Append(src.Bytes(row[w+1], n))
		}
	}
	return id
}

// slotsFor is the size of a first segment for n keys.
func slotsFor(n int) int {
	slots := minSegment
	for slots < maxSegment && segmentLimit(slots) < n {
		slots *= 2
	}
	return slots
}

// Reserve makes room for n keys in a table that has none.
func (t *Table) Reserve(n int) {
	if t.idx.n > 0 || n == 0 {
		return
	}
	if slots := slotsFor(n); slots > len(t.idx.segs[0].slots) && len(t.idx.segs) == 1 {
		t.idx.init(slots)
	}
	t.rows.Reserve(n)
}

// Layout is the layout of the keys.
func (t *Table) Layout() *Layout { return t.l }

// Rows is the table's storage. Rows must not be allocated or freed there.
func (t *Table) Rows() *table.Rows { return t.rows }

// Arena holds the long strings of keys; nil if the layout has no strings.
func (t *Table) Arena() *table.Arena { return t.arena }

// Source is where the long strings of the table's keys stand.
func (t *Table) Source() Source { return Source{Arena: t.arena} }

// StateWord is the first of the owner's words in a row.
func (t *Table) StateWord() int { return 1 + t.l.words }

// Len is the number of keys.
func (t *Table) Len() int { return t.rows.Len() }

// Bytes is the memory taken, in bytes.
func (t *Table) Bytes() int {
	n := t.idx.bytes() + t.rows.Bytes()
	if t.arena != nil {
		n += t.arena.Size()
	}
	return n
}

// Row is the row with the id.
func (t *Table) Row(id uint32) Row { return RowOf(t.rows.At(id)) }

// Upsert finds the row of each key, and makes it where there is none. All rows
// found are marked as changed: whoever upserts is about to write.
func (t *Table) Upsert(k *Keys, refs *Refs) {
	if miss := t.match(k, refs); len(miss) > 0 {
		t.missed(k, refs, miss)
	}
	t.rows.MarkAll(refs.IDs)
}

// NoRow is the row id of a key that is not there.
const NoRow = 1<<32 - 1

// Find finds the row of each key, to be read; where there is none the id is NoRow.
func (t *Table) Find(k *Keys, refs *Refs) {
	for _, i := range t.match(k, refs) {
		refs.IDs[i] = t.find(k, int(i))
		if refs.IDs[i] != NoRow {
			refs.Rows[i] = t.Row(refs.IDs[i])
		}
	}
}

// match sets refs for the keys that are the first ones looked at in their places,
// and lists the others.
func (t *Table) match(k *Keys, refs *Refs) (miss []int32) {
	n := k.N
	refs.resize(n)
	t.cand = colvec.Grow(t.cand, n)
	t.miss = colvec.Grow(t.miss, n)
	t.got = colvec.Grow(t.got, n)
	t.cand = t.cand[:n]
	t.candidates(k.Hash)
	if pages, _ := t.rows.Pages(); len(pages) == 0 {
		return iota32(t.miss)
	}
	var m int
	switch {
	case t.l.words == 1:
		m = t.matchWord(k, refs)
	case t.l.words == 2 && len(t.l.views) == 0:
		m = t.matchPair(k, refs)
	case t.l.words == 2 && len(t.l.cols) == 1:
		m = t.matchView(k, refs)
	default:
		m = t.matchAny(k, refs)
	}
	return t.miss[:m]
}

// find looks for a key; NoRow: it is not there.
func (t *Table) find(k *Keys, i int) uint32 {
	h := uint32(k.Hash[i])
	slots := t.idx.dir[h>>maxSegmentBits&t.idx.dirMask()]
	mask := uint32(len(slots) - 1)
	for s := h & mask; slots[s] != 0; s = (s + 1) & mask {
		if e := slots[s]; uint32(e>>32) == h {
			if id := uint32(e) - 1; t.equal(t.Row(id), k, i) {
				return id
			}
		}
	}
	return NoRow
}

// Refer sets refs to the rows to[id] of ids, and marks them as changed.
func (t *Table) Refer(ids, to []uint32, refs *Refs) {
	refs.resize(len(ids))
	for i, id := range ids {
		refs.IDs[i] = to[id]
		refs.Rows[i] = t.Row(to[id])
	}
	t.rows.MarkAll(refs.IDs)
}

// outOfCache is the number of index segments, 256 KiB each, from which on most rows
// are taken to be out of cache.
const outOfCache = 4

// candidates loads, for each hash, its home slot or, if that has another salt,
// the one after it. There is nothing to mispredict, so that the misses of many
// slots overlap. Where the rows are out of cache too, the slots behind these, in
// the same cache lines, are looked at next: candidates are then the first slots
// that have the salt, and 0 where none has, so that no row is loaded in vain or
// one after the other.
func (t *Table) candidates(hashes []uint64) {
	cand := t.cand[:len(hashes)]
	dir, dm := t.idx.dir, t.idx.dirMask()
	for i, h := range hashes {
		h := uint32(h)
		slots := dir[h>>maxSegmentBits&dm]
		mask := uint32(len(slots) - 1)
		e := slots[h&mask]
		next := slots[(h+1)&mask]
		if uint32(e>>32) != h {
			e = next
		}
		cand[i] = e
	}
	if len(t.idx.segs) < outOfCache {
		return
	}
	for i, e := range cand {
		h := uint32(hashes[i])
		if uint32(e>>32) == h || e == 0 {
			continue
		}
		slots := dir[h>>maxSegmentBits&dm]
		mask := uint32(len(slots) - 1)
		e = 0
		if slots[h&mask] != 0 {
			for s := (h + 2) & mask; slots[s] != 0; s = (s + 1) & mask {
				if uint32(slots[s]>>32) == h {
					e = slots[s]
					break
				}
			}
		}
		cand[i] = e
	}
}

// missed looks again for the keys whose candidate was not it, and adds the new ones.
func (t *Table) missed(k *Keys, refs *Refs, miss []int32) {
	first, _ := t.rows.Pages()
	var before []uint64
	if len(first) == 1 {
		before = first[0]
	}
	for _, i := range miss {
		id := t.findOrAdd(k, int(i))
		refs.IDs[i] = id
		refs.Rows[i] = t.Row(id)
	}
	// The first page of an array moves while it grows.
	if pages, _ := t.rows.Pages(); before != nil && &pages[0][0] != &before[0] || before == nil && len(first) == 0 {
		for i, id := range refs.IDs {
			refs.Rows[i] = t.Row(id)
		}
	}
}

func (t *Table) findOrAdd(k *Keys, i int) uint32 {
	if id := t.find(k, i); id != NoRow {
		return id
	}
	id := t.rows.Alloc()
	row := t.rows.At(id)
	if k.Nulls != nil {
		row[0] = uint64(k.Nulls[i])
	}
	for w, col := range k.Words {
		row[1+w] = col[i]
	}
	for _, c := range t.l.views {
		w := t.l.cols[c].word
		if n := viewLen(row[1+w]); n > InlineBytes {
			row[2+w] = t.arena.Append(k.src[w].Bytes(row[2+w], n))
		}
	}
	t.idx.insert(uint32(k.Hash[i]), id)
	return id
}

// equal compares the key of a row with key i of k.
func (t *Table) equal(row Row, k *Keys, i int) bool {
	nulls := uint8(0)
	if k.Nulls != nil {
		nulls = k.Nulls[i]
	}
	if uint8(*row.Header()) != nulls {
		return false
	}
	if len(t.l.views) == 0 {
		for w, col := range k.Words {
			if *At[uint64](row, 1+w) != col[i] {
				return false
			}
		}
		return true
	}
	for w, col := range k.Words {
		a, b := *At[uint64](row, 1+w), col[i]
		if !t.l.longRef[w] || viewLen(*At[uint64](row, w)) <= InlineBytes {
			if a != b {
				return false
			}
		} else if n := viewLen(*At[uint64](row, w)); !bytes.Equal(t.arena.At(a, n), k.src[w-1].Bytes(b, n)) {
			return false
		}
	}
	return true
}

// Delete removes the rows with the given ids, each of which must be in use.
func (t *Table) Delete(ids []uint32) {
	if t.enc == nil {
		t.enc = NewEncoder(t.l)
	}
	t.walk = t.walk[:0]
	for _, id := range ids {
		t.walk = append(t.walk, t.Row(id))
	}
	k := t.enc.FromRows(t.walk, t.Source())
	for i, id := range ids {
		if !t.idx.remove(uint32(k.Hash[i]), id) {
			panic("hash: deleted row is not in the index")
		}
		for _, c := range t.l.views {
			v := *At[[2]uint64](t.walk[i], 1+t.l.cols[c].word)
			if n := viewLen(v[0]); n > InlineBytes {
				t.arena.Free(v[1], n)
			}
		}
		t.rows.Free(id)
	}
}

// Clear removes all rows and keeps the memory, for a table that is filled again
// and again and stands in no statestore table.
func (t *Table) Clear() {
	t.rows.Reset()
	t.idx.reset()
	if t.arena != nil && t.arena.Size() > 0 {
		t.arena = table.NewArena()
	}
}

// blockRows is how many rows are walked at a time.
const blockRows = 1024

// Each calls fn for all rows, some at a time. fn must not change the table's set
// of keys.
func (t *Table) Each(fn func(ids []uint32, rows []Row)) {
	ids, rows := t.ids[:0], t.walk[:0]
	flush := func() {
		if len(ids) > 0 {
			fn(ids, rows)
		}
		ids, rows = ids[:0], rows[:0]
	}
	t.rows.Each(func(id uint32, words []uint64) {
		ids = append(ids, id)
		rows = append(rows, Row{unsafe.Pointer(unsafe.SliceData(words))})
		if len(ids) == blockRows {
			flush()
		}
	})
	flush()
	t.ids, t.walk = ids, rows
}

// EachHash is Each with the hashes of the rows' keys.
func (t *Table) EachHash(fn func(ids []uint32, rows []Row, hashes []uint64)) {
	t.EachHashOf(len(t.l.cols), fn)
}

// EachHashOf is EachHash with the hashes of the first cols key columns by themselves.
func (t *Table) EachHashOf(cols int, fn func(ids []uint32, rows []Row, hashes []uint64)) {
	if t.enc == nil {
		t.enc = NewEncoder(t.l)
	}
	t.Each(func(ids []uint32, rows []Row) {
		fn(ids, rows, t.enc.HashFirst(cols, rows, t.Source()))
	})
}

func iota32(b []int32) []int32 {
	for i := range b {
		b[i] = int32(i)
	}
	return b
}

// Take adds the keys of another table of the same layout whose key groups owns
// accepts, and calls each with the row that each has here and the one it has there.
func (t *Table) Take(from *Table, enc *Encoder, owns func(group int) bool, each func(row, old Row)) {
	var mine []Row
	var refs Refs
	from.EachHash(func(_ []uint32, rows []Row, hashes []uint64) {
		mine = mine[:0]
		for i, r := range rows {
			if owns(Group(hashes[i])) {
				mine = append(mine, r)
			}
		}
		if len(mine) == 0 {
			return
		}
		t.Upsert(enc.FromRows(mine, from.Source()), &refs)
		for i, r := range refs.Rows {
			each(r, mine[i])
		}
	})
}
