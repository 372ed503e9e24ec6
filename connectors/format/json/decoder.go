package json

import (
	"bytes"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors/format/columns"
)

// Decoder turns records into batches. It belongs to one goroutine and is meant
// to be used for batch after batch: it learns the layout of the records.
type Decoder struct {
	schema *Schema
	mem    memory.Allocator
	nodes  []node // by field number
	root   *node

	rows   int
	starts []int32 // of each record, in the text given since the last Finish
	text   int     // bytes given since the last Finish
	errs   []CellError
	length int // of a record of the last batch, on average

	lines bool // a line feed ends a record, as against Append

	// Of the record at hand.
	start     int    // where it begins in the slice being read
	recordID  uint64 // serial when it began
	rowErrs   int    // len(errs) when it began
	unchecked bool   // it has values that no column reads
	fault     ErrorCode
	faultAt   int

	serial  uint64   // counts objects, to tell members of this one from earlier ones
	padded  []byte   // a copy of a record that ends too close to the end of its slice
	scratch []byte   // an unescaped text
	stack   []uint64 // of skipContainer
	learned int      // names remembered that no column reads
	number  []byte   // a number out of its quotes
}

// node is the state of one field of the schema.
type node struct {
	*field
	column   *columns.Column
	children []*node

	members memberTable    // ROW: the names met
	seen    uint64         // serial of the last object that had this member
	minute  minuteCache    // TIMESTAMP
	entries columns.KeySet // MAP
	failed  uint64         // recordID of the last record with an error noted here
}

// NewDecoder makes a decoder. Buffers of the batches come from mem; a
// internal/bufpool avoids most of their cost.
func NewDecoder(schema *Schema, mem memory.Allocator) *Decoder {
	d := &Decoder{schema: schema, mem: mem, nodes: make([]node, len(schema.fields)), serial: 1}
	for i, f := range schema.fields {
		n := &d.nodes[i]
		n.field = f
		for _, child := range f.children {
			n.children = append(n.children, &d.nodes[child.num])
		}
	}
	for i := range d.nodes {
		if n := &d.nodes[i]; n.op == opRow {
			n.members.init(n.children)
		}
	}
	d.root = &d.nodes[0]
	for _, top := range d.root.children {
		d.attach(top, columns.New(top.typ, mem))
	}
	return d
}

func (d *Decoder) attach(n *node, c *columns.Column) {
	n.column = c
	for i, child := range n.children {
		d.attach(child, c.Child(i))
	}
}

// Rows is the number of rows decoded since the last Finish.
func (d *Decoder) Rows() int { return d.rows }

// DecodeLines appends a row for each line of data, which must hold whole lines;
// only the last one of the input may lack its line feed. A line of nothing but
// spaces, tabs and carriage returns is no record. It stops when the batch has
// maxRows rows (or 2 GiB of text) and gives the bytes consumed: up to the
// start of a line that is left for the next batch, else len(data).
//
// data may be reused as soon as DecodeLines returns.
func (d *Decoder) DecodeLines(data []byte, maxRows int) int {
	if d.rows == 0 {
		d.reserve(data, maxRows)
	}
	d.lines = true
	// Lines with enough bytes behind them are decoded in place, the last ones
	// from a padded copy.
	inPlace := 0
	if len(data) > padding {
		inPlace = bytes.LastIndexByte(data[:len(data)-padding], '\n') + 1
	}
	p := d.decodeLines(data[:inPlace], maxRows)
	if p == inPlace && p < len(data) && d.rows < maxRows {
		p += d.decodeLines(d.pad(data[p:]), maxRows)
	}
	return p
}

