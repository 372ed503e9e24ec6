package debezium

import (
	stdjson "encoding/json"
	"errors"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

// infer gives the columns of the table whose changes the first records are: those that
// the schema of a record says, else those that its images have.
func infer(cfg format.InferConfig) ([]catalog.Field, error) {
	enveloped := cfg.Options.Bool(optSchema)
	isoTimes := ndjson.TimeSeparator(cfg.Options) == "T"
	var declared []catalog.Field
	payload := false
	g, err := ndjson.Guess(cfg, func(record []byte) [][]byte {
		var r struct {
			Schema  *field
			Payload stdjson.RawMessage
		}
		if enveloped {
			if stdjson.Unmarshal(record, &r) != nil {
				return nil
			}
			if declared == nil && r.Schema != nil {
				declared = r.Schema.rowColumns(isoTimes)
			}
			record = r.Payload
		}
		var change struct {
			Before, After, Payload stdjson.RawMessage
		}
		if stdjson.Unmarshal(record, &change) != nil {
			return nil
		}
		payload = payload || change.Payload != nil
		return [][]byte{change.Before, change.After}
	})
	switch {
	case declared != nil:
		return declared, nil
	case err != nil && payload && !enveloped:
		return nil, errors.New("records have a member payload: set 'debezium-json.schema-include' = 'true'")
	case g == nil:
		return nil, err
	}
	return g.Fields(), nil
}

// field is a part of a schema as Kafka Connect's converter to JSON writes it.
type field struct {
	Type   string
	Name   string // of a type that stands for another one
	Field  string // the member's
	Fields []field
	Items  *field // of an array
	Keys   *field // of a map
	Values *field
}

// rowColumns gives the columns of the images, of the schema of a change; nil: it has
// none.
func (f *field) rowColumns(isoTimes bool) []catalog.Field {
	for _, image := range f.Fields {
		if image.Field == "after" || image.Field == "before" {
			if fields := image.columns(isoTimes); len(fields) > 0 {
				return fields
			}
		}
	}
	return nil
}

func (f *field) columns(isoTimes bool) []catalog.Field {
	var out []catalog.Field
	for _, m := range f.Fields {
		out = append(out, catalog.Field{Name: m.Field, Type: m.columnType(isoTimes)})
	}
	return out
}

// columnType is the type of a column that takes the values of a field; STRING takes
// any.
func (f *field) columnType(isoTimes bool) catalog.Type {
	switch f.Type {
	case "boolean":
		return catalog.Boolean
	case "int8":
		return catalog.TinyInt
	case "int16":
		return catalog.SmallInt
	case "int32":
		return catalog.Int
	case "int64":
		return catalog.BigInt
	case "float", "float32":
		return catalog.Float
	case "double", "float64":
		return catalog.Double
	case "bytes":
		return catalog.Bytes
	case "string":
		if f.Name == "io.debezium.time.ZonedTimestamp" && isoTimes {
			return catalog.Type{Kind: catalog.KindTimestampLTZ, Precision: 6}
		}
	case "array":
		if f.Items != nil {
			return catalog.ArrayOf(f.Items.columnType(isoTimes))
		}
	case "map":
		if f.Keys != nil && f.Values != nil && f.Keys.Type == "string" {
			return catalog.MapOf(catalog.String, f.Values.columnType(isoTimes))
		}
	case "struct":
		if len(f.Fields) > 0 {
			return catalog.RowOf(f.columns(isoTimes)...)
		}
	}
	return catalog.String
}
