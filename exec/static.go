package exec

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/static"
	"github.com/streamsql/streamsql/planner"
)

// staticTable is the table of a static join: one for all shards.
type staticTable struct {
	node *planner.Node
	op   *planner.StaticJoin
	now  static.Current
	// failed says why the table could not be read again; nil: it could.
	failed atomic.Pointer[string]
}

// table gives the static table of a node, which loadTables fills.
func (j *attempt) table(n *planner.Node, o *planner.StaticJoin) *static.Current {
	for _, t := range j.tables {
		if t.node == n {
			return &t.now
		}
	}
	t := &staticTable{node: n, op: o}
	j.tables = append(j.tables, t)
	return &t.now
}

// loadTables reads all static tables to their ends, before any stream is read.
// ErrStop says that the job was asked to stop meanwhile.
func (j *attempt) loadTables(ctx context.Context) error {
	for _, t := range j.tables {
		if err := t.load(ctx, j); err != nil {
			return err
		}
	}
	return nil
}

// load reads the table by a job of its own and puts it into the place of the one
// before. The job has one shard, so that rows come in one order.
func (t *staticTable) load(ctx context.Context, j *attempt) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var batches [][]arrow.Array
	rows := 0
	part := Start(ctx, Config{
		Plan: t.op.Table, Connectors: j.cfg.Connectors, Env: j.cfg.Env, Parallelism: 1, BatchRows: j.cfg.BatchRows,
		Result: func(b *op.Batch, _ []planner.Column) error {
			b.Retain()
			batches = append(batches, b.Cols)
			rows += b.N
			return nil
		},
	})
	stopped := false
	select {
	case <-part.Done():
	case <-j.stop:
		stopped = true
		cancel()
	}
	err := part.Wait()
	switch {
	case stopped:
		return ErrStop
	case err != nil:
		return fmt.Errorf("the static table of %s: %w", t.node.Detail, err)
	}
	table, err := static.NewTable(t.op, batches, rows, j.alloc)
	if err != nil {
		return fmt.Errorf("the static table of %s: %w", t.node.Detail, err)
	}
	t.now.Set(table)
	return nil
}

// reload reads the table again at its interval until ctx ends. If it can't be read
// the one before stays.
func (t *staticTable) reload(ctx context.Context, j *attempt) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.clock.After(t.op.Reload):
		}
		err := t.load(ctx, j)
		if errors.Is(err, ErrStop) || ctx.Err() != nil {
			return
		}
		if err != nil {
			j.log.Warn("a static table could not be read again: the one before stays", "error", err)
			why := fmt.Sprintf("a static table could not be read again at %s, the one before stays: %v", j.clock.Now().UTC().Format(time.DateTime), err)
			t.failed.Store(&why)
			continue
		}
		t.failed.Store(nil)
	}
}
