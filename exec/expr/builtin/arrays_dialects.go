package builtin

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// moreArrays are functions of arrays that Spark, Trino and DuckDB have.
func moreArrays() []*catalog.Function {
	return []*catalog.Function{
		{
			Name: "ELEMENT_AT", Aliases: []string{"TRY_ELEMENT_AT", "LIST_ELEMENT", "LIST_EXTRACT", "ARRAY_EXTRACT"}, Category: nestedData, Signatures: []string{"ELEMENT_AT(array, i INT) -> element", "ELEMENT_AT(map, key) -> value"},
			Doc: "Element i of an array, from 1, or from the end with a negative i; the value of a key in a map. NULL if there is none or an argument is NULL.", Examples: shows("ELEMENT_AT(ARRAY['a', 'b'], -1)", "b", "ELEMENT_AT(MAP['a', 1], 'a')", "1", "ELEMENT_AT(ARRAY[1], 3)", "NULL"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("ELEMENT_AT", args, 2, 2); err != nil {
					return nil, err
				}
				t := args[0].Type
				if t.Kind != catalog.KindArray || !catalog.CanCast(args[1].Type, catalog.BigInt, true) {
					if t.Kind == catalog.KindMap {
						return resolveItem(args)
					}
					return nil, noOverload("ELEMENT_AT", args)
				}
				return &catalog.Overload{Params: []catalog.Type{t, catalog.BigInt}, Result: *t.Elem, Strict: true, Kernel: kernel.Func(
					func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
						offs, index := column.Offsets(args[0]), column.Fixed[int64](args[1])
						return pickElements(c, args, n, sel, func(i int) int32 {
							k, size := index[i], int64(offs[i+1]-offs[i])
							if k < 0 {
								k += size + 1
							}
							if k < 1 || k > size {
								return -1
							}
							return offs[i] + int32(k) - 1
						}), nil
					})}, nil
			},
		},
		{
			Name: "ARRAY_REPEAT", Category: nestedData, Signatures: []string{"ARRAY_REPEAT(x, n INT) -> ARRAY"},
			Doc: fmt.Sprintf("An array of n times x, which may be NULL; empty if n is not positive. NULL if n is NULL. More than %d elements are an error of the row (%s).", maxSequence, codeTooLarge), Examples: shows("ARRAY_REPEAT('a', 3)", `["a","a","a"]`, "ARRAY_REPEAT(1, 0)", "[]"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if len(args) != 2 || !catalog.CanCast(args[1].Type, catalog.BigInt, true) {
					return nil, noOverload("ARRAY_REPEAT", args)
				}
				t := catalog.ArrayOf(args[0].Type)
				return &catalog.Overload{Params: []catalog.Type{args[0].Type, catalog.BigInt}, Result: t, CanFail: true, Kernel: arrayFunction{result: t, strict: []int{1}, args: []int{0}, values: true,
					open: func(c *catalog.EvalContext, args []arrow.Array, _ *pool) func(i int, dst []int32) ([]int32, bool) {
						count := column.Fixed[int64](args[1])
						return func(i int, dst []int32) ([]int32, bool) {
							if count[i] > maxSequence {
								c.Fail(i, codeTooLarge, fmt.Sprintf("ARRAY_REPEAT of %d elements", count[i]))
								return dst, false
							}
							for range count[i] {
								dst = append(dst, int32(i))
							}
							return dst, true
						}
					}}}, nil
			},
		},
		{
			Name: "ARRAYS_OVERLAP", Aliases: []string{"LIST_HAS_ANY", "ARRAY_HAS_ANY"}, Category: nestedData, Signatures: []string{"ARRAYS_OVERLAP(a, b) -> BOOLEAN"},
			Doc: "Whether an element of a equals one of b; NULLs equal nothing. NULL if an argument is NULL.", Examples: shows("ARRAYS_OVERLAP(ARRAY[1, 2], ARRAY[2, 3])", "true", "ARRAYS_OVERLAP(ARRAY[1, NULL], ARRAY[NULL, 3])", "false"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("ARRAYS_OVERLAP", args, 2, 2); err != nil {
					return nil, err
				}
				t, err := arrayType("ARRAYS_OVERLAP", "aa", args)
				if err != nil || !t.IsComparable() {
					return nil, noOverload("ARRAYS_OVERLAP", args)
				}
				return &catalog.Overload{Params: arrayParams("aa", t, 2), Result: catalog.Boolean, Strict: true, Kernel: kernel.Rows{
					Open: func(args []arrow.Array) func(i int) bool {
						offsA, offsB, a, b := column.Offsets(args[0]), column.Offsets(args[1]), column.Elements(args[0]), column.Elements(args[1])
						if column.AllNull(a) || column.AllNull(b) {
							return func(int) bool { return false }
						}
						compare, thereA, thereB := column.Comparator(a, b), column.Validity(a), column.Validity(b)
						return func(i int) bool {
							for e := int(offsA[i]); e < int(offsA[i+1]); e++ {
								for f := int(offsB[i]); f < int(offsB[i+1]); f++ {
									if thereA.Get(e) && thereB.Get(f) && compare(e, f) == 0 {
										return true
									}
								}
							}
							return false
						}
					}}}, nil
			},
		},
		{
			Name: "FLATTEN", Category: nestedData, Signatures: []string{"FLATTEN(array of arrays) -> ARRAY"},
			Doc: "The elements of the arrays within an array, one after the other; arrays that are NULL are left out. NULL if the array is NULL.", Examples: shows("FLATTEN(ARRAY[ARRAY[1, 2], ARRAY[3]])", "[1,2,3]"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if len(args) != 1 || args[0].Type.Kind != catalog.KindArray || args[0].Type.Elem.Kind != catalog.KindArray {
					return nil, noOverload("FLATTEN", args)
				}
				t := *args[0].Type.Elem
				return &catalog.Overload{Params: argTypes(args), Result: t, Strict: true, Kernel: kernel.Func(
					func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
						return flattened(c, args[0], t, n, sel)
					})}, nil
			},
		},
	}
}

func flattened(c *catalog.EvalContext, a arrow.Array, t catalog.Type, n int, sel []int32) (arrow.Array, error) {
	outer, inner := column.Offsets(a), column.Elements(a)
	offs, there := column.Offsets(inner), column.Validity(inner)
	valid := kernel.NewNullable(c.Alloc, n, a)
	offBuf := column.NewBuffer(c.Alloc, 4*(n+1))
	out := column.As[int32](offBuf, n+1)
	var places []int32
	next := 0
	kernel.ForEach(n, sel, &valid, func(i int) {
		for ; next <= i; next++ {
			out[next] = int32(len(places))
		}
		for e := outer[i]; e < outer[i+1]; e++ {
			if !there.Get(int(e)) {
				continue
			}
			for f := offs[e]; f < offs[e+1]; f++ {
				places = append(places, f)
			}
		}
	})
	for ; next <= n; next++ {
		out[next] = int32(len(places))
	}
	elems := column.Gather(column.Elements(inner), places, c.Alloc)
	return column.Make(t.Arrow(), n, -1, []*memory.Buffer{valid.Buffer(), offBuf}, elems), nil
}
