package builtin

import (
	"fmt"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/calendar"
)

const codeBadFormat = "BAD_FORMAT"

const patternDoc = " The pattern is Java's: yyyy year, MM month (MMM, MMMM its name), dd day, HH hour, hh and a hour of 12, mm minute, ss second, " +
	"SSS fraction, EEE weekday, D day of the year, text in single quotes."

// patternUse is what a date pattern is for: it compiles one, and refuses fields that
// have no meaning there.
type patternUse func(text string) (*calendar.Pattern, error)

// toWrite is for patterns by which times are written.
func toWrite(text string) (*calendar.Pattern, error) {
	p, err := calendar.ParsePattern(text)
	if err == nil && p.Zoned() {
		return nil, fmt.Errorf("date pattern %q: an offset from UTC can be read only", text)
	}
	return p, err
}

// toReadInstant is for patterns by which points in time are read.
func toReadInstant(text string) (*calendar.Pattern, error) {
	p, err := calendar.ParsePattern(text)
	if err != nil {
		return nil, err
	}
	if field, ok := p.Reads(); !ok {
		return nil, fmt.Errorf("date pattern %q: no day can be read by %s (yyyy is the year, MM the month, dd the day)", text, field)
	}
	return p, nil
}

// toRead is for patterns by which what a clock shows is read.
func toRead(text string) (*calendar.Pattern, error) {
	p, err := toReadInstant(text)
	if err == nil && p.Zoned() {
		return nil, fmt.Errorf("date pattern %q: an offset from UTC makes a point in time of it (TO_TIMESTAMP_LTZ)", text)
	}
	return p, err
}

// datePattern prepares the pattern in argument k.
func datePattern(lits constants, k int, use patternUse) *matcher[*calendar.Pattern] {
	if text, ok := lits.text(k); ok {
		p, err := use(text)
		return &matcher[*calendar.Pattern]{fixed: true, p: p, err: err}
	}
	return nil
}

// openDatePattern gives the pattern of each row, nil for a wrong one.
func openDatePattern(c *catalog.EvalContext, a arguments, k int, use patternUse, fixed *matcher[*calendar.Pattern]) func(i int) *calendar.Pattern {
	if fixed != nil && fixed.err == nil {
		return func(int) *calendar.Pattern { return fixed.p }
	}
	text := a.text(k)
	m := &matcher[*calendar.Pattern]{compile: use}
	return func(i int) *calendar.Pattern {
		p, err := m.get(text(i))
		if err != nil {
			c.Fail(i, codeBadFormat, err.Error())
			return nil
		}
		return p
	}
}

