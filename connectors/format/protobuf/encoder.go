package protobuf

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// writer writes one field of a message from an array.
type writer struct {
	d        protoreflect.FieldDescriptor
	typ      catalog.Type
	path     string
	well     wellKnown
	symbols  map[string]int32
	children []*writer // message: fields; list: the element; map: key, value; wrapper: what it wraps
	members  []int     // message: the member of each child
	array    arrow.Array
	null     string // what stands for NULL in an ARRAY or MAP of STRING
	hasNull  bool
}

// standIn sets the text that stands for NULL in the ARRAYs and MAPs of a message.
func (w *writer) standIn(o catalog.Options) *writer {
	w.null, w.hasNull = o[optNullText]
	for _, c := range w.children {
		c.standIn(o)
	}
	return w
}

// inner appends an element of an ARRAY, or a value of a MAP, without a tag.
func (w *writer) inner(dst []byte, i int) ([]byte, error) {
	if w.array.IsNull(i) {
		return protowire.AppendString(dst, w.null), nil
	}
	return w.value(dst, i)
}

// missing says whether an element or value is NULL and nothing stands for that.
func (w *writer) missing(i int) bool {
	return w.array.IsNull(i) && !(w.hasNull && w.d.Kind() == protoreflect.StringKind)
}

// messageWriter makes the writers of the columns of a message.
func messageWriter(m protoreflect.MessageDescriptor, t catalog.Type, path string) (*writer, error) {
	w := &writer{typ: t, path: path}
	for i, c := range t.Fields {
		d := m.Fields().ByName(protoreflect.Name(c.Name))
		if d == nil {
			d = m.Fields().ByJSONName(c.Name)
		}
		if d == nil {
			return nil, fmt.Errorf("protobuf: column %s: message %s has no field of this name", path+c.Name, m.FullName())
		}
		f, err := fieldWriter(d, c.Type, path+c.Name)
		if err != nil {
			return nil, err
		}
		w.children, w.members = append(w.children, f), append(w.members, i)
	}
	for i := range m.Fields().Len() {
		d := m.Fields().Get(i)
		if d.Cardinality() == protoreflect.Required && !slices.ContainsFunc(w.children, func(c *writer) bool { return c.d == d }) {
			return nil, fmt.Errorf("protobuf: field %s is required and is no column", d.FullName())
		}
	}
	return w, nil
}

func fieldWriter(d protoreflect.FieldDescriptor, t catalog.Type, path string) (*writer, error) {
	w := &writer{d: d, typ: t, path: path}
	var err error
	var key, elem *writer
	switch {
	case d.IsMap():
		if t.Kind == catalog.KindMap {
			if key, err = valueWriter(d.MapKey(), *t.Key, path+"[]"); err != nil {
				return nil, err
			}
			elem, err = valueWriter(d.MapValue(), *t.Elem, path+"[]")
			w.children = []*writer{key, elem}
			return w, err
		}
	case d.IsList():
		if t.Kind == catalog.KindArray {
			elem, err = valueWriter(d, *t.Elem, path+"[]")
			w.children = []*writer{elem}
			return w, err
		}
	default:
		return valueWriter(d, t, path)
	}
	return nil, w.misfit()
}

func (w *writer) misfit() error {
	name := w.d.Kind().String()
	if m := w.d.Message(); m != nil {
		name = string(m.FullName())
	}
	return fmt.Errorf("protobuf: column %s: %s can't be written as %s of Protocol Buffers", w.path, w.typ, name)
}

