package avro

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	hamba "github.com/hamba/avro/v2"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// Writer writes rows with a schema. It belongs to one goroutine.
type Writer struct{ root *writer }

// writer writes one value of the schema from an array.
type writer struct {
	typ      catalog.Type
	path     string
	schema   hamba.Schema // not a union
	branch   int64        // of the union that holds the schema; -1: none
	null     int64        // the branch of null; -1: none
	units    int64        // of a second
	scale    int
	size     int
	symbols  map[string]int64
	children []*writer // record: by field, nil where the default is written
	at       []int     // record: the member of each field
	defaults [][]byte  // record: what is written for a field without a member
	array    arrow.Array
}

// NewWriter prepares writing columns with a schema: its fields are taken from the
// columns of the same names; others need a default.
func NewWriter(s hamba.Schema, columns []catalog.Field) (*Writer, error) {
	r, ok := deref(s).(*hamba.RecordSchema)
	if !ok {
		return nil, fmt.Errorf("avro: the schema is %s, not a record", s.Type())
	}
	w, err := newWriter(r, catalog.RowOf(columns...), "")
	if err != nil {
		return nil, fmt.Errorf("avro: %w", err)
	}
	return &Writer{root: w}, nil
}

func newWriter(s hamba.Schema, t catalog.Type, path string) (*writer, error) {
	w := &writer{typ: t, path: path, schema: deref(s), branch: -1, null: -1}
	u, isUnion := w.schema.(*hamba.UnionSchema)
	if !isUnion {
		return w, w.compile()
	}
	var first error
	for i, b := range u.Types() {
		b = deref(b)
		if b.Type() == hamba.Null {
			w.null = int64(i)
			continue
		}
		if w.branch >= 0 {
			continue
		}
		trial := &writer{typ: t, path: path, schema: b}
		if err := trial.compile(); err != nil {
			first = err
			continue
		}
		trial.branch, trial.null = int64(i), w.null
		w.branch, w = int64(i), trial
	}
	if w.branch < 0 {
		if first == nil {
			first = w.misfit()
		}
		return nil, first
	}
	return w, nil
}

// unfit is the error of a row with a value that the schema has no place for.
func (w *writer) unfit(code, detail string, args ...any) error {
	return format.Unwritable(code, strings.TrimPrefix(w.path, "."), detail, args...)
}

func (w *writer) misfit() error {
	return fmt.Errorf("column %s: %s can't be written as %s of Avro", strings.TrimPrefix(w.path, "."), w.typ, describe(w.schema))
}

// compile settles how values of the SQL type are written as the schema.
func (w *writer) compile() error {
	kind := w.typ.Kind
	switch s := w.schema.(type) {
	case *hamba.PrimitiveSchema:
		if w.primitive(s) {
			return nil
		}
	case *hamba.EnumSchema:
		if kind == catalog.KindString {
			w.symbols = map[string]int64{}
			for i, symbol := range s.Symbols() {
				w.symbols[symbol] = int64(i)
			}
			return nil
		}
	case *hamba.FixedSchema:
		w.size = s.Size()
		if d, ok := s.Logical().(*hamba.DecimalLogicalSchema); ok && kind == catalog.KindDecimal {
			w.scale = d.Scale()
			return w.checkDecimal(d)
		}
		if kind == catalog.KindBytes || kind == catalog.KindString && logical(s.Logical()) == hamba.UUID && w.size == 16 {
			return nil
		}
	case *hamba.ArraySchema:
		if kind == catalog.KindArray {
			return w.addChild(s.Items(), *w.typ.Elem)
		}
	case *hamba.MapSchema:
		if kind == catalog.KindMap && w.typ.Key.Kind == catalog.KindString {
			return w.addChild(s.Values(), *w.typ.Elem)
		}
	case *hamba.RecordSchema:
		if kind == catalog.KindRow {
			return w.record(s)
		}
	}
	return w.misfit()
}

