package avro

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/cell"
)

// maxDepth bounds how deeply values nest, so that no record overruns the stack.
const maxDepth = 1000

// input is the text of a record while it is read.
type input struct {
	b     []byte
	p     int
	fault string // what ends the reading; "": nothing
	depth int
	// budget is how many elements that take no bytes may still come.
	budget int
}

func (in *input) fail(what string) {
	if in.fault == "" {
		in.fault = what
		in.p = len(in.b)
	}
}

// varint reads a zigzag number.
func (in *input) varint() int64 {
	b := in.b[in.p:]
	if len(b) > 0 && b[0] < 0x80 { // most are this short
		in.p++
		return int64(b[0]>>1) ^ -int64(b[0]&1)
	}
	u, n := binary.Uvarint(b)
	if n <= 0 {
		in.fail("it ends within a number, or a number is too long")
		return 0
	}
	in.p += n
	return int64(u>>1) ^ -int64(u&1)
}

// bytes reads n bytes, which stay in place.
func (in *input) bytes(n int64) []byte {
	if n < 0 || n > int64(len(in.b)-in.p) {
		in.fail("it ends within a value")
		return nil
	}
	v := in.b[in.p : in.p+int(n)]
	in.p += int(n)
	return v
}

// block reads the count of a block of an array or map; 0: the end. size is what
// the block says of its length, -1 if it does not.
func (in *input) block() (count, size int64) {
	count, size = in.varint(), -1
	if count < 0 {
		count, size = -count, in.varint()
		if size < 0 || count < 0 {
			in.fail("a block of negative size")
			return 0, -1
		}
	}
	if count > int64(len(in.b)-in.p) {
		// More elements than bytes: they take none, or it is nonsense.
		if in.budget -= int(min(count, math.MaxInt32)); in.budget < 0 {
			in.fail("a block has more elements than bytes")
			return 0, -1
		}
	}
	if in.fault != "" {
		return 0, -1
	}
	return count, size
}

// maxEmpty is how many elements without bytes a record may have.
const maxEmpty = 1 << 16

// read reads the record buf[from:to] into the row that rows has begun and gives its
// end. With whole it must end at to. If it breaks off it gives false.
func (p *plan) read(rows *cell.Rows, buf []byte, from, to, row int, whole bool) (end int, ok bool) {
	in := input{b: buf[:to], p: from, budget: maxEmpty}
	in.read(p.root, row)
	if in.fault == "" && whole && in.p < to {
		in.fault = fmt.Sprintf("%d bytes are left behind it", to-in.p)
	}
	if in.fault != "" {
		rows.Bad(row, format.CodeMalformed, "the record is no value of its schema: "+in.fault)
		return to, false
	}
	rows.End()
	return in.p, true
}

// read reads the value of a node into a slot.
func (in *input) read(n *node, slot int) {
	if in.fault != "" {
		return
	}
	switch n.op {
	case opNull:
		n.cell.Null()
	case opBool:
		if v := in.bytes(1); v != nil && v[0] > 1 {
			in.fail("a boolean is neither 0 nor 1")
		} else if v != nil {
			n.cell.Bool(slot, v[0] == 1)
		}
	case opInt:
		if v := in.varint(); in.fault == "" {
			n.cell.Int(slot, v)
		}
	case opFloat:
		if v := in.bytes(4); v != nil {
			n.cell.Float32(slot, math.Float32frombits(binary.LittleEndian.Uint32(v)))
		}
	case opDouble:
		if v := in.bytes(8); v != nil {
			n.cell.Float64(slot, math.Float64frombits(binary.LittleEndian.Uint64(v)))
		}
	case opBytes:
		if v := in.bytes(in.varint()); in.fault == "" {
			n.cell.Text(slot, v)
		}
	case opFixed:
		if v := in.bytes(int64(n.size)); in.fault == "" {
			n.cell.Text(slot, v)
		}
	case opUUID:
		if v := in.bytes(16); v != nil {
			n.cell.Text(slot, uuid(v))
		}
	case opEnum:
		i := in.varint()
		if i < 0 || i >= int64(len(n.symbols)) {
			in.fail(fmt.Sprintf("symbol %d of an enum of %d", i, len(n.symbols)))
		} else if in.fault == "" {
			n.cell.Text(slot, n.symbols[i])
		}
	case opDecimal:
		if v := in.bytes(in.varint()); in.fault == "" {
			putDecimal(n, slot, v)
		}
	case opFixedDecimal:
		if v := in.bytes(int64(n.size)); in.fault == "" {
			putDecimal(n, slot, v)
		}
	case opDate:
		if v := in.varint(); in.fault == "" {
			n.cell.Date(slot, v)
		}
	case opTime:
		if v := in.varint(); in.fault == "" {
			n.cell.Time(slot, min(max(v, -1), 86_400_000_000)*(1e6/n.units))
		}
	case opTimestamp:
		if v := in.varint(); in.fault == "" {
			n.cell.Timestamp(slot, v, n.units)
		}
	case opArray, opMap, opRecord:
		if in.depth++; in.depth > maxDepth {
			in.fail("values nest too deeply")
			return
		}
		in.nested(n, slot)
		in.depth--
	case opUnion:
		i := in.varint()
		if i < 0 || i >= int64(len(n.children)) {
			in.fail(fmt.Sprintf("branch %d of a union of %d", i, len(n.children)))
			return
		}
		in.read(n.children[i], slot)
	case opMisfit:
		in.skip(n.children[0])
		n.cell.Fail(cell.WrongType, fmt.Sprintf("%s does not fit %s", n.what, n.cell.Type))
	default:
		in.skip(n)
	}
}

