package op

import (
	"strings"
	"testing"
)

// TestClip: a row in a message is whole characters, none of which commands a terminal.
func TestClip(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext é\r\n":             "plain\ttext é",
		"\x1b[31mred\a\rx":              `\u001b[31mred\u0007\u000dx`,
		"a\xff\xc3b\uFFFDc\n":           `a\xff\xc3b` + "\uFFFDc",
		"\u0085":                        `\u0085`,
		strings.Repeat("x", 400):        strings.Repeat("x", 400),
		strings.Repeat("x", 399) + "éé": strings.Repeat("x", 399) + "...",
		strings.Repeat("\xff", 500):     strings.Repeat(`\xff`, 400) + "...",
		"":                              "",
	} {
		if got := Clip(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
