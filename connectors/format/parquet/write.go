package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

const (
	optCompression = "compression"
	optBlockSize   = "block.size"
)

const (
	// maxGroupRows is how many rows a row group has at most.
	maxGroupRows = 1 << 20
	// stepRows are encoded at once; a page ends only where they do, so that it ends with
	// a row.
	stepRows = 1 << 10
)

var codecs = map[string]compress.Compression{
	"snappy": compress.Codecs.Snappy, "zstd": compress.Codecs.Zstd, "gzip": compress.Codecs.Gzip,
	"none": compress.Codecs.Uncompressed, "uncompressed": compress.Codecs.Uncompressed,
}

// encoding writes files of given columns.
type encoding struct {
	columns   []catalog.Field
	props     *parquet.WriterProperties
	blockSize int64
}

func newEncoding(cfg format.EncodeConfig) (format.FileEncoding, error) {
	if len(cfg.Columns) == 0 {
		return nil, errors.New("parquet: a file needs a column")
	}
	if _, _, err := new(outline).columns(cfg.Columns); err != nil {
		return nil, err
	}
	codec, ok := codecs[cfg.Options[optCompression]]
	if !ok {
		codec = compress.Codecs.Snappy
	}
	e := &encoding{columns: cfg.Columns, blockSize: cfg.Options.Bytes(optBlockSize), props: parquet.NewWriterProperties(
		parquet.WithCompression(codec), parquet.WithVersion(parquet.V2_6), parquet.WithDataPageVersion(parquet.DataPageV1), parquet.WithBatchSize(math.MaxInt32), parquet.WithCreatedBy("streamsql"))}
	if e.blockSize < 1 {
		return nil, fmt.Errorf("option 'parquet.%s' must be at least 1", optBlockSize)
	}
	return e, nil
}

// NewFileEncoder implements format.FileEncoding.
func (e *encoding) NewFileEncoder() format.FileEncoder {
	o := new(outline)
	nodes, root, err := o.columns(e.columns)
	if err != nil {
		panic("parquet: a schema that was made before can't be made again: " + err.Error())
	}
	return &writer{encoding: e, root: root, nodes: nodes, leaves: o.leaves}
}

// writer writes a file: row groups, the last of them still in memory, and at the end
// the footer.
type writer struct {
	*encoding
	root   *schema.GroupNode
	nodes  []*node // of the columns
	leaves []*leaf
	out    bytes.Buffer // what is complete
	file   *file.Writer // nil: there is no row yet
	group  file.BufferedRowGroupWriter
	rows   int   // of the group
	held   int64 // bytes of the group, before they are encoded
}

// Append implements format.FileEncoder.
func (w *writer) Append(dst []byte, b *connectors.Batch) ([]byte, error) {
	refused := w.check(b)
	err := guardedWrite(func() error {
		from := 0
		for _, r := range refused {
			if err := w.take(b, from, r.Row); err != nil {
				return err
			}
			from = r.Row + 1
		}
		return w.take(b, from, b.N)
	})
	if err != nil {
		return dst, err
	}
	dst = w.drain(dst)
	if refused != nil {
		return dst, &connectors.RefusedRows{Rows: refused}
	}
	return dst, nil
}

// check gives the rows with a NULL where there must not be one.
func (w *writer) check(b *connectors.Batch) []connectors.RefusedRow {
	var lacking []*node // by row; nil: no row has one
	for c, n := range w.nodes {
		a := b.Cols[c]
		if !n.strict && (!n.required || a.NullN() == 0) {
			continue
		}
		for i := range b.N {
			m := n.lacks(a, i)
			if m == nil {
				continue
			}
			if lacking == nil {
				lacking = make([]*node, b.N)
			}
			if lacking[i] == nil {
				lacking[i] = m
			}
		}
	}
	refused := &connectors.RefusedRows{}
	for i, m := range lacking {
		if m != nil {
			format.Refuse(refused, i, format.Unwritable(format.CodeNotNull, m.path, "NULL, which a required column of Parquet can't hold"))
		}
	}
	return refused.Rows
}

// take adds the rows from one up to another.
func (w *writer) take(b *connectors.Batch, from, to int) error {
	for from < to {
		n := min(to-from, stepRows, maxGroupRows-w.rows)
		if err := w.step(b, from, from+n); err != nil {
			return err
		}
		from += n
		if w.rows >= maxGroupRows || w.held >= w.blockSize {
			if err := w.endGroup(); err != nil {
				return err
			}
		}
	}
	return nil
}

// step adds a few rows to the row group.
func (w *writer) step(b *connectors.Batch, from, to int) error {
	if w.file == nil {
		w.file = file.NewParquetWriter(&w.out, w.root, file.WithWriterProps(w.props))
	}
	if w.group == nil {
		w.group = w.file.AppendBufferedRowGroup()
	}
	for _, l := range w.leaves {
		l.reset()
	}
	for c, n := range w.nodes {
		if err := n.rows(b.Cols[c], from, to); err != nil {
			return err
		}
	}
	for _, l := range w.leaves {
		column, err := w.group.Column(l.number)
		if err != nil {
			return err
		}
		if err := l.write(column); err != nil {
			return err
		}
		w.held += l.bytes()
	}
	w.rows += to - from
	return nil
}

func (w *writer) endGroup() error {
	if w.group == nil {
		return nil
	}
	g := w.group
	w.out.Grow(int(w.held)) // it is written at once: not by doubling, with a copy each time
	w.group, w.rows, w.held = nil, 0, 0
	return g.Close()
}

// drain moves what is complete to dst. A row group is not copied, nor its memory kept.
func (w *writer) drain(dst []byte) []byte {
	out := w.out.Bytes()
	w.out = bytes.Buffer{}
	if len(dst) == 0 && len(out) > 0 {
		return out
	}
	return append(dst, out...)
}

// Held implements format.FileEncoder.
func (w *writer) Held() int64 { return w.held }

// Finish implements format.FileEncoder.
func (w *writer) Finish(dst []byte) ([]byte, error) {
	if w.file == nil {
		return dst, nil
	}
	err := guardedWrite(func() error {
		if err := w.endGroup(); err != nil {
			return err
		}
		return w.file.Close()
	})
	if err != nil {
		return dst, err
	}
	return w.drain(dst), nil
}

// guardedWrite calls f; a panic of the library is an error.
func guardedWrite(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parquet: can't write: %v", p)
		}
	}()
	return f()
}
