package nexmark

import "math"

// timeLength is the length of yyyy-MM-dd HH:mm:ss.SSS.
const timeLength = 23

// timeText writes timestamps as text. It keeps the last second's text, as
// successive timestamps mostly share it.
type timeText struct {
	day, second int64 // of text; math.MinInt64: none yet
	text        [timeLength]byte
}

func newTimeText() timeText {
	return timeText{
		day: math.MinInt64, second: math.MinInt64,
		text: [timeLength]byte([]byte("0000-00-00 00:00:00.000")),
	}
}

// put writes ms since 1970 (UTC, years 0 to 9999) to b[:timeLength].
func (t *timeText) put(b []byte, ms int64) {
	second := floorDiv(ms, 1000)
	if second != t.second {
		t.setSecond(second)
	}
	b = b[:timeLength]
	copy(b, t.text[:])
	putDigits(b[20:23], ms-second*1000)
}

func (t *timeText) setSecond(second int64) {
	t.second = second
	day := floorDiv(second, 86400)
	if day != t.day {
		t.day = day
		year, month, dayOfMonth := civil(day)
		putDigits(t.text[0:4], year)
		putDigits(t.text[5:7], month)
		putDigits(t.text[8:10], dayOfMonth)
	}
	s := second - day*86400
	putDigits(t.text[11:13], s/3600)
	putDigits(t.text[14:16], s/60%60)
	putDigits(t.text[17:19], s%60)
}

// civil gives the date of a day counted from 1970-01-01 (H. Hinnant,
// "chrono-Compatible Low-Level Date Algorithms").
func civil(day int64) (year, month, dayOfMonth int64) {
	day += 719468 // from 0000-03-01
	era := floorDiv(day, 146097)
	doe := day - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	dayOfMonth = doy - (153*mp+2)/5 + 1
	month = mp + 3
	if month > 12 {
		month -= 12
	}
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, dayOfMonth
}

// floorDiv divides, rounding down.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// putDigits writes v in decimal to all of b, with leading zeros.
func putDigits(b []byte, v int64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
	}
}