func valueWriter(d protoreflect.FieldDescriptor, t catalog.Type, path string) (*writer, error) {
	w := &writer{d: d, typ: t, path: path}
	fits := false
	switch d.Kind() {
	case protoreflect.BoolKind:
		fits = t.Kind == catalog.KindBoolean
	case protoreflect.FloatKind:
		fits = t.Kind == catalog.KindFloat
	case protoreflect.DoubleKind:
		fits = t.IsFloating()
	case protoreflect.StringKind:
		fits = t.Kind == catalog.KindString || t.Kind == catalog.KindJSON
	case protoreflect.BytesKind:
		fits = t.Kind == catalog.KindBytes
	case protoreflect.EnumKind:
		fits = t.Kind == catalog.KindString || t.IsInteger() && t.Kind != catalog.KindBigInt
		w.symbols = map[string]int32{}
		for i := range d.Enum().Values().Len() {
			v := d.Enum().Values().Get(i)
			w.symbols[string(v.Name())] = int32(v.Number())
		}
	case protoreflect.MessageKind:
		return w.nested()
	case protoreflect.GroupKind:
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind, protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		fits = t.IsInteger()
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		fits = t.IsInteger() || t.Kind == catalog.KindDecimal && t.Scale == 0
	default:
		fits = t.IsInteger()
	}
	if !fits {
		return nil, w.misfit()
	}
	return w, nil
}

func (w *writer) nested() (*writer, error) {
	m := w.d.Message()
	switch w.well = wellKnownOf(m); {
	case w.well == timestamp && w.typ.IsTimestamp(), w.well == duration && w.typ.Kind == catalog.KindIntervalDay:
		return w, nil
	case w.well == wrapper && w.typ.Kind != catalog.KindRow:
		v, err := valueWriter(m.Fields().ByNumber(1), w.typ, w.path)
		w.children = []*writer{v}
		return w, err
	case w.typ.Kind == catalog.KindRow:
		inner, err := messageWriter(m, w.typ, w.path+".")
		if err != nil {
			return nil, err
		}
		w.well, w.children, w.members = ordinary, inner.children, inner.members
		return w, nil
	}
	return nil, w.misfit()
}

// bind sets the values to write.
func (w *writer) bind(a arrow.Array) error {
	if want := w.typ.Arrow(); a.DataType().ID() != want.ID() {
		return fmt.Errorf("protobuf: an array of %s for a column of %s", a.DataType(), w.typ)
	}
	w.array = a
	switch a := a.(type) {
	case *array.Map:
		if err := w.children[0].bind(a.Keys()); err != nil {
			return err
		}
		return w.children[1].bind(a.Items())
	case *array.List:
		return w.children[0].bind(a.ListValues())
	case *array.Struct:
		return w.bindMembers(a.Field)
	}
	if w.well == wrapper {
		return w.children[0].bind(a)
	}
	return nil
}

func (w *writer) bindMembers(member func(i int) arrow.Array) error {
	for k, c := range w.children {
		if err := c.bind(member(w.members[k])); err != nil {
			return err
		}
	}
	return nil
}

