package calendar

import (
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata" // zones, whatever the machine has
)

// anyTime gives a time between the years 1 and 9999.
func anyTime(r *rand.Rand) time.Time {
	return time.Unix((MinDay+r.Int64N(MaxDay-MinDay))*86400+r.Int64N(86400), r.Int64N(1e6)*1000).UTC()
}

func TestAgainstPackageTime(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		at := anyTime(r)
		us := at.UnixMicro()
		isoYear, isoWeek := at.ISOWeek()
		for u, want := range map[Unit]int{
			Years: at.Year(), Months: int(at.Month()), DaysUnit: at.Day(), Hours: at.Hour(), Minutes: at.Minute(), Seconds: at.Second(),
			Microseconds: at.Nanosecond() / 1000, Milliseconds: at.Nanosecond() / 1e6, DayOfYear: at.YearDay(), Weeks: isoWeek, ISOYear: isoYear,
			DayOfWeek: int(at.Weekday()) + 1, ISODayOfWeek: (int(at.Weekday())+6)%7 + 1, Quarters: (int(at.Month()) + 2) / 3, Epoch: int(at.Unix()),
			Decades: at.Year() / 10, Centuries: (at.Year() + 99) / 100, Millennia: (at.Year() + 999) / 1000,
		} {
			if got := u.Extract(us); got != int64(want) {
				t.Fatalf("unit %d of %v = %d, want %d", u, at, got, want)
			}
		}
		text := at.Format("2006-01-02 15:04:05.000000")
		if got := string(AppendTimestamp(nil, us, 6)); got != text {
			t.Fatalf("AppendTimestamp = %s, want %s", got, text)
		}
		if got, zoned, ok := ParseTimestamp([]byte(text)); !ok || zoned || got != us {
			t.Fatalf("ParseTimestamp(%s) = %d, %v, %v", text, got, zoned, ok)
		}
		y, m, d := at.Date()
		for u, want := range map[Unit]time.Time{
			Years: time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC), Months: time.Date(y, m, 1, 0, 0, 0, 0, time.UTC), DaysUnit: time.Date(y, m, d, 0, 0, 0, 0, time.UTC),
			Weeks:    time.Date(y, m, d-(int(at.Weekday())+6)%7, 0, 0, 0, 0, time.UTC),
			Quarters: time.Date(y, (m-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC), Hours: at.Truncate(time.Hour), Minutes: at.Truncate(time.Minute),
			Seconds: at.Truncate(time.Second), Decades: time.Date(y-y%10, 1, 1, 0, 0, 0, 0, time.UTC),
		} {
			if got := u.Floor(us); got != want.UnixMicro() {
				t.Fatalf("unit %d: Floor(%v) = %v, want %v", u, at, time.UnixMicro(got).UTC(), want)
			}
			if c := u.Ceil(us); c < us || u.Floor(c) != c || c != us && c != u.Add(u.Floor(us), 1) {
				t.Fatalf("unit %d: Ceil(%v) = %v", u, at, time.UnixMicro(c).UTC())
			}
		}
	}
}

func TestMonths(t *testing.T) {
	day := func(s string) int64 {
		at, err := time.Parse("2006-01-02", s)
		if err != nil {
			t.Fatal(err)
		}
		return at.Unix() / 86400
	}
	for _, c := range []struct {
		from string
		n    int64
		want string
	}{
		{"2024-01-31", 1, "2024-02-29"}, {"2023-01-31", 1, "2023-02-28"}, {"2024-02-29", 12, "2025-02-28"}, {"2024-03-31", -1, "2024-02-29"},
		{"2024-01-15", -13, "2022-12-15"}, {"1970-01-01", -1, "1969-12-01"}, {"2000-02-29", -1200, "1900-02-28"},
	} {
		if got := AddMonths(day(c.from), c.n); got != day(c.want) {
			t.Errorf("%s + %d months = %s, want %s", c.from, c.n, AppendDate(nil, got), c.want)
		}
	}
	// The months between are the most that can be added without passing.
	r := rand.New(rand.NewPCG(2, 2))
	for range 10_000 {
		a, b := anyTime(r).UnixMicro(), anyTime(r).UnixMicro()
		if a > b {
			a, b = b, a
		}
		n := MonthsBetween(a, b)
		if Months.Add(a, n) > b || Months.Add(a, n+1) <= b {
			t.Fatalf("%d months between %s and %s", n, AppendTimestamp(nil, a, 6), AppendTimestamp(nil, b, 6))
		}
		if back := MonthsBetween(b, a); back != -n {
			t.Fatalf("%d months back between %s and %s, %d forth", back, AppendTimestamp(nil, a, 6), AppendTimestamp(nil, b, 6), n)
		}
	}
}

