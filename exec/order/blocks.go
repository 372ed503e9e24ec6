package order

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
)

// held is one batch of rows in state.
type held struct {
	rows  *op.Batch
	epoch uint64 // that it was last written in; 0: not yet
}

// frozen is the batches to be written at a barrier.
type frozen struct {
	stream   statestore.StreamID
	schema   *arrow.Schema
	batches  []*op.Batch
	liveFrom uint64
	live     int64
	drop     bool
}

// MemoryBytes is what the rows took in memory at the barrier.
func (f *frozen) MemoryBytes() int64 { return f.live }

// Write implements op.Frozen.
func (f *frozen) Write(w *statestore.ShardWriter) error {
	if f.drop {
		w.Drop(f.stream)
	}
	for _, b := range f.batches {
		block, err := encode(f.schema, b)
		if err != nil {
			return err
		}
		w.Put(f.stream, block)
		b.Release()
	}
	if f.live > 0 {
		w.SetLiveFrom(f.stream, f.liveFrom)
		w.SetLiveBytes(f.stream, f.live)
	}
	return nil
}

func schemaOf(cols []planner.Column) *arrow.Schema {
	fields := make([]arrow.Field, len(cols))
	for i, c := range cols {
		fields[i] = arrow.Field{Name: fmt.Sprintf("%d", i), Type: c.Type.Arrow(), Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

func encode(schema *arrow.Schema, b *op.Batch) ([]byte, error) {
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(schema))
	rec := array.NewRecord(schema, b.Cols, int64(b.N))
	defer rec.Release()
	if err := w.Write(rec); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func decode(block []byte) ([]*op.Batch, error) {
	r, err := ipc.NewReader(bytes.NewReader(bytes.Clone(block)))
	if err != nil {
		return nil, err
	}
	defer r.Release()
	var out []*op.Batch
	for r.Next() {
		rec := r.Record()
		b := &op.Batch{N: int(rec.NumRows()), Cols: rec.Columns()}
		b.Retain()
		out = append(out, b)
	}
	return out, r.Err()
}
