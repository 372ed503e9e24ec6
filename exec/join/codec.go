package join

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/planner"
)

// codec puts the kept columns of a row one behind the other in bytes, and makes
// columns of such rows again:
//
//	NULL flags, 8 columns a byte
//	8 bytes for each column of a fixed width (16 for DECIMAL)
//	4 bytes for each other column: where it ends, from the row's first byte
//	the bytes of these columns
//
// Equal rows have equal bytes.
type codec struct {
	cols  []kept
	nulls int // bytes of NULL flags
	fixed int // bytes before those of the columns of variable width

	buf    []byte // scratch: encoded rows
	starts []int  // where each begins, and the end
	at     []int  // scratch: how far each row has come
	ints   []int64
	flts   []float64
	decs   []decimal128.Num
	nested [][]byte
}

// kept is one kept column.
type kept struct {
	col   int // of the input
	typ   catalog.Type
	class class
	off   int // of its fixed part
	first int // of the column of variable width before it: where its end stands; -1: none
}

type class uint8

const (
	classInt class = iota
	classFloat
	classDecimal
	classBytes
	classNested
	classNull
)

func classOf(t catalog.Type) class {
	switch t.Kind {
	case catalog.KindFloat, catalog.KindDouble:
		return classFloat
	case catalog.KindDecimal:
		return classDecimal
	case catalog.KindString, catalog.KindJSON, catalog.KindBytes:
		return classBytes
	case catalog.KindArray, catalog.KindMap, catalog.KindRow:
		return classNested
	case catalog.KindNull:
		return classNull
	}
	return classInt
}

// newCodec makes the codec of some columns of an input.
func newCodec(in []planner.Column, cols []int) *codec {
	c := &codec{nulls: (len(cols) + 7) / 8}
	off := c.nulls
	for _, i := range cols {
		k := kept{col: i, typ: in[i].Type, class: classOf(in[i].Type), first: -1}
		switch k.class {
		case classInt, classFloat:
			k.off, off = off, off+8
		case classDecimal:
			k.off, off = off, off+16
		}
		c.cols = append(c.cols, k)
	}
	last := -1
	for i := range c.cols {
		if k := &c.cols[i]; k.class == classBytes || k.class == classNested {
			k.off, k.first = off, last
			last, off = off, off+4
		}
	}
	c.fixed = off
	return c
}

// codecVersion is that of rows in the store.
const codecVersion = 1

// String is the codec as commits have it: see op.Stateful.
func (c *codec) String() string {
	text := fmt.Sprintf("rows %d", codecVersion)
	for _, k := range c.cols {
		text += fmt.Sprintf(" %d %s", k.col, k.typ)
	}
	return text
}

// encode puts the given rows of a batch into the scratch buffer: row rows[i] is
// buf[starts[i]:starts[i+1]].
func (c *codec) encode(cols []arrow.Array, rows []int32) {
	n := len(rows)
	c.starts = colvec.Grow(c.starts, n+1)
	c.at = colvec.Grow(c.at, n)
	for i := range c.starts {
		c.starts[i] = 0
	}
	c.nested = c.nested[:0]
	for k := range c.cols {
		c.measure(&c.cols[k], cols[c.cols[k].col], rows)
	}
	at := 0
	for i := range n {
		size := c.starts[i] + c.fixed
		c.starts[i], c.at[i] = at, at+c.fixed
		at += size
	}
	c.starts[n] = at
	c.buf = colvec.Grow(c.buf, at)
	for i := range n {
		clear(c.buf[c.starts[i] : c.starts[i]+c.fixed])
	}
	nested := c.nested
	for k := range c.cols {
		nested = c.write(k, cols[c.cols[k].col], rows, nested)
	}
}

// measure adds the bytes of a column of variable width to starts.
func (c *codec) measure(k *kept, a arrow.Array, rows []int32) {
	switch k.class {
	case classBytes:
		if column.AllNull(a) {
			return
		}
		offs, _ := colvec.Binary(a)
		v := colvec.ValidityOf(a)
		for i, r := range rows {
			if v.Valid(int(r)) {
				c.starts[i] += int(offs[r+1] - offs[r])
			}
		}
	case classNested:
		for i, r := range rows {
			var b []byte
			if a.IsValid(int(r)) {
				b = appendValue(nil, a, int(r))
			}
			c.nested = append(c.nested, b)
			c.starts[i] += len(b)
		}
	}
}

