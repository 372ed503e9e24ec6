package avro

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"sync"

	"github.com/apache/arrow/go/v17/arrow/memory"
	hamba "github.com/hamba/avro/v2"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/cell"
)

// Object container files: a header with the schema and a mark of 16 bytes, then
// blocks: the number of records, the bytes they take, the records, the mark.

var magic = []byte("Obj\x01")

const (
	syncBytes = 16
	// maxHeader bounds the header, maxBlock a block once it is decompressed.
	maxHeader = 16 << 20
	maxBlock  = 1 << 30
	// maxWindow is how much of what came before a block of zstandard may refer to, which
	// is allocated at once: that of its highest levels.
	maxWindow = 128 << 20
)

// containers reads container files into the columns of a layout.
type containers struct {
	layout *cell.Layout
	reader *hamba.RecordSchema
}

func newContainers(cfg format.DecodeConfig) (format.BlockDecoding, error) {
	layout, err := cell.NewLayout(cfg)
	if err != nil {
		return nil, fmt.Errorf("avro: %w", err)
	}
	c := &containers{layout: layout}
	if text := cfg.Options[optReaderSchema]; text != "" {
		c.reader, err = recordOf(text)
	}
	return c, err
}

// header is what a container says of itself.
type header struct {
	schema string
	codec  string
	sync   [syncBytes]byte
	end    int64 // where the first block begins
}

var errTruncated = errors.New("the file breaks off within its header")

// readHeader reads the header of a container.
func readHeader(r io.ReaderAt, size int64) (*header, error) {
	n := int64(64 << 10)
	for {
		buf := make([]byte, min(n, size))
		if _, err := r.ReadAt(buf, 0); err != nil && err != io.EOF {
			return nil, err
		}
		if !bytes.HasPrefix(buf, magic) {
			return nil, errors.New("it is no Avro container file")
		}
		h, ok := parseHeader(buf)
		switch {
		case ok:
			return h, nil
		case n >= size || n >= maxHeader:
			return nil, errTruncated
		}
		n *= 4
	}
}

func parseHeader(buf []byte) (*header, bool) {
	h := &header{codec: "null"}
	in := input{b: buf, p: len(magic), budget: maxEmpty}
	for count, _ := in.block(); count > 0; count, _ = in.block() {
		for ; count > 0 && in.fault == ""; count-- {
			key := in.bytes(in.varint())
			value := in.bytes(in.varint())
			switch string(key) {
			case "avro.schema":
				h.schema = string(value)
			case "avro.codec":
				h.codec = string(value)
			}
		}
	}
	mark := in.bytes(syncBytes)
	if in.fault != "" {
		return nil, false
	}
	copy(h.sync[:], mark)
	h.end = int64(in.p)
	return h, true
}

// containerFile is an open container.
type containerFile struct {
	*containers
	*header
	r      io.ReaderAt
	size   int64
	schema schema
	skip   *node // passes over a record

	mu   sync.Mutex
	idle []*decoderOf
}

// decoderOf is a decoder of the file's schema with the allocator of its arrays.
type decoderOf struct {
	alloc memory.Allocator
	rows  *cell.Rows
	plan  *plan
}

// OpenFile implements format.BlockDecoding.
func (c *containers) OpenFile(r io.ReaderAt, size int64) (format.BlockFile, error) {
	h, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	f := &containerFile{containers: c, header: h, r: r, size: size}
	writer, err := recordOf(h.schema)
	if err != nil {
		return nil, err
	}
	f.schema = schema{writer, c.reader}
	d, err := f.decoder(memory.DefaultAllocator)
	if err != nil {
		return nil, fmt.Errorf("avro: %w", err)
	}
	f.idle = append(f.idle, d)
	f.skip = (&compiler{skips: map[hamba.Schema]*node{}}).skip(writer)
	switch h.codec {
	case "null", "deflate", "snappy", "zstandard", "bzip2":
		return f, nil
	}
	return nil, fmt.Errorf("avro: blocks are compressed with '%s'; null, deflate, snappy, zstandard and bzip2 can be read", h.codec)
}

