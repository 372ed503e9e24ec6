package format

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// PutMetadata writes slot i of a metadata column from the position of a record, as
// its source gave it; a slot that it leaves alone is NULL.
type PutMetadata func(c *columns.Column, i int, name, position string)

// Reread makes the decoder of dead letters for a connector whose records are
// messages of a format. put is for its metadata columns.
func Reread(d Decoding, cfg connectors.SourceConfig, put PutMetadata) (connectors.Rereader, error) {
	m, ok := d.(Messages)
	if !ok {
		return nil, fmt.Errorf("format '%s' can't read single records again", cfg.Options["format"])
	}
	return &rereader{messages: m, columns: cfg.Columns, put: put}, nil
}

type rereader struct {
	messages Messages
	columns  []connectors.ScanColumn
	put      PutMetadata
}

// NewDecoder implements connectors.Rereader.
func (r *rereader) NewDecoder(alloc memory.Allocator) connectors.RecordDecoder {
	return &recordDecoder{r: r, decoder: r.messages.NewMessageDecoder(alloc), alloc: alloc}
}

type recordDecoder struct {
	r         *rereader
	decoder   MessageDecoder
	alloc     memory.Allocator
	positions []string
}

// Append implements connectors.RecordDecoder.
func (d *recordDecoder) Append(raw []byte, position string) error {
	d.positions = append(d.positions, position)
	return d.decoder.Append(raw, []Span{{0, int32(len(raw))}})
}

// Finish implements connectors.RecordDecoder.
func (d *recordDecoder) Finish() (*connectors.Records, error) {
	recs, err := d.decoder.Finish()
	positions := d.positions
	d.positions = nil
	if err != nil {
		return nil, err
	}
	decoded := recs.Cols
	recs.Cols = make([]arrow.Array, len(d.r.columns))
	to := make([]int16, 0, len(decoded))
	for i, c := range d.r.columns {
		if c.Metadata == "" {
			recs.Cols[i] = decoded[len(to)]
			to = append(to, int16(i))
			continue
		}
		col := columns.New(c.Type, d.alloc)
		for row := range recs.N {
			d.r.put(col, row, c.Metadata, positions[recs.Record(row)])
		}
		recs.Cols[i] = col.Finish(recs.N)
	}
	for i := range recs.Errors {
		if e := &recs.Errors[i]; e.Col >= 0 {
			e.Col = to[e.Col]
		}
	}
	return recs, nil
}

// Release implements connectors.RecordDecoder.
func (d *recordDecoder) Release() {
	d.decoder.Release()
	d.positions = nil
}
