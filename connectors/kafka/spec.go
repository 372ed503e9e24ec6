package kafka

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// The source's options, named as Flink names them where it has them.
const (
	optTopic          = "topic"
	optTopicPattern   = "topic-pattern"
	optGroup          = "properties.group.id"
	optIsolation      = "properties.isolation.level"
	optReset          = "properties.auto.offset.reset"
	optFetchWait      = "properties.fetch.max.wait.ms"
	optFetchMin       = "properties.fetch.min.bytes"
	optFetchMax       = "properties.fetch.max.bytes"
	optPartitionFetch = "properties.max.partition.fetch.bytes"
	optPublish        = "properties.commit.offsets.on.checkpoint"
	optSession        = "properties.session.timeout.ms"
	optHeartbeat      = "properties.heartbeat.interval.ms"
	optDiscovery      = "scan.topic-partition-discovery.interval"
	optStartup        = "scan.startup.mode"
	optStartupTime    = "scan.startup.timestamp-millis"
	optStartupOffsets = "scan.startup.specific-offsets"
	optBounded        = "scan.bounded.mode"
	optBoundedTime    = "scan.bounded.timestamp-millis"
	optBoundedOffsets = "scan.bounded.specific-offsets"
	optMaxOffsets     = "scan.max-offsets-per-trigger"
	optMaxRate        = "scan.max-rate-per-partition"
	optMaxBytes       = "scan.max-bytes-per-trigger"
	optPrefetch       = "scan.prefetch-bytes"
	optDataLoss       = "fail-on-data-loss"
	optKeyFields      = "key.fields"
	optKeyPrefix      = "key.fields-prefix"
	optValueFields    = "value.fields-include"
	optMaxRecordBytes = "max-record-bytes"
)

// The modes of start and end.
const (
	modeEarliest  = "earliest-offset"
	modeLatest    = "latest-offset"
	modeGroup     = "group-offsets"
	modeTime      = "timestamp"
	modeSpecific  = "specific-offsets"
	modeUnbounded = "unbounded"
)

// The metadata columns.
const (
	metaKey       = "key"
	metaValue     = "value"
	metaTopic     = "topic"
	metaPartition = "partition"
	metaOffset    = "offset"
	metaTime      = "timestamp"
	metaTimeType  = "timestamp-type"
	metaHeaders   = "headers"
	metaEpoch     = "leader-epoch"
)

