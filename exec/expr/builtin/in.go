package builtin

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

func membership() []*catalog.Function {
	in := &catalog.Function{
		Name: "IN", Category: comparison,
		Signatures: []string{"x IN (a, b, ...) -> BOOLEAN"},
		Doc: "Whether x equals one of the list. NULL if x is NULL, or if none equals it and one is NULL. A list of constants is " +
			"looked up in a hash table.",
		Examples: []catalog.Example{
			{SQL: "2 IN (1, 2, 3)", Result: "true"}, {SQL: "'b' IN ('a', 'c')", Result: "false"}, {SQL: "2 IN (1, NULL)", Result: "NULL"},
		},
	}
	notIn := &catalog.Function{
		Name: "NOT IN", Category: comparison,
		Signatures: []string{"x NOT IN (a, b, ...) -> BOOLEAN"},
		Doc:        "NOT (x IN (a, b, ...)).",
		Examples:   []catalog.Example{{SQL: "2 NOT IN (1, 3)", Result: "true"}, {SQL: "2 NOT IN (1, NULL)", Result: "NULL"}},
	}
	in.Resolve = func(args []catalog.Arg) (*catalog.Overload, error) { return resolveIn("IN", args, false) }
	notIn.Resolve = func(args []catalog.Arg) (*catalog.Overload, error) { return resolveIn("NOT IN", args, true) }
	return []*catalog.Function{in, notIn}
}

func resolveIn(name string, args []catalog.Arg, not bool) (*catalog.Overload, error) {
	if err := argCount(name, args, 2, -1); err != nil {
		return nil, err
	}
	t := args[0].Type
	for _, a := range args[1:] {
		x, y, err := comparisonTypes(name, t, a.Type)
		if err != nil {
			return nil, err
		}
		if !x.Equal(y) {
			return nil, noOverload(name, args)
		}
		if t = x; t.Kind == catalog.KindBoolean && args[0].Type.Kind == catalog.KindNull && a.Type.Kind == catalog.KindNull {
			t = catalog.Null
		}
	}
	if t.Kind == catalog.KindNull {
		t = catalog.Boolean
	}
	return &catalog.Overload{
		Params: same(t, len(args)), Result: catalog.Boolean, Kernel: inKernel{comparisonKernel(equal, t, t), t, not},
	}, nil
}

// inKernel compares with one after the other.
type inKernel struct {
	equal catalog.Kernel
	t     catalog.Type
	not   bool
}

var _ kernel.ConstBinder = inKernel{}

// Eval implements catalog.Kernel.
func (k inKernel) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	found := column.NewZeroed(c.Alloc, column.BitmapBytes(n))
	valid := column.NewZeroed(c.Alloc, column.BitmapBytes(n)) // first: not NULL so far
	hit, known := column.As[uint64](found, (n+63)/64), column.As[uint64](valid, (n+63)/64)
	for i := range known {
		known[i] = ^uint64(0)
	}
	for _, a := range args[1:] {
		eq, err := k.equal.Eval(c, []arrow.Array{args[0], a}, n, sel)
		if err != nil {
			return nil, err
		}
		v, ok := column.Booleans(eq), column.Validity(eq)
		for i := range hit {
			o := ok.Word(64*i, n)
			hit[i] |= v.Word(64*i, n) & o
			known[i] &= o
		}
		eq.Release()
	}
	for i := range hit {
		known[i] |= hit[i]
		if k.not {
			hit[i] = ^hit[i]
		}
	}
	return column.Make(arrow.FixedWidthTypes.Boolean, n, -1, []*memory.Buffer{valid, found}), nil
}

// BindConst implements kernel.ConstBinder: a list of constants becomes a set.
func (k inKernel) BindConst(lits []*catalog.Literal) catalog.Kernel {
	if lits[0] != nil {
		return nil
	}
	null := false
	var values []*catalog.Literal
	for _, l := range lits[1:] {
		switch {
		case l == nil:
			return nil
		case l.Value == nil:
			null = true
		default:
			values = append(values, l)
		}
	}
	m := setMembers{null: null, not: k.not}
	switch k.t.Kind {
	case catalog.KindString, catalog.KindBytes, catalog.KindJSON:
		set := make(map[string]struct{}, len(values))
		lengths := uint64(0) // bit min(length, 63): texts of other lengths are not looked up
		for _, l := range values {
			s, _ := kernel.Text(l)
			set[s] = struct{}{}
			lengths |= 1 << min(len(s), 63)
		}
		var list []string
		for s := range set {
			list = append(list, s)
		}
		m.open = func(a arrow.Array) func(i int) bool {
			t := kernel.TextsOf(a)
			if len(list) <= few {
				return func(i int) bool {
					s := t.At(i)
					for _, x := range list {
						if string(s) == x {
							return true
						}
					}
					return false
				}
			}
			return func(i int) bool {
				s := t.At(i)
				if lengths>>min(len(s), 63)&1 == 0 {
					return false
				}
				_, ok := set[string(s)]
				return ok
			}
		}
	case catalog.KindTinyInt:
		m.open = integerSet[int8](values)
	case catalog.KindSmallInt:
		m.open = integerSet[int16](values)
	case catalog.KindInt, catalog.KindDate, catalog.KindIntervalMonth:
		m.open = integerSet[int32](values)
	case catalog.KindBigInt, catalog.KindTimestamp, catalog.KindTimestampLTZ, catalog.KindTime, catalog.KindIntervalDay:
		m.open = integerSet[int64](values)
	default:
		return nil
	}
	return m
}

// few is how many values are compared one by one rather than by a hash table.
const few = 8

func integerSet[T signed](values []*catalog.Literal) func(a arrow.Array) func(i int) bool {
	set := make(map[T]struct{}, len(values))
	var list []T
	for _, l := range values {
		v, _ := kernel.Scalar[T](l)
		set[v] = struct{}{}
		list = append(list, v)
	}
	return func(a arrow.Array) func(i int) bool {
		x := column.Fixed[T](a)
		if len(list) <= few {
			return func(i int) bool {
				for _, v := range list {
					if x[i] == v {
						return true
					}
				}
				return false
			}
		}
		return func(i int) bool {
			_, ok := set[x[i]]
			return ok
		}
	}
}

// setMembers tests membership of argument 0 in a set.
type setMembers struct {
	open func(a arrow.Array) func(i int) bool
	null bool // the list has a NULL: what is not found is unknown
	not  bool
}

// Eval implements catalog.Kernel.
func (k setMembers) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	valid := kernel.NewNullable(c.Alloc, n, args[0])
	test := k.open(args[0])
	return kernel.BoolColumn(c.Alloc, n, sel, &valid, func(i int) bool {
		found := test(i)
		if !found && k.null {
			valid.SetNull(i)
		}
		return found != k.not
	}), nil
}
