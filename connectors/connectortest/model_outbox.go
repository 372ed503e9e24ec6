package connectortest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/connectors"
)

// Database is the world of the third model sink: tables with transactions that
// end with their connection.
type Database struct {
	mu      sync.Mutex
	rows    []int64
	markers map[markerKey]uint64
	// CommitFails is asked at each commit: whether it fails, and whether the
	// transaction takes effect nevertheless (the answer was lost). nil: never.
	CommitFails func() (fails, takesEffect bool)
}

type markerKey struct{ job, sink string }

// NewDatabase makes an empty database.
func NewDatabase() *Database { return &Database{markers: map[markerKey]uint64{}} }

// Visible implements World.
func (d *Database) Visible(testing.TB) []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]int64(nil), d.rows...)
}

// SetMarker alters the marker of a job's sink behind the sink's back; ok false
// removes it.
func (d *Database) SetMarker(job, sink string, epoch uint64, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ok {
		d.markers[markerKey{job, sink}] = epoch
	} else {
		delete(d.markers, markerKey{job, sink})
	}
}

// Crash implements World: the database is another machine.
func (d *Database) Crash(bool, *rand.Rand) {}

// Sink implements World.
func (d *Database) Sink(testing.TB) connectors.Sink {
	return connectors.NewOutbox(d, SinkColumns())
}

// Open implements connectors.OutboxTarget.
func (d *Database) Open(context.Context) error { return nil }

// Close implements connectors.OutboxTarget.
func (d *Database) Close() error { return nil }

// Begin implements connectors.OutboxTarget.
func (d *Database) Begin(context.Context) (connectors.OutboxTx, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	tx := &databaseTx{db: d, markers: map[markerKey]uint64{}}
	for k, v := range d.markers {
		tx.markers[k] = v
	}
	return tx, nil
}

// databaseTx is a transaction: its changes are applied at Commit. There is one
// at a time, as there is one writer of a marker.
type databaseTx struct {
	db      *Database
	markers map[markerKey]uint64
	rows    []int64
	ended   bool
}

func key(id connectors.SinkIdentity) markerKey { return markerKey{id.JobID, id.Sink} }

func (tx *databaseTx) Marker(_ context.Context, id connectors.SinkIdentity) (uint64, bool, error) {
	epoch, ok := tx.markers[key(id)]
	return epoch, ok, nil
}

func (tx *databaseTx) InsertMarker(_ context.Context, id connectors.SinkIdentity) error {
	if _, ok := tx.markers[key(id)]; ok {
		return errors.New("unique constraint")
	}
	tx.markers[key(id)] = 0
	return nil
}

func (tx *databaseTx) MoveMarker(_ context.Context, id connectors.SinkIdentity, from, to uint64) (bool, error) {
	if at, ok := tx.markers[key(id)]; !ok || at != from {
		return false, nil
	}
	tx.markers[key(id)] = to
	return true, nil
}

func (tx *databaseTx) Write(_ context.Context, b *connectors.Batch) error {
	tx.rows = append(tx.rows, b.Cols[0].(*array.Int64).Int64Values()...)
	return nil
}

func (tx *databaseTx) Commit(context.Context) error {
	if tx.ended {
		return errors.New("transaction has ended")
	}
	tx.ended = true
	tx.db.mu.Lock()
	defer tx.db.mu.Unlock()
	fails, takesEffect := false, true
	if tx.db.CommitFails != nil {
		fails, takesEffect = tx.db.CommitFails()
	}
	if !fails || takesEffect {
		tx.db.markers = tx.markers
		tx.db.rows = append(tx.db.rows, tx.rows...)
	}
	if fails {
		return errors.New("connection lost")
	}
	return nil
}

func (tx *databaseTx) Rollback(context.Context) error {
	tx.ended = true
	return nil
}
