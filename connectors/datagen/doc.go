// Package datagen is a source of made-up rows with any columns, after the
// connector of that name in Flink: each column has a generator of its own, random
// within bounds or a sequence.
//
// Row n is a pure function of the options and n. A cell's random numbers are keyed
// by the seed, the path of its column's name and n; so a column has the same
// values whatever other columns are read, and any stretch of rows can be made
// anywhere. Only integer arithmetic and IEEE operations that platforms round
// alike are used.
//
// Generator makes Arrow columns of runs of rows; the splits, pace and offsets of
// the source are those of package numbered. It knows nothing of plans.
package datagen