func putDecimal(n *node, slot int, v []byte) {
	num, ok := cell.BigEndian(v)
	if !ok {
		n.cell.Fail(cell.OutOfRange, fmt.Sprintf("the number has too many digits for %s", n.cell.Type))
		return
	}
	n.cell.Decimal(slot, num, int(n.units))
}

// nested reads a value of several.
func (in *input) nested(n *node, slot int) {
	switch n.op {
	case opRecord:
		if n.cell != nil {
			n.cell.Column.PutRow(slot)
		}
		for _, c := range n.children {
			in.read(c, slot)
		}
		for i := range n.absent {
			a := &n.absent[i]
			if a.value == nil {
				a.cell.Null()
				continue
			}
			value := input{b: a.data, budget: maxEmpty}
			value.read(a.value, slot)
		}
	case opArray:
		at := n.cell.Column.Elems()
		for count, _ := in.block(); count > 0; count, _ = in.block() {
			for ; count > 0 && in.fault == ""; count-- {
				in.read(n.children[0], at)
				at++
			}
		}
		if in.fault == "" {
			n.cell.Column.PutList(slot, at)
		}
	case opMap:
		at := n.cell.Column.Elems()
		for count, _ := in.block(); count > 0; count, _ = in.block() {
			for ; count > 0 && in.fault == ""; count-- {
				if k := in.bytes(in.varint()); in.fault == "" {
					n.key.Text(at, k)
				}
				in.read(n.children[0], at)
				at++
			}
		}
		if in.fault == "" {
			n.cell.Entries(slot, at)
		}
	}
}

// skip passes over the value of a node.
func (in *input) skip(n *node) {
	if in.fault != "" {
		return
	}
	switch n.op {
	case opSkipNull:
	case opSkipVarint:
		in.varint()
	case opSkipFixed:
		in.bytes(int64(n.size))
	case opSkipBytes:
		in.bytes(in.varint())
	default:
		if in.depth++; in.depth > maxDepth {
			in.fail("values nest too deeply")
			return
		}
		in.skipNested(n)
		in.depth--
	}
}

func (in *input) skipNested(n *node) {
	switch n.op {
	case opSkipRecord:
		for _, c := range n.children {
			in.skip(c)
		}
	case opSkipUnion:
		i := in.varint()
		if i < 0 || i >= int64(len(n.children)) {
			in.fail(fmt.Sprintf("branch %d of a union of %d", i, len(n.children)))
			return
		}
		in.skip(n.children[i])
	case opSkipArray, opSkipMap:
		for count, size := in.block(); count > 0; count, size = in.block() {
			if size >= 0 {
				in.bytes(size)
				continue
			}
			for ; count > 0 && in.fault == ""; count-- {
				if n.op == opSkipMap {
					in.bytes(in.varint())
				}
				in.skip(n.children[0])
			}
		}
	}
}

// uuid gives the text of 16 bytes.
func uuid(v []byte) []byte {
	text := make([]byte, 0, 36)
	for i, n := range []int{4, 2, 2, 2, 6} {
		if i > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, v[:n])
		v = v[n:]
	}
	return text
}
