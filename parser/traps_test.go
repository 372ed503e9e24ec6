package parser

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func mustExpr(t testing.TB, text string) Expr {
	t.Helper()
	e, err := ParseExpr(NewSource("", text))
	if err != nil {
		t.Fatal(format(err))
	}
	return e
}

func mustParse(t testing.TB, text string) []Stmt {
	t.Helper()
	stmts, err := Parse(NewSource("", text))
	if err != nil {
		t.Fatal(format(err))
	}
	return stmts
}

// Every text here is one that TiDB's parser, or MySQL's grammar, would take without a
// word for something else than it means in this dialect.

func TestJoinWordsAreNoAliases(t *testing.T) {
	for word, kind := range map[string]JoinKind{
		"FULL": JoinFull, "SEMI": JoinSemi, "ANTI": JoinAnti, "ASOF": JoinAsof, "LEFT": JoinLeft, "full": JoinFull,
	} {
		stmts := mustParse(t, "SELECT * FROM a "+word+" JOIN b ON a.x = b.x")
		join, ok := stmts[0].(*QueryStmt).Query.Body.(*Select).From[0].(*Join)
		if !ok || join.Kind != kind {
			t.Errorf("%s: %s", word, shapeOf(stmts))
			continue
		}
		if alias := join.Left.(*TableName).Alias; alias != nil {
			t.Errorf("%s is the alias %s", word, alias.Name.Text)
		}
	}
	// Every keyword that may follow a table or an expression is refused as an alias
	// without AS, and the same word is an alias with AS if it is not reserved.
	for word := range clauseWords {
		if _, err := Parse(NewSource("", "SELECT * FROM a "+word)); err == nil {
			t.Errorf("FROM a %s has an alias", word)
		}
		if stmts, err := Parse(NewSource("", "SELECT x "+word+" FROM a")); err == nil {
			if sel := stmts[0].(*QueryStmt).Query.Body.(*Select); sel.Items[0].Alias != nil {
				t.Errorf("SELECT x %s has an alias", word)
			}
		}
		mustParse(t, "SELECT x AS "+word+" FROM a AS "+word)
	}
	for word := range reserved {
		if _, err := Parse(NewSource("", "SELECT * FROM a AS "+word)); err == nil {
			t.Errorf("FROM a AS %s has an alias", word)
		}
		mustParse(t, `SELECT x "`+word+`" FROM a "`+word+`"`)
	}
}

func TestTwoHyphensAreAComment(t *testing.T) {
	e := mustExpr(t, "1 --c\n + 2")
	if b, ok := e.(*Binary); !ok || b.Op != Add || b.Right.(*NumberLit).Text != "2" {
		t.Error(shapeOf(e))
	}
	if e, ok := mustExpr(t, "1--2").(*NumberLit); !ok || e.Text != "1" {
		t.Error("1--2 is not 1 and a comment")
	}
	if e, ok := mustExpr(t, "1 - -2").(*Binary); !ok || e.Op != Sub {
		t.Error("1 - -2 is not a subtraction")
	}
}

func TestHashStartsNoComment(t *testing.T) {
	_, err := Parse(NewSource("", "SELECT 1 # + 1\n+ 2"))
	if err == nil || !strings.Contains(err.Error(), "unexpected '#'") {
		t.Errorf("gives %v", err)
	}
}

func TestStringsKeepTheirText(t *testing.T) {
	for text, want := range map[string]string{
		`'\d+'`:           `\d+`,
		`'a\'`:            `a\`,
		`'\\'`:            `\\`,
		`'it''s'`:         `it's`,
		`''''`:            `'`,
		`''`:              ``,
		`'"'`:             `"`,
		"'`'":             "`",
		"'a\nb'":          "a\nb",
		`'-- no comment'`: `-- no comment`,
		`'/* none */'`:    `/* none */`,
		`'#1'`:            `#1`,
		`'%_\%'`:          `%_\%`,
		"'\x00\x1a'":      "\x00\x1a",
	} {
		if e, ok := mustExpr(t, text).(*StringLit); !ok || e.Value != want {
			t.Errorf("%s is %q, not %q", text, e.Value, want)
		}
	}
}