func (w *writer) addChild(s hamba.Schema, t catalog.Type) error {
	c, err := newWriter(s, t, w.path+"[]")
	w.children = []*writer{c}
	return err
}

func (w *writer) record(s *hamba.RecordSchema) error {
	for _, m := range w.typ.Fields {
		if !slices.ContainsFunc(s.Fields(), func(f *hamba.Field) bool { return f.Name() == m.Name }) {
			return fmt.Errorf("the schema has no field %s", strings.TrimPrefix(w.path+"."+m.Name, "."))
		}
	}
	for _, f := range s.Fields() {
		i := slices.IndexFunc(w.typ.Fields, func(m catalog.Field) bool { return m.Name == f.Name() })
		w.at = append(w.at, i)
		if i >= 0 {
			c, err := newWriter(f.Type(), w.typ.Fields[i].Type, w.path+"."+f.Name())
			if err != nil {
				return err
			}
			w.children, w.defaults = append(w.children, c), append(w.defaults, nil)
			continue
		}
		if !f.HasDefault() {
			return fmt.Errorf("the schema's field %s has no default and is no column", strings.TrimPrefix(w.path+"."+f.Name(), "."))
		}
		data, err := encodeDefault(f)
		if err != nil {
			return err
		}
		w.children, w.defaults = append(w.children, nil), append(w.defaults, data)
	}
	return nil
}

func (w *writer) checkDecimal(d *hamba.DecimalLogicalSchema) error {
	if d.Scale() < w.typ.Scale || d.Precision()-d.Scale() < w.typ.Precision-w.typ.Scale {
		return fmt.Errorf("column %s: %s does not fit decimal(%d,%d) of Avro", strings.TrimPrefix(w.path, "."), w.typ, d.Precision(), d.Scale())
	}
	return nil
}

// primitive says whether the type can be written so.
func (w *writer) primitive(s *hamba.PrimitiveSchema) bool {
	kind, name := w.typ.Kind, logicalName(s)
	switch s.Type() {
	case hamba.Boolean:
		return kind == catalog.KindBoolean
	case hamba.Int, hamba.Long:
		switch {
		case name == hamba.Date:
			return kind == catalog.KindDate
		case name == hamba.TimeMillis:
			w.units = 1e3
			return kind == catalog.KindTime && w.typ.Precision <= 3
		case name == hamba.TimeMicros:
			w.units = 1e6
			return kind == catalog.KindTime
		case timestampUnits[name] > 0:
			w.units = timestampUnits[name]
			return w.typ.IsTimestamp() && (w.units > 1e3 || w.typ.Precision <= 3)
		}
		return w.typ.IsInteger() && (s.Type() == hamba.Long || kind != catalog.KindBigInt)
	case hamba.Float:
		return kind == catalog.KindFloat
	case hamba.Double:
		return w.typ.IsFloating()
	case hamba.Bytes:
		if d, ok := s.Logical().(*hamba.DecimalLogicalSchema); ok {
			w.scale = d.Scale()
			return kind == catalog.KindDecimal && w.checkDecimal(d) == nil
		}
		return kind == catalog.KindBytes
	case hamba.String:
		return kind == catalog.KindString || kind == catalog.KindJSON
	}
	return false
}

// Bind sets the rows to write, which must stay alive until the next Bind.
func (w *Writer) Bind(arrays []arrow.Array) error {
	if len(arrays) != len(w.root.typ.Fields) {
		return fmt.Errorf("avro: %d arrays for %d columns", len(arrays), len(w.root.typ.Fields))
	}
	return w.root.bindMembers(func(i int) arrow.Array { return arrays[i] })
}

