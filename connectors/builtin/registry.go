package builtin

import (
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/blackhole"
	"github.com/streamsql/streamsql/connectors/console"
	"github.com/streamsql/streamsql/connectors/datagen"
	"github.com/streamsql/streamsql/connectors/file"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/avro"
	"github.com/streamsql/streamsql/connectors/format/canal"
	"github.com/streamsql/streamsql/connectors/format/csv"
	"github.com/streamsql/streamsql/connectors/format/debezium"
	"github.com/streamsql/streamsql/connectors/format/jsonschema"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
	"github.com/streamsql/streamsql/connectors/format/parquet"
	"github.com/streamsql/streamsql/connectors/format/protobuf"
	"github.com/streamsql/streamsql/connectors/format/raw"
	"github.com/streamsql/streamsql/connectors/kafka"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/connectors/nexmark"
)

// Formats gives all formats.
func Formats() format.Set {
	return format.Set{ndjson.Format(), csv.Format(), raw.Format(), debezium.Format(), canal.Format(), avro.Format(), avro.Confluent(), protobuf.Format(), protobuf.Confluent(), jsonschema.Confluent(), parquet.Format()}
}

// Registry gives a registry of all connectors and formats. The connector
// 'memory' reads and writes the tables of store.
func Registry(store *memory.Store) (*connectors.Registry, error) {
	r := connectors.NewRegistry()
	formats := Formats()
	for _, f := range formats {
		if err := r.RegisterFormat(f.Spec); err != nil {
			return nil, err
		}
	}
	for _, c := range []connectors.Connector{
		file.Connector(formats),
		console.Connector(),
		blackhole.Connector(),
		store.Connector(formats),
		datagen.Connector(),
		nexmark.Connector(),
		kafka.Connector(formats),
		kafka.UpsertConnector(formats),
	} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return r, nil
}
