package cell

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// The codes of values that don't fit.
const (
	BadUTF8      = "BAD_UTF8"
	TooLong      = "TOO_LONG"
	OutOfRange   = "OUT_OF_RANGE"
	WrongType    = "WRONG_TYPE"
	NotNull      = "NOT_NULL"
	BadTimestamp = "BAD_TIMESTAMP"
)

// Cell is a column, member, element, key or value that a decoder fills.
type Cell struct {
	Type    catalog.Type
	NotNull bool
	Path    string // "bid.price", "tags[]"
	Out     int16  // CellError.Col
	Column  *columns.Column
	Errors  *Errors

	cut    int64  // power of ten of microseconds that a time's precision leaves out
	failed uint64 // the record of Errors that has an error here
	keys   columns.KeySet
	parts  []*Cell // the cells of children, by their place, once made
}

// New makes the cell of a column. Children are made by Member, Elem and Key.
func New(f catalog.Field, out int16, c *columns.Column, errs *Errors) *Cell {
	return newCell(f.Type, f.NotNull, f.Name, out, c, errs)
}

func newCell(t catalog.Type, notNull bool, path string, out int16, c *columns.Column, errs *Errors) *Cell {
	x := &Cell{Type: t, NotNull: notNull, Path: path, Out: out, Column: c, Errors: errs, cut: 1}
	if t.Kind == catalog.KindTime || t.IsTimestamp() {
		for p := t.Precision; p < 6; p++ {
			x.cut *= 10
		}
	}
	return x
}

// Member is the i-th member of a ROW.
func (c *Cell) Member(i int) *Cell {
	f := &c.Type.Fields[i]
	return c.part(i, &f.Type, f.NotNull, f.Name)
}

// Elem is the element of an ARRAY.
func (c *Cell) Elem() *Cell { return c.part(0, c.Type.Elem, false, "") }

// Key is the key of a MAP, Value its value.
func (c *Cell) Key() *Cell { return c.part(0, c.Type.Key, true, "") }

// Value is the value of a MAP.
func (c *Cell) Value() *Cell { return c.part(1, c.Type.Elem, false, "") }

// part is the cell of the i-th child: the same one each time.
func (c *Cell) part(i int, t *catalog.Type, notNull bool, name string) *Cell {
	for len(c.parts) <= i {
		c.parts = append(c.parts, nil)
	}
	if c.parts[i] == nil {
		path := c.Path + "[]"
		if c.Type.Kind == catalog.KindRow {
			path = c.Path + "." + name
		}
		c.parts[i] = newCell(*t, notNull, path, c.Out, c.Column.Child(i), c.Errors)
	}
	return c.parts[i]
}

// Errors collects what is wrong in a batch.
type Errors struct {
	List   []connectors.CellError
	Row    int32  // the row at hand
	record uint64 // counts rows, over batches
	first  int    // of the row at hand in List
}

// Begin begins a row.
func (e *Errors) Begin(row int) {
	e.Row, e.first = int32(row), len(e.List)
	e.record++
}

// Bad makes the row's only error one of the record as a whole.
func (e *Errors) Bad(code, detail string) {
	e.List = append(e.List[:e.first], connectors.CellError{Row: e.Row, Col: -1, Code: code, Detail: detail})
}

// End ends a row: its errors are put into the order of columns.
func (e *Errors) End() {
	if row := e.List[e.first:]; len(row) > 1 {
		slices.SortStableFunc(row, func(a, b connectors.CellError) int { return int(a.Col) - int(b.Col) })
	}
}

// Take gives the errors and begins a new batch.
func (e *Errors) Take() []connectors.CellError {
	list := e.List
	e.List, e.first = nil, 0
	return list
}

// Fail notes an error of the cell, once a row: of the many elements of an ARRAY the
// first bad one is told.
func (c *Cell) Fail(code, detail string) {
	e := c.Errors
	if c.failed == e.record {
		return
	}
	c.failed = e.record
	e.List = append(e.List, connectors.CellError{Row: e.Row, Col: c.Out, Code: code, Column: c.Path, Detail: detail})
}

