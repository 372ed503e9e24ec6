package window

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

const maxTime = op.MaxTime

// sessions holds the sessions of keys as intervals [start, end), end being the
// last row's time plus the gap, and finds the session of each row by the row's
// own W (semantics 2): sessions that the watermark of a row has closed stand
// apart for it, whether they have fired or not.
//
// A key's row heads a list of its sessions, which are few: mostly one. Where they are
// many they are found by bisection (ordered).
type sessions struct {
	gap, grace int64 // a session is open until grace after its end
	keyCols    []int
	enc        *hash.Encoder
	keys       *hash.Table
	rows       *table.Rows
	due        wheel
	open       int64 // input rows in sessions

	// What assign has found.
	sel     []int32  // rows that are in a session
	ids     []uint32 // their sessions
	late    []lateRow
	noTime  int64
	moved   map[uint32]uint32 // sessions that have become part of another
	absorbs []absorbed
	made    []uint32 // sessions that were made in this batch
	empty   []uint32 // keys that may have no session

	refs  hash.Refs
	cols  []arrow.Array
	timed []int32

	// order has the keys with many sessions; untidy is how many walks of a long list
	// are to come before it is tried again to put it in order.
	order  map[uint32]*ordered
	untidy int
	walked int // how far the last walk of a list went

	ended, endedKeys []uint32 // what closed has given
}

// absorbed is a session with rows of earlier batches that has become part of
// another.
type absorbed struct{ from, into uint32 }

// The words of a session's row.
const (
	sessionStart = iota
	sessionEnd
	sessionRows // input rows
	sessionLink // the key's row, and the next session of the key + 1 in the upper half
	sessionWords
)

// fresh marks, among the rows of a session, one that was made in the batch at
// hand.
const fresh = 1 << 63

// gone is the link of a session that is none any more but whose number is still
// in use.
const gone = math.MaxUint64

// The parts of the state: the keys' rows and strings, the sessions.
const (
	sessionKeysPart = iota
	sessionKeyStringsPart
	sessionRowsPart
	sessionParts
)

// newSessions makes sessions within st, with whatever it holds.
func newSessions(w planner.Window, grace int64, keys []int, in []planner.Column, words int, st *table.Table) (*sessions, error) {
	types := make([]catalog.Type, len(keys))
	for i, k := range keys {
		types[i] = in[k].Type
	}
	layout, err := hash.NewLayout(types)
	if err != nil {
		return nil, err
	}
	s := &sessions{
		gap: w.Size, grace: grace, keyCols: keys, enc: hash.NewEncoder(layout), cols: make([]arrow.Array, len(keys)),
		moved: map[uint32]uint32{}, order: map[uint32]*ordered{}, due: newWheel(max(w.Size/64, 1000)),
	}
	var strings *table.Arena
	if layout.HasStrings() {
		strings = st.Arena(sessionKeyStringsPart, 0)
	}
	s.keys = hash.Attach(layout, st.Rows(sessionKeysPart, 0, 2+layout.Words()), strings)
	s.rows = st.Rows(sessionRowsPart, 0, words)
	s.rows.Each(func(id uint32, row []uint64) {
		if row[sessionLink] != gone {
			s.due.add(s.closes(row), id)
			s.open += int64(row[sessionRows])
		}
	})
	return s, nil
}

// layout is how the sessions are laid out: see op.Stateful.
func (s *sessions) layout() string {
	return fmt.Sprintf("sessions 1 (%s, %d words)", s.keys.Layout(), s.rows.Width())
}

// closes is the watermark that closes a session.
func (s *sessions) closes(row []uint64) int64 {
	end := int64(row[sessionEnd])
	if end > maxTime-s.grace {
		return maxTime
	}
	return end + s.grace
}

func (s *sessions) head(key uint32) *uint64 {
	return hash.At[uint64](s.keys.Row(key), s.keys.StateWord())
}

