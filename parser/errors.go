package parser

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is something wrong with a text of SQL, found by the parser or, as the
// planner uses this type as well, by what comes after it.
type Error struct {
	Source *Source
	Span   Span
	Msg    string // one line, lower case, without a position
	Hint   string // what to do about it, "" if nothing is known
}

// Error gives "file:line:col: message (hint)" on one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Source != nil {
		b.WriteString(e.Source.Position(e.Span.Start).String())
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString(" (")
		b.WriteString(e.Hint)
		b.WriteByte(')')
	}
	return b.String()
}

// Format gives the message as a person wants it: position and message, the line
// of the source, carets under the text that the error is about, and a line with
// the hint. It ends without a line end.
func (e *Error) Format() string {
	var b strings.Builder
	if e.Source != nil {
		b.WriteString(e.Source.Position(e.Span.Start).String())
		b.WriteString(": ")
	}
	b.WriteString("error: ")
	b.WriteString(e.Msg)
	if e.Source != nil && e.Source.Text != "" {
		e.excerpt(&b)
	}
	if e.Hint != "" {
		b.WriteString("\nhint: ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// maxExcerpt is the number of characters of a source line that Format shows; of a
// longer line it shows the part around the caret.
const maxExcerpt = 120

// excerpt writes the line of the error and the carets below it. A tab of the
// line is a tab of the caret line too, so that both come out equally wide.
func (e *Error) excerpt(b *strings.Builder) {
	start := max(0, min(e.Span.Start, len(e.Source.Text)))
	text, lineStart := e.Source.lineText(start)
	at := min(start-lineStart, len(text))
	end := min(max(e.Span.End-lineStart, at), len(text)) // a span over several lines: to the end of the first

	before, under, after := []rune(text[:at]), []rune(text[at:end]), []rune(text[end:])
	lead, tail := "", ""
	if len(before)+len(under)+len(after) > maxExcerpt {
		if cut := len(before) - maxExcerpt/2; cut > 0 {
			before, lead = before[cut:], "..."
		}
		if room := maxExcerpt - len(before); len(under) > room {
			under, after, tail = under[:room], nil, "..."
		} else if room -= len(under); len(after) > room {
			after, tail = after[:room], "..."
		}
	}
	b.WriteString("\n  ")
	b.WriteString(lead)
	for _, part := range [][]rune{before, under, after} {
		for _, r := range part {
			b.WriteRune(printable(r))
		}
	}
	b.WriteString(tail)
	b.WriteString("\n  ")
	b.WriteString(strings.Repeat(" ", len(lead)))
	for _, r := range before {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteString(strings.Repeat(" ", cells(r)))
		}
	}
	width := 0
	for _, r := range under {
		width += cells(r)
	}
	b.WriteString(strings.Repeat("^", max(1, width)))
}

// cells is the number of columns that a character takes on a terminal: two for those
// of East Asian scripts and emoji, none for combining marks.
func cells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff,
		r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// printable keeps control characters of a source from reaching a terminal.
func printable(r rune) rune {
	if r == '\t' {
		return r
	}
	if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == utf8.RuneError {
		return utf8.RuneError
	}
	return r
}

// ErrorList is the errors of a script in the order of the text; there is at least
// one, and at most one for each statement.
type ErrorList []*Error

// Error gives all errors, one a line.
func (l ErrorList) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Format gives all errors as Error.Format does, with an empty line between.
func (l ErrorList) Format() string {
	parts := make([]string, len(l))
	for i, e := range l {
		parts[i] = e.Format()
	}
	return strings.Join(parts, "\n\n")
}

// Unwrap makes the single errors visible to errors.As and errors.Is.
func (l ErrorList) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}
