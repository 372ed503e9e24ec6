package parser

import (
	"math"
	"math/big"
	"strings"
)

// timeUnits are the units of intervals and of the functions on time.
var timeUnits = map[string]TimeUnit{
	"MILLENNIUM": UnitMillennium, "CENTURY": UnitCentury, "DECADE": UnitDecade,
	"YEAR": UnitYear, "YEARS": UnitYear, "QUARTER": UnitQuarter, "QUARTERS": UnitQuarter, "MONTH": UnitMonth, "MONTHS": UnitMonth,
	"WEEK": UnitWeek, "WEEKS": UnitWeek, "DAY": UnitDay, "DAYS": UnitDay, "HOUR": UnitHour, "HOURS": UnitHour,
	"MINUTE": UnitMinute, "MINUTES": UnitMinute, "SECOND": UnitSecond, "SECONDS": UnitSecond,
	"MILLISECOND": UnitMillisecond, "MILLISECONDS": UnitMillisecond, "MICROSECOND": UnitMicrosecond, "MICROSECONDS": UnitMicrosecond,
	"NANOSECOND": UnitNanosecond, "NANOSECONDS": UnitNanosecond,
	"EPOCH": UnitEpoch, "DOW": UnitDayOfWeek, "DAYOFWEEK": UnitDayOfWeek, "ISODOW": UnitISODayOfWeek,
	"DOY": UnitDayOfYear, "DAYOFYEAR": UnitDayOfYear, "ISOYEAR": UnitISOYear,
	"SQL_TSI_YEAR": UnitYear, "SQL_TSI_QUARTER": UnitQuarter, "SQL_TSI_MONTH": UnitMonth, "SQL_TSI_WEEK": UnitWeek,
	"SQL_TSI_DAY": UnitDay, "SQL_TSI_HOUR": UnitHour, "SQL_TSI_MINUTE": UnitMinute, "SQL_TSI_SECOND": UnitSecond,
}

var unitWords = []string{
	"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND", "EPOCH", "CENTURY", "DECADE",
}

// shortUnits are the further names of units within the text of INTERVAL '30 s'.
var shortUnits = map[string]TimeUnit{
	"Y": UnitYear, "YR": UnitYear, "YRS": UnitYear, "MON": UnitMonth, "MONS": UnitMonth, "W": UnitWeek, "D": UnitDay,
	"H": UnitHour, "HR": UnitHour, "HRS": UnitHour, "M": UnitMinute, "MIN": UnitMinute, "MINS": UnitMinute,
	"S": UnitSecond, "SEC": UnitSecond, "SECS": UnitSecond, "MS": UnitMillisecond, "US": UnitMicrosecond,
}

// unitMonths and unitMicros are the lengths of the units that an interval may
// have; each unit is in one of them.
var (
	unitMonths = map[TimeUnit]int64{UnitYear: 12, UnitQuarter: 3, UnitMonth: 1}
	unitMicros = map[TimeUnit]int64{
		UnitWeek: 7 * 86400e6, UnitDay: 86400e6, UnitHour: 3600e6, UnitMinute: 60e6, UnitSecond: 1e6,
		UnitMillisecond: 1e3, UnitMicrosecond: 1,
	}
)

// timeUnit reads a unit of time.
func (p *parser) timeUnit() TimeUnit {
	u := timeUnits[p.peek().upper]
	if u == UnitNone {
		p.unexpected("a unit of time", unitWords...)
		return u
	}
	p.pos++
	return u
}

// intervalUnits reads unit[(p)] [TO unit[(p)]] if it is there. The precisions say
// how many digits the leading field or the fraction has, and are not kept.
func (p *parser) intervalUnits() (from, to TimeUnit) {
	if timeUnits[p.peek().upper] == UnitNone {
		return UnitNone, UnitNone
	}
	precision := func() {
		if p.isOp("(") && p.peekAt(1).kind == tokNumber {
			p.pos++
			p.smallInt("the precision")
			if p.acceptOp(",") {
				p.smallInt("the precision of the fraction")
			}
			p.expectOp(")")
		}
	}
	at := p.peek().Start
	from = p.timeUnit()
	precision()
	if p.acceptWord("TO") {
		to = p.timeUnit()
		precision()
	}
	_, isMonths := unitMonths[from]
	_, isMicros := unitMicros[from]
	switch {
	case !isMonths && !isMicros:
		p.fail(p.from(at), "an interval can't be measured in "+from.String(), "use YEAR, MONTH, DAY, HOUR, MINUTE, SECOND or parts of it")
	case to == UnitNone:
	case from == UnitYear && to == UnitMonth:
	case from >= UnitDay && to <= UnitSecond && from < to:
	default:
		p.fail(p.from(at), "an interval can't go from "+from.String()+" to "+to.String(), "use YEAR TO MONTH, or two of DAY, HOUR, MINUTE, SECOND in this order")
	}
	return from, to
}

