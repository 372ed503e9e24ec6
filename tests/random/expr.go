package random

import (
	"math/rand/v2"
	"strconv"
)

// exact64 is the largest number up to which doubles hold all integers: whatever
// is computed with numbers stays below, so that neither side rounds or overflows.
const exact64 = 1 << 53

// exprs makes random expressions over columns.
type exprs struct {
	*rand.Rand
	cols []column
}

func (g exprs) pick(list ...string) string { return list[g.IntN(len(list))] }

// columns gives the columns of a kind.
func (g exprs) columns(k kind) []column {
	var out []column
	for _, c := range g.cols {
		if c.kind == k {
			out = append(out, c)
		}
	}
	return out
}

// expr makes an expression of a kind.
func (g exprs) expr(k kind, depth int) (pair, value) {
	switch k {
	case integer:
		return g.integer(depth)
	case double:
		return g.double(depth)
	case text:
		return g.text(depth), value{kind: text}
	case boolean:
		return g.boolean(depth), value{kind: boolean}
	}
	return g.time()
}

// leaf is a column of the kind, if there is one and chance wants it.
func (g exprs) leaf(k kind) (pair, value, bool) {
	cols := g.columns(k)
	if len(cols) == 0 || g.IntN(8) == 0 {
		return pair{}, value{}, false
	}
	c := cols[g.IntN(len(cols))]
	return alike(c.name), c.value, true
}

func (g exprs) number() (pair, value) {
	n := []int64{0, 1, 2, 7, -3, 100}[g.IntN(6)]
	return alike("(" + strconv.FormatInt(n, 10) + ")"), value{kind: integer, most: 100, narrow: true}
}

// small says whether a result of arithmetic has room.
func small(v value) bool {
	if v.narrow {
		return v.most < 1<<31
	}
	return v.most <= exact64
}

func (g exprs) integer(depth int) (pair, value) {
	if depth <= 0 {
		if p, v, ok := g.leaf(integer); ok {
			return p, v
		}
		return g.number()
	}
	d := depth - 1
	x, vx := g.integer(d)
	y, vy := g.integer(d)
	out := value{kind: integer, most: max(vx.most, vy.most), narrow: vx.narrow && vy.narrow}
	var p pair
	switch g.IntN(16) {
	case 0, 1:
		p, out.most = format("(%s "+g.pick("+", "-")+" %s)", x, y), vx.most+vy.most
	case 2:
		p, out.most = format("(%s * %s)", x, y), vx.most*vy.most
	case 3:
		p, out.most = pair{"(" + x.ours + " DIV " + y.ours + ")", "(" + x.theirs + " / " + y.theirs + ")"}, vx.most
	case 4:
		p, out.most = format("(%s %% %s)", x, y), vx.most
		if vy.most > vx.most {
			out.narrow = false
		}
	case 5:
		p, out.most, out.narrow = format("ABS(%s)", x), vx.most, vx.narrow
	case 6:
		return format("COALESCE(%s, %s)", x, y), out
	case 7:
		return format("NULLIF(%s, %s)", x, y), vx
	case 8:
		return format("CASE WHEN %s THEN %s ELSE %s END", g.boolean(d), x, y), out
	case 9:
		z, vz := g.integer(d)
		vz.most, vz.narrow = max(vx.most, vz.most), vx.narrow && vz.narrow
		return format("CASE %s WHEN %s THEN %s WHEN 7 THEN %s END", y, z, x, z), vz
	case 10:
		return format("LENGTH(%s)", g.text(d)), value{kind: integer, most: 1000, narrow: true}
	case 11:
		return pair{"GREATEST(" + x.ours + ", " + y.ours + ")", "MAX(" + x.theirs + ", " + y.theirs + ")"}, out
	case 12:
		return pair{"LEAST(" + x.ours + ", " + y.ours + ")", "MIN(" + x.theirs + ", " + y.theirs + ")"}, out
	case 13:
		b := g.boolean(d)
		return pair{"IF(" + b.ours + ", " + x.ours + ", " + y.ours + ")", "IIF(" + b.theirs + ", " + x.theirs + ", " + y.theirs + ")"}, out
	case 14:
		return g.field()
	default:
		return format("INSTR(%s, %s)", g.text(d), g.text(d)), value{kind: integer, most: 1000, narrow: true}
	}
	if !small(vx) || !small(vy) || !small(out) {
		return g.number()
	}
	return p, out
}

