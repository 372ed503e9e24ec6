package protobuf

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/cell"
)

// maxDepth bounds how deeply messages nest.
const maxDepth = 100

// read reads a message into the row that rows has begun.
func (p *plan) read(rows *cell.Rows, b []byte, row int) {
	r := reader{noDefaults: p.noDefaults}
	r.message(p.root, b, row)
	if r.fault != "" {
		rows.Bad(row, format.CodeMalformed, "the record is no message of its type: "+r.fault)
		return
	}
	rows.End()
}

// reader reads one message and those within it.
type reader struct {
	fault      string // what ends the reading; "": nothing
	depth      int
	noDefaults bool
}

func (m *message) field(n protowire.Number) *field {
	if int(n) < len(m.byNumber) {
		return m.byNumber[n]
	}
	return m.more[int32(n)]
}

// message reads the fields of a message; m's cells get the slot.
func (r *reader) message(m *message, b []byte, slot int) {
	if r.depth++; r.depth > maxDepth {
		r.fault = "messages nest too deeply"
	}
	m.serial++
	serial := m.serial
	for len(b) > 0 && r.fault == "" {
		num, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			r.fault = "a broken tag"
			return
		}
		b = b[n:]
		f := m.field(num)
		if f == nil {
			if n = protowire.ConsumeFieldValue(num, wire, b); n < 0 {
				r.fault = "it ends within a field, or has one of no type"
				return
			}
			b = b[n:]
			continue
		}
		b = r.take(m, f, serial, wire, b)
	}
	if r.fault == "" {
		for _, f := range m.fields {
			r.settle(f, serial, slot)
		}
		for _, c := range m.absent {
			c.Null()
		}
	}
	r.depth--
}

// take takes one value of a field off b. Elements are put at once, single values
// when the message has been read.
func (r *reader) take(m *message, f *field, serial uint64, wire protowire.Type, b []byte) []byte {
	if (f.repeated || f.isMap) && f.seen != serial {
		f.at = f.cell.Column.Elems()
	}
	if f.oneof > 0 && f.seen != serial {
		for _, other := range m.fields {
			if other.oneof == f.oneof {
				other.seen = 0
			}
		}
	}
	repeatedBefore := f.seen == serial
	single := f
	if f.repeated {
		single = f.value
		if wire == protowire.BytesType && packable(single.kind) {
			body, n := protowire.ConsumeBytes(b)
			if n < 0 {
				r.fault = "it ends within a packed field"
				return nil
			}
			f.seen = serial
			for len(body) > 0 && r.fault == "" {
				body = r.raw(single, wireOf(single.kind), body)
				r.put(single, f.at)
				f.at++
			}
			return b[n:]
		}
	}
	if f.isMap {
		body, n := protowire.ConsumeBytes(b)
		if wire != protowire.BytesType || n < 0 {
			r.fault = "a map that has no entries"
			return nil
		}
		f.seen = serial
		r.entry(f, body)
		return b[n:]
	}
	before := single.text
	rest := r.raw(single, wire, b)
	if r.fault != "" {
		return nil
	}
	f.seen, f.owned = serial, f.owned && repeatedBefore
	switch {
	case f.repeated:
		r.put(single, f.at)
		f.at++
	case repeatedBefore && f.kind == protoreflect.MessageKind:
		// The parts of a message one after the other are the merged message.
		if !f.owned {
			f.merged, f.owned = append(f.merged[:0], before...), true
		}
		f.merged = append(f.merged, f.text...)
		f.text = f.merged
	}
	return rest
}

// packable says whether values of a kind can stand in packed form.
func packable(k protoreflect.Kind) bool {
	return k != protoreflect.StringKind && k != protoreflect.BytesKind && k != protoreflect.MessageKind && k != protoreflect.GroupKind
}

func wireOf(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	}
	return protowire.VarintType
}

// raw takes one value off b into bits or text.
func (r *reader) raw(f *field, wire protowire.Type, b []byte) []byte {
	if wire != wireOf(f.kind) {
		r.fault = "a field has another type"
		return nil
	}
	n := -1
	switch wire {
	case protowire.VarintType:
		f.bits, n = protowire.ConsumeVarint(b)
	case protowire.Fixed32Type:
		if len(b) >= 4 {
			f.bits, n = uint64(binary.LittleEndian.Uint32(b)), 4
		}
	case protowire.Fixed64Type:
		if len(b) >= 8 {
			f.bits, n = binary.LittleEndian.Uint64(b), 8
		}
	case protowire.BytesType:
		f.text, n = protowire.ConsumeBytes(b)
	}
	if n < 0 {
		r.fault = "it ends within a field"
		return nil
	}
	return b[n:]
}