// Connector gives the connector, which reads the given formats.
func Connector(formats format.Set) connectors.Connector {
	source := func(o catalog.OptionSpec) catalog.OptionSpec {
		o.Source = true
		return o
	}
	both := func(o catalog.OptionSpec) catalog.OptionSpec {
		o.Source, o.Sink = true, true
		return o
	}
	options := []catalog.OptionSpec{
		both(catalog.OptionSpec{Name: optTopic, Doc: "The topic, or several: 'a;b'."}),
		source(catalog.OptionSpec{Name: optTopicPattern, Doc: "A regular expression (RE2) that the whole names of topics match; topics that appear later are read too. Instead of 'topic'."}),
		both(catalog.OptionSpec{Name: catalog.FormatOption, Aliases: []string{"value.format"}, Doc: "The format of the values. 'value.format' and 'value.json.x' are other names of 'format' and 'json.x'."}),
		both(catalog.OptionSpec{Name: catalog.KeyFormatOption, Doc: "The format of the keys, with options 'key.json.x'; with 'key.fields'."}),
		both(catalog.OptionSpec{Name: optKeyFields, Doc: "The columns that are in the key: 'a;b'."}),
		both(catalog.OptionSpec{Name: optKeyPrefix, Doc: "What the names of the columns of 'key.fields' begin with, and their names in the key do not."}),
		both(catalog.OptionSpec{Name: optValueFields, Type: catalog.OptionEnum, Values: []string{"ALL", "EXCEPT_KEY"}, Default: "ALL",
			Doc: "Whether the columns of 'key.fields' are in the value too. With ALL they are taken from there."}),
	}
	options = append(options, connectionOptions()...)
	options = append(options, both(catalog.OptionSpec{Name: optDataLoss, Type: catalog.OptionBool, Default: "true",
		Doc: "Whether the job stops where records are gone: of a source before they were read (retention, a topic that was deleted or made anew, a damaged batch), of a sink before they could be shown (a transaction that expired). false: it goes on with what is there, warns, and counts them."}))
	for _, o := range []catalog.OptionSpec{
		{Name: optGroup, Doc: "The consumer group that is told how far the source has been read, after each commit, and that 'group-offsets' starts from. Partitions are not shared out by it."},
		{Name: optPublish, Type: catalog.OptionBool, Default: "true", Doc: "Whether the group is told."},
		{Name: optIsolation, Type: catalog.OptionEnum, Values: []string{"read_committed", "read_uncommitted"}, Default: "read_committed",
			Doc: "read_committed leaves out what aborted transactions wrote, and waits for open ones to end; read_uncommitted does neither."},
		{Name: optStartup, Type: catalog.OptionEnum, Values: []string{modeEarliest, modeLatest, modeGroup, modeTime, modeSpecific}, Default: modeGroup,
			Doc: "Where a new job begins to read. A job that is started again goes on from its own last commit. Partitions that appear later are read from their start."},
		{Name: optReset, Type: catalog.OptionEnum, Values: []string{"earliest", "latest", "none"}, Default: "none",
			Doc: "Where 'group-offsets' starts if the group has no offset: none makes it an error."},
		{Name: optStartupTime, Type: catalog.OptionInt, Doc: "'timestamp' starts with the first record that has this timestamp (ms since 1970) or a later one, at the end if there is none."},
		{Name: optStartupOffsets, Doc: "'specific-offsets' starts there: 'partition:0,offset:42;partition:1,offset:300', with 'topic:name,' before each if there are several topics. Partitions that are not named are read from their start."},
		{Name: optBounded, Type: catalog.OptionEnum, Values: []string{modeUnbounded, modeLatest, modeGroup, modeTime, modeSpecific}, Default: modeUnbounded,
			Doc: "Where the source ends: never, at what is the end when the job begins, at the group's offset, before the first record with a timestamp or a later one, at given offsets (exclusive; of partitions that are not named nothing is read)."},
		{Name: optBoundedTime, Type: catalog.OptionInt, Doc: "The timestamp of the mode 'timestamp', ms since 1970."},
		{Name: optBoundedOffsets, Doc: "The offsets of the mode 'specific-offsets', written as for the start."},
		{Name: optDiscovery, Aliases: []string{"properties.partition.discovery.interval.ms"}, Type: catalog.OptionDuration, Default: "10 s", Doc: "How often to look for new partitions and topics, at the most each second; 0: never."},
		{Name: optMaxOffsets, Type: catalog.OptionInt, Default: "0", Doc: "Read no more than so many records for one micro-batch, over all partitions; 0: no limit."},
		{Name: optMaxBytes, Type: catalog.OptionBytes, Default: "0", Doc: "Read no more than about so many bytes (as stored) for one micro-batch, but a record at least; 0: no limit."},
		{Name: optMaxRate, Type: catalog.OptionInt, Default: "0", Doc: "Read no more than so many records a second from each partition; 0: no limit."},
		{Name: optPrefetch, Type: catalog.OptionBytes, Default: "64mb", Doc: "How much is fetched before the engine asks for it, over all partitions."},
		{Name: optFetchWait, Type: catalog.OptionDuration, Default: "500 ms", Doc: "How long a broker may hold back an answer until there are enough bytes. New records are given at once unless 'fetch.min.bytes' is raised."},
		{Name: optFetchMin, Type: catalog.OptionBytes, Default: "1b", Doc: "How many bytes are enough."},
		{Name: optFetchMax, Type: catalog.OptionBytes, Default: "50mb", Doc: "About the longest answer of a broker."},
		{Name: optPartitionFetch, Type: catalog.OptionBytes, Default: "4mb", Doc: "About the most of one partition in it; a batch that is larger is fetched all the same."},
		{Name: optMaxRecordBytes, Type: catalog.OptionBytes, Default: "128mb", Doc: "A longer value is a bad record."},
		{Name: optSession, Type: catalog.OptionDuration, Doc: "Accepted for scripts of others: there is no session, for the engine itself assigns partitions."},
		{Name: optHeartbeat, Type: catalog.OptionDuration, Doc: "The same."},
	} {
		options = append(options, source(o))
	}
	options = append(options, sinkOptions()...)
	return connectors.Connector{
		Spec: &catalog.ConnectorSpec{
			Name:    kafkaName,
			Doc:     "Topics of Apache Kafka (2.4 or later), each partition a split.",
			Options: options,
			Keyed:   true,
			Check:   check,
			CheckTable: func(o catalog.Options, columns []catalog.Field, key []string, forSource bool) *catalog.OptionError {
				return checkTable(o, columns, key, forSource, formats.Changelog(o[catalog.FormatOption]))
			},
			Sink: sinkSpec(formats),
			Source: &catalog.SourceSpec{
				Bounded:    func(o catalog.Options) bool { return o[optBounded] != modeUnbounded },
				Formats:    formats.Readable(),
				Timestamps: true,
				Changelog:  func(o catalog.Options) bool { return formats.Changelog(o[catalog.FormatOption]) },
				Metadata: []catalog.MetadataColumn{
					{Name: metaKey, Type: catalog.Bytes, Doc: "The key as it is; NULL without one."},
					{Name: metaValue, Type: catalog.Bytes, Doc: "The value as it is."},
					{Name: metaTopic, Type: catalog.String, Doc: "The topic."},
					{Name: metaPartition, Type: catalog.Int, Doc: "The number of the partition."},
					{Name: metaOffset, Type: catalog.BigInt, Doc: "The record's offset in its partition."},
					{Name: metaTime, Type: catalog.TimestampLTZ3, Doc: "The record's timestamp."},
					{Name: metaTimeType, Type: catalog.String, Doc: "Whose time that is: CreateTime (the producer's) or LogAppendTime (the broker's)."},
					{Name: metaHeaders, Type: catalog.MapOf(catalog.String, catalog.Bytes), Doc: "The record's headers; of equal keys the last one."},
					{Name: metaEpoch, Type: catalog.Int, Doc: "The epoch of the leader that wrote the record; NULL if not known."},
				},
			},
		},
		Infer: func(o catalog.Options, env connectors.Env) ([]catalog.Field, error) { return infer(formats, o, env) },
		Reread: func(cfg connectors.SourceConfig, env connectors.Env) (connectors.Rereader, error) {
			return reread(formats, cfg, env)
		},
		OpenSink: func(cfg connectors.SinkConfig, env connectors.Env) (connectors.Sink, error) {
			return newSink(formats, cfg, env)
		},
		OpenSource: func(cfg connectors.SourceConfig, env connectors.Env) (connectors.Source, error) {
			return newSource(formats, cfg, env)
		},
	}
}