func (w *writer) bindMembers(member func(i int) arrow.Array) error {
	for k, c := range w.children {
		if c == nil {
			continue
		}
		if err := c.bind(member(w.at[k])); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) bind(a arrow.Array) error {
	if want := w.typ.Arrow(); a.DataType().ID() != want.ID() {
		return fmt.Errorf("avro: an array of %s for a column of %s", a.DataType(), w.typ)
	}
	w.array = a
	switch a := a.(type) {
	case *array.Map:
		return w.children[0].bind(a.Items())
	case *array.List:
		return w.children[0].bind(a.ListValues())
	case *array.Struct:
		return w.bindMembers(a.Field)
	}
	return nil
}

// AppendRow appends row i of the batch.
func (w *Writer) AppendRow(dst []byte, i int) ([]byte, error) {
	return w.root.members(dst, i)
}

func (w *writer) members(dst []byte, i int) ([]byte, error) {
	var err error
	for k, c := range w.children {
		if c == nil {
			dst = append(dst, w.defaults[k]...)
			continue
		}
		if dst, err = c.append(dst, i); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// append appends the value of slot i.
func (w *writer) append(dst []byte, i int) ([]byte, error) {
	if w.array.IsNull(i) {
		if w.null < 0 {
			return dst, w.unfit(format.CodeNotNull, "NULL, which the schema does not have there")
		}
		return binary.AppendVarint(dst, w.null), nil
	}
	if w.branch >= 0 {
		dst = binary.AppendVarint(dst, w.branch)
	}
	switch a := w.array.(type) {
	case *array.Boolean:
		if a.Value(i) {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	case *array.Int8:
		return binary.AppendVarint(dst, int64(a.Value(i))), nil
	case *array.Int16:
		return binary.AppendVarint(dst, int64(a.Value(i))), nil
	case *array.Int32:
		return binary.AppendVarint(dst, int64(a.Value(i))), nil
	case *array.Date32:
		return binary.AppendVarint(dst, int64(a.Value(i))), nil
	case *array.Int64:
		return binary.AppendVarint(dst, a.Value(i)), nil
	case *array.Time64:
		return binary.AppendVarint(dst, int64(a.Value(i))/(1e6/w.units)), nil
	case *array.Timestamp:
		v := int64(a.Value(i))
		if w.units > 1e6 {
			if v > math.MaxInt64/1000 || v < math.MinInt64/1000 {
				return dst, w.unfit(format.CodeRange, "a timestamp is beyond what nanoseconds hold")
			}
			return binary.AppendVarint(dst, v*1000), nil
		}
		unit := 1_000_000 / w.units
		q := v / unit
		if v%unit < 0 {
			q--
		}
		return binary.AppendVarint(dst, q), nil
	case *array.Float32:
		if w.schema.Type() == hamba.Double {
			return binary.LittleEndian.AppendUint64(dst, math.Float64bits(float64(a.Value(i)))), nil
		}
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(a.Value(i))), nil
	case *array.Float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(a.Value(i))), nil
	case *array.Decimal128:
		return w.decimal(dst, a.Value(i)), nil
	case *array.String:
		return w.text(dst, a.Value(i))
	case *array.Binary:
		return w.binary(dst, a.Value(i))
	case *array.Map:
		start, end := a.ValueOffsets(i)
		keys := a.Keys().(*array.String)
		return w.block(dst, int(start), int(end), func(dst []byte, j int) []byte { return appendText(dst, keys.Value(j)) })
	case *array.List:
		start, end := a.ValueOffsets(i)
		return w.block(dst, int(start), int(end), nil)
	case *array.Struct:
		return w.members(dst, i)
	}
	return dst, fmt.Errorf("avro: no way to write %s", w.array.DataType())
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendVarint(dst, int64(len(s))), s...)
}

// block appends the elements from start to end as one block.
func (w *writer) block(dst []byte, start, end int, key func(dst []byte, j int) []byte) ([]byte, error) {
	if end > start {
		dst = binary.AppendVarint(dst, int64(end-start))
	}
	var err error
	for j := start; j < end; j++ {
		if key != nil {
			dst = key(dst, j)
		}
		if dst, err = w.children[0].append(dst, j); err != nil {
			return dst, err
		}
	}
	return append(dst, 0), nil
}

func (w *writer) text(dst []byte, s string) ([]byte, error) {
	if w.symbols != nil {
		i, ok := w.symbols[s]
		if !ok {
			return dst, w.unfit(format.CodeFormat, "%.40q is no symbol of the enum", s)
		}
		return binary.AppendVarint(dst, i), nil
	}
	if w.schema.Type() == hamba.Fixed {
		id, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
		if err != nil || len(id) != 16 {
			return dst, w.unfit(format.CodeFormat, "%.40q is no UUID", s)
		}
		return append(dst, id...), nil
	}
	return appendText(dst, s), nil
}

func (w *writer) binary(dst []byte, v []byte) ([]byte, error) {
	if w.schema.Type() == hamba.Fixed {
		if len(v) != w.size {
			return dst, w.unfit(format.CodeFormat, "%d bytes, where the schema has %d", len(v), w.size)
		}
		return append(dst, v...), nil
	}
	return append(binary.AppendVarint(dst, int64(len(v))), v...), nil
}

// decimal appends a number in two's complement: of the shortest length, or the
// schema's.
func (w *writer) decimal(dst []byte, v decimal128.Num) []byte {
	v = v.IncreaseScaleBy(int32(w.scale - w.typ.Scale))
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(v.HighBits()))
	binary.BigEndian.PutUint64(b[8:], v.LowBits())
	sign := byte(0)
	if v.HighBits() < 0 {
		sign = 0xff
	}
	short := b[:]
	for len(short) > 1 && short[0] == sign && (short[1]^sign)&0x80 == 0 {
		short = short[1:]
	}
	if w.schema.Type() != hamba.Fixed {
		return append(binary.AppendVarint(dst, int64(len(short))), short...)
	}
	for n := len(short); n < w.size; n++ {
		dst = append(dst, sign)
	}
	return append(dst, short[max(0, len(short)-w.size):]...)
}

