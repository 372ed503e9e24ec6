// Package exec runs physical plans: sources, operators on shards, micro-batches
// with one atomic commit each.
//
// # Life of a row
//
// A task per shard, each on one goroutine, fetches chunks of records from the
// sources' splits and decodes them into columns, any task any chunk. The
// sequencer gives each decoded chunk its place in one order, and with it the
// watermark that its rows meet. The task then runs the operators of level 0 on
// the chunk (guards, filters, projections, the assignment of windows,
// pre-aggregation) and sends what comes out, as one bundle per shard, to the
// shards that own the rows. Every shard takes the bundles in the order of the
// sequence and runs the operators of the levels above on them.
//
// # Micro-batches
//
// The coordinator puts a barrier into the sequence. As it reaches each level of
// a shard, the operators freeze what has changed. When all shards are through,
// the frozen state is encoded, the sinks prepare, one operation on the state
// store commits state, offsets, watermarks and the sinks' intents, and the sinks
// commit. Meanwhile the data of the next micro-batch flows.
//
// # What it must not know
//
// SQL text and how a plan came about. Operators (packages below) don't know of
// shards, sequences or commits.
package exec
