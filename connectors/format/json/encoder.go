package json

import (
	"encoding/base64"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
)

// Encoder writes rows as JSON objects. It belongs to one goroutine and is meant
// to be used for batch after batch.
type Encoder struct {
	columns     []encoder
	rows        int
	ignoreNulls bool
}

// encoder writes the values of one column, member, element, key or value.
type encoder struct {
	kind  catalog.Kind
	typ   catalog.Type
	begin []byte // what stands before the value in an object: `{"name":` or `,"name":`

	ignoreNulls   bool // ROW: leaves members that are NULL out
	decimalAsText bool
	zoned         bool // times have a Z

	// The array bound, its buffers sliced so that index i is slot i.
	valid    []byte // nil: no NULLs
	offset   int    // of slot 0 in the bitmaps
	bits     []byte
	i8       []int8
	i16      []int16
	i32      []int32
	i64      []int64
	f32      []float32
	f64      []float64
	dec      []decimal128.Num
	offsets  []int32
	data     []byte
	children []encoder

	day dayCache
}

// EncoderOptions are the choices of an encoder. The zero value is the default.
type EncoderOptions struct {
	// TimestampFormat of TIMESTAMP and TIMESTAMP_LTZ columns.
	TimestampFormat TimestampFormat
	// DecimalAsText writes DECIMAL as a string: "1.50".
	DecimalAsText bool
	// IgnoreNulls leaves members that are NULL out of objects, those of ROWs too.
	// Elements of an ARRAY and values of a MAP stay.
	IgnoreNulls bool
}

// NewEncoder makes an encoder of rows of the given columns.
func NewEncoder(columns []catalog.Field, opts EncoderOptions) *Encoder {
	e := &Encoder{columns: make([]encoder, len(columns)), ignoreNulls: opts.IgnoreNulls}
	for i, c := range columns {
		e.columns[i] = newEncoder(c.Name, c.Type, i == 0, opts)
	}
	return e
}

func newEncoder(name string, t catalog.Type, first bool, opts EncoderOptions) encoder {
	c := encoder{kind: t.Kind, typ: t, day: noDay, ignoreNulls: opts.IgnoreNulls, decimalAsText: opts.DecimalAsText}
	c.day.separator = opts.TimestampFormat.separator()
	c.zoned = t.Kind == catalog.KindTimestampLTZ || opts.TimestampFormat == TimestampOffset
	c.begin = append(c.begin, ',')
	if first {
		c.begin[0] = '{'
	}
	c.begin = append(AppendString(c.begin, []byte(name)), ':')
	switch t.Kind {
	case catalog.KindArray:
		c.children = []encoder{newEncoder("", *t.Elem, true, opts)}
	case catalog.KindMap:
		c.children = []encoder{newEncoder("", *t.Key, true, opts), newEncoder("", *t.Elem, true, opts)}
	case catalog.KindRow:
		for i, f := range t.Fields {
			c.children = append(c.children, newEncoder(f.Name, f.Type, i == 0, opts))
		}
	}
	return c
}

// Bind sets the rows to write: an array for each column, of the Arrow type of
// its SQL type. The arrays must stay alive until the next Bind.
func (e *Encoder) Bind(arrays []arrow.Array) error {
	if len(arrays) != len(e.columns) {
		return fmt.Errorf("json: %d arrays for %d columns", len(arrays), len(e.columns))
	}
	e.rows = 0
	for i := range e.columns {
		if err := e.columns[i].bind(arrays[i]); err != nil {
			return err
		}
		e.rows = arrays[i].Len()
	}
	return nil
}

