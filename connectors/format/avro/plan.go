package avro

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	hamba "github.com/hamba/avro/v2"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format/cell"
)

// op says how the bytes of a value are read.
type op uint8

const (
	opNull op = iota
	opBool
	opInt // int and long, as a number
	opFloat
	opDouble
	opBytes   // bytes and string, as they are
	opFixed   // size bytes, as they are
	opEnum    // as text
	opDecimal // bytes, in two's complement
	opFixedDecimal
	opUUID // 16 bytes, as text
	opDate
	opTime      // int or long, units a second
	opTimestamp // long, units a second
	opArray
	opMap
	opRecord
	opUnion
	// What follows is passed over.
	opSkipVarint
	opSkipFixed
	opSkipBytes
	opSkipArray
	opSkipMap
	opSkipRecord
	opSkipUnion
	// opMisfit is a branch of a union that the column can't take.
	opMisfit
	opSkipNull
)

// node reads or passes over one value of the writer's schema.
type node struct {
	op       op
	cell     *cell.Cell // nil where nothing is put
	size     int        // fixed: bytes; decimal: scale; union: branches
	units    int64      // of a second
	symbols  [][]byte
	children []*node // record: fields; array, map: value; union: branches
	key      *cell.Cell
	absent   []absent // record: members that the writer does not have
	what     string   // misfit: the writer's type
}

// absent is a member of a ROW, or a column, that the writer does not have.
type absent struct {
	cell  *cell.Cell
	value *node  // reads data; nil: NULL
	data  []byte // the reader's default, encoded
}

// plan reads the records of one writer's schema into the columns of a batch.
type plan struct{ root *node }

// schema is what records are written with, and what they are to be read as.
type schema struct {
	writer hamba.Schema
	reader *hamba.RecordSchema // nil: none
}

// newPlan makes the nodes that fill the columns of rows.
func newPlan(s schema, rows *cell.Rows) (*plan, error) {
	writer, ok := deref(s.writer).(*hamba.RecordSchema)
	if !ok {
		return nil, fmt.Errorf("the schema is %s, not a record", s.writer.Type())
	}
	c := compiler{skips: map[hamba.Schema]*node{}}
	cells := make([]*cell.Cell, len(rows.Fields))
	for i, f := range rows.Fields {
		cells[i] = cell.New(f, int16(i), rows.Columns[i], rows.Errors)
	}
	root, err := c.record(writer, s.reader, rows.Fields, func(i int) *cell.Cell { return cells[i] })
	if err != nil {
		return nil, err
	}
	return &plan{root: root}, nil
}

// compiler makes nodes.
type compiler struct {
	skips map[hamba.Schema]*node // of records, which may hold themselves
}

// deref follows references to named schemas.
func deref(s hamba.Schema) hamba.Schema {
	if r, ok := s.(*hamba.RefSchema); ok {
		return r.Schema()
	}
	return s
}

// record makes the node of a record: its fields go to the cells of the members of
// the same name.
func (c *compiler) record(w, r *hamba.RecordSchema, members []catalog.Field, at func(i int) *cell.Cell) (*node, error) {
	n := &node{op: opRecord}
	taken := make([]bool, len(members))
	var readers []*hamba.Field
	if r != nil {
		readers = r.Fields()
	}
	for _, f := range w.Fields() {
		i := memberOf(members, readers, f.Name())
		if i < 0 || taken[i] {
			n.children = append(n.children, c.skip(f.Type()))
			continue
		}
		taken[i] = true
		var reader hamba.Schema
		if rf := readerField(readers, members[i].Name); rf != nil {
			reader = rf.Type()
		}
		child, err := c.value(f.Type(), reader, at(i))
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
	}
	for i, m := range members {
		if taken[i] {
			continue
		}
		a := absent{cell: at(i)}
		if rf := readerField(readers, m.Name); rf != nil && rf.HasDefault() {
			if err := a.setDefault(c, rf); err != nil {
				return nil, err
			}
		}
		n.absent = append(n.absent, a)
	}
	return n, nil
}

// setDefault encodes the default of the reader's field.
func (a *absent) setDefault(c *compiler, rf *hamba.Field) error {
	if rf.Default() == nil {
		return nil
	}
	data, err := encodeDefault(rf)
	if err != nil {
		return err
	}
	a.data = data
	a.value, err = c.value(rf.Type(), nil, a.cell)
	return err
}

// memberOf is the member that a writer's field of this name goes to: the one of the
// same name, or whose reader's field has the name as an alias.
func memberOf(members []catalog.Field, readers []*hamba.Field, name string) int {
	if i := slices.IndexFunc(members, func(m catalog.Field) bool { return m.Name == name }); i >= 0 {
		return i
	}
	for _, r := range readers {
		if slices.Contains(r.Aliases(), name) {
			return slices.IndexFunc(members, func(m catalog.Field) bool { return m.Name == r.Name() })
		}
	}
	return -1
}

