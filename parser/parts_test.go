package parser

import (
	"slices"
	"testing"
)

// TestParts: what Print gives for a part of a statement is that part of the statement's
// print.
func TestParts(t *testing.T) {
	for text, parse := range map[string]func(*Source) (Node, error){
		"a + b":                         func(s *Source) (Node, error) { return ParseExpr(s) },
		"ROW<a INT, b ARRAY<STRING>>":   func(s *Source) (Node, error) { return ParseType(s) },
		"SELECT a FROM t ORDER BY a":    func(s *Source) (Node, error) { return ParseQuery(s) },
		"VALUES (1)":                    func(s *Source) (Node, error) { return ParseQuery(s) },
		"SELECT 1 UNION ALL (SELECT 2)": func(s *Source) (Node, error) { return ParseQuery(s) },
	} {
		n, err := parse(NewSource("", text))
		if err != nil {
			t.Error(format(err))
			continue
		}
		again, err := parse(NewSource("", Print(n)))
		if err != nil || shapeOf(again) != shapeOf(n) {
			t.Errorf("%s prints as %s (%v)", text, Print(n), err)
		}
		for _, more := range []string{text + " )", text + " 1", text + "; x", ""} {
			if _, err := parse(NewSource("", more)); err == nil {
				t.Errorf("%q is no error", more)
			}
		}
	}

	text := `CREATE TABLE t (a INT NOT NULL, WATERMARK FOR a AS b) AS SELECT x FROM t`
	c := mustParse(t, `CREATE TABLE t (a INT NOT NULL, WATERMARK FOR a AS b) WITH ('a' = 'b')`)[0].(*CreateTable)
	sel := mustParse(t, `SELECT a AS b, SUM(x) OVER (PARTITION BY c ROWS 1 PRECEDING) FROM t u JOIN (SELECT 1) v ON TRUE
		GROUP BY ROLLUP (a, b) EMIT CHANGES UNION SELECT 2 ORDER BY a DESC`)[0].(*QueryStmt).Query
	left := sel.Body.(*SetOp).Left.(*Select)
	over := left.Items[1].Expr.(*Call).Over
	for want, n := range map[string]Node{
		"t":                                   c.Name,
		"a":                                   &c.Columns[0].Name,
		"INT":                                 c.Columns[0].Type,
		"a INT NOT NULL":                      c.Columns[0],
		"WATERMARK FOR a AS b":                c.Watermark,
		"a AS b":                              left.Items[0],
		"ROLLUP (a, b)":                       left.GroupBy[0],
		"EMIT CHANGES":                        left.Output,
		"a DESC":                              sel.OrderBy[0],
		"ROWS 1 PRECEDING":                    over.Spec.Frame,
		"t AS u JOIN (SELECT 1) AS v ON TRUE": left.From[0],
		"(PARTITION BY c ROWS 1 PRECEDING)":   over.Spec,
		"SELECT 2":                            sel.Body.(*SetOp).Right,
		"SUM(x) OVER (PARTITION BY c ROWS 1 PRECEDING)": left.Items[1].Expr,
	} {
		if got := Print(n); got != want {
			t.Errorf("%T prints as %s, not %s", n, got, want)
		}
	}
	if _, err := Parse(NewSource("", text)); err == nil {
		t.Error("a table AS SELECT has columns of its own")
	}
}

func TestKeywords(t *testing.T) {
	list := Keywords()
	if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
		t.Error("not sorted, or a word is there twice")
	}
	for _, w := range list {
		if toks := tokenize(NewSource("", w)); len(toks) != 2 || toks[0].upper != w {
			t.Errorf("%q is no word in upper case", w)
		}
	}
	for _, w := range []string{"SELECT", "TUMBLE", "WATERMARK", "BIGINT", "EMIT", "MINUTE"} {
		if !slices.Contains(list, w) {
			t.Errorf("%s is missing", w)
		}
	}
}
