package json

// Microseconds.
const (
	second = 1_000_000
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// minuteCache is the date and time up to the minute that a column had last,
// with its value. Most records of a stream are of the minute of the one before.
type minuteCache struct {
	word0, word1 uint64 // yyyy-MM- and dd HH:mm
	value        int64
}

// timestamp decodes a TIMESTAMP or TIMESTAMP_LTZ, in microseconds since 1970.
func (d *Decoder) timestamp(n *node, b []byte, p, row int) int {
	if at(b, p) == '"' && p+26 <= len(b) && load64(b, p+1) == n.minute.word0 && load64(b, p+9) == n.minute.word1 {
		// What is left is :ss.SSS and a quote, or Z and a quote.
		const colon0Point0 = ':' | '0'<<8 | '0'<<16 | '.'<<24 | '0'<<32 | '0'<<40 | '0'<<48
		t := load64(b, p+17) ^ colon0Point0
		end := p + 25
		last := byte('"')
		if n.op == opTimestampLTZ {
			end = p + 26
			last = 'Z'
		}
		if byte(t>>56) == last && at(b, end-1) == '"' && t&0x00000000FF0000FF == 0 &&
			((t+ones*(0x80-10)|t)&0x0080808000808000) == 0 && byte(t>>8) <= 5 && n.cut <= 1000 {
			s := int64(t>>8&0xff*10 + t>>16&0xff)
			ms := int64(t>>32&0xff*100 + t>>40&0xff*10 + t>>48&0xff)
			n.column.PutInt64(row, n.minute.value+s*second+ms*1000)
			return end
		}
	}
	start := p
	content, p, ok := d.stringText(n, b, p)
	if !ok {
		return p
	}
	v, ok := parseTimestamp(content, d.schema.opts.TimestampFormat.separator(), n.op == opTimestampLTZ, n.cut)
	if !ok {
		d.cellError(n, ErrFormat, start)
		return p
	}
	if b[start+1] == content[0] && p-start == len(content)+2 { // no escapes
		if zoned := n.op == opTimestampLTZ; !zoned || content[len(content)-1] == 'Z' {
			n.minute = minuteCache{load64(b, start+1), load64(b, start+9), floor(v, minute)}
		}
	}
	n.column.PutInt64(row, v)
	return p
}

// temporalText decodes DATE, TIME and INTERVAL columns.
func (d *Decoder) temporalText(n *node, b []byte, p, row int) int {
	content, end, ok := d.stringText(n, b, p)
	if !ok {
		return end
	}
	switch n.op {
	case opDate:
		var days int64
		if days, ok = parseDate(content); ok {
			n.column.PutInt32(row, int32(days))
		}
	case opTime:
		var v int64
		if v, ok = parseTime(content, n.cut); ok {
			n.column.PutInt64(row, v)
		}
	case opIntervalDay:
		var v int64
		if v, ok = parseDayInterval(content); ok {
			n.column.PutInt64(row, v)
		}
	case opIntervalMonth:
		var v int64
		if v, ok = parseMonthInterval(content); ok {
			n.column.PutInt32(row, int32(v))
		}
	}
	if !ok {
		d.cellError(n, ErrFormat, p)
	}
	return end
}

// parseTimestamp reads yyyy-MM-dd, the separator, HH:mm:ss and up to nine
// digits of fraction, of which those below cut microseconds are cut off; for
// zoned ones also Z or an offset +HH:mm. It gives microseconds since 1970, UTC.
func parseTimestamp(s []byte, separator byte, zoned bool, cut int64) (int64, bool) {
	if len(s) < 19 || s[10] != separator {
		return 0, false
	}
	days, ok := parseDate(s[:10])
	if !ok {
		return 0, false
	}
	clock := s[11:]
	offset := int64(0)
	if zoned {
		if clock, offset, ok = cutZone(clock); !ok {
			return 0, false
		}
	}
	micros, ok := parseTime(clock, cut)
	if !ok {
		return 0, false
	}
	v := days*day + micros - offset
	if v < minTimestamp || v > maxTimestamp {
		return 0, false // an offset led out of the years
	}
	return v, true
}

// The first microsecond of year 1 and the last of year 9999.
const (
	minTimestamp = -719162 * day
	maxTimestamp = 2932897*day - 1
)

// cutZone takes Z or an offset, up to 18 hours as in java.time, off the end of
// a time of day.
func cutZone(clock []byte) (rest []byte, offset int64, ok bool) {
	last := len(clock) - 1
	if clock[last] == 'Z' {
		return clock[:last], 0, true
	}
	if last < 6 || clock[last-2] != ':' || clock[last-5] != '+' && clock[last-5] != '-' {
		return nil, 0, false
	}
	h, ok1 := twoDigits(clock, last-4)
	m, ok2 := twoDigits(clock, last-1)
	offset = h*hour + m*minute
	if !ok1 || !ok2 || m > 59 || offset > 18*hour {
		return nil, 0, false
	}
	if clock[last-5] == '-' {
		offset = -offset
	}
	return clock[:last-5], offset, true
}

// parseTime reads HH:mm:ss and up to nine digits of fraction.
func parseTime(s []byte, cut int64) (int64, bool) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return 0, false
	}
	h, ok1 := twoDigits(s, 0)
	m, ok2 := twoDigits(s, 3)
	sec, ok3 := twoDigits(s, 6)
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	micros, ok := parseFraction(s[8:])
	if !ok {
		return 0, false
	}
	return h*hour + m*minute + sec*second + micros - micros%cut, true
}

