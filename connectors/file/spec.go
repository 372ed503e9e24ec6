package file

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// The connector's options, named as Flink names them where it has them.
const (
	optPath            = "path"
	optCompression     = "compression"
	optMonitorInterval = "source.monitor-interval"
	optFilesAsSplits   = "scan.files-as-splits"
	optMaxRecordBytes  = "max-record-bytes"
	optRollSize        = "sink.rolling-policy.file-size"
	optRollInterval    = "sink.rolling-policy.rollover-interval"
	optRollCheck       = "sink.rolling-policy.check-interval"
	optKindColumn      = "sink.kind-column"
)

// The metadata columns of the source.
const (
	metaPath = "file.path"
	metaName = "file.name"
	metaSize = "file.size"
	metaTime = "file.modification-time"
	metaLine = "file.line"
)

// Connector gives the connector, which reads and writes the given formats.
func Connector(formats format.Set) connectors.Connector {
	return connectors.Connector{
		Spec: &catalog.ConnectorSpec{
			Name:    "file",
			Aliases: []string{"filesystem"},
			Doc:     "Rows in files of a local directory: reads one file, a list, a directory or a glob; writes a directory of files, exactly once.",
			Options: []catalog.OptionSpec{
				{Name: optPath, Required: true, Source: true, Sink: true,
					Doc: "Source: a file, a comma-separated list of files, a directory (with all below it) or a glob (*, ?, [a-z]); names beginning with '.' or '_' are left out of directories and globs. Sink: the directory to write to."},
				{Name: catalog.FormatOption, Source: true, Sink: true, Doc: "The format of the records."},
				{Name: optCompression, Type: catalog.OptionEnum, Values: []string{"auto", "none", "gzip", "zstd"}, Default: "auto", Source: true,
					Doc: "How files are compressed; auto goes by their names: .gz, .zst."},
				{Name: optMonitorInterval, Type: catalog.OptionDuration, Source: true,
					Doc: "Look for new files this often; the source is then unbounded. A file must be complete when it appears (written elsewhere and renamed), must not change and is known for ever once read, at 17 to 25 bytes of each commit: take old files to another directory and the job to a new one before there are a million. Without it, the source ends with the files that are there."},
				{Name: optFilesAsSplits, Type: catalog.OptionBool, Default: "false", Source: true,
					Doc: "Each file is a split of its own, with its own watermark (for files that overlap in time); bounded sources only. Else all files are one split, one after the other in the order of the bytes of their paths; watched: in the order of discovery, modification time, path."},
				{Name: optMaxRecordBytes, Type: catalog.OptionBytes, Default: "128mb", Source: true,
					Doc: "A longer record is a bad record."},
				{Name: optRollSize, Type: catalog.OptionBytes, Default: "128mb", Sink: true,
					Doc: "A file that has grown to this size is finished."},
				{Name: optRollInterval, Type: catalog.OptionDuration, Default: "30 min", Sink: true,
					Doc: "A file that is open for so long is finished with the next commit."},
				{Name: optRollCheck, Type: catalog.OptionDuration, Sink: true,
					Doc: "Accepted for Flink's scripts; open files are looked at with every commit."},
				{Name: optKindColumn, Sink: true,
					Doc: "The name of a first column for the kind of each row: +I, -U, +U, -D. With it the sink takes queries that update; whoever reads the files adds +I and +U rows and takes -U and -D rows away."},
			},
			Source: &catalog.SourceSpec{
				Bounded:   bounded,
				Table:     true,
				Formats:   formats.ReadableFiles(),
				Changelog: func(o catalog.Options) bool { return formats.Changelog(o[catalog.FormatOption]) },
				Metadata: []catalog.MetadataColumn{
					{Name: metaPath, Type: catalog.String, Doc: "The file's path, as the option 'path' leads to it."},
					{Name: metaName, Type: catalog.String, Doc: "The file's name without directories."},
					{Name: metaSize, Type: catalog.BigInt, Doc: "The file's size in bytes when it was opened, compressed if it is."},
					{Name: metaTime, Type: catalog.TimestampLTZ3, Doc: "When the file was last changed."},
					{Name: metaLine, Type: catalog.BigInt, Doc: "The number of the line that the record begins in, from 1; of the record itself where a file has no lines."},
				},
			},
			Sink: &catalog.SinkSpec{
				Accepts: func(o catalog.Options, _ bool) catalog.ChangelogMode {
					// Only a column of kinds, or the format, can say that a row is taken back.
					if o[optKindColumn] != "" || formats.Changelog(o[catalog.FormatOption]) {
						return catalog.RetractMode
					}
					return catalog.AppendOnly
				},
				Guarantee: func(catalog.Options) catalog.Guarantee { return catalog.ExactlyOnce },
				Formats:   formats.WritableFiles(),
			},
		},
		OpenSource: func(cfg connectors.SourceConfig, env connectors.Env) (connectors.Source, error) {
			return newSource(formats, cfg, env)
		},
		Infer: func(o catalog.Options, env connectors.Env) ([]catalog.Field, error) { return infer(formats, o, env) },
		Reread: func(cfg connectors.SourceConfig, _ connectors.Env) (connectors.Rereader, error) {
			return reread(formats, cfg)
		},
		OpenSink: func(cfg connectors.SinkConfig, env connectors.Env) (connectors.Sink, error) {
			return newSink(formats, cfg, env)
		},
	}
}

func bounded(o catalog.Options) bool { return o.Duration(optMonitorInterval) == 0 }
