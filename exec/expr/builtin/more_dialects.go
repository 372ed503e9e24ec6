package builtin

import (
	"fmt"
	"math"
	"strconv"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/calendar"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// tryFunctions are arithmetic that gives NULL where the operator is an error.
func tryFunctions() []*catalog.Function {
	operators := byName(arithmetic())
	var fns []*catalog.Function
	for _, f := range []struct {
		name, operator, verb string
		examples             []catalog.Example
	}{
		{"TRY_ADD", "+", "a + b", shows("TRY_ADD(1, 2)", "3", "TRY_ADD(2147483647, 1)", "NULL", "TRY_ADD(DATE '2024-01-31', INTERVAL '1' MONTH)", "2024-02-29")},
		{"TRY_SUBTRACT", "-", "a - b", shows("TRY_SUBTRACT(1, 2)", "-1", "TRY_SUBTRACT(-2147483647, 2)", "NULL")},
		{"TRY_MULTIPLY", "*", "a * b", shows("TRY_MULTIPLY(6, 7)", "42", "TRY_MULTIPLY(2147483647, 2)", "NULL")},
		{"TRY_DIVIDE", "/", "a / b", shows("TRY_DIVIDE(1, 2)", "0.5", "TRY_DIVIDE(1, 0)", "NULL")},
		{"TRY_MOD", "%", "a % b", shows("TRY_MOD(7, 3)", "1", "TRY_MOD(7, 0)", "NULL")},
	} {
		operator := operators[f.operator]
		fns = append(fns, &catalog.Function{
			Name: f.name, Category: arithmetics, Signatures: []string{f.name + "(a, b) -> type of " + f.verb},
			Doc:      f.verb + ", or NULL where that is an error of the row. NULL if an argument is NULL.",
			Examples: f.examples,
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount(f.name, args, 2, 2); err != nil {
					return nil, err
				}
				inner, err := operator.Resolve(args)
				if err != nil {
					return nil, noOverload(f.name, args)
				}
				t := inner.Result
				return macro(inner.Params, t, func(args []catalog.Expr) catalog.Expr {
					call := &catalog.Call{Fn: operator, Overload: inner, Args: args}
					return &catalog.Call{Fn: &catalog.Function{Name: "TRY"}, Args: []catalog.Expr{call},
						Overload: &catalog.Overload{Params: []catalog.Type{t}, Result: t, Kernel: kernel.Try{}}}
				}), nil
			},
		})
	}
	return fns
}

func byName(fns []*catalog.Function) map[string]*catalog.Function {
	out := map[string]*catalog.Function{}
	for _, f := range fns {
		out[f.Name] = f
	}
	return out
}

// convert is CONV: the digits of a number in another base, unsigned where to is
// positive. The text counts up to the first character that is no digit; what is
// beyond 64 bits is the greatest number that they have.
func convert(dst, text []byte, from, to int64) ([]byte, bool) {
	if from < 2 || from > 36 || max(to, -to) < 2 || max(to, -to) > 36 || len(text) == 0 {
		return nil, false
	}
	negative := text[0] == '-'
	if negative {
		text = text[1:]
	}
	v := uint64(0)
	for _, c := range text {
		d := uint64(math.MaxUint64)
		switch {
		case c >= '0' && c <= '9':
			d = uint64(c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			d = uint64(c|0x20-'a') + 10
		}
		if d >= uint64(from) {
			break
		}
		if v > (math.MaxUint64-d)/uint64(from) {
			v = math.MaxUint64
			break
		}
		v = v*uint64(from) + d
	}
	if negative {
		v = -v
	}
	if to < 0 {
		dst = strconv.AppendInt(dst[:0], int64(v), int(-to))
	} else {
		dst = strconv.AppendUint(dst[:0], v, int(to))
	}
	return upper(dst[:0], dst), true
}

// numberDialects are functions of numbers that Spark has.
func numberDialects() []*catalog.Function {
	isNaN := byName(transcendentals())["ISNAN"]
	return append(tryFunctions(),
		scalar(arithmetics, called("CONV"), "(digits STRING, from INT, to INT) -> STRING",
			"The digits of a number in base `from`, written in base `to`, 2 to 36. Digits count up to the first character that is none; a negative number is one of 64 bits, unless `to` is negative: then the result has a sign. NULL if an argument is NULL, the text is empty, or a base is none.",
			shows("CONV('100', 2, 10)", "4", "CONV('ff', 16, 10)", "255", "CONV('-10', 16, -10)", "-16", "CONV('', 10, 2)", "NULL"),
			overload(catalog.String, rowText(catalog.String, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				digits, from, to := a.text(0), a.integer(1), a.integer(2)
				var out []byte
				return func(i int) ([]byte, bool) {
					var ok bool
					out, ok = convert(out, digits(i), from(i), to(i))
					return out, ok
				}
			}), catalog.String, catalog.Int, catalog.Int)),
		&catalog.Function{
			Name: "NANVL", Category: arithmetics, Signatures: []string{"NANVL(a DOUBLE, b DOUBLE) -> DOUBLE"},
			Doc:      "a, or b where a is not a number. NULL if a is NULL, or if a is not a number and b is NULL.",
			Examples: shows("NANVL(LN(-1), 2.5)", "2.5", "NANVL(1.5, NULL)", "1.5", "NANVL(NULL, 2.5)", "NULL"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if len(args) != 2 || !accepts(catalog.Double, args[0]) || !accepts(catalog.Double, args[1]) {
					return nil, noOverload("NANVL", args)
				}
				test, err := isNaN.Resolve([]catalog.Arg{{Type: catalog.Double}})
				if err != nil {
					return nil, err
				}
				return macro(same(catalog.Double, 2), catalog.Double, func(args []catalog.Expr) catalog.Expr {
					cond := &catalog.Call{Fn: isNaN, Overload: test, Args: args[:1]}
					return &catalog.Case{Whens: []catalog.When{{Cond: cond, Then: args[1]}}, Else: args[0], T: catalog.Double}
				}), nil
			},
		})
}