// interval reads an interval literal, INTERVAL included.
func (p *parser) interval() *IntervalLit {
	lit := &IntervalLit{}
	start := p.peek().Start
	if !p.isWord("INTERVAL") {
		p.unexpected("an interval such as INTERVAL '5' MINUTE", "INTERVAL")
		return lit
	}
	p.pos++
	if p.acceptOp("-") {
		lit.Negative = true
	} else {
		p.acceptOp("+")
	}
	t := p.peek()
	switch t.kind {
	case tokString, tokNumber:
		p.pos++
	case tokBadNumber:
		p.fail(t.Span, "the interval "+shorten(t.text)+" lacks a blank", "write INTERVAL '5' MINUTE")
		return lit
	default:
		p.unexpected("a string or number")
		if p.err != nil && (t.isName() || t.isOp("(")) {
			p.err.Hint = "an interval is a literal; multiply it: x * INTERVAL '1' SECOND"
		}
		return lit
	}
	lit.Text = t.text
	lit.From, lit.To = p.intervalUnits()
	lit.Span = p.from(start)
	if p.err != nil {
		return lit
	}
	value, hint := lit.value()
	if hint != "" {
		p.fail(t.Span, "the interval "+shorten(quoteString(t.text))+" does not fit", hint)
		return lit
	}
	lit.Months, lit.Micros = value.months, value.micros
	return lit
}

// intervalValue is the length of an interval.
type intervalValue struct {
	months, micros int64
}

// value works out the length of the interval; hint says what is wrong with its
// text, "" if nothing is.
func (l *IntervalLit) value() (v intervalValue, hint string) {
	text := strings.TrimSpace(l.Text)
	negative := l.Negative
	if l.From != UnitNone && strings.HasPrefix(text, "-") {
		negative = !negative
		text = strings.TrimSpace(text[1:])
	} else if l.From != UnitNone {
		text = strings.TrimSpace(strings.TrimPrefix(text, "+"))
	}
	sum := intervalSum{}
	switch {
	case l.From == UnitNone:
		hint = sum.parseFree(text)
	case l.To == UnitNone:
		hint = sum.add(text, l.From)
	default:
		hint = sum.parseFields(text, l.From, l.To)
	}
	if hint != "" {
		return v, hint
	}
	if negative {
		sum.months.Neg(&sum.months)
		sum.micros.Neg(&sum.micros)
	}
	if !sum.months.IsInt64() || !sum.micros.IsInt64() || sum.micros.Int64() == math.MinInt64 || sum.months.Int64() > math.MaxInt32 || sum.months.Int64() < -math.MaxInt32 {
		return v, "it is too long"
	}
	return intervalValue{months: sum.months.Int64(), micros: sum.micros.Int64()}, ""
}

// intervalSum adds up the fields of an interval exactly.
type intervalSum struct {
	months, micros big.Int
}

// add adds a decimal number of units. It returns a hint if the text is no number
// or the result would not be whole.
func (s *intervalSum) add(text string, unit TimeUnit) (hint string) {
	digits, fraction, _ := strings.Cut(text, ".")
	if !allDigits(digits) || digits == "" || strings.Contains(text, ".") && (!allDigits(fraction) || fraction == "") {
		return "before " + unit.String() + " it takes a number, as in '5' or '1.5'"
	}
	if len(text) > 40 {
		return "it is too long"
	}
	size, isMonths := unitMonths[unit]
	if !isMonths {
		size = unitMicros[unit]
	}
	n, _ := new(big.Int).SetString(digits+fraction, 10)
	n.Mul(n, big.NewInt(size))
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(fraction))), nil)
	rest := new(big.Int)
	n.QuoRem(n, scale, rest)
	switch {
	case isMonths && rest.Sign() != 0:
		return "it is not a whole number of months"
	case isMonths:
		s.months.Add(&s.months, n)
	case rest.Sign() != 0:
		return "it is finer than a microsecond"
	default:
		s.micros.Add(&s.micros, n)
	}
	return ""
}