func TestZones(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		local := NewLocal(zone)
		for range 4_000 {
			at := time.Unix(r.Int64N(4e9)-1e9, 0)
			_, offset := at.In(zone).Zone()
			wall := at.UnixMicro() + int64(offset)*Second
			if got := local.FromUTC(at.UnixMicro()); got != wall {
				t.Fatalf("%s: %v reads %d, want %d", name, at, got, wall)
			}
			back := local.ToUTC(wall)
			if again := local.FromUTC(back); again != wall || back > at.UnixMicro() {
				t.Fatalf("%s: the wall clock of %v is taken for %v", name, at, time.UnixMicro(back))
			}
		}
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	local := NewLocal(berlin)
	for wall, want := range map[string]string{
		"2024-03-31 02:30:00": "2024-03-31 01:30:00", // skipped: moved on, 03:30 in summer time
		"2024-10-27 02:30:00": "2024-10-27 00:30:00", // twice: the earlier
		"2024-07-01 12:00:00": "2024-07-01 10:00:00",
	} {
		us, _, _ := ParseTimestamp([]byte(wall))
		if got := string(AppendTimestamp(nil, local.ToUTC(us), 0)); got != want {
			t.Errorf("%s in Berlin is %s UTC, want %s", wall, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"2024-02-29":                     "2024-02-29 00:00:00.000000",
		"2024-2-9 1:02:03":               "2024-02-09 01:02:03.000000",
		"2024-02-29T12:34":               "2024-02-29 12:34:00.000000",
		"2024-02-29 12:34:56.7":          "2024-02-29 12:34:56.700000",
		"2024-02-29 12:34:56.123456789":  "2024-02-29 12:34:56.123456",
		"2024-02-29T12:34:56Z":           "2024-02-29 12:34:56.000000 zoned",
		"2024-02-29 12:34:56.5 +05:30":   "2024-02-29 07:04:56.500000 zoned",
		"2024-02-29 12:34:56-0100":       "2024-02-29 13:34:56.000000 zoned",
		"9999-12-31 23:59:59.999999":     "9999-12-31 23:59:59.999999",
		"2023-02-29":                     "",
		"2024-13-01":                     "",
		"2024-00-01":                     "",
		"0000-01-01":                     "",
		"2024-02-30":                     "",
		"24-02-29":                       "",
		"2024-02-29 24:00:00":            "",
		"2024-02-29 12:60:00":            "",
		"2024-02-29 12:34:5":             "",
		"2024-02-29 12:34:56.":           "",
		"2024-02-29 12:34:56.1234567890": "",
		"2024-02-29 12:34:56 +25:00":     "",
		"2024-02-29 12:34:56x":           "",
		"2024-02-29 ":                    "",
		"":                               "",
		"2024-02-2\xff":                  "",
	} {
		us, zoned, ok := ParseTimestamp([]byte(text))
		got := ""
		if ok {
			if got = string(AppendTimestamp(nil, us, 6)); zoned {
				got += " zoned"
			}
		}
		if got != want {
			t.Errorf("ParseTimestamp(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for java, layout := range map[string]string{
		"yyyy-MM-dd": "2006-01-02", "HH:mm": "15:04", "yyyyMMddHHmmss": "20060102150405", "dd/MM/yy": "02/01/06", "yyyy-MM-dd'T'HH:mm:ss.SSS": "2006-01-02T15:04:05.000",
		"EEE, d MMM yyyy h:mm a": "Mon, 2 Jan 2006 3:04 PM", "MMMM''dd": "January'02", "EEEE": "Monday", "HH:mm:ss.SSSSSS": "15:04:05.000000",
	} {
		p, err := ParsePattern(java)
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			at := anyTime(r)
			text := at.Format(layout)
			if got := string(p.Append(nil, at.UnixMicro())); got != text {
				t.Fatalf("%s of %v = %s, want %s", java, at, got, text)
			}
			// What the pattern does not tell apart has the same text.
			from := at.UnixMicro() - FloorMod(at.UnixMicro(), p.Granule())
			if a, b := string(p.Append(nil, from)), string(p.Append(nil, from+p.Granule()-1)); a != text || b != text {
				t.Fatalf("%s: granule %d is wrong: %s, %s, %s", java, p.Granule(), a, text, b)
			}
			want, err := time.Parse(layout, text)
			if got, ok := p.Parse([]byte(text)); err == nil && want.Year() >= 1970 && want.Year() < 2069 && (!ok || string(p.Append(nil, got)) != text) {
				t.Fatalf("%s: Parse(%s) = %d, %v", java, text, got, ok)
			}
		}
	}
	for _, bad := range []string{"yyyy-MM-dd'", "b", "yyyy-jj"} {
		if _, err := ParsePattern(bad); err == nil {
			t.Errorf("pattern %q was accepted", bad)
		}
	}
	for _, c := range [][2]string{{"yyyy-MM-dd", "2024-02-30"}, {"yyyy-MM-dd", "2024-02-29x"}, {"yyyy-MM-dd", "2024-2-29"}, {"HH", "24"}, {"h a", "13 PM"}, {"yyyy", ""}} {
		p, _ := ParsePattern(c[0])
		if us, ok := p.Parse([]byte(c[1])); ok {
			t.Errorf("%s took %q for %d", c[0], c[1], us)
		}
	}
}
