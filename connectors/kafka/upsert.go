package kafka

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

const (
	kafkaName  = "kafka"
	upsertName = "upsert-kafka"
)

// UpsertConnector gives the connector of topics that are tables: each record
// replaces the row of its key, one without a value deletes it. What it writes is
// what 'kafka' writes with a PRIMARY KEY.
func UpsertConnector(formats format.Set) connectors.Connector {
	c := Connector(formats)
	spec, source, sink := *c.Spec, *c.Spec.Source, *c.Spec.Sink
	spec.Name = upsertName
	spec.Doc = "Compacted topics of Apache Kafka (2.4 or later) as tables: the columns of the PRIMARY KEY are the record's key, a record replaces the row of its key, one without a value deletes it."
	spec.Options = slices.Clone(spec.Options)
	for i := range spec.Options {
		switch o := &spec.Options[i]; o.Name {
		case optStartup:
			o.Default = modeEarliest
		case catalog.KeyFormatOption:
			o.Doc = "The format of the keys, with options 'key.json.x'. Default: that of the values."
		case optKeyFields:
			o.Doc = "The key is the PRIMARY KEY; other columns can't be named."
		}
	}
	rows := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), formats.Changelog)
	}
	source.Formats, sink.Formats = rows(source.Formats), rows(sink.Formats)
	source.Changelog = nil
	source.Upserts = func(catalog.Options) bool { return true }
	sink.NeedsKey = true
	spec.Source, spec.Sink = &source, &sink
	c.Spec, c.Reread = &spec, nil
	return c
}
