package builtin

import (
	"fmt"
	"math"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/calendar"
)

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
	const day = calendar.Day
	da, db := calendar.FloorDiv(a, day), calendar.FloorDiv(b, day)
	ya, ma, dayA := calendar.Date(da)
	yb, mb, dayB := calendar.Date(db)
	months := float64((ya-yb)*12 + ma - mb)
	if dayA == dayB || dayA == calendar.MonthLength(ya, ma) && dayB == calendar.MonthLength(yb, mb) {
		return months
	}
	rest := float64((dayA-dayB)*day+(a-da*day)-(b-db*day)) / float64(31*day)
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
