package catalog

// DeadLetterFields are the columns of a dead letter. A dead-letter sink may
// declare any of them, by name, in any order.
var DeadLetterFields = []Field{
	{Name: "source", Type: String},        // name of the source in SQL
	{Name: "position", Type: String},      // "orders.ndjson:17", "topic/3@4711"
	{Name: "raw", Type: Bytes},            // the record as read; for an error further down the row as JSON
	{Name: "error_code", Type: String},    // MALFORMED_RECORD, OUT_OF_RANGE, ...
	{Name: "error_column", Type: String},  // columns in error, comma-separated
	{Name: "error_message", Type: String}, // for people
	{Name: "job", Type: String},           //
	{Name: "branch", Type: String},        // the INSERT: its sink
	{Name: "failed_at", Type: TimestampLTZ3},
	{Name: "record_key", Type: Bytes}, // of messages: the record's key, timestamp and headers
	{Name: "record_time", Type: TimestampLTZ3},
	{Name: "record_headers", Type: MapOf(String, Bytes)},
}
