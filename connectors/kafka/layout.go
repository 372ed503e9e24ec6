package kafka

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
)

// layout says where each column of a record comes from: its value, its key, or
// what is around them.
type layout struct {
	columns   []connectors.ScanColumn
	value     format.Messages
	key       format.Messages // nil: no column comes from the key
	valueCols []int           // index in columns of each column that value gives
	straight  bool            // these are all columns, in their order
	keyCols   []int
	upsert    bool         // a record without a value is a row of kind -D
	want      batch.Fields // what is read of each record besides its value

	mu   sync.Mutex
	idle []*decoder
}

func newLayout(formats format.Set, cfg connectors.SourceConfig, env connectors.Env) (*layout, error) {
	o := cfg.Options
	l := &layout{columns: cfg.Columns, want: batch.Timestamps}
	keys := cfg.PrimaryKey // the columns of the key, in their order there
	if keys == nil && o[catalog.KeyFormatOption] != "" {
		keys = keyFields(o)
	}
	inKey := map[string]bool{}
	for _, name := range keys {
		inKey[name] = true
	}
	keyFormat := o[catalog.KeyFormatOption]
	keyOptions := o.Under("key." + keyFormat + ".")
	if l.upsert = cfg.PrimaryKey != nil; l.upsert && keyFormat == "" {
		keyFormat, keyOptions = o[catalog.FormatOption], o.Under(o[catalog.FormatOption]+".")
	}
	// With ALL the columns of the key are taken from the value, which has them too,
	// unless there may be none.
	apart := o[optValueFields] == "EXCEPT_KEY"
	fromKey := func(name string) bool { return inKey[name] && (apart || l.upsert) }
	maxRecord := int(min(o.Bytes(optMaxRecordBytes), 1<<30))
	value := format.DecodeConfig{Env: env, Subject: subject(o), Options: o.Under(o[catalog.FormatOption] + "."), ValidateAll: cfg.ValidateAll, MaxRecordBytes: maxRecord, Upsert: l.upsert}
	key := format.DecodeConfig{Env: env, Subject: subject(o), Key: true, Options: keyOptions, ValidateAll: cfg.ValidateAll, MaxRecordBytes: maxRecord, Upsert: true}
	inner := func(f catalog.Field) catalog.Field {
		f.Name = strings.TrimPrefix(f.Name, o[optKeyPrefix])
		return f
	}
	for _, i := range format.Decoded(cfg.Columns) {
		if c := cfg.Columns[i]; c.Metadata == "" && fromKey(c.Name) {
			key.Columns = append(key.Columns, inner(catalog.Field{Name: c.Name, Type: c.Type, NotNull: c.NotNull}))
			l.keyCols = append(l.keyCols, i)
			continue
		}
		value.Add(cfg.Columns[i])
		l.valueCols = append(l.valueCols, i)
	}
	l.straight = len(l.valueCols) == len(cfg.Columns) && slices.IsSorted(l.valueCols)
	for _, c := range cfg.Columns {
		if format.OfTransport(c) {
			l.wants(c.Metadata)
		}
	}
	for _, name := range keys {
		i := slices.IndexFunc(cfg.Declared, func(d catalog.Field) bool { return d.Name == name })
		if i < 0 && cfg.PrimaryKey == nil {
			return nil, fmt.Errorf("option '%s': there is no column '%s'", optKeyFields, name)
		}
		if i < 0 {
			continue // a PRIMARY KEY may have a metadata column
		}
		if fromKey(name) {
			key.Declared = append(key.Declared, inner(cfg.Declared[i]))
		}
	}
	for _, f := range cfg.Declared {
		if !inKey[f.Name] || !apart {
			value.Declared = append(value.Declared, f)
		}
	}
	var err error
	if l.value, err = messages(formats, o[catalog.FormatOption], value); err != nil {
		return nil, err
	}
	if len(key.Columns) > 0 || cfg.ValidateAll && len(key.Declared) > 0 {
		if l.key, err = messages(formats, keyFormat, key); err != nil {
			return nil, fmt.Errorf("the key: %w", err)
		}
		l.want |= batch.Keys
	}
	return l, nil
}

// subject is what a registry knows the records by: their topic, if it is one.
func subject(o catalog.Options) string {
	if topics := topicList(o); len(topics) == 1 {
		return topics[0]
	}
	return ""
}

func messages(formats format.Set, name string, cfg format.DecodeConfig) (format.Messages, error) {
	d, err := formats.Decode(name, cfg)
	if err != nil {
		return nil, err
	}
	m, ok := d.(format.Messages)
	if !ok {
		return nil, fmt.Errorf("records of format '%s' do not come one by one, as those of a topic", name)
	}
	return m, nil
}

// wants notes what a metadata column needs.
func (l *layout) wants(metadata string) {
	switch metadata {
	case metaKey:
		l.want |= batch.Keys
	case metaOffset:
		l.want |= batch.Offsets
	case metaHeaders:
		l.want |= batch.Headers
	}
}

// decoder is what one goroutine needs to decode a chunk; it is kept for the next.
type decoder struct {
	alloc   memory.Allocator
	value   format.MessageDecoder
	key     format.MessageDecoder
	open    batch.Decompressor
	records batch.Records
	scratch []byte
}

// maxIdle is more than the cores that decode one source.
const maxIdle = 64

func (l *layout) get(alloc memory.Allocator) *decoder {
	l.mu.Lock()
	for i := len(l.idle) - 1; i >= 0; i-- {
		if d := l.idle[i]; d.alloc == alloc {
			l.idle = slices.Delete(l.idle, i, i+1)
			l.mu.Unlock()
			return d
		}
	}
	l.mu.Unlock()
	d := &decoder{alloc: alloc, value: l.value.NewMessageDecoder(alloc)}
	if l.key != nil {
		d.key = l.key.NewMessageDecoder(alloc)
	}
	return d
}

func (l *layout) put(d *decoder) {
	const most = 16 << 20
	if cap(d.scratch) > most {
		d.scratch = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.idle) < maxIdle {
		l.idle = append(l.idle, d)
		return
	}
	d.open.Close()
}
