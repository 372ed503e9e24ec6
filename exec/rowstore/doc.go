// Package rowstore keeps whole rows of batches in the tables of
// statestore/table: joins and probes that wait for a watermark hold them there.
//
// A row is some words of its owner's, the NULL flags of the columns, and one or
// two words a column. Strings and bytes of more than hash.InlineBytes stand in
// the arena beside the rows; values of ARRAY, MAP and ROW columns are encoded
// into bytes. Values come back exactly as they were: unlike keys (package hash),
// -0.0 stays apart from 0.0.
//
// The package knows nothing of joins, buckets or time.
package rowstore
