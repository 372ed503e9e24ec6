package calendar

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Pattern is a compiled date pattern in the notation of Java's
// DateTimeFormatter: letters stand for fields (y u year, M L month, d day of the
// month, D of the year, E weekday, a AM/PM, H k h K hour, m minute, s second, S
// fraction, X Z offset from UTC, which can be read only); text in single quotes stands
// for itself.
type Pattern struct {
	items   []patternItem
	granule int64 // us: times within one have the same text
}

type patternItem struct {
	field   byte   // 0: literal
	count   int    // letters
	literal string // what stands here
	letters func(s []byte) []byte
}

// Then appends another pattern.
func (p *Pattern) Then(q *Pattern) {
	p.items = append(p.items, q.items...)
	p.granule = min(p.granule, q.granule)
}

// Upper has the names of p written in capitals, Lower in small letters.
func (p *Pattern) Upper() *Pattern { return p.cased(bytes.ToUpper) }

// Lower is the counterpart of Upper.
func (p *Pattern) Lower() *Pattern { return p.cased(bytes.ToLower) }

func (p *Pattern) cased(letters func(s []byte) []byte) *Pattern {
	q := &Pattern{items: slices.Clone(p.items), granule: p.granule}
	for i := range q.items {
		q.items[i].letters = letters
	}
	return q
}

// Reads says whether a text can be read by the pattern: not if a field stands in it
// that does not determine a day, such as the year of the week (Y).
func (p *Pattern) Reads() (field string, ok bool) {
	for _, it := range p.items {
		switch it.field {
		case 'Y', 'w', 'Q', 'q', 'e':
			return strings.Repeat(string(it.field), it.count), false
		}
	}
	return "", true
}

var months = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
var weekdays = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

// ParsePattern compiles a pattern. A letter without a meaning is an error.
func ParsePattern(text string) (*Pattern, error) {
	p := &Pattern{granule: Day}
	literal := func(s string) {
		if n := len(p.items); n > 0 && p.items[n-1].field == 0 {
			p.items[n-1].literal += s
		} else {
			p.items = append(p.items, patternItem{literal: s})
		}
	}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\'':
			j := i + 1
			var b strings.Builder
			for {
				if j >= len(text) {
					return nil, fmt.Errorf("date pattern %q has an open quote", text)
				}
				if text[j] == '\'' {
					if j+1 < len(text) && text[j+1] == '\'' && j > i+1 {
						b.WriteByte('\'')
						j += 2
						continue
					}
					break
				}
				b.WriteByte(text[j])
				j++
			}
			if b.Len() == 0 {
				b.WriteByte('\'')
			}
			literal(b.String())
			i = j + 1
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			j := i
			for j < len(text) && text[j] == c {
				j++
			}
			unit, ok := patternUnit[c]
			if !ok {
				return nil, fmt.Errorf("date pattern %q: the letter %q has no meaning", text, string(c))
			}
			if c == 'S' {
				for unit = Second; unit > 1 && unit > Second/pow10(j-i); {
					unit /= 10
				}
			}
			p.granule = min(p.granule, unit)
			p.items = append(p.items, patternItem{field: c, count: j - i})
			i = j
		default:
			literal(text[i : i+1])
			i++
		}
	}
	return p, nil
}

func pow10(k int) int64 {
	p := int64(1)
	for range min(k, 6) {
		p *= 10
	}
	return p
}

var patternUnit = map[byte]int64{
	'y': Day, 'u': Day, 'Y': Day, 'M': Day, 'L': Day, 'd': Day, 'D': Day, 'E': Day, 'e': Day, 'w': Day, 'Q': Day, 'q': Day,
	'a': Hour, 'H': Hour, 'k': Hour, 'h': Hour, 'K': Hour, 'm': Minute, 's': Second, 'S': 1, 'X': 1, 'Z': 1,
}

