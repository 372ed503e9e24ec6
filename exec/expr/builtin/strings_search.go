package builtin

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// lengthKernel gives a length as INT; nil counts bytes.
func lengthKernel(count func(s []byte) int) catalog.Kernel {
	return kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
		valid, nulls := kernel.Validity(c.Alloc, n, args[0])
		buf := column.NewBuffer(c.Alloc, 4*n)
		dst := column.As[int32](buf, n)
		offs, data := column.Offsets(args[0]), column.Data(args[0])
		switch {
		case count == nil:
			for i := range dst {
				dst[i] = offs[i+1] - offs[i]
			}
		case n > 0 && (sel == nil || len(sel)*2 > n) && isASCII(data[offs[0]:offs[n]]):
			for i := range dst {
				dst[i] = offs[i+1] - offs[i]
			}
		case sel != nil:
			for _, r := range sel {
				dst[r] = int32(count(data[offs[r]:offs[r+1]]))
			}
		default:
			for i := range dst {
				dst[i] = int32(count(data[offs[i]:offs[i+1]]))
			}
		}
		return column.Make(arrow.PrimitiveTypes.Int32, n, nulls, []*memory.Buffer{valid, buf}), nil
	})
}

// caseKernel is UPPER or LOWER. Texts of ASCII alone, the whole batch of them, are
// turned in one go; first is the first letter of those to turn.
func caseKernel(f func(dst, s []byte) []byte, first byte) catalog.Kernel {
	rows := textToText(str, f)
	return kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
		offs, data := column.Offsets(args[0]), column.Data(args[0])
		if n == 0 || kernel.Sparse(n, sel) || !isASCII(data[offs[0]:offs[n]]) {
			return rows.Eval(c, args, n, sel)
		}
		data = data[offs[0]:offs[n]]
		valid, nulls := kernel.Validity(c.Alloc, n, args[0])
		offBuf, out := column.NewBuffer(c.Alloc, 4*(n+1)), column.NewBuffer(c.Alloc, len(data))
		dst := column.As[int32](offBuf, n+1)
		for i, o := range offs[:n+1] {
			dst[i] = o - offs[0]
		}
		copy(out.Bytes(), data)
		flipCase(out.Bytes(), first)
		return column.Make(arrow.BinaryTypes.String, n, nulls, []*memory.Buffer{valid, offBuf, out}), nil
	})
}

