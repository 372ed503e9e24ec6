package datagen

import (
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/datagen/draw"
)

// Config says how rows are made.
type Config struct {
	// Seed chooses one of 2^64 tables.
	Seed uint64
	// BaseTime is the time of row 0. Each row is later than the one before by
	// TimeStep; if that is 0, by a RowsPerSecond-th of a second; if that is 0 too,
	// by a millisecond.
	BaseTime      time.Time
	TimeStep      time.Duration
	RowsPerSecond int64
	// Fields are options named fields.COLUMN.OPTION.
	Fields catalog.Options
}

// Generator makes rows. It is immutable: any number of goroutines may use it.
type Generator struct {
	seed    uint64
	fields  []catalog.Field
	columns []column
	bytes   int
}

// maxRowBytes bounds a row, whose collections may hold collections.
const maxRowBytes = 64 << 20

// New gives a generator of columns, or an error with all that is wrong with their
// options. A ROW may have fewer members than it is declared with: the others'
// values don't change.
func New(cfg Config, columns []catalog.Field) (*Generator, error) {
	b := newBuilder(cfg)
	g := &Generator{seed: cfg.Seed, fields: columns, bytes: 1}
	for _, f := range columns {
		c := b.column(fieldPath(f.Name), f.Type, f.NotNull, false)
		if c == nil {
			continue // b has the error
		}
		g.columns = append(g.columns, c)
		g.bytes += c.bytes()
	}
	if len(b.errs) == 0 && g.bytes > maxRowBytes {
		b.errs = append(b.errs, fmt.Errorf("datagen: a row would take about %d bytes, more than %d", g.bytes, maxRowBytes))
	}
	if err := errors.Join(b.errs...); err != nil {
		return nil, err
	}
	return g, nil
}

// Columns makes the columns of the rows first, first+stride, ... (count of them).
// The caller releases them.
func (g *Generator) Columns(alloc memory.Allocator, first, stride int64, count int) []arrow.Array {
	c := cells{seeds: make([]draw.Stream, count), rows: make([]int64, count)}
	for i := range count {
		c.rows[i] = first + int64(i)*stride
		c.seeds[i] = draw.New(g.seed, c.rows[i])
	}
	arrays := make([]arrow.Array, len(g.columns))
	for i, column := range g.columns {
		arrays[i] = column.fill(alloc, c)
	}
	return arrays
}

// RowBytes is about how many bytes the columns of a row take, at least 1.
func (g *Generator) RowBytes() int { return g.bytes }

// Record gives row n as a JSON object, as far as its columns are read.
func (g *Generator) Record(n int64) []byte {
	schema := make([]arrow.Field, len(g.fields))
	for i, f := range g.fields {
		schema[i] = arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true}
	}
	columns := g.Columns(memory.DefaultAllocator, n, 1, 1)
	record := array.NewRecord(arrow.NewSchema(schema, nil), columns, 1)
	for _, c := range columns {
		c.Release()
	}
	defer record.Release()
	rows := array.RecordToStructArray(record)
	defer rows.Release()
	text, err := rows.MarshalJSON() // [{...}]
	if err != nil || len(text) < 2 {
		return nil
	}
	return text[1 : len(text)-1]
}
