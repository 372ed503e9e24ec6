package parquet

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// leaf gathers the values of a Parquet column, with their levels (Melnik et al.,
// "Dremel", 2010): those that are there, and for every place, NULL or not, a level of
// either kind.
type leaf struct {
	number         int // of the column
	maxDef, maxRep int16
	def, rep       []int16
	bools          []bool
	int32s         []int32
	int64s         []int64
	floats         []float32
	doubles        []float64
	texts          []parquet.ByteArray
	fixed          []parquet.FixedLenByteArray
	arena          []byte // the bytes of texts and fixed
}

func (l *leaf) reset() {
	l.def, l.rep = l.def[:0], l.rep[:0]
	l.bools, l.int32s, l.int64s, l.floats, l.doubles = l.bools[:0], l.int32s[:0], l.int64s[:0], l.floats[:0], l.doubles[:0]
	l.texts, l.fixed = l.texts[:0], l.fixed[:0]
	if len(l.arena) > 0 { // a new one: the library may keep a part of the old
		l.arena = make([]byte, 0, len(l.arena)+len(l.arena)/8)
	}
}

// level notes a place of the column.
func (l *leaf) level(def, rep int16) {
	if l.maxDef > 0 {
		l.def = append(l.def, def)
	}
	if l.maxRep > 0 {
		l.rep = append(l.rep, rep)
	}
}

// lacks gives the part of value i that is NULL but must not be; nil: there is none.
func (n *node) lacks(a arrow.Array, i int) *node {
	switch {
	case a.IsNull(i) && n.required:
		return n
	case a.IsNull(i) || !n.strict:
		return nil
	}
	switch a := a.(type) {
	case *array.Struct:
		for k, c := range n.children {
			if m := c.lacks(a.Field(k), i); m != nil {
				return m
			}
		}
	case *array.Map:
		start, end := a.ValueOffsets(i)
		for j := int(start); j < int(end); j++ {
			if m := n.children[0].lacks(a.Keys(), j); m != nil {
				return m
			}
			if m := n.children[1].lacks(a.Items(), j); m != nil {
				return m
			}
		}
	case *array.List:
		start, end := a.ValueOffsets(i)
		for j := int(start); j < int(end); j++ {
			if m := n.children[0].lacks(a.ListValues(), j); m != nil {
				return m
			}
		}
	}
	return nil
}

// rows gathers the rows of a column from one up to another.
func (n *node) rows(a arrow.Array, from, to int) error {
	if n.leaf != nil {
		return n.leaf.rows(a, from, to)
	}
	for i := from; i < to; i++ {
		if err := n.put(a, i, 0); err != nil {
			return err
		}
	}
	return nil
}

// put gathers value i, which stands at a repetition level.
func (n *node) put(a arrow.Array, i int, rep int16) error {
	if a.IsNull(i) {
		n.none(n.def-1, rep)
		return nil
	}
	if n.leaf != nil {
		n.leaf.level(n.def, rep)
		return n.leaf.values(a, i, i+1)
	}
	switch a := a.(type) {
	case *array.Struct:
		for k, c := range n.children {
			if err := c.put(a.Field(k), i, rep); err != nil {
				return err
			}
		}
		return nil
	case *array.Map:
		start, end := a.ValueOffsets(i)
		if err := n.elements(n.children[0], a.Keys(), int(start), int(end), rep); err != nil {
			return err
		}
		return n.elements(n.children[1], a.Items(), int(start), int(end), rep)
	case *array.List:
		start, end := a.ValueOffsets(i)
		return n.elements(n.children[0], a.ListValues(), int(start), int(end), rep)
	}
	return unknown(a)
}

// elements gathers those of a list: the first stands where the list does.
func (n *node) elements(c *node, a arrow.Array, start, end int, rep int16) error {
	if start == end {
		c.none(n.def, rep)
		return nil
	}
	if c.leaf != nil {
		for j := start; j < end; j++ {
			def := c.def
			if a.IsNull(j) {
				def--
			}
			c.leaf.level(def, rep)
			rep = n.rep + 1
		}
		return c.leaf.values(a, start, end)
	}
	for j := start; j < end; j++ {
		if err := c.put(a, j, rep); err != nil {
			return err
		}
		rep = n.rep + 1
	}
	return nil
}

// none notes that there is nothing below.
func (n *node) none(def, rep int16) {
	if n.leaf != nil {
		n.leaf.level(def, rep)
	}
	for _, c := range n.children {
		c.none(def, rep)
	}
}

// rows gathers rows of a column without parts.
func (l *leaf) rows(a arrow.Array, from, to int) error {
	switch {
	case l.maxDef > 0 && a.NullN() == 0:
		for range to - from {
			l.def = append(l.def, l.maxDef)
		}
	case l.maxDef > 0:
		for i := from; i < to; i++ {
			def := l.maxDef
			if a.IsNull(i) {
				def--
			}
			l.def = append(l.def, def)
		}
	}
	return l.values(a, from, to)
}

