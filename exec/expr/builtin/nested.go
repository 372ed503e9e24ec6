package builtin

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// The codes of errors with nested values.
const (
	codeNullKey     = "NULL_KEY"
	codeNotOneValue = "NOT_ONE_ELEMENT"
)

func nestedFunctions() []*catalog.Function {
	return append([]*catalog.Function{
		{
			Name: "ARRAY", Aliases: []string{"LIST_VALUE", "LIST_PACK", "ARRAY_VALUE"}, Category: nestedData, Signatures: []string{"ARRAY[a, b, ...] -> ARRAY<common type>"},
			Doc: "An array of the values. ARRAY[] is empty.", Examples: []catalog.Example{{SQL: "ARRAY[1, 2, NULL]", Result: "[1,2,null]"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				t, ok := catalog.CommonTypeOf(argTypes(args)...)
				if !ok {
					return nil, noOverload("ARRAY", args)
				}
				result := catalog.ArrayOf(t)
				return &catalog.Overload{Params: same(t, len(args)), Result: result, NeverNull: true, Kernel: kernel.Func(
					func(c *catalog.EvalContext, args []arrow.Array, n int, _ []int32) (arrow.Array, error) {
						rows := make([]int32, n)
						for i := range rows {
							rows[i] = int32(i)
						}
						elems, err := interleave(c.Alloc, t, args, rows)
						if err != nil {
							return nil, err
						}
						return column.Make(result.Arrow(), n, 0, []*memory.Buffer{nil, evenOffsets(c.Alloc, n, len(args))}, elems), nil
					})}, nil
			},
		},
		{
			Name: "MAP", Category: nestedData, Signatures: []string{"MAP[k1, v1, k2, v2, ...] -> MAP<common type, common type>"},
			Doc:      "A map of keys to values. A key that is NULL is an error of the row (" + codeNullKey + "); of equal keys the last one counts.",
			Examples: []catalog.Example{{SQL: "MAP['a', 1, 'b', 2]", Result: `{"a":1,"b":2}`}},
			Resolve:  resolveMap,
		},
		{
			Name: "ROW", Category: nestedData, Signatures: []string{"ROW(a, b, ...) -> ROW<EXPR$0, EXPR$1, ...>"},
			Doc: "A row of the values; its members are called EXPR$0, EXPR$1 and so on.", Examples: []catalog.Example{{SQL: "ROW(1, 'a')", Result: `{"EXPR$0":1,"EXPR$1":"a"}`}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				result := catalog.Type{Kind: catalog.KindRow}
				for i, a := range args {
					result.Fields = append(result.Fields, catalog.Field{Name: fmt.Sprintf("EXPR$%d", i), Type: a.Type})
				}
				return &catalog.Overload{Params: argTypes(args), Result: result, NeverNull: true, Kernel: kernel.Func(
					func(_ *catalog.EvalContext, args []arrow.Array, n int, _ []int32) (arrow.Array, error) {
						children := make([]arrow.Array, len(args))
						for i, a := range args {
							a.Retain()
							children[i] = a
						}
						return column.Make(result.Arrow(), n, 0, []*memory.Buffer{nil}, children...), nil
					})}, nil
			},
		},
		{
			Name: "ITEM", Category: nestedData, Signatures: []string{"array[i] -> element", "map[key] -> value"},
			Doc:      "Element i of an array, from 1; the value of a key in a map. NULL if there is none or an argument is NULL.",
			Examples: []catalog.Example{{SQL: "ARRAY['a', 'b'][2]", Result: "b"}, {SQL: "ARRAY[1][3]", Result: "NULL"}, {SQL: "MAP['a', 1]['a']", Result: "1"}},
			Resolve:  resolveItem,
		},
		{
			Name: "CARDINALITY", Aliases: []string{"SIZE", "ARRAY_LENGTH", "ARRAY_SIZE"}, Category: nestedData, Signatures: []string{"CARDINALITY(array | map) -> INT"},
			Doc: "The number of elements or entries. NULL if the argument is NULL.", Examples: []catalog.Example{{SQL: "CARDINALITY(ARRAY[1, 2])", Result: "2"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("CARDINALITY", args, 1, 1); err != nil {
					return nil, err
				}
				if k := args[0].Type.Kind; k != catalog.KindArray && k != catalog.KindMap {
					return nil, noOverload("CARDINALITY", args)
				}
				return &catalog.Overload{Params: argTypes(args), Result: intType, Strict: true, Kernel: lengthKernelOfList}, nil
			},
		},
		{
			Name: "ELEMENT", Category: nestedData, Signatures: []string{"ELEMENT(array) -> element"},
			Doc:      "The only element of an array; NULL if it is empty or NULL. More than one is an error of the row (" + codeNotOneValue + ").",
			Examples: []catalog.Example{{SQL: "ELEMENT(ARRAY[7])", Result: "7"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("ELEMENT", args, 1, 1); err != nil {
					return nil, err
				}
				t := args[0].Type
				if t.Kind != catalog.KindArray {
					return nil, noOverload("ELEMENT", args)
				}
				return &catalog.Overload{Params: argTypes(args), Result: *t.Elem, Strict: true, CanFail: true, Kernel: kernel.Func(
					func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
						offs := column.Offsets(args[0])
						return pickElements(c, args, n, sel, func(i int) int32 {
							switch size := offs[i+1] - offs[i]; {
							case size > 1:
								c.Fail(i, codeNotOneValue, fmt.Sprintf("ELEMENT of an array of %d", size))
								return -1
							case size == 0:
								return -1
							}
							return offs[i]
						}), nil
					})}, nil
			},
		},
		{
			Name: "ARRAY_CONTAINS", Aliases: []string{"LIST_CONTAINS", "LIST_HAS", "ARRAY_HAS"}, Category: nestedData, Signatures: []string{"ARRAY_CONTAINS(array, x) -> BOOLEAN"},
			Doc: "Whether an element equals x. NULL if an argument is NULL.", Examples: []catalog.Example{{SQL: "ARRAY_CONTAINS(ARRAY[1, 2], 2)", Result: "true"}, {SQL: "ARRAY_CONTAINS(ARRAY['a'], 'b')", Result: "false"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("ARRAY_CONTAINS", args, 2, 2); err != nil {
					return nil, err
				}
				if args[0].Type.Kind != catalog.KindArray {
					return nil, noOverload("ARRAY_CONTAINS", args)
				}
				t, ok := catalog.CommonType(*args[0].Type.Elem, args[1].Type)
				if !ok {
					return nil, noOverload("ARRAY_CONTAINS", args)
				}
				return &catalog.Overload{Params: []catalog.Type{catalog.ArrayOf(t), t}, Result: catalog.Boolean, Strict: true, Kernel: kernel.Rows{
					Open: func(args []arrow.Array) func(i int) bool {
						offs, elems := column.Offsets(args[0]), column.Elements(args[0])
						compare, valid := column.Comparator(elems, args[1]), column.Validity(elems)
						return func(i int) bool {
							for e := int(offs[i]); e < int(offs[i+1]); e++ {
								if valid.Get(e) && compare(e, i) == 0 {
									return true
								}
							}
							return false
						}
					}}}, nil
			},
		},
	}, mapParts("MAP_KEYS", "keys", `["a"]`, func(m *array.Map) arrow.Array { return m.Keys() }, func(t catalog.Type) catalog.Type { return *t.Key }),
		mapParts("MAP_VALUES", "values", "[1]", func(m *array.Map) arrow.Array { return m.Items() }, func(t catalog.Type) catalog.Type { return *t.Elem }))
}

// interleave gives the first of rows of all columns, then the second of all, and
// so on.
func interleave(alloc memory.Allocator, t catalog.Type, cols []arrow.Array, rows []int32) (arrow.Array, error) {
	if len(cols) == 0 || len(rows) == 0 {
		return column.NewNull(alloc, t.Arrow(), 0), nil
	}
	all, err := column.Concat(cols, alloc)
	if err != nil {
		return nil, err
	}
	defer all.Release()
	n := int32(cols[0].Len())
	sel := make([]int32, 0, len(rows)*len(cols))
	for _, r := range rows {
		for k := range cols {
			sel = append(sel, int32(k)*n+r)
		}
	}
	return column.Gather(all, sel, alloc), nil
}

func evenOffsets(alloc memory.Allocator, n, step int) *memory.Buffer {
	buf := column.NewBuffer(alloc, 4*(n+1))
	for i := range column.As[int32](buf, n+1) {
		column.As[int32](buf, n+1)[i] = int32(i * step)
	}
	return buf
}

func resolveMap(args []catalog.Arg) (*catalog.Overload, error) {
	if len(args)%2 != 0 {
		return nil, fmt.Errorf("MAP takes keys and values in turn, not %d arguments", len(args))
	}
	key, value, ok := catalog.Null, catalog.Null, true
	for i := 0; ok && i < len(args); i += 2 {
		if key, ok = catalog.CommonType(key, args[i].Type); ok {
			value, ok = catalog.CommonType(value, args[i+1].Type)
		}
	}
	if !ok || key.IsNested() {
		return nil, noOverload("MAP", args)
	}
	if key.Kind == catalog.KindNull { // MAP[], or NULL keys, which fail
		key = str
	}
	result := catalog.MapOf(key, value)
	params := make([]catalog.Type, len(args))
	for i := range params {
		if params[i] = key; i%2 == 1 {
			params[i] = value
		}
	}
	return &catalog.Overload{Params: params, Result: result, CanFail: true, Kernel: kernel.Func(
		func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			var keys, values []arrow.Array
			valid := kernel.NewNullable(c.Alloc, n)
			rows := make([]int32, 0, n) // whose keys are all there: Arrow has no NULL keys
			offBuf := column.NewBuffer(c.Alloc, 4*(n+1))
			offs := column.As[int32](offBuf, n+1)
			for i := 0; i < len(args); i += 2 {
				keys, values = append(keys, args[i]), append(values, args[i+1])
			}
			for r := range n {
				offs[r] = int32(len(rows) * len(keys))
				if slices.ContainsFunc(keys, func(k arrow.Array) bool { return k.IsNull(r) }) {
					valid.SetNull(r)
				} else {
					rows = append(rows, int32(r))
				}
			}
			offs[n] = int32(len(rows) * len(keys))
			if len(rows) < n {
				all := kernel.Nullable{}
				kernel.ForEach(n, sel, &all, func(r int) {
					if !valid.Valid(r) {
						c.Fail(r, codeNullKey, "a key of a map is NULL")
					}
				})
			}
			k, err := interleave(c.Alloc, key, keys, rows)
			if err != nil {
				return nil, err
			}
			v, err := interleave(c.Alloc, value, values, rows)
			if err != nil {
				k.Release()
				return nil, err
			}
			dt := result.Arrow().(*arrow.MapType)
			entries := column.Make(dt.Elem(), len(rows)*len(keys), 0, []*memory.Buffer{nil}, k, v)
			return column.Make(dt, n, -1, []*memory.Buffer{valid.Buffer(), offBuf}, entries), nil
		})}, nil
}

var lengthKernelOfList = kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, _ []int32) (arrow.Array, error) {
	valid, nulls := kernel.Validity(c.Alloc, n, args[0])
	buf := column.NewBuffer(c.Alloc, 4*n)
	offs, dst := column.Offsets(args[0]), column.As[int32](buf, n)
	for i := range dst {
		dst[i] = offs[i+1] - offs[i]
	}
	return column.Make(intType.Arrow(), n, nulls, []*memory.Buffer{valid, buf}), nil
})