// bucketOrigin is where buckets of time begin to count: Monday, 2000-01-03.
const bucketOrigin = 946_857_600_000_000

// bins are DATE_BIN and TIME_BUCKET: the beginning of the interval of a length that
// a time is in, where one begins at origin.
func bins() []*catalog.Function {
	bin := func(name string, least int) *catalog.Function {
		return &catalog.Function{Name: name, Category: temporals,
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount(name, args, least, 3); err != nil {
					return nil, err
				}
				t := args[1].Type
				if args[0].Type.Kind != catalog.KindIntervalDay || !t.IsTimestamp() || len(args) == 3 && !args[2].Type.IsTimestamp() && !catalog.CanCast(args[2].Type, t, true) {
					return nil, noOverload(name, args)
				}
				params := []catalog.Type{args[0].Type, t, t}[:len(args)]
				k := row(t, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
					size, at := a.integer(0), a.integer(1)
					origin := func(int) int64 { return bucketOrigin }
					if len(params) == 3 {
						origin = a.integer(2)
					}
					return func(i int) (int64, bool) {
						if size(i) <= 0 {
							c.Fail(i, codeOverflow, fmt.Sprintf("%s needs an interval that is greater than 0", name))
							return 0, false
						}
						return at(i) - calendar.FloorMod(at(i)-origin(i), size(i)), true
					}
				})
				return &catalog.Overload{Params: params, Result: t, CanFail: true, Strict: true, Kernel: k}, nil
			}}
	}
	date, bucket := bin("DATE_BIN", 3), bin("TIME_BUCKET", 2)
	date.Signatures = []string{"DATE_BIN(size INTERVAL DAY TO SECOND, t TIMESTAMP, origin TIMESTAMP) -> type of t"}
	date.Doc = "The beginning of the interval that t is in, of those of a size of which one begins at origin. NULL if an argument is NULL. A size that is not greater than 0 is an error of the row (" + codeOverflow + ")."
	date.Examples = shows("DATE_BIN(INTERVAL '15' MINUTE, TIMESTAMP '2024-02-11 15:44:17', TIMESTAMP '2001-01-01 00:00:00')", "2024-02-11 15:30:00.000")
	bucket.Signatures = []string{"TIME_BUCKET(size INTERVAL DAY TO SECOND, t TIMESTAMP [, origin TIMESTAMP]) -> type of t"}
	bucket.Doc = "DATE_BIN; without an origin it is 2000-01-03, a Monday, so that weeks begin on Mondays. NULL and errors as there."
	bucket.Examples = shows("TIME_BUCKET(INTERVAL '15' MINUTE, TIMESTAMP '2024-02-11 15:44:17')", "2024-02-11 15:30:00.000", "TIME_BUCKET(INTERVAL '7' DAY, TIMESTAMP '2024-02-11 15:44:17')", "2024-02-05 00:00:00.000")
	return []*catalog.Function{date, bucket}
}

// monthsBetween is MONTHS_BETWEEN of two times, us.
func monthsBetween(a, b int64) float64 {
	const day = 86_400_000_000
	da, db := calendar.FloorDiv(a, day), calendar.FloorDiv(b, day)
	ya, ma, dayA := calendar.Date(da)
	yb, mb, dayB := calendar.Date(db)
	months := float64((ya-yb)*12 + ma - mb)
	if dayA == dayB || dayA == calendar.MonthLength(ya, ma) && dayB == calendar.MonthLength(yb, mb) {
		return months
	}
	rest := float64((dayA-dayB)*day+(a-da*day)-(b-db*day)) / (31 * day)
	return math.Round((months+rest)*1e8) / 1e8
}

// monthFunctions are functions of months that Spark has.
func monthFunctions() []*catalog.Function {
	t := catalog.Type{Kind: catalog.KindTimestamp, Precision: 6}
	return append(bins(), scalar(temporals, called("MONTHS_BETWEEN"), "(a TIMESTAMP, b TIMESTAMP) -> DOUBLE",
		"How many months a is after b: a whole number if both are on the same day of the month, or each on its last one, else with the rest in months of 31 days, rounded to 8 digits. NULL if an argument is NULL.",
		shows("MONTHS_BETWEEN(TIMESTAMP '1997-02-28 10:30:00', TIMESTAMP '1996-10-30 00:00:00')", "3.94959677", "MONTHS_BETWEEN(DATE '2024-02-29', DATE '2024-01-31')", "1.0"),
		overload(catalog.Double, row(catalog.Double, func(_ *catalog.EvalContext, a arguments) func(i int) (float64, bool) {
			x, y := a.integer(0), a.integer(1)
			return func(i int) (float64, bool) { return monthsBetween(x(i), y(i)), true }
		}), t, t)))
}
