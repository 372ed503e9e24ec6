package protobuf

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format/cell"
)

// field reads one field of a message into a cell.
type field struct {
	cell     *cell.Cell
	kind     protoreflect.Kind
	repeated bool
	isMap    bool
	presence bool // absent and default differ
	oneof    int  // of the message, from 1; 0: none
	symbols  map[int32][]byte
	well     wellKnown
	value    *field   // ARRAY: the element; MAP: the value; a wrapper: what it wraps
	key      *field   // MAP
	message  *message // ROW

	// Of the message at hand.
	seen uint64 // serial of the message that had it
	bits uint64 // the last number
	text []byte // the last text or message
	at   int    // repeated: the slot behind the last element
	// merged holds the parts of a message that came more than once; text is there if
	// owned.
	merged []byte
	owned  bool

	// unset is what stands for a field that is not there, where one is asked for: the
	// number or the text of its default.
	unset *unset
}

// unset is the default of a field of proto2.
type unset struct {
	bits uint64
	text []byte
}

// defaultOf gives the default of a single value that has a presence, as the wire has
// it; nil: it has none.
func defaultOf(d protoreflect.FieldDescriptor) *unset {
	if d.ContainingOneof() != nil || !d.HasPresence() || d.Message() != nil {
		return nil
	}
	v := d.Default()
	switch d.Kind() {
	case protoreflect.BoolKind:
		if v.Bool() {
			return &unset{bits: 1}
		}
		return &unset{}
	case protoreflect.EnumKind:
		return &unset{bits: uint64(int64(v.Enum()))}
	case protoreflect.StringKind:
		return &unset{text: []byte(v.String())}
	case protoreflect.BytesKind:
		return &unset{text: v.Bytes()}
	case protoreflect.FloatKind:
		return &unset{bits: uint64(math.Float32bits(float32(v.Float())))}
	case protoreflect.DoubleKind:
		return &unset{bits: math.Float64bits(v.Float())}
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return &unset{bits: protowire.EncodeZigZag(v.Int())}
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		return &unset{bits: v.Uint()}
	}
	return &unset{bits: uint64(v.Int())}
}

// absence says what stands for fields that are not there.
type absence struct {
	noDefaults bool // NULL for those without presence
	defaults   bool // the default for those with presence
}

func absenceOf(o catalog.Options) absence {
	return absence{noDefaults: o.Bool(optNoDefaults), defaults: o.Bool(optDefaults)}
}

// message reads the fields of a message.
type message struct {
	byNumber []*field // the small numbers
	more     map[int32]*field
	fields   []*field     // those that are read
	absent   []*cell.Cell // of columns that no field of this version has: NULL
	serial   uint64
}

// wellKnown are the message types with a meaning of their own.
type wellKnown uint8

const (
	ordinary wellKnown = iota
	timestamp
	duration
	wrapper
)

// wellKnownOf tells them by name.
func wellKnownOf(m protoreflect.MessageDescriptor) wellKnown {
	switch m.FullName() {
	case "google.protobuf.Timestamp":
		return timestamp
	case "google.protobuf.Duration":
		return duration
	case "google.protobuf.DoubleValue", "google.protobuf.FloatValue", "google.protobuf.Int64Value", "google.protobuf.UInt64Value",
		"google.protobuf.Int32Value", "google.protobuf.UInt32Value", "google.protobuf.BoolValue", "google.protobuf.StringValue", "google.protobuf.BytesValue":
		return wrapper
	}
	return ordinary
}

// plan reads messages of one type into the columns of a batch.
type plan struct {
	root       *message
	noDefaults bool
}

// newPlan makes the nodes that fill the columns of rows.
// With lenient a column without a field is NULL, else it is an error.
func newPlan(m protoreflect.MessageDescriptor, rows *cell.Rows, unset absence, lenient bool) (*plan, error) {
	cells := make([]*cell.Cell, len(rows.Fields))
	for i, f := range rows.Fields {
		cells[i] = cell.New(f, int16(i), rows.Columns[i], rows.Errors)
	}
	c := compiler{lenient, unset.defaults}
	root, err := c.message(m, rows.Fields, func(i int) *cell.Cell { return cells[i] })
	if err != nil {
		return nil, fmt.Errorf("protobuf: %w", err)
	}
	return &plan{root, unset.noDefaults}, nil
}

