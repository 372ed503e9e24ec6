package rank

import (
	"bytes"
	"slices"

	"github.com/streamsql/streamsql/statestore/table"
)

// The words of a stored row.
const (
	rowWord = iota // the first term of the order, see codec.words
	rowPos         // of the record in the arena
	rowLen         // length of its key << 32 | length of the record
	rowWords
)

// node is a row in the tree of its partition. Children and roots are ids + 1; 0
// is none.
type node struct{ left, right, size uint32 }

// trees holds the records of some partitions, each partition's in a treap. What
// is stored are rows and records; the nodes are memory only. Priorities come
// from the ids, so a tree depends on nothing but the history of its operator.
type trees struct {
	rows  *table.Rows
	mem   *table.Arena
	nodes []node
	hand  uint32 // next row to look at for moving its record
}

// openTrees makes trees over the parts of a table. The rows that are there hang
// in no tree yet.
func openTrees(st *table.Table, bucket int64) *trees {
	return &trees{rows: st.Rows(0, bucket, rowWords), mem: st.Arena(1, bucket)}
}

// add stores a record and gives its id. It hangs in no tree yet.
func (t *trees) add(word uint64, rec []byte, keyLen int) uint32 {
	pos := t.mem.Append(rec)
	id := t.rows.Alloc()
	row := t.rows.At(id)
	row[rowWord], row[rowPos], row[rowLen] = word, pos, uint64(keyLen)<<32|uint64(len(rec))
	t.fit()
	t.tidy()
	t.tidy()
	return id
}

// fit makes the nodes as many as ids.
func (t *trees) fit() {
	if n := int(t.rows.Cap()); n > len(t.nodes) {
		t.nodes = slices.Grow(t.nodes, n-len(t.nodes))[:n]
	}
}

// drop forgets a record that hangs in no tree any more.
func (t *trees) drop(id uint32) {
	row := t.rows.At(id)
	t.mem.Free(row[rowPos], int(uint32(row[rowLen])))
	t.rows.Free(id)
}

// tidy moves a record out of a chunk that is mostly dead, if the hand points at
// one.
func (t *trees) tidy() {
	if t.mem.Size() <= 2*t.mem.Live()+1<<16 {
		return
	}
	if t.hand >= t.rows.Cap() {
		t.hand = 0
	}
	if id := t.hand; t.rows.Live(id) {
		if row := t.rows.At(id); t.mem.Sparse(row[rowPos]) {
			row = t.rows.Edit(id)
			row[rowPos] = t.mem.Move(row[rowPos], int(uint32(row[rowLen])))
		}
	}
	t.hand++
}

func (t *trees) word(id uint32) uint64 { return t.rows.At(id)[rowWord] }

// record is a row's record.
func (t *trees) record(id uint32) []byte {
	row := t.rows.At(id)
	return t.mem.At(row[rowPos], int(uint32(row[rowLen])))
}

// key is the part of the record that the terms of ORDER BY make.
func (t *trees) key(id uint32) []byte {
	row := t.rows.At(id)
	return t.mem.At(row[rowPos], int(row[rowLen]>>32))
}

// compare gives the order of a record against a stored row.
func (t *trees) compare(word uint64, rec []byte, id uint32) int {
	row := t.rows.At(id)
	switch w := row[rowWord]; {
	case word < w:
		return -1
	case word > w:
		return 1
	}
	return bytes.Compare(rec, t.mem.At(row[rowPos], int(uint32(row[rowLen]))))
}

// priority mixes an id into a number that is as good as random (the finalizer of
// MurmurHash3).
func priority(id uint32) uint32 {
	id++
	id ^= id >> 16
	id *= 0x85ebca6b
	id ^= id >> 13
	id *= 0xc2b2ae35
	return id ^ id>>16
}

// size is the number of rows in a tree.
func (t *trees) size(root uint32) int {
	if root == 0 {
		return 0
	}
	return int(t.nodes[root-1].size)
}

func (t *trees) resize(root uint32) {
	n := &t.nodes[root-1]
	n.size = uint32(t.size(n.left) + t.size(n.right) + 1)
}

// before says whether row id with the record stands before another row. Equal rows
// stand in the order of their ids.
func (t *trees) before(word uint64, rec []byte, id, other uint32) bool {
	c := t.compare(word, rec, other)
	return c < 0 || c == 0 && id < other
}

// insert hangs a stored row into a tree and gives the new root.
func (t *trees) insert(root, id uint32) uint32 {
	if root == 0 {
		t.nodes[id] = node{size: 1}
		return id + 1
	}
	return t.insertAt(root, id, t.word(id), t.record(id), priority(id))
}

