package builtin

import (
	"fmt"
	"math"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/calendar"
)

// temporalUnitFunctions move times by units and measure them in units.
func temporalUnitFunctions() []*catalog.Function {
	return []*catalog.Function{
		{
			Name: "DATE_TRUNC", Category: temporals,
			Signatures: []string{"DATE_TRUNC('unit', x) -> type of x"},
			Doc: "The start of the unit that a DATE, TIME or TIMESTAMP lies in, the same as FLOOR(x TO unit): MILLISECOND, SECOND, MINUTE, HOUR, DAY, WEEK " +
				"(from Monday), MONTH, QUARTER, YEAR, DECADE, CENTURY, MILLENNIUM. TIMESTAMP_LTZ is taken in the session's time zone. NULL if x is NULL.",
			Examples: []catalog.Example{
				{SQL: "DATE_TRUNC('hour', TIMESTAMP '2024-02-29 13:14:15')", Result: "2024-02-29 13:00:00.000"}, {SQL: "DATE_TRUNC('month', DATE '2024-02-29')", Result: "2024-02-01"},
			},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("DATE_TRUNC", args, 2, 2); err != nil {
					return nil, err
				}
				return roundToUnit("DATE_TRUNC", args[1], args[0], 1, calendar.Unit.Floor)
			},
		},
		{
			Name: "TIMESTAMPADD", Category: temporals,
			Signatures: []string{"TIMESTAMPADD(unit, n INT, x) -> type of x"},
			Doc: "x moved by n units (MICROSECOND to YEAR). A DATE moved by less than days becomes a TIMESTAMP. A month that lacks the day takes its last one. " +
				"NULL if an argument is NULL. A time out of range is an error of the row (" + codeOverflow + ").",
			Examples: []catalog.Example{
				{SQL: "TIMESTAMPADD(HOUR, 5, TIMESTAMP '2024-02-28 23:59:59')", Result: "2024-02-29 04:59:59.000"}, {SQL: "TIMESTAMPADD(MONTH, 1, DATE '2024-01-31')", Result: "2024-02-29"},
			},
			Resolve: resolveTimestampAdd,
		},
		{
			Name: "TIMESTAMPDIFF", Category: temporals,
			Signatures: []string{"TIMESTAMPDIFF(unit, a, b) -> INT"},
			Doc:        "The whole units from a to b; negative if b comes first: then they are those from b to a. Of months and more, as many as TIMESTAMPADD can move the first by without going beyond the second. NULL if an argument is NULL. Beyond INT it is an error of the row (" + codeOverflow + ").",
			Examples: []catalog.Example{
				{SQL: "TIMESTAMPDIFF(DAY, TIMESTAMP '2024-02-28 12:00:00', TIMESTAMP '2024-03-01 11:00:00')", Result: "1"},
				{SQL: "TIMESTAMPDIFF(MONTH, DATE '2024-01-31', DATE '2024-02-29')", Result: "1"}, {SQL: "TIMESTAMPDIFF(MONTH, DATE '2024-03-31', DATE '2024-02-29')", Result: "-1"},
			},
			Resolve: resolveTimestampDiff,
		},
	}
}

func resolveTimestampAdd(args []catalog.Arg) (*catalog.Overload, error) {
	const name = "TIMESTAMPADD"
	if err := argCount(name, args, 3, 3); err != nil {
		return nil, err
	}
	u, err := unitOf(name, args[0])
	if err != nil {
		return nil, err
	}
	t, ok := timeType(args[2])
	if !ok || u > calendar.Millennia || !catalog.CanCast(args[1].Type, catalog.BigInt, true) || t.Kind == catalog.KindTime && u.Fixed() == 0 {
		return nil, noOverload(name, args)
	}
	if t.Kind == catalog.KindDate && u <= calendar.Hours {
		t = catalog.Timestamp3
	}
	k := timeKernel(t, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
		n, us := a.integer(1), a.localTime(2, t, c)
		if t.Kind == catalog.KindTimestampLTZ && u.Fixed() > 0 && u.Fixed() < calendar.Day {
			local := calendar.NewLocal(c.Zone)
			utc := a.integer(2)
			// Hours are counted in time that passes, not on the wall clock.
			us = func(i int) int64 { return utc(i) }
			return func(i int) (int64, bool) {
				v, ok := addUnits(u, us(i), n(i))
				if !ok {
					c.Fail(i, codeOverflow, fmt.Sprintf("%d units more are beyond %s", n(i), t))
				}
				return local.FromUTC(v), ok
			}
		}
		return func(i int) (int64, bool) {
			v, ok := addUnits(u, us(i), n(i))
			if !ok {
				c.Fail(i, codeOverflow, fmt.Sprintf("%d units more are beyond %s", n(i), t))
			}
			if t.Kind == catalog.KindTime {
				v = calendar.FloorMod(v, calendar.Day)
			}
			return v, ok
		}
	})
	return &catalog.Overload{Params: []catalog.Type{str, catalog.BigInt, t}, Result: t, Strict: true, CanFail: true, Kernel: k}, nil
}

// addUnits moves a time by n units; false if it leaves 64 bits.
func addUnits(u calendar.Unit, us, n int64) (int64, bool) {
	const most = 300000 * 12 // months that fit
	if m := u.Months(); m > 0 {
		if n > most/m || n < -most/m {
			return 0, false
		}
		r := u.Add(us, n)
		return r, (r > us) == (n > 0) || n == 0
	}
	by, ok := multiply(n, u.Fixed())
	r := us + by
	return r, ok && (r^us)&(r^by) >= 0
}

func resolveTimestampDiff(args []catalog.Arg) (*catalog.Overload, error) {
	const name = "TIMESTAMPDIFF"
	if err := argCount(name, args, 3, 3); err != nil {
		return nil, err
	}
	u, err := unitOf(name, args[0])
	if err != nil {
		return nil, err
	}
	a, okA := timeType(args[1])
	b, okB := timeType(args[2])
	t, ok := catalog.CommonType(a, b)
	if !ok || !okA || !okB || u > calendar.Millennia {
		return nil, noOverload(name, args)
	}
	k := fixedKernel(intType, stateless(func(c *catalog.EvalContext, args arguments) func(i int) (int32, bool) {
		from, to := args.localTime(1, t, c), args.localTime(2, t, c)
		if u.Fixed() > 0 && u.Fixed() < calendar.Day && t.Kind == catalog.KindTimestampLTZ {
			from, to = args.integer(1), args.integer(2) // time that passes
		}
		return func(i int) (int32, bool) {
			d := u.Between(from(i), to(i))
			if d > math.MaxInt32 || d < math.MinInt32 {
				c.Fail(i, codeOverflow, fmt.Sprintf("%d is beyond INT", d))
				return 0, false
			}
			return int32(d), true
		}
	}))
	return &catalog.Overload{Params: []catalog.Type{str, t, t}, Result: intType, Strict: true, CanFail: true, Kernel: k}, nil
}