// checkDatePattern refuses a constant pattern that is wrong at planning.
func checkDatePattern(name string, args []catalog.Arg, k int, use patternUse) error {
	if k < len(args) && args[k].Const != nil {
		if s, ok := args[k].Const.Value.(string); ok {
			if _, err := use(s); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// formatKernel writes times of type t by the pattern in argument 1. Times of the
// same day (or whatever the pattern tells apart) are written once.
func formatKernel(read func(c *catalog.EvalContext, a arguments) func(i int) int64) catalog.Kernel {
	return textKernel(str, func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
		fixed := datePattern(lits, 1, toWrite)
		return func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
			us, pattern := read(c, a), openDatePattern(c, a, 1, toWrite, fixed)
			var last *calendar.Pattern
			var text []byte
			var from, granule int64
			return func(i int) ([]byte, bool) {
				p := pattern(i)
				if p == nil {
					return nil, false
				}
				x := us(i)
				if p != last || x-from < 0 || x-from >= granule {
					last, granule = p, p.Granule()
					from = x - calendar.FloorMod(x, granule)
					text = p.Append(text[:0], x)
				}
				return text, true
			}
		}
	})
}

func temporalTextFunctions() []*catalog.Function {
	const standard = "yyyy-MM-dd HH:mm:ss"
	seconds := func(c *catalog.EvalContext, a arguments) func(i int) int64 {
		s, local := a.integer(0), calendar.NewLocal(c.Zone)
		return func(i int) int64 { return local.FromUTC(s(i) * calendar.Second) }
	}
	return []*catalog.Function{
		{
			Name: "DATE_FORMAT", Category: temporals,
			Signatures: []string{"DATE_FORMAT(x TIMESTAMP | TIMESTAMP_LTZ | DATE, pattern STRING) -> STRING"},
			Doc: "The text of a time by a pattern." + patternDoc + " NULL if an argument is NULL. A wrong pattern is an error at planning, or of the row (" +
				codeBadFormat + ") if it is no constant.",
			Examples: []catalog.Example{
				{SQL: "DATE_FORMAT(TIMESTAMP '2024-02-29 13:04:05', 'yyyy-MM-dd')", Result: "2024-02-29"},
				{SQL: "DATE_FORMAT(TIMESTAMP '2024-02-29 13:04:05.678', 'HH:mm:ss.SSS')", Result: "13:04:05.678"},
				{SQL: "DATE_FORMAT(DATE '2024-02-29', 'EEE, d MMM yy')", Result: "Thu, 29 Feb 24"},
			},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("DATE_FORMAT", args, 2, 2); err != nil {
					return nil, err
				}
				t, ok := timeType(args[0])
				if !ok || !catalog.CanCast(args[1].Type, str, true) {
					return nil, noOverload("DATE_FORMAT", args)
				}
				if err := checkDatePattern("DATE_FORMAT", args, 1, toWrite); err != nil {
					return nil, err
				}
				return &catalog.Overload{Params: []catalog.Type{t, str}, Result: str, Strict: true, CanFail: args[1].Const == nil, Kernel: formatKernel(
					func(c *catalog.EvalContext, a arguments) func(i int) int64 { return a.localTime(0, t, c) })}, nil
			},
		},
		{
			Name: "FROM_UNIXTIME", Category: temporals,
			Signatures: []string{"FROM_UNIXTIME(seconds BIGINT [, pattern STRING]) -> STRING"},
			Doc:        "The text, in the session's time zone, of a time in seconds since 1970; the pattern is '" + standard + "' by default." + patternDoc + " NULL if an argument is NULL.",
			Examples:   []catalog.Example{{SQL: "FROM_UNIXTIME(44)", Result: "1970-01-01 00:00:44"}, {SQL: "FROM_UNIXTIME(86400, 'yyyy/MM/dd')", Result: "1970/01/02"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := checkDatePattern("FROM_UNIXTIME", args, 1, toWrite); err != nil {
					return nil, err
				}
				plain, _ := calendar.ParsePattern(standard)
				return choose("FROM_UNIXTIME",
					signature{params: []catalog.Type{catalog.BigInt}, result: str, kernel: textKernel(str, stateless(
						func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
							us := seconds(c, a)
							var text []byte
							return func(i int) ([]byte, bool) {
								text = plain.Append(text[:0], us(i))
								return text, true
							}
						}))},
					signature{params: []catalog.Type{catalog.BigInt, str}, result: str, canFail: true, kernel: formatKernel(seconds)})(args)
			},
		},
		{
			Name: "UNIX_TIMESTAMP", Aliases: []string{"TO_UNIX_TIMESTAMP"}, Category: temporals, Volatility: catalog.Stable,
			Signatures: []string{"UNIX_TIMESTAMP() -> BIGINT", "UNIX_TIMESTAMP(s STRING [, pattern STRING]) -> BIGINT", "UNIX_TIMESTAMP(x TIMESTAMP) -> BIGINT"},
			Doc: "Seconds since 1970 of now, or of a time in the session's time zone; a text is read by the pattern ('" + standard + "' by default)." +
				patternDoc + " X in it reads an offset from UTC, which counts then. NULL if an argument is NULL or the text does not read.",
			Examples: []catalog.Example{{SQL: "UNIX_TIMESTAMP('1970-01-02 00:00:01')", Result: "86401"}, {SQL: "UNIX_TIMESTAMP('1970-01-01 08:00:01 +0800', 'yyyy-MM-dd HH:mm:ss X')", Result: "1"}, {SQL: "UNIX_TIMESTAMP('02.01.1970', 'dd.MM.yyyy')", Result: "86400"}},
			Resolve:  resolveUnixTimestamp,
		},
		withAliases(parseFunction("TO_TIMESTAMP", catalog.Timestamp3, "TIMESTAMP(3)", []catalog.Example{
			{SQL: "TO_TIMESTAMP('2024-02-29 13:14:15')", Result: "2024-02-29 13:14:15.000"},
			{SQL: "TO_TIMESTAMP('29/02/2024 1:14 PM', 'dd/MM/yyyy h:mm a')", Result: "2024-02-29 13:14:00.000"},
			{SQL: "TO_TIMESTAMP('2023-02-29')", Result: "NULL"},
		}), "TO_TIMESTAMP_NTZ", "TRY_TO_TIMESTAMP"),
		withAliases(parseFunction("TO_DATE", catalog.Date, "DATE", []catalog.Example{
			{SQL: "TO_DATE('2024-02-29')", Result: "2024-02-29"}, {SQL: "TO_DATE('20240229', 'yyyyMMdd')", Result: "2024-02-29"},
		}), "TRY_TO_DATE"),
		toTimestampLTZ(),
		{
			Name: "CONVERT_TZ", Category: temporals,
			Signatures: []string{"CONVERT_TZ(s STRING, from STRING, to STRING) -> STRING"},
			Doc:        "A time 'yyyy-MM-dd HH:mm:ss' of one time zone in another, as text. NULL if an argument is NULL, s does not read or a zone is unknown.",
			Examples:   []catalog.Example{{SQL: "CONVERT_TZ('1970-01-01 00:00:00', 'UTC', 'America/Los_Angeles')", Result: "1969-12-31 16:00:00"}},
			Resolve: choose("CONVERT_TZ", signature{params: []catalog.Type{str, str, str}, result: str, kernel: textKernel(str, stateless(
				func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
					s, from, to := a.text(0), a.text(1), a.text(2)
					zones := zoneCache{}
					var text []byte
					return func(i int) ([]byte, bool) {
						us, zoned, ok := calendar.ParseTimestamp(s(i))
						x, y := zones.get(from(i)), zones.get(to(i))
						if !ok || zoned || x == nil || y == nil {
							return nil, false
						}
						text = calendar.AppendTimestamp(text[:0], y.FromUTC(x.ToUTC(us)), 0)
						return text, true
					}
				}))}),
		},
	}
}

