package builtin

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

const codeUnevenArrays = "UNEVEN_ARRAYS"

// mapFunctions make maps and take them apart.
func mapFunctions() []*catalog.Function {
	return []*catalog.Function{
		{
			Name: "MAP_ENTRIES", Category: nestedData, Signatures: []string{"MAP_ENTRIES(map) -> ARRAY<ROW<key, value>>"},
			Doc: "The entries of a map as an array of rows of key and value. NULL if the map is NULL.", Examples: shows("MAP_ENTRIES(MAP['a', 1])", `[{"key":"a","value":1}]`),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if len(args) != 1 || args[0].Type.Kind != catalog.KindMap {
					return nil, noOverload("MAP_ENTRIES", args)
				}
				m := args[0].Type
				entry := catalog.RowOf(catalog.Field{Name: "key", Type: *m.Key}, catalog.Field{Name: "value", Type: *m.Elem})
				t := catalog.ArrayOf(entry)
				return &catalog.Overload{Params: argTypes(args), Result: t, Strict: true, Kernel: kernel.Func(
					func(c *catalog.EvalContext, args []arrow.Array, n int, _ []int32) (arrow.Array, error) {
						m := args[0].(*array.Map)
						valid, nulls := kernel.Validity(c.Alloc, n, m)
						buf := column.NewBuffer(c.Alloc, 4*(n+1))
						copy(column.As[int32](buf, n+1), column.Offsets(m))
						k, v := m.Keys(), m.Items()
						k.Retain()
						v.Retain()
						rows := column.Make(entry.Arrow(), k.Len(), 0, []*memory.Buffer{nil}, k, v)
						return column.Make(t.Arrow(), n, nulls, []*memory.Buffer{valid, buf}, rows), nil
					})}, nil
			},
		},
		{
			Name: "MAP_CONTAINS_KEY", Aliases: []string{"MAP_CONTAINS"}, Category: nestedData, Signatures: []string{"MAP_CONTAINS_KEY(map, key) -> BOOLEAN"},
			Doc: "Whether the map has the key. NULL if an argument is NULL.", Examples: shows("MAP_CONTAINS_KEY(MAP['a', NULL], 'a')", "true", "MAP_CONTAINS_KEY(MAP['a', 1], 'b')", "false"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if len(args) != 2 || args[0].Type.Kind != catalog.KindMap || !catalog.CanCast(args[1].Type, *args[0].Type.Key, true) {
					return nil, noOverload("MAP_CONTAINS_KEY", args)
				}
				return &catalog.Overload{Params: []catalog.Type{args[0].Type, *args[0].Type.Key}, Result: catalog.Boolean, Strict: true, Kernel: kernel.Rows{
					Open: func(args []arrow.Array) func(i int) bool {
						offs, compare := column.Offsets(args[0]), column.Comparator(args[0].(*array.Map).Keys(), args[1])
						return func(i int) bool {
							for e := offs[i]; e < offs[i+1]; e++ {
								if compare(int(e), i) == 0 {
									return true
								}
							}
							return false
						}
					}}}, nil
			},
		},
		{
			Name: "MAP_FROM_ARRAYS", Category: nestedData, Signatures: []string{"MAP_FROM_ARRAYS(keys ARRAY, values ARRAY) -> MAP"},
			Doc: "The map of the keys to the values that stand at the same places; of equal keys the last one counts. NULL if an argument is NULL. Arrays that are not of one length (" + codeUnevenArrays +
				") and a key that is NULL (" + codeNullKey + ") are errors of the row.",
			Examples: shows("MAP_FROM_ARRAYS(ARRAY['a', 'b'], ARRAY[1, 2])", `{"a":1,"b":2}`),
			Resolve:  resolveMapFromArrays,
		},
		{
			Name: "MAP_UNION", Aliases: []string{"MAP_CONCAT"}, Category: nestedData, Signatures: []string{"MAP_UNION(map, ...) -> MAP"},
			Doc: "A map of the entries of all maps; of equal keys that of the last map counts. NULL if an argument is NULL.", Examples: shows("MAP_UNION(MAP['a', 1, 'b', 2], MAP['b', 3])", `{"a":1,"b":3}`),
			Resolve: resolveMapUnion,
		},
	}
}

