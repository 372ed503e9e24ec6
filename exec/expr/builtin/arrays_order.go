package builtin

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// arrayWith describes a function of an array and arguments of fixed types whose
// result is an array of the same type.
func arrayWith(n names, sig, doc string, examples []catalog.Example, compared bool, rest []catalog.Type, least int, open func(c *catalog.EvalContext, args []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool)) *catalog.Function {
	return &catalog.Function{
		Name: n[0], Aliases: n[1:], Category: nestedData, Signatures: []string{n[0] + sig}, Doc: doc, Examples: examples,
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := argCount(n[0], args, least, 1+len(rest)); err != nil {
				return nil, err
			}
			t, err := arrayType(n[0], "a", args[:1])
			if err != nil || compared && !t.IsComparable() {
				return nil, noOverload(n[0], args)
			}
			params := []catalog.Type{catalog.ArrayOf(t)}
			for k, a := range args[1:] {
				if !catalog.CanCast(a.Type, rest[k], true) {
					return nil, noOverload(n[0], args)
				}
				params = append(params, rest[k])
			}
			f := arrayFunction{result: params[0], args: []int{0}, open: open}
			return &catalog.Overload{Params: params, Result: params[0], Strict: true, Kernel: f}, nil
		},
	}
}

// arraysByPlace are functions that take elements by their place or order.
func arraysByPlace() []*catalog.Function {
	const each = " NULL if an argument is NULL."
	return []*catalog.Function{
		arrayWith(called("ARRAY_SLICE", "LIST_SLICE"), "(array, from INT [, to INT]) -> ARRAY",
			"The elements from place from to place to, both included; to the end without to. The first place is 1 (0 counts as 1), a negative one counts from the end; places beyond the array are cut."+each,
			shows("ARRAY_SLICE(ARRAY['a', 'b', 'c', 'd'], 2, 3)", `["b","c"]`, "ARRAY_SLICE(ARRAY[1, 2, 3], -2)", "[2,3]", "ARRAY_SLICE(ARRAY[1, 2], 5, 7)", "[]"),
			false, []catalog.Type{intType, intType}, 2,
			func(_ *catalog.EvalContext, args []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool) {
				first := column.Fixed[int32](args[1])
				var last []int32
				if len(args) > 2 {
					last = column.Fixed[int32](args[2])
				}
				return func(i int, dst []int32) ([]int32, bool) {
					from, to := p.elements(0, i)
					n := int64(to - from)
					place := func(k int64) int64 {
						if k < 0 {
							return n + k + 1
						}
						return k
					}
					a, b := max(place(int64(first[i])), 1), n
					if last != nil {
						b = min(place(max(int64(last[i]), -n-1)), n)
						if last[i] == 0 {
							b = min(1, n)
						}
					}
					for ; a <= b; a++ {
						dst = append(dst, from+int32(a)-1)
					}
					return dst, true
				}
			}),
		arrayWith(called("ARRAY_SORT", "LIST_SORT", "SORT_ARRAY"), "(array [, ascending BOOLEAN [, nulls_first BOOLEAN]]) -> ARRAY",
			"The elements in the order of <, or downwards if ascending is FALSE. NULLs come first upwards and last downwards, or as nulls_first says."+each,
			shows("ARRAY_SORT(ARRAY[3, NULL, 1])", "[null,1,3]", "ARRAY_SORT(ARRAY[3, NULL, 1], FALSE)", "[3,1,null]", "ARRAY_SORT(ARRAY[3, NULL, 1], TRUE, FALSE)", "[1,3,null]"),
			true, []catalog.Type{catalog.Boolean, catalog.Boolean}, 1,
			func(_ *catalog.EvalContext, args []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool) {
				flag := func(k int) column.Bits {
					if k < len(args) {
						return column.Booleans(args[k])
					}
					return column.Bits{}
				}
				up, first := flag(1), flag(2)
				orders := [4]func(i, j int) int{}
				for k := range orders {
					key := column.SortKey{Descending: k&1 != 0, NullsFirst: k&2 != 0}
					orders[k] = column.RowComparator([]arrow.Array{p.all}, []arrow.Array{p.all}, []column.SortKey{key})
				}
				return func(i int, dst []int32) ([]int32, bool) {
					at, down := len(dst), len(args) > 1 && !up.Get(i)
					k := 0
					if down {
						k = 1
					}
					if len(args) > 2 && first.Get(i) || len(args) <= 2 && !down {
						k |= 2
					}
					for e, to := p.elements(0, i); e < to; e++ {
						dst = append(dst, e)
					}
					slices.SortStableFunc(dst[at:], func(x, y int32) int { return orders[k](int(x), int(y)) })
					return dst, true
				}
			}),
		arrayEnd("ARRAY_MAX", "greatest", "ARRAY_MAX(ARRAY[1, NULL, 3])", "3", "LIST_MAX", func(c int) bool { return c > 0 }),
		arrayEnd("ARRAY_MIN", "least", "ARRAY_MIN(ARRAY[2, NULL, 3])", "2", "LIST_MIN", func(c int) bool { return c < 0 }),
		{
			Name: "ARRAY_POSITION", Aliases: []string{"LIST_POSITION", "LIST_INDEXOF", "ARRAY_INDEXOF"}, Category: nestedData, Signatures: []string{"ARRAY_POSITION(array, x) -> INT"},
			Doc: "The place, from 1, of the first element that equals x; 0 if there is none." + each, Examples: shows("ARRAY_POSITION(ARRAY['a', 'b', 'a'], 'a')", "1", "ARRAY_POSITION(ARRAY[1], 2)", "0"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("ARRAY_POSITION", args, 2, 2); err != nil {
					return nil, err
				}
				t, err := arrayType("ARRAY_POSITION", "ae", args)
				if err != nil || !t.IsComparable() {
					return nil, noOverload("ARRAY_POSITION", args)
				}
				return &catalog.Overload{Params: arrayParams("ae", t, 2), Result: intType, Strict: true, Kernel: unbound(row(intType, func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
					offs, elems := column.Offsets(a.cols[0]), column.Elements(a.cols[0])
					compare, valid := column.Comparator(elems, a.cols[1]), column.Validity(elems)
					return func(i int) (int32, bool) {
						for e := offs[i]; e < offs[i+1]; e++ {
							if valid.Get(int(e)) && compare(int(e), i) == 0 {
								return e - offs[i] + 1, true
							}
						}
						return 0, true
					}
				}))}, nil
			},
		},
		{
			Name: "ARRAY_JOIN", Aliases: []string{"ARRAY_TO_STRING"}, Category: nestedData, Signatures: []string{"ARRAY_JOIN(array, separator STRING [, null STRING]) -> STRING"},
			Doc:      "The elements as texts with the separator between them. NULLs are left out, or written as the third argument." + each,
			Examples: shows("ARRAY_JOIN(ARRAY['a', NULL, 'b'], '-')", "a-b", "ARRAY_JOIN(ARRAY[1, NULL], ', ', '?')", "1, ?"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				const name = "ARRAY_JOIN"
				if err := argCount(name, args, 2, 3); err != nil {
					return nil, err
				}
				t, err := arrayType(name, "a", args[:1])
				if err != nil || t.IsNested() || !catalog.CanCast(t, str, false) || t.Kind == catalog.KindBytes {
					return nil, noOverload(name, args)
				}
				for _, a := range args[1:] {
					if !catalog.CanCast(a.Type, str, true) {
						return nil, noOverload(name, args)
					}
				}
				return &catalog.Overload{Params: []catalog.Type{catalog.ArrayOf(str), str, str}[:len(args)], Result: str, Strict: true, Kernel: unbound(rowText(str, joinArray))}, nil
			},
		},
	}
}

