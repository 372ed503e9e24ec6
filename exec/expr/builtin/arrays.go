package builtin

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// pool is where the elements of a batch's arrays stand side by side: those of
// each array argument, and each other argument as a column.
type pool struct {
	all   arrow.Array
	first []int32   // where argument k starts in all
	offs  [][]int32 // of argument k, an array; nil for another one
}

// newPool puts arguments together. Arguments that are no arrays have the type of
// the elements of the others.
func newPool(args []arrow.Array, values bool, alloc memory.Allocator) (*pool, error) {
	p := &pool{}
	parts := make([]arrow.Array, len(args))
	at := int32(0)
	for k, a := range args {
		parts[k] = a
		var offs []int32
		if _, ok := a.DataType().(*arrow.ListType); ok && !values {
			parts[k], offs = column.Elements(a), column.Offsets(a)
		}
		p.first, p.offs = append(p.first, at), append(p.offs, offs)
		at += int32(parts[k].Len())
	}
	var err error
	p.all, err = column.Concat(parts, alloc)
	return p, err
}

// elements gives the places of row i of argument k, an array: from and to.
func (p *pool) elements(k, i int) (from, to int32) {
	return p.first[k] + p.offs[k][i], p.first[k] + p.offs[k][i+1]
}

// value gives the place of row i of argument k, no array.
func (p *pool) value(k, i int) int32 { return p.first[k] + int32(i) }

// arrayFunction is a function whose arrays are made of elements of its
// arguments. open gets the pool and gives the function of a row, which appends
// the places of the elements to dst, or says that the result is NULL.
type arrayFunction struct {
	result catalog.Type
	strict []int // the arguments of which none may be NULL; nil: all
	args   []int // the arguments that make up the pool; nil: all
	values bool  // the arguments are elements, arrays too
	open   func(c *catalog.EvalContext, args []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool)
}

// Eval implements catalog.Kernel.
func (f arrayFunction) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	strict := args
	if f.strict != nil {
		strict = nil
		for _, k := range f.strict {
			strict = append(strict, args[k])
		}
	}
	sources := args
	if f.args != nil {
		sources = nil
		for _, k := range f.args {
			sources = append(sources, args[k])
		}
	}
	p, err := newPool(sources, f.values, c.Alloc)
	if err != nil {
		return nil, err
	}
	defer p.all.Release()
	valid := kernel.NewNullable(c.Alloc, n, strict...)
	offBuf := column.NewBuffer(c.Alloc, 4*(n+1))
	offs := column.As[int32](offBuf, n+1)
	row := f.open(c, args, p)
	var places []int32
	next := 0
	kernel.ForEach(n, sel, &valid, func(i int) {
		for ; next <= i; next++ {
			offs[next] = int32(len(places))
		}
		out, ok := row(i, places)
		if !ok {
			valid.SetNull(i)
			out = places
		}
		places = out
	})
	for ; next <= n; next++ {
		offs[next] = int32(len(places))
	}
	elems := column.GatherOrNull(p.all, places, c.Alloc)
	return column.Make(f.result.Arrow(), n, -1, []*memory.Buffer{valid.Buffer(), offBuf}, elems), nil
}

// arrayType gives the element type that the arrays and values among arguments go
// together in: params says 'a' for an array, 'e' for an element.
func arrayType(name, params string, args []catalog.Arg) (catalog.Type, error) {
	t := catalog.Null
	for k, a := range args {
		u := a.Type
		if params[min(k, len(params)-1)] == 'a' {
			switch u.Kind {
			case catalog.KindArray:
				u = *u.Elem
			case catalog.KindNull:
			default:
				return t, noOverload(name, args)
			}
		}
		var ok bool
		if t, ok = catalog.CommonType(t, u); !ok {
			return t, noOverload(name, args)
		}
	}
	return t, nil
}

// arrayParams gives the types that the arguments are cast to.
func arrayParams(params string, elem catalog.Type, n int) []catalog.Type {
	out := make([]catalog.Type, n)
	for k := range out {
		if out[k] = elem; params[min(k, len(params)-1)] == 'a' {
			out[k] = catalog.ArrayOf(elem)
		}
	}
	return out
}

// defineArray describes a function of arrays and elements (params as for
// arrayType; the last one may be there again and again).
func defineArray(n names, params, sig, doc string, examples []catalog.Example, compared bool, least, most int, prepare func(t catalog.Type) arrayFunction) *catalog.Function {
	return &catalog.Function{
		Name: n[0], Aliases: n[1:], Category: nestedData, Signatures: []string{n[0] + sig}, Doc: doc, Examples: examples,
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := argCount(n[0], args, least, most); err != nil {
				return nil, err
			}
			t, err := arrayType(n[0], params, args)
			if err != nil {
				return nil, err
			}
			if compared && !t.IsComparable() {
				return nil, noOverload(n[0], args)
			}
			f := prepare(t)
			f.result = catalog.ArrayOf(t)
			return &catalog.Overload{Params: arrayParams(params, t, len(args)), Result: f.result, Strict: f.strict == nil, Kernel: f}, nil
		},
	}
}