// encoding writes a record per message, or blocks of container files.
type encoding struct {
	fields []catalog.Field
	text   string
	schema hamba.Schema
	codec  string // of files
	upsert bool
}

func newEncoding(cfg format.EncodeConfig) (format.Encoding, error) {
	text, err := schemaOption(cfg.Options, cfg.Env)
	if err != nil {
		return nil, err
	}
	if text == "" {
		if text, err = SchemaOf(cfg.Columns, cfg.Options); err != nil {
			return nil, err
		}
	}
	e := &encoding{fields: cfg.Columns, text: text, codec: cfg.Options[optCodec], upsert: cfg.Upsert}
	if e.codec == "" {
		e.codec = "null"
	}
	if e.schema, err = Parse(text); err != nil {
		return nil, err
	}
	_, err = NewWriter(e.schema, e.fields)
	return e, err
}

// Header implements format.Encoding.
func (e *encoding) Header() []byte { return containerHeader(e.text, e.codec) }

// NewEncoder implements format.Encoding.
func (e *encoding) NewEncoder() format.Encoder {
	return &blocks{rows: e.writer(), mark: mark(e.text), codec: e.codec}
}

func (e *encoding) writer() *Writer {
	w, err := NewWriter(e.schema, e.fields)
	if err != nil {
		panic("avro: a writer that was made before can't be made again: " + err.Error())
	}
	return w
}

// NewMessageEncoder implements format.MessageEncoding.
func (e *encoding) NewMessageEncoder() format.MessageEncoder {
	return &encoder{e.writer(), e.upsert}
}

type encoder struct {
	rows   *Writer
	upsert bool
}

// AppendMessages implements format.MessageEncoder.
func (e *encoder) AppendMessages(dst []byte, spans []format.Span, b *connectors.Batch) ([]byte, []format.Span, error) {
	if err := e.rows.Bind(b.Cols); err != nil {
		return dst, spans, err
	}
	return format.AppendRows(dst, spans, b, e.upsert, e.rows.AppendRow)
}
