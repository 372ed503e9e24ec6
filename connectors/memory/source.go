package memory

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// source reads a table.
type source struct {
	name     string
	table    *Table
	splits   int
	bounded  bool
	forgets  bool // what a commit holds is dropped
	changes  bool // records may take back earlier ones
	columns  []connectors.ScanColumn
	declared []catalog.Field
	index    []int           // of each column among the declared ones
	messages format.Messages // nil: records are values
}

var (
	_ connectors.Source    = (*source)(nil)
	_ connectors.Published = (*source)(nil)
)

func (s *Store) openSource(formats format.Set, cfg connectors.SourceConfig) (*source, error) {
	src := &source{
		name: tableName(cfg.Options, cfg.Name), splits: int(cfg.Options.Int(optSplits)),
		bounded: cfg.Options.Bool(optBounded), forgets: cfg.Options.Bool(optForget), changes: cfg.Options[optChangelog] == "retract" || cfg.Options[optChangelog] == "upsert", columns: cfg.Columns, declared: cfg.Declared,
	}
	src.table = s.Table(src.name)
	if src.splits < 1 {
		return nil, fmt.Errorf("option '%s' must be at least 1", optSplits)
	}
	if cfg.Options[catalog.FormatOption] == valuesFormat {
		for _, c := range cfg.Columns {
			k := fieldIndex(src.declared, c.Name)
			if k < 0 {
				return nil, fmt.Errorf("memory: values go by position, but column %s is not among the declared ones (SourceConfig.Declared)", catalog.QuoteName(c.Name))
			}
			src.index = append(src.index, k)
		}
		return src, nil
	}
	decoding, err := formats.NewDecoding(cfg, 0)
	if err != nil {
		return nil, err
	}
	var ok bool
	if src.messages, ok = decoding.(format.Messages); !ok {
		return nil, fmt.Errorf("memory: records of format '%s' do not come one by one", cfg.Options[catalog.FormatOption])
	}
	return src, nil
}

func fieldIndex(fields []catalog.Field, name string) int {
	for i, f := range fields {
		if f.Name == name {
			return i
		}
	}
	return -1
}

// Splits implements connectors.Source.
func (s *source) Splits(context.Context) ([]connectors.Split, error) {
	width := len(strconv.Itoa(s.splits - 1))
	splits := make([]connectors.Split, s.splits)
	for i := range splits {
		splits[i] = connectors.Split{ID: fmt.Sprintf("%0*d", width, i), Bounded: s.bounded}
	}
	return splits, nil
}

// Open implements connectors.Source.
func (s *source) Open(_ context.Context, split connectors.Split, from connectors.Offset) (connectors.SplitReader, error) {
	i, err := strconv.Atoi(split.ID)
	if err != nil || i < 0 || i >= s.splits {
		return nil, fmt.Errorf("memory: no split %s", split.ID)
	}
	r := &reader{src: s, split: i, at: s.table.forgotten(i)}
	if from != nil {
		at, n := binary.Uvarint(from)
		if n <= 0 || n != len(from) {
			return nil, fmt.Errorf("memory: damaged offset")
		}
		r.at = int(at)
	}
	return r, nil
}

// Committed implements connectors.Published.
func (s *source) Committed(offsets map[string]connectors.Offset) {
	if !s.forgets {
		return
	}
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	for id, o := range offsets {
		i, err := strconv.Atoi(id)
		if at, n := binary.Uvarint(o); err == nil && n > 0 {
			s.table.split(i).forget(int(at))
		}
	}
}

// Close implements connectors.Source.
func (*source) Close() error { return nil }

// reader reads one split.
type reader struct {
	src   *source
	split int
	at    int // records given out
	wake  chan struct{}
	done  chan struct{}
}

// Fetch implements connectors.SplitReader.
func (r *reader) Fetch(ctx context.Context, max connectors.Limits) (connectors.Chunk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := r.src.table
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.split(r.split)
	if r.at > s.sent() {
		return nil, fmt.Errorf("memory: table %s has %d records in split %d, but %d were read before", r.src.name, s.sent(), r.split, r.at)
	}
	if r.at < s.first {
		return nil, fmt.Errorf("memory: table %s has forgotten the first %d records of split %d, but only %d were read before", r.src.name, s.first, r.split, r.at)
	}
	c := &chunk{src: r.src, split: r.split, first: r.at}
	for r.at < s.sent() && len(c.records) < max.Records && c.bytes < max.Bytes {
		rec := s.records[r.at-s.first]
		c.records = append(c.records, rec)
		c.bytes += len(rec.Raw) + 16*len(rec.Values)
		r.at++
	}
	switch {
	case len(c.records) > 0:
		return c, nil
	case s.ended && r.src.bounded:
		return nil, io.EOF
	}
	return nil, nil
}

