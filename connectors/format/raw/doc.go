// Package raw is the format 'raw': a record's bytes are the value of the only
// column. It is what Flink has under this name, so topics of one work with the
// other.
//
// What flows in and out: STRING as UTF-8; BYTES as they are; BOOLEAN as a byte
// that is 0 or not; integers, FLOAT and DOUBLE as 1, 2, 4 or 8 bytes in the order
// of 'raw.endianness'. In files, which take STRING and BYTES only, each line is a
// record, an empty one too. A message without a value is NULL, and the other way
// round.
package raw
