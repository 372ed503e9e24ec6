package cast

import (
	"fmt"
	"sort"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// nested converts ARRAY, MAP and ROW member by member. A member that does not
// convert is an error of its row.
func nested(from, to catalog.Type) (catalog.Kernel, error) {
	switch from.Kind {
	case catalog.KindArray:
		elem, err := build(*from.Elem, *to.Elem)
		if err != nil {
			return nil, err
		}
		return list{to, elem}, nil
	case catalog.KindMap:
		pair := func(t catalog.Type) catalog.Type {
			return catalog.RowOf(catalog.Field{Name: "key", Type: *t.Key, NotNull: true}, catalog.Field{Name: "value", Type: *t.Elem})
		}
		entry, err := nested(pair(from), pair(to))
		if err != nil {
			return nil, err
		}
		return list{to, entry}, nil
	default:
		k := row{to: to}
		for i, f := range from.Fields {
			m, err := build(f.Type, to.Fields[i].Type)
			if err != nil {
				return nil, fmt.Errorf("member %s: %w", f.Name, err)
			}
			k.members = append(k.members, m)
		}
		return k, nil
	}
}

type row struct {
	to      catalog.Type
	members []catalog.Kernel // nil: taken over
}

// Eval implements catalog.Kernel.
func (k row) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	s := args[0].(*array.Struct)
	live := present(s, n, sel)
	children := make([]arrow.Array, len(k.members))
	failed := map[int]bool{}
	sub := *c
	sub.Fail = func(i int, code, message string) {
		failed[i] = true
		c.Fail(i, code, message)
	}
	for i, m := range k.members {
		child := s.Field(i)
		if m == nil {
			child.Retain()
			children[i] = child
			continue
		}
		out, err := m.Eval(&sub, []arrow.Array{child}, n, live)
		if err != nil {
			return nil, err
		}
		children[i] = out
	}
	valid := kernel.NewNullable(c.Alloc, n, s)
	for i := range failed {
		valid.SetNull(i)
	}
	dt := k.to.Arrow().(*arrow.StructType)
	for i, child := range children {
		if !arrow.TypeEqual(child.DataType(), dt.Field(i).Type) {
			children[i] = retyped(child, dt.Field(i).Type)
			child.Release()
		}
	}
	return column.Make(dt, n, -1, []*memory.Buffer{valid.Buffer()}, children...), nil
}

// present gives the selected rows that are not NULL; nil: all.
func present(a arrow.Array, n int, sel []int32) []int32 {
	v := column.Validity(a)
	if v.All() {
		return sel
	}
	out := make([]int32, 0, n)
	if sel == nil {
		return v.AppendSet(out, n)
	}
	for _, r := range sel {
		if v.Get(int(r)) {
			out = append(out, r)
		}
	}
	return out
}

// kept leaves the entries of those rows alone whose MAP has a value: keys that did not
// convert, or were not to be, are NULL, which no key of an Arrow array may be.
func kept(alloc memory.Allocator, valid kernel.Nullable, offs []int32, elems arrow.Array, n int, sel []int32) ([]int32, arrow.Array) {
	live := make([]bool, n)
	kernel.ForEach(n, sel, &valid, func(i int) { live[i] = true })
	out, entries := make([]int32, n+1), make([]int32, 0, elems.Len())
	for i := range n {
		for e := offs[i]; live[i] && e < offs[i+1]; e++ {
			entries = append(entries, e)
		}
		out[i+1] = int32(len(entries))
	}
	if len(entries) == elems.Len() {
		elems.Retain()
		return offs, elems
	}
	return out, column.Gather(elems, entries, alloc)
}

type list struct {
	to   catalog.Type
	elem catalog.Kernel
}

// Eval implements catalog.Kernel.
func (k list) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	a := args[0]
	offs, elems := column.Offsets(a), column.Elements(a)
	valid := kernel.NewNullable(c.Alloc, n, a)
	if k.elem != nil {
		inner := []int32{}
		kernel.ForEach(n, sel, &valid, func(i int) {
			for e := offs[i]; e < offs[i+1]; e++ {
				inner = append(inner, e)
			}
		})
		sub := *c
		sub.Fail = func(e int, code, message string) {
			i := sort.Search(n, func(i int) bool { return int(offs[i+1]) > e })
			c.Fail(i, code, message)
			valid.SetNull(i)
		}
		out, err := k.elem.Eval(&sub, []arrow.Array{elems}, elems.Len(), inner)
		if err != nil {
			return nil, err
		}
		elems = out
		if k.to.Kind == catalog.KindMap {
			offs, elems = kept(c.Alloc, valid, offs, elems, n, sel)
			out.Release()
		}
	} else {
		elems.Retain()
	}
	offBuf := column.NewBuffer(c.Alloc, 4*(n+1))
	copy(column.As[int32](offBuf, n+1), offs)
	dt := k.to.Arrow()
	var want arrow.DataType
	switch dt := dt.(type) {
	case *arrow.MapType:
		want = dt.Elem()
	case *arrow.ListType:
		want = dt.Elem()
	}
	if !arrow.TypeEqual(elems.DataType(), want) {
		old := elems
		elems = retyped(old, want)
		old.Release()
	}
	return column.Make(dt, n, -1, []*memory.Buffer{valid.Buffer(), offBuf}, elems), nil
}
