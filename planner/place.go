package planner

import (
	"fmt"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// place is where in which text something was written. A plan may hold parts of
// several texts: the script, and the views that it reads.
type place struct {
	src  *parser.Source
	span parser.Span
}

// errorf makes an error about the place.
func (p place) errorf(format string, args ...any) *parser.Error {
	return &parser.Error{Source: p.src, Span: p.span, Msg: fmt.Sprintf(format, args...)}
}

// text gives what stands at the place, on one line.
func (p place) text() string {
	if p.src == nil {
		return ""
	}
	return strings.Join(strings.Fields(p.src.Slice(p.span)), " ")
}

// line says where the place is, for use within a message: "line 3".
func (p place) line() string {
	if p.src == nil {
		return "the query"
	}
	return fmt.Sprintf("line %d", p.src.Position(p.span.Start).Line)
}

// hint adds advice to an error.
func hint(err *parser.Error, format string, args ...any) *parser.Error {
	err.Hint = fmt.Sprintf(format, args...)
	return err
}

// didYouMean adds a suggestion if a candidate is near, else the fallback.
func didYouMean(err *parser.Error, name string, candidates []string, fallback string) *parser.Error {
	if near := catalog.Suggest(name, candidates); near != "" && len(name) > 1 {
		return hint(err, "did you mean `%s`?", near)
	}
	err.Hint = fallback
	return err
}

// count says a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
