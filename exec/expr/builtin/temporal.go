package builtin

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/calendar"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// localTime reads argument k, a time of type t, as microseconds of the wall
// clock since 1970 (TIME: since midnight).
func (a arguments) localTime(k int, t catalog.Type, c *catalog.EvalContext) func(i int) int64 {
	read := a.integer(k)
	switch t.Kind {
	case catalog.KindDate:
		return func(i int) int64 { return read(i) * calendar.Day }
	case catalog.KindTimestampLTZ:
		local := calendar.NewLocal(c.Zone)
		return func(i int) int64 { return local.FromUTC(read(i)) }
	default:
		return read
	}
}

// storeTime gives the function that turns microseconds of the wall clock into a
// value of type t.
func storeTime(t catalog.Type, c *catalog.EvalContext) func(us int64) int64 {
	switch t.Kind {
	case catalog.KindDate:
		return func(us int64) int64 { return calendar.FloorDiv(us, calendar.Day) }
	case catalog.KindTimestampLTZ:
		local := calendar.NewLocal(c.Zone)
		return local.ToUTC
	default:
		return func(us int64) int64 { return us }
	}
}

// timeKernel makes a kernel whose result is the time f gives, in microseconds of
// the wall clock.
func timeKernel(t catalog.Type, f func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool)) catalog.Kernel {
	if t.Kind == catalog.KindDate {
		return fixedKernel(t, stateless(func(c *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
			row := f(c, a)
			return func(i int) (int32, bool) {
				us, ok := row(i)
				return int32(calendar.FloorDiv(us, calendar.Day)), ok
			}
		}))
	}
	return fixedKernel(t, stateless(func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
		row, store := f(c, a), storeTime(t, c)
		return func(i int) (int64, bool) {
			us, ok := row(i)
			if !ok {
				return 0, false
			}
			return store(us), true
		}
	}))
}

// unitOf reads the unit in a constant text argument.
func unitOf(name string, a catalog.Arg) (calendar.Unit, error) {
	if a.Const != nil {
		if s, ok := a.Const.Value.(string); ok {
			if u, ok := calendar.ParseUnit(s); ok {
				return u, nil
			}
			return 0, fmt.Errorf("%s: %s is no unit of time", name, s)
		}
	}
	return 0, fmt.Errorf("%s needs a unit such as DAY", name)
}

// timeType gives the type in which an argument is taken as a time: texts are
// read as TIMESTAMP if they are constants.
func timeType(a catalog.Arg) (catalog.Type, bool) {
	t := a.Type
	switch {
	case t.IsTimestamp() || t.Kind == catalog.KindDate || t.Kind == catalog.KindTime:
		return t, true
	case t.Kind == catalog.KindNull || t.IsText() && a.Const != nil:
		return catalog.Timestamp3, true
	}
	return t, false
}