// readTime reads argument 0, a text, as a time of the wall clock: by the pattern
// in argument 1, or in the standard form.
func readTime(args int) func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
	return func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
		fixed := datePattern(lits, 1, toRead)
		return func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
			s := a.text(0)
			if args == 1 {
				return func(i int) (int64, bool) {
					us, zoned, ok := calendar.ParseTimestamp(s(i))
					return us - calendar.FloorMod(us, calendar.Millisecond), ok && !zoned
				}
			}
			pattern := openDatePattern(c, a, 1, toRead, fixed)
			return func(i int) (int64, bool) {
				p := pattern(i)
				if p == nil {
					return 0, false
				}
				return p.Parse(s(i))
			}
		}
	}
}

// readInstant reads argument 0, a text, as a point in time: by the pattern in argument
// 1, or in the standard form. One without an offset is of the zone in argument 2, or of
// the session's.
func readInstant(args int) maker[int64] {
	return func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
		fixed, clock := datePattern(lits, 1, toReadInstant), readTime(1)(lits)
		return func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
			session := calendar.NewLocal(c.Zone)
			if args == 1 {
				read := clock(c, a)
				return func(i int) (int64, bool) {
					us, ok := read(i)
					return session.ToUTC(us), ok
				}
			}
			zone := func(int) *calendar.Local { return &session }
			if args == 3 {
				names, zones := a.text(2), zoneCache{}
				zone = func(i int) *calendar.Local { return zones.get(names(i)) }
			}
			s, pattern := a.text(0), openDatePattern(c, a, 1, toReadInstant, fixed)
			return func(i int) (int64, bool) {
				p, local := pattern(i), zone(i)
				if p == nil || local == nil {
					return 0, false
				}
				us, offset, ok := p.ParseZoned(s(i))
				if p.Zoned() {
					return us - offset, ok
				}
				return local.ToUTC(us), ok
			}
		}
	}
}

