package builtin

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/decimal"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// operator is one of the six comparisons.
type operator uint8

const (
	equal operator = iota
	unequal
	less
	lessEqual
	greater
	greaterEqual
)

var operatorSigns = [...]string{"=", "<>", "<", "<=", ">", ">="}

// holds says whether a comparison is TRUE of what a comparator gave.
func (o operator) holds(c int) bool {
	switch o {
	case equal:
		return c == 0
	case unequal:
		return c != 0
	case less:
		return c < 0
	case lessEqual:
		return c <= 0
	case greater:
		return c > 0
	default:
		return c >= 0
	}
}

// flipped is the operator for (b, a).
func (o operator) flipped() operator {
	switch o {
	case less:
		return greater
	case lessEqual:
		return greaterEqual
	case greater:
		return less
	case greaterEqual:
		return lessEqual
	default:
		return o
	}
}

const comparisonDoc = `Both sides are brought to their common type; a text beside a number or time is read as one. ` +
	`Texts are compared by their bytes. NaN equals NaN and is greater than every other number. ` +
	`Arrays and rows are compared member by member, NULL members being equal and last; maps for equality alone. NULL if a side is NULL.`

func comparisons() []*catalog.Function {
	words := [...]string{"is equal to", "differs from", "is less than", "is at most", "is greater than", "is at least"}
	examples := [...][]catalog.Example{
		{{SQL: "1 = 1.0", Result: "true"}, {SQL: "'a' = 'A'", Result: "false"}, {SQL: "NULL = NULL", Result: "NULL"},
			{SQL: "ARRAY[1, NULL] = ARRAY[1, NULL]", Result: "true"}, {SQL: "MAP['a', 1, 'b', 2] = MAP['b', 2, 'a', 1]", Result: "true"}},
		{{SQL: "1 <> 2", Result: "true"}},
		{{SQL: "'B' < 'a'", Result: "true"}, {SQL: "TIMESTAMP '2024-02-29 00:00:00' < '2024-03-01'", Result: "true"}, {SQL: "ARRAY[1, 2] < ARRAY[1, 2, 0]", Result: "true"}},
		{{SQL: "1.5 <= 1.50", Result: "true"}},
		{{SQL: "2 > 10", Result: "false"}, {SQL: "'2' > '10'", Result: "true"}},
		{{SQL: "2 >= NULL", Result: "NULL"}},
	}
	var fns []*catalog.Function
	for o := equal; o <= greaterEqual; o++ {
		f := &catalog.Function{
			Name:       operatorSigns[o],
			Category:   comparison,
			Signatures: []string{"a " + operatorSigns[o] + " b -> BOOLEAN"},
			Doc:        "Whether a " + words[o] + " b. " + comparisonDoc,
			Examples:   examples[o],
			Resolve:    func(args []catalog.Arg) (*catalog.Overload, error) { return resolveComparison(o, args) },
		}
		if o == unequal {
			f.Aliases = []string{"!="}
		}
		fns = append(fns, f)
	}
	return append(fns, distinctness(true), distinctness(false))
}

func resolveComparison(o operator, args []catalog.Arg) (*catalog.Overload, error) {
	name := operatorSigns[o]
	if err := argCount(name, args, 2, 2); err != nil {
		return nil, err
	}
	a, b, err := comparisonTypes(name, args[0].Type, args[1].Type)
	if err != nil {
		return nil, err
	}
	if o != equal && o != unequal && !a.IsComparable() {
		return nil, fmt.Errorf("%s is not defined for %s", name, a)
	}
	return &catalog.Overload{
		Params: []catalog.Type{a, b}, Result: catalog.Boolean, Strict: true, Kernel: comparisonKernel(o, a, b),
	}, nil
}

// comparisonTypes gives the types to which two sides are cast. They are the same,
// save for decimals that no common type holds.
func comparisonTypes(name string, a, b catalog.Type) (catalog.Type, catalog.Type, error) {
	t, ok := catalog.ComparisonType(a, b)
	if !ok {
		return t, t, fmt.Errorf("%s can't compare %s with %s", name, a, b)
	}
	switch {
	case t.Kind == catalog.KindNull:
		return catalog.Boolean, catalog.Boolean, nil // NULL = NULL
	case t.Kind == catalog.KindDecimal && a.IsNumeric() && b.IsNumeric():
		x, y := a.AsDecimal(), b.AsDecimal()
		if max(x.Precision-x.Scale, y.Precision-y.Scale)+max(x.Scale, y.Scale) > catalog.MaxDecimalPrecision {
			return x, y, nil
		}
	case t.Kind == catalog.KindString:
		return catalog.String, catalog.String, nil
	}
	return t, t, nil
}

