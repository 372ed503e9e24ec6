// Package parquet is the format 'parquet': files of row groups, of which the wanted
// columns are read only.
//
// What flows in: Parquet files. What flows out: rows, with the errors of values that
// don't fit the columns. A row group is decoded once, by whoever needs its first
// rows; damage in it is an error of the file.
package parquet