func resolveItem(args []catalog.Arg) (*catalog.Overload, error) {
	if err := argCount("ITEM", args, 2, 2); err != nil {
		return nil, err
	}
	t := args[0].Type
	switch {
	case t.Kind == catalog.KindArray && catalog.CanCast(args[1].Type, catalog.BigInt, true):
		return &catalog.Overload{Params: []catalog.Type{t, catalog.BigInt}, Result: *t.Elem, Strict: true, Kernel: kernel.Func(
			func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
				offs, index := column.Offsets(args[0]), column.Fixed[int64](args[1])
				return pickElements(c, args, n, sel, func(i int) int32 {
					if k := index[i]; k >= 1 && k <= int64(offs[i+1]-offs[i]) {
						return offs[i] + int32(k) - 1
					}
					return -1
				}), nil
			})}, nil
	case t.Kind == catalog.KindMap && catalog.CanCast(args[1].Type, *t.Key, true):
		return &catalog.Overload{Params: []catalog.Type{t, *t.Key}, Result: *t.Elem, Strict: true, Kernel: kernel.Func(
			func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
				m := args[0].(*array.Map)
				offs, compare := column.Offsets(m), column.Comparator(m.Keys(), args[1])
				return pickFrom(c, m.Items(), args, n, sel, func(i int) int32 {
					for e := offs[i+1] - 1; e >= offs[i]; e-- {
						if compare(int(e), i) == 0 {
							return e
						}
					}
					return -1
				}), nil
			})}, nil
	}
	return nil, noOverload("ITEM", args)
}

