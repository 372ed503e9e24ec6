package statestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/zeebo/xxh3"
)

// Tx is the commit of one epoch in the making.
type Tx struct {
	s      *Store
	cut    Cut
	layout Layout
	shards []*ShardWriter
	done   bool
}

// Begin starts the commit of an epoch, which must be above the last one's. Call
// it at the barrier: its Cut goes to the tables that freeze.
//
// With a layout other than the last commit's the whole state has to be written:
// every stream starts afresh, and nothing older is needed once it is committed.
func (s *Store) Begin(epoch uint64, layout Layout) (*Tx, error) {
	if err := layout.check(); err != nil {
		return nil, err
	}
	if err := s.fault.err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.open:
		return nil, errors.New("statestore: the commit before is still open")
	case epoch <= s.lastEpoch():
		return nil, fmt.Errorf("statestore: epoch %d does not follow %d", epoch, s.lastEpoch())
	}
	s.open = true
	tx := &Tx{s: s, layout: layout, cut: s.cut(epoch)}
	var last *record
	if n := len(s.commits); n > 0 && s.commits[n-1].layout == layout {
		last = s.commits[n-1]
	} else {
		tx.cut = Cut{Epoch: epoch, Generation: epoch}
	}
	for i := range layout.Shards {
		w := &ShardWriter{tx: tx, shard: i, streams: map[StreamID]*streamEntry{}}
		tx.shards = append(tx.shards, w)
	}
	if last != nil {
		for _, e := range last.streams {
			e.blocks, e.digest = 0, 0
			tx.shards[e.shard].streams[e.id] = &e
		}
	}
	return tx, nil
}

// Cut returns what the tables need to know to freeze.
func (tx *Tx) Cut() Cut { return tx.cut }

// Layout returns the layout that the epoch is written in.
func (tx *Tx) Layout() Layout { return tx.layout }

// Shard returns the writer of shard i. Different shards may be written by
// different goroutines, each by one at a time.
func (tx *Tx) Shard(i int) *ShardWriter { return tx.shards[i] }

// ShardWriter takes the blocks of one shard. Its errors surface in Tx.Commit.
type ShardWriter struct {
	tx      *Tx
	shard   int
	streams map[StreamID]*streamEntry
	pending []pendingBlock
	size    int // bytes of pending
	total   int // bytes put so far
	paths   []string
	err     error

	evacuated int64
	onEnd     []func()
}

type pendingBlock struct {
	key   [blockKeySize]byte
	value []byte
	back  func() // gives the memory of value back; nil: nobody waits for it
}

// end gives the block's memory back.
func (p *pendingBlock) end() {
	if p.value = nil; p.back != nil {
		p.back()
		p.back = nil
	}
}

func (w *ShardWriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *ShardWriter) stream(id StreamID) *streamEntry {
	e := w.streams[id]
	if e == nil {
		e = &streamEntry{shard: w.shard, id: id, liveFrom: w.tx.cut.Epoch}
		w.streams[id] = e
	}
	return e
}

// Put adds a block to a stream, behind those already put. The writer owns the
// block from here on, its spare capacity included; with 8 bytes of that it is
// not copied. Blocks of 64 KiB to 1 MiB serve best.
func (w *ShardWriter) Put(id StreamID, block []byte) { w.PutLent(id, block, nil) }

// PutLent is Put for a block in memory that is lent: back is called, on any
// goroutine, as soon as it is not needed any more, at the end of the transaction at
// the latest.
func (w *ShardWriter) PutLent(id StreamID, block []byte, back func()) {
	e := w.stream(id)
	p := pendingBlock{back: back}
	key := appendBlockPrefix(p.key[:0], w.tx.cut.Epoch, w.shard, len(w.paths), id)
	key = binary.BigEndian.AppendUint32(key, uint32(e.blocks))
	sum := checksum(key, block)
	p.value = binary.BigEndian.AppendUint64(block, sum)
	w.pending = append(w.pending, p)
	e.blocks++
	e.digest += sum
	w.size += len(p.value)
	w.total += len(p.value)
	if w.size >= w.tx.s.opts.RunSize {
		w.flush()
	}
}

// SetLiveFrom says that nothing that the stream put before the given epoch is
// needed. A stream that was never put to, or was dropped, needs nothing before
// its first block.
func (w *ShardWriter) SetLiveFrom(id StreamID, epoch uint64) {
	e := w.stream(id)
	if epoch > w.tx.cut.Epoch {
		w.fail(fmt.Errorf("statestore: %v: live from epoch %d, which is yet to come", id, epoch))
		return
	}
	e.liveFrom = max(e.liveFrom, epoch)
}

