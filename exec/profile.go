package exec

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/streamsql/streamsql/connectors"
)

// profile measures how long a shard is at work in each operator, without the
// operators that it calls in turn. The methods of a nil profile do nothing.
type profile struct {
	self  []atomic.Int64 // nanoseconds, by node
	stack []int          // of the calls under way
	since time.Time      // when the topmost call began, or went on
}

func newProfile(nodes int) *profile { return &profile{self: make([]atomic.Int64, nodes)} }

// enter begins a call of a node's operator.
func (p *profile) enter(node int) {
	if p == nil {
		return
	}
	p.charge()
	p.stack = append(p.stack, node)
}

// leave ends the call begun last.
func (p *profile) leave() {
	if p == nil {
		return
	}
	p.charge()
	p.stack = p.stack[:len(p.stack)-1]
}

// charge books the time since the last change on the topmost call.
func (p *profile) charge() {
	now := time.Now()
	if n := len(p.stack); n > 0 {
		p.self[p.stack[n-1]].Add(int64(now.Sub(p.since)))
	}
	p.since = now
}

// busy is the time that all shards have been at work in a node.
func (j *attempt) busy(node int) time.Duration {
	sum := int64(0)
	for _, t := range j.tasks {
		if t.profile != nil {
			sum += t.profile.self[node].Load()
		}
	}
	return time.Duration(sum)
}

// discard is a sink that takes rows and forgets them, for Config.Discard.
type discard struct{}

func (discard) Open(context.Context, connectors.SinkIdentity) error         { return nil }
func (discard) Write(context.Context, uint64, int, *connectors.Batch) error { return nil }
func (discard) Prepare(context.Context, uint64) ([]byte, error)             { return nil, nil }
func (discard) Commit(context.Context, uint64, []byte) error                { return nil }
func (discard) Abort(context.Context, uint64) error                         { return nil }
func (discard) Close(context.Context, bool) error                           { return nil }
