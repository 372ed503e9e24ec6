// Package format is the interface between transports (files, topics, sockets)
// and formats (JSON, CSV, ...), which know nothing of each other.
//
// A [Format] bundles a description of its options with functions that compile
// it for given columns. Reading a stream of bytes goes in two steps: the
// transport asks where records end ([Cutter], cheap, sequential), then a
// [Decoder] makes columns of whole records, on any goroutine. Writing is an
// [Encoder] that appends the text of a batch to a buffer.
//
// It also holds what formats share: the cutting of lines and the text form of
// values ([Text]).
package format
