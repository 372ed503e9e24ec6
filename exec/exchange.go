package exec

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
)

// sender is one shard's end of an exchange: it spreads batches over the shards
// that own their rows.
type sender struct {
	x     *exchange
	t     *task
	enc   *hash.Encoder // hash exchanges of rows
	cols  []int         // key columns
	keys  []arrow.Array // those of the batch at hand
	sels  [][]int32
	mark  int64
	ended bool
}

// newSender prepares hashing for an exchange whose rows have the given columns.
func newSender(x *exchange, t *task, cols []catalog.Type, keys []int) (*sender, error) {
	s := &sender{x: x, t: t, mark: op.MinTime, cols: keys}
	if x.kind != exchangeHash || t.job.layout.Shards == 1 || cols == nil {
		return s, nil
	}
	types := make([]catalog.Type, len(keys))
	for i, k := range keys {
		types[i] = cols[k]
	}
	layout, err := hash.NewLayout(types)
	if err != nil {
		return nil, err
	}
	s.enc = hash.NewEncoder(layout)
	s.keys = make([]arrow.Array, len(keys))
	s.sels = make([][]int32, t.job.layout.Shards)
	return s, nil
}

func (s *sender) process(b *op.Batch) error {
	shards := s.t.job.layout.Shards
	switch {
	case b.Payload != nil:
		for i := range shards {
			if p := b.Payload.Part(i); p != nil {
				to := i
				if s.x.kind == exchangeSingle {
					to = 0
				}
				if err := s.send(to, &op.Batch{N: b.N, Payload: p}); err != nil {
					return err
				}
			}
		}
		return nil
	case s.x.kind == exchangeLocal:
		return s.send(s.t.shard, b)
	case s.x.kind == exchangeSingle || shards == 1:
		return s.send(0, b)
	}
	return s.spread(b)
}

// spread sends each row to the shard that owns its key group.
func (s *sender) spread(b *op.Batch) error {
	for i, k := range s.cols {
		s.keys[i] = b.Cols[k]
	}
	hashes := s.enc.Encode(s.keys, colvec.Rows{To: b.N}).Hash
	shards := len(s.sels)
	for i := range s.sels {
		s.sels[i] = s.sels[i][:0]
	}
	for i, h := range hashes[:b.N] {
		k := s.t.job.layout.ShardOf(hash.Group(h))
		s.sels[k] = append(s.sels[k], int32(i))
	}
	for k := range shards {
		sel := s.sels[k]
		switch {
		case len(sel) == 0:
			continue
		case len(sel) == b.N:
			return s.send(k, b)
		}
		part := b.Gather(sel, s.t.alloc)
		err := s.send(k, part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// send passes a batch to a shard: with the chunk's bundle above the sources,
// through the shard's channel elsewhere.
func (s *sender) send(shard int, b *op.Batch) error {
	b = &op.Batch{N: b.N, Cols: b.Cols, Kinds: b.Kinds, W: b.W, Payload: b.Payload}
	t := s.t
	if s.x.level > 0 && shard == t.shard && t.inbox.clear(t.channels[s.x.index][shard]) {
		// To itself, and nothing waits before: the consumer is called at once. A
		// queue to oneself could only grow while one fills it.
		epoch := t.epoch
		err := t.deliver(t.inputs[s.x.index], b)
		t.epoch = epoch
		return err
	}
	b.Retain()
	size := b.Bytes()
	if s.x.level == 0 {
		out := t.bundles[shard]
		out.rows = append(out.rows, delivery{s.x, b})
		out.bytes += size
		return nil
	}
	t.job.reader.queued(int64(size))
	s.post(shard, message{batch: b, bytes: size})
	return t.throttle(t.job.tasks[shard], s.x.level)
}

func (s *sender) post(shard int, m message) {
	s.t.job.tasks[shard].inbox.send(s.t.job.tasks[shard].channels[s.x.index][s.t.shard], m)
	s.t.job.wake()
}

// advance tells all shards of a watermark. Level 0 has none of its own: its
// watermarks come with the sequence.
func (s *sender) advance(w int64) error {
	if s.x.level == 0 || w <= s.mark {
		return nil
	}
	s.mark = w
	s.each(message{mark: w, marked: true})
	return nil
}

func (s *sender) end() error {
	if s.x.level > 0 && !s.ended {
		s.ended = true
		s.each(message{end: true})
	}
	return nil
}

func (s *sender) barrier(epoch uint64) { s.each(message{barrier: true, epoch: epoch}) }

// each posts m to every shard that can get rows from here.
func (s *sender) each(m message) {
	for i := range s.t.job.tasks {
		s.post(i, m)
	}
}