// assign finds the sessions of a batch's rows. By processing time nothing is late.
func (s *sessions) assign(b *op.Batch, times *array.Timestamp, processing bool) {
	s.sel, s.ids, s.late, s.noTime = s.sel[:0], s.ids[:0], s.late[:0], 0
	s.absorbs, s.empty = s.absorbs[:0], s.empty[:0]
	s.made = s.made[:0]
	clear(s.moved)
	for i, k := range s.keyCols {
		s.cols[i] = b.Cols[k]
	}
	rows := colvec.All(b.N)
	if times.NullN() > 0 {
		s.timed = s.timed[:0]
		for i := range b.N {
			if times.IsValid(i) {
				s.timed = append(s.timed, int32(i))
			}
		}
		s.noTime = int64(b.N - len(s.timed))
		rows = colvec.Selected(s.timed)
	}
	if rows.Len() == 0 {
		return
	}
	s.keys.Upsert(s.enc.Encode(s.cols, rows), &s.refs)
	ts := times.TimestampValues()
	for j, key := range s.refs.IDs {
		i := int32(j)
		if s.noTime > 0 {
			i = s.timed[j]
		}
		w := int64(op.MinTime)
		if b.W != nil && !processing {
			w = b.W[i]
		}
		s.place(i, int64(ts[i]), w, key, hash.At[uint64](s.refs.Rows[j], s.keys.StateWord()))
	}
	if len(s.moved) > 0 {
		for i, id := range s.ids {
			s.ids[i] = s.root(id)
		}
	}
	s.open += int64(len(s.sel))
	s.settle()
	s.dropKeys()
}

// place puts a row into its session.
func (s *sessions) place(i int32, t, w int64, key uint32, head *uint64) {
	from, to := t, t+s.gap
	h := *head
	if h == 0 {
		s.begin(i, from, to, w, key, head)
		return
	}
	id := uint32(h - 1)
	r := s.rows.At(id)
	alone := r[sessionLink]>>32 == 0
	switch {
	case alone && s.closes(r) > w && int64(r[sessionStart]) <= to && from <= int64(r[sessionEnd]):
		s.join(i, id, from, to)
		return
	case alone && s.closes(r) <= w:
		s.begin(i, from, to, w, key, head)
		return
	case !alone && len(s.order) > 0:
		if o := s.order[key]; o != nil {
			s.placeOrdered(o, i, from, to, w, key, head)
			return
		}
	}
	if id, ok := s.merge(from, to, w, head); ok {
		s.join(i, id, from, to)
	} else {
		s.begin(i, from, to, w, key, head)
	}
	if s.walked >= manySessions {
		s.tidy(key, head)
	}
}

// join adds a row to a session.
func (s *sessions) join(i int32, id uint32, from, to int64) {
	s.extend(id, from, to, 1)
	s.sel, s.ids = append(s.sel, i), append(s.ids, id)
}

// begin makes a session of a row that touches none, unless it is late. made: it is
// the first in the key's list.
func (s *sessions) begin(i int32, from, to, w int64, key uint32, head *uint64) (id uint32, made bool) {
	if to <= w-s.grace && w != op.MinTime {
		s.late = append(s.late, lateRow{i, from, to, w})
		if *head == 0 {
			s.empty = append(s.empty, key)
		}
		return 0, false
	}
	id = s.rows.Alloc()
	r := s.rows.At(id)
	r[sessionStart], r[sessionEnd], r[sessionRows] = uint64(from), uint64(to), fresh|1
	r[sessionLink] = uint64(key) | *head<<32
	*head = uint64(id) + 1
	s.made = append(s.made, id)
	s.due.add(s.closes(r), id)
	s.sel, s.ids = append(s.sel, i), append(s.ids, id)
	return id, true
}

func (s *sessions) extend(id uint32, from, to, rows int64) {
	r := s.rows.Edit(id)
	r[sessionStart] = uint64(min(int64(r[sessionStart]), from))
	r[sessionEnd] = uint64(max(int64(r[sessionEnd]), to))
	r[sessionRows] += uint64(rows)
}

// merge joins all sessions of a list that are open at w and that [from, to], or
// what it has become part of, touches. It gives the one that is left.
func (s *sessions) merge(from, to, w int64, head *uint64) (uint32, bool) {
	kept, found := uint32(0), false
	s.walked = 0
	for again := true; again; {
		again = false
		link := *head
		last := uint32(0)
		for n := 0; link != 0; n++ {
			s.walked = max(s.walked, n)
			id := uint32(link - 1)
			r := s.rows.At(id)
			next := r[sessionLink] >> 32
			start, end := int64(r[sessionStart]), int64(r[sessionEnd])
			if found && id == kept || s.closes(r) <= w || start > to || from > end {
				last, link = id, next
				continue
			}
			from, to, again = min(from, start), max(to, end), true
			if !found {
				kept, found = id, true
				last, link = id, next
				continue
			}
			s.extend(kept, start, end, int64(r[sessionRows]&^fresh))
			s.absorb(id, kept)
			if link == *head {
				*head = next
			} else {
				p := s.rows.Edit(last)
				p[sessionLink] = p[sessionLink]&math.MaxUint32 | next<<32
			}
			link = next
		}
	}
	return kept, found
}

