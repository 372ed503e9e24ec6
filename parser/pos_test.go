package parser

import (
	"errors"
	"strings"
	"testing"
)

func TestPosition(t *testing.T) {
	src := NewSource("a.sql", "SELECT 1;\r\n\tgröße 名\n\nx")
	for offset, want := range map[int]string{
		-1: "a.sql:1:1", 0: "a.sql:1:1", 9: "a.sql:1:10", 11: "a.sql:2:1", 12: "a.sql:2:2",
		strings.Index(src.Text, "名"): "a.sql:2:8", strings.Index(src.Text, "x"): "a.sql:4:1", 1000: "a.sql:4:2",
	} {
		if got := src.Position(offset).String(); got != want {
			t.Errorf("offset %d is at %s, not %s", offset, got, want)
		}
	}
	if got := NewSource("", "x").Position(1).String(); got != "1:2" {
		t.Errorf("without a name it is %s", got)
	}
}

// TestFormat is about what the golden files can't hold: other line ends, a span of
// several lines, control characters, a source without a line.
func TestFormat(t *testing.T) {
	for name, c := range map[string]struct {
		text       string
		start, end int
		want       string
	}{
		"CRLF":          {"SELECT a\r\nFROM\r\n", 10, 14, "f:2:1: error: m\n  FROM\n  ^^^^\nhint: h"},
		"several lines": {"SELECT a\nFROM t", 7, 15, "f:1:8: error: m\n  SELECT a\n         ^\nhint: h"},
		"end of text":   {"SELECT a\n", 9, 9, "f:2:1: error: m\n  \n  ^\nhint: h"},
		"control":       {"a\x1b[31mb", 0, 1, "f:1:1: error: m\n  a\ufffd[31mb\n  ^\nhint: h"},
		"wide":          {"名前 ä x", 10, 11, "f:1:6: error: m\n  名前 ä x\n         ^\nhint: h"},
		"wide below":    {"x 名e\u0301 y", 2, 8, "f:1:3: error: m\n  x 名e\u0301 y\n    ^^^\nhint: h"},
		"no text":       {"", 0, 0, "f:1:1: error: m\nhint: h"},
		"beyond":        {"ab", 5, 9, "f:1:3: error: m\n  ab\n    ^\nhint: h"},
		"a long line": {strings.Repeat("a", 200) + "bcd" + strings.Repeat("e", 200), 200, 203,
			"f:1:201: error: m\n  ..." + strings.Repeat("a", 60) + "bcd" + strings.Repeat("e", 57) + "...\n  " + strings.Repeat(" ", 63) + "^^^\nhint: h"},
	} {
		e := &Error{Source: NewSource("f", c.text), Span: Span{c.start, c.end}, Msg: "m", Hint: "h"}
		if got := e.Format(); got != c.want {
			t.Errorf("%s:\n%s\nnot\n%s", name, got, c.want)
		}
	}
	e := &Error{Source: NewSource("f", "ab"), Span: Span{1, 2}, Msg: "m", Hint: "h"}
	if got := e.Error(); got != "f:1:2: m (h)" {
		t.Errorf("in one line it is %s", got)
	}
	var one *Error
	if err := error(ErrorList{e}); !errors.As(err, &one) || one != e {
		t.Error("errors.As does not find the error in its list")
	}
}

// TestTextsThatAreNoSQL: marks and bytes around a script.
func TestTextsThatAreNoSQL(t *testing.T) {
	for _, text := range []string{"\ufeffSELECT 1;\r\nSELECT 2;\r\n", "\n;;\n--x\n;", "SELECT\u00a01", "SELECT 1 -- no line end"} {
		if _, err := Parse(NewSource("", text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"SELECT 'a\xff'", "SELECT \xc3", "SELECT a\x00", "SELECT \x1b[31m", "SELECT 1\u200b+ 1", "SELECT 1 \ufeff"} {
		_, err := Parse(NewSource("", text))
		checkErrors(t, err.(ErrorList)[0].Source, err)
	}
}
