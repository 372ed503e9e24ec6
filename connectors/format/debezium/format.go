package debezium

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

const optSchema = "schema-include"

// Format gives the format.
func Format() *format.Format {
	return &format.Format{
		Suffix:    ".ndjson",
		Changelog: true,
		Spec: &catalog.ConnectorSpec{
			Name: "debezium-json",
			Doc: "Changes of a table as Debezium writes them in JSON: an object with the members before, after and op (c, r, u, d); in files one per line. " +
				"Reading, the source is a changelog; a record without the image of the row that it needs is bad (in PostgreSQL set REPLICA IDENTITY FULL). " +
				"Writing, a row that enters the table is op c, one that leaves it op d.",
			Options: append([]catalog.OptionSpec{
				{Name: optSchema, Type: catalog.OptionBool, Default: "false", Source: true,
					Doc: "Records are {\"schema\": ..., \"payload\": ...}, as Kafka Connect's converter writes them with schemas.enable."},
			}, ndjson.RowOptions()...),
			Metadata: metadataColumns(),
		},
		Decode: newDecoding,
		Encode: newEncoding,
		Infer:  infer,
	}
}
