package kafka

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
)

// sinkLayout says where each column of a row goes: the value, the key, or what is
// around them (-1: no column).
type sinkLayout struct {
	value, key         format.MessageEncoding // key: nil without one
	valueCols, keyCols []int
	topic, time        int
	partitionCol       int
	headers, keyCol    int
	partitioner        string
	maxRecord          int
}

func newSinkLayout(formats format.Set, cfg connectors.SinkConfig, env connectors.Env) (*sinkLayout, error) {
	o := cfg.Options
	l := &sinkLayout{topic: -1, time: -1, partitionCol: -1, headers: -1, keyCol: -1, partitioner: o[optPartitioner], maxRecord: int(min(o.Bytes(optMaxRequest), 1<<30))}
	upsert := cfg.Mode == catalog.UpsertMode
	keyFormat, keys := o[catalog.KeyFormatOption], []int(nil)
	if upsert {
		if keyFormat == "" {
			keyFormat = o[catalog.FormatOption]
		}
		keys = slices.Clone(cfg.PrimaryKey)
	}
	for _, f := range keyFields(o) {
		c := slices.IndexFunc(cfg.Columns, func(d catalog.Field) bool { return d.Name == f })
		if c < 0 {
			return nil, fmt.Errorf("option '%s': there is no column '%s'", optKeyFields, f)
		}
		switch {
		case !upsert:
			keys = append(keys, c)
		case !slices.Contains(keys, c):
			return nil, fmt.Errorf("option '%s': '%s' is not in the PRIMARY KEY, which is the key of a topic that takes updates", optKeyFields, f)
		}
	}
	value := format.EncodeConfig{Env: env, Subject: subject(o), Options: o.Under(o[catalog.FormatOption] + "."), Upsert: upsert}
	key := format.EncodeConfig{Env: env, Subject: subject(o), Key: true, Options: o.Under("key." + keyFormat + ".")}
	if o[catalog.KeyFormatOption] == "" {
		key.Options = value.Options
	}
	for c, f := range cfg.Columns {
		if cfg.Metadata != nil && cfg.Metadata[c] != "" {
			switch cfg.Metadata[c] {
			case metaTopic:
				l.topic = c
			case metaPartition:
				l.partitionCol = c
			case metaTime:
				l.time = c
			case metaHeaders:
				l.headers = c
			case metaKey:
				l.keyCol = c
			}
			continue
		}
		if slices.Contains(keys, c) && o[optValueFields] == "EXCEPT_KEY" {
			continue
		}
		l.valueCols = append(l.valueCols, c)
		value.Columns = append(value.Columns, f)
	}
	// Columns stand in the key in the order in which they are named as its columns.
	for _, c := range keys {
		if cfg.Metadata != nil && cfg.Metadata[c] != "" {
			continue
		}
		l.keyCols = append(l.keyCols, c)
		inner := cfg.Columns[c]
		inner.Name = strings.TrimPrefix(inner.Name, o[optKeyPrefix])
		key.Columns = append(key.Columns, inner)
	}
	if l.keyCol >= 0 && len(l.keyCols) > 0 {
		return nil, fmt.Errorf("the key is made of columns ('%s' or PRIMARY KEY) and given by metadata '%s' too", optKeyFields, metaKey)
	}
	var err error
	if l.value, err = messageEncoding(formats, o[catalog.FormatOption], value); err != nil {
		return nil, err
	}
	if len(l.keyCols) > 0 {
		if l.key, err = messageEncoding(formats, keyFormat, key); err != nil {
			return nil, fmt.Errorf("the key: %w", err)
		}
	}
	return l, nil
}

func messageEncoding(formats format.Set, name string, cfg format.EncodeConfig) (format.MessageEncoding, error) {
	e, err := formats.Encode(name, cfg)
	if err != nil {
		return nil, err
	}
	m, ok := e.(format.MessageEncoding)
	if !ok {
		return nil, fmt.Errorf("rows of format '%s' can't be written one by one, as a topic wants them", name)
	}
	return m, nil
}

// part gives some columns of a batch.
func (l *sinkLayout) part(b *connectors.Batch, cols []int, kinds bool) *connectors.Batch {
	out := &connectors.Batch{N: b.N, Cols: make([]arrow.Array, len(cols))}
	for i, c := range cols {
		out.Cols[i] = b.Cols[c]
	}
	if kinds {
		out.Kinds = b.Kinds
	}
	return out
}

// rawKey is the key that a metadata column gives; nil: none.
func (l *sinkLayout) rawKey(b *connectors.Batch, i int) []byte {
	if l.keyCol < 0 || b.Cols[l.keyCol].IsNull(i) {
		return nil
	}
	return b.Cols[l.keyCol].(*array.Binary).Value(i)
}

// timestamp is the record's time in ms: the row's, else the clock's.
func (l *sinkLayout) timestamp(b *connectors.Batch, i int, now int64) int64 {
	if l.time < 0 || b.Cols[l.time].IsNull(i) {
		return now
	}
	us := int64(b.Cols[l.time].(*array.Timestamp).Value(i))
	return (us - (us%1000+1000)%1000) / 1000
}

// rowHeaders appends a row's headers.
func (l *sinkLayout) rowHeaders(b *connectors.Batch, i int, dst []batch.HeaderField) []batch.HeaderField {
	if l.headers < 0 || b.Cols[l.headers].IsNull(i) {
		return dst
	}
	m := b.Cols[l.headers].(*array.Map)
	keys, items := m.Keys().(*array.String), m.Items().(*array.Binary)
	from, to := m.ValueOffsets(i)
	for k := int(from); k < int(to); k++ {
		h := batch.HeaderField{Key: keys.Value(k)}
		if items.IsValid(k) {
			h.Value = items.Value(k)
			if h.Value == nil {
				h.Value = []byte{}
			}
		}
		dst = append(dst, h)
	}
	return dst
}

// byKey is how Java's clients choose the partition of a key.
var byKey = kafka.Murmur2Balancer{Consistent: true}

// partition chooses one of numbers: the row's, that of its key's hash, else one for a
// batch at a time.
func (l *sinkLayout) partition(b *connectors.Batch, i int, key []byte, numbers []int, turn, shard int32) (int32, error) {
	n := int32(len(numbers))
	if c := l.partitionCol; c >= 0 && b.Cols[c].IsValid(i) {
		p := b.Cols[c].(*array.Int32).Value(i)
		if p < 0 || p >= n {
			return 0, fmt.Errorf("the topic has partitions 0 to %d, the row says %d", n-1, p)
		}
		return p, nil
	}
	switch {
	case l.partitioner == partitionFixed:
		return shard % n, nil
	case l.partitioner == partitionRoundRobin:
		return (turn + int32(i)) % n, nil
	case key == nil:
		return turn % n, nil
	}
	return int32(byKey.Balance(kafka.Message{Key: key}, numbers...)), nil
}
