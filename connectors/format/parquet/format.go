package parquet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/cell"
)

// Format gives the format.
func Format() *format.Format {
	return &format.Format{
		Suffix: ".parquet",
		Spec: &catalog.ConnectorSpec{
			Name: "parquet",
			Doc:  "Parquet files. Read, columns are taken by name, only those that are read are decoded, and a column that the file does not have is NULL. Written, a file ends with every commit that has rows.",
			Options: []catalog.OptionSpec{
				{Name: "utc-timezone", Type: catalog.OptionEnum, Values: []string{"true"}, Source: true, Sink: true, Doc: "Accepted for Flink's scripts: times are in UTC, whatever the machine's zone."},
				{Name: optCompression, Type: catalog.OptionEnum, Values: []string{"snappy", "zstd", "gzip", "none", "uncompressed"}, Default: "snappy", Sink: true,
					Doc: "How the pages of files are compressed. none and uncompressed are the same."},
				{Name: optBlockSize, Type: catalog.OptionBytes, Default: "64mb", Sink: true,
					Doc: "A row group ends when its values take so much memory before they are encoded, or at 1048576 rows. Each of the concurrent writers holds one."},
			},
		},
		Blocks: func(cfg format.DecodeConfig) (format.BlockDecoding, error) {
			layout, err := cell.NewLayout(cfg)
			if err != nil {
				return nil, fmt.Errorf("parquet: %w", err)
			}
			return &decoding{layout}, nil
		},
		EncodeFiles: newEncoding,
		Infer: func(cfg format.InferConfig) ([]catalog.Field, error) {
			if cfg.File == nil {
				return nil, errors.New("parquet: there is no file to take the columns from")
			}
			f, err := open(cfg.File, cfg.Size)
			if err != nil {
				return nil, err
			}
			return fieldsOf(f.schema)
		},
	}
}

type decoding struct{ layout *cell.Layout }

// OpenFile implements format.BlockDecoding.
func (d *decoding) OpenFile(r io.ReaderAt, size int64) (format.BlockFile, error) {
	f, err := open(r, size)
	if err != nil {
		return nil, err
	}
	f.layout = d.layout
	// What does not fit is found before anything is read.
	rows := d.layout.NewRows(memory.DefaultAllocator)
	f.at = make([]int, len(d.layout.Fields))
	for i, c := range d.layout.Fields {
		f.at[i] = slices.IndexFunc(f.schema.Fields(), func(g arrow.Field) bool { return g.Name == c.Name })
		if f.at[i] < 0 {
			continue
		}
		if err := check(f.schema.Field(f.at[i]).Type, cell.New(c, int16(i), rows.Columns[i], rows.Errors)); err != nil {
			return nil, err
		}
		for _, leaf := range leaves(f.arrow.Manifest.Fields[f.at[i]]) {
			if !slices.Contains(f.leaves, leaf) {
				f.leaves = append(f.leaves, leaf)
			}
		}
	}
	slices.Sort(f.leaves)
	return f, nil
}

// leaves are the Parquet columns that a field is made of.
func leaves(f pqarrow.SchemaField) []int {
	if len(f.Children) == 0 {
		return []int{f.ColIndex}
	}
	var out []int
	for _, c := range f.Children {
		out = append(out, leaves(c)...)
	}
	return out
}

// parquetFile is an open file.
type parquetFile struct {
	layout *cell.Layout
	file   *file.Reader
	arrow  *pqarrow.FileReader
	schema *arrow.Schema
	at     []int // of each column of the layout, the field; -1: none
	leaves []int
	mu     sync.Mutex // the reader belongs to one goroutine at a time
}

// section gives a file the methods that the library asks for.
type section struct{ *io.SectionReader }

// guarded calls f; a panic of the library over a damaged file is an error. f must not
// let the library decode on other goroutines.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged: %v", p)
		}
	}()
	return f()
}

func open(r io.ReaderAt, size int64) (f *parquetFile, err error) {
	err = guarded(func() error {
		pf, err := file.NewParquetReader(section{io.NewSectionReader(r, 0, size)})
		if err != nil {
			return fmt.Errorf("it is no Parquet file: %w", err)
		}
		// The schema of Arrow that some writers leave there would make dictionaries and
		// other forms of memory out of columns whose types Parquet says.
		pf.MetaData().FileMetaData.KeyValueMetadata = nil
		ar, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			return err
		}
		schema, err := ar.Schema()
		f = &parquetFile{file: pf, arrow: ar, schema: schema}
		return err
	})
	return f, err
}