// comparisonKernel gives the kernel for columns of types a and b, which differ in
// the scales of decimals at most.
func comparisonKernel(o operator, a, b catalog.Type) catalog.Kernel {
	switch a.Kind {
	case catalog.KindTinyInt:
		return integerPredicate[int8](o)
	case catalog.KindSmallInt:
		return integerPredicate[int16](o)
	case catalog.KindInt, catalog.KindDate, catalog.KindIntervalMonth:
		return integerPredicate[int32](o)
	case catalog.KindBigInt, catalog.KindTimestamp, catalog.KindTimestampLTZ, catalog.KindTime, catalog.KindIntervalDay:
		return integerPredicate[int64](o)
	case catalog.KindFloat:
		return floatPredicate[float32](o)
	case catalog.KindDouble:
		return floatPredicate[float64](o)
	case catalog.KindDecimal:
		if a.Scale == b.Scale {
			return decimalPredicate(o)
		}
		return kernel.Rows{Open: func(args []arrow.Array) func(i int) bool {
			x, y := column.Fixed[decimal.Num](args[0]), column.Fixed[decimal.Num](args[1])
			return func(i int) bool { return o.holds(decimal.Compare(x[i], a.Scale, y[i], b.Scale)) }
		}}
	case catalog.KindString, catalog.KindJSON, catalog.KindBytes:
		return textPredicate(o)
	default:
		return kernel.Rows{Open: func(args []arrow.Array) func(i int) bool {
			c := column.Comparator(args[0], args[1])
			return func(i int) bool { return o.holds(c(i, i)) }
		}}
	}
}

// predicate makes the kernel of an operator out of loops for =, < and >.
func predicate[T any](o operator, eqVV, ltVV, gtVV func(dst []uint64, a, b []T), eqVC, ltVC, gtVC func(dst []uint64, a []T, b T)) *kernel.Predicate[T] {
	pick := func(o operator) *kernel.Predicate[T] {
		switch o {
		case equal:
			return &kernel.Predicate[T]{VV: eqVV, VC: eqVC}
		case unequal:
			return &kernel.Predicate[T]{VV: eqVV, VC: eqVC, Not: true}
		case less:
			return &kernel.Predicate[T]{VV: ltVV, VC: ltVC}
		case lessEqual:
			return &kernel.Predicate[T]{VV: gtVV, VC: gtVC, Not: true}
		case greater:
			return &kernel.Predicate[T]{VV: gtVV, VC: gtVC}
		default:
			return &kernel.Predicate[T]{VV: ltVV, VC: ltVC, Not: true}
		}
	}
	k := pick(o)
	k.Flipped = pick(o.flipped())
	return k
}

func integerPredicate[T integer](o operator) catalog.Kernel {
	return predicate(o, eqVV[T], ltVV[T], gtVV[T], eqVC[T], ltVC[T], gtVC[T])
}

func floatPredicate[T floating](o operator) catalog.Kernel {
	return predicate(o, floatEqVV[T], floatLtVV[T], floatGtVV[T], floatEqVC[T], floatLtVC[T], floatGtVC[T])
}

func decimalPredicate(o operator) catalog.Kernel {
	return predicate(o, decEqVV, decLtVV, decGtVV, decEqVC, decLtVC, decGtVC)
}

func decLess(a, b decimal.Num) bool {
	return a.HighBits() < b.HighBits() || a.HighBits() == b.HighBits() && a.LowBits() < b.LowBits()
}

func decEqVV(dst []uint64, a, b []decimal128.Num) {
	decWords(dst, a, func(i int) bool { return a[i] == b[i] })
}
func decLtVV(dst []uint64, a, b []decimal128.Num) {
	decWords(dst, a, func(i int) bool { return decLess(a[i], b[i]) })
}
func decGtVV(dst []uint64, a, b []decimal128.Num) { decLtVV(dst, b, a) }

func decWords(dst []uint64, a []decimal128.Num, test func(i int) bool) {
	for i := range dst {
		var w uint64
		for k := 64 * i; k < min(64*i+64, len(a)); k++ {
			w |= bit(test(k)) << (k & 63)
		}
		dst[i] = w
	}
}

func decEqVC(dst []uint64, a []decimal128.Num, b decimal128.Num) {
	for i := range dst {
		var w uint64
		for k, x := range a[64*i : min(64*i+64, len(a))] {
			w |= bit(x == b) << (k & 63)
		}
		dst[i] = w
	}
}

func decLtVC(dst []uint64, a []decimal128.Num, b decimal128.Num) {
	for i := range dst {
		var w uint64
		for k, x := range a[64*i : min(64*i+64, len(a))] {
			w |= bit(decLess(x, b)) << (k & 63)
		}
		dst[i] = w
	}
}

func decGtVC(dst []uint64, a []decimal128.Num, b decimal128.Num) {
	for i := range dst {
		var w uint64
		for k, x := range a[64*i : min(64*i+64, len(a))] {
			w |= bit(decLess(b, x)) << (k & 63)
		}
		dst[i] = w
	}
}