// classes tells equal elements by a number: those of one row, NULL equal to NULL.
type classes struct {
	compare func(i, j int) int
	order   []int32
	number  []int32
}

func newClasses(p *pool) *classes { return &classes{compare: column.NullsLast(p.all, p.all)} }

// of numbers the elements at places; equal ones get the number of the first.
func (c *classes) of(places []int32) []int32 {
	c.order, c.number = c.order[:0], append(c.number[:0], places...)
	for k := range places {
		c.order = append(c.order, int32(k))
	}
	slices.SortStableFunc(c.order, func(x, y int32) int { return c.compare(int(places[x]), int(places[y])) })
	first := int32(0)
	for k, o := range c.order {
		if k == 0 || c.compare(int(places[c.order[k-1]]), int(places[o])) != 0 {
			first = o
		}
		c.number[o] = first
	}
	return c.number
}

// arraySet makes a function that keeps elements of the first array (and, with
// both, of the second) once each, if keep says so of what the other has.
func arraySet(union bool, keep func(inSecond bool) bool) func(t catalog.Type) arrayFunction {
	return func(catalog.Type) arrayFunction {
		return arrayFunction{open: func(_ *catalog.EvalContext, args []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool) {
			equal := newClasses(p)
			var places []int32
			var second []bool
			return func(i int, dst []int32) ([]int32, bool) {
				places = places[:0]
				from, to := p.elements(0, i)
				for e := from; e < to; e++ {
					places = append(places, e)
				}
				own := len(places)
				if len(args) > 1 {
					for e, end := p.elements(1, i); e < end; e++ {
						places = append(places, e)
					}
				}
				class := equal.of(places)
				second = append(second[:0], make([]bool, len(places))...)
				for k := own; k < len(places); k++ {
					second[class[k]] = true
				}
				last := own
				if union {
					last = len(places)
				}
				for k := range last {
					if class[k] == int32(k) && keep(second[k]) {
						dst = append(dst, places[k])
					}
				}
				return dst, true
			}
		}}
	}
}

func always(bool) bool { return true }

