package calendar

import "strings"

// Unit is a unit of time of EXTRACT, DATE_TRUNC, FLOOR ... TO, TIMESTAMPADD.
type Unit uint8

// The units.
const (
	NoUnit Unit = iota
	Microseconds
	Milliseconds
	Seconds
	Minutes
	Hours
	DaysUnit
	Weeks
	Months
	Quarters
	Years
	Decades
	Centuries
	Millennia
	// For EXTRACT alone:
	DayOfWeek    // 1 Sunday to 7 Saturday
	ISODayOfWeek // 1 Monday to 7 Sunday
	DayOfYear
	ISOYear
	Epoch // seconds since 1970
)

var unitNames = map[string]Unit{
	"MICROSECOND": Microseconds, "MILLISECOND": Milliseconds, "SECOND": Seconds, "MINUTE": Minutes,
	"HOUR": Hours, "DAY": DaysUnit, "WEEK": Weeks, "MONTH": Months, "QUARTER": Quarters, "YEAR": Years,
	"DECADE": Decades, "CENTURY": Centuries, "MILLENNIUM": Millennia,
	"DOW": DayOfWeek, "DAYOFWEEK": DayOfWeek, "ISODOW": ISODayOfWeek, "DOY": DayOfYear, "DAYOFYEAR": DayOfYear,
	"ISOYEAR": ISOYear, "EPOCH": Epoch, "FRAC_SECOND": Microseconds,
}

// ParseUnit reads a unit's name, singular, plural or with SQL_TSI_ before it.
func ParseUnit(name string) (Unit, bool) {
	name = strings.TrimPrefix(strings.ToUpper(name), "SQL_TSI_")
	if u, ok := unitNames[name]; ok {
		return u, true
	}
	u, ok := unitNames[strings.TrimSuffix(name, "S")]
	return u, ok
}

// Fixed gives the microseconds of a unit that is always the same, else 0. Weeks
// are, but don't start with 1970-01-01.
func (u Unit) Fixed() int64 {
	switch u {
	case Microseconds:
		return 1
	case Milliseconds:
		return Millisecond
	case Seconds:
		return Second
	case Minutes:
		return Minute
	case Hours:
		return Hour
	case DaysUnit:
		return Day
	case Weeks:
		return Week
	}
	return 0
}

// Months gives the number of months of a unit that is made of them, else 0.
func (u Unit) Months() int64 {
	switch u {
	case Months:
		return 1
	case Quarters:
		return 3
	case Years:
		return 12
	case Decades:
		return 120
	case Centuries:
		return 1200
	case Millennia:
		return 12000
	}
	return 0
}

// Floor gives the start of the unit that a local time lies in. Weeks start on
// Monday; centuries and millennia with the year 1 (2001, not 2000).
func (u Unit) Floor(us int64) int64 {
	if u == Weeks {
		d, _ := DayOf(us)
		return (d - FloorMod(d+3, 7)) * Day
	}
	if f := u.Fixed(); f > 0 {
		return us - FloorMod(us, f)
	}
	d, _ := DayOf(us)
	y, m, _ := Date(d)
	switch u {
	case Months:
	case Quarters:
		m -= (m - 1) % 3
	case Years:
		m = 1
	case Decades:
		y, m = y-FloorMod(y, 10), 1
	case Centuries:
		y, m = y-FloorMod(y-1, 100), 1
	case Millennia:
		y, m = y-FloorMod(y-1, 1000), 1
	}
	return Days(y, m, 1) * Day
}

// Ceil gives the start of the next unit, or the time itself if it is a start.
func (u Unit) Ceil(us int64) int64 {
	f := u.Floor(us)
	if f == us {
		return us
	}
	return u.Add(f, 1)
}

// Add moves a local time by n units.
func (u Unit) Add(us, n int64) int64 {
	if m := u.Months(); m > 0 {
		d, rest := DayOf(us)
		return AddMonths(d, m*n)*Day + rest
	}
	return us + n*u.Fixed()
}

// Between gives the whole units from a to b, towards zero.
func (u Unit) Between(a, b int64) int64 {
	if m := u.Months(); m > 0 {
		return MonthsBetween(a, b) / m
	}
	return (b - a) / u.Fixed()
}

// Extract gives the value of a field of a local time.
func (u Unit) Extract(us int64) int64 {
	days, rest := DayOf(us)
	switch u {
	case Microseconds:
		return rest % Second
	case Milliseconds:
		return rest % Second / Millisecond
	case Seconds:
		return rest / Second % 60
	case Minutes:
		return rest / Minute % 60
	case Hours:
		return rest / Hour
	case Weeks:
		_, w := ISOWeek(days)
		return w
	case DayOfWeek:
		return Weekday(days)
	case ISODayOfWeek:
		return FloorMod(days+3, 7) + 1
	case DayOfYear:
		return YearDay(days)
	case ISOYear:
		y, _ := ISOWeek(days)
		return y
	case Epoch:
		return FloorDiv(us, Second)
	}
	y, m, d := Date(days)
	switch u {
	case DaysUnit:
		return d
	case Months:
		return m
	case Quarters:
		return (m + 2) / 3
	case Decades:
		return FloorDiv(y, 10)
	case Centuries:
		return FloorDiv(y+99, 100)
	case Millennia:
		return FloorDiv(y+999, 1000)
	default:
		return y
	}
}
