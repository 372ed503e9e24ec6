package lookup

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/planner"
)

// cache keeps the answers of lookups, in columns. It is shared by all shards. The
// answers of one lookup are one block; blocks are merged as they grow, like the runs
// of a merge sort, so that there are few of them and most of their rows are alive.
type cache struct {
	limits planner.LookupCache

	mu      sync.Mutex
	entries map[string]*entry
	used    list.List // of *entry, the last used one in front
	written list.List // of *entry, the last written one in front
	blocks  []*block
	cost    int64
}

// entry is the answer for a key: rows first to first+n of its block.
type entry struct {
	key           string
	block         *block
	first, n      int32
	wrote, asked  time.Time
	used, written *list.Element
}

// cost is what an entry counts against the limit: that there is no row counts as one.
func (e *entry) cost() int64 { return max(1, int64(e.n)) }

type block struct {
	cols    []arrow.Array
	n       int      // rows
	entries []*entry // dead ones too, which point elsewhere
	// live are the rows of the keys entries that are alive.
	live, keys int
}

// part is some of the rows that keys have.
type part struct {
	cols []arrow.Array
	n    int
}

func newCache(limits planner.LookupCache) *cache {
	return &cache{limits: limits, entries: map[string]*entry{}}
}

// get gives the rows of those keys that the cache has, and the numbers of the others.
func (c *cache) get(keys [][]byte, now time.Time, alloc memory.Allocator) (parts []part, missing []int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(now)
	rows := map[*block][]int32{}
	for i, k := range keys {
		e := c.entries[string(k)]
		if e != nil && c.stale(e, now) {
			c.drop(e)
			e = nil
		}
		if e == nil {
			missing = append(missing, int32(i))
			continue
		}
		e.asked = now
		c.used.MoveToFront(e.used)
		for r := e.first; r < e.first+e.n; r++ {
			rows[e.block] = append(rows[e.block], r)
		}
	}
	for _, b := range c.blocks { // in their order, so that nothing depends on the map's
		if sel := rows[b]; sel != nil {
			parts = append(parts, part{gather(b.cols, sel, alloc), len(sel)})
		}
	}
	return parts, missing
}

func gather(cols []arrow.Array, sel []int32, alloc memory.Allocator) []arrow.Array {
	out := make([]arrow.Array, len(cols))
	for i, col := range cols {
		out[i] = column.Gather(col, sel, alloc)
	}
	return out
}

func (c *cache) stale(e *entry, now time.Time) bool {
	l := c.limits
	return l.AfterWrite > 0 && now.Sub(e.wrote) >= l.AfterWrite || l.AfterAccess > 0 && now.Sub(e.asked) >= l.AfterAccess
}

// put keeps the answers for some keys: rows of cols in the order of the keys, of key
// k those from first[k] to first[k+1].
func (c *cache) put(keys [][]byte, cols []arrow.Array, n int, first []int32, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &block{cols: cols, n: n}
	for _, col := range cols {
		col.Retain()
	}
	for i, k := range keys {
		rows := first[i+1] - first[i]
		if rows == 0 && !c.limits.Missing {
			continue
		}
		if old := c.entries[string(k)]; old != nil { // another shard was first
			c.drop(old)
		}
		e := &entry{key: string(k), block: b, first: first[i], n: rows, wrote: now, asked: now}
		e.used, e.written = c.used.PushFront(e), c.written.PushFront(e)
		c.entries[e.key] = e
		b.entries = append(b.entries, e)
		b.live += int(rows)
		b.keys++
		c.cost += e.cost()
	}
	c.blocks = append(c.blocks, b)
	c.expire(now)
	for c.limits.MaxRows > 0 && c.cost > c.limits.MaxRows {
		c.drop(c.used.Back().Value.(*entry))
	}
	return c.tidy()
}

// expire drops what is too old. With both limits the one that an entry reaches first
// may come late in its list; get looks at it anyway.
func (c *cache) expire(now time.Time) {
	for _, l := range []*list.List{&c.used, &c.written} {
		for e := l.Back(); e != nil && c.stale(e.Value.(*entry), now); e = l.Back() {
			c.drop(e.Value.(*entry))
		}
	}
}

func (c *cache) drop(e *entry) {
	delete(c.entries, e.key)
	c.used.Remove(e.used)
	c.written.Remove(e.written)
	c.cost -= e.cost()
	e.block.live -= int(e.n)
	e.block.keys--
	e.block = nil
}

// tidy merges blocks until each is more than twice as large as the next, and rewrites
// those that are mostly dead.
func (c *cache) tidy() error {
	for i := len(c.blocks) - 1; i >= 0; {
		b, from := c.blocks[i], i
		switch {
		case i > 0 && c.blocks[i-1].size() <= 2*b.size():
			from--
		case b.n+len(b.entries) <= 2*b.size():
			i--
			continue
		}
		one, err := merged(c.blocks[from : i+1])
		if err != nil {
			return err
		}
		c.blocks = slices.Replace(c.blocks, from, i+1, one)
		if i = from; one.size() == 0 {
			one.release()
			c.blocks = slices.Delete(c.blocks, i, i+1)
			i--
		}
	}
	return nil
}

// size is what is alive in a block.
func (b *block) size() int { return b.live + b.keys }

// merged makes one block of what is alive in several, and releases them.
func merged(blocks []*block) (*block, error) {
	out := &block{}
	alloc := memory.DefaultAllocator
	parts := make([][]arrow.Array, len(blocks[0].cols))
	for _, b := range blocks {
		var sel []int32
		for _, e := range b.entries {
			if e.block != b {
				continue
			}
			first := int32(out.n + len(sel))
			for r := e.first; r < e.first+e.n; r++ {
				sel = append(sel, r)
			}
			e.block, e.first = out, first
			out.entries = append(out.entries, e)
		}
		out.n += len(sel)
		for i, col := range gather(b.cols, sel, alloc) {
			parts[i] = append(parts[i], col)
		}
		b.release()
	}
	out.live, out.keys = out.n, len(out.entries)
	for _, p := range parts {
		col, err := column.Concat(p, alloc)
		if err != nil {
			return nil, err
		}
		for _, one := range p {
			one.Release()
		}
		out.cols = append(out.cols, col)
	}
	return out, nil
}

func (b *block) release() {
	for _, col := range b.cols {
		col.Release()
	}
	b.cols = nil
}

func (c *cache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.blocks {
		b.release()
	}
	c.blocks, c.entries = nil, map[string]*entry{}
}
