package csv

// Microseconds.
const (
	secondMicros = 1_000_000
	minuteMicros = 60 * secondMicros
	hourMicros   = 60 * minuteMicros
	dayMicros    = 24 * hourMicros
)

// date reads yyyy-MM-dd, from 0001-01-01 on, as days since 1970.
func date(s []byte) (days int64, rest []byte, ok bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return 0, nil, false
	}
	c, ok1 := two(s)
	y, ok2 := two(s[2:])
	m, ok3 := two(s[5:])
	d, ok4 := two(s[8:])
	y += 100 * c
	if !ok1 || !ok2 || !ok3 || !ok4 || y < 1 || m < 1 || m > 12 || d < 1 || d > monthLength(y, m) {
		return 0, nil, false
	}
	return daysSinceEpoch(y, m, d), s[10:], true
}

func two(s []byte) (int64, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int64(a)*10 + int64(b), a <= 9 && b <= 9
}

func monthLength(y, m int64) int64 {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSinceEpoch is after Howard Hinnant, "chrono-compatible low-level date
// algorithms", for years from 1 on.
func daysSinceEpoch(y, m, d int64) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era, yearOfEra := y/400, y%400
	dayOfYear := (153*(m-3)+2)/5 + d - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

// clock reads HH:mm:ss with up to nine digits of fraction, of which six count.
func clock(s []byte) (us int64, rest []byte, ok bool) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return 0, nil, false
	}
	h, ok1 := two(s)
	m, ok2 := two(s[3:])
	sec, ok3 := two(s[6:])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || sec > 59 {
		return 0, nil, false
	}
	us, s = h*hourMicros+m*minuteMicros+sec*secondMicros, s[8:]
	if len(s) == 0 || s[0] != '.' {
		return us, s, true
	}
	s = s[1:]
	n, unit := 0, int64(secondMicros)
	for ; n < len(s) && s[n]-'0' <= 9; n++ {
		unit /= 10
		us += int64(s[n]-'0') * unit
	}
	return us, s[n:], n > 0 && n <= 9
}

// The first microsecond of year 1 and the last of year 9999.
const (
	minTimestamp = -719162 * dayMicros
	maxTimestamp = 2932897*dayMicros - 1
)

// timestamp reads a date, a blank or T, and a time; with zoned, Z or an offset
// +HH:mm must follow. It gives microseconds since 1970, UTC.
func timestamp(s []byte, zoned bool) (int64, bool) {
	days, s, ok := date(s)
	if !ok || len(s) == 0 || s[0] != ' ' && s[0] != 'T' {
		return 0, false
	}
	us, s, ok := clock(s[1:])
	if !ok {
		return 0, false
	}
	us += days * dayMicros
	if !zoned {
		return us, len(s) == 0
	}
	if len(s) == 1 && s[0] == 'Z' {
		return us, true
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	h, ok1 := two(s[1:])
	m, ok2 := two(s[4:])
	offset := h*hourMicros + m*minuteMicros
	if !ok1 || !ok2 || m > 59 || offset > 18*hourMicros {
		return 0, false
	}
	if s[0] == '-' {
		offset = -offset
	}
	us -= offset
	return us, us >= minTimestamp && us <= maxTimestamp
}

// floor gives the greatest multiple of unit that is not above v.
func floor(v, unit int64) int64 {
	rest := v % unit
	if rest < 0 {
		rest += unit
	}
	return v - rest
}
