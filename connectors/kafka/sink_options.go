package kafka

import (
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
)

// The sink's options, named as Flink and Java's producer name them.
const (
	optGuarantee          = "sink.delivery-guarantee"
	optPartitioner        = "sink.partitioner"
	optTransactionPrefix  = "sink.transactional-id-prefix"
	optTransactionTimeout = "properties.transaction.timeout.ms"
	optCompression        = "properties.compression.type"
	optBatchSize          = "properties.batch.size"
	optBufferMemory       = "properties.buffer.memory"
	optMaxRequest         = "properties.max.request.size"
	optDelivery           = "properties.delivery.timeout.ms"
)

// The guarantees.
const (
	exactlyOnce = "exactly-once"
	atLeastOnce = "at-least-once"
	noGuarantee = "none"
)

// The partitioners.
const (
	partitionDefault    = "default"
	partitionFixed      = "fixed"
	partitionRoundRobin = "round-robin"
)

func sinkOptions() []catalog.OptionSpec {
	options := []catalog.OptionSpec{
		{Name: optGuarantee, Type: catalog.OptionEnum, Values: []string{exactlyOnce, atLeastOnce, noGuarantee}, Default: exactlyOnce,
			Doc: "exactly-once: a transaction for each micro-batch, which consumers with read_committed see when it is committed. at-least-once: rows are seen at once; those since the last commit come again after a crash. none: commits don't even wait for them."},
		{Name: optPartitioner, Type: catalog.OptionEnum, Values: []string{partitionDefault, partitionFixed, partitionRoundRobin}, Default: partitionDefault,
			Doc: "The partition of a row: default goes by the hash of its key as Kafka's clients compute it, rows without a key change partition from batch to batch; fixed gives each shard one; round-robin takes the next for each row. With a PRIMARY KEY it is default, with 'key.fields' it can't be round-robin."},
		{Name: optTransactionPrefix, Default: "streamsql", Doc: "What transactional ids begin with (for ACLs); the job's ID and the sink's name follow."},
		{Name: optTransactionTimeout, Type: catalog.OptionDuration, Default: "15 min",
			Doc: "How long a transaction may stay open: the longest outage between the engine's commit and the broker's that is survived. The brokers' transaction.max.timeout.ms (15 minutes unless changed) bounds it."},
		{Name: optCompression, Type: catalog.OptionEnum, Values: []string{"none", "gzip", "snappy", "lz4", "zstd"}, Default: "none", Doc: "How batches are compressed."},
		{Name: optBatchSize, Type: catalog.OptionBytes, Default: "256kb", Doc: "The size of a batch, before compression, beyond which another one is begun. A batch is sent as soon as the one before it is acknowledged."},
		{Name: optBufferMemory, Type: catalog.OptionBytes, Default: "32mb", Doc: "How much may wait to be acknowledged; then the job waits."},
		{Name: optMaxRequest, Type: catalog.OptionBytes, Default: "1mb", Doc: "A row whose key and value are longer is refused: see 'on-error'. The topic's max.message.bytes must allow as much."},
		{Name: optDelivery, Type: catalog.OptionDuration, Default: "0", Doc: "How long a batch is tried before the job stops; 0: for ever. A topic that is not there any more stops it after 10 s."},
	}
	for i := range options {
		options[i].Sink = true
	}
	return options
}

// sinkSpec describes the connector as a sink.
func sinkSpec(formats format.Set) *catalog.SinkSpec {
	return &catalog.SinkSpec{
		Accepts: func(o catalog.Options, primaryKey bool) catalog.ChangelogMode {
			switch {
			case formats.Changelog(o[catalog.FormatOption]):
				return catalog.RetractMode
			case primaryKey:
				return catalog.UpsertMode
			}
			return catalog.AppendOnly
		},
		Guarantee: func(o catalog.Options) catalog.Guarantee {
			switch o[optGuarantee] {
			case atLeastOnce:
				return catalog.AtLeastOnce
			case noGuarantee:
				return catalog.NoGuarantee
			}
			return catalog.ExactlyOnce
		},
		Open: func(o catalog.Options) (time.Duration, string) {
			if o[optGuarantee] != exactlyOnce {
				return 0, ""
			}
			return o.Duration(optTransactionTimeout), optTransactionTimeout
		},
		Formats: formats.Writable(),
		Metadata: []catalog.MetadataColumn{
			{Name: metaKey, Type: catalog.Bytes, Doc: "The key as it is; NULL: none."},
			{Name: metaTopic, Type: catalog.String, Doc: "The topic of the row; NULL: that of the option 'topic'."},
			{Name: metaPartition, Type: catalog.Int, Doc: "The partition of the row; NULL: as 'sink.partitioner' says."},
			{Name: metaTime, Type: catalog.TimestampLTZ3, Doc: "The record's timestamp; NULL, or without the column: when it is written."},
			{Name: metaHeaders, Type: catalog.MapOf(catalog.String, catalog.Bytes), Doc: "The record's headers."},
		},
	}
}

// checkSink finds options that do not go together.
func checkSink(o catalog.Options) *catalog.OptionError {
	topics := topicList(o)
	switch {
	case len(topics) == 0:
		return &catalog.OptionError{Option: optTopic, Missing: true, OneUse: true, Message: "connector 'kafka' needs option 'topic' to write"}
	case len(topics) > 1:
		e := wrong(optTopic, "option 'topic': a sink writes to one topic, or to those that a column says: topic STRING METADATA")
		e.OneUse = true
		return e
	case !legalTopic(topics[0]):
		return wrong(optTopic, "option 'topic': '%s' can't be the name of a topic", topics[0])
	case o[optPartitioner] == partitionRoundRobin && o[optKeyFields] != "":
		return wrong(optPartitioner, "'%s' = '%s' would spread rows of the same '%s' over partitions", optPartitioner, partitionRoundRobin, optKeyFields)
	case o.Bytes(optBatchSize) < 1:
		return wrong(optBatchSize, "option '%s' must be at least 1 byte", optBatchSize)
	case o.Bytes(optBufferMemory) < 1:
		return wrong(optBufferMemory, "option '%s' must be at least 1 byte", optBufferMemory)
	}
	return checkKeys(o)
}