// Zoned says whether an offset from UTC stands in the pattern.
func (p *Pattern) Zoned() bool {
	return slices.ContainsFunc(p.items, func(it patternItem) bool { return it.field == 'X' || it.field == 'Z' })
}

// Granule gives the microseconds within which, counted from 1970, all times have
// the same text.
func (p *Pattern) Granule() int64 { return p.granule }

// Append appends the text of a local time.
func (p *Pattern) Append(dst []byte, us int64) []byte {
	days, rest := DayOf(us)
	y, m, d := Date(days)
	h := rest / Hour
	for _, it := range p.items {
		from := len(dst)
		switch it.field {
		case 0:
			dst = append(dst, it.literal...)
		case 'y', 'u', 'Y':
			v := y
			if it.field == 'Y' {
				v, _ = ISOWeek(days)
			}
			if it.count == 2 {
				v = FloorMod(v, 100)
			}
			dst = padded(dst, v, it.count)
		case 'M', 'L':
			switch it.count {
			case 3:
				dst = append(dst, months[m-1][:3]...)
			case 4:
				dst = append(dst, months[m-1]...)
			default:
				dst = padded(dst, m, it.count)
			}
		case 'd':
			dst = padded(dst, d, it.count)
		case 'D':
			dst = padded(dst, YearDay(days), it.count)
		case 'E':
			name := weekdays[Weekday(days)-1]
			if it.count < 4 {
				name = name[:3]
			}
			dst = append(dst, name...)
		case 'e':
			dst = padded(dst, FloorMod(days+3, 7)+1, it.count)
		case 'w':
			_, w := ISOWeek(days)
			dst = padded(dst, w, it.count)
		case 'Q', 'q':
			dst = padded(dst, (m+2)/3, it.count)
		case 'a':
			dst = append(dst, "AP"[h/12], 'M')
		case 'H':
			dst = padded(dst, h, it.count)
		case 'k':
			dst = padded(dst, (h+23)%24+1, it.count)
		case 'h':
			dst = padded(dst, (h+11)%12+1, it.count)
		case 'K':
			dst = padded(dst, h%12, it.count)
		case 'm':
			dst = padded(dst, rest/Minute%60, it.count)
		case 's':
			dst = padded(dst, rest/Second%60, it.count)
		case 'S':
			f := rest % Second
			for k := range it.count {
				if k >= 6 {
					dst = append(dst, '0')
					continue
				}
				dst = append(dst, byte('0'+f/(Second/10)))
				f = f % (Second / 10) * 10
			}
		}
		if it.letters != nil {
			dst = append(dst[:from], it.letters(dst[from:])...)
		}
	}
	return dst
}

func padded(dst []byte, v int64, width int) []byte {
	if v < 0 {
		dst = append(dst, '-')
		v = -v
	}
	digits := 1
	for p := int64(10); v >= p && digits < 19; p *= 10 {
		digits++
	}
	for ; digits < width; digits++ {
		dst = append(dst, '0')
	}
	return appendInt(dst, v)
}

// Parse reads a text as the pattern would write it. Missing fields are those of
// 1970-01-01 00:00:00. Names of months and AM/PM are taken in any case; weekdays
// are not checked.
func (p *Pattern) Parse(s []byte) (us int64, ok bool) {
	us, _, ok = p.ParseZoned(s)
	return us, ok
}

