package random

import "fmt"

// kind is the kind of an expression's value, as far as both sides agree on it.
type kind int

const (
	integer kind = iota
	double
	text
	boolean
	timestamp // ours TIMESTAMP(3), SQLite's an integer of milliseconds
)

// value is what is known of an expression or a column.
type value struct {
	kind kind
	// most bounds the absolute value of a number.
	most float64
	// narrow: an integer that is INT here, not BIGINT.
	narrow bool
	// exact: a double that is a multiple of 1/4, so that sums don't round.
	exact bool
}

// pair is a text for us and one for SQLite.
type pair struct{ ours, theirs string }

func alike(s string) pair { return pair{s, s} }

// format is Sprintf on both sides; the verbs are %s.
func format(f string, args ...pair) pair {
	x, y := make([]any, len(args)), make([]any, len(args))
	for i, a := range args {
		x[i], y[i] = a.ours, a.theirs
	}
	return pair{fmt.Sprintf(f, x...), fmt.Sprintf(f, y...)}
}

// join puts pairs together.
func join(list []pair, sep string) pair {
	var out pair
	for i, p := range list {
		if i > 0 {
			out = pair{out.ours + sep, out.theirs + sep}
		}
		out = pair{out.ours + p.ours, out.theirs + p.theirs}
	}
	return out
}

// column is a column of a relation.
type column struct {
	name string
	value
}

// relation is a query, or the base table.
type relation struct {
	text pair // what stands in FROM, or in parentheses there
	cols []column
	// rows bounds the number of rows.
	rows float64
	// base: the table of rows itself, with its time attribute.
	base bool
}

// base is the table of random rows.
var base = relation{
	text: alike("r"), rows: maxRows, base: true,
	cols: []column{
		{"id", value{kind: integer, most: maxRows}},
		{"a", value{kind: integer, most: 12}},
		{"b", value{kind: integer, most: 1000}},
		{"n", value{kind: integer, most: 1 << 30, narrow: true}},
		{"x", value{kind: integer, most: 1 << 63}},
		{"d", value{kind: double, most: 1 << 20, exact: true}},
		{"s", value{kind: text}},
		{"k", value{kind: text}},
		{"f", value{kind: boolean}},
		{"ts", value{kind: timestamp}},
	},
}

// table is the base table as a static one.
var table = relation{text: alike("st"), rows: maxRows, base: true, cols: base.cols}

// maxRows is the largest number of rows of the base table.
const maxRows = 60

// declaration is the base table here; its watermark is so far behind that no row
// is late.
const declaration = `CREATE SOURCE r (
  id BIGINT NOT NULL, a BIGINT, b BIGINT, n INT, x BIGINT, d DOUBLE, s STRING, k STRING, f BOOLEAN, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '1000' DAY
) WITH ('connector' = 'memory', 'splits' = '%d', 'name' = '%s');
`

// declarationTables are a static table and one to look keys up in, here, with the rows
// of the base table.
const declarationTables = `CREATE SOURCE st (
  id BIGINT NOT NULL, a BIGINT, b BIGINT, n INT, x BIGINT, d DOUBLE, s STRING, k STRING, f BOOLEAN, ts TIMESTAMP(3)
) WITH ('connector' = 'memory', 'splits' = '%d', 'name' = 'r', 'static' = 'true');
CREATE SOURCE lk (
  id BIGINT NOT NULL, a BIGINT, b BIGINT, n INT, x BIGINT, d DOUBLE, s STRING, k STRING, f BOOLEAN, ts TIMESTAMP(3)
) WITH ('connector' = 'memory', 'splits' = '%d', 'name' = 'r'%s);
`

// declarationVersions is a table whose rows have each a time of their own, without a
// key and with two; what has no key is no version.
const declarationVersions = `CREATE SOURCE v%[1]s (
  id BIGINT NOT NULL, a BIGINT, b BIGINT, n INT, x BIGINT, d DOUBLE, s STRING, k STRING, f BOOLEAN, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '1000' DAY%[2]s
) WITH ('connector' = 'memory', 'splits' = '%[3]d', 'name' = 'v', 'on-error' = 'skip');
`

// declarationSQLite is the base table there.
const declarationSQLite = "CREATE TABLE r (id INTEGER, a INTEGER, b INTEGER, n INTEGER, x INTEGER, d REAL, s TEXT, k TEXT, f INTEGER, ts INTEGER)"