// check finds options that do not go together.
func check(o catalog.Options, forSource bool) *catalog.OptionError {
	if e := checkConnection(o); e != nil {
		return e
	}
	if o[catalog.ConnectorOption] == upsertName && o[optKeyFields] != "" {
		return &catalog.OptionError{Option: optKeyFields, Message: "the key of '" + upsertName + "' is the PRIMARY KEY", Hint: "leave the option out"}
	}
	if !forSource {
		return checkSink(o)
	}
	topics := topicList(o)
	switch {
	case o[optTopic] == "" && o[optTopicPattern] == "":
		return &catalog.OptionError{Option: optTopic, Missing: true, Message: "connector 'kafka' needs option 'topic' or 'topic-pattern'"}
	case o[optTopic] != "" && o[optTopicPattern] != "":
		return wrong(optTopicPattern, "'topic' and 'topic-pattern' exclude each other")
	case o[optTopic] != "" && len(topics) == 0:
		return wrong(optTopic, "option 'topic' names no topic")
	}
	for _, t := range topics {
		if !legalTopic(t) {
			return wrong(optTopic, "option 'topic': '%s' can't be the name of a topic (several are written 'a;b')", t)
		}
	}
	if _, err := regexp.Compile(o[optTopicPattern]); err != nil {
		return wrong(optTopicPattern, "option 'topic-pattern': %v", err)
	}
	for _, m := range []struct{ mode, time, offsets string }{{optStartup, optStartupTime, optStartupOffsets}, {optBounded, optBoundedTime, optBoundedOffsets}} {
		for mode, option := range map[string]string{modeTime: m.time, modeSpecific: m.offsets, modeGroup: optGroup} {
			if o[m.mode] == mode && o[option] == "" {
				hint := ""
				if m.mode == optStartup && mode == modeGroup {
					hint = "or say where to start: '" + optStartup + "' = '" + modeEarliest + "'"
				}
				return &catalog.OptionError{Option: option, Missing: true, OneUse: true, Hint: hint, Message: fmt.Sprintf("'%s' = '%s' needs option '%s'", m.mode, mode, option)}
			}
		}
		for mode, option := range map[string]string{modeTime: m.time, modeSpecific: m.offsets} {
			if o[option] != "" && o[m.mode] != mode {
				return &catalog.OptionError{Option: option, Message: fmt.Sprintf("option '%s' is for '%s' = '%s'", option, m.mode, mode), Hint: fmt.Sprintf("the mode is '%s'", o[m.mode])}
			}
		}
		if o.Int(m.time) < 0 {
			return wrong(m.time, "option '%s' can't be negative: it is milliseconds since 1970", m.time)
		}
		if _, err := parseOffsets(o[m.offsets], topics); err != nil {
			return wrong(m.offsets, "option '%s': %v", m.offsets, err)
		}
	}
	for _, limit := range []string{optMaxOffsets, optMaxRate} {
		if o.Int(limit) < 0 {
			return wrong(limit, "option '%s' can't be negative; 0 is no limit", limit)
		}
	}
	return checkKeys(o)
}

