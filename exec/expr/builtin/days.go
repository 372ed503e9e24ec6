package builtin

import (
	"fmt"
	"math"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/calendar"
)

// codeBadDate is the code of a day or time that the calendar does not have.
const codeBadDate = "BAD_DATE"

// dayFunctions reckon with days and months.
func dayFunctions() []*catalog.Function {
	date := catalog.Date
	moved := func(name, word string, sign int64) *catalog.Function {
		return &catalog.Function{
			Name: name, Category: temporals, Signatures: []string{name + "(x, n INT) -> type of x", name + "(x, i INTERVAL) -> as x + i"},
			Doc:      "A DATE or TIMESTAMP " + word + " by n days, or by an interval. NULL if an argument is NULL. A time out of range is an error of the row (" + codeOverflow + ").",
			Examples: shows(name+"(DATE '2024-02-29', 1)", map[int64]string{1: "2024-03-01", -1: "2024-02-28"}[sign]),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount(name, args, 2, 2); err != nil {
					return nil, err
				}
				t, ok := timeType(args[0])
				if !ok || t.Kind == catalog.KindTime {
					return nil, noOverload(name, args)
				}
				if args[1].Type.IsInterval() {
					op := map[int64]string{1: "+", -1: "-"}[sign]
					o, err := resolveAdditive(op, []catalog.Arg{{Type: t}, args[1]})
					return o, err
				}
				if !catalog.CanCast(args[1].Type, catalog.BigInt, true) {
					return nil, noOverload(name, args)
				}
				return moveOverload(t, func(us, n int64) (int64, bool) { return addUnits(calendar.DaysUnit, us, sign*n) }), nil
			},
		}
	}
	return []*catalog.Function{
		moved("DATE_ADD", "moved on", 1),
		moved("DATE_SUB", "moved back", -1),
		{
			Name: "ADD_MONTHS", Category: temporals, Signatures: []string{"ADD_MONTHS(x, n INT) -> type of x"},
			Doc:      "A DATE or TIMESTAMP moved by n months; a month that lacks the day takes its last one. NULL if an argument is NULL. A time out of range is an error of the row (" + codeOverflow + ").",
			Examples: shows("ADD_MONTHS(DATE '2024-01-31', 1)", "2024-02-29", "ADD_MONTHS(DATE '2024-03-31', -1)", "2024-02-29"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("ADD_MONTHS", args, 2, 2); err != nil {
					return nil, err
				}
				t, ok := timeType(args[0])
				if !ok || t.Kind == catalog.KindTime || !catalog.CanCast(args[1].Type, catalog.BigInt, true) {
					return nil, noOverload("ADD_MONTHS", args)
				}
				return moveOverload(t, func(us, n int64) (int64, bool) { return addUnits(calendar.Months, us, n) }), nil
			},
		},
		{
			Name: "DATEDIFF", Aliases: []string{"DATE_DIFF"}, Category: temporals, Signatures: []string{"DATEDIFF(a, b) -> INT", "DATEDIFF('unit', a, b) -> BIGINT"},
			Doc:      "The days from b to a, their times of day left out; with a unit, how many of its starts lie between a and b, b included: negative if b comes first. (TIMESTAMPDIFF counts whole units.) NULL if an argument is NULL.",
			Examples: shows("DATEDIFF(DATE '2024-03-01', DATE '2024-02-28')", "2", "DATEDIFF('month', DATE '2024-01-31', DATE '2024-02-01')", "1", "DATEDIFF('hour', TIMESTAMP '2024-02-29 10:59:00', TIMESTAMP '2024-02-29 11:01:00')", "1"),
			Resolve:  resolveDateDiff,
		},
		timeToDate("LAST_DAY", "The last day of the month of a DATE or TIMESTAMP.", shows("LAST_DAY(DATE '2024-02-10')", "2024-02-29"), func(days int64) int64 {
			y, m, _ := calendar.Date(days)
			return calendar.Days(y, m, calendar.MonthLength(y, m))
		}),
		scalar(temporals, called("NEXT_DAY"), "(d DATE, weekday STRING) -> DATE", "The first day after d that is the weekday, given by its English name or the first two or three letters of it. NULL if an argument is NULL or the weekday is none.",
			shows("NEXT_DAY(DATE '2024-02-29', 'Mon')", "2024-03-04"), overload(date, row(date, func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
				d, name := a.integer(0), a.text(1)
				return func(i int) (int32, bool) {
					w, ok := weekdayOf(name(i))
					days := d(i) + 1
					return int32(days + calendar.FloorMod(w-calendar.Weekday(days), 7)), ok
				}
			}), date, str)),
		scalar(temporals, called("MAKE_DATE"), "(year INT, month INT, day INT) -> DATE", "A day. NULL if an argument is NULL. One that the calendar does not have is an error of the row ("+codeBadDate+").",
			shows("MAKE_DATE(2024, 2, 29)", "2024-02-29"), failing(date, row(date, func(c *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
				y, m, d := a.integer(0), a.integer(1), a.integer(2)
				return func(i int) (int32, bool) {
					if !isDay(y(i), m(i), d(i)) {
						c.Fail(i, codeBadDate, fmt.Sprintf("there is no day %d-%d-%d", y(i), m(i), d(i)))
						return 0, false
					}
					return int32(calendar.Days(y(i), m(i), d(i))), true
				}
			}), intType, intType, intType)),
		scalar(temporals, called("MAKE_TIMESTAMP", "MAKE_TIMESTAMP_NTZ"), "(year INT, month INT, day INT, hour INT, minute INT, second DOUBLE) -> TIMESTAMP(6)", "A time, its second to the microsecond. NULL if an argument is NULL. One that the calendar does not have is an error of the row ("+codeBadDate+").",
			shows("MAKE_TIMESTAMP(2024, 2, 29, 13, 4, 5.25)", "2024-02-29 13:04:05.250000"),
			failing(catalog.Timestamp6, row(catalog.Timestamp6, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
				y, mo, d, h, m, s := a.integer(0), a.integer(1), a.integer(2), a.integer(3), a.integer(4), a.double(5)
				return func(i int) (int64, bool) {
					us := math.Round(s(i) * 1e6)
					if !isDay(y(i), mo(i), d(i)) || h(i) < 0 || h(i) > 23 || m(i) < 0 || m(i) > 59 || !(us >= 0 && us < 60e6) {
						c.Fail(i, codeBadDate, fmt.Sprintf("there is no time %d-%d-%d %d:%d:%v", y(i), mo(i), d(i), h(i), m(i), s(i)))
						return 0, false
					}
					return calendar.Days(y(i), mo(i), d(i))*calendar.Day + h(i)*calendar.Hour + m(i)*calendar.Minute + int64(us), true
				}
			}), intType, intType, intType, intType, intType, catalog.Double)),
		timeName("DAYNAME", "weekday", "EEEE", "Thursday"),
		timeName("MONTHNAME", "month", "MMMM", "February"),
		{
			Name: "WEEKDAY", Category: temporals, Signatures: []string{"WEEKDAY(x) -> BIGINT"}, Doc: "The day of the week of a DATE or TIMESTAMP, 0 for Monday to 6 for Sunday. NULL if x is NULL.", Examples: shows("WEEKDAY(DATE '2024-02-29')", "3"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				return dayOverload("WEEKDAY", args, catalog.BigInt, func(t catalog.Type) catalog.Kernel {
					return row(catalog.BigInt, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
						us := a.localTime(0, t, c)
						return func(i int) (int64, bool) { return calendar.FloorMod(calendar.FloorDiv(us(i), calendar.Day)+3, 7), true }
					})
				})
			},
		},
	}
}

