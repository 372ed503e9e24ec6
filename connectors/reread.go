package connectors

import "github.com/apache/arrow/go/v17/arrow/memory"

// Rereader decodes records that a source has read before and that dead letters
// have kept, as the source would. It is immutable.
type Rereader interface {
	// NewDecoder makes a decoder whose arrays come from alloc.
	NewDecoder(alloc memory.Allocator) RecordDecoder
}

// RecordDecoder makes columns of kept records. It belongs to one goroutine at a
// time.
type RecordDecoder interface {
	// Append adds a record to the batch: its bytes as Records.Raw gave them and its
	// place as Records.Position gave it, from which metadata columns are read that
	// it tells; others are NULL. An error is one of the decoder, not of the record.
	Append(raw []byte, position string) error
	// Finish gives the batch and begins a new one. Records are numbered as they were
	// appended; Raw, Position and Timestamps are nil.
	Finish() (*Records, error)
	// Release gives the memory of an unfinished batch back.
	Release()
}