// decodeLines decodes lines until b ends or the batch is full, and gives the
// bytes consumed. padding bytes behind b can be read.
func (d *Decoder) decodeLines(b []byte, maxRows int) int {
	base := d.text
	p := 0
	for p < len(b) && d.rows < maxRows {
		if at(b, p) != '{' {
			start := d.space(b, p)
			if start >= len(b) {
				p = start
				break
			}
			if at(b, start) == '\n' {
				p = start + 1
				continue
			}
		}
		if !d.fits(d.schema.opts.MaxRecordBytes) {
			break
		}
		d.starts = append(d.starts, int32(base+p))
		p = d.record(b, p)
		d.text = base + p
	}
	d.text = base + p
	return p
}

// pad gives a copy of b with padding bytes behind it that can be read.
func (d *Decoder) pad(b []byte) []byte {
	d.padded = append(append(d.padded[:0], b...), spaces[:padding]...)
	return d.padded[:len(b)]
}

// Append appends a row for one record, which may hold line feeds as white
// space. It gives false, and appends nothing, if the batch can't take the
// record's text any more: Finish first.
func (d *Decoder) Append(record []byte) bool { return d.AppendAt(record, 0, len(record)) }

// AppendAt is Append for the record buf[start:end]. It saves a copy where more
// bytes follow the record in buf, as in a fetched batch of messages; none of
// buf may change during the call.
func (d *Decoder) AppendAt(buf []byte, start, end int) bool {
	if !d.fits(end - start) {
		return false
	}
	d.lines = false
	d.starts = append(d.starts, int32(d.text))
	d.text += end - start
	if end+padding <= len(buf) {
		d.record(buf[:end], start)
	} else {
		d.record(d.pad(buf[start:end]), 0)
	}
	return true
}

// AppendNull appends a row of NULLs, for a record without text. It gives false if
// the batch can't take more.
func (d *Decoder) AppendNull() bool {
	if !d.fits(0) {
		return false
	}
	d.starts = append(d.starts, int32(d.text))
	d.rows++
	return true
}

// Errors gives what is wrong with the rows decoded since the last Finish; it is
// good until the next Append.
func (d *Decoder) Errors() []CellError { return d.errs }

// fits says whether n more bytes of text are sure to keep every offset of the
// batch within an int32. No column's bytes, and no list's elements, exceed the text's bytes.
func (d *Decoder) fits(n int) bool { return d.rows == 0 || d.text+n < math.MaxInt32 }

// reserve allocates for the rows that data is likely to hold, by the length of
// the last batch's records or that of the first line.
func (d *Decoder) reserve(data []byte, maxRows int) {
	length := d.length
	if length == 0 {
		length = bytes.IndexByte(data, '\n') + 1
	}
	if length == 0 {
		return
	}
	rows := min(len(data)/length+len(data)/length/16+1, maxRows, 1<<16)
	for _, top := range d.root.children {
		top.column.Reserve(rows)
	}
}

// record appends the row of the record at b[start], padding bytes behind b can be
// read. It gives the position behind the record: that of b's end or, in a stream
// of lines, the next line.
func (d *Decoder) record(b []byte, start int) int {
	row := d.rows
	d.rows++
	d.start, d.recordID, d.rowErrs = start, d.serial, len(d.errs)
	d.serial++
	d.unchecked = false
	p := start
	if at(b, p) != '{' {
		p = d.space(b, p)
	}
	if p >= len(b) || at(b, p) != '{' {
		p = d.fail(ErrMalformed, p)
	} else if p = d.object(d.root, b, p+1, row); p >= 0 {
		if p = d.space(b, p); p < len(b) && !(d.lines && at(b, p) == '\n') {
			p = d.fail(ErrMalformed, p)
		}
	}
	end := p
	if p < 0 {
		end = len(b)
		if i := bytes.IndexByte(b[start:], '\n'); d.lines && i >= 0 {
			end = start + i
		}
	}
	if end-start > d.schema.opts.MaxRecordBytes {
		p = d.fail(ErrTooLong, start)
	}
	if p >= 0 && d.unchecked && d.schema.opts.ValidateAll && len(d.errs) == d.rowErrs {
		if _, bad := invalid(b[start:end]); bad >= 0 {
			p = d.fail(ErrExtraMember, start+bad)
		}
	}
	if p < 0 {
		d.badRecord(row, end)
	} else if len(d.errs)-d.rowErrs > 1 {
		slices.SortFunc(d.errs[d.rowErrs:], func(a, b CellError) int { return int(a.Field - b.Field) })
	}
	if end < len(b) {
		end++ // the line feed
	}
	return end
}