func extractFunctions() []*catalog.Function {
	fns := []*catalog.Function{{
		Name: "EXTRACT", Aliases: []string{"DATE_PART", "DATEPART"}, Category: temporals,
		Signatures: []string{"EXTRACT(unit FROM x) -> BIGINT", "DATE_PART('unit', x) -> BIGINT"},
		Doc: "A field of a DATE, TIME, TIMESTAMP or interval: YEAR, QUARTER, MONTH, WEEK (ISO 8601), DAY, DOW (1 is Sunday), ISODOW (1 is Monday), DOY, " +
			"HOUR, MINUTE, SECOND, MILLISECOND, MICROSECOND, DECADE, CENTURY, MILLENNIUM, ISOYEAR, EPOCH (seconds since 1970). MILLISECOND and " +
			"MICROSECOND are those of the second. TIMESTAMP_LTZ is taken in the session's time zone. NULL if x is NULL.",
		Examples: []catalog.Example{
			{SQL: "EXTRACT(YEAR FROM DATE '2024-02-29')", Result: "2024"}, {SQL: "EXTRACT(WEEK FROM DATE '2021-01-03')", Result: "53"},
			{SQL: "EXTRACT(HOUR FROM TIMESTAMP '2024-02-29 13:14:15')", Result: "13"}, {SQL: "EXTRACT(DAY FROM INTERVAL '36' HOUR)", Result: "1"},
		},
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := argCount("EXTRACT", args, 2, 2); err != nil {
				return nil, err
			}
			u, err := unitOf("EXTRACT", args[0])
			if err != nil {
				return nil, err
			}
			o, err := extractOverload("EXTRACT", u, args[1])
			if err != nil {
				return nil, err
			}
			o.Params = append([]catalog.Type{str}, o.Params...)
			inner := o.Kernel
			second := kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
				return inner.Eval(c, args[1:], n, sel)
			})
			o.Kernel = kernel.Bindable{Kernel: second, Bind: func(args []*catalog.Literal) catalog.Kernel {
				if args[1] != nil {
					return nil
				}
				return second
			}}
			return o, nil
		},
	}}
	for _, f := range []struct {
		name, doc, result string
		aliases           []string
		unit              calendar.Unit
	}{
		{"YEAR", "The year", "2024", nil, calendar.Years},
		{"QUARTER", "The quarter (1 to 4)", "1", nil, calendar.Quarters},
		{"MONTH", "The month (1 to 12)", "2", nil, calendar.Months},
		{"WEEK", "The week of ISO 8601 (1 to 53)", "9", []string{"WEEKOFYEAR"}, calendar.Weeks},
		{"DAYOFYEAR", "The day of the year (1 to 366)", "60", nil, calendar.DayOfYear},
		{"DAYOFMONTH", "The day of the month (1 to 31)", "29", []string{"DAY"}, calendar.DaysUnit},
		{"DAYOFWEEK", "The day of the week (1 is Sunday)", "5", nil, calendar.DayOfWeek},
		{"ISODOW", "The day of the week (1 is Monday)", "4", nil, calendar.ISODayOfWeek},
		{"ISOYEAR", "The year of the week of ISO 8601", "2024", nil, calendar.ISOYear},
		{"DECADE", "The decade: the year divided by 10", "202", nil, calendar.Decades},
		{"CENTURY", "The century", "21", nil, calendar.Centuries},
		{"MILLENNIUM", "The millennium", "3", nil, calendar.Millennia},
		{"HOUR", "The hour (0 to 23)", "13", nil, calendar.Hours},
		{"MINUTE", "The minute (0 to 59)", "14", nil, calendar.Minutes},
		{"SECOND", "The second (0 to 59)", "15", nil, calendar.Seconds},
	} {
		fns = append(fns, &catalog.Function{
			Name: f.name, Aliases: f.aliases, Category: temporals,
			Signatures: []string{f.name + "(x) -> BIGINT"},
			Doc:        f.doc + " of a DATE, TIME or TIMESTAMP; see EXTRACT. NULL if x is NULL.",
			Examples:   []catalog.Example{{SQL: f.name + "(TIMESTAMP '2024-02-29 13:14:15')", Result: f.result}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount(f.name, args, 1, 1); err != nil {
					return nil, err
				}
				return extractOverload(f.name, f.unit, args[0])
			},
		})
	}
	return fns
}

func extractOverload(name string, u calendar.Unit, a catalog.Arg) (*catalog.Overload, error) {
	t, ok := timeType(a)
	clock := u >= calendar.Microseconds && u <= calendar.Hours
	switch {
	case ok && (t.Kind != catalog.KindTime || clock) && (t.Kind != catalog.KindDate || !clock):
	case ok:
		return nil, fmt.Errorf("%s: a %s has no such field", name, t)
	case a.Type.Kind == catalog.KindIntervalDay && (clock || u == calendar.DaysUnit):
		t = a.Type
	case a.Type.Kind == catalog.KindIntervalMonth && (u == calendar.Months || u == calendar.Years):
		t = a.Type
	default:
		return nil, noOverload(name, []catalog.Arg{a})
	}
	return &catalog.Overload{Params: []catalog.Type{t}, Result: catalog.BigInt, Strict: true, Kernel: extractKernel(u, t)}, nil
}

// extractKernel gives a field of a time or interval. The fields of the clock are
// plain divisions; the others keep the last day's.
func extractKernel(u calendar.Unit, t catalog.Type) catalog.Kernel {
	loop := func(f func(us int64) int64) catalog.Kernel {
		return &kernel.Unary[int64, int64]{Out: arrow.PrimitiveTypes.Int64, Loop: func(dst, a []int64) bool {
			for i, us := range a[:len(dst)] {
				dst[i] = f(us)
			}
			return false
		}}
	}
	switch {
	case t.Kind == catalog.KindIntervalMonth:
		return &kernel.Unary[int32, int64]{Out: arrow.PrimitiveTypes.Int64, Loop: func(dst []int64, a []int32) bool {
			for i, m := range a[:len(dst)] {
				if dst[i] = int64(m) % 12; u == calendar.Years {
					dst[i] = int64(m) / 12
				}
			}
			return false
		}}
	case t.Kind == catalog.KindIntervalDay:
		return loop(func(us int64) int64 {
			sign := int64(1)
			if us < 0 {
				sign, us = -1, -us
			}
			if u == calendar.DaysUnit {
				return sign * (us / calendar.Day)
			}
			return sign * u.Extract(us%calendar.Day)
		})
	case t.Kind == catalog.KindTimestamp && u == calendar.Hours:
		return &kernel.Unary[int64, int64]{Out: arrow.PrimitiveTypes.Int64, Loop: func(dst, a []int64) bool {
			for i, us := range a[:len(dst)] {
				h := us / calendar.Hour
				if us%calendar.Hour < 0 {
					h--
				}
				if h %= 24; h < 0 {
					h += 24
				}
				dst[i] = h
			}
			return false
		}}
	}
	return fixedKernel(catalog.BigInt, stateless(func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
		us := a.localTime(0, t, c)
		unit := calendar.Day
		if f := u.Fixed(); f > 0 && f < calendar.Day {
			unit = f
		}
		if u == calendar.Epoch {
			unit = calendar.Second
		}
		from, value := int64(1), int64(0)
		have := false
		return func(i int) (int64, bool) {
			x := us(i)
			if !have || x-from < 0 || x-from >= unit {
				from, have = x-calendar.FloorMod(x, unit), true
				value = u.Extract(x)
			}
			return value, true
		}
	}))
}

