package expr

import (
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/cast"
	"github.com/streamsql/streamsql/exec/expr/exprtest"
)

// textOf evaluates an expression without columns and gives its text, as CSV has
// it; "NULL" for NULL.
func textOf(t *testing.T, e catalog.Expr) (string, error) {
	t.Helper()
	p, err := Compile([]catalog.Expr{e}, Options{})
	if err != nil {
		t.Fatalf("%s: %v", Format(e), err)
	}
	alloc := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer alloc.AssertSize(t, 0)
	ev := p.NewEvaluator(alloc)
	defer ev.Close()
	out, errs, err := ev.Eval(time.Date(2024, 2, 29, 12, 30, 45, 123e6, time.UTC), nil, 1, nil)
	if err != nil {
		t.Fatalf("%s: %v", Format(e), err)
	}
	defer release(out)
	if want := e.Type().Arrow(); out[0].DataType().ID() != want.ID() {
		t.Errorf("%s has type %s, not %s", Format(e), out[0].DataType(), want)
	}
	if len(errs) > 0 {
		return "", errs[0]
	}
	if out[0].IsNull(0) {
		return "NULL", nil
	}
	return string(cast.Texter(out[0], e.Type(), &catalog.EvalContext{Zone: time.UTC})(nil, 0)), nil
}

// TestExamples runs the examples of the documentation.
func TestExamples(t *testing.T) {
	fns := Functions()
	for _, f := range fns.All() {
		if f.Kind == catalog.ScalarFunction && len(f.Examples) == 0 && f.Name != "CURRENT_WATERMARK" { // it needs a source: docs/sql/windows.md
			t.Errorf("%s has no example", f.Name)
		}
		if f.Doc == "" || len(f.Signatures) == 0 || f.Category == "" {
			t.Errorf("%s is not documented", f.Name)
		}
		for _, ex := range f.Examples {
			e, err := exprtest.Scope{Functions: fns}.Parse(ex.SQL)
			if err != nil {
				t.Errorf("%s: %v", f.Name, err)
				continue
			}
			got, err := textOf(t, e)
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != ex.Result && !(strings.HasPrefix(ex.Result, "error") && strings.HasPrefix(got, ex.Result)) {
				t.Errorf("%s = %s, want %s", ex.SQL, got, ex.Result)
			}
		}
	}
}
