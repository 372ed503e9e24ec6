package catalog

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The getters of Options are for checked options: the zero value stands for an
// option that is not set.

// Int gives an OptionInt.
func (o Options) Int(name string) int64 {
	v, _ := strconv.ParseInt(o[name], 10, 64)
	return v
}

// Bool gives an OptionBool.
func (o Options) Bool(name string) bool { return o[name] == "true" }

// Float gives an OptionFloat.
func (o Options) Float(name string) float64 {
	v, _ := strconv.ParseFloat(o[name], 64)
	return v
}

// Duration gives an OptionDuration.
func (o Options) Duration(name string) time.Duration {
	v, _ := ParseDuration(o[name])
	return v
}

// Bytes gives an OptionBytes.
func (o Options) Bytes(name string) int64 {
	v, _ := ParseBytes(o[name])
	return v
}

// Time gives an OptionTime, as UTC.
func (o Options) Time(name string) time.Time {
	v, _ := parseOptionTime(o[name])
	return v
}

// Under gives the options whose names begin with prefix, without it: those of
// a format are Under("json.").
func (o Options) Under(prefix string) Options {
	sub := Options{}
	for name, value := range o {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			sub[rest] = value
		}
	}
	return sub
}

// durationUnits are the spellings of Flink's TimeUtils, which take in Go's.
var durationUnits = map[string]time.Duration{
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	"h": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"": time.Millisecond, "ms": time.Millisecond, "milli": time.Millisecond, "millis": time.Millisecond,
	"millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"us": time.Microsecond, "µs": time.Microsecond, "micro": time.Microsecond, "micros": time.Microsecond,
	"microsecond": time.Microsecond, "microseconds": time.Microsecond,
	"ns": time.Nanosecond, "nano": time.Nanosecond, "nanos": time.Nanosecond,
	"nanosecond": time.Nanosecond, "nanoseconds": time.Nanosecond,
}

// ParseDuration reads a duration in Flink's spelling (10ms, '5 s', '1 min'; a
// bare number is milliseconds) or Go's (1h30m). It is never negative.
func ParseDuration(text string) (time.Duration, error) {
	t := strings.TrimSpace(text)
	digits := strings.TrimLeft(t, "0123456789")
	unit, known := durationUnits[strings.ToLower(strings.TrimSpace(digits))]
	if n := t[:len(t)-len(digits)]; known && n != "" {
		v, err := strconv.ParseInt(n, 10, 64)
		if err != nil || v > math.MaxInt64/int64(unit) {
			return 0, fmt.Errorf("%q is beyond the range of durations (292 years)", text)
		}
		return time.Duration(v) * unit, nil
	}
	v, err := time.ParseDuration(t)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 10ms, 5 s, 1 min, 2 h", text)
	}
	return v, nil
}

var byteUnits = map[string]int{
	"": 0, "b": 0, "bytes": 0,
	"k": 10, "kb": 10, "kib": 10, "kibibytes": 10,
	"m": 20, "mb": 20, "mib": 20, "mebibytes": 20,
	"g": 30, "gb": 30, "gib": 30, "gibibytes": 30,
	"t": 40, "tb": 40, "tib": 40, "tebibytes": 40,
}

// ParseBytes reads a size: 64kb, '128 MB', 1gib. As in Flink all units are
// powers of 1024; a bare number is bytes.
func ParseBytes(text string) (int64, error) {
	t := strings.TrimSpace(text)
	rest := strings.TrimLeft(t, "0123456789")
	shift, known := byteUnits[strings.ToLower(strings.TrimSpace(rest))]
	v, err := strconv.ParseInt(t[:len(t)-len(rest)], 10, 64)
	if !known || err != nil {
		return 0, fmt.Errorf("%q is not a size such as 64kb, 128 mb, 1gb", text)
	}
	if v > math.MaxInt64>>shift {
		return 0, fmt.Errorf("%q is beyond the range of sizes", text)
	}
	return v << shift, nil
}

func parseOptionTime(text string) (time.Time, error) {
	t := strings.Replace(strings.TrimSuffix(strings.TrimSpace(text), "Z"), "T", " ", 1)
	for _, layout := range []string{"2006-01-02 15:04:05", time.DateOnly} {
		if v, err := time.ParseInLocation(layout, t, time.UTC); err == nil {
			return v, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2024-01-15 10:00:00.000", text)
}

// canonical checks a value against the option's type and gives its normal form.
func (s *OptionSpec) canonical(value string) (string, error) {
	trimmed := strings.TrimSpace(value)
	switch s.Type {
	case OptionInt:
		if _, err := strconv.ParseInt(trimmed, 10, 64); err != nil {
			return "", fmt.Errorf("%q is not an integer", value)
		}
		return trimmed, nil
	case OptionBool:
		switch lower := strings.ToLower(trimmed); lower {
		case "true", "false":
			return lower, nil
		}
		return "", fmt.Errorf("%q is neither true nor false", value)
	case OptionFloat:
		v, err := strconv.ParseFloat(trimmed, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return "", fmt.Errorf("%q is not a number", value)
		}
		return trimmed, nil
	case OptionDuration:
		_, err := ParseDuration(value)
		return trimmed, err
	case OptionBytes:
		_, err := ParseBytes(value)
		return trimmed, err
	case OptionTime:
		_, err := parseOptionTime(value)
		return trimmed, err
	case OptionEnum:
		for _, v := range s.Values {
			if strings.EqualFold(trimmed, v) {
				return v, nil
			}
		}
		return "", fmt.Errorf("%q is not one of %s", value, strings.Join(s.Values, ", "))
	default:
		return value, nil
	}
}
