package builtin

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/calendar"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// maxSequence bounds the elements that one call makes.
const maxSequence = 1 << 16

// sequences are arrays that are counted out.
func sequences() []*catalog.Function {
	return []*catalog.Function{{
		Name: "SEQUENCE", Aliases: []string{"GENERATE_SERIES"}, Category: nestedData, Signatures: []string{"SEQUENCE(from BIGINT, to BIGINT [, step BIGINT]) -> ARRAY<BIGINT>", "SEQUENCE(from, to, step interval) -> ARRAY of their type (DATE, TIMESTAMP)"},
		Doc:      fmt.Sprintf("The numbers or times from from to to, both included, step apart. Without a step it is 1, or -1 downwards. Empty if a step leads away from to. NULL if an argument is NULL. A step of 0 and more than %d elements are errors of the row (%s).", maxSequence, codeTooLarge),
		Examples: shows("SEQUENCE(1, 5)", "[1,2,3,4,5]", "SEQUENCE(5, 1, -2)", "[5,3,1]", "SEQUENCE(DATE '2024-01-31', DATE '2024-04-01', INTERVAL '1' MONTH)", `["2024-01-31","2024-02-29","2024-03-31"]`),
		Resolve:  resolveSequence,
	}}
}

func resolveSequence(args []catalog.Arg) (*catalog.Overload, error) {
	const name = "SEQUENCE"
	if err := argCount(name, args, 2, 3); err != nil {
		return nil, err
	}
	t, ok := catalog.CommonType(args[0].Type, args[1].Type)
	params := []catalog.Type{t, t}
	switch {
	case !ok:
		return nil, noOverload(name, args)
	case t.IsInteger() || t.Kind == catalog.KindNull:
		t = catalog.BigInt
		params = same(t, len(args))
		if len(args) == 3 && !catalog.CanCast(args[2].Type, t, true) {
			return nil, noOverload(name, args)
		}
	case (t.IsTimestamp() || t.Kind == catalog.KindDate) && len(args) == 3 && args[2].Type.IsInterval():
		params = append(params, args[2].Type)
		if t.Kind == catalog.KindDate && args[2].Type.Kind == catalog.KindIntervalDay && !wholeDays(args[2].Const) {
			t = catalog.Timestamp3
			params[0], params[1] = t, t
		}
	default:
		return nil, noOverload(name, args)
	}
	return &catalog.Overload{Params: params, Result: catalog.ArrayOf(t), Strict: true, CanFail: true, Kernel: kernel.Func(
		func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			return sequence(c, args, t, params, n, sel)
		})}, nil
}

func wholeDays(step *catalog.Literal) bool {
	if step == nil {
		return false
	}
	us, ok := step.Value.(int64)
	return ok && us%calendar.Day == 0
}

func sequence(c *catalog.EvalContext, args []arrow.Array, t catalog.Type, params []catalog.Type, n int, sel []int32) (arrow.Array, error) {
	a := arguments{cols: args}
	from, to := a.integer(0), a.integer(1)
	months := len(args) == 3 && params[2].Kind == catalog.KindIntervalMonth
	// Months are counted on the wall clock, days and hours in time that passes.
	store := func(us int64) int64 { return us }
	if t.Kind == catalog.KindDate || months {
		from, to, store = a.localTime(0, t, c), a.localTime(1, t, c), storeTime(t, c)
	}
	step := func(i int) int64 {
		if from(i) > to(i) {
			return -1
		}
		return 1
	}
	if len(args) == 3 {
		step = a.integer(2)
	}
	valid := kernel.NewNullable(c.Alloc, n, args...)
	offBuf := column.NewBuffer(c.Alloc, 4*(n+1))
	offs := column.As[int32](offBuf, n+1)
	var values []int64
	next := 0
	kernel.ForEach(n, sel, &valid, func(i int) {
		for ; next <= i; next++ {
			offs[next] = int32(len(values))
		}
		at, problem := len(values), ""
		if values, problem = countOut(values, from(i), to(i), step(i), months); problem != "" {
			c.Fail(i, codeTooLarge, "SEQUENCE "+problem)
			valid.SetNull(i)
			values = values[:at]
		}
	})
	for ; next <= n; next++ {
		offs[next] = int32(len(values))
	}
	width := t.Arrow().(arrow.FixedWidthDataType).BitWidth() / 8
	buf := column.NewBuffer(c.Alloc, len(values)*width)
	if width == 4 {
		for k, v := range values {
			column.As[int32](buf, len(values))[k] = int32(store(v))
		}
	} else {
		for k, v := range values {
			column.As[int64](buf, len(values))[k] = store(v)
		}
	}
	elems := column.Make(t.Arrow(), len(values), 0, []*memory.Buffer{nil, buf})
	return column.Make(catalog.ArrayOf(t).Arrow(), n, -1, []*memory.Buffer{valid.Buffer(), offBuf}, elems), nil
}

// countOut appends from, from + step, ... as far as to.
func countOut(dst []int64, from, to, step int64, months bool) ([]int64, string) {
	if step == 0 {
		return dst, "with a step of 0"
	}
	start := len(dst)
	for v, k := from, int64(0); step > 0 && v <= to || step < 0 && v >= to; {
		if len(dst)-start == maxSequence {
			return dst, fmt.Sprintf("of more than %d elements", maxSequence)
		}
		dst = append(dst, v)
		k++
		if months { // counted from the first one, so that the 31st comes back
			v = calendar.Months.Add(from, k*step)
			continue
		}
		sum := v + step
		if sum > v != (step > 0) {
			break // beyond 64 bits
		}
		v = sum
	}
	return dst, ""
}