// Null leaves a slot NULL.
func (c *Cell) Null() {
	if c.NotNull {
		c.Fail(NotNull, "NULL in a NOT NULL column")
	}
}

// Bool puts a truth value; the cell is BOOLEAN.
func (c *Cell) Bool(slot int, v bool) { c.Column.PutBool(slot, v) }

// Int puts an integer; the cell is numeric.
func (c *Cell) Int(slot int, v int64) {
	switch c.Type.Kind {
	case catalog.KindTinyInt:
		if v == int64(int8(v)) {
			c.Column.PutInt8(slot, int8(v))
			return
		}
	case catalog.KindSmallInt:
		if v == int64(int16(v)) {
			c.Column.PutInt16(slot, int16(v))
			return
		}
	case catalog.KindInt:
		if v == int64(int32(v)) {
			c.Column.PutInt32(slot, int32(v))
			return
		}
	case catalog.KindBigInt:
		c.Column.PutInt64(slot, v)
		return
	case catalog.KindFloat:
		c.Column.PutFloat32(slot, float32(v))
		return
	case catalog.KindDouble:
		c.Column.PutFloat64(slot, float64(v))
		return
	case catalog.KindDecimal:
		c.Decimal(slot, decimal128.FromI64(v), 0)
		return
	}
	c.Fail(OutOfRange, fmt.Sprintf("%d is beyond %s", v, c.Type))
}

// Uint puts an integer without sign; the cell is numeric.
func (c *Cell) Uint(slot int, v uint64) {
	switch {
	case v <= math.MaxInt64:
		c.Int(slot, int64(v))
	case c.Type.Kind == catalog.KindFloat:
		c.Column.PutFloat32(slot, float32(v))
	case c.Type.Kind == catalog.KindDouble:
		c.Column.PutFloat64(slot, float64(v))
	case c.Type.Kind == catalog.KindDecimal:
		c.Decimal(slot, decimal128.FromU64(v), 0)
	default:
		c.Fail(OutOfRange, fmt.Sprintf("%d is beyond %s", v, c.Type))
	}
}

// Entries makes the elements up to end, from the end of the MAP before, the value of
// a slot; the cell is a MAP. Of entries with one key the last counts. With a key that did
// not fit, which is an error already, the MAP is NULL: keys can't be.
func (c *Cell) Entries(slot, end int) {
	start, keys := c.Column.Elems(), c.Column.Child(0)
	for i := start; i < end; i++ {
		if keys.IsNull(i) {
			c.Column.TruncateElems(start)
			return
		}
	}
	if keys.Flat() && c.repeats(keys, start, end) {
		replaced := columns.Replaced(keys, start, end)
		c.Column.CompactElems(start, replaced)
		for _, gone := range replaced {
			if gone {
				end--
			}
		}
	}
	c.Column.PutList(slot, end)
}

// repeats says whether a key is there twice.
func (c *Cell) repeats(keys *columns.Column, start, end int) bool {
	twice := false
	for i := start; i < end; i++ {
		twice = c.keys.Add(keys, start, i) || twice
	}
	return twice
}

// Float32 puts a number; the cell is FLOAT or DOUBLE.
func (c *Cell) Float32(slot int, v float32) {
	if c.Type.Kind == catalog.KindFloat {
		c.Column.PutFloat32(slot, v)
	} else {
		c.Column.PutFloat64(slot, float64(v))
	}
}

// Float64 puts a number; the cell is DOUBLE.
func (c *Cell) Float64(slot int, v float64) { c.Column.PutFloat64(slot, v) }

// Text puts a text; the cell is STRING or BYTES.
func (c *Cell) Text(slot int, v []byte) {
	if c.Type.Kind == catalog.KindString {
		if !utf8.Valid(v) {
			c.Fail(BadUTF8, "invalid UTF-8")
			return
		}
		if limit := c.Type.Precision; limit > 0 && len(v) > limit && utf8.RuneCount(v) > limit {
			c.Fail(TooLong, fmt.Sprintf("%d characters are beyond %s", utf8.RuneCount(v), c.Type))
			return
		}
	}
	c.Column.PutBytes(slot, v)
}