// readable are the encodings of columns that the library decodes.
var readable = []parquet.Encoding{
	parquet.Encodings.Plain, parquet.Encodings.PlainDict, parquet.Encodings.RLE, parquet.Encodings.RLEDict, parquet.Encodings.BitPacked,
	parquet.Encodings.DeltaByteArray, parquet.Encodings.DeltaBinaryPacked, parquet.Encodings.DeltaLengthByteArray,
}

// Block implements format.BlockFile. A place is the number of a row group.
func (f *parquetFile) Block(place int64) (info format.BlockInfo, err error) {
	if place >= int64(f.file.NumRowGroups()) {
		return info, io.EOF
	}
	err = guarded(func() error {
		g := f.file.MetaData().RowGroup(int(place))
		info = format.BlockInfo{Records: int(g.NumRows()), Next: place + 1}
		if n := g.NumRows(); n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("the file is damaged: row group %d has %d rows", place, n)
		}
		for _, leaf := range f.leaves {
			c, err := g.ColumnChunk(leaf)
			if err != nil {
				return err
			}
			for _, e := range c.Encodings() {
				if !slices.Contains(readable, e) {
					return fmt.Errorf("row group %d: column %s is encoded as %s, which can't be read", place, c.PathInSchema(), e)
				}
			}
			switch {
			case c.NumValues() < g.NumRows(): // memory is taken for the rows before any is read
				return fmt.Errorf("the file is damaged: row group %d has %d rows, of column %s %d values", place, g.NumRows(), c.PathInSchema(), c.NumValues())
			case c.Type() == parquet.Types.Boolean && !slices.Contains(c.Encodings(), parquet.Encodings.Plain):
				return fmt.Errorf("row group %d: the values of column %s are encoded as RLE, which can't be read", place, c.PathInSchema())
			case c.Type() == parquet.Types.FixedLenByteArray && slices.Contains(c.Encodings(), parquet.Encodings.DeltaByteArray):
				return fmt.Errorf("row group %d: column %s of values of a fixed length is encoded as DELTA_BYTE_ARRAY, which can't be read", place, c.PathInSchema())
			}
			info.Bytes += int(c.TotalUncompressedSize())
		}
		return nil
	})
	return info, err
}

// Load implements format.BlockFile.
func (f *parquetFile) Load(place int64) (format.Block, error) {
	return &group{file: f, number: int(place)}, nil
}

// group is a row group.
type group struct {
	file   *parquetFile
	number int
	once   sync.Once
	err    error
	cols   []arrow.Array // of each column of the layout; nil: the file has none
	rows   int
}

// read decodes the wanted columns.
func (g *group) read() error {
	g.once.Do(func() {
		g.err = guarded(func() error {
			f := g.file
			f.mu.Lock()
			defer f.mu.Unlock()
			g.rows = int(f.file.MetaData().RowGroup(g.number).NumRows())
			g.cols = make([]arrow.Array, len(f.at))
			if len(f.leaves) == 0 {
				return nil
			}
			var err error
			for i, at := range f.at {
				if at < 0 {
					continue
				}
				if g.cols[i], err = f.column(at, g.number, int64(g.rows)); err != nil {
					return fmt.Errorf("column %s: %w", f.schema.Field(at).Name, err)
				}
				if g.cols[i].Len() != g.rows {
					return fmt.Errorf("column %s has %d rows of %d", f.schema.Field(at).Name, g.cols[i].Len(), g.rows)
				}
			}
			return nil
		})
		if g.err != nil {
			g.err = fmt.Errorf("row group %d: %w", g.number, g.err)
		}
	})
	return g.err
}

// column decodes a column of a row group.
func (f *parquetFile) column(at, group int, rows int64) (arrow.Array, error) {
	field := &f.arrow.Manifest.Fields[at]
	if grouped(field) {
		if err := f.rehearse(field, group, rows); err != nil {
			return nil, err
		}
	}
	wanted := map[int]bool{}
	for _, leaf := range leaves(*field) {
		wanted[leaf] = true
	}
	r, err := f.arrow.GetFieldReader(context.Background(), at, wanted, []int{group})
	if err != nil {
		return nil, err
	}
	defer r.Release()
	data, err := f.arrow.ReadColumn([]int{group}, r)
	if err != nil {
		return nil, err
	}
	for _, chunk := range data.Chunks() {
		if err := sound(chunk); err != nil {
			return nil, err
		}
	}
	if chunks := data.Chunks(); len(chunks) == 1 {
		return chunks[0], nil
	}
	return array.Concatenate(data.Chunks(), memory.DefaultAllocator)
}

