package json

import "strconv"

// dayCache is the text of the day that a timestamp column had last.
type dayCache struct {
	day  int64
	text [16]byte
	size int // bytes of text
	// separator stands between date and time.
	separator byte
}

var noDay = dayCache{day: 1 << 62}

// appendTimestamp appends the date, the separator, HH:mm:ss and a fraction of the given
// number of digits (0, 3 or 6; lower ones are cut off).
func (c *dayCache) appendTimestamp(dst []byte, micros int64, digits int) []byte {
	start := floor(micros, day)
	if start != c.day {
		c.day = start
		c.size = len(appendDate(c.text[:0], start/day))
	}
	dst = append(dst, c.text[:c.size]...)
	return appendTime(append(dst, c.separator), micros-start, digits)
}

// appendTime appends HH:mm:ss and a fraction of the given number of digits.
func appendTime(dst []byte, micros int64, digits int) []byte {
	seconds := uint64(micros) / second
	rest := uint64(micros) % second
	dst = appendTwo(dst, seconds/3600)
	dst = appendTwo(append(dst, ':'), seconds/60%60)
	dst = appendTwo(append(dst, ':'), seconds%60)
	if digits >= 3 {
		milli := rest / 1000
		dst = appendTwo(append(dst, '.', byte('0'+milli/100)), milli%100)
	}
	if digits == 6 {
		micro := rest % 1000
		dst = appendTwo(append(dst, byte('0'+micro/100)), micro%100)
	}
	return dst
}

func appendTwo(dst []byte, v uint64) []byte {
	return append(dst, byte('0'+v/10%10), byte('0'+v%10))
}

// appendDate appends yyyy-MM-dd for days since 1970. Years beyond 9999 and
// before 1, which only computed values have, are written with all digits and a
// minus sign. After Howard Hinnant, "chrono-compatible low-level date algorithms".
func appendDate(dst []byte, days int64) []byte {
	days += 719468
	era := floor(days, 146097) / 146097
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153 // months from March
	dom := dayOfYear - (153*shifted+2)/5 + 1
	year, month := yearOfEra+era*400, shifted+3
	if month > 12 {
		year, month = year+1, month-12
	}
	if year < 0 {
		dst = append(dst, '-')
		year = -year
	}
	if year <= 9999 {
		dst = appendTwo(appendTwo(dst, uint64(year/100)), uint64(year%100))
	} else {
		dst = strconv.AppendInt(dst, year, 10)
	}
	dst = appendTwo(append(dst, '-'), uint64(month))
	return appendTwo(append(dst, '-'), uint64(dom))
}

// appendDayInterval appends "[-]D HH:mm:ss.SSSSSS" in quotes.
func appendDayInterval(dst []byte, micros int64) []byte {
	dst = append(dst, '"')
	magnitude := uint64(micros)
	if micros < 0 {
		dst = append(dst, '-')
		magnitude = -magnitude
	}
	dst = strconv.AppendUint(dst, magnitude/day, 10)
	dst = appendTime(append(dst, ' '), int64(magnitude%day), 6)
	return append(dst, '"')
}

// appendMonthInterval appends "[-]Y-MM" in quotes.
func appendMonthInterval(dst []byte, months int64) []byte {
	dst = append(dst, '"')
	if months < 0 {
		dst = append(dst, '-')
		months = -months
	}
	dst = strconv.AppendInt(dst, months/12, 10)
	dst = appendTwo(append(dst, '-'), uint64(months%12))
	return append(dst, '"')
}
