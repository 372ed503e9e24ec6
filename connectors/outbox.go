package connectors

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/klauspost/compress/zstd"

	"github.com/streamsql/streamsql/catalog"
)

// OutboxTarget is a database with transactions that can't keep one prepared over
// a crash (PostgreSQL through a pool, MySQL, SQLite, Redis). Its errors are
// retried, unless they are Fatal.
type OutboxTarget interface {
	Open(ctx context.Context) error
	Begin(ctx context.Context) (OutboxTx, error)
	Close() error
}

// OutboxTx is one transaction of an OutboxTarget. The marker of a sink is a row
// (job id, sink, epoch) in a table of the target.
type OutboxTx interface {
	// Marker reads the sink's marker; ok is false if there is none.
	Marker(ctx context.Context, id SinkIdentity) (epoch uint64, ok bool, err error)
	// InsertMarker inserts it with epoch 0.
	InsertMarker(ctx context.Context, id SinkIdentity) error
	// MoveMarker is UPDATE ... SET epoch = to WHERE job_id = ? AND sink = ? AND
	// epoch = from; it says whether there was such a row.
	MoveMarker(ctx context.Context, id SinkIdentity, from, to uint64) (bool, error)
	// Write writes rows.
	Write(ctx context.Context, b *Batch) error
	Commit(ctx context.Context) error
	// Rollback ends the transaction; after Commit it does nothing.
	Rollback(ctx context.Context) error
}

// NewOutbox makes an exactly-once sink of a target that can't stage rows. An
// epoch's rows are its intent, stored with the engine's commit; Commit sends
// them in one transaction that moves the sink's marker from its previous epoch to
// this one, so that it happens once whatever is retried:
//
//	marker moved         the rows go with it
//	marker stands at e   a former try has succeeded
//	anything else        somebody else's hand: the job stops with both numbers
func NewOutbox(target OutboxTarget, cols []catalog.Field) Sink {
	fields := []arrow.Field{{Name: "", Type: arrow.PrimitiveTypes.Uint8}}
	for _, c := range cols {
		fields = append(fields, arrow.Field{Name: c.Name, Type: c.Type.Arrow(), Nullable: true})
	}
	return &outbox{target: target, schema: arrow.NewSchema(fields, nil), rows: map[uint64][]Batch{}}
}

type outbox struct {
	target OutboxTarget
	schema *arrow.Schema // row kinds, then the columns
	id     SinkIdentity

	mu    sync.Mutex
	rows  map[uint64][]Batch // by epoch; retained
	prev  uint64             // the last epoch of this sink that had rows
	known bool               // prev has been read from the marker
}

// Open implements Sink. A job that has never committed inserts the marker.
func (o *outbox) Open(ctx context.Context, id SinkIdentity) error {
	o.id = id
	if err := o.target.Open(ctx); err != nil {
		return err
	}
	if id.Epoch > 0 {
		return nil
	}
	return o.transact(ctx, func(tx OutboxTx) error {
		epoch, ok, err := tx.Marker(ctx, id)
		switch {
		case err != nil:
			return err
		case !ok:
			return tx.InsertMarker(ctx, id)
		case epoch != 0:
			return Fatal(fmt.Errorf("sink %s: the target's marker is at micro-batch %d, but the job has committed none", id.Sink, epoch))
		}
		return nil
	})
}

// transact runs f in a transaction, which ends with a commit unless f fails.
func (o *outbox) transact(ctx context.Context, f func(OutboxTx) error) error {
	tx, err := o.target.Begin(ctx)
	if err != nil {
		return err
	}
	if err = f(tx); err == nil {
		err = tx.Commit(ctx)
	}
	if err != nil {
		// The transaction is given up; why it failed says more than whether
		// that went well.
		_ = tx.Rollback(ctx)
	}
	return err
}

// Write implements Sink.
func (o *outbox) Write(_ context.Context, epoch uint64, _ int, b *Batch) error {
	if b.N == 0 {
		return nil
	}
	kept := Batch{N: b.N, Cols: slices.Clone(b.Cols), Kinds: slices.Clone(b.Kinds)}
	for _, c := range kept.Cols {
		c.Retain()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rows[epoch] = append(o.rows[epoch], kept)
	return nil
}

// Prepare implements Sink.
func (o *outbox) Prepare(_ context.Context, epoch uint64) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	batches := o.rows[epoch]
	if len(batches) == 0 {
		return nil, nil
	}
	if !o.known && o.id.Epoch > 0 {
		return nil, errors.New("outbox: Prepare before Abort")
	}
	intent, err := encodeOutbox(o.schema, o.prev, batches)
	if err != nil {
		return nil, err
	}
	o.drop(epoch)
	o.prev = epoch
	return intent, nil
}

// drop forgets the rows of an epoch. The lock is held.
func (o *outbox) drop(epoch uint64) {
	for _, b := range o.rows[epoch] {
		for _, c := range b.Cols {
			c.Release()
		}
	}
	delete(o.rows, epoch)
}

