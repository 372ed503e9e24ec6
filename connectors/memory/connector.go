package memory

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

const (
	optName      = "name"
	optSplits    = "splits"
	optBounded   = "bounded"
	optChangelog = "changelog-mode"
	optForget    = "forget-read"
)

// valuesFormat is the default 'format': rows come as values, not as text.
const valuesFormat = "values"

// Connector gives the connector that reads and writes the store's tables.
func (s *Store) Connector(formats format.Set) connectors.Connector {
	return connectors.Connector{
		Spec: &catalog.ConnectorSpec{
			Name: "memory",
			Doc:  "Tables of rows in this process, for programs that embed the engine and for tests.",
			Options: []catalog.OptionSpec{
				{Name: optName, Source: true, Sink: true, Doc: "The table's name in the store; default: that of the source or sink."},
				{Name: catalog.FormatOption, Type: catalog.OptionEnum, Values: append([]string{valuesFormat}, formats.Readable()...), Default: valuesFormat, Source: true,
					Doc: "What records are: values, or text in a format (with its defaults)."},
				{Name: optSplits, Type: catalog.OptionInt, Default: "1", Source: true, Doc: "The number of splits."},
				{Name: optForget, Type: catalog.OptionBool, Default: "false", Source: true,
					Doc: "Whether records are dropped once a commit holds that they were read: for one job that goes on for ever. Another that starts later reads what is left; one that is to go on from before is in error."},
				{Name: optBounded, Type: catalog.OptionBool, Default: "true", Source: true, Doc: "Whether the source ends when all splits have been ended."},
				{Name: optChangelog, Type: catalog.OptionEnum, Values: []string{"auto", "append", "upsert", "retract"}, Default: "auto", Source: true, Sink: true,
					Doc: "Sink: which changes it takes; auto: upsert if it has a primary key, else retract. Source: retract lets its records take back earlier ones; with upsert each replaces the one with its PRIMARY KEY, and one of kind -D, of which only the key counts, deletes it."},
			},
			Source: &catalog.SourceSpec{
				Bounded:    func(o catalog.Options) bool { return o.Bool(optBounded) },
				Timestamps: true,
				Changelog: func(o catalog.Options) bool {
					return o[optChangelog] == "retract" || formats.Changelog(o[catalog.FormatOption])
				},
				Upserts: func(o catalog.Options) bool { return o[optChangelog] == "upsert" },
				Lookup:  func(catalog.Options) bool { return true },
			},
			Sink: &catalog.SinkSpec{
				Accepts:   accepts,
				Guarantee: func(catalog.Options) catalog.Guarantee { return catalog.ExactlyOnce },
			},
		},
		OpenSource: func(cfg connectors.SourceConfig, _ connectors.Env) (connectors.Source, error) {
			return s.openSource(formats, cfg)
		},
		OpenLookup: func(cfg connectors.LookupConfig, _ connectors.Env) (connectors.Lookup, error) {
			return s.openLookup(formats, cfg)
		},
		OpenSink: s.openSink,
	}
}

func accepts(o catalog.Options, primaryKey bool) catalog.ChangelogMode {
	switch o[optChangelog] {
	case "append":
		return catalog.AppendOnly
	case "upsert":
		return catalog.UpsertMode
	case "auto":
		if primaryKey {
			return catalog.UpsertMode
		}
	}
	return catalog.RetractMode
}

func tableName(o catalog.Options, name string) string {
	if o[optName] != "" {
		return o[optName]
	}
	return name
}