// sound says whether the elements that lists speak of are there. DuckDB 2.0 writes
// files of which that is not so, for NULL in an array of fixed size.
func sound(a arrow.Array) error {
	var parts []arrow.Array
	switch a := a.(type) {
	case array.ListLike:
		parts = []arrow.Array{a.ListValues()}
		if n := a.Len(); n > 0 {
			if _, end := a.ValueOffsets(n - 1); end > int64(a.ListValues().Len()) {
				return fmt.Errorf("the file is damaged: lists of %d elements, of which %d are there", end, a.ListValues().Len())
			}
		}
	case *array.Struct:
		for i := range a.NumField() {
			parts = append(parts, a.Field(i))
			if a.Field(i).Len() != a.Len() {
				return fmt.Errorf("the file is damaged: %d rows of which %d have a member", a.Len(), a.Field(i).Len())
			}
		}
	}
	for _, p := range parts {
		if err := sound(p); err != nil {
			return err
		}
	}
	return nil
}

// grouped says whether a field has members, as ROW and MAP do.
func grouped(f *pqarrow.SchemaField) bool {
	if f.Field.Type.ID() == arrow.STRUCT {
		return true
	}
	for i := range f.Children {
		if grouped(&f.Children[i]) {
			return true
		}
	}
	return false
}

// rehearse decodes the values of a field and drops them. The library decodes those of
// members on goroutines of its own, where nobody recovers from its panics over a
// damaged page: what panics does so here first.
func (f *parquetFile) rehearse(field *pqarrow.SchemaField, group int, rows int64) error {
	for i := range field.Children {
		if err := f.rehearse(&field.Children[i], group, rows); err != nil {
			return err
		}
	}
	if len(field.Children) > 0 {
		return nil
	}
	pages, err := f.file.RowGroup(group).GetColumnPageReader(field.ColIndex)
	if err != nil {
		return err
	}
	r := file.NewRecordReader(f.file.MetaData().Schema.Column(field.ColIndex), field.LevelInfo, field.Field.Type, memory.DefaultAllocator, f.file.BufferPool())
	defer r.Release()
	r.SetPageReader(pages)
	if err := r.Reserve(rows); err != nil {
		return err
	}
	for rows > 0 && r.HasMore() {
		n, err := r.ReadRecords(rows)
		if err != nil || n == 0 {
			return err
		}
		rows -= n
	}
	return nil
}

// Cut implements format.Block.
func (g *group) Cut(from, to int) (format.BlockPart, error) { return &part{g, from, to}, nil }

// part is a run of rows of a row group.
type part struct {
	group    *group
	from, to int
}

// Decode implements format.BlockPart.
func (p *part) Decode(alloc memory.Allocator) (*connectors.Records, error) {
	if err := p.group.read(); err != nil {
		return nil, err
	}
	rows := p.group.file.layout.NewRows(alloc)
	n := p.to - p.from
	rows.Reserve(n)
	cells := make([]*cell.Cell, len(rows.Fields))
	for i, f := range rows.Fields {
		cells[i] = cell.New(f, int16(i), rows.Columns[i], rows.Errors)
	}
	for r := range n {
		row, _, err := rows.Begin(0)
		if err != nil {
			return nil, err
		}
		for i, c := range cells {
			if a := p.group.cols[i]; a != nil {
				put(c, a, p.from+r, row)
			} else {
				c.Null()
			}
		}
		rows.End()
	}
	return rows.Finish()
}

// Raw implements format.BlockPart: the columns that are read, as JSON.
func (p *part) Raw(record int) []byte {
	row := map[string]any{}
	for i, f := range p.group.file.layout.Fields {
		if a := p.group.cols[i]; a != nil {
			row[f.Name] = a.GetOneForMarshal(p.from + record)
		}
	}
	text, err := json.Marshal(row)
	if err != nil {
		return nil
	}
	return text
}
