package format

import (
	"io"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
)

// BlockDecoding is a format compiled for reading given columns from files that are
// made of blocks of records: Avro's containers, Parquet. It is immutable.
type BlockDecoding interface {
	// OpenFile reads what a file says of itself. Errors name no file.
	OpenFile(r io.ReaderAt, size int64) (BlockFile, error)
}

// BlockFile is an open file. It belongs to one goroutine at a time.
type BlockFile interface {
	// Block gives the block at a place: 0 is the first, behind a block comes its
	// Next. io.EOF says that there is none.
	Block(place int64) (BlockInfo, error)
	// Load prepares reading the block at a place.
	Load(place int64) (Block, error)
}

// BlockInfo is what is known of a block before it is read.
type BlockInfo struct {
	Records int
	Bytes   int   // about what it takes in memory
	Next    int64 // the place of the block behind it
}

// Block is one block of records. Cut belongs to one goroutine at a time.
type Block interface {
	// Cut takes the records from to (not included) to out of the block. They are
	// taken in ascending order, each once at most.
	Cut(from, to int) (BlockPart, error)
}

// BlockPart is a run of records of a block.
type BlockPart interface {
	// Decode makes a row of each record, or what Of says. It may be called once, on
	// any goroutine. Raw and Position are left nil.
	Decode(alloc memory.Allocator) (*connectors.Records, error)
	// Raw gives a record as it stands in the file, or as a text if it does not
	// stand there in one piece.
	Raw(record int) []byte
}