// searchFunctions find texts in texts.
func searchFunctions() []*catalog.Function {
	find := func(text, needle, start, nth int) catalog.Kernel {
		return fixedKernel(intType, stateless(func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
			one := func(int) int64 { return 1 }
			s, x, from, k := a.text(text), a.text(needle), one, one
			if start >= 0 {
				from = a.integer(start)
			}
			if nth >= 0 {
				k = a.integer(nth)
			}
			return func(i int) (int32, bool) { return int32(locate(s(i), x(i), from(i), k(i))), true }
		}))
	}
	test := func(name, doc, sql string, aliases []string, f func(s, x []byte) bool) *catalog.Function {
		k := boolKernel(stateless(func(_ *catalog.EvalContext, a arguments) func(i int) (bool, bool) {
			s, x := a.text(0), a.text(1)
			return func(i int) (bool, bool) { return f(s(i), x(i)), true }
		}))
		return &catalog.Function{
			Name: name, Aliases: aliases, Category: texts,
			Signatures: []string{name + "(s STRING, x STRING) -> BOOLEAN"},
			Doc:        "Whether s " + doc + " x. NULL if an argument is NULL.",
			Examples:   []catalog.Example{{SQL: sql, Result: "true"}},
			Resolve: choose(name, signature{params: []catalog.Type{str, str}, result: catalog.Boolean, kernel: k},
				signature{params: []catalog.Type{catalog.Bytes, catalog.Bytes}, result: catalog.Boolean, kernel: k}),
		}
	}
	return []*catalog.Function{
		{
			Name: "POSITION", Category: texts,
			Signatures: []string{"POSITION(x IN s) -> INT"},
			Doc:        "The position of the first x in s, from 1; 0 if there is none, 1 if x is empty. NULL if an argument is NULL.",
			Examples:   []catalog.Example{{SQL: "POSITION('ü' IN 'äöü')", Result: "3"}, {SQL: "POSITION('x' IN 'abc')", Result: "0"}},
			Resolve:    choose("POSITION", signature{params: []catalog.Type{str, str}, result: intType, kernel: find(1, 0, -1, -1)}),
		},
		{
			Name: "INSTR", Aliases: []string{"STRPOS"}, Category: texts,
			Signatures: []string{"INSTR(s STRING, x STRING [, start INT [, nth INT]]) -> INT"},
			Doc:        "The position of the nth x in s at or after position start; 0 if there is none. NULL if an argument is NULL.",
			Examples:   []catalog.Example{{SQL: "INSTR('banana', 'an')", Result: "2"}, {SQL: "INSTR('banana', 'an', 1, 2)", Result: "4"}},
			Resolve: choose("INSTR",
				signature{params: []catalog.Type{str, str}, result: intType, kernel: find(0, 1, -1, -1)},
				signature{params: []catalog.Type{str, str, intType}, result: intType, kernel: find(0, 1, 2, -1)},
				signature{params: []catalog.Type{str, str, intType, intType}, result: intType, kernel: find(0, 1, 2, 3)}),
		},
		{
			Name: "LOCATE", Aliases: []string{"CHARINDEX"}, Category: texts,
			Signatures: []string{"LOCATE(x STRING, s STRING [, start INT]) -> INT"},
			Doc:        "The position of the first x in s at or after position start; 0 if there is none. NULL if an argument is NULL.",
			Examples:   []catalog.Example{{SQL: "LOCATE('an', 'banana', 3)", Result: "4"}},
			Resolve: choose("LOCATE",
				signature{params: []catalog.Type{str, str}, result: intType, kernel: find(1, 0, -1, -1)},
				signature{params: []catalog.Type{str, str, intType}, result: intType, kernel: find(1, 0, 2, -1)}),
		},
		test("STARTS_WITH", "starts with", "STARTS_WITH('stream', 'str')", []string{"STARTSWITH", "PREFIX"}, bytes.HasPrefix),
		test("ENDS_WITH", "ends with", "ENDS_WITH('stream', 'eam')", []string{"ENDSWITH", "SUFFIX"}, bytes.HasSuffix),
		test("CONTAINS", "contains", "CONTAINS('stream', 'rea')", nil, bytes.Contains),
		{
			Name: "ASCII", Category: texts,
			Signatures: []string{"ASCII(s STRING) -> INT"},
			Doc:        "The code of the first character of s (its first byte in UTF-8); 0 if s is empty. NULL if s is NULL.",
			Examples:   []catalog.Example{{SQL: "ASCII('abc')", Result: "97"}, {SQL: "ASCII('')", Result: "0"}},
			Resolve: choose("ASCII", signature{params: []catalog.Type{str}, result: intType, kernel: fixedKernel(intType, stateless(
				func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
					s := a.text(0)
					return func(i int) (int32, bool) {
						if t := s(i); len(t) > 0 {
							return int32(t[0]), true
						}
						return 0, true
					}
				}))}),
		},
	}
}

