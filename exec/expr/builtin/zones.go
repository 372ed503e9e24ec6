package builtin

import (
	"fmt"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/calendar"
)

const codeBadZone = "BAD_ZONE"

// zoneCache finds time zones by name for one batch.
type zoneCache map[string]*calendar.Local

// get gives a zone, nil for one that there is not.
func (z zoneCache) get(name []byte) *calendar.Local {
	l, ok := z[string(name)]
	if !ok {
		if loc, err := loadZone(string(name)); err == nil {
			local := calendar.NewLocal(loc)
			l = &local
		}
		z[string(name)] = l
	}
	return l
}

// loadZone finds a zone by its name in the IANA data base, or makes one of an
// offset such as +05:30 or UTC-8.
func loadZone(name string) (*time.Location, error) {
	text := strings.TrimPrefix(strings.TrimPrefix(name, "UTC"), "GMT")
	if text != "" && (text[0] == '+' || text[0] == '-') {
		for _, layout := range []string{"-07:00", "-0700", "-07"} {
			padded := text
			if len(text) == 2 {
				padded = text[:1] + "0" + text[1:]
			}
			if t, err := time.Parse(layout, padded); err == nil {
				_, offset := t.Zone()
				return time.FixedZone(name, offset), nil
			}
		}
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("there is no time zone '%s'", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("there is no time zone '%s'", name)
	}
	return loc, nil
}

// zoneFunctions move between points in time and wall clocks.
func zoneFunctions() []*catalog.Function {
	big, ltz := catalog.BigInt, catalog.TimestampLTZ3
	fns := []*catalog.Function{{
		Name: "AT TIME ZONE", Category: temporals, Signatures: []string{"x AT TIME ZONE zone -> TIMESTAMP for a TIMESTAMP_LTZ, TIMESTAMP_LTZ for a TIMESTAMP", "x AT LOCAL: in the session's time zone"},
		Doc: "Of a point in time (TIMESTAMP_LTZ), what the clocks of the zone show; of what a clock shows (TIMESTAMP, DATE), the point in time at which those of the zone do: of two the earlier one, and one that is skipped moves on by the gap. A zone is a name such as Europe/Berlin or an offset such as +05:30. " +
			"NULL if an argument is NULL. An unknown zone is an error at planning, or of the row (" + codeBadZone + ") if it is no constant.",
		Examples: shows("TIMESTAMP '2024-07-01 12:00:00' AT TIME ZONE 'Europe/Berlin'", "2024-07-01 10:00:00.000", "TIMESTAMP_LTZ '2024-07-01 12:00:00' AT TIME ZONE '+05:30'", "2024-07-01 17:30:00.000"),
		Resolve:  resolveAtTimeZone,
	}}
	for _, f := range []struct {
		n           names
		unit        int64
		word        string
		sql, result string
	}{
		{called("UNIX_SECONDS", "EPOCH"), calendar.Second, "seconds", "UNIX_SECONDS(TIMESTAMP '1970-01-02 00:00:01.5')", "86401"},
		{called("UNIX_MILLIS", "EPOCH_MS"), calendar.Millisecond, "milliseconds", "UNIX_MILLIS(TIMESTAMP '1970-01-01 00:00:01.5')", "1500"},
		{called("UNIX_MICROS", "EPOCH_US"), 1, "microseconds", "UNIX_MICROS(TIMESTAMP '1970-01-01 00:00:01.5')", "1500000"},
	} {
		fns = append(fns, &catalog.Function{
			Name: f.n[0], Aliases: f.n[1:], Category: temporals, Signatures: []string{f.n[0] + "(x) -> BIGINT"},
			Doc: "The whole " + f.word + " from 1970 to a point in time; a TIMESTAMP or DATE is one in the session's time zone. NULL if x is NULL.", Examples: shows(f.sql, f.result),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				return dayOverload(f.n[0], args, big, func(t catalog.Type) catalog.Kernel {
					return row(big, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
						us, local := a.localTime(0, t, c), calendar.NewLocal(c.Zone)
						if t.Kind == catalog.KindTimestampLTZ {
							utc := a.integer(0)
							return func(i int) (int64, bool) { return calendar.FloorDiv(utc(i), f.unit), true }
						}
						return func(i int) (int64, bool) { return calendar.FloorDiv(local.ToUTC(us(i)), f.unit), true }
					})
				})
			},
		})
	}
	for _, f := range []struct {
		name string
		unit int64
		word string
		n    string
	}{{"TIMESTAMP_SECONDS", calendar.Second, "seconds", "86401"}, {"TIMESTAMP_MILLIS", calendar.Millisecond, "milliseconds", "86401000"}, {"TIMESTAMP_MICROS", 1, "microseconds", "86401000000"}} {
		t := ltz
		result := "1970-01-02 00:00:01.000"
		if f.unit == 1 {
			t = catalog.Type{Kind: catalog.KindTimestampLTZ, Precision: 6}
			result += "000"
		}
		fns = append(fns, scalar(temporals, called(f.name), "(n BIGINT) -> "+t.String(), "The point in time n "+f.word+" after 1970. NULL if n is NULL. One out of range is an error of the row ("+codeOverflow+").",
			shows(f.name+"("+f.n+")", result), failing(t, row(t, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
				n := a.integer(0)
				return func(i int) (int64, bool) {
					us, ok := multiply(n(i), f.unit)
					if !ok {
						c.Fail(i, codeOverflow, fmt.Sprintf("%d %s are beyond %s", n(i), f.word, t))
					}
					return us, ok
				}
			}), big)))
	}
	return fns
}

