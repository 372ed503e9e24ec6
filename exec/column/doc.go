// Package column holds what every operator needs of Arrow columns and the Arrow
// library does not do well: bitmaps word by word, gathering rows by a selection
// vector, concatenation, comparison of rows for sorting, constant columns,
// single values, and memory that is used again.
//
// A selection vector is an ascending []int32 of row numbers. Nothing here
// allocates per row. Columns are those of catalog.Type.Arrow.
package column
