package builtin

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// booleans are NOT and the tests for NULL and truth. AND and OR are no
// functions: they are evaluated by the program, since they skip operands.
func booleans() []*catalog.Function {
	fns := []*catalog.Function{{
		Name: "NOT", Category: logical,
		Signatures: []string{"NOT b -> BOOLEAN"},
		Doc:        "TRUE for FALSE and FALSE for TRUE. NULL if b is NULL.",
		Examples:   []catalog.Example{{SQL: "NOT FALSE", Result: "true"}, {SQL: "NOT NULL", Result: "NULL"}},
		Resolve: choose("NOT", signature{
			params: []catalog.Type{catalog.Boolean}, result: catalog.Boolean, kernel: words(func(v, ok uint64) (uint64, uint64) { return ^v, ok }),
		}),
	}}
	type test struct {
		name, doc string
		examples  []catalog.Example
		f         func(v, ok uint64) (uint64, uint64)
	}
	all := ^uint64(0)
	for _, t := range []test{
		{"IS TRUE", "Whether b is TRUE; FALSE for NULL.",
			[]catalog.Example{{SQL: "NULL IS TRUE", Result: "false"}},
			func(v, ok uint64) (uint64, uint64) { return v & ok, all }},
		{"IS NOT TRUE", "Whether b is FALSE or NULL.",
			[]catalog.Example{{SQL: "NULL IS NOT TRUE", Result: "true"}},
			func(v, ok uint64) (uint64, uint64) { return ^(v & ok), all }},
		{"IS FALSE", "Whether b is FALSE; FALSE for NULL.",
			[]catalog.Example{{SQL: "(1 > 2) IS FALSE", Result: "true"}},
			func(v, ok uint64) (uint64, uint64) { return ^v & ok, all }},
		{"IS NOT FALSE", "Whether b is TRUE or NULL.",
			[]catalog.Example{{SQL: "NULL IS NOT FALSE", Result: "true"}},
			func(v, ok uint64) (uint64, uint64) { return ^(^v & ok), all }},
		{"IS UNKNOWN", "Whether b is NULL.",
			[]catalog.Example{{SQL: "(1 > NULL) IS UNKNOWN", Result: "true"}},
			func(_, ok uint64) (uint64, uint64) { return ^ok, all }},
		{"IS NOT UNKNOWN", "Whether b is TRUE or FALSE.",
			[]catalog.Example{{SQL: "TRUE IS NOT UNKNOWN", Result: "true"}},
			func(_, ok uint64) (uint64, uint64) { return ok, all }},
	} {
		fns = append(fns, &catalog.Function{
			Name: t.name, Category: logical,
			Signatures: []string{"b " + t.name + " -> BOOLEAN"}, Doc: t.doc + " Never NULL.", Examples: t.examples,
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if len(args) != 1 || !catalog.CanCast(args[0].Type, catalog.Boolean, true) {
					return nil, noOverload(t.name, args)
				}
				return &catalog.Overload{Params: []catalog.Type{catalog.Boolean}, Result: catalog.Boolean, NeverNull: true, Kernel: words(t.f)}, nil
			},
		})
	}
	return append(fns, nullTest("IS NULL", true), nullTest("IS NOT NULL", false))
}

// words is a kernel over a BOOLEAN column, 64 rows at a time: f gives value and
// validity of value and validity.
func words(f func(v, ok uint64) (uint64, uint64)) catalog.Kernel {
	return kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, _ []int32) (arrow.Array, error) {
		values, valid := column.Booleans(args[0]), column.Validity(args[0])
		out := column.NewBuffer(c.Alloc, column.BitmapBytes(n))
		ok := column.NewBuffer(c.Alloc, column.BitmapBytes(n))
		for i := 0; i < n; i += 64 {
			v, o := f(values.Word(i, n), valid.Word(i, n))
			column.PutWord(out.Bytes(), i, v)
			column.PutWord(ok.Bytes(), i, o)
		}
		return column.Make(arrow.FixedWidthTypes.Boolean, n, -1, []*memory.Buffer{ok, out}), nil
	})
}

func nullTest(name string, null bool) *catalog.Function {
	f := &catalog.Function{
		Name: name, Category: comparison,
		Signatures: []string{"x " + name + " -> BOOLEAN"},
		Doc:        "Whether x is NULL. Never NULL.",
		Examples:   []catalog.Example{{SQL: "NULL IS NULL", Result: "true"}, {SQL: "'' IS NULL", Result: "false"}},
	}
	if !null {
		f.Doc = "Whether x is not NULL. Never NULL."
		f.Examples = []catalog.Example{{SQL: "NULL IS NOT NULL", Result: "false"}, {SQL: "'' IS NOT NULL", Result: "true"}}
	}
	f.Resolve = func(args []catalog.Arg) (*catalog.Overload, error) {
		if err := argCount(name, args, 1, 1); err != nil {
			return nil, err
		}
		return &catalog.Overload{Params: argTypes(args), Result: catalog.Boolean, NeverNull: true, Kernel: kernel.NullTest(null)}, nil
	}
	return f
}
