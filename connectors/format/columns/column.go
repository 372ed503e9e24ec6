package columns

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
)

// minSlots is what a column allocates at first when it knows nothing of the
// batch to come.
const minSlots = 256

// Column builds one array of a SQL type. It belongs to one goroutine.
//
// Slots are written in rising order with the Put methods; a slot that is
// passed over, and every slot behind the last one written, is NULL. The slots
// of a ROW are those of its members: PutRow(i) says that the row at i is not
// NULL, its members are put at i too. The slots of an ARRAY's element (a MAP's
// key and value) are counted from the start of the batch.
//
// A NULL slot has the value zero, so that kernels which compute before they
// look at the validity read nothing undefined.
type Column struct {
	dtype arrow.DataType
	kind  storage
	width int // bytes a slot, for fixed width
	mem   memory.Allocator

	rows  int // one more than the last slot written
	slots int // slots allocated

	valid   []byte // bitmap; zero from slot rows on
	fixed   []byte // the allocation that one of the typed views below covers; the same
	i8      []int8
	i16     []int16
	i32     []int32
	i64     []int64
	f32     []float32
	f64     []float64
	dec     []decimal128.Num
	offsets []int32 // slots+1 of them, for bytes, lists and maps
	data    []byte  // for bytes: the allocation, of which the first used bytes hold values
	used    int     // = offsets[rows]

	// children: a ROW's members; an ARRAY's element; a MAP's key and value.
	children []*Column
	headers  int // of the arrays that it is made of, its own with them
	elems    int // slots of children used, for lists and maps

	// About what the last batches needed, to allocate the next one in one step.
	wantSlots, wantBytes int
}

// storage names how values of a type lie in memory.
type storage uint8

const (
	storeNull storage = iota
	storeBits
	storeFixed
	storeBytes
	storeList
	storeMap
	storeRow
)

// New makes an empty column of type t. Buffers come from mem; they go back to
// it when the finished arrays are released.
func New(t catalog.Type, mem memory.Allocator) *Column {
	c := &Column{dtype: t.Arrow(), mem: mem}
	switch t.Kind {
	case catalog.KindBoolean:
		c.kind = storeBits
	case catalog.KindTinyInt:
		c.kind, c.width = storeFixed, 1
	case catalog.KindSmallInt:
		c.kind, c.width = storeFixed, 2
	case catalog.KindInt, catalog.KindFloat, catalog.KindDate, catalog.KindIntervalMonth:
		c.kind, c.width = storeFixed, 4
	case catalog.KindBigInt, catalog.KindDouble, catalog.KindTime, catalog.KindTimestamp,
		catalog.KindTimestampLTZ, catalog.KindIntervalDay:
		c.kind, c.width = storeFixed, 8
	case catalog.KindDecimal:
		c.kind, c.width = storeFixed, 16
	case catalog.KindString, catalog.KindBytes, catalog.KindJSON:
		c.kind = storeBytes
	case catalog.KindArray:
		c.kind, c.children = storeList, []*Column{New(*t.Elem, mem)}
	case catalog.KindMap:
		c.kind, c.children = storeMap, []*Column{New(*t.Key, mem), New(*t.Elem, mem)}
	case catalog.KindRow:
		c.kind = storeRow
		for _, f := range t.Fields {
			c.children = append(c.children, New(f.Type, mem))
		}
	}
	c.headers = 1
	if c.kind == storeMap {
		c.headers++ // its entries
	}
	for _, child := range c.children {
		c.headers += child.headers
	}
	return c
}

// Child gives the column of a ROW's i-th member; of an ARRAY's element (0); of
// a MAP's keys (0) and values (1).
func (c *Column) Child(i int) *Column { return c.children[i] }

// Rows is one more than the last slot written.
func (c *Column) Rows() int { return c.rows }

// IsNull says whether slot i is NULL.
func (c *Column) IsNull(i int) bool { return i >= c.rows || c.valid[i>>3]>>(i&7)&1 == 0 }

// Elems is the number of element slots used by the lists or maps so far, which
// is where the next list's elements begin.
func (c *Column) Elems() int { return c.elems }

// PutBool writes slot i of a BOOLEAN column.
func (c *Column) PutBool(i int, v bool) {
	if i >= c.slots {
		c.growSlots(i + 1)
	}
	if v {
		c.fixed[i>>3] |= 1 << (i & 7)
	}
	c.valid[i>>3] |= 1 << (i & 7)
	c.rows = i + 1
}

// PutInt8 writes slot i of a TINYINT column.
func (c *Column) PutInt8(i int, v int8) {
	if i >= len(c.i8) {
		c.growSlots(i + 1)
	}
	c.i8[i] = v
	c.valid[i>>3] |= 1 << (i & 7)
	c.rows = i + 1
}

