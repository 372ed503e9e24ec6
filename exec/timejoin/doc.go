// Package timejoin holds the joins whose state time bounds: interval joins,
// window joins, and temporal joins (FOR SYSTEM_TIME AS OF, ASOF).
//
// Each runs on the shard that owns the keys and takes its inputs in whatever
// order they come: which rows pair is decided by their times and by the W that
// each row carries (semantics 2), never by what happened to arrive first. The
// watermarks of the inputs only say when waiting is over.
package timejoin