func (t *trees) insertAt(root, id uint32, word uint64, rec []byte, prio uint32) uint32 {
	if root == 0 {
		t.nodes[id] = node{size: 1}
		return id + 1
	}
	if prio > priority(root-1) {
		left, right := t.split(root, id, word, rec)
		t.nodes[id] = node{left: left, right: right}
		t.resize(id + 1)
		return id + 1
	}
	if t.before(word, rec, id, root-1) {
		child := t.insertAt(t.nodes[root-1].left, id, word, rec, prio)
		t.nodes[root-1].left = child
	} else {
		child := t.insertAt(t.nodes[root-1].right, id, word, rec, prio)
		t.nodes[root-1].right = child
	}
	t.nodes[root-1].size++
	return root
}

// split cuts a tree into the rows before row id, which is not in it, and those
// behind it.
func (t *trees) split(root, id uint32, word uint64, rec []byte) (left, right uint32) {
	if root == 0 {
		return 0, 0
	}
	n := &t.nodes[root-1]
	if t.before(word, rec, id, root-1) {
		left, n.left = t.split(n.left, id, word, rec)
		right = root
	} else {
		n.right, right = t.split(n.right, id, word, rec)
		left = root
	}
	t.resize(root)
	return left, right
}

// merge joins two trees, all rows of left before those of right.
func (t *trees) merge(left, right uint32) uint32 {
	switch {
	case left == 0:
		return right
	case right == 0:
		return left
	}
	if priority(left-1) > priority(right-1) {
		t.nodes[left-1].right = t.merge(t.nodes[left-1].right, right)
		t.resize(left)
		return left
	}
	t.nodes[right-1].left = t.merge(left, t.nodes[right-1].left)
	t.resize(right)
	return right
}

// remove takes a row that equals the record out of a tree; ok is false if there
// is none. The row itself stays stored.
func (t *trees) remove(root uint32, word uint64, rec []byte) (newRoot, id uint32, ok bool) {
	if root == 0 {
		return 0, 0, false
	}
	n := &t.nodes[root-1]
	switch c := t.compare(word, rec, root-1); {
	case c < 0:
		n.left, id, ok = t.remove(n.left, word, rec)
	case c > 0:
		n.right, id, ok = t.remove(n.right, word, rec)
	default:
		return t.merge(n.left, n.right), root - 1, true
	}
	if ok {
		n.size--
	}
	return root, id, ok
}

// removeLast takes the last row out of a tree that has one.
func (t *trees) removeLast(root uint32) (newRoot, id uint32) {
	n := &t.nodes[root-1]
	if n.right == 0 {
		return n.left, root - 1
	}
	n.right, id = t.removeLast(n.right)
	n.size--
	return root, id
}

// removeFirst takes the first row out of a tree that has one.
func (t *trees) removeFirst(root uint32) (newRoot, id uint32) {
	n := &t.nodes[root-1]
	if n.left == 0 {
		return n.right, root - 1
	}
	n.left, id = t.removeFirst(n.left)
	n.size--
	return root, id
}

// last is the last row of a tree that has one.
func (t *trees) last(root uint32) uint32 {
	for t.nodes[root-1].right != 0 {
		root = t.nodes[root-1].right
	}
	return root - 1
}

// at is the row at a place, counted from 0, of a tree that has it.
func (t *trees) at(root uint32, place int) uint32 {
	for {
		n := t.nodes[root-1]
		switch before := t.size(n.left); {
		case place < before:
			root = n.left
		case place == before:
			return root - 1
		default:
			place -= before + 1
			root = n.right
		}
	}
}

// walk calls fn on the rows of a tree in order, from a place on, until fn says to
// stop. It reports whether it came to the end.
func (t *trees) walk(root uint32, from int, fn func(id uint32) bool) bool {
	if root == 0 {
		return true
	}
	n := t.nodes[root-1]
	before := t.size(n.left)
	if from < before && !t.walk(n.left, from, fn) {
		return false
	}
	if from <= before && !fn(root-1) {
		return false
	}
	return t.walk(n.right, max(0, from-before-1), fn)
}

// build makes a tree of rows in order, in linear time: the rightmost path is a
// stack from which each new row takes what has a lower priority.
func (t *trees) build(ids []uint32) (root uint32) {
	var path []uint32
	for _, id := range ids {
		t.nodes[id] = node{}
		below := uint32(0)
		for len(path) > 0 && priority(path[len(path)-1]) < priority(id) {
			below = path[len(path)-1] + 1
			t.resize(below)
			path = path[:len(path)-1]
		}
		t.nodes[id].left = below
		if len(path) > 0 {
			t.nodes[path[len(path)-1]].right = id + 1
		}
		path = append(path, id)
	}
	for i := len(path) - 1; i >= 0; i-- {
		t.resize(path[i] + 1)
	}
	if len(path) == 0 {
		return 0
	}
	return path[0] + 1
}
