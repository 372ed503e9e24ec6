package builtin

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// madeOfPlaces are functions that put elements and values at places: of an array,
// of the rows of an array, of a row.
func madeOfPlaces() []*catalog.Function {
	return []*catalog.Function{
		{
			Name: "ARRAY_INSERT", Category: nestedData, Signatures: []string{"ARRAY_INSERT(array, place INT, x) -> ARRAY"},
			Doc: fmt.Sprintf("The array with x, which may be NULL, inserted so that it stands at the place, from 1, or from the end of the result with a negative one. A place beyond the array puts NULLs between. NULL if the array or the place is NULL. Place 0 (%s) and a place beyond %d (%s) are errors of the row.",
				codeOverflow, maxSequence, codeTooLarge),
			Examples: shows("ARRAY_INSERT(ARRAY['a', 'c'], 2, 'b')", `["a","b","c"]`, "ARRAY_INSERT(ARRAY[5, 3, 2, 1], -4, 4)", "[5,4,3,2,1]", "ARRAY_INSERT(ARRAY[1], 4, 2)", "[1,null,null,2]"),
			Resolve:  resolveArrayInsert,
		},
		{
			Name: "ARRAYS_ZIP", Category: nestedData, Signatures: []string{"ARRAYS_ZIP(array, ...) -> ARRAY<ROW<EXPR$0, EXPR$1, ...>>"},
			Doc:      "An array of rows: row i has the elements i of the arrays, NULL where one is shorter than the longest. NULL if an argument is NULL.",
			Examples: shows("ARRAYS_ZIP(ARRAY[1, 2], ARRAY['a', 'b'])", `[{"EXPR$0":1,"EXPR$1":"a"},{"EXPR$0":2,"EXPR$1":"b"}]`, "ARRAYS_ZIP(ARRAY[1, 2], ARRAY['a'])", `[{"EXPR$0":1,"EXPR$1":"a"},{"EXPR$0":2,"EXPR$1":null}]`),
			Resolve:  resolveZip,
		},
		{
			Name: "NAMED_STRUCT", Category: nestedData, Signatures: []string{"NAMED_STRUCT('name', a, ...) -> ROW<name, ...>"},
			Doc:      "A row of the values under the names before them, which are constant texts. Never NULL.",
			Examples: shows("NAMED_STRUCT('id', 1, 'name', 'a')", `{"id":1,"name":"a"}`, "NAMED_STRUCT('id', 1, 'name', NULL).id", "1"),
			Resolve:  resolveNamedStruct,
		},
	}
}

func resolveArrayInsert(args []catalog.Arg) (*catalog.Overload, error) {
	const name = "ARRAY_INSERT"
	if err := argCount(name, args, 3, 3); err != nil {
		return nil, err
	}
	t, err := arrayType(name, "ae", []catalog.Arg{args[0], args[2]})
	if err != nil || !catalog.CanCast(args[1].Type, intType, true) {
		return nil, noOverload(name, args)
	}
	result := catalog.ArrayOf(t)
	return &catalog.Overload{Params: []catalog.Type{result, intType, t}, Result: result, CanFail: true, Kernel: arrayFunction{result: result, strict: []int{0, 1}, args: []int{0, 2},
		open: func(c *catalog.EvalContext, args []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool) {
			place := column.Fixed[int32](args[1])
			return func(i int, dst []int32) ([]int32, bool) {
				at := int64(place[i])
				first, end := p.elements(0, i)
				size := int64(end - first)
				if at == 0 {
					c.Fail(i, codeOverflow, "ARRAY_INSERT at place 0: places count from 1, or from -1 at the end")
					return dst, false
				}
				if max(at, -at) > maxSequence {
					c.Fail(i, codeTooLarge, fmt.Sprintf("ARRAY_INSERT at place %d", at))
					return dst, false
				}
				k := at - 1 // how many elements of the array come before x
				if at < 0 {
					k = size + 1 + at
				}
				elements := func(from, to int64) {
					for e := from; e < to; e++ {
						dst = append(dst, first+int32(e))
					}
				}
				nulls := func(n int64) {
					for range n {
						dst = append(dst, -1)
					}
				}
				before := min(max(k, 0), size)
				elements(0, before)
				nulls(k - size)
				dst = append(dst, p.value(1, i))
				nulls(-k)
				elements(before, size)
				return dst, true
			}
		}}}, nil
}

