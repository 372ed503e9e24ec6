package agg

import "github.com/streamsql/streamsql/exec/hash"

// A tree orders the records of a group of a bag: a treap (Aragon and Seidel,
// Randomized Search Trees, 1989) whose nodes are the rows of the bag's table and
// whose priorities are a hash of their ids. Links are ids+1, 0 for none.
//
// A node whose count is not positive is in the tree but does not show: it has
// been taken out before it came.
type tree struct {
	b *bag
	t *hash.Table
}

func (b *bag) tree(t *hash.Table) tree { return tree{b, t} }

func (tr tree) row(link uint32) hash.Row { return tr.t.Row(link - 1) }

// edit is row for a node that is about to change.
func (tr tree) edit(link uint32) hash.Row {
	tr.t.Rows().Mark(link - 1)
	return tr.t.Row(link - 1)
}

func (tr tree) count(row hash.Row) int64 { return *hash.At[int64](row, tr.b.state+bagCount) }

func (tr tree) child(row hash.Row, right uint) uint32 {
	return uint32(*hash.At[uint64](row, tr.b.state+bagLinks) >> (32 * right))
}

func (tr tree) setChild(row hash.Row, right uint, link uint32) {
	w := hash.At[uint64](row, tr.b.state+bagLinks)
	*w = *w&^(0xffffffff<<(32*right)) | uint64(link)<<(32*right)
}

func (tr tree) parent(row hash.Row) uint32 {
	return uint32(*hash.At[uint64](row, tr.b.state+bagParent))
}

func (tr tree) setParent(link, parent uint32) {
	if link != 0 {
		*hash.At[uint64](tr.edit(link), tr.b.state+bagParent) = uint64(parent)
	}
}

