package parquet

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"github.com/streamsql/streamsql/catalog"
)

// The greatest precisions of DECIMAL that 32 and 64 bits hold.
const (
	maxDecimal32 = 9
	maxDecimal64 = 18
)

// node is a column, or a part of one, to be written. Its levels are those of the
// Dremel encoding: def is the definition level of a value that is there, rep the
// repetition level within which it stands.
type node struct {
	path     string
	required bool // NOT NULL
	strict   bool // something below is
	def, rep int16
	children []*node // ROW: the members; ARRAY: the element; MAP: key and value
	leaf     *leaf   // of a value without children
}

// outline makes the schema of files and the nodes of columns.
type outline struct{ leaves []*leaf }

// columns makes the nodes of columns, and their schema.
func (o *outline) columns(columns []catalog.Field) ([]*node, *schema.GroupNode, error) {
	var nodes []*node
	var fields schema.FieldList
	for _, c := range columns {
		n, f, err := o.node(c.Type, c.Name, c.Name, c.NotNull, 0, 0)
		if err != nil {
			return nil, nil, fmt.Errorf("parquet: %w", err)
		}
		nodes, fields = append(nodes, n), append(fields, f)
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	return nodes, root, err
}

// node makes the node of a value of type t, which stands in a place of levels def and
// rep.
func (o *outline) node(t catalog.Type, name, path string, required bool, def, rep int16) (*node, schema.Node, error) {
	repetition := parquet.Repetitions.Required
	if !required {
		repetition = parquet.Repetitions.Optional
		def++
	}
	n := &node{path: path, required: required, def: def, rep: rep}
	switch t.Kind {
	case catalog.KindArray:
		element, err := o.below(n, *t.Elem, "element", path+"[]", false, 1)
		if err != nil {
			return nil, nil, err
		}
		f, err := repeated(name, repetition, "list", schema.ListLogicalType{}, element)
		return n, f, err
	case catalog.KindMap:
		key, err := o.below(n, *t.Key, "key", path+"[key]", true, 1)
		if err != nil {
			return nil, nil, err
		}
		value, err := o.below(n, *t.Elem, "value", path+"[value]", false, 1)
		if err != nil {
			return nil, nil, err
		}
		f, err := repeated(name, repetition, "key_value", schema.MapLogicalType{}, key, value)
		return n, f, err
	case catalog.KindRow:
		if len(t.Fields) == 0 {
			return nil, nil, fmt.Errorf("column %s: a ROW without fields has no form in Parquet", path)
		}
		var members schema.FieldList
		for _, f := range t.Fields {
			m, err := o.below(n, f.Type, f.Name, path+"."+f.Name, f.NotNull, 0)
			if err != nil {
				return nil, nil, err
			}
			members = append(members, m)
		}
		f, err := schema.NewGroupNode(name, repetition, members, -1)
		return n, f, err
	}
	n.leaf = &leaf{number: len(o.leaves), maxDef: def, maxRep: rep}
	o.leaves = append(o.leaves, n.leaf)
	f, err := primitive(t, name, repetition)
	if err != nil {
		err = fmt.Errorf("column %s: %w", path, err)
	}
	return n, f, err
}

// below makes a child of n, in a group that is repeated if repeat is 1.
func (o *outline) below(n *node, t catalog.Type, name, path string, required bool, repeat int16) (schema.Node, error) {
	c, f, err := o.node(t, name, path, required, n.def+repeat, n.rep+repeat)
	if err != nil {
		return nil, err
	}
	n.children = append(n.children, c)
	n.strict = n.strict || c.required || c.strict
	return f, nil
}

// repeated makes the three levels of a list or map: the value, its entries, what is in
// an entry.
func repeated(name string, repetition parquet.Repetition, entries string, logical schema.LogicalType, fields ...schema.Node) (schema.Node, error) {
	group, err := schema.NewGroupNode(entries, parquet.Repetitions.Repeated, fields, -1)
	if err != nil {
		return nil, err
	}
	return schema.NewGroupNodeLogical(name, repetition, schema.FieldList{group}, logical, -1)
}

// primitive makes the schema of a value without parts.
func primitive(t catalog.Type, name string, repetition parquet.Repetition) (schema.Node, error) {
	var physical parquet.Type
	var logical schema.LogicalType = schema.NoLogicalType{}
	length := -1
	switch t.Kind {
	case catalog.KindBoolean:
		physical = parquet.Types.Boolean
	case catalog.KindTinyInt:
		physical, logical = parquet.Types.Int32, schema.NewIntLogicalType(8, true)
	case catalog.KindSmallInt:
		physical, logical = parquet.Types.Int32, schema.NewIntLogicalType(16, true)
	case catalog.KindInt:
		physical = parquet.Types.Int32
	case catalog.KindBigInt:
		physical = parquet.Types.Int64
	case catalog.KindFloat:
		physical = parquet.Types.Float
	case catalog.KindDouble:
		physical = parquet.Types.Double
	case catalog.KindString, catalog.KindJSON:
		physical, logical = parquet.Types.ByteArray, schema.StringLogicalType{}
	case catalog.KindBytes:
		physical = parquet.Types.ByteArray
	case catalog.KindDate:
		physical, logical = parquet.Types.Int32, schema.DateLogicalType{}
	case catalog.KindTime:
		physical, logical = parquet.Types.Int64, schema.NewTimeLogicalType(false, schema.TimeUnitMicros)
	case catalog.KindTimestamp, catalog.KindTimestampLTZ:
		physical, logical = parquet.Types.Int64, schema.NewTimestampLogicalType(t.Kind == catalog.KindTimestampLTZ, schema.TimeUnitMicros)
	case catalog.KindDecimal:
		logical = schema.NewDecimalLogicalType(int32(t.Precision), int32(t.Scale))
		switch {
		case t.Precision <= maxDecimal32:
			physical = parquet.Types.Int32
		case t.Precision <= maxDecimal64:
			physical = parquet.Types.Int64
		default:
			physical, length = parquet.Types.FixedLenByteArray, decimalSize(int32(t.Precision))
		}
	default:
		return nil, errors.New(t.String() + " has no form in Parquet")
	}
	return schema.NewPrimitiveNodeLogical(name, repetition, logical, physical, length, -1)
}

// decimalSize is how many bytes a DECIMAL of so many digits takes at least.
func decimalSize(precision int32) int { return int(pqarrow.DecimalSize(precision)) }