// nowFunctions read the clock's reading for the batch.
func nowFunctions() []*catalog.Function {
	ltz := catalog.TimestampLTZ3
	millis := func(us int64) int64 { return us - calendar.FloorMod(us, calendar.Millisecond) }
	type now struct {
		name, doc string
		aliases   []string
		t         catalog.Type
		value     func(us int64, local *calendar.Local) int64
	}
	var fns []*catalog.Function
	for _, f := range []now{
		{"CURRENT_TIMESTAMP", "The time of the clock's reading, to the millisecond.", []string{"NOW", "CURRENT_ROW_TIMESTAMP"}, ltz,
			func(us int64, _ *calendar.Local) int64 { return millis(us) }},
		{"PROCTIME", "The processing time: the clock's reading, to the millisecond.", nil, ltz,
			func(us int64, _ *calendar.Local) int64 { return millis(us) }},
		{"LOCALTIMESTAMP", "The wall clock in the session's time zone, to the millisecond.", nil, catalog.Timestamp3,
			func(us int64, l *calendar.Local) int64 { return millis(l.FromUTC(us)) }},
		{"CURRENT_DATE", "The day in the session's time zone.", []string{"CURDATE", "TODAY"}, catalog.Date,
			func(us int64, l *calendar.Local) int64 { return calendar.FloorDiv(l.FromUTC(us), calendar.Day) }},
		{"LOCALTIME", "The time of day in the session's time zone, to the second.", []string{"CURRENT_TIME"}, catalog.Time,
			func(us int64, l *calendar.Local) int64 {
				us = calendar.FloorMod(l.FromUTC(us), calendar.Day)
				return us - us%calendar.Second
			}},
	} {
		fns = append(fns, &catalog.Function{
			Name: f.name, Aliases: f.aliases, Category: temporals, Volatility: catalog.Stable,
			Signatures: []string{f.name + "() -> " + f.t.String()},
			Doc:        f.doc + " It is the same for all rows of a source batch.",
			Examples:   []catalog.Example{{SQL: f.name + "() IS NULL", Result: "false"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount(f.name, args, 0, 0); err != nil {
					return nil, err
				}
				return &catalog.Overload{Result: f.t, NeverNull: true, Kernel: kernel.Func(
					func(c *catalog.EvalContext, _ []arrow.Array, n int, _ []int32) (arrow.Array, error) {
						local := calendar.NewLocal(c.Zone)
						return column.Repeat(&catalog.Literal{Value: f.value(c.Now.UnixMicro(), &local), T: f.t}, n, c.Alloc)
					})}, nil
			},
		})
	}
	return fns
}

// roundToUnit is FLOOR(x TO unit), CEIL(x TO unit) and DATE_TRUNC.
func roundToUnit(name string, x, unit catalog.Arg, at int, f func(u calendar.Unit, us int64) int64) (*catalog.Overload, error) {
	u, err := unitOf(name, unit)
	if err != nil {
		return nil, err
	}
	t, ok := timeType(x)
	if !ok || u > calendar.Millennia || t.Kind == catalog.KindTime && u > calendar.Hours {
		return nil, fmt.Errorf("%s of %s to %s is not defined", name, x.Type, strings.ToUpper(unit.Const.Value.(string)))
	}
	params := []catalog.Type{t, str}
	if at == 1 {
		params = []catalog.Type{str, t}
	}
	k := timeKernel(t, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
		us := a.localTime(at, t, c)
		return func(i int) (int64, bool) { return f(u, us(i)), true }
	})
	return &catalog.Overload{Params: params, Result: t, Strict: true, Kernel: k}, nil
}
