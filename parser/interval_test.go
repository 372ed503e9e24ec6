package parser

import (
	"testing"
	"time"
)

func TestIntervalValues(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]struct {
		months int64
		length time.Duration
	}{
		"INTERVAL '1' DAY":                               {0, day},
		"INTERVAL '1' YEAR":                              {12, 0},
		"INTERVAL '2' QUARTER":                           {6, 0},
		"INTERVAL '1.5' YEAR":                            {18, 0},
		"INTERVAL '2' WEEKS":                             {0, 14 * day},
		"INTERVAL '1.5' HOUR":                            {0, 90 * time.Minute},
		"INTERVAL 5 MINUTE":                              {0, 5 * time.Minute},
		"INTERVAL 0.25 SECOND":                           {0, 250 * time.Millisecond},
		"INTERVAL '0.000001' SECOND":                     {0, time.Microsecond},
		"INTERVAL '7' MILLISECOND":                       {0, 7 * time.Millisecond},
		"INTERVAL '-1' DAY":                              {0, -day},
		"INTERVAL -'1' DAY":                              {0, -day},
		"INTERVAL -'-1' DAY":                             {0, day},
		"INTERVAL +'1' DAY":                              {0, day},
		"INTERVAL '+ 1' DAY":                             {0, day},
		"INTERVAL -1 MONTH":                              {-1, 0},
		"INTERVAL '1-6' YEAR TO MONTH":                   {18, 0},
		"INTERVAL '-1-6' YEAR TO MONTH":                  {-18, 0},
		"INTERVAL '1 02' DAY TO HOUR":                    {0, 26 * time.Hour},
		"INTERVAL '1 02:03' DAY TO MINUTE":               {0, 26*time.Hour + 3*time.Minute},
		"INTERVAL '1 02:03:04.5' DAY TO SECOND":          {0, 26*time.Hour + 3*time.Minute + 4500*time.Millisecond},
		"INTERVAL '-1 02:03' DAY TO MINUTE":              {0, -26*time.Hour - 3*time.Minute},
		"INTERVAL '100:59' HOUR TO MINUTE":               {0, 100*time.Hour + 59*time.Minute},
		"INTERVAL '01:02:03' HOUR TO SECOND":             {0, time.Hour + 2*time.Minute + 3*time.Second},
		"INTERVAL '90:30.25' MINUTE TO SECOND":           {0, 90*time.Minute + 30250*time.Millisecond},
		"INTERVAL '30 seconds'":                          {0, 30 * time.Second},
		"INTERVAL '1 day 2 hours'":                       {0, 26 * time.Hour},
		"INTERVAL ' 1d2h3m4s5ms6us '":                    {0, 26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond + 6*time.Microsecond},
		"INTERVAL '1 month -2 days'":                     {1, -2 * day},
		"INTERVAL -'1 mon 2 days'":                       {-1, -2 * day},
		"INTERVAL '1 day 02:03:04'":                      {0, 26*time.Hour + 3*time.Minute + 4*time.Second},
		"INTERVAL '1 day -02:03'":                        {0, day - 2*time.Hour - 3*time.Minute},
		"INTERVAL '1 year 1 quarter'":                    {15, 0},
		"INTERVAL '0' SECOND":                            {0, 0},
		"INTERVAL '9223372036854.775807' SECOND":         {0, 0}, // the greatest; checked below
		"INTERVAL '00000000000000000000000001' SECOND":   {0, time.Second},
		"INTERVAL '1.00000000000000000000000000' SECOND": {0, time.Second},
	} {
		lit, ok := mustExpr(t, text).(*IntervalLit)
		if !ok {
			t.Errorf("%s is no interval", text)
			continue
		}
		micros := want.length.Microseconds()
		if text == "INTERVAL '9223372036854.775807' SECOND" {
			micros = 1<<63 - 1
		}
		if lit.Months != want.months || lit.Micros != micros {
			t.Errorf("%s has %d months and %d us, not %d and %d", text, lit.Months, lit.Micros, want.months, micros)
		}
	}
}

func TestIntervalsThatDoNotFit(t *testing.T) {
	for _, text := range []string{
		"INTERVAL '' DAY", "INTERVAL ' ' DAY", "INTERVAL '.' DAY", "INTERVAL '1.' DAY", "INTERVAL '1e3' DAY", "INTERVAL '1 2' DAY",
		"INTERVAL '--1' DAY", "INTERVAL '１' DAY", "INTERVAL '9223372036854.775808' SECOND", "INTERVAL '99999999999' YEAR",
		"INTERVAL '0.0000005' SECOND", "INTERVAL '1' NANOSECOND", "INTERVAL ''", "INTERVAL '5'", "INTERVAL 'day'", "INTERVAL '1 dayz'",
		"INTERVAL '1:2' DAY TO HOUR", "INTERVAL '1 24' DAY TO HOUR", "INTERVAL '1 1:60' DAY TO MINUTE", "INTERVAL '1 1.5' DAY TO HOUR",
		"INTERVAL '1-12' YEAR TO MONTH", "INTERVAL '1' DAY TO DAY", "INTERVAL '1' MONTH TO YEAR", "INTERVAL '1' YEAR TO DAY",
		"INTERVAL '1 2:3:4:5' DAY TO SECOND", "INTERVAL '1:2:3:4'", "INTERVAL '1 002' DAY TO HOUR",
		"INTERVAL '" + "1111111111111111111111111111111111111111111" + "' SECOND",
	} {
		if e, err := ParseExpr(NewSource("", text)); err == nil {
			t.Errorf("%s is %s", text, shapeOf(e))
		}
	}
}