// wrong is an error of an option's value.
func wrong(option, format string, args ...any) *catalog.OptionError {
	return &catalog.OptionError{Option: option, Value: true, Message: fmt.Sprintf(format, args...)}
}

// checkKeys finds options of keys that do not go together.
func checkKeys(o catalog.Options) *catalog.OptionError {
	if o[catalog.ConnectorOption] != upsertName && o[optKeyFields] != "" && o[catalog.KeyFormatOption] == "" {
		return wrong(optKeyFields, "'%s' needs '%s'", optKeyFields, catalog.KeyFormatOption)
	}
	for _, f := range keyFields(o) {
		if p := o[optKeyPrefix]; !strings.HasPrefix(f, p) || f == p {
			return wrong(optKeyPrefix, "column '%s' of '%s' does not begin with '%s'", f, optKeyFields, p)
		}
	}
	if o[optKeyPrefix] != "" && o[optValueFields] != "EXCEPT_KEY" {
		return wrong(optKeyPrefix, "'%s' needs '%s' = 'EXCEPT_KEY'", optKeyPrefix, optValueFields)
	}
	return nil
}

// checkTable finds options that do not go with the columns of a table.
func checkTable(o catalog.Options, columns []catalog.Field, primaryKey []string, forSource, changelog bool) *catalog.OptionError {
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	// With a PRIMARY KEY that is the key of what is written, but for changelogs,
	// whose rows are written as they change.
	upserts := o[catalog.ConnectorOption] == upsertName || !forSource && len(primaryKey) > 0 && !changelog
	if o[catalog.KeyFormatOption] != "" && o[optKeyFields] == "" && !upserts {
		return &catalog.OptionError{Option: catalog.KeyFormatOption, Message: fmt.Sprintf("'%s' needs '%s'", catalog.KeyFormatOption, optKeyFields), Hint: "it names the columns that are in the key: 'a;b'"}
	}
	for _, f := range keyFields(o) {
		if !slices.Contains(names, f) {
			e := wrong(optKeyFields, "option '%s': there is no column '%s'", optKeyFields, f)
			if s := catalog.Suggest(f, names); s != "" {
				e.Hint = fmt.Sprintf("did you mean '%s'?", s)
			}
			return e
		}
		if upserts && !slices.Contains(primaryKey, f) {
			return wrong(optKeyFields, "option '%s': '%s' is not in the PRIMARY KEY, which is the key of a topic that takes updates", optKeyFields, f)
		}
	}
	if p := o[optKeyPrefix]; p != "" && upserts {
		for _, f := range primaryKey {
			if !strings.HasPrefix(f, p) || f == p {
				return wrong(optKeyPrefix, "column '%s' of the PRIMARY KEY does not begin with '%s'", f, p)
			}
		}
	}
	if !forSource && upserts && o[optPartitioner] != partitionDefault {
		return &catalog.OptionError{Option: optPartitioner, Value: true, Message: fmt.Sprintf("'%s' = '%s' would spread the updates of a key over partitions, where their order is lost", optPartitioner, o[optPartitioner]),
			Hint: "without the option the PRIMARY KEY decides"}
	}
	return nil
}

// legalTopic says whether Kafka takes a name for a topic.
func legalTopic(name string) bool {
	if name == "" || len(name) > 249 {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
}

func topicList(o catalog.Options) []string { return list(o[optTopic]) }

func keyFields(o catalog.Options) []string { return list(o[optKeyFields]) }

// list splits 'a;b', each once.
func list(text string) []string {
	var out []string
	for _, part := range strings.Split(text, ";") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	return out
}
