// Package over computes calls with OVER: for each row, functions over the rows
// of its partition, in the order of the window.
//
// Rows are kept encoded (recorder): one string of bytes each, whose order as
// bytes is that of the sort keys and then of all columns. What is to be computed
// is laid out as a sequence: rows partition after partition, in order, with the
// stretch of each partition for which results are wanted. All functions work on
// that form: frames become pairs of positions, values are gathered by position,
// aggregates run over the pairs.
//
// There are three operators:
//
//   - timed takes rows in the order of the time attribute (semantics 2). Rows wait
//     until the watermark has passed them and then come out for good. What is
//     kept of a partition is what its later rows can still see. Its first half
//     runs before the exchange, where each row's W and its place in its source
//     are known.
//   - arrival takes rows as they come (ORDER BY PROCTIME()).
//   - whole keeps all rows of each partition, in any order and of any
//     changelog. Over bounded input it gives its rows at the end; else changes,
//     as found by computing the part of a partition that a change can touch
//     before and after it.
package over
