package builtin

import (
	"fmt"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/calendar"
)

// powersOfTen are the first powers of ten, up to that of nanoseconds.
var powersOfTen = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// epochTime gives a number of units of 10^-precision seconds since 1970 in
// microseconds, rounded down; false: there are too many.
func epochTime(n int64, precision int) (us int64, ok bool) {
	if precision > 6 {
		us, ok = calendar.FloorDiv(n, powersOfTen[precision-6]), true
	} else {
		us, ok = multiply(n, powersOfTen[6-precision])
	}
	return us, ok
}

// toTimestampLTZ makes points in time of numbers and texts.
func toTimestampLTZ() *catalog.Function {
	const name = "TO_TIMESTAMP_LTZ"
	ltz := func(precision int) catalog.Type {
		return catalog.Type{Kind: catalog.KindTimestampLTZ, Precision: precision}
	}
	number := func(t catalog.Type, args int) signature {
		s := signature{params: []catalog.Type{catalog.BigInt, intType}[:args], result: t, canFail: true}
		shown := powersOfTen[6-t.Precision] // what the type does not show is not there
		s.kernel = fixedKernel(t, stateless(func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
			v, precision := a.integer(0), func(int) int64 { return 3 }
			if args == 2 {
				precision = a.integer(1)
			}
			return func(i int) (int64, bool) {
				p := precision(i)
				if p < 0 || p >= int64(len(powersOfTen)) {
					return 0, false
				}
				us, ok := epochTime(v(i), int(p))
				if !ok {
					c.Fail(i, codeOverflow, fmt.Sprintf("%d is beyond %s", v(i), t))
				}
				return us - calendar.FloorMod(us, shown), ok
			}
		}))
		return s
	}
	return &catalog.Function{
		Name: name, Category: temporals,
		Signatures: []string{
			"TO_TIMESTAMP_LTZ(n BIGINT [, precision INT]) -> TIMESTAMP_LTZ(3 to 6)", "TO_TIMESTAMP_LTZ(s STRING [, pattern STRING [, zone STRING]]) -> TIMESTAMP_LTZ(3)",
		},
		Doc: "A point in time from a number of seconds since 1970 (precision 0), of milliseconds (3, the default), microseconds (6), nanoseconds (9) or what is between, " +
			"or from a text, in the session's time zone or the one given, as for TO_TIMESTAMP. A constant precision above 3 is that of the type, up to 6; what the type does not show is cut off. " +
			"NULL if an argument is NULL, the text does not read, the zone is unknown or the precision none of 0 to 9. A time out of range is an error of the row (" + codeOverflow + ").",
		Examples: shows("TO_TIMESTAMP_LTZ(1709211600, 0)", "2024-02-29 13:00:00.000", "TO_TIMESTAMP_LTZ(1709211600123)", "2024-02-29 13:00:00.123",
			"TO_TIMESTAMP_LTZ(1709211600123456, 6)", "2024-02-29 13:00:00.123456", "TO_TIMESTAMP_LTZ('2024-02-29 13:00:00')", "2024-02-29 13:00:00.000",
			"TO_TIMESTAMP_LTZ('2024-02-29 13:00:00', 'yyyy-MM-dd HH:mm:ss', 'Asia/Tokyo')", "2024-02-29 04:00:00.000"),
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := checkDatePattern(name, args, 1, toReadInstant); err != nil {
				return nil, err
			}
			t := ltz(3)
			if len(args) == 2 && args[1].Const != nil {
				if p, ok := args[1].Const.Value.(int64); ok && p > 3 && p < int64(len(powersOfTen)) {
					t = ltz(int(min(p, 6)))
				}
			}
			text := func(params ...catalog.Type) signature {
				return signature{params: params, result: ltz(3), canFail: len(params) > 1, kernel: fixedKernel(ltz(3), readInstant(len(params)))}
			}
			return choose(name, number(ltz(3), 1), number(t, 2), text(str), text(str, str), text(str, str, str))(args)
		},
	}
}