// decoder gives a decoder; put takes it back.
func (f *containerFile) decoder(alloc memory.Allocator) (*decoderOf, error) {
	f.mu.Lock()
	for i, d := range f.idle {
		if d.alloc == alloc {
			f.idle = append(f.idle[:i], f.idle[i+1:]...)
			f.mu.Unlock()
			return d, nil
		}
	}
	f.mu.Unlock()
	rows := f.layout.NewRows(alloc)
	plan, err := newPlan(f.schema, rows)
	return &decoderOf{alloc, rows, plan}, err
}

func (f *containerFile) put(d *decoderOf) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, d)
}

// frame reads the numbers at the start of the block at an offset of the file.
func (f *containerFile) frame(at int64) (records, size, data int64, err error) {
	if at == 0 {
		at = f.end
	}
	if at == f.size {
		return 0, 0, 0, io.EOF
	}
	buf := make([]byte, min(2*binary.MaxVarintLen64, f.size-at))
	if _, err := f.r.ReadAt(buf, at); err != nil && err != io.EOF {
		return 0, 0, 0, err
	}
	in := input{b: buf}
	records, size = in.varint(), in.varint()
	if in.fault != "" || records < 0 || size < 0 || records > math.MaxInt32 || size > f.size-at-int64(in.p)-syncBytes {
		return 0, 0, 0, fmt.Errorf("the block at byte %d is damaged or cut off", at)
	}
	return records, size, at + int64(in.p), nil
}

// Block implements format.BlockFile. A place is an offset in the file.
func (f *containerFile) Block(place int64) (format.BlockInfo, error) {
	records, size, data, err := f.frame(place)
	return format.BlockInfo{Records: int(records), Bytes: int(size), Next: data + size + syncBytes}, err
}

// Load implements format.BlockFile.
func (f *containerFile) Load(place int64) (format.Block, error) {
	records, size, data, err := f.frame(place)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, size+syncBytes)
	if _, err := f.r.ReadAt(buf, data); err != nil && err != io.EOF {
		return nil, err
	}
	if !bytes.Equal(buf[size:], f.sync[:]) {
		return nil, fmt.Errorf("the block at byte %d is damaged: it does not end with the file's mark", place)
	}
	text, err := decompress(f.codec, buf[:size])
	if err != nil {
		return nil, fmt.Errorf("the block at byte %d is damaged: %w", place, err)
	}
	if len(text) > math.MaxInt32 {
		return nil, fmt.Errorf("the block at byte %d has more than 2 GiB", place)
	}
	return &container{file: f, text: text, records: int(records)}, nil
}

var errTooLarge = fmt.Errorf("it has more than %d bytes", maxBlock)

func decompress(codec string, b []byte) ([]byte, error) {
	whole := func(r io.Reader) ([]byte, error) {
		text, err := io.ReadAll(io.LimitReader(r, maxBlock+1))
		if err == nil && len(text) > maxBlock {
			err = errTooLarge
		}
		return text, err
	}
	switch codec {
	case "deflate":
		return whole(flate.NewReader(bytes.NewReader(b)))
	case "bzip2":
		return whole(bzip2.NewReader(bytes.NewReader(b)))
	case "zstandard":
		z, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		return whole(z)
	case "snappy":
		if len(b) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		n, err := snappy.DecodedLen(b[:len(b)-4])
		if err != nil || n > maxBlock {
			return nil, errors.Join(err, errTooLarge)
		}
		// No three bytes of Snappy stand for more than 64: what says that it is longer would
		// only take the memory for it.
		if n/64 > len(b) {
			return nil, errors.New("it is shorter than it says")
		}
		text, err := snappy.Decode(nil, b[:len(b)-4])
		if err == nil && crc32.ChecksumIEEE(text) != binary.BigEndian.Uint32(b[len(b)-4:]) {
			err = errors.New("the checksum differs")
		}
		return text, err
	}
	return b, nil
}

// container is a block.
type container struct {
	file    *containerFile
	text    []byte
	records int
	next, p int // the record that Cut takes next, and where it begins
	broken  bool
}

// Cut implements format.Block.
func (c *container) Cut(from, to int) (format.BlockPart, error) {
	c.pass(from)
	part := &containerPart{block: c, records: to - from, start: c.p, end: len(c.text), last: to == c.records}
	if !part.last {
		c.pass(to)
		part.end = c.p
	}
	return part, nil
}

