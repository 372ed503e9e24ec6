package json_test

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format/json"
)

// Lines become columns; what does not fit is named and leaves the rest standing.
func ExampleDecoder() {
	schema, err := json.Compile([]catalog.Field{
		{Name: "id", Type: catalog.BigInt},
		{Name: "at", Type: catalog.Timestamp3},
		{Name: "place", Type: catalog.RowOf(catalog.Field{Name: "city", Type: catalog.String})},
	}, json.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	d := json.NewDecoder(schema, memory.DefaultAllocator)
	lines := []byte(`{"id":1,"at":"2024-02-29 00:00:00.500","place":{"city":"K\u00f6ln","zip":"50667"}}
{"id":1.5,"place":null}
{"id":3,
`)
	d.DecodeLines(lines, 1000)
	batch := d.Finish()
	defer batch.Release()
	for i, c := range batch.Columns {
		fmt.Println(schema.Columns()[i].Name, c)
	}
	for _, e := range batch.Errors {
		fmt.Printf("row %d: %s: %s\n", e.Row, schema.Describe(e), batch.Record(lines, int(e.Row)))
	}
	// Output:
	// id [1 (null) (null)]
	// at [1709164800500000 (null) (null)]
	// place {["Köln" (null) (null)]}
	// row 1: column id BIGINT: not an integer (at byte 6): {"id":1.5,"place":null}
	// row 2: malformed record (at byte 8): {"id":3,
}

// Rows become lines again.
func ExampleEncoder() {
	fields := []catalog.Field{{Name: "id", Type: catalog.BigInt}, {Name: "at", Type: catalog.Timestamp3}, {Name: "x", Type: catalog.Double}}
	schema, err := json.Compile(fields, json.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	d := json.NewDecoder(schema, memory.DefaultAllocator)
	d.Append([]byte(`{"x":2,"at":"2024-02-29 00:00:00","id":7}`))
	batch := d.Finish()
	defer batch.Release()
	e := json.NewEncoder(fields, json.EncoderOptions{})
	if err := e.Bind(batch.Columns); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(e.AppendRows(nil, 0, e.Rows())))
	// Output:
	// {"id":7,"at":"2024-02-29 00:00:00.000","x":2.0}
}