// Date puts days since 1970; the cell is DATE.
func (c *Cell) Date(slot int, days int64) {
	if days < minDay || days > maxDay {
		c.Fail(BadTimestamp, fmt.Sprintf("day %d is beyond the years 0001 to 9999", days))
		return
	}
	c.Column.PutInt32(slot, int32(days))
}

// Time puts a time of day in microseconds; the cell is TIME.
func (c *Cell) Time(slot int, us int64) {
	if us < 0 || us >= 86_400_000_000 {
		c.Fail(BadTimestamp, fmt.Sprintf("%d us is no time of day", us))
		return
	}
	c.Column.PutInt64(slot, us-us%c.cut)
}

// Timestamp puts an instant in so many units of a second since 1970; the cell is
// TIMESTAMP or TIMESTAMP_LTZ. What its precision leaves out is cut off.
func (c *Cell) Timestamp(slot int, v, unitsPerSecond int64) {
	var us int64
	switch {
	case unitsPerSecond > 1_000_000:
		us = floorDiv(v, unitsPerSecond/1_000_000)
	default:
		us = v * (1_000_000 / unitsPerSecond)
		if us/(1_000_000/unitsPerSecond) != v {
			us = math.MaxInt64
		}
	}
	if us < minDay*86_400_000_000 || us >= (maxDay+1)*86_400_000_000 {
		c.Fail(BadTimestamp, fmt.Sprintf("%d is beyond the years 0001 to 9999", v))
		return
	}
	c.Column.PutInt64(slot, floorDiv(us, c.cut)*c.cut)
}

// Days from 1970-01-01 to 0001-01-01 and 9999-12-31.
const (
	minDay = -719162
	maxDay = 2932896
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Decimal puts a number without its point, with scale digits behind it; the cell is
// DECIMAL. Digits beyond its scale are rounded half away from zero.
func (c *Cell) Decimal(slot int, v decimal128.Num, scale int) {
	up := c.Type.Scale - scale
	switch {
	case up > 0:
		if up > catalog.MaxDecimalPrecision || c.Type.Precision-up < 0 || !fits(v, c.Type.Precision-up) {
			c.Fail(OutOfRange, fmt.Sprintf("the number has too many digits for %s", c.Type))
			return
		}
		v = v.IncreaseScaleBy(int32(up))
	case up < 0:
		for up < -catalog.MaxDecimalPrecision {
			v = v.ReduceScaleBy(catalog.MaxDecimalPrecision, true)
			up += catalog.MaxDecimalPrecision
		}
		v = v.ReduceScaleBy(int32(-up), true)
	}
	if !fits(v, c.Type.Precision) {
		c.Fail(OutOfRange, fmt.Sprintf("the number has too many digits for %s", c.Type))
		return
	}
	c.Column.PutDecimal(slot, v)
}

func fits(v decimal128.Num, precision int) bool {
	if precision == 0 {
		return v == decimal128.Num{}
	}
	return v.FitsInPrecision(int32(precision))
}

// BigEndian reads a number in two's complement, most significant byte first. It
// gives false if the number has more than 128 bits.
func BigEndian(b []byte) (decimal128.Num, bool) {
	sign := byte(0)
	if len(b) > 0 && b[0]&0x80 != 0 {
		sign = 0xff
	}
	for len(b) > 16 {
		if b[0] != sign || (b[1]^sign)&0x80 != 0 {
			return decimal128.Num{}, false
		}
		b = b[1:]
	}
	var whole [16]byte
	for i := range whole {
		whole[i] = sign
	}
	copy(whole[16-len(b):], b)
	var hi, lo uint64
	for i := range 8 {
		hi, lo = hi<<8|uint64(whole[i]), lo<<8|uint64(whole[8+i])
	}
	return decimal128.New(int64(hi), lo), true
}