// fields appends the fields of a message.
func (w *writer) fields(dst []byte, i int) ([]byte, error) {
	var err error
	for _, c := range w.children {
		if dst, err = c.field(dst, i); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// field appends slot i with its tag; NULL is not there.
func (w *writer) field(dst []byte, i int) ([]byte, error) {
	if w.array.IsNull(i) {
		if w.d.Cardinality() == protoreflect.Required {
			return dst, format.Unwritable(format.CodeNotNull, w.path, "NULL, where the field is required")
		}
		return dst, nil
	}
	switch a := w.array.(type) {
	case *array.Map:
		start, end := a.ValueOffsets(i)
		return w.entries(dst, int(start), int(end))
	case *array.List:
		start, end := a.ValueOffsets(i)
		return w.elements(dst, int(start), int(end))
	}
	dst = protowire.AppendTag(dst, w.d.Number(), wireOf(w.d.Kind()))
	return w.value(dst, i)
}

// elements appends the elements of a list: packed if the field is.
func (w *writer) elements(dst []byte, start, end int) ([]byte, error) {
	e := w.children[0]
	for j := start; j < end; j++ {
		if e.missing(j) {
			return dst, format.Unwritable(format.CodeNotNull, e.path, "a repeated field can't have NULL")
		}
	}
	var err error
	if w.d.IsPacked() && end > start {
		dst = protowire.AppendTag(dst, w.d.Number(), protowire.BytesType)
		return framed(dst, func(dst []byte) ([]byte, error) {
			for j := start; j < end && err == nil; j++ {
				dst, err = e.inner(dst, j)
			}
			return dst, err
		})
	}
	for j := start; j < end; j++ {
		dst = protowire.AppendTag(dst, w.d.Number(), wireOf(w.d.Kind()))
		if dst, err = e.inner(dst, j); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (w *writer) entries(dst []byte, start, end int) ([]byte, error) {
	key, value := w.children[0], w.children[1]
	for j := start; j < end; j++ {
		if value.missing(j) {
			return dst, format.Unwritable(format.CodeNotNull, value.path, "a map can't have NULL")
		}
		dst = protowire.AppendTag(dst, w.d.Number(), protowire.BytesType)
		var err error
		dst, err = framed(dst, func(dst []byte) ([]byte, error) {
			dst, err := key.field(dst, j)
			if err != nil {
				return dst, err
			}
			return value.inner(protowire.AppendTag(dst, value.d.Number(), wireOf(value.d.Kind())), j)
		})
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// framed appends what body does, with its length before it.
func framed(dst []byte, body func(dst []byte) ([]byte, error)) ([]byte, error) {
	start := len(dst)
	dst = append(dst, 0) // most are shorter than 128 bytes
	dst, err := body(dst)
	if err != nil {
		return dst, err
	}
	n := len(dst) - start - 1
	if size := protowire.SizeVarint(uint64(n)); size > 1 {
		dst = append(dst, make([]byte, size-1)...)
		copy(dst[start+size:], dst[start+1:start+1+n])
	}
	protowire.AppendVarint(dst[start:start], uint64(n))
	return dst, nil
}

// value appends slot i without a tag.
func (w *writer) value(dst []byte, i int) ([]byte, error) {
	switch a := w.array.(type) {
	case *array.Boolean:
		if w.well != wrapper {
			return protowire.AppendVarint(dst, protowire.EncodeBool(a.Value(i))), nil
		}
	case *array.String:
		if w.well != wrapper && w.symbols == nil {
			return protowire.AppendString(dst, a.Value(i)), nil
		}
		if w.well != wrapper {
			n, ok := w.symbols[a.Value(i)]
			if !ok {
				number, err := strconv.ParseInt(a.Value(i), 10, 32)
				if err != nil {
					return dst, format.Unwritable(format.CodeFormat, w.path, "%.40q is no value of the enum", a.Value(i))
				}
				n = int32(number)
			}
			return protowire.AppendVarint(dst, uint64(int64(n))), nil
		}
	case *array.Binary:
		if w.well != wrapper {
			return protowire.AppendBytes(dst, a.Value(i)), nil
		}
	case *array.Float32:
		if w.well != wrapper && w.d.Kind() == protoreflect.FloatKind {
			return protowire.AppendFixed32(dst, math.Float32bits(a.Value(i))), nil
		}
		if w.well != wrapper {
			return protowire.AppendFixed64(dst, math.Float64bits(float64(a.Value(i)))), nil
		}
	case *array.Float64:
		if w.well != wrapper {
			return protowire.AppendFixed64(dst, math.Float64bits(a.Value(i))), nil
		}
	case *array.Timestamp:
		return framed(dst, func(dst []byte) ([]byte, error) { return instant(dst, int64(a.Value(i)), true), nil })
	case *array.Struct:
		return framed(dst, func(dst []byte) ([]byte, error) { return w.fields(dst, i) })
	case *array.Decimal128:
		if w.well != wrapper {
			v := a.Value(i)
			if v.HighBits() != 0 {
				return dst, format.Unwritable(format.CodeRange, w.path, "%s is beyond %s", v.ToString(0), w.d.Kind())
			}
			return w.integer(dst, v.LowBits()), nil
		}
	}
	if w.well == wrapper {
		return framed(dst, func(dst []byte) ([]byte, error) { return w.children[0].field(dst, i) })
	}
	v := integerAt(w.array, i)
	if w.well == duration {
		return framed(dst, func(dst []byte) ([]byte, error) { return instant(dst, v, false), nil })
	}
	if low, high := rangeOf(w.d.Kind()); v < low || v > high {
		return dst, format.Unwritable(format.CodeRange, w.path, "%d is beyond %s", v, w.d.Kind())
	}
	return w.integer(dst, uint64(v)), nil
}

func integerAt(a arrow.Array, i int) int64 {
	switch a := a.(type) {
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Duration:
		return int64(a.Value(i))
	}
	return 0
}

func rangeOf(k protoreflect.Kind) (low, high int64) {
	switch k {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind, protoreflect.EnumKind:
		return math.MinInt32, math.MaxInt32
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return 0, math.MaxUint32
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return 0, math.MaxInt64
	}
	return math.MinInt64, math.MaxInt64
}

// integer appends an integer as the field's kind has it.
func (w *writer) integer(dst []byte, v uint64) []byte {
	switch w.d.Kind() {
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return protowire.AppendVarint(dst, protowire.EncodeZigZag(int64(v)))
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protowire.AppendFixed32(dst, uint32(v))
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.AppendFixed64(dst, v)
	}
	return protowire.AppendVarint(dst, v)
}

// instant appends the fields of a Timestamp, or of a Duration, whose nanos have the
// sign of its seconds.
func instant(dst []byte, us int64, floor bool) []byte {
	seconds, rest := us/1_000_000, us%1_000_000
	if floor && rest < 0 {
		seconds, rest = seconds-1, rest+1_000_000
	}
	if seconds != 0 {
		dst = protowire.AppendVarint(protowire.AppendTag(dst, 1, protowire.VarintType), uint64(seconds))
	}
	if rest != 0 {
		dst = protowire.AppendVarint(protowire.AppendTag(dst, 2, protowire.VarintType), uint64(rest*1000))
	}
	return dst
}

type encoding struct {
	format.NoStream
	message protoreflect.MessageDescriptor
	columns catalog.Type
	upsert  bool
	options catalog.Options
}

func newEncoding(cfg format.EncodeConfig) (format.Encoding, error) {
	m, err := messageType(cfg.Options, cfg.Env)
	if err != nil {
		return nil, err
	}
	e := &encoding{message: m, columns: catalog.RowOf(cfg.Columns...), upsert: cfg.Upsert, options: cfg.Options}
	_, err = messageWriter(m, e.columns, "")
	return e, err
}

// Header implements format.Encoding.
func (*encoding) Header() []byte { return nil }

// NewEncoder implements format.Encoding.
func (e *encoding) NewEncoder() format.Encoder { return e.NoStream }

// NewMessageEncoder implements format.MessageEncoding.
func (e *encoding) NewMessageEncoder() format.MessageEncoder { return &encoder{e.writer(), e.upsert} }

func (e *encoding) writer() *writer {
	w, err := messageWriter(e.message, e.columns, "")
	if err != nil {
		panic("protobuf: a writer that was made before can't be made again: " + err.Error())
	}
	return w.standIn(e.options)
}

type encoder struct {
	rows   *writer
	upsert bool
}

// AppendMessages implements format.MessageEncoder.
func (e *encoder) AppendMessages(dst []byte, spans []format.Span, b *connectors.Batch) ([]byte, []format.Span, error) {
	if err := e.rows.bindMembers(func(i int) arrow.Array { return b.Cols[i] }); err != nil {
		return dst, spans, err
	}
	return format.AppendRows(dst, spans, b, e.upsert, e.rows.fields)
}