// fail notes what makes the record bad and gives the position that says so.
func (d *Decoder) fail(code ErrorCode, p int) int {
	d.fault, d.faultAt = code, p
	return -1
}

// badRecord makes all columns of the row NULL and the fault its only error. The
// record ends at end.
func (d *Decoder) badRecord(row, end int) {
	for _, top := range d.root.children {
		top.column.Truncate(row)
	}
	d.errs = append(d.errs[:d.rowErrs], CellError{
		Row: int32(row), Col: -1, Code: d.fault, Offset: int32(min(d.faultAt, end) - d.start),
	})
}

// cellError notes an error of n in the record at hand, once per record: of an
// ARRAY's many bad elements the first one is told.
func (d *Decoder) cellError(n *node, code ErrorCode, p int) {
	if n.failed == d.recordID {
		return
	}
	n.failed = d.recordID
	d.errs = append(d.errs, CellError{
		Row: int32(d.rows - 1), Col: n.col, Field: n.num, Code: code, Offset: int32(p - d.start),
	})
}

// replace takes back the value at slot row of n, and its errors, because the
// object names the member again.
func (d *Decoder) replace(n *node, row int) {
	n.column.Truncate(row)
	for i := n.num; i < n.end; i++ {
		d.nodes[i].failed = 0
	}
	kept := d.errs[:d.rowErrs]
	for _, e := range d.errs[d.rowErrs:] {
		if e.Field < n.num || e.Field >= n.end {
			kept = append(kept, e)
		}
	}
	d.errs = kept
}

// Finish gives the rows decoded since the last Finish and begins a new batch.
func (d *Decoder) Finish() *Batch {
	b := &Batch{Rows: d.rows, Starts: d.starts, Errors: d.errs, Columns: make([]arrow.Array, len(d.root.children))}
	for i, top := range d.root.children {
		b.Columns[i] = top.column.Finish(d.rows)
	}
	if d.rows > 0 {
		d.length = max(d.text/d.rows, 1)
	}
	d.starts = make([]int32, 0, d.rows+d.rows/8)
	d.errs = nil
	d.rows, d.text = 0, 0
	if cap(d.scratch) > maxScratch {
		d.scratch = nil
	}
	if cap(d.padded) > maxScratch {
		d.padded = nil
	}
	return b
}

// maxScratch is how much of its own memory a decoder keeps, in bytes, after a
// long record.
const maxScratch = 1 << 20

// Release gives the buffers of an unfinished batch back.
func (d *Decoder) Release() {
	for _, top := range d.root.children {
		top.column.Release()
	}
	d.rows, d.text, d.starts, d.errs = 0, 0, nil, nil
}

// Batch is a number of decoded records.
type Batch struct {
	// Rows is the number of records, bad ones included.
	Rows int
	// Columns has an array of Rows values for each column of the schema.
	Columns []arrow.Array
	// Starts says where each record begins, in bytes of all text given to the
	// decoder for this batch; Record cuts it out.
	Starts []int32
	// Errors has what is wrong, by row and within a row by column.
	Errors []CellError
}

// Record gives the text of row i, without its line end, out of the data that
// DecodeLines was given.
func (b *Batch) Record(data []byte, i int) []byte {
	record := data[b.Starts[i]:]
	if end := bytes.IndexByte(record, '\n'); end >= 0 {
		record = record[:end]
	}
	return bytes.TrimSuffix(record, []byte{'\r'})
}

// Release releases the columns.
func (b *Batch) Release() {
	for _, c := range b.Columns {
		c.Release()
	}
}