// PutInt16 writes slot i of a SMALLINT column.
func (c *Column) PutInt16(i int, v int16) {
	if i >= len(c.i16) {
		c.growSlots(i + 1)
	}
	c.i16[i] = v
	c.valid[i>>3] |= 1 << (i & 7)
	c.rows = i + 1
}

// PutInt32 writes slot i of an INT, DATE (days) or month interval column.
func (c *Column) PutInt32(i int, v int32) {
	if i >= len(c.i32) {
		c.growSlots(i + 1)
	}
	c.i32[i] = v
	c.valid[i>>3] |= 1 << (i & 7)
	c.rows = i + 1
}

// PutInt64 writes slot i of a BIGINT, TIME, TIMESTAMP, TIMESTAMP_LTZ or day
// interval column (the latter four in microseconds).
func (c *Column) PutInt64(i int, v int64) {
	if i >= len(c.i64) {
		c.growSlots(i + 1)
	}
	c.i64[i] = v
	c.valid[i>>3] |= 1 << (i & 7)
	c.rows = i + 1
}

// PutFloat32 writes slot i of a FLOAT column.
func (c *Column) PutFloat32(i int, v float32) {
	if i >= len(c.f32) {
		c.growSlots(i + 1)
	}
	c.f32[i] = v
	c.valid[i>>3] |= 1 << (i & 7)
	c.rows = i + 1
}

// PutFloat64 writes slot i of a DOUBLE column.
func (c *Column) PutFloat64(i int, v float64) {
	if i >= len(c.f64) {
		c.growSlots(i + 1)
	}
	c.f64[i] = v
	c.valid[i>>3] |= 1 << (i & 7)
	c.rows = i + 1
}

// PutDecimal writes slot i of a DECIMAL column: the value without its point.
func (c *Column) PutDecimal(i int, v decimal128.Num) {
	if i >= len(c.dec) {
		c.growSlots(i + 1)
	}
	c.dec[i] = v
	c.valid[i>>3] |= 1 << (i & 7)
	c.rows = i + 1
}

// PutBytes writes slot i of a STRING, BYTES or JSON column.
func (c *Column) PutBytes(i int, v []byte) {
	c.PutTail(i, copy(c.Tail(len(v)), v))
}

// Tail gives free space of at least n bytes behind the values of a STRING,
// BYTES or JSON column, to be written to before PutTail takes the first bytes
// of it as a value. The bytes of a column must stay within 2 GiB a batch; that
// is for the caller to watch, who knows how much text he has fed in.
func (c *Column) Tail(n int) []byte {
	if len(c.data)-c.used < n {
		c.growData(n)
	}
	return c.data[c.used:]
}

// PutTail makes the first n bytes of the Tail the value of slot i.
func (c *Column) PutTail(i, n int) {
	if i != c.rows || i >= c.slots {
		c.seek(i)
	}
	c.used += n
	c.offsets[i+1] = int32(c.used)
	c.valid[i>>3] |= 1 << (i & 7)
	c.rows = i + 1
}

// Bytes gives the value of slot i of a STRING, BYTES or JSON column; it is good
// until the next Tail.
func (c *Column) Bytes(i int) []byte { return c.data[c.offsets[i]:c.offsets[i+1]] }

// PutList says that slot i of an ARRAY or MAP column holds the elements from
// the end of the list before up to, not including, element slot end.
func (c *Column) PutList(i, end int) {
	if i != c.rows || i >= c.slots {
		c.seek(i)
	}
	c.elems = end
	c.offsets[i+1] = int32(end)
	c.valid[i>>3] |= 1 << (i & 7)
	c.rows = i + 1
}

// PutRow says that slot i of a ROW column is not NULL. Its members are NULL
// until they are put.
func (c *Column) PutRow(i int) {
	if i >= c.slots {
		c.growSlots(i + 1)
	}
	c.valid[i>>3] |= 1 << (i & 7)
	c.rows = i + 1
}

// Truncate takes back the slots from i on, those of members and elements too.
func (c *Column) Truncate(i int) {
	if c.rows > i {
		if c.kind == storeList || c.kind == storeMap {
			c.elems = int(c.offsets[i])
		}
		c.shrink(i)
	}
	switch c.kind {
	case storeRow:
		for _, child := range c.children {
			child.Truncate(i)
		}
	case storeList, storeMap:
		c.TruncateElems(c.elems)
	}
}

// TruncateElems takes back the element slots from end on, which may belong to
// a list that has not been put yet.
func (c *Column) TruncateElems(end int) {
	c.elems = end
	for _, child := range c.children {
		child.Truncate(end)
	}
}

// clearBits clears the bits from i up to, not including, end.
func clearBits(bits []byte, i, end int) {
	for ; i < end; i++ {
		bits[i>>3] &^= 1 << (i & 7)
	}
}
