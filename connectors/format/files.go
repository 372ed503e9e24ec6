package format

import "github.com/streamsql/streamsql/connectors"

// FileEncoding is a format of files that end with a part of their own (a footer),
// compiled for writing given columns: nothing can be appended to a finished one. It is
// immutable.
type FileEncoding interface {
	NewFileEncoder() FileEncoder
}

// FileEncoder writes one file. It belongs to one goroutine at a time.
type FileEncoder interface {
	// Append takes the rows of b, and appends to dst those bytes of the file that are
	// complete by then: maybe none. With a *connectors.RefusedRows all other rows have
	// been taken; a file of no row has no bytes. Arrays of b are not kept.
	Append(dst []byte, b *connectors.Batch) ([]byte, error)
	// Held is about how many bytes have been taken that Append has not given yet.
	Held() int64
	// Finish appends the rest of the file, which is the last call; nothing if it has no
	// row.
	Finish(dst []byte) ([]byte, error)
}