// write puts column k into the buffer. nested are the values of the columns of
// class classNested still to come.
func (c *codec) write(k int, a arrow.Array, rows []int32, nested [][]byte) [][]byte {
	col := &c.cols[k]
	v := colvec.ValidityOf(a)
	all := v.AllValid()
	null := func(i int, r int32) bool {
		if all || v.Valid(int(r)) {
			return false
		}
		c.buf[c.starts[i]+k/8] |= 1 << (k % 8)
		return true
	}
	if column.AllNull(a) || col.class == classNull {
		for i := range rows {
			c.buf[c.starts[i]+k/8] |= 1 << (k % 8)
		}
		if col.class == classBytes || col.class == classNested {
			c.ends(col, len(rows))
		}
		if col.class == classNested {
			return nested[len(rows):]
		}
		return nested
	}
	sel := colvec.Selected(rows)
	switch col.class {
	case classInt:
		c.ints, _ = colvec.Ints(a, sel, c.ints)
		for i, r := range rows {
			if !null(i, r) {
				binary.LittleEndian.PutUint64(c.buf[c.starts[i]+col.off:], uint64(c.ints[i]))
			}
		}
	case classFloat:
		c.flts, _ = colvec.Floats(a, sel, c.flts)
		for i, r := range rows {
			if !null(i, r) {
				binary.LittleEndian.PutUint64(c.buf[c.starts[i]+col.off:], math.Float64bits(c.flts[i]))
			}
		}
	case classDecimal:
		c.decs, _ = colvec.Decimals(a, sel, c.decs)
		for i, r := range rows {
			if !null(i, r) {
				p := c.buf[c.starts[i]+col.off:]
				binary.LittleEndian.PutUint64(p, c.decs[i].LowBits())
				binary.LittleEndian.PutUint64(p[8:], uint64(c.decs[i].HighBits()))
			}
		}
	case classBytes:
		offs, data := colvec.Binary(a)
		for i, r := range rows {
			if !null(i, r) {
				c.at[i] += copy(c.buf[c.at[i]:], data[offs[r]:offs[r+1]])
			}
		}
		c.ends(col, len(rows))
	case classNested:
		for i, r := range rows {
			if !null(i, r) {
				c.at[i] += copy(c.buf[c.at[i]:], nested[i])
			}
		}
		c.ends(col, len(rows))
		return nested[len(rows):]
	}
	return nested
}

// ends notes where a column of variable width ends.
func (c *codec) ends(col *kept, n int) {
	for i := range n {
		binary.LittleEndian.PutUint32(c.buf[c.starts[i]+col.off:], uint32(c.at[i]-c.starts[i]))
	}
}

// row is encoded row i.
func (c *codec) row(i int) []byte { return c.buf[c.starts[i]:c.starts[i+1]] }

// column makes column k of encoded rows; a row that is nil gives NULL.
func (c *codec) column(k int, rows [][]byte, alloc memory.Allocator) (arrow.Array, error) {
	col := &c.cols[k]
	if col.class == classNull {
		return array.NewNull(len(rows)), nil
	}
	valid := c.validity(k, rows, alloc)
	dt, n := col.typ.Arrow(), len(rows)
	switch col.class {
	case classFloat:
		return colvec.FloatColumn(dt, n, valid, alloc, func(i int) float64 {
			if rows[i] == nil {
				return 0
			}
			return math.Float64frombits(binary.LittleEndian.Uint64(rows[i][col.off:]))
		}), nil
	case classDecimal:
		return colvec.DecimalColumn(dt, n, valid, alloc, func(i int) decimal128.Num {
			if rows[i] == nil {
				return decimal128.Num{}
			}
			p := rows[i][col.off:]
			return decimal128.New(int64(binary.LittleEndian.Uint64(p[8:])), binary.LittleEndian.Uint64(p))
		}), nil
	case classBytes:
		return c.bytes(col, rows, valid, alloc), nil
	case classNested:
		if valid != nil {
			valid.Release()
		}
		return nestedColumn(dt, n, alloc, func(i int) []byte {
			if rows[i] == nil || c.isNull(k, rows[i]) {
				return nil
			}
			return c.value(col, rows[i])
		})
	}
	return colvec.IntColumn(dt, n, valid, alloc, func(i int) int64 {
		if rows[i] == nil {
			return 0
		}
		return int64(binary.LittleEndian.Uint64(rows[i][col.off:]))
	}), nil
}

// value is the bytes of a column of variable width.
func (c *codec) value(col *kept, row []byte) []byte {
	from := uint32(c.fixed)
	if col.first >= 0 {
		from = binary.LittleEndian.Uint32(row[col.first:])
	}
	return row[from:binary.LittleEndian.Uint32(row[col.off:])]
}

// bytes makes a column of texts.
func (c *codec) bytes(col *kept, rows [][]byte, valid *memory.Buffer, alloc memory.Allocator) arrow.Array {
	n, size := len(rows), 0
	offBuf := column.NewBuffer(alloc, 4*(n+1))
	offs := column.As[int32](offBuf, n+1)
	offs[0] = 0
	for i, row := range rows {
		if row != nil {
			size += len(c.value(col, row))
		}
		offs[i+1] = int32(size)
	}
	dataBuf := column.NewBuffer(alloc, size)
	data := dataBuf.Bytes()
	for i, row := range rows {
		if row != nil {
			copy(data[offs[i]:], c.value(col, row))
		}
	}
	return column.Make(col.typ.Arrow(), n, -1, []*memory.Buffer{valid, offBuf, dataBuf})
}

func (c *codec) isNull(k int, row []byte) bool { return row[k/8]>>(k%8)&1 != 0 }

// validity gives the validity bitmap of column k; nil if no row is NULL.
func (c *codec) validity(k int, rows [][]byte, alloc memory.Allocator) *memory.Buffer {
	var valid *memory.Buffer
	for i, row := range rows {
		if row != nil && !c.isNull(k, row) {
			continue
		}
		if valid == nil {
			valid = column.NewBuffer(alloc, column.BitmapBytes(len(rows)))
			for j := range valid.Bytes() {
				valid.Bytes()[j] = 0xff
			}
		}
		column.ClearBit(valid.Bytes(), i)
	}
	return valid
}
