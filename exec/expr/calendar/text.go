package calendar

// AppendDate appends yyyy-MM-dd.
func AppendDate(dst []byte, days int64) []byte {
	y, m, d := Date(days)
	dst = appendYear(dst, y)
	return append(dst, '-', byte('0'+m/10), byte('0'+m%10), '-', byte('0'+d/10), byte('0'+d%10))
}

func appendYear(dst []byte, y int64) []byte {
	if y < 0 {
		dst = append(dst, '-')
		y = -y
	}
	if y > 9999 {
		return appendInt(dst, y)
	}
	return append(dst, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10))
}

func appendInt(dst []byte, v int64) []byte {
	var buf [20]byte
	at := len(buf)
	for {
		at--
		buf[at] = byte('0' + v%10)
		if v /= 10; v == 0 {
			return append(dst, buf[at:]...)
		}
	}
}

// AppendTime appends HH:mm:ss with digits (0, 3 or 6) of the fraction.
func AppendTime(dst []byte, us int64, digits int) []byte {
	h, m, s, f := us/Hour, us/Minute%60, us/Second%60, us%Second
	dst = append(dst, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':', byte('0'+s/10), byte('0'+s%10))
	if digits == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := Second / 10; digits > 0; digits-- {
		dst = append(dst, byte('0'+f/unit%10))
		unit /= 10
	}
	return dst
}

// AppendTimestamp appends yyyy-MM-dd HH:mm:ss with digits of the fraction.
func AppendTimestamp(dst []byte, us int64, digits int) []byte {
	d, rest := DayOf(us)
	return AppendTime(append(AppendDate(dst, d), ' '), rest, digits)
}

// Digits gives the digits of the fraction that the text of a time of some
// precision has: 3 or 6.
func Digits(precision int) int {
	if precision <= 3 {
		return 3
	}
	return 6
}

func two(b []byte) (int64, bool) {
	x, y := b[0]-'0', b[1]-'0'
	return int64(x)*10 + int64(y), x <= 9 && y <= 9
}

// ParseDate reads yyyy-MM-dd, with one or two digits for month and day.
func ParseDate(b []byte) (days int64, ok bool) {
	days, rest, ok := date(b)
	return days, ok && len(rest) == 0
}

func date(b []byte) (days int64, rest []byte, ok bool) {
	if len(b) < 8 || b[4] != '-' {
		return 0, nil, false
	}
	hi, ok1 := two(b)
	lo, ok2 := two(b[2:])
	y := hi*100 + lo
	m, b, ok3 := short(b[5:])
	if !ok1 || !ok2 || !ok3 || len(b) == 0 || b[0] != '-' {
		return 0, nil, false
	}
	d, b, ok4 := short(b[1:])
	if !ok4 || y < 1 || m < 1 || m > 12 || d < 1 || d > MonthLength(y, m) {
		return 0, nil, false
	}
	return Days(y, m, d), b, true
}

// short reads one or two digits.
func short(b []byte) (v int64, rest []byte, ok bool) {
	n := 0
	for n < 2 && n < len(b) && b[n]-'0' <= 9 {
		v = v*10 + int64(b[n]-'0')
		n++
	}
	return v, b[n:], n > 0
}

// ParseTime reads HH:mm[:ss[.fraction]]; digits beyond microseconds are cut.
func ParseTime(b []byte) (us int64, ok bool) {
	us, rest, ok := clock(b)
	return us, ok && len(rest) == 0
}

func clock(b []byte) (us int64, rest []byte, ok bool) {
	h, b, ok1 := short(b)
	if !ok1 || len(b) < 3 || b[0] != ':' {
		return 0, nil, false
	}
	m, ok2 := two(b[1:])
	b = b[3:]
	if !ok2 || h > 23 || m > 59 {
		return 0, nil, false
	}
	us = h*Hour + m*Minute
	if len(b) < 3 || b[0] != ':' {
		return us, b, true
	}
	s, ok3 := two(b[1:])
	b = b[3:]
	if !ok3 || s > 59 {
		return 0, nil, false
	}
	us += s * Second
	if len(b) == 0 || b[0] != '.' {
		return us, b, true
	}
	b = b[1:]
	unit, n := Second/10, 0
	for ; len(b) > 0 && b[0]-'0' <= 9; b = b[1:] {
		us += int64(b[0]-'0') * unit
		unit /= 10
		n++
	}
	return us, b, n > 0 && n <= 9
}

// ParseTimestamp reads a date, or a date, a blank or T, and a time. A zone (Z or
// +hh:mm) may follow: then zoned is true and us is UTC.
func ParseTimestamp(b []byte) (us int64, zoned, ok bool) {
	days, b, ok := date(b)
	if !ok {
		return 0, false, false
	}
	us = days * Day
	if len(b) == 0 {
		return us, false, true
	}
	if b[0] != ' ' && b[0] != 'T' {
		return 0, false, false
	}
	t, b, ok := clock(b[1:])
	us += t
	if !ok || len(b) == 0 {
		return us, false, ok
	}
	if b[0] == ' ' {
		b = b[1:]
	}
	off, ok := offset(b)
	return us - off, true, ok
}

// offset reads Z, +hh, +hhmm or +hh:mm.
func offset(b []byte) (us int64, ok bool) {
	if len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') {
		return 0, true
	}
	if len(b) < 3 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, ok := two(b[1:])
	m := int64(0)
	switch {
	case len(b) == 3:
	case len(b) == 5:
		m, ok = andTwo(b[3:], ok)
	case len(b) == 6 && b[3] == ':':
		m, ok = andTwo(b[4:], ok)
	default:
		return 0, false
	}
	if !ok || h > 18 || m > 59 {
		return 0, false
	}
	us = h*Hour + m*Minute
	if b[0] == '-' {
		us = -us
	}
	return us, true
}

func andTwo(b []byte, ok bool) (int64, bool) {
	v, ok2 := two(b)
	return v, ok && ok2
}
