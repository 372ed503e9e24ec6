package csv

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/json"
)

// decoding is the format compiled for columns.
type decoding struct {
	syntax
	max      int // bytes of a record; 0: any
	header   string
	loose    bool
	upsert   bool // a message without a value deletes
	declared []catalog.Field
	columns  []column // those asked for, then those checked only
	wanted   int      // number of those asked for
}

// column is one column to decode.
type column struct {
	catalog.Field
	out  int16 // CellError.Col
	kind parser
	cut  int64 // power of ten of microseconds that a time's precision leaves out
	// nested is the column's place in the JSON record that takes values which CSV
	// has as JSON, or -1.
	nested int
	member []byte // its name there, in quotes
}

// notRead is CellError.Col of a column that is checked only.
const notRead = -2

func newDecoding(cfg format.DecodeConfig) (format.Decoding, error) {
	s, err := newSyntax(cfg.Options)
	if err != nil {
		return nil, err
	}
	if len(cfg.Declared) == 0 {
		return nil, errors.New("csv: fields go by position, so all declared columns must be given (SourceConfig.Declared)")
	}
	d := &decoding{
		syntax: s, max: cfg.MaxRecordBytes, header: cfg.Options[optHeader], loose: cfg.Options.Bool(optLoose), upsert: cfg.Upsert,
		declared: cfg.Declared, wanted: len(cfg.Columns),
	}
	if len(cfg.Declared) > math.MaxInt16 {
		return nil, fmt.Errorf("csv: too many columns")
	}
	for i, f := range cfg.Columns {
		if d.position(f.Name) < 0 {
			return nil, fmt.Errorf("csv: column %s is not declared", catalog.QuoteName(f.Name))
		}
		d.columns = append(d.columns, column{Field: f, out: int16(i)})
	}
	if cfg.ValidateAll {
		for _, f := range cfg.Declared {
			if !slices.ContainsFunc(cfg.Columns, func(c catalog.Field) bool { return c.Name == f.Name }) {
				d.columns = append(d.columns, column{Field: f, out: notRead})
			}
		}
	}
	nested := 0
	for i := range d.columns {
		c := &d.columns[i]
		c.kind = parserOf(c.Type)
		c.nested, c.cut = -1, 1
		for p := c.Type.Precision; p < 6; p++ {
			c.cut *= 10
		}
		if c.kind == parseJSON {
			c.nested, c.member = nested, json.AppendString(nil, []byte(c.Name))
			nested++
		}
	}
	if _, err := d.nestedSchema(); err != nil {
		return nil, err
	}
	return d, nil
}

// nestedSchema compiles the columns that come as JSON; nil: there are none.
func (d *decoding) nestedSchema() (*json.Schema, error) {
	var fields []catalog.Field
	for _, c := range d.columns {
		if c.nested >= 0 {
			fields = append(fields, catalog.Field{Name: c.Name, Type: c.Type})
		}
	}
	if fields == nil {
		return nil, nil
	}
	return json.Compile(fields, json.Options{})
}

func (d *decoding) position(name string) int {
	return slices.IndexFunc(d.declared, func(f catalog.Field) bool { return f.Name == name })
}

// Headed implements format.Decoding.
func (d *decoding) Headed() bool { return d.header != "false" }

// Stream implements format.Decoding.
func (d *decoding) Stream(first []byte) (format.Stream, bool, error) {
	s := &stream{decoding: d, fields: len(d.declared), at: make([]int, len(d.columns))}
	for i, c := range d.columns {
		s.at[i] = d.position(c.Name)
	}
	if first == nil || d.header == "false" {
		return s, false, nil
	}
	if d.header == "skip" {
		return s, true, nil
	}
	names := d.names(first)
	byName := make([]int, len(d.columns))
	missing := ""
	find := func(name string) int {
		for _, same := range []func(string) bool{
			func(n string) bool { return n == name },
			func(n string) bool { return strings.EqualFold(n, name) },
		} {
			if i := slices.IndexFunc(names, same); i >= 0 {
				return i
			}
		}
		if missing == "" {
			missing = name
		}
		return -1
	}
	for i, c := range d.columns {
		byName[i] = find(c.Name)
	}
	if d.header == "auto" {
		for _, f := range d.declared {
			find(f.Name)
		}
		if missing != "" {
			return s, false, nil
		}
	}
	if missing != "" {
		return nil, false, fmt.Errorf("the header has no column %s, it has %s; without a header, set 'csv.header'='false'",
			catalog.QuoteName(missing), strings.Join(names, ", "))
	}
	for i, at := range byName {
		if slices.Contains(byName[:i], at) {
			return nil, false, fmt.Errorf("two columns have the field %s of the header", names[at])
		}
	}
	s.at, s.fields = byName, len(names)
	return s, true, nil
}

// names gives the fields of a header.
func (d *decoding) names(first []byte) []string {
	var names []string
	p := fieldReader{syntax: d.syntax, data: first}
	for more := true; more; {
		var f field
		f, more = p.next()
		names = append(names, strings.TrimSpace(string(f.text)))
	}
	return names
}

// stream is one file: where each column stands in its records.
type stream struct {
	*decoding
	fields int   // of a record
	at     []int // of each column, the field
}

// NewDecoder implements format.Stream.
func (s *stream) NewDecoder(alloc memory.Allocator) format.Decoder {
	return newDecoder(s, alloc)
}
