package parser

import (
	"errors"
	"strings"
	"testing"
)

// nested are the constructs that can be nested: open, and shut after what is within,
// stand as often as there are levels.
var nested = []struct{ name, head, open, within, shut, tail string }{
	{"parentheses", "SELECT ", "(", "1", ")", ""},
	{"row", "SELECT ", "(1, ", "1", ")", ""},
	{"call", "SELECT ", "f(", "1", ")", ""},
	{"named argument", "SELECT ", "f(a => ", "1", ")", ""},
	{"distinct", "SELECT ", "f(DISTINCT ", "1", ")", ""},
	{"case", "SELECT ", "CASE WHEN ", "a", " THEN 1 END", ""},
	{"else", "SELECT ", "CASE WHEN a THEN b ELSE ", "a", " END", ""},
	{"cast", "SELECT ", "CAST(", "1", " AS INT)", ""},
	{"not", "SELECT ", "NOT ", "a", "", ""},
	{"minus", "SELECT ", "- ", "a", "", ""},
	{"index", "SELECT ", "a[", "1", "]", ""},
	{"tests", "SELECT ((a", "", "", " IS NULL", ") IS NULL) IS NULL"},
	{"nots", "SELECT (a + ((", "NOT ", "a", "", ") IS NULL)) IN (1)"},
	{"signs", "SELECT CASE WHEN (", "- ", "a", "", ") IN (1, 2) THEN f(b) END"},
	{"indexes", "SELECT a", "", "", "[1]", ""},
	{"fields", "SELECT a[1]", "", "", ".f", ""},
	{"name", "SELECT a", "", "", ".f", ""},
	{"casts", "SELECT a", "", "", "::INT", ""},
	{"zones", "SELECT a", "", "", " AT TIME ZONE 'x'", ""},
	{"array", "SELECT ", "ARRAY[", "1", "]", ""},
	{"map", "SELECT ", "MAP[1, ", "1", "]", ""},
	{"rows", "SELECT ", "ROW(", "1", ")", ""},
	{"exists", "SELECT ", "EXISTS (SELECT ", "1", ")", ""},
	{"in", "SELECT ", "a IN (", "1", ")", ""},
	{"in query", "SELECT ", "a IN (SELECT ", "1", ")", ""},
	{"any", "SELECT ", "a = ANY (SELECT ", "1", ")", ""},
	{"subquery", "SELECT ", "(SELECT ", "1", ")", ""},
	{"between", "SELECT ", "a BETWEEN (", "1", ") AND 2", ""},
	{"like", "SELECT ", "a LIKE (", "1", ")", ""},
	{"zone", "SELECT ", "a AT TIME ZONE (", "1", ")", ""},
	{"trim", "SELECT ", "TRIM(", "a", ")", ""},
	{"extract", "SELECT ", "EXTRACT(DAY FROM ", "a", ")", ""},
	{"position", "SELECT ", "POSITION(", "a", " IN b)", ""},
	{"floor", "SELECT ", "FLOOR(", "a", " TO DAY)", ""},
	{"json", "SELECT ", "JSON_VALUE(", "a", ", '$')", ""},
	{"json object", "SELECT ", "JSON_OBJECT('a' VALUE ", "a", ")", ""},
	{"json array", "SELECT ", "JSON_ARRAY(", "a", ")", ""},
	{"filter", "SELECT ", "f(x) FILTER (WHERE ", "a", ")", ""},
	{"over", "SELECT ", "f(x) OVER (ORDER BY ", "a", ")", ""},
	{"derived table", "SELECT * FROM ", "(SELECT * FROM ", "t", ") t", ""},
	{"lateral", "SELECT * FROM ", "LATERAL (SELECT * FROM ", "t", ") t", ""},
	{"joins", "SELECT * FROM ", "(", "t", " CROSS JOIN u)", ""},
	{"tables", "SELECT * FROM ", "(", "t", ")", ""},
	{"window", "SELECT * FROM ", "TUMBLE(TABLE ", "t", ", ts, 1)", ""},
	{"window of a query", "SELECT * FROM ", "TUMBLE((SELECT * FROM ", "t", "), ts, 1)", ""},
	{"table function", "SELECT * FROM ", "f(TABLE ", "t", ")", ""},
	{"table functions", "SELECT * FROM TABLE(", "f(TABLE ", "t", ")", ")"},
	{"unnest", "SELECT * FROM UNNEST(", "ARRAY[", "t", "]", ")"},
	{"match", "SELECT * FROM t", "", "", " MATCH_RECOGNIZE (PATTERN (A) DEFINE A AS TRUE)", ""},
	{"pattern", "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (A ", "(B ", "C", ")", ") DEFINE A AS TRUE)"},
	{"with", "", "WITH a AS (", "SELECT 1", ") SELECT 1", ""},
	{"queries", "", "(", "SELECT 1", ")", ""},
	{"set operation", "", "SELECT 1 UNION (", "SELECT 1", " LIMIT 1)", ""},
	{"grouping sets", "SELECT 1 FROM t GROUP BY ", "GROUPING SETS (", "a", ")", ""},
	{"array type", "SELECT CAST(a AS ", "ARRAY<", "INT", ">", ")"},
	{"map type", "SELECT CAST(a AS ", "MAP<INT, ", "INT", ">", ")"},
	{"row type", "SELECT CAST(a AS ", "ROW<a ", "INT", ">", ")"},
	{"array suffix", "SELECT CAST(a AS INT", "", "", " ARRAY", ")"},
}