// mapRows makes a map column out of entries that row appends: the places of keys
// in keys and of values in values.
func mapRows(c *catalog.EvalContext, t catalog.Type, args []arrow.Array, n int, sel []int32, keys, values arrow.Array, row func(i int, k, v []int32) ([]int32, []int32, bool)) arrow.Array {
	valid := kernel.NewNullable(c.Alloc, n, args...)
	offBuf := column.NewBuffer(c.Alloc, 4*(n+1))
	offs := column.As[int32](offBuf, n+1)
	compare := column.Comparator(keys, keys)
	var k, v []int32
	next := 0
	kernel.ForEach(n, sel, &valid, func(i int) {
		for ; next <= i; next++ {
			offs[next] = int32(len(k))
		}
		at := len(k)
		var ok bool
		if k, v, ok = row(i, k, v); !ok {
			k, v = k[:at], v[:at]
			valid.SetNull(i)
			return
		}
		k, v = lastOfKeys(k, v, at, compare)
	})
	for ; next <= n; next++ {
		offs[next] = int32(len(k))
	}
	dt := t.Arrow().(*arrow.MapType)
	rows := column.Make(dt.Elem(), len(k), 0, []*memory.Buffer{nil}, column.Gather(keys, k, c.Alloc), column.Gather(values, v, c.Alloc))
	return column.Make(dt, n, -1, []*memory.Buffer{valid.Buffer(), offBuf}, rows)
}

// lastOfKeys keeps one entry of each key from place at on, with its last value.
func lastOfKeys(k, v []int32, at int, compare func(i, j int) int) ([]int32, []int32) {
	out := at
entries:
	for e := at; e < len(k); e++ {
		for f := at; f < out; f++ {
			if compare(int(k[f]), int(k[e])) == 0 {
				v[f] = v[e]
				continue entries
			}
		}
		k[out], v[out] = k[e], v[e]
		out++
	}
	return k[:out], v[:out]
}

func resolveMapFromArrays(args []catalog.Arg) (*catalog.Overload, error) {
	const name = "MAP_FROM_ARRAYS"
	if len(args) != 2 || args[0].Type.Kind != catalog.KindArray || args[1].Type.Kind != catalog.KindArray {
		return nil, noOverload(name, args)
	}
	key, value := *args[0].Type.Elem, *args[1].Type.Elem
	if key.IsNested() {
		return nil, noOverload(name, args)
	}
	if key.Kind == catalog.KindNull {
		key = str
	}
	t := catalog.MapOf(key, value)
	return &catalog.Overload{Params: []catalog.Type{catalog.ArrayOf(key), catalog.ArrayOf(value)}, Result: t, Strict: true, CanFail: true, Kernel: kernel.Func(
		func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			from, to := column.Offsets(args[0]), column.Offsets(args[1])
			keys, values := column.Elements(args[0]), column.Elements(args[1])
			there := column.Validity(keys)
			return mapRows(c, t, args, n, sel, keys, values, func(i int, k, v []int32) ([]int32, []int32, bool) {
				size := from[i+1] - from[i]
				if size != to[i+1]-to[i] {
					c.Fail(i, codeUnevenArrays, fmt.Sprintf("%d keys for %d values", size, to[i+1]-to[i]))
					return k, v, false
				}
				for e := range size {
					if !there.Get(int(from[i] + e)) {
						c.Fail(i, codeNullKey, "a key of a map is NULL")
						return k, v, false
					}
					k, v = append(k, from[i]+e), append(v, to[i]+e)
				}
				return k, v, true
			}), nil
		})}, nil
}

func resolveMapUnion(args []catalog.Arg) (*catalog.Overload, error) {
	const name = "MAP_UNION"
	t, ok := catalog.CommonTypeOf(argTypes(args)...)
	if len(args) == 0 || !ok || t.Kind != catalog.KindMap {
		return nil, noOverload(name, args)
	}
	return &catalog.Overload{Params: same(t, len(args)), Result: t, Strict: true, Kernel: kernel.Func(
		func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			keys, values := make([]arrow.Array, len(args)), make([]arrow.Array, len(args))
			first := make([]int32, len(args))
			at := int32(0)
			for j, a := range args {
				m := a.(*array.Map)
				keys[j], values[j], first[j] = m.Keys(), m.Items(), at
				at += int32(m.Keys().Len())
			}
			k, err := column.Concat(keys, c.Alloc)
			if err != nil {
				return nil, err
			}
			defer k.Release()
			v, err := column.Concat(values, c.Alloc)
			if err != nil {
				return nil, err
			}
			defer v.Release()
			return mapRows(c, t, args, n, sel, k, v, func(i int, ks, vs []int32) ([]int32, []int32, bool) {
				for j, a := range args {
					offs := column.Offsets(a)
					for e := offs[i]; e < offs[i+1]; e++ {
						ks, vs = append(ks, first[j]+e), append(vs, first[j]+e)
					}
				}
				return ks, vs, true
			}), nil
		})}, nil
}