func (g exprs) double(depth int) (pair, value) {
	if depth <= 0 {
		if p, v, ok := g.leaf(double); ok {
			return p, v
		}
		return alike(g.pick("0.25e0", "1.5e0", "-2e0")), value{kind: double, most: 2, exact: true}
	}
	d := depth - 1
	switch g.IntN(7) {
	case 5:
		x, vx := g.double(d)
		if !vx.exact {
			return g.double(0)
		}
		return format(g.pick("FLOOR", "CEIL", "ROUND")+"(%s)", x), value{kind: double, most: vx.most + 1, exact: true}
	case 6:
		x, vx := g.double(d)
		return format(g.pick("ABS(%s)", "(- %s)"), x), vx
	case 0:
		x, vx := g.double(d)
		y, vy := g.double(d)
		out := value{kind: double, most: vx.most + vy.most, exact: vx.exact && vy.exact}
		if out.most > 1<<40 {
			return g.double(0)
		}
		return format("(%s "+g.pick("+", "-")+" %s)", x, y), out
	case 1:
		// Division of integers gives a double here.
		x, vx := g.integer(d)
		y, vy := g.integer(d)
		if !small(vx) || !small(vy) {
			return g.double(0)
		}
		return pair{"(" + x.ours + " / " + y.ours + ")", "(CAST(" + x.theirs + " AS REAL) / " + y.theirs + ")"}, value{kind: double, most: vx.most}
	case 2:
		x, vx := g.integer(d)
		if !small(vx) {
			return g.double(0)
		}
		return pair{"CAST(" + x.ours + " AS DOUBLE)", "CAST(" + x.theirs + " AS REAL)"}, value{kind: double, most: vx.most, exact: true}
	case 3:
		x, vx := g.double(d)
		y, vy := g.double(d)
		return format("COALESCE(%s, %s)", x, y), value{kind: double, most: max(vx.most, vy.most), exact: vx.exact && vy.exact}
	default:
		x, vx := g.double(d)
		y, vy := g.double(d)
		return format("CASE WHEN %s THEN %s ELSE %s END", g.boolean(d), x, y), value{kind: double, most: max(vx.most, vy.most), exact: vx.exact && vy.exact}
	}
}

func (g exprs) text(depth int) pair {
	if depth <= 0 {
		if p, _, ok := g.leaf(text); ok {
			return p
		}
		return alike(g.pick("'a'", "''", "'b%'", "'xaé'", "'it''s'"))
	}
	d := depth - 1
	switch g.IntN(9) {
	case 0:
		return format("(%s || %s)", g.text(0), g.text(d))
	case 1:
		return format("SUBSTR(%s, "+g.pick("1", "2", "4")+", "+g.pick("0", "1", "3")+")", g.text(d))
	case 2:
		return format("REPLACE(%s, "+g.pick("'a'", "'ab'", "' '", "'é'")+", %s)", g.text(0), alike(g.pick("''", "'Q'", "'aa'")))
	case 3:
		return format(g.pick("TRIM", "LTRIM", "RTRIM")+"(%s)", g.text(d))
	case 4:
		return format("COALESCE(%s, %s)", g.text(d), g.text(d))
	case 5:
		return format("CASE WHEN %s THEN %s ELSE %s END", g.boolean(d), g.text(d), g.text(d))
	case 6:
		x, _ := g.integer(d)
		return pair{"CAST(" + x.ours + " AS STRING)", "CAST(" + x.theirs + " AS TEXT)"}
	case 7:
		// SQLite knows the case of ASCII letters only.
		return format(g.pick("UPPER", "LOWER")+"(%s)", alike(g.pick("'aBc'", "'Zz'")))
	default:
		return format("NULLIF(%s, %s)", g.text(d), g.text(d))
	}
}

