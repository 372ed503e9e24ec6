// Package parquet is the format 'parquet': files of row groups, of which the wanted
// columns are read only, and which are written one for each commit.
//
// Reading, Parquet files flow in, and rows flow out, with the errors of values that
// don't fit the columns. A row group is decoded once, by whoever needs its first
// rows; damage in it is an error of the file.
//
// Writing, batches flow in, and the bytes of a file flow out: a row group at a time, the
// footer at the end. Values are taken apart into columns with levels here (shred.go);
// arrow-go encodes and compresses them.
package parquet