// ParseZoned is Parse that gives the offset from UTC too, in microseconds; 0 without.
func (p *Pattern) ParseZoned(s []byte) (us, offset int64, ok bool) {
	y, m, d, yday := int64(1970), int64(1), int64(1), int64(0)
	var h, h12, mi, sec, frac int64
	half, twelve := int64(-1), false
	for k, it := range p.items {
		var v int64
		switch it.field {
		case 0:
			if len(s) < len(it.literal) || string(s[:len(it.literal)]) != it.literal {
				return 0, 0, false
			}
			s = s[len(it.literal):]
			continue
		case 'a':
			if len(s) < 2 || s[1]|0x20 != 'm' || s[0]|0x20 != 'a' && s[0]|0x20 != 'p' {
				return 0, 0, false
			}
			half = 0
			if s[0]|0x20 == 'p' {
				half = 12
			}
			s = s[2:]
			continue
		case 'X', 'Z':
			if offset, s, ok = offsetOf(s); !ok {
				return 0, 0, false
			}
			continue
		case 'E':
			n, rest := name(s, weekdays[:], it.count < 4)
			if n == 0 {
				return 0, 0, false
			}
			s = rest
			continue
		case 'M', 'L':
			if it.count >= 3 {
				if m, s = name(s, months[:], it.count == 3); m == 0 {
					return 0, 0, false
				}
				continue
			}
		case 'Y', 'w', 'Q', 'q', 'e':
			return 0, 0, false // do not determine a day
		}
		// A field before another one without anything between has its own width.
		least, most := it.count, it.count
		if it.field == 'S' {
			most = it.count
		} else if adjacent := k+1 < len(p.items) && p.items[k+1].field != 0; !adjacent && it.count == 1 {
			most = 19
		}
		n := 0
		for n < most && n < len(s) && s[n]-'0' <= 9 {
			if it.field != 'S' || n < 6 {
				v = v*10 + int64(s[n]-'0')
			}
			n++
		}
		if n < least || n == 0 || n > 18 {
			return 0, 0, false
		}
		s = s[n:]
		switch it.field {
		case 'y', 'u':
			y = v
			if it.count == 2 {
				y += 2000
			}
		case 'M', 'L':
			m = v
		case 'd':
			d = v
		case 'D':
			yday = v
		case 'H':
			h = v
		case 'k':
			h = v % 24
			if v < 1 || v > 24 {
				return 0, 0, false
			}
		case 'h', 'K':
			h12, twelve = v%12, true
			if v > 12 {
				return 0, 0, false
			}
		case 'm':
			mi = v
		case 's':
			sec = v
		case 'S':
			for ; n < 6; n++ {
				v *= 10
			}
			frac = v
		}
	}
	if twelve && half >= 0 {
		h = h12 + half
	} else if twelve {
		h = h12
	}
	if len(s) > 0 || y < 1 || y > 9999 || m < 1 || m > 12 || d < 1 || d > MonthLength(y, m) || h > 23 || mi > 59 || sec > 59 {
		return 0, 0, false
	}
	days := Days(y, m, d)
	if yday > 0 {
		days = Days(y, 1, 1) + yday - 1
	}
	return days*Day + h*Hour + mi*Minute + sec*Second + frac, offset, true
}

// offsetOf reads an offset from UTC at the start of a text: Z, +hh, +hhmm or +hh:mm.
func offsetOf(s []byte) (us int64, rest []byte, ok bool) {
	if len(s) > 0 && s[0] == 'Z' {
		return 0, s[1:], true
	}
	if len(s) < 3 || s[0] != '+' && s[0] != '-' {
		return 0, nil, false
	}
	h, ok := two(s[1:])
	rest = s[3:]
	if !ok {
		return 0, nil, false
	}
	us = h * Hour
	minutes := bytes.TrimPrefix(rest, []byte{':'})
	if len(minutes) >= 2 {
		if m, ok := two(minutes); ok && m < 60 {
			us, rest = us+m*Minute, minutes[2:]
		}
	}
	if s[0] == '-' {
		us = -us
	}
	return us, rest, us <= 18*Hour && us >= -18*Hour
}

// name finds which of names s starts with, from 1; 0 for none.
func name(s []byte, names []string, short bool) (int64, []byte) {
	for i, n := range names {
		if short {
			n = n[:3]
		}
		if len(s) >= len(n) && strings.EqualFold(string(s[:len(n)]), n) {
			return int64(i + 1), s[len(n):]
		}
	}
	return 0, s
}