// SetLiveBytes says how much a rewrite of the whole stream would take, in bytes.
// The length of the log is kept in proportion to the sum over all streams.
func (w *ShardWriter) SetLiveBytes(id StreamID, n int64) {
	w.stream(id).liveBytes = uint64(max(n, 0))
}

// Drop forgets a stream. It may be put to again from the next epoch on.
func (w *ShardWriter) Drop(id StreamID) {
	if e := w.streams[id]; e != nil && e.blocks > 0 {
		w.fail(fmt.Errorf("statestore: %v dropped in the epoch that puts to it", id))
		return
	}
	delete(w.streams, id)
}

// CountEvacuated says how many of the bytes put are rows that had not changed.
// It is for Metrics alone.
func (w *ShardWriter) CountEvacuated(n int64) { w.evacuated += n }

// OnEnd has fn called when the transaction has ended, either way, and blocks
// that were put are not referred to any more.
func (w *ShardWriter) OnEnd(fn func()) { w.onEnd = append(w.onEnd, fn) }

// Flush lets the shard's own goroutine write its file, once it has put all its
// blocks, while others are still at theirs. Optional.
func (w *ShardWriter) Flush() {
	if w.total >= w.tx.s.opts.SmallCommit {
		w.flush()
	}
}

// flush writes the pending blocks as a sorted run of their own.
func (w *ShardWriter) flush() {
	if w.err != nil || len(w.pending) == 0 {
		return
	}
	slices.SortFunc(w.pending, func(a, b pendingBlock) int { return bytes.Compare(a.key[:], b.key[:]) })
	path := w.tx.tmpPath(fmt.Sprintf("%d.%d", w.shard, len(w.paths)))
	w.paths = append(w.paths, path)
	sst, err := w.tx.s.createSST(path)
	if err == nil {
		for i := range w.pending {
			sst.set(w.pending[i].key[:], w.pending[i].value)
			w.pending[i].end()
		}
		err = sst.finish()
	}
	if err != nil {
		w.fail(fmt.Errorf("statestore: writing %s: %w", path, err))
	}
	w.pending, w.size = w.pending[:0], 0
}

func (tx *Tx) tmpPath(name string) string {
	fs := tx.s.fs
	return fs.PathJoin(tx.s.dir, tmpName, fmt.Sprintf("%d.%s.sst", tx.cut.Epoch, name))
}

// Commit makes everything that was put, and the metadata, durable at once. When
// it returns an error the epoch is not committed, or (after a failure of the
// disk, when only reopening the store can tell) may be. The tables that were
// frozen for it have lost their changes either way: the job must be restored
// from the last commit.
func (tx *Tx) Commit(meta map[string][]byte) error {
	if tx.done {
		return errors.New("statestore: the transaction has ended")
	}
	defer tx.end()
	r, large, err := tx.seal(meta)
	if err != nil {
		return err
	}
	if large {
		err = tx.ingest(r, meta)
	} else {
		err = tx.apply(r, meta)
	}
	if err != nil {
		return fmt.Errorf("statestore: committing epoch %d: %w", r.epoch, err)
	}
	return tx.committed(r, meta, large)
}

// Abort gives the transaction up.
func (tx *Tx) Abort() {
	if !tx.done {
		tx.end()
	}
}

func (tx *Tx) end() {
	tx.done = true
	for _, w := range tx.shards {
		for _, p := range w.paths {
			tx.s.fs.Remove(p) // Ingest has removed it; a leftover goes at the next Open
		}
		for i := range w.pending {
			w.pending[i].end()
		}
		w.pending = nil
		for _, fn := range w.onEnd {
			fn()
		}
	}
	tx.s.mu.Lock()
	tx.s.open = false
	tx.s.mu.Unlock()
}

