package lookup

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/planner"
)

// Source is the table of one lookup join, which all shards ask.
type Source struct {
	op     *planner.LookupJoin
	conn   connectors.Lookup
	clock  clock.Clock
	log    *slog.Logger
	cache  *cache // nil: none
	filter *expr.Program
	exprs  *expr.Program
	// ctx ends lookups when the job ends.
	ctx    context.Context
	opened bool
}

// Config is the connector's configuration for a lookup join.
func Config(o *planner.LookupJoin) connectors.LookupConfig {
	cfg := connectors.LookupConfig{SourceConfig: connectors.SourceConfig{Name: o.Source, Options: o.Options, Declared: o.Declared}}
	for _, c := range o.Columns {
		cfg.Columns = append(cfg.Columns, connectors.ScanColumn{Name: c.Name, Type: c.Type, NotNull: c.NotNull, Metadata: c.Metadata})
	}
	for _, k := range o.By {
		cfg.Keys = append(cfg.Keys, k.Column)
	}
	return cfg
}

// NewSource makes the table of a join, over a connection that is not open yet.
func NewSource(o *planner.LookupJoin, conn connectors.Lookup, opts expr.Options, c clock.Clock, log *slog.Logger) (*Source, error) {
	s := &Source{op: o, conn: conn, clock: c, log: log}
	var err error
	if s.exprs, err = expr.Compile(o.Exprs, opts); err != nil {
		return nil, err
	}
	if o.Filter != nil {
		if s.filter, err = expr.Compile([]catalog.Expr{o.Filter}, opts); err != nil {
			return nil, err
		}
	}
	if o.Cache.On {
		s.cache = newCache(o.Cache)
	}
	return s, nil
}

// Open connects. Lookups end with ctx.
func (s *Source) Open(ctx context.Context) error {
	s.ctx, s.opened = ctx, true
	if err := s.conn.Open(ctx); err != nil {
		return s.wrap(err)
	}
	return nil
}

// Close disconnects, if Open was called.
func (s *Source) Close() error {
	if s.cache != nil {
		s.cache.close()
	}
	if !s.opened {
		return nil
	}
	return s.wrap(s.conn.Close())
}

func (s *Source) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("lookup in %s: %w", s.op.Source, err)
}

// The waits before a lookup is tried again: twice as long each time.
const (
	firstPause = 100 * time.Millisecond
	mostPause  = 10 * time.Second
)

// ask looks keys up in the table itself, again if that fails.
func (s *Source) ask(keys []arrow.Array, n int, alloc memory.Allocator) (*connectors.Found, error) {
	pause := firstPause
	for tries := 0; ; tries++ {
		found, err := s.conn.Lookup(s.ctx, keys, n, alloc)
		if err == nil {
			return found, nil
		}
		if s.ctx.Err() != nil {
			return nil, s.ctx.Err()
		}
		if tries == s.op.Retries {
			return nil, s.wrap(fmt.Errorf("%w (tried %d times)", err, tries+1))
		}
		s.log.Warn("a lookup failed and is tried again", "table", s.op.Source, "error", err, "pause", pause)
		select {
		case <-s.ctx.Done():
			return nil, s.ctx.Err()
		case <-s.clock.After(pause):
		}
		pause = min(2*pause, mostPause)
	}
}