// arraysOfArrays are the functions that make arrays of the elements of arrays.
func arraysOfArrays() []*catalog.Function {
	const each = " NULL if an argument is NULL."
	join := func(order ...int) func(t catalog.Type) arrayFunction {
		return func(catalog.Type) arrayFunction {
			return arrayFunction{strict: []int{0}, open: func(_ *catalog.EvalContext, _ []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool) {
				return func(i int, dst []int32) ([]int32, bool) {
					for _, k := range order {
						if k == 1 {
							dst = append(dst, p.value(1, i))
							continue
						}
						for e, to := p.elements(0, i); e < to; e++ {
							dst = append(dst, e)
						}
					}
					return dst, true
				}
			}}
		}
	}
	return []*catalog.Function{
		defineArray(called("ARRAY_APPEND", "LIST_APPEND", "ARRAY_PUSH_BACK"), "ae", "(array, x) -> ARRAY", "The array with x behind it; x may be NULL. NULL if the array is NULL.", shows("ARRAY_APPEND(ARRAY[1, 2], 3)", "[1,2,3]", "ARRAY_APPEND(ARRAY[1], NULL)", "[1,null]"), false, 2, 2, join(0, 1)),
		defineArray(called("ARRAY_PREPEND"), "ae", "(array, x) -> ARRAY", "The array with x before it; x may be NULL. NULL if the array is NULL.", shows("ARRAY_PREPEND(ARRAY[1, 2], 0)", "[0,1,2]"), false, 2, 2, join(1, 0)),
		defineArray(called("ARRAY_CONCAT", "ARRAY_CAT", "LIST_CONCAT", "LIST_CAT"), "a", "(array, ...) -> ARRAY", "The arrays one after the other."+each, shows("ARRAY_CONCAT(ARRAY[1], ARRAY[2, 3], ARRAY[1])", "[1,2,3,1]"), false, 1, -1,
			func(catalog.Type) arrayFunction {
				return arrayFunction{open: func(_ *catalog.EvalContext, args []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool) {
					return func(i int, dst []int32) ([]int32, bool) {
						for k := range args {
							for e, to := p.elements(k, i); e < to; e++ {
								dst = append(dst, e)
							}
						}
						return dst, true
					}
				}}
			}),
		defineArray(called("ARRAY_DISTINCT", "LIST_DISTINCT"), "a", "(array) -> ARRAY", "The array without the elements that stand in it before; NULLs are equal."+each, shows("ARRAY_DISTINCT(ARRAY[2, 1, 2, NULL, NULL])", "[2,1,null]"), true, 1, 1, arraySet(false, always)),
		defineArray(called("ARRAY_UNION"), "aa", "(a, b) -> ARRAY", "The elements of a, then those of b, each once; NULLs are equal."+each, shows("ARRAY_UNION(ARRAY[3, 1, 3], ARRAY[1, 2])", "[3,1,2]"), true, 2, 2, arraySet(true, always)),
		defineArray(called("ARRAY_INTERSECT", "LIST_INTERSECT"), "aa", "(a, b) -> ARRAY", "The elements of a that b has too, each once, in the order of a; NULLs are equal."+each, shows("ARRAY_INTERSECT(ARRAY[3, 1, 3, 2], ARRAY[2, 3])", "[3,2]"), true, 2, 2,
			arraySet(false, func(second bool) bool { return second })),
		defineArray(called("ARRAY_EXCEPT"), "aa", "(a, b) -> ARRAY", "The elements of a that b does not have, each once, in the order of a; NULLs are equal."+each, shows("ARRAY_EXCEPT(ARRAY[3, 1, 3, 2], ARRAY[2])", "[3,1]"), true, 2, 2,
			arraySet(false, func(second bool) bool { return !second })),
		defineArray(called("ARRAY_REMOVE"), "ae", "(array, x) -> ARRAY", "The array without the elements that equal x; a NULL x takes the NULLs away. NULL if the array is NULL.", shows("ARRAY_REMOVE(ARRAY[1, 2, 1], 1)", "[2]", "ARRAY_REMOVE(ARRAY[1, NULL], NULL)", "[1]"), true, 2, 2,
			func(catalog.Type) arrayFunction {
				return arrayFunction{strict: []int{0}, open: func(_ *catalog.EvalContext, _ []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool) {
					compare := column.NullsLast(p.all, p.all)
					return func(i int, dst []int32) ([]int32, bool) {
						x := int(p.value(1, i))
						for e, to := p.elements(0, i); e < to; e++ {
							if compare(int(e), x) != 0 {
								dst = append(dst, e)
							}
						}
						return dst, true
					}
				}}
			}),
		defineArray(called("ARRAY_REPLACE"), "aee", "(array, x, y) -> ARRAY", "The array with y in the place of each element that equals x; x and y may be NULL. NULL if the array is NULL.", shows("ARRAY_REPLACE(ARRAY[1, 2, 1], 1, 5)", "[5,2,5]", "ARRAY_REPLACE(ARRAY[1, NULL], NULL, 0)", "[1,0]"), true, 3, 3,
			func(catalog.Type) arrayFunction {
				return arrayFunction{strict: []int{0}, open: func(_ *catalog.EvalContext, _ []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool) {
					compare := column.NullsLast(p.all, p.all)
					return func(i int, dst []int32) ([]int32, bool) {
						x, y := int(p.value(1, i)), p.value(2, i)
						for e, to := p.elements(0, i); e < to; e++ {
							if compare(int(e), x) == 0 {
								dst = append(dst, y)
							} else {
								dst = append(dst, e)
							}
						}
						return dst, true
					}
				}}
			}),
		defineArray(called("ARRAY_COMPACT"), "a", "(array) -> ARRAY", "The array without its NULLs."+each, shows("ARRAY_COMPACT(ARRAY[1, NULL, 2])", "[1,2]"), false, 1, 1,
			func(catalog.Type) arrayFunction {
				return arrayFunction{open: func(_ *catalog.EvalContext, _ []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool) {
					valid, none := column.Validity(p.all), column.AllNull(p.all)
					return func(i int, dst []int32) ([]int32, bool) {
						for e, to := p.elements(0, i); e < to; e++ {
							if !none && valid.Get(int(e)) {
								dst = append(dst, e)
							}
						}
						return dst, true
					}
				}}
			}),
		defineArray(called("ARRAY_REVERSE", "LIST_REVERSE"), "a", "(array) -> ARRAY", "The elements from the last to the first."+each, shows("ARRAY_REVERSE(ARRAY[1, 2, 3])", "[3,2,1]"), false, 1, 1,
			func(catalog.Type) arrayFunction {
				return arrayFunction{open: func(_ *catalog.EvalContext, _ []arrow.Array, p *pool) func(i int, dst []int32) ([]int32, bool) {
					return func(i int, dst []int32) ([]int32, bool) {
						from, to := p.elements(0, i)
						for e := to - 1; e >= from; e-- {
							dst = append(dst, e)
						}
						return dst, true
					}
				}}
			}),
	}
}
