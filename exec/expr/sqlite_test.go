package expr

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	_ "modernc.org/sqlite"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
)

// sqlGen makes random expressions that mean the same here and in SQLite. Each is
// a pair of texts, ours and SQLite's.
type sqlGen struct{ *rand.Rand }

type pair struct{ ours, theirs string }

func (g sqlGen) format(format string, args ...pair) pair {
	x, y := make([]any, len(args)), make([]any, len(args))
	for i, a := range args {
		x[i], y[i] = a.ours, a.theirs
	}
	return pair{fmt.Sprintf(format, x...), fmt.Sprintf(format, y...)}
}

func alike(s string) pair { return pair{s, s} }

func (g sqlGen) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g sqlGen) integer(depth int) pair {
	if depth == 0 {
		return alike(g.pick("a", "b", "c", "0", "1", "7", "-3", "100"))
	}
	d := depth - 1
	switch g.IntN(12) {
	case 0, 1:
		return g.format("(%s "+g.pick("+", "-", "*")+" %s)", g.integer(d), g.integer(d))
	case 2:
		x, y := g.integer(d), g.integer(d)
		return pair{"(" + x.ours + " DIV " + y.ours + ")", "(" + x.theirs + " / " + y.theirs + ")"}
	case 3:
		return g.format("(%s %% %s)", g.integer(d), g.integer(d))
	case 4:
		return g.format("ABS(%s)", g.integer(d))
	case 5:
		return g.format("COALESCE(%s, %s, %s)", g.integer(d), g.integer(d), g.integer(d))
	case 6:
		return g.format("NULLIF(%s, %s)", g.integer(d), g.integer(d))
	case 7:
		return g.format("CASE WHEN %s THEN %s WHEN %s THEN %s ELSE %s END", g.boolean(d), g.integer(d), g.boolean(d), g.integer(d), g.integer(d))
	case 8:
		return g.format("CASE %s WHEN %s THEN %s END", g.integer(d), g.integer(d), g.integer(d))
	case 9:
		return g.format("LENGTH(%s)", g.text(d))
	case 10:
		return g.format("INSTR(%s, %s)", g.text(d), g.text(d))
	default:
		return g.format("(- %s)", g.integer(d))
	}
}

func (g sqlGen) text(depth int) pair {
	if depth == 0 {
		return alike(g.pick("s", "t", "'a'", "''", "'b%'", "'xaé'"))
	}
	d := depth - 1
	switch g.IntN(9) {
	case 0:
		return g.format("(%s || %s)", g.text(d), g.text(d))
	case 1:
		return g.format("SUBSTR(%s, "+g.pick("1", "2", "4")+", "+g.pick("0", "1", "3")+")", g.text(d))
	case 2:
		// SQLite's REPLACE of an empty text does not look at the third argument.
		return g.format("REPLACE(%s, "+g.pick("'a'", "'ab'", "' '", "'é'")+", %s)", g.text(d), g.text(d))
	case 3:
		return g.format(g.pick("TRIM", "LTRIM", "RTRIM")+"(%s)", g.text(d))
	case 4:
		return g.format("LTRIM(%s, 'ab')", g.text(d))
	case 5:
		return g.format("COALESCE(%s, %s)", g.text(d), g.text(d))
	case 6:
		return g.format("CASE WHEN %s THEN %s ELSE %s END", g.boolean(d), g.text(d), g.text(d))
	case 7:
		x := g.integer(d)
		return pair{"CAST(" + x.ours + " AS STRING)", "CAST(" + x.theirs + " AS TEXT)"}
	default:
		return g.format("NULLIF(%s, %s)", g.text(d), g.text(d))
	}
}