func readerField(readers []*hamba.Field, name string) *hamba.Field {
	for _, r := range readers {
		if r.Name() == name {
			return r
		}
	}
	return nil
}

// errMisfit says that a column can't take a type of Avro.
var errMisfit = errors.New("does not fit")

// value makes the node of a value that goes to a cell. reader is nil if there is none.
func (c *compiler) value(w, reader hamba.Schema, to *cell.Cell) (*node, error) {
	w = deref(w)
	if u, ok := w.(*hamba.UnionSchema); ok {
		return c.union(u, reader, to)
	}
	n, err := c.plain(w, reader, to)
	if errors.Is(err, errMisfit) {
		return nil, fmt.Errorf("column %s: %s of Avro does not fit %s", to.Path, describe(w), to.Type)
	}
	return n, err
}

// union makes the node of a union: a branch that does not fit is an error of the
// records that have it, unless none fits.
func (c *compiler) union(u *hamba.UnionSchema, reader hamba.Schema, to *cell.Cell) (*node, error) {
	n := &node{op: opUnion, cell: to}
	fit, inside := false, error(nil)
	for _, b := range u.Types() {
		b = deref(b)
		if b.Type() == hamba.Null {
			n.children = append(n.children, &node{op: opNull, cell: to})
			continue
		}
		child, err := c.plain(b, reader, to)
		if err != nil {
			if !errors.Is(err, errMisfit) {
				inside = err
			}
			child = &node{op: opMisfit, cell: to, what: describe(b), children: []*node{c.skip(b)}}
		} else {
			fit = true
		}
		n.children = append(n.children, child)
	}
	if !fit && inside != nil {
		return nil, inside
	}
	if !fit && len(u.Types()) > 1 {
		return nil, fmt.Errorf("column %s: %s of Avro does not fit %s", to.Path, describe(u), to.Type)
	}
	return n, nil
}

// plain makes the node of a value that is no union.
func (c *compiler) plain(w, reader hamba.Schema, to *cell.Cell) (*node, error) {
	kind := to.Type.Kind
	switch w := w.(type) {
	case *hamba.NullSchema:
		return &node{op: opNull, cell: to}, nil
	case *hamba.PrimitiveSchema:
		return primitive(w, to)
	case *hamba.EnumSchema:
		if kind == catalog.KindString {
			n := &node{op: opEnum, cell: to}
			for _, s := range w.Symbols() {
				n.symbols = append(n.symbols, []byte(s))
			}
			return n, nil
		}
	case *hamba.FixedSchema:
		if d, ok := w.Logical().(*hamba.DecimalLogicalSchema); ok && kind == catalog.KindDecimal {
			return &node{op: opFixedDecimal, cell: to, size: w.Size(), units: int64(d.Scale())}, nil
		}
		if logical(w.Logical()) == hamba.UUID && w.Size() == 16 && kind == catalog.KindString {
			return &node{op: opUUID, cell: to}, nil
		}
		if kind == catalog.KindBytes {
			return &node{op: opFixed, cell: to, size: w.Size()}, nil
		}
	case *hamba.ArraySchema:
		if kind == catalog.KindArray {
			var r hamba.Schema
			if ra, ok := branch[*hamba.ArraySchema](reader); ok {
				r = ra.Items()
			}
			child, err := c.value(w.Items(), r, to.Elem())
			return &node{op: opArray, cell: to, children: []*node{child}}, err
		}
	case *hamba.MapSchema:
		if kind == catalog.KindMap && to.Type.Key.Kind == catalog.KindString {
			var r hamba.Schema
			if rm, ok := branch[*hamba.MapSchema](reader); ok {
				r = rm.Values()
			}
			child, err := c.value(w.Values(), r, to.Value())
			return &node{op: opMap, cell: to, key: to.Key(), children: []*node{child}}, err
		}
	case *hamba.RecordSchema:
		if kind == catalog.KindRow {
			r, _ := branch[*hamba.RecordSchema](reader)
			n, err := c.record(w, r, to.Type.Fields, to.Member)
			if err != nil {
				return nil, err
			}
			n.cell = to
			return n, nil
		}
	}
	return nil, errMisfit
}

// branch gives the schema of type T that a reader's schema is, or has as a branch.
func branch[T hamba.Schema](s hamba.Schema) (t T, ok bool) {
	if s == nil {
		return t, false
	}
	s = deref(s)
	if u, isUnion := s.(*hamba.UnionSchema); isUnion {
		for _, b := range u.Types() {
			if t, ok = deref(b).(T); ok {
				return t, true
			}
		}
		return t, false
	}
	t, ok = s.(T)
	return t, ok
}

