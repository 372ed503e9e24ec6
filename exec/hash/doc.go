// Package hash turns key columns into keys, hashes and rows of a table.
//
// An Encoder takes key columns of a batch and gives their Keys: words of 64 bits
// by a fixed Layout, and one hash per row. The hash decides the key group (its
// upper 8 bits), so exchanges and tables agree, and its definition is part of
// the stored format (Version).
//
// A Table maps keys to rows of words in statestore/table, without pointers: a
// header, the key, and what the owner keeps per key. A lookup works on a batch:
// hash all keys, load all slots, then compare all rows, so that cache misses
// overlap. The index grows by segments of 256 KiB.
//
// The package knows nothing of what the rows mean, nor of batches, operators or
// plans.
package hash