// parseFraction reads nothing, or a point and one to nine digits, as microseconds.
func parseFraction(s []byte) (int64, bool) {
	if len(s) == 0 {
		return 0, true
	}
	if s[0] != '.' || len(s) == 1 || len(s) > 10 {
		return 0, false
	}
	micros, unit := int64(0), int64(second)
	for _, c := range s[1:] {
		if !isDigit(c) {
			return 0, false
		}
		unit /= 10
		micros += int64(c-'0') * unit
	}
	return micros, true
}

func twoDigits(s []byte, i int) (int64, bool) {
	if !isDigit(s[i]) || !isDigit(s[i+1]) {
		return 0, false
	}
	return int64(s[i]-'0')*10 + int64(s[i+1]-'0'), true
}

// parseDate reads yyyy-MM-dd, from 0001-01-01 on, as days since 1970.
func parseDate(s []byte) (int64, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	century, ok1 := twoDigits(s, 0)
	year, ok2 := twoDigits(s, 2)
	month, ok3 := twoDigits(s, 5)
	dom, ok4 := twoDigits(s, 8)
	year += 100 * century
	if !ok1 || !ok2 || !ok3 || !ok4 || year < 1 || month < 1 || month > 12 || dom < 1 || dom > daysIn(year, month) {
		return 0, false
	}
	return daysSinceEpoch(year, month, dom), true
}

func daysIn(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSinceEpoch counts days of the proleptic Gregorian calendar from
// 1970-01-01. After Howard Hinnant, "chrono-compatible low-level date algorithms".
func daysSinceEpoch(year, month, dom int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := floor(year, 400) / 400
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + dom - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

// floor gives the greatest multiple of unit that is not above v.
func floor(v, unit int64) int64 {
	rest := v % unit
	if rest < 0 {
		rest += unit
	}
	return v - rest
}

// parseDayInterval reads [-]D HH:mm:ss[.fraction] as microseconds.
func parseDayInterval(s []byte) (int64, bool) {
	s, negative := cutMinus(s)
	days, rest, ok := cutNumber(s, ' ')
	if !ok || days > 106_751_990 { // what an int64 of microseconds holds
		return 0, false
	}
	micros, ok := parseTime(rest, 1)
	if !ok {
		return 0, false
	}
	v := days*day + micros
	if negative {
		v = -v
	}
	return v, true
}

// parseMonthInterval reads [-]Y-MM as months.
func parseMonthInterval(s []byte) (int64, bool) {
	s, negative := cutMinus(s)
	years, rest, ok := cutNumber(s, '-')
	if !ok || years > 178_956_969 || len(rest) != 2 { // what an int32 of months holds
		return 0, false
	}
	months, ok := twoDigits(rest, 0)
	if !ok || months > 11 {
		return 0, false
	}
	v := years*12 + months
	if negative {
		v = -v
	}
	return v, true
}

func cutMinus(s []byte) ([]byte, bool) {
	if len(s) > 0 && s[0] == '-' {
		return s[1:], true
	}
	return s, false
}

// cutNumber takes one to nine digits and the separator behind them off s.
func cutNumber(s []byte, separator byte) (v int64, rest []byte, ok bool) {
	i := 0
	for i < len(s) && i < 9 && isDigit(s[i]) {
		v = v*10 + int64(s[i]-'0')
		i++
	}
	if i == 0 || i == len(s) || s[i] != separator {
		return 0, nil, false
	}
	return v, s[i+1:], true
}