func (g sqlGen) boolean(depth int) pair {
	d := max(depth-1, 0)
	cmp := g.pick("=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
	switch g.IntN(11) {
	case 0, 1:
		return g.format("(%s "+cmp+" %s)", g.integer(d), g.integer(d))
	case 2:
		return g.format("(%s "+cmp+" %s)", g.text(d), g.text(d))
	case 3:
		if depth > 0 {
			return g.format("(%s "+g.pick("AND", "OR")+" %s)", g.boolean(d), g.boolean(d))
		}
		return g.format("(%s IS NULL)", g.integer(0))
	case 4:
		if depth > 0 {
			return g.format("(%s AND %s OR %s)", g.boolean(d), g.boolean(d), g.boolean(d))
		}
		return g.format("(%s IS NOT NULL)", g.text(0))
	case 5:
		return g.format("(NOT (%s = %s))", g.integer(d), g.integer(d))
	case 6:
		return g.format("(%s "+g.pick("IN", "NOT IN")+" (1, %s, 7, 12, -3, 4, 5, 6, 8, 9))", g.integer(d), g.integer(0))
	case 7:
		return g.format("(%s "+g.pick("IN", "NOT IN")+" ('a', %s, 'ab'))", g.text(d), g.text(0))
	case 8:
		return g.format("(%s "+g.pick("LIKE", "NOT LIKE")+" "+g.pick("'a%%'", "'%%b'", "'%%a%%'", "'_'", "'a_%%'", "'%%a%%b%%'", "'_%%a'", "''", "'é%%'")+")", g.text(d))
	case 9:
		return g.format("(%s BETWEEN %s AND %s)", g.integer(d), g.integer(d), g.integer(d))
	default:
		return g.format("(%s IS "+g.pick("TRUE", "NOT TRUE", "FALSE", "NOT FALSE")+")", g.format("(%s < %s)", g.integer(d), g.integer(d)))
	}
}

// TestAgainstSQLite compares random expressions over random rows with SQLite.
func TestAgainstSQLite(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec := func(q string, args ...any) {
		t.Helper()
		if _, err := db.Exec(q, args...); err != nil {
			t.Fatal(q, err)
		}
	}
	exec("PRAGMA case_sensitive_like = ON")
	exec("CREATE TABLE r (n INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c INTEGER, s TEXT, t TEXT)")
	g := sqlGen{rand.New(rand.NewPCG(11, 12))}
	const n = 150
	fields := []catalog.Field{{Name: "a", Type: catalog.BigInt}, {Name: "b", Type: catalog.BigInt}, {Name: "c", Type: catalog.BigInt}, {Name: "s", Type: catalog.String}, {Name: "t", Type: catalog.String}}
	values := make([][]any, len(fields))
	for i := range n {
		row := []any{i}
		for k, f := range fields {
			var v any
			switch {
			case g.IntN(6) == 0:
			case f.Type.Kind == catalog.KindBigInt:
				v = []int64{g.Int64N(20) - 10, g.Int64N(2000) - 1000, 0, 1}[g.IntN(4)]
			default:
				var b strings.Builder
				for range g.IntN(6) {
					b.WriteString(g.pick("a", "b", "A", " ", "é", "%", "_", "日"))
				}
				v = b.String()
			}
			values[k] = append(values[k], v)
			row = append(row, v)
		}
		exec("INSERT INTO r VALUES (?, ?, ?, ?, ?, ?)", row...)
	}
	cols := make([]arrow.Array, len(fields))
	for k, f := range fields {
		cols[k] = mustColumn(t, f.Type, values[k]...)
	}
	scope := scopeOf(fields...)
	compared := 0
	for range 1500 {
		depth := g.IntN(4)
		p := []func(int) pair{g.integer, g.text, g.boolean}[g.IntN(3)](depth)
		e, err := scope.Parse(p.ours)
		if err != nil {
			t.Fatal(err)
		}
		prog, err := Compile([]catalog.Expr{e}, Options{})
		if err != nil {
			t.Fatal(p.ours, err)
		}
		ev := prog.NewEvaluator(testAlloc(t))
		out, errs, err := ev.Eval(testNow, cols, n, nil)
		if err != nil {
			t.Fatal(p.ours, err)
		}
		failed := map[int]bool{} // numbers beyond INT or BIGINT, where SQLite goes on
		for _, e := range errs {
			failed[int(e.Row)] = true
		}
		rows, err := db.Query("SELECT " + p.theirs + " FROM r ORDER BY n")
		if err != nil {
			t.Fatal(p.theirs, err)
		}
		for i := 0; rows.Next(); i++ {
			var want any
			if err := rows.Scan(&want); err != nil {
				t.Fatal(err)
			}
			if failed[i] {
				continue
			}
			got := column.Value(out[0], i, e.Type())
			if b, ok := got.(bool); ok {
				got = int64(0)
				if b {
					got = int64(1)
				}
			}
			compared++
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s\nover %v %v %v %q %q = %v, SQLite says %v", p.ours, values[0][i], values[1][i], values[2][i], values[3][i], values[4][i], got, want)
				break
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		release(out)
		// The same rows by a selection, compacted and in place.
		if e.Type().Kind == catalog.KindBoolean {
			pass, _, err := ev.Filter(testNow, cols, n, nil)
			if err != nil {
				t.Fatal(err)
			}
			pass = append([]int32{}, pass...)
			var ids []string
			got := map[int32]bool{}
			for _, r := range pass {
				got[r] = true
			}
			q, err := db.Query("SELECT n FROM r WHERE " + p.theirs)
			if err != nil {
				t.Fatal(err)
			}
			for q.Next() {
				var r int32
				if err := q.Scan(&r); err != nil {
					t.Fatal(err)
				}
				if !failed[int(r)] && !got[r] {
					ids = append(ids, fmt.Sprint(r))
				}
				delete(got, r)
			}
			q.Close()
			if len(ids) > 0 || len(got) > 0 {
				t.Errorf("WHERE %s: SQLite alone has %v, we alone %v", p.ours, ids, got)
			}
		}
		ev.Close()
		if t.Failed() {
			return
		}
	}
	if compared < 100_000 {
		t.Errorf("only %d values were compared", compared)
	}
}