func isDay(y, m, d int64) bool {
	return y >= 1 && y <= 9999 && m >= 1 && m <= 12 && d >= 1 && d <= calendar.MonthLength(y, m)
}

// moveOverload moves times of type t by an integer.
func moveOverload(t catalog.Type, f func(us, n int64) (int64, bool)) *catalog.Overload {
	k := timeKernel(t, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
		us, n := a.localTime(0, t, c), a.integer(1)
		return func(i int) (int64, bool) {
			v, ok := f(us(i), n(i))
			if days := calendar.FloorDiv(v, calendar.Day); ok && t.Kind == catalog.KindDate {
				ok = days == int64(int32(days))
			}
			if !ok {
				c.Fail(i, codeOverflow, fmt.Sprintf("%d more is beyond %s", n(i), t))
			}
			return v, ok
		}
	})
	return &catalog.Overload{Params: []catalog.Type{t, catalog.BigInt}, Result: t, Strict: true, CanFail: true, Kernel: k}
}

// dayOverload is one over a DATE or TIMESTAMP.
func dayOverload(name string, args []catalog.Arg, result catalog.Type, of func(t catalog.Type) catalog.Kernel) (*catalog.Overload, error) {
	if err := argCount(name, args, 1, 1); err != nil {
		return nil, err
	}
	t, ok := timeType(args[0])
	if !ok || t.Kind == catalog.KindTime {
		return nil, noOverload(name, args)
	}
	return &catalog.Overload{Params: []catalog.Type{t}, Result: result, Strict: true, Kernel: of(t)}, nil
}

