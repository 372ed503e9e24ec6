// Package static joins a stream with a table that has been read to its end: one
// read-only hash table that all shards share, and an operator without state that
// looks each row of the stream up in it. The runtime makes the Table before the
// stream is read, and may put another into its place between two batches.
package static
