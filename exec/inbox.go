package exec

import (
	"sync"

	"github.com/streamsql/streamsql/exec/op"
)

// bundle is what one place in the sequence brings to one shard: the rows that
// a chunk sends there through the exchanges above the sources, the watermarks
// from there on, and perhaps a barrier or the end of sources. Every shard gets
// a bundle for every place, an empty one too.
type bundle struct {
	item
	rows  []delivery
	bytes int
}

// delivery is a batch at an exchange.
type delivery struct {
	exchange *exchange
	batch    *op.Batch
}

// message is what one shard sends another through an exchange above the first
// stage. Exactly one of its meanings is set.
type message struct {
	batch   *op.Batch
	mark    int64 // a watermark, if marked
	marked  bool
	end     bool
	barrier bool
	epoch   uint64
	bytes   int
}

// channel is the FIFO from one shard through one exchange to another shard.
type channel struct {
	exchange *exchange
	from     int
	level    int // of the consumer
	queue    []message
	mark     int64
	ended    bool
	blocked  bool // its barrier has come, those of others have not
}

// inbox is where a shard's work waits.
type inbox struct {
	mu      sync.Mutex
	pending map[int64]*bundle // by place in the sequence
	next    int64
	chans   []*channel
	turn    int
}

func newInbox() *inbox { return &inbox{pending: map[int64]*bundle{}} }

// put adds a bundle.
func (in *inbox) put(b *bundle) {
	in.mu.Lock()
	in.pending[b.seq] = b
	in.mu.Unlock()
}

// send adds a message to a channel.
func (in *inbox) send(ch *channel, m message) {
	in.mu.Lock()
	ch.queue = append(ch.queue, m)
	in.mu.Unlock()
}

// bundle takes the next bundle of the sequence, if it has come.
func (in *inbox) bundle() *bundle {
	in.mu.Lock()
	defer in.mu.Unlock()
	b := in.pending[in.next]
	if b != nil {
		delete(in.pending, in.next)
		in.next++
	}
	return b
}

// message takes the next message of some channel to a level above the given one
// that is not blocked, the channels in turn.
func (in *inbox) message(above int) (*channel, message, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for range in.chans {
		ch := in.chans[in.turn]
		in.turn = (in.turn + 1) % len(in.chans)
		if ch.blocked || len(ch.queue) == 0 || ch.level <= above {
			continue
		}
		m := ch.queue[0]
		ch.queue[0] = message{}
		ch.queue = ch.queue[1:]
		return ch, m, true
	}
	return nil, message{}, false
}

// block keeps back what comes behind a channel's barrier. Other shards look at that
// too: see busy.
func (in *inbox) block(ch *channel) {
	in.mu.Lock()
	ch.blocked = true
	in.mu.Unlock()
}

// unblock lets channels on again.
func (in *inbox) unblock(chans []*channel) {
	in.mu.Lock()
	for _, ch := range chans {
		ch.blocked = false
	}
	in.mu.Unlock()
}

// clear says that nothing waits in a channel and that it is not blocked.
func (in *inbox) clear(ch *channel) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(ch.queue) == 0 && !ch.blocked
}

// busy says that there are messages to levels above the given one that can be
// taken.
func (in *inbox) busy(above int) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, ch := range in.chans {
		if len(ch.queue) > 0 && !ch.blocked && ch.level > above {
			return true
		}
	}
	return false
}