func joinArray(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
	offs, elems := column.Offsets(a.cols[0]), column.Elements(a.cols[0])
	parts, valid, sep := kernel.TextsOf(elems), column.Validity(elems), a.text(1)
	var null func(i int) []byte
	if a.has(2) {
		null = a.text(2)
	}
	var out []byte
	return func(i int) ([]byte, bool) {
		out = out[:0]
		some := false
		for e := int(offs[i]); e < int(offs[i+1]); e++ {
			if !valid.Get(e) && null == nil {
				continue
			}
			if some {
				out = append(out, sep(i)...)
			}
			some = true
			if valid.Get(e) {
				out = append(out, parts.At(e)...)
			} else {
				out = append(out, null(i)...)
			}
		}
		return out, true
	}
}

// arrayEnd is ARRAY_MAX or ARRAY_MIN.
func arrayEnd(name, word, sql, result, alias string, better func(c int) bool) *catalog.Function {
	return &catalog.Function{
		Name: name, Aliases: []string{alias}, Category: nestedData, Signatures: []string{name + "(array) -> element"},
		Doc: "The " + word + " element of the array, in the order of <, NULLs left out. NULL if there is none or the array is NULL.", Examples: shows(sql, result),
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := argCount(name, args, 1, 1); err != nil {
				return nil, err
			}
			t, err := arrayType(name, "a", args)
			if err != nil || !t.IsComparable() {
				return nil, noOverload(name, args)
			}
			return &catalog.Overload{Params: []catalog.Type{catalog.ArrayOf(t)}, Result: t, Strict: true, Kernel: kernel.Func(
				func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
					offs, elems := column.Offsets(args[0]), column.Elements(args[0])
					compare, valid := column.Comparator(elems, elems), column.Validity(elems)
					none := column.AllNull(elems)
					return pickElements(c, args, n, sel, func(i int) int32 {
						found := int32(-1)
						for e := offs[i]; e < offs[i+1] && !none; e++ {
							if valid.Get(int(e)) && (found < 0 || better(compare(int(e), int(found)))) {
								found = e
							}
						}
						return found
					}), nil
				})}, nil
		},
	}
}
