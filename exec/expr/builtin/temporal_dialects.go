package builtin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/calendar"
)

// postgresFields are the fields of TO_CHAR's patterns as those of Java's; longer
// ones come first.
var postgresFields = []struct{ from, to string }{
	{"HH24", "HH"}, {"HH12", "hh"}, {"HH", "hh"}, {"MI", "mm"}, {"SS", "ss"}, {"MS", "SSS"}, {"US", "SSSSSS"}, {"YYYY", "yyyy"}, {"YY", "yy"}, {"MONTH", "MMMM"}, {"MON", "MMM"}, {"MM", "MM"},
	{"DDD", "DDD"}, {"DD", "dd"}, {"DAY", "EEEE"}, {"DY", "EEE"}, {"AM", "a"}, {"PM", "a"}, {"Q", "Q"}, {"IYYY", "YYYY"}, {"IW", "ww"}, {"ID", "e"},
}

// postgresNames are the fields that are names, written as those of the pattern are.
var postgresNames = []string{"MONTH", "MON", "DAY", "DY", "AM", "PM"}

// postgresPattern translates a pattern of TO_CHAR (YYYY-MM-DD HH24:MI:SS). Names are
// not padded with blanks.
func postgresPattern(text string) (*calendar.Pattern, error) {
	out, err := calendar.ParsePattern("")
	if err != nil {
		return nil, err
	}
	add := func(java string) (*calendar.Pattern, error) { return calendar.ParsePattern(java) }
scan:
	for i := 0; i < len(text); {
		rest, piece := text[i:], out
		if rest[0] == '"' {
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("date pattern %q has an open quote", text)
			}
			if piece, err = add(quotedLiteral(rest[1 : 1+end])); err != nil {
				return nil, err
			}
			out.Then(piece)
			i += end + 2
			continue
		}
		for _, f := range postgresFields {
			if len(rest) < len(f.from) || !strings.EqualFold(rest[:len(f.from)], f.from) {
				continue
			}
			if piece, err = add(f.to); err != nil {
				return nil, err
			}
			if word := rest[:len(f.from)]; slices.Contains(postgresNames, f.from) {
				switch word {
				case strings.ToUpper(word):
					piece = piece.Upper()
				case strings.ToLower(word):
					piece = piece.Lower()
				}
			}
			out.Then(piece)
			i += len(f.from)
			continue scan
		}
		if c := rest[0] | 0x20; c >= 'a' && c <= 'z' {
			return nil, fmt.Errorf("date pattern %q: %q has no meaning", text, rest)
		}
		if piece, err = add(quotedLiteral(rest[:1])); err != nil {
			return nil, err
		}
		out.Then(piece)
		i++
	}
	return out, nil
}

// strftimeFields are those of STRFTIME.
var strftimeFields = map[byte]string{
	'Y': "yyyy", 'y': "yy", 'm': "MM", 'd': "dd", 'H': "HH", 'I': "hh", 'M': "mm", 'S': "ss", 'f': "SSSSSS", 'g': "SSS", 'p': "a", 'j': "DDD", 'b': "MMM", 'B': "MMMM", 'a': "EEE", 'A': "EEEE",
	'F': "yyyy-MM-dd", 'T': "HH:mm:ss", 'D': "MM/dd/yy", 'R': "HH:mm", '%': "'%'",
}

// strftimePattern translates a pattern of strftime (%Y-%m-%d).
func strftimePattern(text string) (*calendar.Pattern, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteString(quotedLiteral(text[i : i+1]))
			continue
		}
		i++
		if i == len(text) {
			return nil, fmt.Errorf("date pattern %q ends with %%", text)
		}
		field, ok := strftimeFields[text[i]]
		if !ok {
			return nil, fmt.Errorf("date pattern %q: %%%c has no meaning", text, text[i])
		}
		b.WriteString(field)
	}
	return calendar.ParsePattern(b.String())
}