// entry adds an entry to a MAP; key and value that are not there are defaults.
func (r *reader) entry(f *field, b []byte) {
	f.key.bits, f.key.text, f.value.bits, f.value.text = 0, nil, 0, nil
	for len(b) > 0 && r.fault == "" {
		num, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			r.fault = "a broken tag"
			return
		}
		b = b[n:]
		switch num {
		case 1:
			b = r.raw(f.key, wire, b)
		case 2:
			b = r.raw(f.value, wire, b)
		default:
			if n = protowire.ConsumeFieldValue(num, wire, b); n < 0 {
				r.fault = "it ends within a field"
				return
			}
			b = b[n:]
		}
	}
	if r.fault == "" {
		r.put(f.key, f.at)
		r.put(f.value, f.at)
		f.at++
	}
}

// settle puts what a field of a message has had.
func (r *reader) settle(f *field, serial uint64, slot int) {
	there := f.seen == serial
	switch {
	case f.repeated || f.isMap:
		switch {
		case !there && r.noDefaults:
			f.cell.Null()
		case !there:
			f.cell.Column.PutList(slot, f.cell.Column.Elems())
		case f.isMap:
			f.cell.Entries(slot, f.at)
		default:
			f.cell.Column.PutList(slot, f.at)
		}
	case there:
		r.put(f, slot)
	case f.unset != nil:
		f.bits, f.text = f.unset.bits, f.unset.text
		r.put(f, slot)
	case f.presence || r.noDefaults:
		f.cell.Null()
	default:
		f.bits, f.text = 0, nil
		r.put(f, slot)
	}
}

// put puts the value that raw has taken.
func (r *reader) put(f *field, slot int) {
	if r.fault != "" {
		return
	}
	switch f.kind {
	case protoreflect.BoolKind:
		f.cell.Bool(slot, f.bits != 0)
	case protoreflect.Int32Kind, protoreflect.Sfixed32Kind:
		f.cell.Int(slot, int64(int32(f.bits)))
	case protoreflect.Int64Kind, protoreflect.Sfixed64Kind:
		f.cell.Int(slot, int64(f.bits))
	case protoreflect.Sint32Kind:
		f.cell.Int(slot, protowire.DecodeZigZag(f.bits&math.MaxUint32))
	case protoreflect.Sint64Kind:
		f.cell.Int(slot, protowire.DecodeZigZag(f.bits))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		f.cell.Uint(slot, f.bits&math.MaxUint32)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		f.cell.Uint(slot, f.bits)
	case protoreflect.FloatKind:
		f.cell.Float32(slot, math.Float32frombits(uint32(f.bits)))
	case protoreflect.DoubleKind:
		f.cell.Float64(slot, math.Float64frombits(f.bits))
	case protoreflect.StringKind, protoreflect.BytesKind:
		f.cell.Text(slot, f.text)
	case protoreflect.EnumKind:
		if f.symbols != nil {
			f.cell.Text(slot, f.symbol(int32(f.bits)))
		} else {
			f.cell.Int(slot, int64(int32(f.bits)))
		}
	case protoreflect.MessageKind:
		r.nested(f, slot)
	}
}

// nested puts a message.
func (r *reader) nested(f *field, slot int) {
	switch f.well {
	case ordinary:
		f.cell.Column.PutRow(slot)
		r.message(f.message, f.text, slot)
	case wrapper:
		f.value.bits, f.value.text = 0, nil
		r.only(f.text, func(num protowire.Number, wire protowire.Type, b []byte) []byte {
			if num != 1 {
				return nil
			}
			return r.raw(f.value, wire, b)
		})
		r.put(f.value, slot)
	default:
		var seconds, nanos int64
		r.only(f.text, func(num protowire.Number, wire protowire.Type, b []byte) []byte {
			if wire != protowire.VarintType || num > 2 {
				return nil
			}
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return nil
			}
			if num == 1 {
				seconds = int64(v)
			} else {
				nanos = int64(int32(v))
			}
			return b[n:]
		})
		if r.fault == "" {
			r.instant(f, slot, seconds, nanos)
		}
	}
}

// only reads the fields of a small message: take gives what is left behind a value,
// nil if it does not know the field.
func (r *reader) only(b []byte, take func(num protowire.Number, wire protowire.Type, b []byte) []byte) {
	for len(b) > 0 && r.fault == "" {
		num, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			r.fault = "a broken tag"
			return
		}
		b = b[n:]
		if rest := take(num, wire, b); rest != nil {
			b = rest
			continue
		}
		if n = protowire.ConsumeFieldValue(num, wire, b); n < 0 {
			r.fault = "it ends within a field"
			return
		}
		b = b[n:]
	}
}

// maxSeconds is what microseconds hold.
const maxSeconds = math.MaxInt64/1_000_000 - 1

func (r *reader) instant(f *field, slot int, seconds, nanos int64) {
	if seconds > maxSeconds || seconds < -maxSeconds || nanos <= -1e9 || nanos >= 1e9 {
		f.cell.Fail(cell.BadTimestamp, "seconds or nanos are out of range")
		return
	}
	us := nanos / 1000
	if f.well == timestamp {
		if nanos < 0 {
			f.cell.Fail(cell.BadTimestamp, "nanos are negative")
			return
		}
		f.cell.Timestamp(slot, seconds*1_000_000+us, 1_000_000)
		return
	}
	f.cell.Column.PutInt64(slot, seconds*1_000_000+us)
}
