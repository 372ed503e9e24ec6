package connectors

import "github.com/apache/arrow/go/v17/arrow/memory"

// Rereader decodes records that a source has read before and that dead letters
// have kept, as the source would. It is immutable.
type Rereader interface {
	// NewDecoder makes a decoder whose arrays come from alloc.
	NewDecoder(alloc memory.Allocator) RecordDecoder
}

// Kept is what a dead letter keeps of a record.
type Kept struct {
	Raw      []byte // as Records.Raw gave it
	Position string // as Records.Position gave it
	Key      []byte // nil: none, or it was not kept
	// Timestamp is the transport timestamp, us since 1970, if Timed.
	Timestamp int64
	Timed     bool
	Headers   []Header // nil: they were not kept
}

// RecordDecoder makes columns of kept records. It belongs to one goroutine at a
// time.
type RecordDecoder interface {
	// Append adds a record to the batch; metadata columns that it does not tell are
	// NULL. An error is one of the decoder, not of the record.
	Append(r Kept) error
	// Finish gives the batch and begins a new one. Records are numbered as they were
	// appended; Raw, Position and Timestamps are nil.
	Finish() (*Records, error)
	// Release gives the memory of an unfinished batch back.
	Release()
}