func (s *sessions) absorb(id, into uint32) {
	s.moved[id] = into
	if s.rows.At(id)[sessionRows]&fresh == 0 {
		s.absorbs = append(s.absorbs, absorbed{id, into})
	}
	s.rows.Edit(id)[sessionLink] = gone
}

// root is the session that an absorbed one is part of now.
func (s *sessions) root(id uint32) uint32 {
	for {
		into, ok := s.moved[id]
		if !ok {
			return id
		}
		id = into
	}
}

// settle ends a batch: sessions that were made and absorbed in it give their
// numbers back.
func (s *sessions) settle() {
	for _, id := range s.made {
		s.rows.At(id)[sessionRows] &^= fresh
		if _, ok := s.moved[id]; ok {
			s.rows.Free(id)
		}
	}
}

// closed takes the sessions that mark closes out of the wheel and marks them as
// gone. Their rows still say what they were, and their keys are in keys. Both are
// valid until the next call.
func (s *sessions) closed(mark int64) (ids, keys []uint32) {
	ids, keys = s.ended[:0], s.endedKeys[:0]
	s.due.take(mark, func(id uint32) (int64, bool) {
		if !s.rows.Live(id) {
			return 0, false
		}
		r := s.rows.At(id)
		return s.closes(r), r[sessionLink] != gone
	}, func(id uint32) {
		ids = append(ids, id)
		keys = append(keys, s.unlink(id))
	})
	s.ended, s.endedKeys = ids, keys
	return ids, keys
}

// unlink takes a session out of its key's list, and gives the key.
func (s *sessions) unlink(id uint32) (key uint32) {
	r := s.rows.Edit(id)
	key = uint32(r[sessionLink])
	next := r[sessionLink] >> 32
	s.open -= int64(r[sessionRows])
	s.keys.Rows().Mark(key)
	head := s.head(key)
	if o := s.order[key]; o != nil {
		s.cut(o, s.find(o, int64(r[sessionEnd])), key, head)
		r[sessionLink] = gone
		return key
	}
	r[sessionLink] = gone
	if *head == uint64(id)+1 {
		*head = next
		return key
	}
	at := uint32(*head - 1)
	for {
		p := s.rows.At(at)
		if n := p[sessionLink] >> 32; n != uint64(id)+1 {
			at = uint32(n - 1)
			continue
		}
		p = s.rows.Edit(at)
		p[sessionLink] = p[sessionLink]&math.MaxUint32 | next<<32
		return key
	}
}

// dropKeys removes the keys of empty that have no session.
func (s *sessions) dropKeys() {
	dead := s.empty[:0]
	for _, k := range s.empty {
		if *s.head(k) != 0 || *s.keys.Row(k).Header()&keyListed != 0 {
			continue
		}
		*s.keys.Row(k).Header() |= keyListed // a key may be there twice
		dead = append(dead, k)
	}
	if len(dead) > 0 {
		s.keys.Delete(dead)
	}
	s.empty = s.empty[:0]
}

// keyListed is a flag in the header of a key's row.
const keyListed = hash.FlagBit

// take adds the sessions of another layout's shard whose key groups keep
// accepts, and gives their numbers there and here.
func (s *sessions) take(of *sessions, keep func(group int) bool) (from, to []uint32) {
	of.keys.EachHash(func(ids []uint32, rows []hash.Row, hashes []uint64) {
		var kept []hash.Row
		var keptIDs []uint32
		for i, h := range hashes {
			if keep(hash.Group(h)) {
				kept, keptIDs = append(kept, rows[i]), append(keptIDs, ids[i])
			}
		}
		if len(kept) == 0 {
			return
		}
		s.keys.Upsert(s.enc.FromRows(kept, of.keys.Source()), &s.refs)
		for i, key := range s.refs.IDs {
			for link := *of.head(keptIDs[i]); link != 0; {
				id := uint32(link - 1)
				old := of.rows.At(id)
				link = old[sessionLink] >> 32
				n := s.rows.Alloc()
				r := s.rows.At(n)
				copy(r, old)
				r[sessionLink] = uint64(key) | *s.head(key)<<32
				*s.head(key) = uint64(n) + 1
				s.due.add(s.closes(r), n)
				s.open += int64(r[sessionRows])
				from, to = append(from, id), append(to, n)
			}
		}
	})
	return from, to
}
