package file

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/xxh3"
)

// queue says which file comes next in a split.
type queue interface {
	// next gives the next file; nil: none now; io.EOF: no more.
	next(pos *position) (*input, error)
	// resume makes the file of an offset the one given last.
	resume(from *position) error
	ready() <-chan struct{}
	close()
}

// fixedQueue is a list of files that ends.
type fixedQueue struct {
	files []input
	given int
}

func (q *fixedQueue) next(*position) (*input, error) {
	if q.given == len(q.files) {
		return nil, io.EOF
	}
	q.given++
	return &q.files[q.given-1], nil
}

// resume checks that the files before that of the offset are those that were
// read: what would be read from here on is not to depend on when one asks.
func (q *fixedQueue) resume(from *position) error {
	if from.path == "" {
		return nil
	}
	i := slices.IndexFunc(q.files, func(f input) bool { return f.path == from.path })
	if i < 0 {
		return fmt.Errorf("%s is gone, but was read up to byte %d only", from.path, from.bytes)
	}
	var hash uint64
	for _, f := range q.files[:i] {
		hash = chainFile(hash, f.path, f.size)
	}
	if uint64(i) != from.files || hash != from.hash {
		return fmt.Errorf("the files before %s have changed since they were read: there were %d, there are %d now, and their names and sizes differ", from.path, from.files, i)
	}
	q.given = i + 1
	return nil
}

func (q *fixedQueue) ready() <-chan struct{} { return nil }
func (q *fixedQueue) close()                 {}

// watchQueue looks for new files at intervals. Each file is read once.
type watchQueue struct {
	src      *source
	interval time.Duration
	known    map[xxh3.Uint128]int64 // files read to their end, with their size
	synced   int                    // entries of position.seen that are in known
	waiting  []input                // found, not given yet
	nextScan time.Time
	wake     chan struct{}
	armed    bool
	done     chan struct{}
}

func newWatchQueue(src *source) *watchQueue {
	return &watchQueue{src: src, interval: src.monitor, known: map[xxh3.Uint128]int64{},
		wake: make(chan struct{}, 1), done: make(chan struct{})}
}

func (q *watchQueue) next(pos *position) (*input, error) {
	for _, s := range pos.seen[q.synced:] {
		q.known[s.hash] = s.size
	}
	q.synced = len(pos.seen)
	now := q.src.env.Clock.Now()
	if len(q.waiting) == 0 && !now.Before(q.nextScan) {
		if err := q.scan(); err != nil {
			return nil, err
		}
		q.nextScan = now.Add(q.interval)
		q.armed = false
	}
	if len(q.waiting) == 0 {
		q.arm(q.nextScan.Sub(now))
		return nil, nil
	}
	in := q.waiting[0]
	q.waiting = q.waiting[1:]
	return &in, nil
}

// scan finds the files that are not known, in the order of modification time,
// then path. A file that has been read and has another size now is an error.
func (q *watchQueue) scan() error {
	found, err := q.src.finder.find()
	if err != nil {
		return err
	}
	for _, in := range found {
		size, known := q.known[pathHash(in.path)]
		if !known {
			q.waiting = append(q.waiting, in)
		} else if size != in.size {
			return fmt.Errorf("%s has changed after it was read: %d bytes then, %d now; files in a watched directory must be complete when they appear (write them elsewhere, then rename)", in.path, size, in.size)
		}
	}
	slices.SortStableFunc(q.waiting, func(a, b input) int {
		if c := a.mtime.Compare(b.mtime); c != 0 {
			return c
		}
		return strings.Compare(a.path, b.path)
	})
	return nil
}

// resume has nothing to do: the file is not looked for again before it has been
// read to its end.
func (q *watchQueue) resume(*position) error { return nil }

func (q *watchQueue) ready() <-chan struct{} { return q.wake }

// arm has ready receive when it is time to look again.
func (q *watchQueue) arm(d time.Duration) {
	if q.armed {
		return
	}
	q.armed = true
	after := q.src.env.Clock.After(d)
	go func() {
		select {
		case <-after:
			select {
			case q.wake <- struct{}{}:
			default:
			}
		case <-q.done:
		}
	}()
}

func (q *watchQueue) close() { close(q.done) }
