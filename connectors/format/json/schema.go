package json

import (
	"errors"
	"fmt"
	"math"

	"github.com/streamsql/streamsql/catalog"
)

// TimestampFormat is how timestamps are written: the option
// 'json.timestamp-format.standard'.
type TimestampFormat uint8

const (
	// TimestampSQL is 'yyyy-MM-dd HH:mm:ss[.fraction]', with a Z behind it for TIMESTAMP_LTZ.
	TimestampSQL TimestampFormat = iota
	// TimestampISO8601 has a T in place of the space.
	TimestampISO8601
	// TimestampOffset is TimestampISO8601 with Z or an offset behind TIMESTAMP too, which is
	// taken in UTC.
	TimestampOffset
)

// separator stands between date and time.
func (f TimestampFormat) separator() byte {
	if f == TimestampSQL {
		return ' '
	}
	return 'T'
}

// Options are the choices of a decoder. The zero value is the default.
type Options struct {
	// TimestampFormat of TIMESTAMP and TIMESTAMP_LTZ columns.
	TimestampFormat TimestampFormat
	// ValidateAll checks what no column reads as well: unknown members, members
	// of pruned ROWs and values that a later member of the same name replaces
	// must be valid JSON. It is 'decode.validate'='all' if all columns are read.
	ValidateAll bool
	// QuotedNumbers lets numeric columns take a number within a string: "1.5", and
	// BOOLEAN "true", "false", "1" and "0".
	QuotedNumbers bool
	// FailOnMissing makes it an error if an object lacks a column or a member of a
	// ROW. null is not missing.
	FailOnMissing bool
	// MaxRecordBytes is the longest record taken; 0 stands for DefaultMaxRecordBytes.
	MaxRecordBytes int
}

const (
	// DefaultMaxRecordBytes is the limit of a record's length unless set.
	DefaultMaxRecordBytes = 256 << 20
	// MaxDepth is how deeply containers may nest, the record's object included.
	MaxDepth = 10000
)

// Schema is a compiled list of columns. It is immutable and may be shared by
// any number of decoders.
type Schema struct {
	opts   Options
	cols   []catalog.Field
	root   *field   // a ROW of the columns
	fields []*field // by number
}

// field is a column, or a member, element or value of one.
type field struct {
	name     string // as written in the text; "" for the root, elements and values
	typ      catalog.Type
	notNull  bool
	op       op
	num      int32 // position in Schema.fields: preorder, so a subtree is a range
	end      int32 // one more than the last number of the subtree
	col      int16 // output column
	depth    int   // containers open inside a value of this field, itself included
	parent   *field
	children []*field       // ROW: members; ARRAY: element; MAP: key, value
	byName   map[string]int // ROW: members by name

	// mustCheck: a member must be there, so what is missing must be looked for.
	mustCheck bool
	// min and max bound integer columns.
	min, max int64
	// cut is the power of ten of microseconds that a time's precision leaves out.
	cut int64
}

// op selects the decoder of a value.
type op uint8

const (
	opInt8 op = iota // the integers come first
	opInt16
	opInt32
	opInt64
	opBoolean
	opFloat32
	opFloat64
	opDecimal
	opString
	opBytes
	opDate
	opTime
	opTimestamp
	opTimestampLTZ
	opIntervalDay
	opIntervalMonth
	opArray
	opMap
	opRow
	opJSON
)

var ops = map[catalog.Kind]op{
	catalog.KindBoolean:       opBoolean,
	catalog.KindTinyInt:       opInt8,
	catalog.KindSmallInt:      opInt16,
	catalog.KindInt:           opInt32,
	catalog.KindBigInt:        opInt64,
	catalog.KindFloat:         opFloat32,
	catalog.KindDouble:        opFloat64,
	catalog.KindDecimal:       opDecimal,
	catalog.KindString:        opString,
	catalog.KindBytes:         opBytes,
	catalog.KindDate:          opDate,
	catalog.KindTime:          opTime,
	catalog.KindTimestamp:     opTimestamp,
	catalog.KindTimestampLTZ:  opTimestampLTZ,
	catalog.KindIntervalDay:   opIntervalDay,
	catalog.KindIntervalMonth: opIntervalMonth,
	catalog.KindArray:         opArray,
	catalog.KindMap:           opMap,
	catalog.KindRow:           opRow,
	catalog.KindJSON:          opJSON,
}

