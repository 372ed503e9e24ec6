package connectors

import (
	"context"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// LookupConfig says what is to be looked up, and by what.
type LookupConfig struct {
	SourceConfig
	// Keys are the columns whose values are given, as positions in Columns; there
	// is at least one, and none is there twice.
	Keys []int
}

// Lookup finds rows of an external table by the values of its key columns, as of
// the moment when it is asked. Lookup.Lookup is called from several goroutines at
// once.
type Lookup interface {
	// Open connects. It is called once, before all others.
	Open(ctx context.Context) error
	// Lookup finds the rows of n keys, n >= 1: keys are columns of the types of the
	// key columns, with n values each. No key has a NULL, no two are equal; they
	// are borrowed. An error may go away: the call is repeated, as often as
	// 'lookup.max-retries' says.
	Lookup(ctx context.Context, keys []arrow.Array, n int, alloc memory.Allocator) (*Found, error)
	// Close ends what Open began. No call is under way.
	Close() error
}

// Found are the rows that were looked up, of all keys together. The caller
// releases Cols.
type Found struct {
	N    int
	Cols []arrow.Array // as SourceConfig.Columns
	// Key gives the number of the key that each row has, never descending. A key
	// may have any number of rows.
	Key []int32
	// Errors lists the values that do not fit their columns, by row, then column;
	// they are NULL in Cols. No key value is among them.
	Errors []CellError
}

// Release gives the columns back.
func (f *Found) Release() {
	for _, c := range f.Cols {
		c.Release()
	}
}
