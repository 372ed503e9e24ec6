// Package columns builds Arrow arrays in place for the decoders of row formats.
//
// A decoder meets values in the order of its text, may meet one twice (the
// last member of a name wins) and may find out late that a record is bad. A
// [Column] fits that: values are put at a slot number, slots that are passed
// over are NULL without any work, and [Column.Truncate] takes slots back. The
// finished array owns the buffers the values were written to; nothing is
// copied.
//
// What flows in: values of Go's types, by slot, in rising slot order within a
// column. What flows out: an arrow.Array of the type that catalog.Type.Arrow
// names. The package knows no format and no connector.
package columns