// seal builds the commit record, and the files of a large commit.
func (tx *Tx) seal(meta map[string][]byte) (r *record, large bool, err error) {
	r = &record{epoch: tx.cut.Epoch, generation: tx.cut.Generation, layout: tx.layout}
	tx.s.mu.Lock()
	r.prev = tx.s.lastEpoch()
	tx.s.mu.Unlock()
	for _, w := range tx.shards {
		r.bytes += uint64(w.total)
		large = large || len(w.paths) > 0
	}
	for name, v := range meta {
		r.bytes += uint64(len(v))
		r.meta = append(r.meta, metaEntry{name: name, size: uint64(len(v)), digest: xxh3.Hash(v)})
	}
	slices.SortFunc(r.meta, func(a, b metaEntry) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	large = large || r.bytes >= uint64(tx.s.opts.SmallCommit)
	if large {
		var wg sync.WaitGroup
		for _, w := range tx.shards {
			if len(w.pending) > 0 {
				wg.Go(w.flush)
			}
		}
		wg.Wait()
	}
	for _, w := range tx.shards {
		if w.err != nil {
			return nil, false, w.err
		}
		r.runs = append(r.runs, max(1, len(w.paths)))
		for _, e := range w.streams {
			r.streams = append(r.streams, *e)
		}
	}
	slices.SortFunc(r.streams, compareStreams)
	return r, large, nil
}

// apply commits by one synced batch.
func (tx *Tx) apply(r *record, meta map[string][]byte) error {
	b := tx.s.db.NewBatchWithSize(int(r.bytes) + 4096)
	defer b.Close()
	for _, w := range tx.shards {
		for i := range w.pending {
			if err := b.Set(w.pending[i].key[:], w.pending[i].value, nil); err != nil {
				return err
			}
		}
	}
	for _, m := range r.meta {
		if err := b.Set(metaKey(r.epoch, m.name), meta[m.name], nil); err != nil {
			return err
		}
	}
	if err := b.Set(recordKey(r.epoch), r.encode(), nil); err != nil {
		return err
	}
	return tx.s.fault.do(func() error { return b.Commit(pebble.Sync) })
}

// ingest commits by one Ingest of the shards' files and one with the metadata
// and the record.
func (tx *Tx) ingest(r *record, meta map[string][]byte) error {
	var paths []string
	for _, w := range tx.shards {
		paths = append(paths, w.paths...)
	}
	path := tx.tmpPath("commit")
	defer tx.s.fs.Remove(path)
	sst, err := tx.s.createSST(path)
	if err != nil {
		return err
	}
	for _, m := range r.meta {
		sst.set(metaKey(r.epoch, m.name), meta[m.name])
	}
	sst.set(recordKey(r.epoch), r.encode())
	if err := sst.finish(); err != nil {
		return err
	}
	return tx.s.fault.do(func() error {
		if tx.s.takeInMemtable() {
			// So that no flushed file spans the epochs ingested now, which would
			// make a compaction rewrite them.
			if _, err := tx.s.db.AsyncFlush(); err != nil {
				return err
			}
		}
		return tx.s.db.Ingest(context.Background(), append(paths, path))
	})
}

func (s *Store) takeInMemtable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.inMemtable
	s.inMemtable = false
	return was
}

// committed notes a commit that is durable and cuts off the dead front of the
// log.
func (tx *Tx) committed(r *record, meta map[string][]byte, large bool) error {
	s := tx.s
	if err := s.head.set(r.epoch); err != nil {
		s.fault.set(err)
		return s.fault.err()
	}
	if !s.awaitCut() {
		return s.fault.err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inMemtable = s.inMemtable || !large
	s.metrics.commit(r, large)
	for _, w := range tx.shards {
		s.metrics.evacuated += w.evacuated
	}
	if n := len(s.commits); n > 0 {
		s.commits[n-1].dropIdle()
	}
	s.commits = append(s.commits, r)
	s.meta = make(map[string][]byte, len(meta))
	for name, v := range meta {
		s.meta[name] = bytes.Clone(v)
	}
	bound := r.bound()
	var dead int64
	i := 0
	for ; s.commits[i].epoch < bound; i++ {
		dead += s.commits[i].charge()
	}
	if i == 0 {
		return nil
	}
	s.commits = slices.Delete(s.commits, 0, i)
	s.metrics.dead += dead
	if s.metrics.dead < s.opts.LogSlack/generationsInLog {
		return nil // not worth an edit of the manifest
	}
	s.metrics.dead = 0
	done := make(chan struct{})
	s.excised = done
	go s.excise(bound, done)
	return nil
}

// excise removes the keys of all epochs below bound. It is no part of a commit:
// nothing refers to them any more. It closes done when it is through.
func (s *Store) excise(bound uint64, done chan struct{}) {
	err := s.fault.do(func() error {
		return s.db.Excise(context.Background(), pebble.KeyRange{Start: epochKey(0), End: epochKey(bound)})
	})
	close(done)
	if err != nil {
		s.fault.set(fmt.Errorf("cutting the log: %w", err))
	}
}
