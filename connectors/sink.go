package connectors

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
)

// Batch is a run of rows for a sink. The arrays are valid during the call; a
// sink that keeps them retains them.
type Batch struct {
	N    int
	Cols []arrow.Array
	// Kinds are the rows' kinds; nil: all +I.
	Kinds []catalog.RowKind
}

// SinkConfig says what a sink is to write.
type SinkConfig struct {
	Name       string // the sink's name in SQL
	Options    catalog.Options
	Columns    []catalog.Field
	PrimaryKey []int // indexes into Columns
	// Metadata are the connector's names of columns that are no part of the row
	// itself; "": an ordinary one. nil: all are.
	Metadata []string
	Mode     catalog.ChangelogMode
	// Shards is the number of concurrent writers: Write's shard is below it.
	Shards int
}

// Sink writes rows in micro-batches (epochs) by two-phase commit:
//
//	Open(id); Commit(E, intent) if the last commit has an intent of this sink;
//	Abort(E); then Write(E+1)..., Prepare(E+1), Commit(E+1)..., Close.
//
// Write of epoch e+1 may run while e is between Prepare and Commit. Prepare
// and Commit are called in the order of epochs, one at a time.
type Sink interface {
	// Open connects. id.Epoch is the last committed epoch (0: none yet).
	Open(ctx context.Context, id SinkIdentity) error
	// Write adds rows to epoch. Calls with different shards run concurrently. A
	// *RefusedRows names those that the target can't take.
	Write(ctx context.Context, epoch uint64, shard int, b *Batch) error
	// Prepare makes epoch's rows durable without showing them (at-least-once
	// sinks: sees them acknowledged) and returns what Commit needs to finish
	// after a crash; nil if there is nothing to finish. It is called for every
	// epoch, also one without rows; a sink that keeps something open from earlier
	// epochs (a file) gives an intent for that one too.
	Prepare(ctx context.Context, epoch uint64) (intent []byte, err error)
	// Commit shows epoch's rows. It is idempotent: it may be called again
	// after a crash, with the intent alone to go by. The engine retries it for
	// ever, unless the error is Fatal.
	Commit(ctx context.Context, epoch uint64, intent []byte) error
	// Abort drops whatever was written or prepared for epochs after epoch.
	Abort(ctx context.Context, epoch uint64) error
	// Close ends. finished says that the run ends in order after its last
	// commit: what is still hidden (an open file) is to be shown.
	Close(ctx context.Context, finished bool) error
}

// SinkIdentity names a sink of a job for ever: a marker in the outside world is
// kept under it.
type SinkIdentity struct {
	JobID string // UUID, made with the job's state
	Sink  string // name within the job
	Epoch uint64
}

// ReportingSink is a Sink whose state is worth showing while a job runs. Its
// method may be called from any goroutine.
type ReportingSink interface {
	Report() SinkReport
}

// SinkReport is the state of a sink right now.
type SinkReport struct {
	State string // what is amiss, for people; "": nothing
	Lost  int64  // rows that were committed and could not be shown
}

// RefusedRows is an error of Write: the target can't take some rows of the batch,
// whatever is tried. The others have been written. The engine deals with the rows
// by the sink's 'on-error'.
type RefusedRows struct{ Rows []RefusedRow } // ascending by row

// RefusedRow is one of them.
type RefusedRow struct {
	Row    int    // of the batch
	Code   string // TOO_LONG, CONSTRAINT, ...
	Column string // in error; "": the row as a whole
	Detail string // "text of 300 characters for a column of 255"
}

// Error implements error.
func (e *RefusedRows) Error() string {
	r := e.Rows[0]
	return fmt.Sprintf("%d rows refused, the first: %s", len(e.Rows), r.Detail)
}

// AgainError is an error of Write or Prepare that the target gives for the
// micro-batch and not for what is in it: the job goes back to its last commit and
// writes it again.
type AgainError struct{ Err error }

// Error implements error.
func (e *AgainError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *AgainError) Unwrap() error { return e.Err }

// Again marks err as one of the micro-batch.
func Again(err error) error { return &AgainError{err} }

// FatalError is an error of Write, Prepare or Commit that no retry can mend: the
// job stops, and touches the target no more.
type FatalError struct{ Err error }

// Error implements error.
func (e *FatalError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *FatalError) Unwrap() error { return e.Err }

// Fatal marks err as beyond retry.
func Fatal(err error) error { return &FatalError{err} }
