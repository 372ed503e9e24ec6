// Package agg is hash aggregation over Arrow batches: GROUP BY, windowed or not.
//
// An Aggregator is compiled from the grouping columns and the aggregate calls
// (Config). It adds batches to Groups: one row of 64-bit words per group in
// package statestore/table - header, key, state - found by an index of package
// hash. Groups are frozen, restored and dropped with the table that they are
// opened in.
//
//	Update    rows of a batch into Groups     Retract   and out again
//	Merge     Groups into Groups
//	Export    Groups into Partials by shard   Import    Partials into Groups
//	Emit      Groups as columns: keys, then results
//
// So a query is one Aggregator per task and Groups for the unwindowed state, or
// Groups of each pane; pre-aggregation before an exchange is Groups that stand alone,
// filled by a batch, exported and cleared.
//
// # How a batch is added
//
// Some hundred rows at a time: their keys are encoded and hashed, their groups
// found, and then each accumulator runs over (group, value) pairs in a loop of
// its own kind, without a test, call or allocation per row. Calls over the same
// argument and filter share the reading of it (a lane), and the parts of their
// state: SUM(x), AVG(x) and COUNT(x) keep one sum and one count. DISTINCT calls
// over a column share one set of its values, which hands each value on once.
//
// # What holds of all accumulators
//
// A row of zeros is the state of no rows. The result is a function of the
// multiset of rows: not of their order, nor of how they were split and merged.
// Integers are added in 128 bits, DECIMALs in 192, doubles exactly (expansion).
//
// # Functions of all values
//
// What can't be folded into a few words is kept as records (record): the columns
// that order a row, then its arguments, encoded as keys are. A best keeps one of
// them in the group's row: FIRST_VALUE, MAX_BY. A bag keeps all as a multiset,
// in a table keyed by group and record whose rows are the nodes of a tree per
// group (tree): ARRAY_AGG, percentiles, functions in Go that have no state of their own (else: fold). Over rows
// that are taken back MIN, MAX and the like stand on a bag too.
//
// # Panes
//
// Panes are Groups of many stretches of time whose keys are looked up once for all
// of them, and a window that slides over them: what HOP and CUMULATE want.
//
// The package knows nothing of watermarks, changelogs or plans.
package agg
