package parser

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"
)

// Span is a half-open range of byte offsets in the text of a Source. Every node
// of a tree embeds one, so that n.Start, n.End and n.Range() are at hand.
type Span struct {
	Start, End int
}

// Range returns the span itself; it is what makes a node of a struct that
// embeds Span reachable through the Node interface.
func (s Span) Range() Span { return s }

// To returns the smallest span that covers s and t.
func (s Span) To(t Span) Span {
	return Span{Start: min(s.Start, t.Start), End: max(s.End, t.End)}
}

// Position is a place in a Source as people count it: lines and columns start
// at 1, columns count characters (runes), not bytes.
type Position struct {
	File string
	Line int
	Col  int
}

// String implements fmt.Stringer.
func (p Position) String() string {
	if p.File == "" {
		return fmt.Sprintf("%d:%d", p.Line, p.Col)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Source is a text of SQL with the name under which messages mention it: the
// path of a script, "-e", "stdin", or the name of a view. It must not be changed
// once it has been handed to the parser; it may be used by several goroutines.
type Source struct {
	Name string
	Text string

	once  sync.Once
	lines []int // byte offset at which each line starts
}

// NewSource returns a source of the given name and text.
func NewSource(name, text string) *Source {
	return &Source{Name: name, Text: text}
}

func (s *Source) index() {
	s.once.Do(func() {
		s.lines = append(s.lines, 0)
		for i := 0; i < len(s.Text); i++ {
			if s.Text[i] == '\n' {
				s.lines = append(s.lines, i+1)
			}
		}
	})
}

// line returns the index into s.lines of the line that holds the offset.
func (s *Source) line(offset int) int {
	s.index()
	return sort.SearchInts(s.lines, offset+1) - 1
}

// Position returns the place of a byte offset. Offsets outside the text are
// taken to its nearest end.
func (s *Source) Position(offset int) Position {
	offset = max(0, min(offset, len(s.Text)))
	l := s.line(offset)
	return Position{
		File: s.Name,
		Line: l + 1,
		Col:  utf8.RuneCountInString(s.Text[s.lines[l]:offset]) + 1,
	}
}

// Slice returns the text that a span covers.
func (s *Source) Slice(span Span) string {
	start := max(0, min(span.Start, len(s.Text)))
	return s.Text[start:max(start, min(span.End, len(s.Text)))]
}

// lineText returns the text of the line that holds the offset, without its line
// end, and the offset at which it starts.
func (s *Source) lineText(offset int) (text string, start int) {
	offset = max(0, min(offset, len(s.Text)))
	l := s.line(offset)
	start = s.lines[l]
	end := len(s.Text)
	if l+1 < len(s.lines) {
		end = s.lines[l+1] - 1
	}
	return strings.TrimSuffix(s.Text[start:end], "\r"), start
}
