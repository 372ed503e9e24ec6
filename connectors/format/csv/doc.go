// Package csv is the format 'csv': delimited text after RFC 4180, fields by
// position or by the names in a header.
//
// Reading is by a state machine of its own, straight into Arrow buffers: a
// quoted field may hold delimiters and line ends, so the package also says where
// records end (a record may span lines). A field that does not fit its column is
// an error of that column alone; a record with a stray quote or the wrong number
// of fields is malformed. Writing quotes where it must, and empty strings, so
// that they differ from NULL, which is an empty field.
package csv