// pass goes on to a record. Behind one that breaks off there are none.
func (c *container) pass(to int) {
	for ; c.next < to; c.next++ {
		if c.broken {
			continue
		}
		in := input{b: c.text, p: c.p, budget: maxEmpty}
		if in.skip(c.file.skip); in.fault != "" {
			c.broken = true
			c.p = len(c.text)
			continue
		}
		c.p = in.p
	}
}

// containerPart is a run of records of a block.
type containerPart struct {
	block      *container
	records    int
	start, end int
	last       bool
}

// Decode implements format.BlockPart.
func (c *containerPart) Decode(alloc memory.Allocator) (*connectors.Records, error) {
	f := c.block.file
	d, err := f.decoder(alloc)
	if err != nil {
		return nil, err
	}
	d.rows.Reserve(c.records)
	at, ok := c.start, true
	for i := range c.records {
		was := at
		row, _, err := d.rows.Begin(0)
		if err != nil {
			return nil, err
		}
		if !ok {
			d.rows.Bad(row, format.CodeMalformed, "a record before it in its block is no value of the schema")
			continue
		}
		at, ok = d.plan.read(d.rows, c.block.text, at, c.end, row, c.last && i == c.records-1)
		if ok {
			d.rows.Limit(row, at-was)
		}
	}
	recs, err := d.rows.Finish()
	f.put(d)
	return recs, err
}

// Raw implements format.BlockPart.
func (c *containerPart) Raw(record int) []byte {
	in := input{b: c.block.text[:c.end], p: c.start, budget: maxEmpty}
	for i := 0; ; i++ {
		from := in.p
		in.skip(c.block.file.skip)
		if i == record || in.fault != "" {
			return c.block.text[from:in.p]
		}
	}
}

// compress appends a block as a codec has it.
func (e *blocks) compress(dst, b []byte) ([]byte, error) {
	switch e.codec {
	case "deflate":
		e.packed.Reset()
		if e.flate == nil {
			var err error
			if e.flate, err = flate.NewWriter(&e.packed, flate.DefaultCompression); err != nil {
				return dst, err
			}
		}
		e.flate.Reset(&e.packed)
		if _, err := e.flate.Write(b); err != nil {
			return dst, err
		}
		if err := e.flate.Close(); err != nil {
			return dst, err
		}
		return append(dst, e.packed.Bytes()...), nil
	case "snappy":
		dst = append(dst, snappy.Encode(nil, b)...)
		return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(b)), nil
	case "zstandard":
		if e.zstd == nil {
			var err error
			if e.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
				return dst, err
			}
		}
		return e.zstd.EncodeAll(b, dst), nil
	}
	return append(dst, b...), nil
}

// containerHeader is the header of files written with a schema. The mark comes of
// the schema, so that the same rows make the same file.
func containerHeader(schema, codec string) []byte {
	dst := append([]byte{}, magic...)
	dst = binary.AppendVarint(dst, 2)
	for _, s := range []string{"avro.schema", schema, "avro.codec", codec} {
		dst = appendText(dst, s)
	}
	return append(append(dst, 0), mark(schema)...)
}

func mark(schema string) []byte {
	sum := xxh3.HashString128(schema).Bytes()
	return sum[:]
}

// blocks writes batches as blocks of a container.
type blocks struct {
	rows *Writer
	mark []byte
	text []byte

	codec  string
	block  []byte // compressed
	packed bytes.Buffer
	flate  *flate.Writer
	zstd   *zstd.Encoder
}

// Append implements format.Encoder.
func (e *blocks) Append(dst []byte, b *connectors.Batch) ([]byte, error) {
	if err := e.rows.Bind(b.Cols); err != nil {
		return dst, err
	}
	e.text = e.text[:0]
	var refused connectors.RefusedRows
	for i := range b.N {
		text, err := e.rows.AppendRow(e.text, i)
		switch {
		case err == nil:
			e.text = text
		case !format.Refuse(&refused, i, err):
			return dst, err
		default:
			e.text = text[:len(e.text)]
		}
	}
	records := b.N - len(refused.Rows)
	if records == 0 {
		return dst, format.Refused(refused)
	}
	dst = binary.AppendVarint(dst, int64(records))
	var err error
	if e.block, err = e.compress(e.block[:0], e.text); err != nil {
		return dst, err
	}
	dst = binary.AppendVarint(dst, int64(len(e.block)))
	return append(append(dst, e.block...), e.mark...), format.Refused(refused)
}