func pickElements(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32, at func(i int) int32) arrow.Array {
	return pickFrom(c, column.Elements(args[0]), args, n, sel, at)
}

// pickFrom gives for each row element at(i) of elems, NULL for -1 or where an
// argument is NULL.
func pickFrom(c *catalog.EvalContext, elems arrow.Array, args []arrow.Array, n int, sel []int32, at func(i int) int32) arrow.Array {
	valid := kernel.NewNullable(c.Alloc, n, args...)
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = -1
	}
	kernel.ForEach(n, sel, &valid, func(i int) { rows[i] = at(i) })
	if b := valid.Buffer(); b != nil {
		b.Release()
	}
	return column.GatherOrNull(elems, rows, c.Alloc)
}

// mapParts is MAP_KEYS or MAP_VALUES: the map's own columns as an array.
func mapParts(name, word, result string, part func(m *array.Map) arrow.Array, elem func(t catalog.Type) catalog.Type) *catalog.Function {
	return &catalog.Function{
		Name: name, Category: nestedData, Signatures: []string{name + "(map) -> ARRAY"},
		Doc: "The " + word + " of a map as an array. NULL if the map is NULL.", Examples: []catalog.Example{{SQL: name + "(MAP['a', 1])", Result: result}},
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := argCount(name, args, 1, 1); err != nil {
				return nil, err
			}
			if args[0].Type.Kind != catalog.KindMap {
				return nil, noOverload(name, args)
			}
			t := catalog.ArrayOf(elem(args[0].Type))
			return &catalog.Overload{Params: argTypes(args), Result: t, Strict: true, Kernel: kernel.Func(
				func(c *catalog.EvalContext, args []arrow.Array, n int, _ []int32) (arrow.Array, error) {
					m := args[0].(*array.Map)
					valid, nulls := kernel.Validity(c.Alloc, n, m)
					buf := column.NewBuffer(c.Alloc, 4*(n+1))
					copy(column.As[int32](buf, n+1), column.Offsets(m))
					p := part(m)
					p.Retain()
					return column.Make(t.Arrow(), n, nulls, []*memory.Buffer{valid, buf}, p), nil
				})}, nil
		},
	}
}