func logical(l hamba.LogicalSchema) hamba.LogicalType {
	if l == nil {
		return ""
	}
	return l.Type()
}

// timestampUnits are the units a second of the logical types of instants.
var timestampUnits = map[hamba.LogicalType]int64{
	hamba.TimestampMillis: 1e3, hamba.TimestampMicros: 1e6, hamba.LocalTimestampMillis: 1e3, hamba.LocalTimestampMicros: 1e6,
	"timestamp-nanos": 1e9, "local-timestamp-nanos": 1e9,
}

// logicalName is the logical type of a primitive schema, those that the library
// does not know too.
func logicalName(s *hamba.PrimitiveSchema) hamba.LogicalType {
	if l := s.Logical(); l != nil {
		return l.Type()
	}
	name, _ := s.Prop("logicalType").(string)
	return hamba.LogicalType(name)
}

func primitive(w *hamba.PrimitiveSchema, to *cell.Cell) (*node, error) {
	t, kind, name := to.Type, to.Type.Kind, logicalName(w)
	switch w.Type() {
	case hamba.Boolean:
		if kind == catalog.KindBoolean {
			return &node{op: opBool, cell: to}, nil
		}
	case hamba.Int, hamba.Long:
		switch {
		case name == hamba.Date && kind == catalog.KindDate:
			return &node{op: opDate, cell: to}, nil
		case name == hamba.TimeMillis && kind == catalog.KindTime:
			return &node{op: opTime, cell: to, units: 1e3}, nil
		case name == hamba.TimeMicros && kind == catalog.KindTime:
			return &node{op: opTime, cell: to, units: 1e6}, nil
		case timestampUnits[name] > 0 && t.IsTimestamp():
			return &node{op: opTimestamp, cell: to, units: timestampUnits[name]}, nil
		case t.IsNumeric():
			return &node{op: opInt, cell: to}, nil
		}
	case hamba.Float:
		if t.IsFloating() {
			return &node{op: opFloat, cell: to}, nil
		}
	case hamba.Double:
		if kind == catalog.KindDouble {
			return &node{op: opDouble, cell: to}, nil
		}
	case hamba.Bytes:
		if d, ok := w.Logical().(*hamba.DecimalLogicalSchema); ok && kind == catalog.KindDecimal {
			return &node{op: opDecimal, cell: to, units: int64(d.Scale())}, nil
		}
		if kind == catalog.KindBytes || kind == catalog.KindString {
			return &node{op: opBytes, cell: to}, nil
		}
	case hamba.String:
		if kind == catalog.KindBytes || kind == catalog.KindString {
			return &node{op: opBytes, cell: to}, nil
		}
	}
	return nil, errMisfit
}

// skip makes the node that passes over a value.
func (c *compiler) skip(w hamba.Schema) *node {
	w = deref(w)
	if n := c.skips[w]; n != nil {
		return n
	}
	n := &node{}
	c.skips[w] = n
	switch w := w.(type) {
	case *hamba.PrimitiveSchema:
		switch w.Type() {
		case hamba.Boolean:
			n.op, n.size = opSkipFixed, 1
		case hamba.Float:
			n.op, n.size = opSkipFixed, 4
		case hamba.Double:
			n.op, n.size = opSkipFixed, 8
		case hamba.Bytes, hamba.String:
			n.op = opSkipBytes
		default:
			n.op = opSkipVarint
		}
	case *hamba.EnumSchema:
		n.op = opSkipVarint
	case *hamba.FixedSchema:
		n.op, n.size = opSkipFixed, w.Size()
	case *hamba.ArraySchema:
		n.op, n.children = opSkipArray, []*node{c.skip(w.Items())}
	case *hamba.MapSchema:
		n.op, n.children = opSkipMap, []*node{c.skip(w.Values())}
	case *hamba.RecordSchema:
		n.op = opSkipRecord
		for _, f := range w.Fields() {
			n.children = append(n.children, c.skip(f.Type()))
		}
	case *hamba.UnionSchema:
		n.op = opSkipUnion
		for _, b := range w.Types() {
			n.children = append(n.children, c.skip(b))
		}
	default:
		n.op = opSkipNull
	}
	return n
}

// describe names a type of Avro for people.
func describe(s hamba.Schema) string {
	switch s := deref(s).(type) {
	case *hamba.PrimitiveSchema:
		if name := logicalName(s); name != "" {
			return string(s.Type()) + " (" + string(name) + ")"
		}
		return string(s.Type())
	case *hamba.UnionSchema:
		var names []string
		for _, b := range s.Types() {
			names = append(names, describe(b))
		}
		return "union of " + strings.Join(names, ", ")
	default:
		return string(s.Type())
	}
}
