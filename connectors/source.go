package connectors

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/internal/clock"
)

// Env is what a connector may use of the outside world.
type Env struct {
	Clock clock.Clock
	Log   *slog.Logger
	// Dir is what relative paths are relative to.
	Dir string
	// Stdout takes the rows of console sinks.
	Stdout Output
	// FS is the file system; nil: the operating system's.
	FS FS
	// Done is closed when the job is to end: nobody waits for the outside world any
	// longer. nil: never.
	Done <-chan struct{}
}

// ReadFile reads a file that an option names.
func (e Env) ReadFile(name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(e.Dir, name)
	}
	f, err := e.Files().Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, 0, info.Size()))
}

// Output takes whole lines of text; calls do not interleave.
type Output interface {
	Write(p []byte) (int, error)
}

// SourceConfig says what a source is to read.
type SourceConfig struct {
	Name    string          // the source's name in SQL
	Options catalog.Options // checked
	// Columns are what each batch must hold, in this order. Types may be
	// pruned: a ROW has only the members that the plan reads.
	Columns []ScanColumn
	// ValidateAll asks that columns which are not read are checked too
	// ('decode.validate'='all').
	ValidateAll bool
	// Declared lists all physical columns as declared, whichever are read: for
	// ValidateAll and for what goes by position (CSV, rows in memory).
	Declared []catalog.Field
	// PrimaryKey are the columns of the PRIMARY KEY where rows are upserts by it
	// (catalog.SourceSpec.Upserts).
	PrimaryKey []string
}

// ScanColumn is one column to produce.
type ScanColumn struct {
	Name    string
	Type    catalog.Type
	NotNull bool
	// Metadata is the connector's name of a metadata column ("" = a physical
	// column, taken from the record by Name).
	Metadata string
}

// Source reads one external thing as splits: partitions of a topic, a file,
// a generator's share. Its methods are called from one goroutine.
type Source interface {
	// Splits lists the splits that exist now. It is asked again at intervals
	// for unbounded sources; a split once listed keeps its ID for ever.
	Splits(ctx context.Context) ([]Split, error)
	// Open starts reading a split after offset from (nil: from the start as
	// the options say).
	Open(ctx context.Context, split Split, from Offset) (SplitReader, error)
	Close() error
}

// MissingError from Splits says that some of what the source is told to read is not
// there. A job that begins ends with it. One that has read it before may go on, if
// the source is Patient.
type MissingError struct {
	Splits []Split // those that are there
	Err    error   // names what is not
}

// Error implements error.
func (e *MissingError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *MissingError) Unwrap() error { return e.Err }

// Patient is a Source that can go on though splits are gone that it has read before.
type Patient interface {
	// Gone is told of the splits of the last commit that Splits has not listed, before
	// any split is opened. nil: they are opened as the others are, and give records
	// when they are there again. Else it is what the job ends with.
	Gone(splits map[string]Offset) error
}

// Growable is a Source of bounded splits whose input may have grown after their
// end was reached.
type Growable interface {
	// Grown says what was added to a split since its end was reached at offset
	// end ("orders.ndjson has 120 more bytes"); "" if nothing.
	Grown(ctx context.Context, split Split, end Offset) (string, error)
}

// UpToNow is a Source of unbounded splits that knows where they end at a moment.
type UpToNow interface {
	// StopAtNow has readers give nothing beyond what there is now: their Fetch gives
	// (nil, nil) from there on. It is called when all splits are open, before the
	// first Fetch; splits that are found later give nothing.
	StopAtNow(ctx context.Context) error
}

// Paced is a Source that limits what it gives to one micro-batch (ErrHeld).
type Paced interface {
	// NextTrigger begins the next micro-batch: of the records given since the source
	// was opened, placed belong to earlier ones, the rest to this one. It does not
	// block.
	NextTrigger(placed int64)
}

// Published is a Source that tells others how far it has been read.
type Published interface {
	// Committed gives the offsets of a commit that is durable, by split. It does not
	// block: a source that can't keep up tells of the latest only.
	Committed(offsets map[string]Offset)
}

// Reporting is a Source whose state is worth showing while a job runs. Its
// methods may be called from any goroutine.
type Reporting interface {
	Report() SourceReport
}

