package sql

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/keyed"
)

// rowsLookup looks rows of a source block up: those that are there at the moment.
type rowsLookup struct {
	src *rowsSource
	cfg connectors.LookupConfig
}

func (f *feed) lookup(formats format.Set, cfg connectors.LookupConfig) (connectors.Lookup, error) {
	d, err := formats.NewDecoding(cfg.SourceConfig, 0)
	if err != nil {
		return nil, err
	}
	name := cfg.Options["name"]
	if f.sources[name] == nil {
		return nil, fmt.Errorf("no source block %q", name)
	}
	return &rowsLookup{&rowsSource{f: f, name: name, s: f.sources[name], cfg: cfg.SourceConfig, decoding: d}, cfg}, nil
}

// Open implements connectors.Lookup.
func (l *rowsLookup) Open(context.Context) error { return nil }

// Lookup implements connectors.Lookup.
func (l *rowsLookup) Lookup(ctx context.Context, keys []arrow.Array, n int, alloc memory.Allocator) (*connectors.Found, error) {
	x := keyed.New(l.cfg)
	defer x.Close()
	splits, err := l.src.Splits(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range splits {
		r, err := l.src.reader(s, nil)
		if err != nil {
			return nil, err
		}
		for {
			c, err := r.Fetch(ctx, connectors.Limits{Records: 1000, Bytes: 1 << 20})
			if c == nil || err != nil {
				break
			}
			recs, err := c.Decode(memory.DefaultAllocator)
			if err != nil {
				return nil, err
			}
			x.Add(recs)
		}
	}
	return x.Find(keys, n, alloc)
}

// Close implements connectors.Lookup.
func (l *rowsLookup) Close() error { return nil }