func resolveAtTimeZone(args []catalog.Arg) (*catalog.Overload, error) {
	const name = "AT TIME ZONE"
	if err := argCount(name, args, 2, 2); err != nil {
		return nil, err
	}
	t, ok := timeType(args[0])
	if !ok || t.Kind == catalog.KindTime || !catalog.CanCast(args[1].Type, str, true) {
		return nil, noOverload(name, args)
	}
	if t.Kind == catalog.KindDate {
		t = catalog.Timestamp3
	}
	toUTC := t.Kind == catalog.KindTimestamp
	result := catalog.Type{Kind: catalog.KindTimestamp, Precision: t.Precision}
	if toUTC {
		result.Kind = catalog.KindTimestampLTZ
	}
	return zoneOverload(args, t, result, toUTC)
}

// zoneOverload is a function of a time, which is taken as a t, and of a zone: from the
// clocks of the zone to those of UTC, or the other way.
func zoneOverload(args []catalog.Arg, t, result catalog.Type, toUTC bool) (*catalog.Overload, error) {
	if args[1].Const != nil {
		if zone, ok := args[1].Const.Value.(string); ok {
			if _, err := loadZone(zone); err != nil {
				return nil, err
			}
		}
	}
	k := row(result, func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
		us, zone := a.integer(0), a.text(1)
		cache := zoneCache{}
		return func(i int) (int64, bool) {
			l := cache.get(zone(i))
			switch {
			case l == nil:
				c.Fail(i, codeBadZone, fmt.Sprintf("there is no time zone '%s'", zone(i)))
				return 0, false
			case toUTC:
				return l.ToUTC(us(i)), true
			}
			return l.FromUTC(us(i)), true
		}
	})
	return &catalog.Overload{Params: []catalog.Type{t, str}, Result: result, Strict: true, CanFail: args[1].Const == nil, Kernel: k}, nil
}

// periodFunctions compare periods of time.
func periodFunctions() []*catalog.Function {
	return []*catalog.Function{{
		Name: "OVERLAPS", Category: temporals, Signatures: []string{"(start, end) OVERLAPS (start, end) -> BOOLEAN", "(start, length) OVERLAPS (start, length) -> BOOLEAN"},
		Doc:      "Whether two periods have a time in common. A period is half open, its bounds may stand in either order or be a start and an interval; one without length is its start alone. NULL if a bound is NULL.",
		Examples: shows("(DATE '2024-01-01', DATE '2024-02-01') OVERLAPS (DATE '2024-01-31', INTERVAL '1' DAY)", "true", "(DATE '2024-01-01', DATE '2024-02-01') OVERLAPS (DATE '2024-02-01', DATE '2024-03-01')", "false"),
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := argCount("OVERLAPS", args, 4, 4); err != nil {
				return nil, err
			}
			t := catalog.Null
			for _, a := range args {
				u, known := timeType(a)
				var ok bool
				if t, ok = catalog.CommonType(t, u); !ok || !known {
					return nil, noOverload("OVERLAPS", args)
				}
			}
			return &catalog.Overload{Params: same(t, 4), Result: catalog.Boolean, Strict: true, Kernel: rowBool(func(_ *catalog.EvalContext, a arguments) func(i int) (bool, bool) {
				s1, e1, s2, e2 := a.integer(0), a.integer(1), a.integer(2), a.integer(3)
				return func(i int) (bool, bool) {
					a, b, c, d := s1(i), e1(i), s2(i), e2(i)
					if a > b {
						a, b = b, a
					}
					if c > d {
						c, d = d, c
					}
					return a == c || a < d && c < b, true
				}
			})}, nil
		},
	}}
}