// SourceReport is the state of a source right now.
type SourceReport struct {
	State string // what is amiss, for people; "": nothing
	Lost  int64  // records that were gone before they could be read
	Lag   int64  // records that are there and not read yet; -1: not known
}

// Split is one independently ordered part of a source.
type Split struct {
	ID string // stable; sorts ties of the fixed merge
	// Bounded says that its end is final.
	Bounded bool
	// Found says, in Open, that the split appeared after the job had begun: it is
	// read from its very start.
	Found bool
}

// Offset is a position between two records of a split, in the connector's own
// encoding. It is stored in the commit.
type Offset []byte

// Limits bounds a fetch. A reader never returns more records than Records and
// stops soon after Bytes.
type Limits struct {
	Records int // >= 1
	Bytes   int // >= 1; a single record may be larger
}

// ErrPending from Fetch says that nothing is here yet and that it is not known
// whether there is something (the answer is under way, the connection is lost):
// the split is not silent. ErrHeld says that no more is given to this micro-batch,
// though there may be more: see Paced. Both wait for Ready.
var (
	ErrPending = errors.New("connectors: not known yet")
	ErrHeld    = errors.New("connectors: held back until the next micro-batch")
)

// Positioned is a SplitReader that has a place before its first record, which
// commits are to hold: where reading began must not depend on when a job is
// started again.
type Positioned interface {
	Position() Offset
}

// SplitReader gives a split's records in order. Fetch is cheap and sequential
// (cut the bytes, claim a range); the costly part is Chunk.Decode, which runs
// on any goroutine, for several chunks at a time.
type SplitReader interface {
	// Fetch claims the next records. (nil, nil): nothing available now.
	// (nil, io.EOF): a bounded split has ended. ErrPending, ErrHeld: see there. It
	// does not block for data to arrive, at most for I/O in progress.
	Fetch(ctx context.Context, max Limits) (Chunk, error)
	// Ready gives a channel that receives when Fetch may have something again;
	// nil if only polling tells.
	Ready() <-chan struct{}
	Close() error
}

// Chunk is a run of records, not decoded yet.
type Chunk interface {
	// Records is their number, bad ones included.
	Records() int
	// Bytes is about what they hold in memory.
	Bytes() int
	// End is the offset after the last record.
	End() Offset
	// Decode makes columns of the records. It may be called once. The chunk's
	// memory stays valid until Release.
	Decode(alloc memory.Allocator) (*Records, error)
	// Release gives the raw bytes back. Arrays from Decode stay valid.
	Release()
}

// Records are decoded records, as rows: one per record, unless Of says otherwise.
// A bad record has a row too (NULL in every column that does not fit, with an
// entry in Errors).
type Records struct {
	N    int           // rows
	Cols []arrow.Array // as SourceConfig.Columns
	// Of gives each row's record, by its number in the chunk, ascending: a record
	// of a changelog may stand for no row, or for two. nil: row i is record i.
	Of []int32
	// Kinds are the row kinds of a changelog source; nil: all +I.
	Kinds []catalog.RowKind
	// Errors lists what did not fit, by row, then column.
	Errors []CellError
	// Timestamps are the records' transport timestamps, by record, us since 1970;
	// nil if there are none.
	Timestamps []int64
	// Raw gives a record's bytes, Position where it stands ("orders.ndjson:17",
	// "topic/3@4711"), by record. Both are valid until Chunk.Release.
	Raw      func(record int) []byte
	Position func(record int) string
	// Key gives a record's key (nil: it has none), Headers its headers, of equal names
	// the last one. nil where records have none; valid as Raw is.
	Key     func(record int) []byte
	Headers func(record int) []Header
}

// Header is a header of a record. A nil Value is NULL.
type Header struct {
	Key   string
	Value []byte
}

// Record is the record that a row comes from.
func (r *Records) Record(row int) int {
	if r.Of == nil {
		return row
	}
	return int(r.Of[row])
}

// CellError says that a value of a record does not fit its column.
type CellError struct {
	Row    int32
	Col    int16  // index in SourceConfig.Columns; -1: the record as a whole; -2: a column not read (ValidateAll)
	Code   string // MALFORMED_RECORD, OUT_OF_RANGE, BAD_NUMBER, BAD_TIMESTAMP, BAD_UTF8, NOT_NULL, ...
	Column string // path of the member: "bid.price"
	Detail string // "300 is beyond TINYINT"
}