// maxDense is the highest field number that is looked up in a slice.
const maxDense = 255

// compiler makes the nodes of a plan.
type compiler struct {
	lenient  bool // a column without a field is NULL
	defaults bool // fields with presence have their default
}

func (c compiler) message(m protoreflect.MessageDescriptor, members []catalog.Field, at func(i int) *cell.Cell) (*message, error) {
	out := &message{}
	taken := make([]bool, len(members))
	for i := range m.Fields().Len() {
		d := m.Fields().Get(i)
		k := slices.IndexFunc(members, func(f catalog.Field) bool { return f.Name == string(d.Name()) })
		if k < 0 {
			k = slices.IndexFunc(members, func(f catalog.Field) bool { return f.Name == d.JSONName() })
		}
		if k < 0 || taken[k] {
			continue
		}
		taken[k] = true
		f, err := c.field(d, at(k))
		if err != nil {
			return nil, err
		}
		out.fields = append(out.fields, f)
		if n := int32(d.Number()); n <= maxDense {
			for len(out.byNumber) <= int(n) {
				out.byNumber = append(out.byNumber, nil)
			}
			out.byNumber[n] = f
		} else {
			if out.more == nil {
				out.more = map[int32]*field{}
			}
			out.more[n] = f
		}
	}
	for k := range members {
		switch {
		case taken[k]:
		case c.lenient:
			out.absent = append(out.absent, at(k))
		default:
			return nil, fmt.Errorf("column %s: message %s has no field of this name", at(k).Path, m.FullName())
		}
	}
	return out, nil
}

func (c compiler) field(d protoreflect.FieldDescriptor, to *cell.Cell) (*field, error) {
	f := &field{cell: to, repeated: d.IsList(), isMap: d.IsMap(), presence: d.HasPresence()}
	if o := d.ContainingOneof(); o != nil && !o.IsSynthetic() {
		f.oneof = o.Index() + 1
	}
	var err error
	switch {
	case d.IsMap():
		if to.Type.Kind != catalog.KindMap {
			return nil, misfit(d, to)
		}
		if f.key, err = c.value(d.MapKey(), to.Key()); err != nil {
			return nil, err
		}
		f.value, err = c.value(d.MapValue(), to.Value())
	case d.IsList():
		if to.Type.Kind != catalog.KindArray {
			return nil, misfit(d, to)
		}
		f.value, err = c.value(d, to.Elem())
	default:
		var v *field
		if v, err = c.value(d, to); err == nil {
			v.presence, v.oneof = f.presence, f.oneof
			f = v
			if c.defaults {
				f.unset = defaultOf(d)
			}
		}
	}
	return f, err
}

func misfit(d protoreflect.FieldDescriptor, to *cell.Cell) error {
	name := d.Kind().String()
	if m := d.Message(); m != nil {
		name = string(m.FullName())
	}
	switch {
	case d.IsMap():
		name = "map"
	case d.IsList():
		name = "repeated " + name
	}
	return fmt.Errorf("column %s: %s of Protocol Buffers does not fit %s", to.Path, name, to.Type)
}

// value makes the node of a single value.
func (c compiler) value(d protoreflect.FieldDescriptor, to *cell.Cell) (*field, error) {
	f := &field{cell: to, kind: d.Kind()}
	t := to.Type
	fits := false
	switch d.Kind() {
	case protoreflect.BoolKind:
		fits = t.Kind == catalog.KindBoolean
	case protoreflect.FloatKind:
		fits = t.IsFloating()
	case protoreflect.DoubleKind:
		fits = t.Kind == catalog.KindDouble
	case protoreflect.StringKind, protoreflect.BytesKind:
		fits = t.Kind == catalog.KindString || t.Kind == catalog.KindBytes
	case protoreflect.EnumKind:
		fits = t.IsInteger()
		if t.Kind == catalog.KindString {
			fits = true
			f.symbols = map[int32][]byte{}
			values := d.Enum().Values()
			for i := values.Len() - 1; i >= 0; i-- { // of aliases the first one
				f.symbols[int32(values.Get(i).Number())] = []byte(values.Get(i).Name())
			}
		}
	case protoreflect.MessageKind:
		return c.nested(d, to, f)
	case protoreflect.GroupKind:
	default:
		fits = t.IsNumeric()
	}
	if !fits {
		return nil, misfit(d, to)
	}
	return f, nil
}