// Commit implements Sink.
func (o *outbox) Commit(ctx context.Context, epoch uint64, intent []byte) error {
	if len(intent) == 0 {
		return nil
	}
	prev, batches, err := decodeOutbox(o.schema, intent)
	if err != nil {
		return Fatal(fmt.Errorf("sink %s: damaged intent of micro-batch %d: %w", o.id.Sink, epoch, err))
	}
	defer func() {
		for _, b := range batches {
			for _, c := range b.Cols {
				c.Release()
			}
		}
	}()
	return o.transact(ctx, func(tx OutboxTx) error {
		moved, err := tx.MoveMarker(ctx, o.id, prev, epoch)
		if err != nil {
			return err
		}
		if !moved {
			return o.judge(ctx, tx, prev, epoch)
		}
		for i := range batches {
			if err := tx.Write(ctx, &batches[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// judge says what it means that the marker is not at prev.
func (o *outbox) judge(ctx context.Context, tx OutboxTx, prev, epoch uint64) error {
	at, ok, err := tx.Marker(ctx, o.id)
	switch {
	case err != nil:
		return err
	case ok && at == epoch:
		return nil
	case !ok:
		return Fatal(fmt.Errorf("sink %s: the target has no marker, where it should be at micro-batch %d (before the commit of %d)", o.id.Sink, prev, epoch))
	}
	return Fatal(fmt.Errorf("sink %s: the target's marker is at micro-batch %d, where it should be at %d (before the commit of %d)", o.id.Sink, at, prev, epoch))
}

// Abort implements Sink. The marker tells which epoch of this sink came last.
func (o *outbox) Abort(ctx context.Context, epoch uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for e := range o.rows {
		if e > epoch {
			o.drop(e)
		}
	}
	return o.transact(ctx, func(tx OutboxTx) error {
		at, ok, err := tx.Marker(ctx, o.id)
		switch {
		case err != nil:
			return err
		case !ok:
			return Fatal(fmt.Errorf("sink %s: the target has no marker, but the job has committed micro-batch %d", o.id.Sink, epoch))
		case at > epoch:
			return Fatal(fmt.Errorf("sink %s: the target's marker is at micro-batch %d, but the job has committed %d only", o.id.Sink, at, epoch))
		}
		o.prev, o.known = at, true
		return nil
	})
}

// Close implements Sink.
func (o *outbox) Close(context.Context, bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for e := range o.rows {
		o.drop(e)
	}
	return o.target.Close()
}

const outboxVersion = 1

// encodeOutbox gives an intent: version, uvarint previous epoch, then an Arrow
// IPC stream of the rows (their kinds as the first column) in a zstd frame.
func encodeOutbox(schema *arrow.Schema, prev uint64, batches []Batch) ([]byte, error) {
	var stream bytes.Buffer
	w := ipc.NewWriter(&stream, ipc.WithSchema(schema))
	for _, b := range batches {
		kinds := array.NewUint8Builder(memory.DefaultAllocator)
		for i := range b.N {
			kind := catalog.Insert
			if b.Kinds != nil {
				kind = b.Kinds[i]
			}
			kinds.Append(uint8(kind))
		}
		first := kinds.NewArray()
		rec := array.NewRecord(schema, append([]arrow.Array{first}, b.Cols...), int64(b.N))
		err := w.Write(rec)
		rec.Release()
		first.Release()
		kinds.Release()
		if err != nil {
			return nil, fmt.Errorf("outbox: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	head := binary.AppendUvarint([]byte{outboxVersion}, prev)
	return z.EncodeAll(stream.Bytes(), head), nil
}

func decodeOutbox(schema *arrow.Schema, intent []byte) (prev uint64, batches []Batch, err error) {
	if len(intent) < 2 || intent[0] != outboxVersion {
		return 0, nil, errors.New("unknown version")
	}
	prev, n := binary.Uvarint(intent[1:])
	if n <= 0 {
		return 0, nil, errors.New("it is too short")
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return 0, nil, err
	}
	defer z.Close()
	stream, err := z.DecodeAll(intent[1+n:], nil)
	if err != nil {
		return 0, nil, err
	}
	r, err := ipc.NewReader(bytes.NewReader(stream), ipc.WithSchema(schema))
	if err != nil {
		return 0, nil, err
	}
	defer r.Release()
	for r.Next() {
		rec := r.Record()
		b := Batch{N: int(rec.NumRows()), Cols: slices.Clone(rec.Columns()[1:])}
		for _, c := range b.Cols {
			c.Retain()
		}
		for _, k := range rec.Column(0).(*array.Uint8).Uint8Values() {
			b.Kinds = append(b.Kinds, catalog.RowKind(k))
		}
		batches = append(batches, b)
	}
	return prev, batches, r.Err()
}
