// Package lookup joins a stream with the rows that a table outside has for its keys
// at the moment. Each batch of the stream asks for its different keys at once; what
// comes back, from the table or from a cache that all shards share, is joined as a
// static table is (package static). The operator has no state: after a crash the
// rows that were not committed are looked up again.
package lookup