// quotedLiteral gives a text as one that stands for itself in Java's patterns.
func quotedLiteral(s string) string {
	if s == "" {
		return ""
	}
	if s == "'" {
		return "''"
	}
	if c := s[0] | 0x20; len(s) == 1 && (c < 'a' || c > 'z') {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// dialectTimes write and read times by the patterns of other dialects. These must
// be constants.
func dialectTimes() []*catalog.Function {
	translated := func(name string, args []catalog.Arg, k int, translate func(text string) (*calendar.Pattern, error)) (*calendar.Pattern, error) {
		if args[k].Const == nil {
			return nil, fmt.Errorf("%s needs a constant pattern", name)
		}
		text, ok := args[k].Const.Value.(string)
		if !ok {
			return nil, noOverload(name, args)
		}
		p, err := translate(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return p, nil
	}
	format := func(name, doc string, examples []catalog.Example, translate func(text string) (*calendar.Pattern, error)) *catalog.Function {
		return &catalog.Function{
			Name: name, Category: temporals, Signatures: []string{name + "(x TIMESTAMP | TIMESTAMP_LTZ | DATE, pattern STRING) -> STRING"},
			Doc: "The text of a time by a constant pattern" + doc + " NULL if x is NULL. DATE_FORMAT takes the patterns of Java.", Examples: examples,
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount(name, args, 2, 2); err != nil {
					return nil, err
				}
				t, ok := timeType(args[0])
				if !ok || t.Kind == catalog.KindTime {
					return nil, noOverload(name, args)
				}
				p, err := translated(name, args, 1, translate)
				if err != nil {
					return nil, err
				}
				return &catalog.Overload{Params: []catalog.Type{t, str}, Result: str, Strict: true, Kernel: rowText(str, func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
					us := a.localTime(0, t, c)
					var text []byte
					return func(i int) ([]byte, bool) {
						text = p.Append(text[:0], us(i))
						return text, true
					}
				})}, nil
			},
		}
	}
	zoned := func(name, doc, sql, result string, toUTC bool) *catalog.Function {
		t := catalog.Timestamp6
		return &catalog.Function{
			Name: name, Category: temporals, Signatures: []string{name + "(x TIMESTAMP, zone STRING) -> TIMESTAMP"},
			Doc: doc + " NULL if an argument is NULL. An unknown zone is an error at planning, or of the row (" + codeBadZone + ") if it is no constant.", Examples: shows(sql, result),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if len(args) != 2 || !args[1].Type.IsText() && args[1].Type.Kind != catalog.KindNull {
					return nil, noOverload(name, args)
				}
				u, ok := timeType(args[0])
				if !ok || u.Kind == catalog.KindTime {
					return nil, noOverload(name, args)
				}
				return zoneOverload(args, t, t, toUTC)
			},
		}
	}
	return []*catalog.Function{
		format("TO_CHAR", " of PostgreSQL: YYYY, YY, MM, MON, MONTH, DD, DDD, DY, DAY, HH24, HH12, MI, SS, MS, US, AM, Q, IYYY, IW, ID, and text in double quotes. Names are written as those of the pattern are (MON: FEB, Mon: Feb, mon: feb), and not padded.",
			shows("TO_CHAR(TIMESTAMP '2024-02-29 13:04:05', 'YYYY-MM-DD HH24:MI:SS')", "2024-02-29 13:04:05", "TO_CHAR(DATE '2024-02-29', 'DD Mon \"of\" YY')", "29 Feb of 24"), postgresPattern),
		format("STRFTIME", " of strftime: %Y, %y, %m, %b, %B, %d, %j, %a, %A, %H, %I, %p, %M, %S, %f (microseconds), %g (milliseconds), %F, %T, %D, %R, %%.",
			shows("STRFTIME(TIMESTAMP '2024-02-29 13:04:05', '%d.%m.%Y %H:%M')", "29.02.2024 13:04"), strftimePattern),
		{
			Name: "STRPTIME", Category: temporals, Signatures: []string{"STRPTIME(s STRING, pattern STRING) -> TIMESTAMP(6)"},
			Doc:      "The time that a text says by a constant pattern of strftime: see STRFTIME. NULL if the text does not read or is NULL.",
			Examples: shows("STRPTIME('29/02/2024 13:04', '%d/%m/%Y %H:%M')", "2024-02-29 13:04:00.000000", "STRPTIME('x', '%Y')", "NULL"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("STRPTIME", args, 2, 2); err != nil {
					return nil, err
				}
				p, err := translated("STRPTIME", args, 1, strftimePattern)
				if err != nil {
					return nil, err
				}
				t := catalog.Timestamp6
				return choose("STRPTIME", overload(t, row(t, func(_ *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
					s := a.text(0)
					return func(i int) (int64, bool) { return p.Parse(s(i)) }
				}), str, str))(args)
			},
		},
		zoned("FROM_UTC_TIMESTAMP", "What the clocks of a zone show when those of UTC show x.", "FROM_UTC_TIMESTAMP(TIMESTAMP '2024-07-01 12:00:00', 'Asia/Tokyo')", "2024-07-01 21:00:00.000000", false),
		zoned("TO_UTC_TIMESTAMP", "What the clocks of UTC show when those of a zone show x.", "TO_UTC_TIMESTAMP(TIMESTAMP '2024-07-01 12:00:00', 'Asia/Tokyo')", "2024-07-01 03:00:00.000000", true),
	}
}