// values gathers those of the values that are there.
func (l *leaf) values(a arrow.Array, from, to int) error {
	switch a := a.(type) {
	case *array.Boolean:
		for i := from; i < to; i++ {
			if a.IsValid(i) {
				l.bools = append(l.bools, a.Value(i))
			}
		}
	case *array.Int8:
		l.int32s = gather(l.int32s, a.Int8Values(), a, from, to)
	case *array.Int16:
		l.int32s = gather(l.int32s, a.Int16Values(), a, from, to)
	case *array.Int32:
		l.int32s = gather(l.int32s, a.Int32Values(), a, from, to)
	case *array.Date32:
		l.int32s = gather(l.int32s, a.Date32Values(), a, from, to)
	case *array.Int64:
		l.int64s = gather(l.int64s, a.Int64Values(), a, from, to)
	case *array.Time64:
		l.int64s = gather(l.int64s, a.Time64Values(), a, from, to)
	case *array.Timestamp:
		l.int64s = gather(l.int64s, a.TimestampValues(), a, from, to)
	case *array.Float32:
		l.floats = gather(l.floats, a.Float32Values(), a, from, to)
	case *array.Float64:
		l.doubles = gather(l.doubles, a.Float64Values(), a, from, to)
	case *array.Decimal128:
		l.decimals(a, from, to)
	case *array.String:
		gatherTexts(l, a, from, to)
	case *array.Binary:
		gatherTexts(l, a, from, to)
	default:
		return unknown(a)
	}
	return nil
}

func unknown(a arrow.Array) error {
	return fmt.Errorf("parquet: no way to write %s", a.DataType())
}

// gather appends the numbers that are not NULL.
func gather[T, S int8 | int16 | int32 | int64 | float32 | float64 | arrow.Date32 | arrow.Time64 | arrow.Timestamp](dst []T, values []S, a arrow.Array, from, to int) []T {
	if a.NullN() == 0 {
		for _, v := range values[from:to] {
			dst = append(dst, T(v))
		}
		return dst
	}
	for i := from; i < to; i++ {
		if a.IsValid(i) {
			dst = append(dst, T(values[i]))
		}
	}
	return dst
}

// gatherTexts gathers texts. They are copied: the library keeps the least and the
// greatest of a row group as it was given them, and the arrays live shorter.
func gatherTexts[T string | []byte](l *leaf, a interface {
	arrow.Array
	Value(i int) T
}, from, to int) {
	for i := from; i < to; i++ {
		if a.IsValid(i) {
			start := len(l.arena)
			l.arena = append(l.arena, a.Value(i)...)
			l.texts = append(l.texts, l.arena[start:len(l.arena):len(l.arena)])
		}
	}
}

func (l *leaf) decimals(a *array.Decimal128, from, to int) {
	t := a.DataType().(*arrow.Decimal128Type)
	size := decimalSize(t.Precision)
	for i := from; i < to; i++ {
		if a.IsNull(i) {
			continue
		}
		v := a.Value(i)
		switch {
		case t.Precision <= maxDecimal32:
			l.int32s = append(l.int32s, int32(v.LowBits()))
		case t.Precision <= maxDecimal64:
			l.int64s = append(l.int64s, int64(v.LowBits()))
		default:
			start := len(l.arena)
			l.arena = appendDecimal(l.arena, v, size)
			l.fixed = append(l.fixed, l.arena[start:len(l.arena):len(l.arena)])
		}
	}
}

// appendDecimal appends the last size bytes of v in two's complement, the highest
// first.
func appendDecimal(dst []byte, v decimal128.Num, size int) []byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(v.HighBits()))
	binary.BigEndian.PutUint64(b[8:], v.LowBits())
	return append(dst, b[len(b)-size:]...)
}

// write gives a column what was gathered.
func (l *leaf) write(w file.ColumnChunkWriter) (err error) {
	def, rep := l.def, l.rep
	if l.maxDef == 0 {
		def = nil
	}
	if l.maxRep == 0 {
		rep = nil
	}
	switch w := w.(type) {
	case *file.BooleanColumnChunkWriter:
		_, err = w.WriteBatch(l.bools, def, rep)
	case *file.Int32ColumnChunkWriter:
		_, err = w.WriteBatch(l.int32s, def, rep)
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(l.int64s, def, rep)
	case *file.Float32ColumnChunkWriter:
		_, err = w.WriteBatch(l.floats, def, rep)
	case *file.Float64ColumnChunkWriter:
		_, err = w.WriteBatch(l.doubles, def, rep)
	case *file.ByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(l.texts, def, rep)
	case *file.FixedLenByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(l.fixed, def, rep)
	default:
		err = fmt.Errorf("parquet: no way to write a column of %s", w.Type())
	}
	return err
}

// bytes is about how much memory the values take.
func (l *leaf) bytes() int64 {
	return int64(2*(len(l.def)+len(l.rep)) + len(l.bools) + 4*(len(l.int32s)+len(l.floats)+len(l.texts)) + 8*(len(l.int64s)+len(l.doubles)) + len(l.arena))
}