func resolveZip(args []catalog.Arg) (*catalog.Overload, error) {
	const name = "ARRAYS_ZIP"
	if err := argCount(name, args, 1, -1); err != nil {
		return nil, err
	}
	row := catalog.Type{Kind: catalog.KindRow}
	for k, a := range args {
		if a.Type.Kind != catalog.KindArray {
			return nil, noOverload(name, args)
		}
		row.Fields = append(row.Fields, catalog.Field{Name: fmt.Sprintf("EXPR$%d", k), Type: *a.Type.Elem})
	}
	result := catalog.ArrayOf(row)
	return &catalog.Overload{Params: argTypes(args), Result: result, Strict: true, Kernel: kernel.Func(
		func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			return zipped(c, args, result, n, sel), nil
		})}, nil
}

func zipped(c *catalog.EvalContext, args []arrow.Array, result catalog.Type, n int, sel []int32) arrow.Array {
	valid := kernel.NewNullable(c.Alloc, n, args...)
	offBuf := column.NewBuffer(c.Alloc, 4*(n+1))
	out := column.As[int32](offBuf, n+1)
	places := make([][]int32, len(args)) // of each array's elements, -1: none
	offs := make([][]int32, len(args))
	for k, a := range args {
		offs[k] = column.Offsets(a)
	}
	next := 0
	kernel.ForEach(n, sel, &valid, func(i int) {
		for ; next <= i; next++ {
			out[next] = int32(len(places[0]))
		}
		longest := int32(0)
		for k := range args {
			longest = max(longest, offs[k][i+1]-offs[k][i])
		}
		for k := range args {
			for e := offs[k][i]; e < offs[k][i]+longest; e++ {
				if e < offs[k][i+1] {
					places[k] = append(places[k], e)
				} else {
					places[k] = append(places[k], -1)
				}
			}
		}
	})
	size := len(places[0])
	for ; next <= n; next++ {
		out[next] = int32(size)
	}
	members := make([]arrow.Array, len(args))
	for k, a := range args {
		members[k] = column.GatherOrNull(column.Elements(a), places[k], c.Alloc)
	}
	rows := column.Make(result.Elem.Arrow(), size, 0, []*memory.Buffer{nil}, members...)
	return column.Make(result.Arrow(), n, -1, []*memory.Buffer{valid.Buffer(), offBuf}, rows)
}

func resolveNamedStruct(args []catalog.Arg) (*catalog.Overload, error) {
	const name = "NAMED_STRUCT"
	if len(args) == 0 || len(args)%2 != 0 {
		return nil, fmt.Errorf("%s takes names and values in turn", name)
	}
	result, used := catalog.Type{Kind: catalog.KindRow}, map[string]bool{}
	for k := 0; k < len(args); k += 2 {
		member, ok := kernel.Text(args[k].Const)
		if !ok || member == "" {
			return nil, fmt.Errorf("argument %d of %s is a name: a constant text that is not empty", k+1, name)
		}
		if used[member] {
			return nil, fmt.Errorf("%s has two members %s", name, member)
		}
		used[member] = true
		result.Fields = append(result.Fields, catalog.Field{Name: member, Type: args[k+1].Type})
	}
	return &catalog.Overload{Params: argTypes(args), Result: result, NeverNull: true, Kernel: kernel.Func(
		func(_ *catalog.EvalContext, args []arrow.Array, n int, _ []int32) (arrow.Array, error) {
			var members []arrow.Array
			for k := 1; k < len(args); k += 2 {
				args[k].Retain()
				members = append(members, args[k])
			}
			return column.Make(result.Arrow(), n, 0, []*memory.Buffer{nil}, members...), nil
		})}, nil
}