// mapped is a maker whose values go through f.
func mapped[T, R any](m maker[T], f func(c *catalog.EvalContext) func(v T) R) maker[R] {
	return func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) (R, bool) {
		open := m(lits)
		return func(c *catalog.EvalContext, a arguments) func(i int) (R, bool) {
			row, g := open(c, a), f(c)
			return func(i int) (R, bool) {
				v, ok := row(i)
				return g(v), ok
			}
		}
	}
}

func parseFunction(name string, t catalog.Type, shown string, examples []catalog.Example) *catalog.Function {
	k := func(args int) catalog.Kernel {
		if t.Kind == catalog.KindDate {
			return fixedKernel(t, mapped(readTime(args), func(*catalog.EvalContext) func(us int64) int32 {
				return func(us int64) int32 { return int32(calendar.FloorDiv(us, calendar.Day)) }
			}))
		}
		return fixedKernel(t, maker[int64](readTime(args)))
	}
	one := signature{params: []catalog.Type{str}, result: t, kernel: k(1)}
	two := signature{params: []catalog.Type{str, str}, result: t, canFail: true, kernel: k(2)}
	return &catalog.Function{
		Name: name, Category: temporals,
		Signatures: []string{name + "(s STRING [, pattern STRING]) -> " + shown},
		Doc: "The time that a text says: 'yyyy-MM-dd[ HH:mm:ss[.fraction]]', or as the pattern has it." + patternDoc +
			" NULL if the text does not read or an argument is NULL; CAST makes an error of it.",
		Examples: examples,
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := checkDatePattern(name, args, 1, toRead); err != nil {
				return nil, err
			}
			return choose(name, one, two)(args)
		},
	}
}

func resolveUnixTimestamp(args []catalog.Arg) (*catalog.Overload, error) {
	const name = "UNIX_TIMESTAMP"
	if err := checkDatePattern(name, args, 1, toReadInstant); err != nil {
		return nil, err
	}
	toSeconds := func(c *catalog.EvalContext) func(us int64) int64 {
		local := calendar.NewLocal(c.Zone)
		return func(us int64) int64 { return calendar.FloorDiv(local.ToUTC(us), calendar.Second) }
	}
	if len(args) == 1 && (args[0].Type.IsTimestamp() || args[0].Type.Kind == catalog.KindDate) {
		t := args[0].Type
		m := stateless(func(c *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
			us := a.localTime(0, t, c)
			return func(i int) (int64, bool) { return us(i), true }
		})
		return &catalog.Overload{Params: []catalog.Type{t}, Result: catalog.BigInt, Strict: true, Kernel: fixedKernel(catalog.BigInt, mapped(m, toSeconds))}, nil
	}
	text := func(args int) catalog.Kernel {
		return fixedKernel(catalog.BigInt, mapped(readInstant(args), func(*catalog.EvalContext) func(us int64) int64 {
			return func(us int64) int64 { return calendar.FloorDiv(us, calendar.Second) }
		}))
	}
	return choose(name,
		signature{result: catalog.BigInt, kernel: fixedKernel(catalog.BigInt, stateless(func(c *catalog.EvalContext, _ arguments) func(i int) (int64, bool) {
			return func(int) (int64, bool) { return c.Now.Unix(), true }
		}))},
		signature{params: []catalog.Type{str}, result: catalog.BigInt, kernel: text(1)},
		signature{params: []catalog.Type{str, str}, result: catalog.BigInt, canFail: true, kernel: text(2)})(args)
}