// Compile prepares the decoding of records into the given columns. A ROW column
// may be pruned: members that its type leaves out are skipped like any member
// that is no column.
//
// It fails if two columns, or two members of a ROW, have the same name, and for
// types that JSON has no form for: a MAP whose keys are not strings, NULL.
func Compile(columns []catalog.Field, opts Options) (*Schema, error) {
	if opts.MaxRecordBytes <= 0 {
		opts.MaxRecordBytes = DefaultMaxRecordBytes
	}
	if opts.MaxRecordBytes > math.MaxInt32/2 {
		return nil, fmt.Errorf("json: a record can't be longer than %d bytes", math.MaxInt32/2)
	}
	if len(columns) > math.MaxInt16 {
		return nil, errors.New("json: too many columns")
	}
	s := &Schema{opts: opts, cols: columns}
	root, err := s.compile(nil, "", catalog.RowOf(columns...), -1)
	if err != nil {
		return nil, err
	}
	s.root = root
	return s, nil
}

// Columns gives the output columns.
func (s *Schema) Columns() []catalog.Field { return s.cols }

func (s *Schema) compile(parent *field, name string, t catalog.Type, col int16) (*field, error) {
	op, ok := ops[t.Kind]
	if !ok {
		return nil, fmt.Errorf("json: a column can't be %s", t)
	}
	if op == opTimestamp && s.opts.TimestampFormat == TimestampOffset {
		op = opTimestampLTZ
	}
	f := &field{name: name, typ: t, op: op, num: int32(len(s.fields)), col: col, parent: parent, depth: 1}
	if parent != nil {
		f.depth = parent.depth + 1
	}
	s.fields = append(s.fields, f)
	switch t.Kind {
	case catalog.KindTinyInt:
		f.min, f.max = math.MinInt8, math.MaxInt8
	case catalog.KindSmallInt:
		f.min, f.max = math.MinInt16, math.MaxInt16
	case catalog.KindInt:
		f.min, f.max = math.MinInt32, math.MaxInt32
	case catalog.KindBigInt:
		f.min, f.max = math.MinInt64, math.MaxInt64
	case catalog.KindTime, catalog.KindTimestamp, catalog.KindTimestampLTZ:
		f.cut = 1
		for p := t.Precision; p < 6; p++ {
			f.cut *= 10
		}
	case catalog.KindArray:
		if err := s.compileChild(f, "", *t.Elem, false, col); err != nil {
			return nil, err
		}
	case catalog.KindMap:
		if t.Key.Kind != catalog.KindString {
			return nil, fmt.Errorf("json: the keys of a MAP must be STRING, not %s", t.Key)
		}
		if err := s.compileChild(f, "", *t.Key, true, col); err != nil {
			return nil, err
		}
		if err := s.compileChild(f, "", *t.Elem, false, col); err != nil {
			return nil, err
		}
	case catalog.KindRow:
		f.byName = make(map[string]int, len(t.Fields))
		for i, m := range t.Fields {
			if _, twice := f.byName[m.Name]; twice {
				return nil, fmt.Errorf("json: two columns or members are named %s", catalog.QuoteName(m.Name))
			}
			f.byName[m.Name] = i
			c := col
			if parent == nil {
				c = int16(i)
			}
			if err := s.compileChild(f, m.Name, m.Type, m.NotNull, c); err != nil {
				return nil, err
			}
			f.mustCheck = f.mustCheck || m.NotNull || s.opts.FailOnMissing
		}
	}
	f.end = int32(len(s.fields))
	return f, nil
}

func (s *Schema) compileChild(f *field, name string, t catalog.Type, notNull bool, col int16) error {
	child, err := s.compile(f, name, t, col)
	if err != nil {
		return err
	}
	child.notNull = notNull
	f.children = append(f.children, child)
	return nil
}

// Path names the column or nested member that an error is about: "bid.price";
// "tags[]" for an element of an ARRAY or a value of a MAP; "" for an error of
// the whole record.
func (s *Schema) Path(e CellError) string {
	if e.Col < 0 {
		return ""
	}
	return s.fields[e.Field].path()
}

func (f *field) path() string {
	switch {
	case f.parent == nil:
		return ""
	case f.parent.op != opRow:
		return f.parent.path() + "[]"
	case f.parent.parent == nil:
		return f.name
	default:
		return f.parent.path() + "." + f.name
	}
}