func (c compiler) nested(d protoreflect.FieldDescriptor, to *cell.Cell, f *field) (*field, error) {
	m := d.Message()
	var err error
	switch f.well = wellKnownOf(m); {
	case f.well == timestamp && to.Type.IsTimestamp(), f.well == duration && to.Type.Kind == catalog.KindIntervalDay:
		return f, nil
	case f.well == wrapper && to.Type.Kind != catalog.KindRow:
		f.value, err = c.value(m.Fields().ByNumber(1), to)
		return f, err
	case to.Type.Kind == catalog.KindRow:
		f.well = ordinary
		f.message, err = c.message(m, to.Type.Fields, to.Member)
		return f, err
	}
	return nil, misfit(d, to)
}

// symbol gives the name of an enum's value; one without a name its number.
func (f *field) symbol(n int32) []byte {
	if s, ok := f.symbols[n]; ok {
		return s
	}
	return strconv.AppendInt(nil, int64(n), 10)
}

// Fields gives the columns that a message type stands for.
func Fields(m protoreflect.MessageDescriptor) ([]catalog.Field, error) {
	t, err := typeOf(m, nil)
	if err != nil {
		return nil, fmt.Errorf("protobuf: %w", err)
	}
	return t.Fields, nil
}

func typeOf(m protoreflect.MessageDescriptor, within []protoreflect.FullName) (catalog.Type, error) {
	if slices.Contains(within, m.FullName()) {
		return catalog.Type{}, fmt.Errorf("message %s holds itself, which no SQL type can say: declare the columns", m.FullName())
	}
	within = append(within, m.FullName())
	var fields []catalog.Field
	for i := range m.Fields().Len() {
		d := m.Fields().Get(i)
		var t catalog.Type
		var err error
		switch {
		case d.IsMap():
			var k, v catalog.Type
			k, _ = valueType(d.MapKey(), within)
			v, err = valueType(d.MapValue(), within)
			t = catalog.MapOf(k, v)
		case d.IsList():
			t, err = valueType(d, within)
			t = catalog.ArrayOf(t)
		default:
			t, err = valueType(d, within)
		}
		if err != nil {
			return t, err
		}
		fields = append(fields, catalog.Field{Name: string(d.Name()), Type: t})
	}
	return catalog.RowOf(fields...), nil
}

func valueType(d protoreflect.FieldDescriptor, within []protoreflect.FullName) (catalog.Type, error) {
	switch d.Kind() {
	case protoreflect.BoolKind:
		return catalog.Boolean, nil
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return catalog.Int, nil
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return catalog.BigInt, nil
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return catalog.Decimal(20, 0), nil
	case protoreflect.FloatKind:
		return catalog.Float, nil
	case protoreflect.DoubleKind:
		return catalog.Double, nil
	case protoreflect.BytesKind:
		return catalog.Bytes, nil
	case protoreflect.StringKind, protoreflect.EnumKind:
		return catalog.String, nil
	case protoreflect.MessageKind:
		switch wellKnownOf(d.Message()) {
		case timestamp:
			return catalog.Type{Kind: catalog.KindTimestampLTZ, Precision: 6}, nil
		case duration:
			return catalog.IntervalDay, nil
		case wrapper:
			return valueType(d.Message().Fields().ByNumber(1), within)
		}
		return typeOf(d.Message(), within)
	}
	return catalog.Type{}, fmt.Errorf("field %s is a group, which no column can be", d.FullName())
}
