// Package order holds the operators that end with order: Sort (ORDER BY, with a
// limit or without, over a bounded input) and Limit (LIMIT without ORDER BY, in
// input order). Both run on the one shard that a single exchange leads to.
//
// What they hold is persisted as Arrow IPC streams, one block a batch: state of
// this kind is written once and read back whole.
package order
