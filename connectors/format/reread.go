package format

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// PutMetadata writes slot i of a metadata column from what was kept of a record; a
// slot that it leaves alone is NULL.
type PutMetadata func(c *columns.Column, i int, name string, r *connectors.Kept)

// KeyColumns are columns that come from the keys of records.
type KeyColumns struct {
	Messages Messages
	Cols     []int // of each column of the keys, its index in SourceConfig.Columns
}

// Reread makes the decoder of dead letters for a connector whose records are
// messages of a format. put is for its metadata columns, keys for those that come from
// keys; nil: none do.
func Reread(d Decoding, cfg connectors.SourceConfig, keys *KeyColumns, put PutMetadata) (connectors.Rereader, error) {
	m, ok := d.(Messages)
	if !ok {
		return nil, fmt.Errorf("format '%s' can't read single records again", cfg.Options["format"])
	}
	return &rereader{messages: m, keys: keys, columns: cfg.Columns, put: put}, nil
}

type rereader struct {
	messages Messages
	keys     *KeyColumns
	columns  []connectors.ScanColumn
	put      PutMetadata
}

// NewDecoder implements connectors.Rereader.
func (r *rereader) NewDecoder(alloc memory.Allocator) connectors.RecordDecoder {
	d := &recordDecoder{r: r, decoder: r.messages.NewMessageDecoder(alloc), alloc: alloc}
	if r.keys != nil {
		d.keys = r.keys.Messages.NewMessageDecoder(alloc)
	}
	return d
}

type recordDecoder struct {
	r       *rereader
	decoder MessageDecoder
	keys    MessageDecoder // nil: no column comes from keys
	alloc   memory.Allocator
	kept    []connectors.Kept
}

// Append implements connectors.RecordDecoder.
func (d *recordDecoder) Append(r connectors.Kept) error {
	d.kept = append(d.kept, r)
	return d.decoder.Append(r.Raw, []Span{{0, int32(len(r.Raw))}})
}

// Finish implements connectors.RecordDecoder.
func (d *recordDecoder) Finish() (*connectors.Records, error) {
	recs, err := d.decoder.Finish()
	kept := d.kept
	d.kept = nil
	if err != nil {
		return nil, err
	}
	place := slices.DeleteFunc(Decoded(d.r.columns), func(i int) bool { return d.keys != nil && slices.Contains(d.r.keys.Cols, i) })
	Place(recs, place, len(d.r.columns))
	for i, c := range d.r.columns {
		if !OfTransport(c) {
			continue
		}
		col := columns.New(c.Type, d.alloc)
		for row := range recs.N {
			d.r.put(col, row, c.Metadata, &kept[recs.Record(row)])
		}
		recs.Cols[i] = col.Finish(recs.N)
	}
	if d.keys != nil {
		if err := d.decodeKeys(recs, kept); err != nil {
			for _, a := range recs.Cols {
				if a != nil {
					a.Release()
				}
			}
			return nil, err
		}
	}
	return recs, nil
}

// decodeKeys adds the columns that come from keys: a row for each row of the value.
func (d *recordDecoder) decodeKeys(recs *connectors.Records, kept []connectors.Kept) error {
	for row := range recs.N {
		key := kept[recs.Record(row)].Key
		span := Span{0, int32(len(key))}
		if key == nil {
			span = NoValue
		}
		if err := d.keys.Append(key, []Span{span}); err != nil {
			return err
		}
	}
	return d.r.keys.AddTo(recs, d.keys)
}

// AddTo finishes the batch of keys in d and puts its columns into recs, a row for
// each row there, with the errors beside them.
func (k *KeyColumns) AddTo(recs *connectors.Records, d MessageDecoder) error {
	got, err := d.Finish()
	if err != nil {
		return err
	}
	if got.N != recs.N {
		for _, a := range got.Cols {
			a.Release()
		}
		return fmt.Errorf("the format of the key makes %d rows of %d keys", got.N, recs.N)
	}
	for i, a := range got.Cols {
		recs.Cols[k.Cols[i]] = a
	}
	for _, e := range got.Errors {
		if e.Col >= 0 {
			e.Col = int16(k.Cols[e.Col])
		} else if e.Col == -1 {
			e.Detail = "the key: " + e.Detail
			if len(k.Cols) > 0 {
				e.Col = int16(k.Cols[0]) // the value has its own columns
			} else {
				e.Col = NotRead
			}
		}
		recs.Errors = append(recs.Errors, e)
	}
	if len(recs.Errors) > 0 {
		slices.SortStableFunc(recs.Errors, func(a, b connectors.CellError) int {
			return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col))
		})
	}
	return nil
}

// Release implements connectors.RecordDecoder.
func (d *recordDecoder) Release() {
	d.decoder.Release()
	if d.keys != nil {
		d.keys.Release()
	}
	d.kept = nil
}