// textPredicate compares texts or bytes.
func textPredicate(o operator) catalog.Kernel {
	general := kernel.Rows{Open: func(args []arrow.Array) func(i int) bool {
		a, b := kernel.TextsOf(args[0]), kernel.TextsOf(args[1])
		if o == equal || o == unequal {
			return func(i int) bool { return bytes.Equal(a.At(i), b.At(i)) == (o == equal) }
		}
		return func(i int) bool { return o.holds(bytes.Compare(a.At(i), b.At(i))) }
	}}
	return kernel.Bindable{Kernel: general, Bind: func(args []*catalog.Literal) catalog.Kernel {
		arg, op, lit := 0, o, args[1]
		if lit == nil {
			arg, op, lit = 1, o.flipped(), args[0]
		}
		text, ok := kernel.Text(lit)
		if !ok {
			return nil
		}
		if op == equal || op == unequal {
			return textEquals{arg, text, op == unequal}
		}
		want := []byte(text)
		return kernel.Rows{Open: func(args []arrow.Array) func(i int) bool {
			a := kernel.TextsOf(args[arg])
			return func(i int) bool { return op.holds(bytes.Compare(a.At(i), want)) }
		}}
	}}
}

// textEquals compares an argument with a constant text.
type textEquals struct {
	arg  int
	text string
	not  bool
}

// Eval implements catalog.Kernel.
func (k textEquals) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	a := args[k.arg]
	valid, nulls := kernel.Validity(c.Alloc, n, a)
	out := column.NewBuffer(c.Alloc, column.BitmapBytes(n))
	offs, data, text := column.Offsets(a), column.Data(a), k.text
	if sel != nil && len(sel) < n {
		bitmap := out.Bytes()
		clear(bitmap)
		for _, r := range sel {
			if (string(data[offs[r]:offs[r+1]]) == text) != k.not {
				column.SetBit(bitmap, int(r))
			}
		}
	} else {
		for i := 0; i < n; i += 64 {
			var w uint64
			from := offs[i]
			for j, to := range offs[i+1 : min(i+64, n)+1] {
				w |= bit(string(data[from:to]) == text) << (j & 63)
				from = to
			}
			if k.not {
				w = ^w
			}
			column.PutWord(out.Bytes(), i, w)
		}
	}
	return column.Make(arrow.FixedWidthTypes.Boolean, n, nulls, []*memory.Buffer{valid, out}), nil
}

// distinctness is IS [NOT] DISTINCT FROM: a comparison that takes NULL for a
// value.
func distinctness(distinct bool) *catalog.Function {
	f := &catalog.Function{
		Name: "IS DISTINCT FROM", Category: comparison,
		Signatures: []string{"a IS DISTINCT FROM b -> BOOLEAN"},
		Doc:        "Whether a and b differ, NULL being a value like others: never NULL.",
		Examples: []catalog.Example{
			{SQL: "1 IS DISTINCT FROM NULL", Result: "true"},
			{SQL: "CAST(NULL AS INT) IS DISTINCT FROM NULL", Result: "false"},
		},
	}
	if !distinct {
		f.Name = "IS NOT DISTINCT FROM"
		f.Signatures = []string{"a IS NOT DISTINCT FROM b -> BOOLEAN"}
		f.Doc = "Whether a and b are equal, NULL being equal to NULL: never NULL."
		f.Examples = []catalog.Example{
			{SQL: "1 IS NOT DISTINCT FROM 1", Result: "true"},
			{SQL: "1 IS NOT DISTINCT FROM NULL", Result: "false"},
		}
	}
	f.Resolve = func(args []catalog.Arg) (*catalog.Overload, error) {
		if err := argCount(f.Name, args, 2, 2); err != nil {
			return nil, err
		}
		a, b, err := comparisonTypes(f.Name, args[0].Type, args[1].Type)
		if err != nil {
			return nil, err
		}
		return &catalog.Overload{
			Params: []catalog.Type{a, b}, Result: catalog.Boolean, NeverNull: true,
			Kernel: distinctKernel{comparisonKernel(equal, a, b), distinct},
		}, nil
	}
	return f
}

type distinctKernel struct {
	equal    catalog.Kernel
	distinct bool
}

// Eval implements catalog.Kernel.
func (k distinctKernel) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	eq, err := k.equal.Eval(c, args, n, sel)
	if err != nil {
		return nil, err
	}
	defer eq.Release()
	values, a, b := column.Booleans(eq), column.Validity(args[0]), column.Validity(args[1])
	out := column.NewBuffer(c.Alloc, column.BitmapBytes(n))
	for i := 0; i < n; i += 64 {
		x, y := a.Word(i, n), b.Word(i, n)
		same := x&y&values.Word(i, n) | ^x&^y
		if k.distinct {
			same = ^same
		}
		column.PutWord(out.Bytes(), i, same)
	}
	return column.Make(arrow.FixedWidthTypes.Boolean, n, 0, []*memory.Buffer{nil, out}), nil
}