func (c *encoder) bind(a arrow.Array) error {
	if want := c.typ.Arrow(); a.DataType().ID() != want.ID() {
		return fmt.Errorf("json: an array of %s for a column of %s", a.DataType(), c.typ)
	}
	data := a.Data()
	c.offset = data.Offset()
	c.valid = nil
	if a.NullN() > 0 {
		c.valid = a.NullBitmapBytes()
	}
	switch a := a.(type) {
	case *array.Boolean:
		c.bits = nil
		if b := data.Buffers()[1]; b != nil {
			c.bits = b.Bytes()
		}
	case *array.Int8:
		c.i8 = a.Int8Values()
	case *array.Int16:
		c.i16 = a.Int16Values()
	case *array.Int32:
		c.i32 = a.Int32Values()
	case *array.Int64:
		c.i64 = a.Int64Values()
	case *array.Float32:
		c.f32 = a.Float32Values()
	case *array.Float64:
		c.f64 = a.Float64Values()
	case *array.Decimal128:
		c.dec = a.Values()
	case *array.Date32:
		c.i32 = arrow.Int32Traits.CastFromBytes(arrow.Date32Traits.CastToBytes(a.Date32Values()))
	case *array.Time64:
		c.i64 = arrow.Int64Traits.CastFromBytes(arrow.Time64Traits.CastToBytes(a.Time64Values()))
	case *array.Timestamp:
		c.i64 = arrow.Int64Traits.CastFromBytes(arrow.TimestampTraits.CastToBytes(a.TimestampValues()))
	case *array.Duration:
		c.i64 = arrow.Int64Traits.CastFromBytes(arrow.DurationTraits.CastToBytes(a.DurationValues()))
	case *array.MonthInterval:
		c.i32 = arrow.Int32Traits.CastFromBytes(arrow.MonthIntervalTraits.CastToBytes(a.MonthIntervalValues()))
	case *array.String, *array.Binary:
		c.offsets = offsetsOf(data)
		c.data = nil
		if b := data.Buffers()[2]; b != nil {
			c.data = b.Bytes()
		}
	case *array.Map:
		c.offsets = offsetsOf(data)
		if err := c.children[0].bind(a.Keys()); err != nil {
			return err
		}
		return c.children[1].bind(a.Items())
	case *array.List:
		c.offsets = offsetsOf(data)
		return c.children[0].bind(a.ListValues())
	case *array.Struct:
		for i := range c.children {
			if err := c.children[i].bind(a.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// offsetsOf gives the offsets of strings or lists from slot 0 on.
func offsetsOf(data arrow.ArrayData) []int32 {
	b := data.Buffers()[1]
	if b == nil || b.Len() == 0 {
		return nil
	}
	return arrow.Int32Traits.CastFromBytes(b.Bytes())[data.Offset():]
}

// AppendRow appends row i of the bound batch to dst, without a line end.
func (e *Encoder) AppendRow(dst []byte, i int) []byte {
	if len(e.columns) == 0 {
		return append(dst, "{}"...)
	}
	if e.ignoreNulls {
		return appendPresent(dst, e.columns, i)
	}
	for k := range e.columns {
		c := &e.columns[k]
		dst = c.append(append(dst, c.begin...), i)
	}
	return append(dst, '}')
}

// AppendRows appends the rows from start up to, not including, end, each with a
// line feed.
func (e *Encoder) AppendRows(dst []byte, start, end int) []byte {
	for i := start; i < end; i++ {
		dst = append(e.AppendRow(dst, i), '\n')
	}
	return dst
}

// Rows is the number of rows bound.
func (e *Encoder) Rows() int { return e.rows }

// isNull says whether slot i is NULL.
func (c *encoder) isNull(i int) bool {
	if c.valid == nil {
		return false
	}
	bit := c.offset + i
	return c.valid[bit>>3]>>(bit&7)&1 == 0
}

// appendPresent appends an object of the members that are not NULL.
func appendPresent(dst []byte, members []encoder, i int) []byte {
	dst = append(dst, '{')
	first := true
	for k := range members {
		c := &members[k]
		if c.isNull(i) {
			continue
		}
		begin := c.begin[1:] // without the brace or comma
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = c.append(append(dst, begin...), i)
	}
	return append(dst, '}')
}

// append appends the value of slot i.
func (c *encoder) append(dst []byte, i int) []byte {
	if c.isNull(i) {
		return append(dst, "null"...)
	}
	switch c.kind {
	case catalog.KindBoolean:
		if bit := c.offset + i; c.bits[bit>>3]>>(bit&7)&1 != 0 {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case catalog.KindTinyInt:
		return appendInt(dst, int64(c.i8[i]))
	case catalog.KindSmallInt:
		return appendInt(dst, int64(c.i16[i]))
	case catalog.KindInt:
		return appendInt(dst, int64(c.i32[i]))
	case catalog.KindBigInt:
		return appendInt(dst, c.i64[i])
	case catalog.KindFloat:
		return appendFloat(dst, float64(c.f32[i]), 32)
	case catalog.KindDouble:
		return appendFloat(dst, c.f64[i], 64)
	case catalog.KindDecimal:
		if c.decimalAsText {
			return append(appendDecimal(append(dst, '"'), c.dec[i], c.typ.Scale), '"')
		}
		return appendDecimal(dst, c.dec[i], c.typ.Scale)
	case catalog.KindString:
		return AppendString(dst, c.data[c.offsets[i]:c.offsets[i+1]])
	case catalog.KindJSON:
		return appendJSON(dst, c.data[c.offsets[i]:c.offsets[i+1]])
	case catalog.KindBytes:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, c.data[c.offsets[i]:c.offsets[i+1]])
		return append(dst, '"')
	case catalog.KindDate:
		dst = appendDate(append(dst, '"'), int64(c.i32[i]))
		return append(dst, '"')
	case catalog.KindTime:
		dst = appendTime(append(dst, '"'), c.i64[i], fractionDigits(c.typ.Precision, 0))
		return append(dst, '"')
	case catalog.KindTimestamp, catalog.KindTimestampLTZ:
		dst = c.day.appendTimestamp(append(dst, '"'), c.i64[i], fractionDigits(c.typ.Precision, 3))
		if c.zoned {
			dst = append(dst, 'Z')
		}
		return append(dst, '"')
	case catalog.KindIntervalDay:
		return appendDayInterval(dst, c.i64[i])
	case catalog.KindIntervalMonth:
		return appendMonthInterval(dst, int64(c.i32[i]))
	case catalog.KindArray:
		dst = append(dst, '[')
		for j := c.offsets[i]; j < c.offsets[i+1]; j++ {
			if j > c.offsets[i] {
				dst = append(dst, ',')
			}
			dst = c.children[0].append(dst, int(j))
		}
		return append(dst, ']')
	case catalog.KindMap:
		dst = append(dst, '{')
		for j := c.offsets[i]; j < c.offsets[i+1]; j++ {
			if j > c.offsets[i] {
				dst = append(dst, ',')
			}
			dst = append(c.children[0].appendKey(dst, int(j)), ':')
			dst = c.children[1].append(dst, int(j))
		}
		return append(dst, '}')
	case catalog.KindRow:
		if len(c.children) == 0 {
			return append(dst, "{}"...)
		}
		if c.ignoreNulls {
			return appendPresent(dst, c.children, i)
		}
		for k := range c.children {
			child := &c.children[k]
			dst = child.append(append(dst, child.begin...), i)
		}
		return append(dst, '}')
	default:
		return append(dst, "null"...)
	}
}

// appendKey appends the key of a MAP's entry, which JSON has as a string whatever
// its type.
func (c *encoder) appendKey(dst []byte, i int) []byte {
	start := len(dst)
	dst = c.append(dst, i)
	if dst[start] == '"' {
		return dst
	}
	// A number, a literal or a container: put its text into quotes.
	plain := append([]byte(nil), dst[start:]...)
	return AppendString(dst[:start], plain)
}

// fractionDigits is how many digits of fraction a precision shows, from least on.
func fractionDigits(precision, least int) int {
	switch {
	case precision <= least:
		return least
	case precision <= 3:
		return 3
	}
	return 6
}
