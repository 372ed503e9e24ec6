// Package batch reads and writes Kafka's record batches (format 2, Kafka 0.11 and
// later) in place: the values of records are spans of the bytes that came from
// the network, or of those that decompression made of them.
//
// A fetch response is a run of batches, of which the last may be cut off.
// [ParseHeader] takes the next one; [Verify] checks its CRC-32C; [Decompressor]
// opens its payload and [Records] finds keys, values, times and headers there,
// without an allocation per record. [Filter] leaves out what a transaction that
// was aborted has written. [Encoder] writes batches, also those of idempotent and
// transactional producers.
//
// The format is described in Apache Kafka's documentation, "Message Format", and
// in KIP-98 (transactions). The package knows nothing of connections.
package batch
