package sql

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
)

// changes makes texts of a batch.
func changes(n int, cols []arrow.Array, kinds []catalog.RowKind, typ func(int) catalog.Type) []change {
	out := make([]change, n)
	for i := range out {
		if kinds != nil {
			out[i].kind = kinds[i]
		}
		for c, a := range cols {
			out[i].cells = append(out[i].cells, cell(a, i, typ(c), false))
		}
	}
	return out
}

// cell writes one value as the format says. inside: within an array, map or row.
func cell(a arrow.Array, i int, t catalog.Type, inside bool) string {
	if a.IsNull(i) {
		return "NULL"
	}
	switch a := a.(type) {
	case *array.Boolean:
		return strconv.FormatBool(a.Value(i))
	case *array.Float32:
		return float(float64(a.Value(i)), 32)
	case *array.Float64:
		return float(a.Value(i), 64)
	case *array.Decimal128:
		return decimal(a.Value(i).BigInt().String(), t.Scale)
	case *array.String:
		if s := a.Value(i); inside || mistakable(s) {
			return quote(s)
		}
		return strings.Clone(a.Value(i))
	case *array.Binary:
		return fmt.Sprintf("x'%x'", a.Value(i))
	case *array.Date32:
		return time.Unix(int64(a.Value(i))*86400, 0).UTC().Format(time.DateOnly)
	case *array.Time64:
		return time.UnixMicro(int64(a.Value(i))).UTC().Format("15:04:05.999999")
	case *array.Timestamp:
		s := time.UnixMicro(int64(a.Value(i))).UTC().Format("2006-01-02 15:04:05.999999")
		if t.Kind == catalog.KindTimestampLTZ {
			s += "Z"
		}
		return s
	case *array.Duration:
		return time.Duration(int64(a.Value(i)) * 1000).String()
	case *array.MonthInterval:
		return fmt.Sprintf("%d months", a.Value(i))
	case *array.Map:
		from, to := a.ValueOffsets(i)
		var s []string
		for k := int(from); k < int(to); k++ {
			s = append(s, cell(a.Keys(), k, *t.Key, true)+": "+cell(a.Items(), k, *t.Elem, true))
		}
		return "{" + strings.Join(s, ", ") + "}"
	case *array.List:
		from, to := a.ValueOffsets(i)
		var s []string
		for k := int(from); k < int(to); k++ {
			s = append(s, cell(a.ListValues(), k, *t.Elem, true))
		}
		return "[" + strings.Join(s, ", ") + "]"
	case *array.Struct:
		var s []string
		for k, f := range t.Fields {
			s = append(s, cell(a.Field(k), i, f.Type, true))
		}
		return "(" + strings.Join(s, ", ") + ")"
	}
	return a.ValueStr(i)
}

// float writes a number as SQL's readers know it: 1.5, 2, -0, NaN, Infinity.
func float(f float64, bits int) string {
	if math.IsInf(f, 0) {
		return strings.Replace(strconv.FormatFloat(f, 'g', -1, 64), "Inf", "Infinity", 1)[boolInt(f > 0):]
	}
	if exp := math.Abs(f); f == 0 || exp >= 1e-6 && exp < 1e15 {
		return strconv.FormatFloat(f, 'f', -1, bits)
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// decimal puts the point into the digits of an unscaled number.
func decimal(digits string, scale int) string {
	sign := ""
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		sign, digits = "-", rest
	}
	if scale == 0 {
		return sign + digits
	}
	for len(digits) <= scale {
		digits = "0" + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

// mistakable says that a text can't stand in a row as it is.
func mistakable(s string) bool {
	return s == "" || s == "NULL" || strings.TrimSpace(s) != s || strings.ContainsAny(s, "|\n\r\t'")
}

var quoting = strings.NewReplacer("'", "''", "\n", `\n`, "\r", `\r`, "\t", `\t`)

func quote(s string) string { return "'" + quoting.Replace(s) + "'" }

// line joins the cells of a row.
func line(cells []string) string { return strings.Join(cells, " | ") }

// normal brings an expected line into the form of line: the cells without the
// blanks around them.
func normal(s string) string {
	var cells []string
	from, quoted := 0, false
	for i := range len(s) {
		switch s[i] {
		case '\'':
			quoted = !quoted
		case '|':
			if !quoted {
				cells = append(cells, strings.TrimSpace(s[from:i]))
				from = i + 1
			}
		}
	}
	return line(append(cells, strings.TrimSpace(s[from:])))
}