// timeToDate is a function from the day of a time to another day.
func timeToDate(name, doc string, examples []catalog.Example, f func(days int64) int64) *catalog.Function {
	return &catalog.Function{
		Name: name, Category: temporals, Signatures: []string{name + "(x) -> DATE"}, Doc: doc + " NULL if x is NULL.", Examples: examples,
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			return dayOverload(name, args, catalog.Date, func(t catalog.Type) catalog.Kernel {
				return row(catalog.Date, func(c *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
					us := a.localTime(0, t, c)
					return func(i int) (int32, bool) { return int32(f(calendar.FloorDiv(us(i), calendar.Day))), true }
				})
			})
		},
	}
}

// timeName is a function that gives a name by a pattern.
func timeName(name, what, pattern, result string) *catalog.Function {
	p, err := calendar.ParsePattern(pattern)
	if err != nil {
		panic(err)
	}
	return &catalog.Function{
		Name: name, Category: temporals, Signatures: []string{name + "(x) -> STRING"}, Doc: "The English name of the " + what + " of a DATE or TIMESTAMP. NULL if x is NULL.",
		Examples: shows(name+"(DATE '2024-02-29')", result),
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			return dayOverload(name, args, str, func(t catalog.Type) catalog.Kernel {
				return rowText(str, func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
					us := a.localTime(0, t, c)
					var text []byte
					return func(i int) ([]byte, bool) {
						text = p.Append(text[:0], us(i))
						return text, true
					}
				})
			})
		},
	}
}

// weekdayOf reads the name of a weekday: 1 for Sunday.
func weekdayOf(name []byte) (int64, bool) {
	if len(name) < 2 {
		return 0, false
	}
	low := string(lower(nil, name))
	for k, w := range []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"} {
		if low == w || len(low) <= 3 && low == w[:len(low)] {
			return int64(k + 1), true
		}
	}
	return 0, false
}

func resolveDateDiff(args []catalog.Arg) (*catalog.Overload, error) {
	const name = "DATEDIFF"
	if err := argCount(name, args, 2, 3); err != nil {
		return nil, err
	}
	first := len(args) - 2
	x, okX := timeType(args[first])
	y, okY := timeType(args[first+1])
	t, ok := catalog.CommonType(x, y)
	if !okX || !okY || !ok || t.Kind == catalog.KindTime {
		return nil, noOverload(name, args)
	}
	if first == 0 {
		return &catalog.Overload{Params: same(t, 2), Result: intType, Strict: true, Kernel: row(intType, func(c *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
			to, from := a.localTime(0, t, c), a.localTime(1, t, c)
			return func(i int) (int32, bool) {
				return int32(calendar.FloorDiv(to(i), calendar.Day) - calendar.FloorDiv(from(i), calendar.Day)), true
			}
		})}, nil
	}
	u, err := unitOf(name, args[0])
	if err != nil {
		return nil, err
	}
	if u > calendar.Millennia {
		return nil, noOverload(name, args)
	}
	starts := func(us int64) int64 {
		switch m := u.Months(); {
		case m > 0:
			year, month, _ := calendar.Date(calendar.FloorDiv(u.Floor(us), calendar.Day))
			return calendar.FloorDiv(12*year+month-1, m)
		default:
			return calendar.FloorDiv(u.Floor(us), u.Fixed())
		}
	}
	return &catalog.Overload{Params: []catalog.Type{str, t, t}, Result: catalog.BigInt, Strict: true, Kernel: row(catalog.BigInt, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
		from, to := a.localTime(1, t, c), a.localTime(2, t, c)
		return func(i int) (int64, bool) { return starts(to(i)) - starts(from(i)), true }
	})}, nil
}
