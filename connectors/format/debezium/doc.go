// Package debezium is the format 'debezium-json': changes of a database's table as
// Debezium's connectors write them, {"before": ..., "after": ..., "op": ...}.
//
// What flows in: a change per record. What flows out: rows with kinds, none, one
// or two for a record: op c (create) and r (read, a snapshot) are a +I of "after",
// u (update) a -U of "before" and a +U of "after", d (delete) a -D of "before";
// m (a message of the log) and a message without a value (a tombstone) are no row.
// A record without the image that its op needs is bad. The rows of the images are
// read by the rules of format/json.
package debezium