// concatFunctions put texts together.
func concatFunctions() []*catalog.Function {
	return []*catalog.Function{
		{
			Name: "||", Category: texts,
			Signatures: []string{"a || b -> STRING", "BYTES || BYTES -> BYTES"},
			Doc:        "a and b one after the other; what is no text is cast to STRING. NULL if a side is NULL.",
			Examples:   []catalog.Example{{SQL: "'a' || 'b' || 1", Result: "ab1"}, {SQL: "'a' || NULL", Result: "NULL"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("||", args, 2, 2); err != nil {
					return nil, err
				}
				a, b := args[0].Type, args[1].Type
				if a.Kind == catalog.KindBytes && b.Kind == catalog.KindBytes {
					return &catalog.Overload{Params: same(catalog.Bytes, 2), Result: catalog.Bytes, Strict: true, Kernel: concatKernel(catalog.Bytes)}, nil
				}
				if !a.IsText() && !b.IsText() && a.Kind != catalog.KindNull && b.Kind != catalog.KindNull {
					return nil, noOverload("||", args)
				}
				return resolveConcat("||", args)
			},
		},
		{
			Name: "CONCAT", Category: texts,
			Signatures: []string{"CONCAT(a, b, ...) -> STRING"},
			Doc:        "All arguments one after the other; what is no text is cast to STRING. NULL if one is NULL.",
			Examples:   []catalog.Example{{SQL: "CONCAT('a', 1, TRUE)", Result: "a1true"}, {SQL: "CONCAT('a', NULL)", Result: "NULL"}},
			Resolve:    func(args []catalog.Arg) (*catalog.Overload, error) { return resolveConcat("CONCAT", args) },
		},
		{
			Name: "CONCAT_WS", Category: texts,
			Signatures: []string{"CONCAT_WS(separator STRING, a, b, ...) -> STRING"},
			Doc:        "The arguments that are not NULL, with the separator between them. NULL if the separator is NULL.",
			Examples:   []catalog.Example{{SQL: "CONCAT_WS('-', 'a', NULL, 'c')", Result: "a-c"}, {SQL: "CONCAT_WS(NULL, 'a')", Result: "NULL"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				o, err := resolveConcat("CONCAT_WS", args)
				if err != nil {
					return nil, err
				}
				o.Strict, o.Kernel = false, kernel.Func(concatWS)
				return o, nil
			},
		},
	}
}

func resolveConcat(name string, args []catalog.Arg) (*catalog.Overload, error) {
	if err := argCount(name, args, 1, -1); err != nil {
		return nil, err
	}
	for _, a := range args {
		if a.Type.IsNested() || !catalog.CanCast(a.Type, str, false) || a.Type.Kind == catalog.KindBytes {
			return nil, fmt.Errorf("%s is not defined for %s; cast it to STRING", name, a.Type)
		}
	}
	return &catalog.Overload{Params: same(str, len(args)), Result: str, Strict: true, Kernel: concatKernel(str)}, nil
}

func concatKernel(t catalog.Type) catalog.Kernel {
	bound := func(lits constants) kernel.Func {
		return func(c *catalog.EvalContext, cols []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			valid := kernel.NewNullable(c.Alloc, n, cols...)
			parts := make([]func(i int) []byte, len(cols))
			size := 0
			for k, col := range cols {
				parts[k] = arguments{cols: cols, lits: lits}.text(k)
				if col != nil {
					size += kernel.TextsOf(col).Size(n)
				} else {
					size += n * len(parts[k](0))
				}
			}
			b := kernel.NewTextBuilder(c.Alloc, n, size)
			kernel.ForEach(n, sel, &valid, func(i int) {
				total := 0
				for _, p := range parts {
					total += len(p(i))
				}
				out := b.Begin(i, total)
				for _, p := range parts {
					out = append(out, p(i)...)
				}
				b.End(out)
			})
			return b.Finish(t.Arrow(), valid.Buffer())
		}
	}
	return kernel.Bindable{Kernel: bound(nil), Bind: func(lits []*catalog.Literal) catalog.Kernel { return bound(lits) }}
}

func concatWS(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	valid := kernel.NewNullable(c.Alloc, n, args[0])
	parts := make([]kernel.Texts, len(args))
	size := 0
	for k, a := range args {
		parts[k] = kernel.TextsOf(a)
		size += parts[k].Size(n)
	}
	b := kernel.NewTextBuilder(c.Alloc, n, size)
	var out []byte
	kernel.ForEach(n, sel, &valid, func(i int) {
		out = out[:0]
		first := true
		for k, a := range args[1:] {
			if a.IsNull(i) {
				continue
			}
			if !first {
				out = append(out, parts[0].At(i)...)
			}
			first = false
			out = append(out, parts[k+1].At(i)...)
		}
		b.Put(i, out)
	})
	return b.Finish(arrow.BinaryTypes.String, valid.Buffer())
}
