package builtin

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/calendar"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// timeArithmetic gives + and - of times and intervals; nil if it is none.
func timeArithmetic(sign string, a, b catalog.Type) *catalog.Overload {
	isTime := func(t catalog.Type) bool {
		return t.IsTimestamp() || t.Kind == catalog.KindDate || t.Kind == catalog.KindTime
	}
	minus := sign == "-"
	switch {
	case a.IsInterval() && a.Kind == b.Kind:
		if a.Kind == catalog.KindIntervalMonth {
			return strictOverload(a, b, a, true, additive[int32](a, minus))
		}
		return strictOverload(a, b, catalog.IntervalDay, true, additive[int64](catalog.IntervalDay, minus))
	case isTime(a) && b.IsInterval():
		return shifted(a, b, minus, false)
	case a.IsInterval() && isTime(b) && !minus:
		return shifted(b, a, false, true)
	case minus && isTime(a) && isTime(b):
		t, ok := catalog.CommonType(a, b)
		if !ok {
			return nil
		}
		if t.Kind == catalog.KindDate {
			t = catalog.Timestamp3
		}
		return strictOverload(t, t, catalog.IntervalDay, true, additive[int64](catalog.IntervalDay, true))
	}
	return nil
}

// shifted is a time moved by an interval. A DATE moved by a DAY TO SECOND
// interval becomes a TIMESTAMP: the interval may hold hours.
func shifted(t, interval catalog.Type, minus, flipped bool) *catalog.Overload {
	if t.Kind == catalog.KindTime && interval.Kind == catalog.KindIntervalMonth {
		return nil
	}
	if t.Kind == catalog.KindDate && interval.Kind == catalog.KindIntervalDay {
		t = catalog.Timestamp3
	}
	var k catalog.Kernel
	switch {
	case t.Kind == catalog.KindDate:
		k = monthsOnDate(minus)
	case interval.Kind == catalog.KindIntervalMonth:
		k = monthsOnTimestamp{t, minus}
	case t.Kind == catalog.KindTime:
		k = wrapTime(minus)
	default:
		k = additive[int64](t, minus)
	}
	if !flipped {
		return strictOverload(t, interval, t, true, k)
	}
	return strictOverload(interval, t, t, true, swapped(k))
}

// swapped runs a kernel of two arguments with their places exchanged.
func swapped(k catalog.Kernel) catalog.Kernel {
	turn := func(k catalog.Kernel) catalog.Kernel {
		return kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			return k.Eval(c, []arrow.Array{args[1], args[0]}, n, sel)
		})
	}
	return kernel.Bindable{Kernel: turn(k), Bind: func(args []*catalog.Literal) catalog.Kernel {
		if b, ok := k.(kernel.ConstBinder); ok {
			if bound := b.BindConst([]*catalog.Literal{args[1], args[0]}); bound != nil {
				return turn(bound)
			}
		}
		return nil
	}}
}

func monthsOnDate(minus bool) catalog.Kernel {
	move := func(d, m int32) int32 {
		if minus {
			return int32(calendar.AddMonths(int64(d), -int64(m)))
		}
		return int32(calendar.AddMonths(int64(d), int64(m)))
	}
	return &kernel.Binary[int32, int32, int32]{
		Out: catalog.Date.Arrow(),
		VV: func(dst, a, b []int32) bool {
			for i := range dst {
				dst[i] = move(a[i], b[i])
			}
			return false
		},
		VC: func(dst, a []int32, b int32) bool {
			for i := range dst {
				dst[i] = move(a[i], b)
			}
			return false
		},
	}
}

// wrapTime moves a TIME around the clock.
func wrapTime(minus bool) catalog.Kernel {
	return &kernel.Binary[int64, int64, int64]{
		Out: catalog.Time.Arrow(),
		VV: func(dst, a, b []int64) bool {
			for i := range dst {
				by := b[i] % calendar.Day
				if minus {
					by = -by
				}
				dst[i] = calendar.FloorMod(a[i]+by, calendar.Day)
			}
			return false
		},
	}
}

// monthsOnTimestamp moves a timestamp by months of the wall clock.
type monthsOnTimestamp struct {
	t     catalog.Type
	minus bool
}

// Eval implements catalog.Kernel.
func (k monthsOnTimestamp) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	us, months := column.Fixed[int64](args[0]), column.Fixed[int32](args[1])
	valid := kernel.NewNullable(c.Alloc, n, args...)
	buf := column.NewBuffer(c.Alloc, 8*n)
	dst := column.As[int64](buf, n)
	local := calendar.NewLocal(c.Zone)
	kernel.ForEach(n, sel, &valid, func(i int) {
		m := int64(months[i])
		if k.minus {
			m = -m
		}
		if k.t.Kind == catalog.KindTimestampLTZ {
			dst[i] = local.ToUTC(calendar.Months.Add(local.FromUTC(us[i]), m))
		} else {
			dst[i] = calendar.Months.Add(us[i], m)
		}
	})
	return column.Make(k.t.Arrow(), n, -1, []*memory.Buffer{valid.Buffer(), buf}), nil
}

// intervalProduct gives interval * integer and integer * interval; nil if it is
// none.
func intervalProduct(a, b catalog.Type) *catalog.Overload {
	if b.IsInterval() && a.IsInteger() {
		o := intervalProduct(b, a)
		o.Params[0], o.Params[1] = o.Params[1], o.Params[0]
		return o // a product of equal physical types: the order does not matter
	}
	if !a.IsInterval() || !b.IsInteger() {
		return nil
	}
	if a.Kind == catalog.KindIntervalMonth {
		if b.Kind == catalog.KindBigInt {
			return nil
		}
		return strictOverload(a, catalog.Int, a, true, product[int32](a))
	}
	return strictOverload(a, catalog.BigInt, a, true, product[int64](a))
}
