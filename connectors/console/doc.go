// Package console shows rows to people: the connector 'console' (alias 'print')
// and the [RowWriter] behind it, which also writes the rows of top-level SELECTs.
//
// Rows go out at once and in order; after a crash those of the last micro-batch
// may come out again (at least once).
package console
