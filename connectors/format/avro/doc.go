// Package avro is the format 'avro': records in Avro's binary encoding, read
// straight into the buffers of Arrow arrays.
//
// Decoding follows the schema that the record was written with. Columns are found
// by the names of its fields; what no column reads is passed over. A column that
// the writer does not have is looked for among the reader's schema, if there is
// one: under the aliases of its field, then as its default; else it is NULL.
//
// What flows in: records, one by one, or blocks of container files. What flows out:
// rows and the errors beside them. The algorithm is the Avro specification's
// ("Schema Resolution"), with the SQL type of a column in place of the reader's.
package avro