// Ready implements connectors.SplitReader.
func (r *reader) Ready() <-chan struct{} {
	if r.wake == nil {
		r.wake, r.done = make(chan struct{}, 1), make(chan struct{})
		r.wake <- struct{}{} // for what came between Fetch and this call
		go r.watch(r.src.table.Changed(), r.done)
	}
	return r.wake
}

// watch tells of every change of the table; one told and not taken is enough.
func (r *reader) watch(changed, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-changed:
			changed = r.src.table.Changed()
			select {
			case r.wake <- struct{}{}:
			default:
			}
		}
	}
}

// Close implements connectors.SplitReader.
func (r *reader) Close() error {
	if r.done != nil {
		close(r.done)
		r.done = nil
	}
	return nil
}

// chunk is a run of records.
type chunk struct {
	src     *source
	split   int
	first   int
	records []Record
	bytes   int
}

// Records implements connectors.Chunk.
func (c *chunk) Records() int { return len(c.records) }

// Bytes implements connectors.Chunk.
func (c *chunk) Bytes() int { return c.bytes }

// End implements connectors.Chunk.
func (c *chunk) End() connectors.Offset {
	return binary.AppendUvarint(nil, uint64(c.first+len(c.records)))
}

// Release implements connectors.Chunk.
func (c *chunk) Release() {}

// Decode implements connectors.Chunk.
func (c *chunk) Decode(alloc memory.Allocator) (*connectors.Records, error) {
	for _, r := range c.records {
		if r.Kind != catalog.Insert && !c.src.changes {
			return nil, fmt.Errorf("memory: table %s has a record of kind %s; '%s' = 'retract' lets a source take rows back", c.src.name, r.Kind, optChangelog)
		}
	}
	var recs *connectors.Records
	if c.src.messages == nil {
		recs = c.fromValues(alloc)
	} else {
		var err error
		if recs, err = c.fromMessages(alloc); err != nil {
			return nil, err
		}
	}
	recs.Raw = func(i int) []byte {
		if c.src.messages == nil {
			return fmt.Append(nil, c.records[i].Values...)
		}
		return c.records[i].Raw
	}
	recs.Position = func(i int) string { return fmt.Sprintf("%s/%d@%d", c.src.name, c.split, c.first+i) }
	c.addTransport(recs)
	return recs, nil
}

// addTransport adds timestamps and row kinds, if a record has one.
func (c *chunk) addTransport(recs *connectors.Records) {
	for i, r := range c.records {
		if !r.Timestamp.IsZero() {
			if recs.Timestamps == nil {
				recs.Timestamps = make([]int64, len(c.records))
			}
			recs.Timestamps[i] = r.Timestamp.UnixMicro()
		}
		if r.Kind != catalog.Insert && recs.Of == nil {
			if recs.Kinds == nil {
				recs.Kinds = make([]catalog.RowKind, len(c.records))
			}
			recs.Kinds[i] = r.Kind
		}
	}
}

// fromMessages makes columns of records that hold text.
func (c *chunk) fromMessages(alloc memory.Allocator) (*connectors.Records, error) {
	var text []byte
	spans := make([]format.Span, len(c.records))
	for i, r := range c.records {
		if r.Raw == nil {
			spans[i] = format.NoValue
			continue
		}
		from := len(text)
		text = append(text, r.Raw...)
		spans[i] = format.Span{Start: int32(from), End: int32(len(text))}
	}
	d := c.src.messages.NewMessageDecoder(alloc)
	if err := d.Append(text, spans); err != nil {
		d.Release()
		return nil, err
	}
	return d.Finish()
}

// fromValues makes columns of records that hold values.
func (c *chunk) fromValues(alloc memory.Allocator) *connectors.Records {
	recs := &connectors.Records{N: len(c.records)}
	cols := make([]*columns.Column, len(c.src.columns))
	for k, col := range c.src.columns {
		cols[k] = columns.New(col.Type, alloc)
	}
	for i, r := range c.records {
		for k, col := range c.src.columns {
			var v any
			d := c.src.index[k]
			if d < len(r.Values) {
				v = r.Values[d]
			}
			var code, detail string
			if v == nil && col.NotNull {
				code, detail = "NOT_NULL", "NULL in a NOT NULL column"
			} else if err := put(cols[k], i, v, c.src.declared[d].Type, col.Type); err != nil {
				cols[k].Truncate(i)
				code, detail = "WRONG_TYPE", err.Error()
			}
			if code != "" {
				recs.Errors = append(recs.Errors, connectors.CellError{Row: int32(i), Col: int16(k), Code: code, Column: col.Name, Detail: detail})
			}
		}
	}
	for _, col := range cols {
		recs.Cols = append(recs.Cols, col.Finish(len(c.records)))
	}
	return recs
}
