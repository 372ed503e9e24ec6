// Package join runs the regular join: a symmetric hash join (Wilschut and Apers,
// "Dataflow query execution in a parallel main-memory environment", 1991) over
// inputs that may take rows back.
//
// Both sides are kept. A row that comes is paired at once with the rows of the
// other side that have its key and satisfy the residual condition, and then kept
// for rows to come. A row that is taken back takes its pairs back. Outer, semi and
// anti joins keep with each row how many partners it has: at the first one, and
// after the last one, what was said of the row without a partner changes.
//
// Every change is given out as +I or -D of a whole row, those of one key in order.
//
// Where time says when the rows of a side can have no more partners (planner.Expiry)
// they are kept in segments by that time, each with keys and rows of its own, which
// go as a whole.
//
// State, per shard: a table of keys, each with the two chains of its rows; and for
// each side an array of rows of fixed width (links, number of partners, where the
// values stand) and an arena with the values, row by row. Nothing in it is a Go
// pointer. Only columns that come out or that the residual reads are kept.
package join
