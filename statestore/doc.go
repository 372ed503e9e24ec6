// Package statestore is the durable store of one job: a log of immutable state
// blocks, committed once per micro-batch (epoch), on top of Pebble.
//
// # What flows in and out
//
// The working set of a job lives in memory, inside its operators (package
// statestore/table has the data structures). At a barrier each operator freezes
// what changed since the last one; the frozen rows are encoded into blocks and
// handed to a [Tx]. [Tx.Commit] makes the blocks of all operators and shards,
// the metadata of the epoch (source offsets, watermarks, sink intents) and the
// commit record durable in ONE Pebble operation: a synced batch if the commit is
// small, one Ingest of several SSTs if it is large. A crash at any instant
// leaves epoch e or e-1, never a mix.
//
// After a restart [Store.Last] tells the newest epoch and its metadata, and
// [Store.Read] replays the blocks of an operator in epoch order.
//
// # The log
//
// Every key starts with its epoch, so the keys of a commit lie above all earlier
// ones:
//
//	epoch(8) 0x01 shard(2) run(2) operator(8) part(4) bucket(8) seq(4)   a block
//	epoch(8) 0x02 name                                                   metadata
//	epoch(8) 0xff                                                        the commit record
//
// Hence SSTs of different commits never overlap, Pebble places them in its
// bottom level (or moves flushed ones there) without rewriting a byte, and dead
// epochs are cut off the front by one Excise that unlinks whole files. State
// with one key-value pair per row would instead make each commit of random keys
// overlap everything and be rewritten by compactions; BenchmarkKVPerKey keeps
// that comparison.
//
// # On disk
//
//	FORMAT  text: magic, version, the store's identity, a checksum; written last
//	        when a store is created
//	HEAD    the newest epoch known durable, in two slots; see head
//	LOCK    held while a process has the store open
//	log/    the Pebble directory
//	tmp/    files of a commit in the making; emptied at Open
//
// What is damaged is refused as a whole. Pebble's checksums find altered bytes,
// but it takes a manifest or write-ahead log that ends early for the normal
// trace of a crash, and drops what follows. So the commit records form a chain
// and count and digest the blocks of their epochs, and HEAD tells that there was
// a newer one.
//
// A disk that fails while Pebble writes fails the store for good: every call
// returns the cause, nothing more is written, and Close and Open (once the disk
// is well) start from the last commit. See logFS.
//
// # Cleaning
//
// A stream (one table of one operator in one shard) names the oldest epoch it
// still needs: its live-from epoch. The minimum over all streams bounds the log.
// To let the bound move, tables write rows again that have not changed for long.
// The store decides how much, for all tables at once: it groups consecutive
// epochs into generations of about an eighth of the log's target size (twice
// the live bytes plus a constant), and as soon as the log outgrows the target it
// asks every table, in the [Cut] of each commit, to evacuate the oldest
// generation: to re-emit those rows whose last copy lies in it. This is the
// cleaner of a log-structured file system (Rosenblum and Ousterhout, 1992) run
// first in, first out; for uniformly random updates at a utilisation of 1/2 it
// writes about 25 % on top of the changes themselves.
//
// # What it must not know
//
// Rows, types, plans, sinks. Blocks and metadata are bytes with checksums.
// Package planner is never imported here.
package statestore
