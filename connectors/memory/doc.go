// Package memory is the connector 'memory': tables of rows in this process, for
// embedders and tests.
//
// A [Store] holds tables by name and gives the connector. Rows are sent to a
// table, split by split, before or while a job reads it; every record stays, so
// that reading can begin again at any offset, unless the source's option
// 'forget-read' drops what a commit holds. What a job writes is in the table
// once it is committed, epoch by epoch, until it is taken. A table may be written by
// one job and read by another.
//
// Exactly once holds for the life of the store.
package memory
