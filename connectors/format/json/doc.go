// Package json reads and writes rows as JSON, one object a record.
//
// Decoding is directed by the schema: [Compile] turns a list of columns into a
// plan, a [Decoder] turns text straight into the buffers of Arrow arrays. It
// guesses which member follows which, so that in records of a steady layout a
// name costs one comparison; a name that comes out of order, escaped, twice or
// not at all is dealt with where it occurs, by the same code path, so there is
// no slow mode for a whole record. What no column reads is skipped for its
// structure only. [Encoder] goes the other way.
//
// What flows in: lines, or single records. What flows out: a [Batch], with a row
// for each record, bad ones too, and the errors beside it. The package knows no
// transport and no policy for bad records.
//
// # Records
//
// A record is one object. In a stream of lines each line is a record; a line of
// nothing but spaces, tabs and carriage returns is none. White space around the
// object is allowed, text behind it makes the record malformed, and so do a
// byte order mark and a value that is no object.
//
// A record is malformed if its structure is broken: strings that are not
// closed, brackets that don't match, members that are not separated by commas
// or not made of a name in quotes, a colon and a value, containers nested deeper
// than [MaxDepth]. This is found whatever columns are read. All columns are NULL
// then and there is one error for the record. Everything else (a wrong number,
// literal or escape, a control character in a string, invalid UTF-8, a value of
// the wrong type) is an error of its column alone, is found only if the column
// is read, and leaves that column, or the member of the ROW at fault, NULL.
// With Options.ValidateAll it is found in unread members too.
//
// # Members
//
// Names are case-sensitive and compared after unescaping. A member that is
// missing, or null, is NULL. A member that is no column is ignored. If a name
// comes more than once the last member counts, whole; the same goes for the keys
// of a MAP.
//
// # Values
//
//	BOOLEAN      true, false
//	TINYINT ...  a number without fraction and exponent, within the range: not
//	 BIGINT      24.0, not 1e2, not "24"
//	FLOAT,       a number, correctly rounded; beyond the range is an error. The
//	 DOUBLE      strings "NaN", "Infinity" and "-Infinity". Not "1.5".
//	DECIMAL      a number, or a string that holds one, exactly; digits beyond the
//	             scale are rounded half up; more digits than the precision holds
//	             are an error
//	STRING       a string; any other value but null as its text in the record. For
//	             VARCHAR(n), CHAR(n): at most n characters. Half of a surrogate
//	             pair in escapes becomes U+FFFD.
//	BYTES        a string of padded standard base64
//	DATE         "yyyy-MM-dd"
//	TIME         "HH:mm:ss", with up to nine digits of fraction
//	TIMESTAMP    "yyyy-MM-dd HH:mm:ss", with up to nine digits of fraction; with
//	             [TimestampISO8601] a T for the space. Digits beyond the declared
//	             precision are cut off. Years 0001 to 9999; no second 60, no hour 24.
//	TIMESTAMP_LTZ the same, with a Z or an offset such as +02:00 behind it
//	INTERVAL     "[-]D HH:mm:ss[.fraction]", "[-]Y-MM"
//	ARRAY        an array
//	MAP          an object; keys are STRING
//	ROW          an object, by the rules of a record's members
//	JSON         any value but null, as its text in the record, checked
//
// Options.QuotedNumbers takes "24" and "1.5" for numeric columns too, and "true",
// "false", "1" and "0" for BOOLEAN. A NULL in
// a NOT NULL column or member is an error of that column.
//
// # Writing
//
// Members come in the order of the columns, NULL ones too. DECIMAL is a number
// with all digits of its scale; FLOAT and DOUBLE are the shortest number that
// reads back the same, or "NaN", "Infinity", "-Infinity"; TIMESTAMP(p) has three
// digits of fraction for p up to 3, six above; TIMESTAMP_LTZ is in UTC with a Z;
// TIME has a fraction if its precision says so; BYTES are base64. Strings are
// written as they are but for quotes, backslashes and control characters;
// invalid UTF-8 becomes U+FFFD. Decoding what was written gives the same rows.
package json