// priority spreads ids (the finalizer of MurmurHash3).
func priority(link uint32) uint32 {
	h := link
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

func (tr tree) rootOf(group hash.Row) uint32 { return uint32(*hash.At[uint64](group, tr.b.root)) }

func (tr tree) setRoot(group hash.Row, link uint32) {
	*hash.At[uint64](group, tr.b.root) = uint64(link)
}

// visible is the number of times that a record shows.
func (tr tree) visible(row hash.Row) int64 {
	n := max(0, tr.count(row))
	if tr.b.shape.once {
		n = min(1, n)
	}
	return n
}

// add adds by to the count of a record, which has just been upserted, and puts
// it into its group's tree if it is new.
func (tr tree) add(group hash.Row, id uint32, by int64) {
	row := tr.t.Row(id)
	old := tr.visible(row)
	*hash.At[int64](row, tr.b.state+bagCount) += by
	if *row.Header()&flagLinked == 0 {
		*row.Header() |= flagLinked
		tr.insert(group, id+1)
		return
	}
	if tr.b.ranked {
		tr.raise(id+1, tr.visible(row)-old)
	}
}

// raise adds to the ranks of a node and all above it.
func (tr tree) raise(link uint32, by int64) {
	if by == 0 {
		return
	}
	for link != 0 {
		row := tr.edit(link)
		*hash.At[int64](row, tr.b.state+bagRank) += by
		link = tr.parent(row)
	}
}

func (tr tree) rank(link uint32) int64 {
	if link == 0 {
		return 0
	}
	return *hash.At[int64](tr.row(link), tr.b.state+bagRank)
}

// insert links a node as a leaf and rotates it up.
func (tr tree) insert(group hash.Row, link uint32) {
	at := tr.rootOf(group)
	if at == 0 {
		tr.setRoot(group, link)
		tr.settle(link, 0)
		return
	}
	row, src := tr.row(link), tr.t.Source()
	for {
		node := tr.row(at)
		right := uint(0)
		if tr.b.rec.compare(row, src, node, src) > 0 {
			right = 1
		}
		next := tr.child(node, right)
		if next == 0 {
			tr.setChild(tr.edit(at), right, link)
			break
		}
		at = next
	}
	tr.settle(link, at)
	for p := tr.parent(tr.row(link)); p != 0 && priority(p) < priority(link); p = tr.parent(tr.row(link)) {
		tr.rotate(group, p, link)
	}
}

// settle makes a new leaf of a node, below a parent.
func (tr tree) settle(link, parent uint32) {
	row := tr.edit(link)
	*hash.At[uint64](row, tr.b.state+bagLinks) = 0
	*hash.At[uint64](row, tr.b.state+bagParent) = uint64(parent)
	if tr.b.ranked {
		*hash.At[int64](row, tr.b.state+bagRank) = 0
		tr.raise(link, tr.visible(row))
	}
}

// rotate lifts a node over its parent.
func (tr tree) rotate(group hash.Row, parent, link uint32) {
	p, n := tr.edit(parent), tr.edit(link)
	side := uint(0) // of the node
	if tr.child(p, 1) == link {
		side = 1
	}
	inner, above := tr.child(n, 1-side), tr.parent(p)
	tr.setChild(p, side, inner)
	tr.setParent(inner, parent)
	tr.setChild(n, 1-side, parent)
	tr.setParent(parent, link)
	tr.setParent(link, above)
	tr.replace(group, above, parent, link)
	if tr.b.ranked {
		*hash.At[int64](n, tr.b.state+bagRank) = *hash.At[int64](p, tr.b.state+bagRank)
		*hash.At[int64](p, tr.b.state+bagRank) = tr.visible(p) + tr.rank(tr.child(p, 0)) + tr.rank(tr.child(p, 1))
	}
}

// replace puts link where old was below parent, or at the root.
func (tr tree) replace(group hash.Row, parent, old, link uint32) {
	if parent == 0 {
		tr.setRoot(group, link)
		return
	}
	row := tr.edit(parent)
	side := uint(0)
	if tr.child(row, 1) == old {
		side = 1
	}
	tr.setChild(row, side, link)
}

// unlink takes a record whose count is 0 out of the tree.
func (tr tree) unlink(group hash.Row, id uint32) {
	link := id + 1
	row := tr.edit(link)
	for {
		l, r := tr.child(row, 0), tr.child(row, 1)
		if l == 0 || r == 0 {
			only := l | r
			above := tr.parent(row)
			tr.setParent(only, above)
			tr.replace(group, above, link, only)
			break
		}
		if priority(l) > priority(r) {
			tr.rotate(group, link, l)
		} else {
			tr.rotate(group, link, r)
		}
	}
	*row.Header() &^= flagLinked
}

// end is the node at an end of a subtree: 0 the first, 1 the last.
func (tr tree) end(link uint32, right uint) uint32 {
	for link != 0 {
		next := tr.child(tr.row(link), right)
		if next == 0 {
			break
		}
		link = next
	}
	return link
}

// step is the neighbour of a node: 1 the next one, 0 the one before.
func (tr tree) step(link uint32, right uint) uint32 {
	if c := tr.child(tr.row(link), right); c != 0 {
		return tr.end(c, 1-right)
	}
	for {
		p := tr.parent(tr.row(link))
		if p == 0 || tr.child(tr.row(p), 1-right) == link {
			return p
		}
		link = p
	}
}

func (tr tree) first(group hash.Row) uint32 { return tr.end(tr.rootOf(group), 0) }
func (tr tree) next(link uint32) uint32     { return tr.step(link, 1) }

// extreme is the first (right 0) or last (1) record of a group that shows.
func (tr tree) extreme(group hash.Row, right uint) (hash.Row, bool) {
	for link := tr.end(tr.rootOf(group), right); link != 0; link = tr.step(link, 1-right) {
		if row := tr.row(link); tr.count(row) > 0 {
			return row, true
		}
	}
	return hash.Row{}, false
}

// total is the number of records of a group of a ranked tree.
func (tr tree) total(group hash.Row) int64 { return tr.rank(tr.rootOf(group)) }

// nth is record n, from 0 on, of a group of a ranked tree; n < total.
func (tr tree) nth(group hash.Row, n int64) hash.Row {
	link := tr.rootOf(group)
	for {
		row := tr.row(link)
		left := tr.rank(tr.child(row, 0))
		switch here := tr.visible(row); {
		case n < left:
			link = tr.child(row, 0)
		case n < left+here:
			return row
		default:
			n -= left + here
			link = tr.child(row, 1)
		}
	}
}
