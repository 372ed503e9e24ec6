// Package table has the in-memory structures that operators keep their state
// in, and how they get into the log of package statestore and back.
//
// A [Table] is the state of one operator in one shard. It is made of parts, each
// of them one stream of the log:
//
//   - [Rows]: fixed-width rows of 64-bit words, by row id, with a dirty bit each;
//   - [Arena]: append-only bytes (strings) that rows refer to by position;
//   - [Blobs]: variable-size records by key, for irregular state.
//
// A part belongs to a time bucket (a window pane, say; 0 if there are none), and
// a bucket is dropped as a whole: none of its rows is touched, and its blocks
// are skipped at a restore.
//
// # The life of a change
//
// The operator changes rows and marks them. At a barrier [Table.Freeze] copies
// what is dirty, in page order, into buffers that already have the form of
// blocks, and clears the marks; that is the only work that data has to wait for
// (PERFORMANCE: 10 ms for a million rows of ten million). [Frozen.Write] then
// finishes the blocks and puts them into the commit on another goroutine.
// [Load] replays the blocks of a stored shard after a restart; the row ids are
// the old ones and deltas go on from there. Indexes over rows are the
// operator's own and are rebuilt by it. After a change of parallelism the tables
// of the old shards are there to insert from.
//
// # Memory
//
// Pages, chunks and the buffers of commits stand outside Go's heap (see space), as soon
// as they are of some size: they are without pointers, and would only make the
// collector wait. A bucket's go when it is dropped, a Table's when nothing refers to it
// any more. Hence a row, or a string that [Arena.At] gave, must not be used longer than
// is said there; `go test -tags memcheck` finds those that are.
//
// # Cleaning
//
// Each row (chunk, record) remembers its age: the generation of the log that has
// its newest copy, as one byte. A Freeze also copies the rows that the cut asks
// to evacuate, found by a sweep over the ages, a fraction of them per commit.
// See package statestore.
//
// Nothing here is safe for concurrent use, save that Frozen.Write may run beside
// the operator.
package table