// TestNesting: a few levels are fine, very many are an error with a place, and
// neither takes long or overflows a stack.
func TestNesting(t *testing.T) {
	for _, n := range nested {
		t.Run(n.name, func(t *testing.T) {
			level := func(levels int) *Source {
				return NewSource("", n.head+strings.Repeat(n.open, levels)+n.within+strings.Repeat(n.shut, levels)+n.tail)
			}
			few := level(20)
			stmts, err := Parse(few)
			if err != nil {
				t.Fatal(format(err))
			}
			checkTree(t, few, stmts[0])
			for _, levels := range []int{2 * maxNesting, 20_000} {
				var list ErrorList
				if _, err := Parse(level(levels)); !errors.As(err, &list) {
					t.Errorf("%d levels are no error", levels)
				} else if msg := list[0].Msg; msg != "nested too deeply" {
					t.Errorf("the error of %d levels is %s", levels, msg)
				}
			}
		})
	}
}

// TestOpenBrackets: what is opened 20,000 times and never closed is an error at once.
func TestOpenBrackets(t *testing.T) {
	for _, open := range []string{"(", "[", "f(", "(SELECT ", "CASE ", "CASE WHEN ", "a[", "ARRAY[", "NOT ", "-", "+", "EXISTS (", "CAST(", "x IN (", "x = ANY (SELECT ", "f(x) OVER (", "SELECT ", "/*", "{", "INTERVAL "} {
		if _, err := Parse(NewSource("open", "SELECT "+strings.Repeat(open, 20_000))); err == nil {
			t.Errorf("%s is no error", open)
		}
	}
}

// TestChains: operators side by side may be many, and far too many are an error.
func TestChains(t *testing.T) {
	for name, parts := range map[string][2]string{
		"or":     {"SELECT a", " OR a = 1"},
		"plus":   {"SELECT a", " + a"},
		"concat": {"SELECT a", " || a"},
		"union":  {"SELECT 1", " UNION ALL SELECT 1"},
		"join":   {"SELECT * FROM t", " CROSS JOIN t"},
	} {
		t.Run(name, func(t *testing.T) {
			long := mustParse(t, parts[0]+strings.Repeat(parts[1], maxChain-1))
			text := Print(long[0])
			if again := mustParse(t, text); Print(again[0]) != text {
				t.Error("a long chain prints in another way when it is read again")
			}
			if _, err := Parse(NewSource("", parts[0]+strings.Repeat(parts[1], 10*maxChain))); err == nil {
				t.Error("a chain ten times too long is no error")
			}
		})
	}
	wide := mustParse(t, "SELECT a IN ("+strings.Repeat("1, ", 100_000)+"1)")
	in := wide[0].(*QueryStmt).Query.Body.(*Select).Items[0].Expr.(*In)
	if len(in.List) != 100_001 {
		t.Errorf("the list has %d items", len(in.List))
	}
}

// TestManyErrors: a text that is no SQL at all gives a bearable number of errors.
func TestManyErrors(t *testing.T) {
	_, err := Parse(NewSource("", strings.Repeat("x;", 20_000)))
	var list ErrorList
	if !errors.As(err, &list) || len(list) != maxErrors {
		t.Errorf("gives %d errors", len(list))
	}
}
