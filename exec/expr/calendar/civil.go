package calendar

// Microseconds in a unit.
const (
	Millisecond int64 = 1000
	Second            = 1000 * Millisecond
	Minute            = 60 * Second
	Hour              = 60 * Minute
	Day               = 24 * Hour
	Week              = 7 * Day
)

// MinDay and MaxDay bound the dates that the engine writes and reads: years 1 to
// 9999.
const (
	MinDay int64 = -719162
	MaxDay int64 = 2932896
)

// Days gives the days since 1970-01-01 of a date.
func Days(year, month, day int64) int64 {
	if month <= 2 {
		year--
	}
	era := FloorDiv(year, 400)
	yoe := year - era*400
	doy := (153*((month+9)%12)+2)/5 + day - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

// Date gives year, month (1 to 12) and day (1 to 31) of a number of days.
func Date(days int64) (year, month, day int64) {
	z := days + 719468
	era := FloorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = doy - (153*mp+2)/5 + 1
	month = mp + 3
	if month > 12 {
		month -= 12
	}
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}

// FloorDiv is a / b rounded down, b > 0.
func FloorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// FloorMod is a - b * FloorDiv(a, b): 0 to b-1.
func FloorMod(a, b int64) int64 {
	r := a % b
	if r < 0 {
		r += b
	}
	return r
}

// DayOf splits a time into its day and the microseconds since midnight.
func DayOf(us int64) (days, rest int64) {
	days = FloorDiv(us, Day)
	return days, us - days*Day
}

// Weekday gives 1 for Sunday to 7 for Saturday.
func Weekday(days int64) int64 { return FloorMod(days+4, 7) + 1 }

// YearDay gives the day of the year, from 1.
func YearDay(days int64) int64 {
	y, _, _ := Date(days)
	return days - Days(y, 1, 1) + 1
}

// ISOWeek gives the week of ISO 8601 and the year it belongs to.
func ISOWeek(days int64) (year, week int64) {
	thursday := days - FloorMod(days+3, 7) + 3
	year, _, _ = Date(thursday)
	return year, (thursday-Days(year, 1, 1))/7 + 1
}

// MonthLength gives the number of days of a month.
func MonthLength(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// AddMonths moves a date by months; a day that the month does not have becomes
// its last one.
func AddMonths(days, months int64) int64 {
	y, m, d := Date(days)
	at := y*12 + m - 1 + months
	y, m = FloorDiv(at, 12), FloorMod(at, 12)+1
	return Days(y, m, min(d, MonthLength(y, m)))
}

// MonthsBetween gives the whole months from a to b (microseconds): the most that a
// can be moved by (AddMonths) without going beyond b. Negative if b comes first: then
// it is those from b to a.
func MonthsBetween(a, b int64) int64 {
	if b < a {
		return -MonthsBetween(b, a)
	}
	da, ra := DayOf(a)
	db, rb := DayOf(b)
	ya, ma, na := Date(da)
	yb, mb, nb := Date(db)
	months := (yb-ya)*12 + mb - ma
	// Not whole if the day, the month's last one at most, and the time of day have
	// not been reached.
	if na = min(na, MonthLength(yb, mb)); nb < na || nb == na && rb < ra {
		months--
	}
	return months
}
