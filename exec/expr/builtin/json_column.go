package builtin

import (
	"encoding/base64"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/valyala/fastjson"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/cast"
	"github.com/streamsql/streamsql/exec/expr/jsonpath"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// jsonColumn gathers JSON values of one type: simple ones as texts, which are
// converted all at once, nested ones as the columns of their parts.
type jsonColumn struct {
	t     catalog.Type
	n     int
	nulls []int32
	// simple values: their texts, one after the other.
	ends []int32
	data []byte
	// nested values: where each starts, and its parts.
	offs  []int32
	parts []*jsonColumn
}

func newJSONColumn(t catalog.Type) *jsonColumn {
	c := &jsonColumn{t: t}
	switch t.Kind {
	case catalog.KindArray:
		c.parts = []*jsonColumn{newJSONColumn(*t.Elem)}
	case catalog.KindMap:
		c.parts = []*jsonColumn{newJSONColumn(*t.Key), newJSONColumn(*t.Elem)}
	case catalog.KindRow:
		for _, f := range t.Fields {
			c.parts = append(c.parts, newJSONColumn(f.Type))
		}
	}
	return c
}

// add takes a value; nil is NULL.
func (c *jsonColumn) add(v *fastjson.Value) {
	if v != nil && v.Type() == fastjson.TypeNull {
		v = nil
	}
	switch c.t.Kind {
	case catalog.KindArray:
		c.offs = append(c.offs, int32(c.parts[0].n))
		if v != nil && v.Type() != fastjson.TypeArray {
			v = nil
		}
		if v != nil {
			for _, e := range v.GetArray() {
				c.parts[0].add(e)
			}
		}
	case catalog.KindMap:
		c.offs = append(c.offs, int32(c.parts[0].n))
		if v != nil && v.Type() != fastjson.TypeObject {
			v = nil
		}
		if v != nil {
			o := v.GetObject()
			at, last := 0, lastMembers(o)
			o.Visit(func(key []byte, m *fastjson.Value) {
				if at++; last == nil || last[string(key)] == at {
					c.parts[0].addText(key)
					c.parts[1].add(m)
				}
			})
		}
	case catalog.KindRow:
		if v != nil && v.Type() != fastjson.TypeObject {
			v = nil
		}
		for k, f := range c.t.Fields {
			var m *fastjson.Value
			if v != nil {
				m = jsonpath.Member(v, f.Name)
			}
			c.parts[k].add(m)
		}
	default:
		c.simple(v)
		return
	}
	if v == nil {
		c.nulls = append(c.nulls, int32(c.n))
	}
	c.n++
}

// lastMembers gives the place, from 1, of the last member of each name; nil if no two
// have one name.
func lastMembers(o *fastjson.Object) map[string]int {
	last, at, twice := make(map[string]int, o.Len()), 0, false
	o.Visit(func(key []byte, _ *fastjson.Value) {
		at++
		twice = twice || last[string(key)] > 0
		last[string(key)] = at
	})
	if !twice {
		return nil
	}
	return last
}

// simple takes a value as its text; an object or array is one for a text only.
func (c *jsonColumn) simple(v *fastjson.Value) {
	switch {
	case v == nil || isContainer(v) && !c.t.IsText():
		c.nulls = append(c.nulls, int32(c.n))
		c.addText(nil)
	case c.t.Kind == catalog.KindJSON || isContainer(v):
		c.addText(v.MarshalTo(nil))
	default:
		text, _, ok := jsonScalar(nil, v)
		if c.t.Kind == catalog.KindBytes && ok {
			var err error
			text, err = base64.StdEncoding.AppendDecode(nil, text)
			ok = err == nil
		}
		if !ok {
			c.nulls = append(c.nulls, int32(c.n))
			text = nil
		}
		c.addText(text)
	}
}

func (c *jsonColumn) addText(text []byte) {
	c.data = append(c.data, text...)
	c.ends = append(c.ends, int32(len(c.data)))
	c.n++
}

func (c *jsonColumn) valid(alloc memory.Allocator) *memory.Buffer {
	v := kernel.NewNullable(alloc, c.n)
	for _, i := range c.nulls {
		v.SetNull(int(i))
	}
	return v.Buffer()
}

// column gives the values as a column.
func (c *jsonColumn) column(x *catalog.EvalContext) (arrow.Array, error) {
	if c.parts == nil {
		return c.simples(x)
	}
	parts := make([]arrow.Array, len(c.parts))
	for k, p := range c.parts {
		var err error
		if parts[k], err = p.column(x); err != nil {
			for _, made := range parts[:k] {
				made.Release()
			}
			return nil, err
		}
	}
	dt := c.t.Arrow()
	if c.t.Kind == catalog.KindRow {
		return column.Make(dt, c.n, -1, []*memory.Buffer{c.valid(x.Alloc)}, parts...), nil
	}
	offBuf := column.NewBuffer(x.Alloc, 4*(c.n+1))
	offs := column.As[int32](offBuf, c.n+1)
	copy(offs, c.offs)
	offs[c.n] = int32(c.parts[0].n)
	child := parts[0]
	if m, ok := dt.(*arrow.MapType); ok {
		child = column.Make(m.Elem(), c.parts[0].n, 0, []*memory.Buffer{nil}, parts...)
	}
	return column.Make(dt, c.n, -1, []*memory.Buffer{c.valid(x.Alloc), offBuf}, child), nil
}

// simples converts the texts.
func (c *jsonColumn) simples(x *catalog.EvalContext) (arrow.Array, error) {
	b := kernel.NewTextBuilder(x.Alloc, c.n, len(c.data))
	from := int32(0)
	for i, end := range c.ends {
		b.Put(i, c.data[from:end])
		from = end
	}
	dt := arrow.DataType(arrow.BinaryTypes.String)
	if c.t.Kind == catalog.KindBytes {
		dt = arrow.BinaryTypes.Binary
	}
	texts, err := b.Finish(dt, c.valid(x.Alloc))
	if err != nil || c.t.Kind == catalog.KindBytes {
		return texts, err
	}
	k, err := cast.New(str, c.t, true)
	if err != nil || k == nil {
		return texts, err
	}
	defer texts.Release()
	return k.Eval(x, []arrow.Array{texts}, c.n, nil)
}