func (g exprs) boolean(depth int) pair {
	d := max(depth-1, 0)
	cmp := g.pick("=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
	switch g.IntN(13) {
	case 0, 1:
		x, _ := g.integer(d)
		y, _ := g.integer(d)
		return format("(%s "+cmp+" %s)", x, y)
	case 2:
		return format("(%s "+cmp+" %s)", g.text(d), g.text(d))
	case 3:
		if depth > 0 {
			return format("(%s "+g.pick("AND", "OR")+" %s)", g.boolean(d), g.boolean(d))
		}
		x, _ := g.integer(0)
		return format("(%s IS NULL)", x)
	case 4:
		if depth > 0 {
			return format("(NOT %s)", g.boolean(d))
		}
		return format("(%s IS NOT NULL)", g.text(0))
	case 5:
		x, _ := g.double(d)
		y, _ := g.double(d)
		return format("(%s "+cmp+" %s)", x, y)
	case 6:
		x, _ := g.integer(d)
		y, _ := g.integer(0)
		return format("(%s "+g.pick("IN", "NOT IN")+" (1, %s, 7, 12, -3, 4, 5, 6, 8, 9))", x, y)
	case 7:
		return format("(%s "+g.pick("IN", "NOT IN")+" ('a', %s, 'ab'))", g.text(d), g.text(0))
	case 8:
		return format("(%s "+g.pick("LIKE", "NOT LIKE")+" "+g.pick("'a%%'", "'%%b'", "'%%a%%'", "'_'", "'a_%%'", "'%%a%%b%%'", "''", "'é%%'", "'%%'")+")", g.text(d))
	case 9:
		x, _ := g.integer(d)
		y, _ := g.integer(d)
		z, _ := g.integer(d)
		return format("(%s "+g.pick("BETWEEN", "NOT BETWEEN")+" %s AND %s)", x, y, z)
	case 10:
		if p, _, ok := g.leaf(boolean); ok {
			return format("(%s IS "+g.pick("TRUE", "NOT TRUE", "FALSE", "NOT FALSE")+")", p)
		}
		return alike(g.pick("TRUE", "FALSE"))
	case 11:
		if cols := g.columns(timestamp); len(cols) > 1 {
			return format("(%s "+cmp+" %s)", alike(cols[0].name), alike(cols[1].name))
		}
		fallthrough
	default:
		if p, _, ok := g.leaf(boolean); ok {
			return p
		}
		return alike("(1 = 1)")
	}
}

// time is a column, perhaps moved by an interval.
func (g exprs) time() (pair, value) {
	cols := g.columns(timestamp)
	c := cols[g.IntN(len(cols))]
	if g.IntN(3) > 0 {
		return alike(c.name), value{kind: timestamp}
	}
	shift := []struct {
		interval string
		ms       int64
	}{{"INTERVAL '1' SECOND", 1000}, {"INTERVAL '90' MINUTE", 5_400_000}, {"INTERVAL '400' DAY", 34_560_000_000}}[g.IntN(3)]
	op := g.pick("+", "-")
	return pair{
		"(" + c.name + " " + op + " " + shift.interval + ")",
		"(" + c.name + " " + op + " " + strconv.FormatInt(shift.ms, 10) + ")",
	}, value{kind: timestamp}
}

// field is a part of a time. SQLite wants whole seconds, rounded down.
func (g exprs) field() (pair, value) {
	v := value{kind: integer, most: 10_000}
	if len(g.columns(timestamp)) == 0 {
		return g.number()
	}
	t, _ := g.time()
	f := []pair{{"YEAR", "%Y"}, {"MONTH", "%m"}, {"DAY", "%d"}, {"HOUR", "%H"}, {"MINUTE", "%M"}, {"SECOND", "%S"}, {"DAYOFYEAR", "%j"}}[g.IntN(7)]
	seconds := "(" + t.theirs + " - ((" + t.theirs + " % 1000) + 1000) % 1000) / 1000"
	p := pair{f.ours + "(" + t.ours + ")", "CAST(STRFTIME('" + f.theirs + "', " + seconds + ", 'unixepoch') AS INTEGER)"}
	if g.IntN(2) == 0 && f.ours != "DAYOFYEAR" {
		p.ours = "EXTRACT(" + f.ours + " FROM " + t.ours + ")"
	}
	return p, v
}
