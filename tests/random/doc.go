// Package random compares random queries over random rows with SQLite, for
// everything that both can do.
//
// The generator makes each query as a pair of texts, ours and SQLite's, that mean
// the same: where dialects differ (division of integers, the order of NULLs,
// windows), the pair says the same thing in other words; where they differ for
// good (overflow, rounding of sums), it stays out of the way, by keeping track of
// the magnitude of each column and of whether its values are exact.
//
// Beside bounded input there is a table whose rows change, also in their keys, and
// which has no end: jobs over it stop, are killed and go on at random places, and at
// each stop their sink must have SQLite's answer over the rows that stand then.
//
// A failure prints the seed, both texts and the fewest rows that were found to
// show it. STREAMSQL_SEED runs one seed again, STREAMSQL_SOAK=5m runs for longer.
package random
