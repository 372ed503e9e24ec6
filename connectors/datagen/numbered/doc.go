// Package numbered is a source of rows that are made, not read: row n is a pure
// function of n. It deals the numbers out to splits, keeps the pace and counts
// the offset; a Rows makes the columns. The connectors datagen and nexmark are
// built on it.
//
// Split i of s has the numbers first+i, first+i+s, first+2s+i, ... So each split
// is ascending in number, all of them move on together, and together they have
// the same rows for every number of splits. The offset of a split is how many of
// its rows have been read.
//
// It knows nothing of options and of what the rows hold.
package numbered
