package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/keyed"
)

// lookup finds rows among all that were sent to a table so far.
type lookup struct {
	src   *source
	index *keyed.Index

	mu   sync.Mutex
	read []int // records taken up, by split
}

func (s *Store) openLookup(formats format.Set, cfg connectors.LookupConfig) (connectors.Lookup, error) {
	src, err := s.openSource(formats, cfg.SourceConfig)
	if err != nil {
		return nil, err
	}
	return &lookup{src: src, index: keyed.New(cfg)}, nil
}

// Open implements connectors.Lookup.
func (l *lookup) Open(context.Context) error { return nil }

// Lookup implements connectors.Lookup.
func (l *lookup) Lookup(ctx context.Context, keys []arrow.Array, n int, alloc memory.Allocator) (*connectors.Found, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := l.takeUp(); err != nil {
		return nil, err
	}
	return l.index.Find(keys, n, alloc)
}

// takeUp adds the records to the index that have come since the last time.
func (l *lookup) takeUp() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var chunks []*chunk
	l.src.table.mu.Lock()
	for i, s := range l.src.table.splits {
		if i == len(l.read) {
			l.read = append(l.read, 0)
		}
		if first := max(l.read[i], s.first); first < s.sent() {
			l.read[i] = first
			chunks = append(chunks, &chunk{src: l.src, split: i, first: first, records: slices.Clone(s.records[first-s.first:])})
		}
	}
	l.src.table.mu.Unlock()
	for _, c := range chunks {
		recs, err := c.Decode(memory.DefaultAllocator)
		if err != nil {
			return err
		}
		l.index.Add(recs)
		l.read[c.split] += len(c.records)
	}
	return nil
}

// Close implements connectors.Lookup.
func (l *lookup) Close() error {
	l.index.Close()
	return nil
}
