package format

import (
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

// Format is one way to write rows as bytes.
type Format struct {
	// Spec describes the options, without the format's name as prefix.
	Spec *catalog.ConnectorSpec
	// Suffix is what names of files in this format end with: ".csv".
	Suffix string
	// Decode prepares reading; nil if the format can only be written.
	Decode func(DecodeConfig) (Decoding, error)
	// Encode prepares writing; nil if the format can't be written as a stream of records.
	Encode func(EncodeConfig) (Encoding, error)
	// EncodeFiles prepares writing files that have an end of their own; nil: they are a
	// stream of records.
	EncodeFiles func(EncodeConfig) (FileEncoding, error)
	// Blocks prepares reading files that have a layout of their own rather than
	// being a stream of records; nil: they are one.
	Blocks func(DecodeConfig) (BlockDecoding, error)
	// Infer gives the columns of records where a source declares none; nil: they
	// must be declared.
	Infer func(InferConfig) ([]catalog.Field, error)
	// MessagesOnly says that records have no ends of their own: Decode is for
	// Messages, Encode for MessageEncoding, and there are no streams of them.
	MessagesOnly bool
	// Changelog says that records are changes: reading, rows come with kinds;
	// writing, rows of all kinds are taken (unless it is an upsert).
	Changelog bool
}

// DecodeConfig says what to make of records.
type DecodeConfig struct {
	// Options are the format's, checked, without prefix.
	Options catalog.Options
	// Columns are the columns to produce. ROWs may be pruned.
	Columns []catalog.Field
	// Metadata names metadata columns of the format to produce behind Columns, without
	// catalog.FormatMetadata.
	Metadata []string
	// Declared lists all columns of the records, for formats that go by position
	// and for ValidateAll. ROWs are whole.
	Declared []catalog.Field
	// ValidateAll asks that what no column reads is checked too.
	ValidateAll bool
	// MaxRecordBytes is the longest record that will be handed over; 0: no limit.
	MaxRecordBytes int
	// Upsert says that a message without a value deletes: it is a row of NULLs of
	// kind -D. Without it such a message stands for no row (raw: for a NULL).
	Upsert bool
	// Env is the outside world, for formats that read schemas from there.
	Env connectors.Env
	// Subject names what the records come from (a topic), where a registry is asked
	// for schemas by name; Key says that they are the keys of messages.
	Subject string
	Key     bool
}

// Add adds a column to produce: one of the records, or metadata of the format.
func (c *DecodeConfig) Add(col connectors.ScanColumn) {
	if name, ok := strings.CutPrefix(col.Metadata, catalog.FormatMetadata); ok {
		c.Metadata = append(c.Metadata, name)
		return
	}
	c.Columns = append(c.Columns, catalog.Field{Name: col.Name, Type: col.Type, NotNull: col.NotNull})
}

// OfTransport says whether a column is metadata of the connector, which no format
// gives.
func OfTransport(col connectors.ScanColumn) bool {
	return col.Metadata != "" && !strings.HasPrefix(col.Metadata, catalog.FormatMetadata)
}

// Decoded gives the indexes of those columns of a source that its format gives, in the
// order in which it gives them: DecodeConfig.Columns, then Metadata.
func Decoded(cols []connectors.ScanColumn) []int {
	var columns, metadata []int
	for i, c := range cols {
		switch {
		case c.Metadata == "":
			columns = append(columns, i)
		case !OfTransport(c):
			metadata = append(metadata, i)
		}
	}
	return append(columns, metadata...)
}

// Place puts the columns that a format gave among n, the i-th at place[i]; the others
// are left nil.
func Place(recs *connectors.Records, place []int, n int) {
	out := make([]arrow.Array, n)
	for i, a := range recs.Cols {
		out[place[i]] = a
	}
	recs.Cols = out
	for i := range recs.Errors {
		if e := &recs.Errors[i]; e.Col >= 0 {
			e.Col = int16(place[e.Col])
		}
	}
}

// MetadataType is the type of a metadata column of the format.
func (f *Format) MetadataType(name string) (catalog.Type, error) {
	for _, m := range f.Spec.Metadata {
		if m.Name == name {
			return m.Type, nil
		}
	}
	return catalog.Type{}, fmt.Errorf("format '%s' has no metadata '%s'", f.Spec.Name, name)
}

// InferConfig says where columns are to be taken from.
type InferConfig struct {
	// Options are the format's, checked, without prefix.
	Options catalog.Options
	// Env, Subject and Key are as for DecodeConfig.
	Env     connectors.Env
	Subject string
	Key     bool
	// File is the first file, for a source of files whose format has Blocks.
	File io.ReaderAt
	Size int64
	// Samples gives the starts of the streams of records, one after the other, or of
	// a source of messages each a message. nil: there are none.
	Samples iter.Seq2[Sample, error]
	// Messages says that each sample is a message.
	Messages bool
	// Rows is how many records to look at.
	Rows int
}

// Sample is the start of a stream of records, or a message.
type Sample struct {
	Name string // for errors: the file
	Data []byte
	// Whole says that the stream ends with Data; else the last record may be cut off.
	Whole bool
}

// InferRows is how many records are looked at for columns that are not declared,
// unless 'schema.infer.rows' says otherwise.
const InferRows = 10_000

// MaxSampleBytes is how much of them is looked at.
const MaxSampleBytes = 8 << 20

// SampledRows reads 'schema.infer.rows' of a source's options.
func SampledRows(o catalog.Options) (int, error) {
	if o[catalog.InferRowsOption] == "" {
		return InferRows, nil
	}
	if n := o.Int(catalog.InferRowsOption); n > 0 && n <= math.MaxInt32 {
		return int(n), nil
	}
	return 0, fmt.Errorf("option '%s' must be at least 1", catalog.InferRowsOption)
}

// Decoding is a format compiled for reading given columns. It is immutable.
type Decoding interface {
	Cutter
	// Headed says that a stream may begin with a header record.
	Headed() bool
	// Stream gives what reads one stream. For a Headed format, first holds the
	// stream's first record (nil: the stream is empty); isHeader says whether it
	// is a header rather than data.
	Stream(first []byte) (s Stream, isHeader bool, err error)
}

// Stream decodes the records of one stream of bytes (a file). It is immutable.
type Stream interface {
	// NewDecoder makes a decoder whose arrays come from alloc.
	NewDecoder(alloc memory.Allocator) Decoder
}

// Cut is what a Cutter found.
type Cut struct {
	Bytes   int // length of the run of whole records, with what stands between them
	Records int // their number
	Lines   int // line feeds in the run
	// Lead is the length of what stands before the first record (empty lines,
	// comments), LeadLines the line feeds in it.
	Lead, LeadLines int
}

// And joins a run and the one that follows it.
func (c Cut) And(next Cut) Cut {
	if c.Records == 0 {
		c.Lead, c.LeadLines = c.Bytes+next.Lead, c.Lines+next.LeadLines
	}
	c.Bytes, c.Records, c.Lines = c.Bytes+next.Bytes, c.Records+next.Records, c.Lines+next.Lines
	return c
}

// Cutter finds where records end in a stream of bytes.
type Cutter interface {
	// Cut finds a run of whole records at the start of data, where a record
	// begins. The run ends before max.Records is exceeded and soon after it has
	// max.Bytes; it may end with bytes that belong to no record (empty lines).
	// final says that the stream ends with data, so that its last record needs no
	// line feed. Without a whole record, and not final, Records is 0 and Bytes
	// are those that belong to no record.
	Cut(data []byte, max connectors.Limits, final bool) Cut
}

// Decoder makes columns of records. It belongs to one goroutine at a time.
type Decoder interface {
	// Decode decodes a run of n records, as Cut found it. Raw and Position of the
	// result are left nil; unless Of is set there are n rows. CellError.Col is an index in DecodeConfig.Columns. An
	// error is one of the decoder, not of a record.
	Decode(run []byte, n int) (*connectors.Records, error)
}

// EncodeConfig says what to write.
type EncodeConfig struct {
	Options catalog.Options // the format's, checked, without prefix
	Columns []catalog.Field
	// Upsert says that a MessageEncoder gives rows that leave the table (-U, -D) no
	// value.
	Upsert bool
	// Env, Subject and Key are as for DecodeConfig.
	Env     connectors.Env
	Subject string
	Key     bool
}

// Encoding is a format compiled for writing given columns. It is immutable.
type Encoding interface {
	// Header gives the bytes at the start of every stream; nil: none.
	Header() []byte
	NewEncoder() Encoder
}

// Encoder writes batches. It belongs to one goroutine at a time.
type Encoder interface {
	// Append appends the rows of b to dst, a record each, line ends included. Row
	// kinds are ignored, unless the format is of changes. With a *connectors.RefusedRows
	// all other rows have been written.
	Append(dst []byte, b *connectors.Batch) ([]byte, error)
}

// Set finds formats by name or alias.
type Set []*Format

// Lookup gives the format of that name.
func (s Set) Lookup(name string) (*Format, error) {
	for _, f := range s {
		if strings.EqualFold(f.Spec.Name, name) || slices.ContainsFunc(f.Spec.Aliases, func(a string) bool { return strings.EqualFold(a, name) }) {
			return f, nil
		}
	}
	return nil, fmt.Errorf("unknown format '%s'", name)
}

// Changelog says whether the records of the format of that name are changes.
func (s Set) Changelog(name string) bool {
	f, err := s.Lookup(name)
	return err == nil && f.Changelog
}

// Readable lists the names of the formats that can be read.
func (s Set) Readable() []string {
	return s.names(func(f *Format) bool { return f.Decode != nil })
}

// ReadableFiles lists the names of the formats that files can be read in.
func (s Set) ReadableFiles() []string {
	return s.names(func(f *Format) bool { return f.Blocks != nil || f.Decode != nil && !f.MessagesOnly })
}

// WritableFiles lists the names of the formats that files can be written in.
func (s Set) WritableFiles() []string {
	return s.names(func(f *Format) bool { return f.EncodeFiles != nil || f.Encode != nil && !f.MessagesOnly })
}

// Writable lists the names of the formats that can be written.
func (s Set) Writable() []string {
	return s.names(func(f *Format) bool { return f.Encode != nil })
}

func (s Set) names(keep func(*Format) bool) []string {
	var names []string
	for _, f := range s {
		if keep(f) {
			names = append(names, f.Spec.Name)
		}
	}
	return names
}

// NewDecoding compiles the format that a source's options name for the
// physical columns of cfg.
func (s Set) NewDecoding(cfg connectors.SourceConfig, maxRecordBytes int) (Decoding, error) {
	f, dc, err := s.ConfigOf(cfg, maxRecordBytes)
	if err != nil {
		return nil, err
	}
	return s.Decode(f.Spec.Name, dc)
}

// ConfigOf gives the format that a source's options name, and what to make of
// records for the physical columns of cfg.
func (s Set) ConfigOf(cfg connectors.SourceConfig, maxRecordBytes int) (*Format, DecodeConfig, error) {
	dc := DecodeConfig{Declared: cfg.Declared, ValidateAll: cfg.ValidateAll, MaxRecordBytes: maxRecordBytes, Upsert: cfg.PrimaryKey != nil}
	for _, i := range Decoded(cfg.Columns) {
		dc.Add(cfg.Columns[i])
	}
	f, err := s.Lookup(cfg.Options[catalog.FormatOption])
	if err != nil {
		return nil, dc, err
	}
	dc.Options = cfg.Options.Under(f.Spec.Name + ".")
	return f, dc, nil
}

// Decode compiles the format of that name for reading.
func (s Set) Decode(name string, cfg DecodeConfig) (Decoding, error) {
	f, err := s.Lookup(name)
	if err != nil {
		return nil, err
	}
	if f.Decode == nil {
		return nil, fmt.Errorf("format '%s' can't be read", f.Spec.Name)
	}
	for _, name := range cfg.Metadata {
		if _, err := f.MetadataType(name); err != nil {
			return nil, err
		}
	}
	return f.Decode(cfg)
}

// NewEncoding compiles the format that a sink's options name, and gives it.
func (s Set) NewEncoding(cfg connectors.SinkConfig, env connectors.Env) (Encoding, *Format, error) {
	f, err := s.Lookup(cfg.Options[catalog.FormatOption])
	if err != nil {
		return nil, nil, err
	}
	e, err := s.Encode(f.Spec.Name, EncodeConfig{Options: cfg.Options.Under(f.Spec.Name + "."), Columns: cfg.Columns, Env: env})
	return e, f, err
}

// NewFileEncoding compiles the format that a sink's options name for files that have an
// end of their own; nil: they are a stream of records, see NewEncoding.
func (s Set) NewFileEncoding(cfg connectors.SinkConfig, env connectors.Env) (FileEncoding, *Format, error) {
	f, err := s.Lookup(cfg.Options[catalog.FormatOption])
	if err != nil || f.EncodeFiles == nil {
		return nil, nil, err
	}
	e, err := f.EncodeFiles(EncodeConfig{Options: cfg.Options.Under(f.Spec.Name + "."), Columns: cfg.Columns, Env: env})
	return e, f, err
}

// Encode compiles the format of that name for writing.
func (s Set) Encode(name string, cfg EncodeConfig) (Encoding, error) {
	f, err := s.Lookup(name)
	if err != nil {
		return nil, err
	}
	if f.Encode == nil {
		return nil, fmt.Errorf("format '%s' can't be written", f.Spec.Name)
	}
	return f.Encode(cfg)
}