func TestStringsDoNotJoin(t *testing.T) {
	for _, text := range []string{"'a' 'b'", "'a'\n'b'", "f('a' 'b')", "'a' AS 'b'"} {
		if _, err := Parse(NewSource("", "SELECT "+text)); err == nil {
			t.Errorf("%s is no error", text)
		}
	}
}

func TestBlankBeforeParenthesis(t *testing.T) {
	for _, text := range []string{"COUNT (x)", "SUM\n(x)", "MAX /* c */ (x)", "count(x)", "NOW ()", "DATE_ADD (x)", "SUBSTR (x)", "USER (x)"} {
		if _, ok := mustExpr(t, text).(*Call); !ok {
			t.Errorf("%s is no call", text)
		}
	}
}

// TestNamesOfFunctions holds for names that are tokens of their own, or aggregates, or
// window functions, in MySQL: here they are names like all others.
func TestNamesOfFunctions(t *testing.T) {
	for _, name := range strings.Fields(`
		FIRST_VALUE LAST_VALUE LAG LEAD NTH_VALUE ROW_NUMBER RANK NTILE CUME_DIST COUNT SUM AVG MIN MAX STDDEV_POP VAR_SAMP
		JSON_ARRAYAGG_X GROUP_CONCAT BIT_AND APPROX_COUNT_DISTINCT IF IFNULL REPLACE INSERT_X LEFT RIGHT MOD REPEAT TRUNCATE
		CHAR CHARSET COALESCE CURDATE CURTIME DATE DATABASE DAY HOUR MINUTE MONTH SECOND MICROSECOND QUARTER WEEK YEAR FORMAT
		PASSWORD SCHEMA SYSDATE TIME TIMESTAMP USER UTC_DATE WEIGHT_STRING GET_FORMAT ADDDATE SUBDATE DATE_ADD DATE_SUB NOW
		CONVERT_X VALUES_X DEFAULT_X INTERVAL_X NEXTVAL LASTVAL TRIM_X CAST_X ANY_VALUE SOURCE_WATERMARK PROCTIME TUMBLE HOP
		SESSION TUMBLE_START MATCH_NUMBER CLASSIFIER PREV NEXT FIRST LAST GROUPING KEY VALUE ARRAY_AGG LISTAGG JSON_STRING`) {
		e, ok := mustExpr(t, name+"(a, 1)").(*Call)
		if !ok || e.Name.Parts[0].Text != name || len(e.Args) != 2 || e.Over != nil {
			t.Errorf("%s(a, 1) is %s", name, shapeOf(e))
		}
	}
}

func TestTrueIsNoInteger(t *testing.T) {
	for text, want := range map[string]Expr{
		"TRUE": &BoolLit{Value: true}, "false": &BoolLit{}, "1": &NumberLit{Text: "1", Kind: NumberInteger},
	} {
		if e := mustExpr(t, text); shapeOf(e) != shapeOf(want) {
			t.Errorf("%s is %s", text, shapeOf(e))
		}
	}
	if e := mustExpr(t, "TRUE = 1").(*Binary); reflect.TypeOf(e.Left) == reflect.TypeOf(e.Right) {
		t.Error("TRUE = 1 compares two of a kind")
	}
}

// TestNumbersKeepTheirText holds for numbers that a 64-bit integer or a float would
// change.
func TestNumbersKeepTheirText(t *testing.T) {
	for text, kind := range map[string]NumberKind{
		"0": NumberInteger, "007": NumberInteger, "18446744073709551616": NumberInteger,
		strings.Repeat("9", 100): NumberInteger, "1.10": NumberDecimal, ".5": NumberDecimal, "1.": NumberDecimal,
		"0.1000000000000000055511151231257827": NumberDecimal, "1e400": NumberFloat, "1.5E-3": NumberFloat, "1e+3": NumberFloat,
	} {
		if e, ok := mustExpr(t, text).(*NumberLit); !ok || e.Text != text || e.Kind != kind {
			t.Errorf("%s is %s", text, shapeOf(e))
		}
	}
}

