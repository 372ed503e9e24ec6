package sample

import (
	"strings"
	"testing"
)

// TestType: a type for what was seen, by the rules of the page on columns.
func TestType(t *testing.T) {
	number := func(s ...string) func(g *Guess) {
		return func(g *Guess) {
			for _, s := range s {
				g.Number(s)
			}
		}
	}
	text := func(s ...string) func(g *Guess) {
		return func(g *Guess) {
			for _, s := range s {
				g.Text(s, " ")
			}
		}
	}
	for want, cases := range map[string][]func(g *Guess){
		"BIGINT":         {number("0"), number("-0", "9223372036854775807", "-9223372036854775808")},
		"DECIMAL(38, 0)": {number("9223372036854775808"), number("1", "-99999999999999999999999999999999999999")},
		"DOUBLE":         {number("1.0"), number("1", "1e3"), number("100000000000000000000000000000000000000"), number("9223372036854775808", "0.5")},
		"BOOLEAN":        {func(g *Guess) { g.Bool() }},
		"DATE":           {text("2024-02-29"), text("0001-01-01", "9999-12-31")},
		"TIMESTAMP(6)":   {text("2024-02-29 23:59:59"), text("2024-05-01 10:00:00.123456789", "0001-01-01 00:00:00")},
		"TIMESTAMP_LTZ(6)": {text("2024-05-01 10:00:00Z"), text("2024-05-01 10:00:00.5+02:00", "2024-05-01 10:00:00-18:59"),
			func(g *Guess) { g.Text("2024-05-01T10:00:00Z", " T") }},
		"STRING": {text(""), text("x"), func(*Guess) {}, text("2023-02-29"), text("2024-05-01 24:00:00"), text("2024-05-01 10:00:60"), text("2024-05-01T10:00:00"),
			text("2024-05-01 10:00:00+19:00"), text("2024-05-01 10:00:00+01:60"), text("0000-01-01"), text("2024-05-01 10:00"), text("2024-05-01 10:00:00."),
			text("2024-05-01", "2024-05-01 10:00:00"), text("2024-05-01 10:00:00", "2024-05-01 10:00:00Z"),
			func(g *Guess) { g.Bool(); g.Number("1") }, func(g *Guess) { g.Number("1"); g.Text("1", " ") }, func(g *Guess) { g.Object() }, func(g *Guess) { g.Elem(); g.Member("a") }},
		"ARRAY<STRING>":            {func(g *Guess) { g.Elem().Number("1e400") }, func(g *Guess) { g.Elem().Number(strings.Repeat("9", 310)) }, func(g *Guess) { g.Elem().Member("") }, func(g *Guess) { g.Elem() }},
		"ARRAY<DOUBLE>":            {func(g *Guess) { g.Elem().Number("1"); g.Elem().Number("1.5") }},
		"ROW<b BOOLEAN, a STRING>": {func(g *Guess) { g.Member("b").Bool(); g.Member("a"); g.Object() }},
	} {
		for i, c := range cases {
			g := &Guess{}
			c(g)
			if got := g.Type().String(); got != want {
				t.Errorf("case %d: %s, want %s", i, got, want)
			}
		}
	}
	for s, want := range map[string]bool{"0": true, "-1.5e+3": true, "007": false, "+1": false, "1.": false, "": false, "NaN": false} {
		if IsNumber(s) != want {
			t.Errorf("%q: %t", s, !want)
		}
	}
}
