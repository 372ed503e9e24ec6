package exec

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/planner"
)

// replay is a source that reads dead letters: splits, offsets and records are those
// of their table; the rows are those of the records that the letters keep.
type replay struct {
	letters connectors.Source
	again   connectors.Rereader
	of      *planner.Replay
	program *expr.Program // Where (or TRUE), then Cells
	job     *attempt
}

// openReplay makes the source of a Scan that replays.
func (j *attempt) openReplay(o *planner.Scan, cfg connectors.SourceConfig, c *connectors.Connector) (connectors.Source, error) {
	if c.Reread == nil {
		return nil, fmt.Errorf("records of connector '%s' can't be read again from dead letters", o.Connector)
	}
	again, err := c.Reread(cfg, j.cfg.Env)
	if err != nil {
		return nil, err
	}
	letters, err := j.openSource(&o.Replay.Letters)
	if err != nil {
		return nil, err
	}
	r := &replay{letters: letters, again: again, of: o.Replay, job: j}
	where := o.Replay.Where
	if where == nil {
		where = &catalog.Literal{Value: true, T: catalog.Boolean}
	}
	r.program, err = expr.Compile(append([]catalog.Expr{where}, o.Replay.Cells...), expr.Options{Zone: j.plan.Zone})
	return r, err
}

// Splits implements connectors.Source.
func (r *replay) Splits(ctx context.Context) ([]connectors.Split, error) {
	return r.letters.Splits(ctx)
}

// Open implements connectors.Source.
func (r *replay) Open(ctx context.Context, s connectors.Split, from connectors.Offset) (connectors.SplitReader, error) {
	reader, err := r.letters.Open(ctx, s, from)
	if err != nil {
		return nil, err
	}
	return &replayReader{SplitReader: reader, of: r}, nil
}

// Grown implements connectors.Growable.
func (r *replay) Grown(ctx context.Context, s connectors.Split, end connectors.Offset) (string, error) {
	if g, ok := r.letters.(connectors.Growable); ok {
		return g.Grown(ctx, s, end)
	}
	return "", nil
}

// Close implements connectors.Source.
func (r *replay) Close() error { return r.letters.Close() }

type replayReader struct {
	connectors.SplitReader
	of *replay
}

// Fetch implements connectors.SplitReader.
func (r *replayReader) Fetch(ctx context.Context, max connectors.Limits) (connectors.Chunk, error) {
	c, err := r.SplitReader.Fetch(ctx, max)
	if c == nil || err != nil {
		return nil, err
	}
	return &replayChunk{Chunk: c, of: r.of}, nil
}

// replayChunk is a run of letters.
type replayChunk struct {
	connectors.Chunk
	of *replay
}

// letter is one that is read again.
type letter struct {
	record int32 // of the table
	connectors.Kept
}

// Decode implements connectors.Chunk: a letter stands for the rows of its record,
// one that is not asked for stands for none.
func (c *replayChunk) Decode(alloc memory.Allocator) (*connectors.Records, error) {
	table, err := c.Chunk.Decode(alloc)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, a := range table.Cols {
			a.Release()
		}
	}()
	for _, e := range table.Errors {
		return nil, fmt.Errorf("a dead letter can't be read: %s: %s", table.Position(table.Record(int(e.Row))), e.Detail)
	}
	taken, err := c.letters(table, alloc)
	if err != nil {
		return nil, err
	}
	d := c.of.again.NewDecoder(alloc)
	defer d.Release()
	for _, l := range taken {
		if err := d.Append(l.Kept); err != nil {
			return nil, err
		}
	}
	recs, err := d.Finish()
	if err != nil {
		return nil, err
	}
	of := make([]int32, recs.N)
	for i := range of {
		of[i] = taken[recs.Record(i)].record
	}
	recs.Of = of
	at := func(record int) *letter {
		i, _ := slices.BinarySearchFunc(taken, int32(record), func(l letter, r int32) int { return int(l.record - r) })
		return &taken[i]
	}
	recs.Raw = func(record int) []byte { return at(record).Raw }
	recs.Position = func(record int) string { return at(record).Position }
	return recs, nil
}

// letters are those that the replay asks for, in their order.
func (c *replayChunk) letters(table *connectors.Records, alloc memory.Allocator) ([]letter, error) {
	eval := c.of.program.NewEvaluator(alloc)
	defer eval.Close()
	out, errs, err := eval.Eval(c.of.job.clock.Now(), table.Cols, table.N, nil)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, a := range out {
			a.Release()
		}
	}()
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s: %s", table.Position(table.Record(int(errs[0].Row))), errs[0].Error())
	}
	where := out[0].(*array.Boolean)
	source, branch, position := out[1].(*array.String), out[2].(*array.String), out[3].(*array.String)
	var taken []letter
	for i := range table.N {
		if where.IsNull(i) || !where.Value(i) || out[4].IsNull(i) || source.Value(i) != c.of.of.Source || branch.Value(i) != c.of.of.Branch {
			continue
		}
		l := letter{int32(table.Record(i)), connectors.Kept{Raw: slices.Clone(bytesAt(out[4], i)), Position: strings.Clone(position.Value(i))}}
		if !out[5].IsNull(i) {
			l.Key = append([]byte{}, bytesAt(out[5], i)...)
		}
		if at, ok := out[6].(*array.Timestamp); ok && !at.IsNull(i) {
			l.Timestamp, l.Timed = int64(at.Value(i)), true
		}
		l.Headers = headersAt(out[7], i)
		taken = append(taken, l)
	}
	return taken, nil
}

// headersAt is the value of a MAP<STRING, BYTES> column; nil: NULL.
func headersAt(a arrow.Array, i int) []connectors.Header {
	m, ok := a.(*array.Map)
	if !ok || m.IsNull(i) {
		return nil
	}
	keys, values := m.Keys().(*array.String), m.Items().(*array.Binary)
	from, to := m.ValueOffsets(i)
	out := make([]connectors.Header, 0, to-from)
	for k := int(from); k < int(to); k++ {
		h := connectors.Header{Key: strings.Clone(keys.Value(k))}
		if !values.IsNull(k) {
			h.Value = append([]byte{}, values.Value(k)...)
		}
		out = append(out, h)
	}
	return out
}

// bytesAt is the value of a BYTES column.
func bytesAt(a arrow.Array, i int) []byte { return a.(*array.Binary).Value(i) }