// parseFields adds '1-2' YEAR TO MONTH, '1 02:03:04.5' DAY TO SECOND and the like.
// All fields but the first are below the limit of their unit.
func (s *intervalSum) parseFields(text string, from, to TimeUnit) (hint string) {
	if from == UnitYear {
		years, months, ok := strings.Cut(text, "-")
		if !ok || !below(months, 12) {
			return "YEAR TO MONTH takes text such as '1-6'"
		}
		if hint := s.add(years, UnitYear); hint != "" {
			return hint
		}
		return s.add(months, UnitMonth)
	}
	const shape = "it takes text such as '1 02:03:04.5' DAY TO SECOND, '02:03' HOUR TO MINUTE"
	fields := strings.Split(text, ":")
	if from == UnitDay {
		day, rest, ok := strings.Cut(text, " ")
		if !ok {
			return shape
		}
		fields = append([]string{day}, strings.Split(strings.TrimSpace(rest), ":")...)
	}
	if len(fields) != int(to-from)+1 {
		return shape
	}
	for i, f := range fields {
		unit := from + TimeUnit(i)
		limit := 60
		if unit == UnitHour {
			limit = 24
		}
		if i > 0 && !below(f, limit) || unit != UnitSecond && strings.Contains(f, ".") {
			return shape
		}
		if hint := s.add(f, unit); hint != "" {
			return hint
		}
	}
	return ""
}

// parseFree adds '30 seconds', '1 day 2 hours', '1 day 02:03:04'. A minus before a
// number is of that number alone.
func (s *intervalSum) parseFree(text string) (hint string) {
	const shape = "without a unit after it the text has one, as in INTERVAL '30 seconds' or INTERVAL '1 day 2 hours'"
	for rest := text; ; {
		if rest = strings.TrimLeft(rest, " \t\r\n"); rest == "" {
			break
		}
		negative := rest[0] == '-'
		if negative || rest[0] == '+' {
			rest = strings.TrimLeft(rest[1:], " ")
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && r != ':' && (r < '0' || r > '9') })
		if end < 0 {
			end = len(rest)
		}
		number := rest[:end]
		part := intervalSum{}
		if strings.Contains(number, ":") {
			rest = rest[end:]
			to := UnitMinute
			if strings.Count(number, ":") == 2 {
				to = UnitSecond
			}
			hint = part.parseFields(number, UnitHour, to)
		} else {
			rest = strings.TrimLeft(rest[end:], " ")
			end = strings.IndexFunc(rest, func(r rune) bool { return r < 'A' || r > 'z' || r > 'Z' && r < 'a' })
			if end < 0 {
				end = len(rest)
			}
			word := strings.ToUpper(rest[:end])
			rest = rest[end:]
			unit := timeUnits[word]
			if unit == UnitNone {
				unit = shortUnits[word]
			}
			if _, ok := unitMonths[unit]; !ok && unitMicros[unit] == 0 {
				return shape
			}
			hint = part.add(number, unit)
		}
		if hint != "" {
			return hint
		}
		if negative {
			part.months.Neg(&part.months)
			part.micros.Neg(&part.micros)
		}
		s.months.Add(&s.months, &part.months)
		s.micros.Add(&s.micros, &part.micros)
	}
	if strings.TrimSpace(text) == "" {
		return shape
	}
	return ""
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// below says whether the text is one or two digits, perhaps with a fraction, that
// count less than limit.
func below(s string, limit int) bool {
	whole, _, _ := strings.Cut(s, ".")
	if len(whole) < 1 || len(whole) > 2 || !allDigits(whole) {
		return false
	}
	n := 0
	for _, c := range []byte(whole) {
		n = n*10 + int(c-'0')
	}
	return n < limit
}