// TestDoubleQuotesAreNames holds in every place where a string may stand.
func TestDoubleQuotesAreNames(t *testing.T) {
	for _, text := range []string{`"a"`, "`a`"} {
		if e, ok := mustExpr(t, text).(*ColumnRef); !ok || !e.Parts[0].Quoted || e.Parts[0].Text != "a" {
			t.Errorf("%s is %s", text, shapeOf(e))
		}
	}
	for _, text := range []string{`DATE "2024-01-01"`, `INTERVAL "1" DAY`, `x LIKE y ESCAPE "!"`} {
		if _, err := ParseExpr(NewSource("", text)); err == nil {
			t.Errorf("%s is no error", text)
		}
	}
}

// TestPlaceholdersAreOurs holds for names that look like what stands for a primary in
// the canonical text.
func TestPlaceholdersAreOurs(t *testing.T) {
	e := mustExpr(t, "\"#0\" + `#2`(\"#1\") * \"#99\"")
	const want = `"#0" + "#2"("#1") * "#99"`
	if got := Print(e); got != want {
		t.Errorf("is %s, not %s", got, want)
	}
}

// TestCanonicalText: nothing of the source reaches TiDB's parser, only the words and
// signs that stand here.
func TestCanonicalText(t *testing.T) {
	allowed := regexp.MustCompile(`^(("#\d+"|[-+*=(),]|AND|OR|NOT|IS NULL|LIKE|BETWEEN|IN|CASE|WHEN|THEN|ELSE|END) )*$`)
	for _, text := range corpus(t) {
		stmts, err := Parse(NewSource("", text))
		if err != nil {
			continue
		}
		for _, stmt := range stmts {
			walk(stmt, func(n, _ Node) {
				e, ok := n.(Expr)
				if !ok {
					return
				}
				p, err := newParser(NewSource("", Print(e)))
				if err != nil {
					t.Fatal(err)
				}
				p.writeExpr(false)
				if !allowed.Match(p.canon.text) {
					t.Errorf("%s is handed on as %s", Print(e), p.canon.text)
				}
			})
		}
	}
}

// TestPipes: || joins strings, it is no OR.
func TestPipes(t *testing.T) {
	if e := mustExpr(t, "a || b").(*Binary); e.Op != Concat {
		t.Error(e.Op)
	}
}

// TestUnicodeIsNoKeyword: letters whose upper case is in ASCII make no keyword.
func TestUnicodeIsNoKeyword(t *testing.T) {
	if _, err := Parse(NewSource("", "ſelect 1")); err == nil {
		t.Error("ſelect is SELECT")
	}
	if e, ok := mustExpr(t, "nuıı").(*ColumnRef); !ok {
		t.Errorf("nuıı is %s", shapeOf(e))
	}
}

// TestVersionComments: MySQL runs what stands in /*! */; here it is a comment.
func TestVersionComments(t *testing.T) {
	if e, ok := mustExpr(t, "1 /*!50000 + 1 */ /*T![x] + 1 */").(*NumberLit); !ok {
		t.Error(shapeOf(e))
	}
}

// TestEmit: a clause of ours after a table is no alias, whatever stands before it.
func TestEmit(t *testing.T) {
	for _, from := range []string{"t", "t AS a", "t a", "TUMBLE(t, ts, INTERVAL '1' HOUR)", "(SELECT 1)", "t JOIN u USING (x)", "t WHERE x", "t GROUP BY x", "t HAVING x"} {
		sel := mustParse(t, "SELECT x FROM "+from+" EMIT FINAL LATE DATA TO l")[0].(*QueryStmt).Query.Body.(*Select)
		if sel.Output == nil || sel.Output.Emit == nil || sel.Output.LateTo == nil {
			t.Errorf("FROM %s EMIT ... has no EMIT", from)
		}
	}
}
