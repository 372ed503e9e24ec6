package planner

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// nullLiteral is NULL as a value of type t.
func nullLiteral(t catalog.Type) *catalog.Literal { return &catalog.Literal{T: t} }

func stringLiteral(s string) *catalog.Literal {
	return &catalog.Literal{Value: s, T: catalog.String}
}

func boolLiteral(v bool) *catalog.Literal { return &catalog.Literal{Value: v, T: catalog.Boolean} }

// numberLiteral gives the value of a number: an integer is INT, BIGINT or
// DECIMAL(n, 0), the first that holds it; one with a point is DECIMAL with just
// its digits; one with an exponent is DOUBLE.
func numberLiteral(n *parser.NumberLit, negative bool) (*catalog.Literal, error) {
	text := strings.ReplaceAll(n.Text, "_", "")
	sign := ""
	if negative {
		sign = "-"
	}
	switch n.Kind {
	case parser.NumberInteger:
		if v, err := strconv.ParseInt(sign+text, 10, 64); err == nil {
			t := catalog.BigInt
			if v >= math.MinInt32 && v <= math.MaxInt32 {
				t = catalog.Int
			}
			return &catalog.Literal{Value: v, T: t}, nil
		}
		text += "."
	case parser.NumberFloat:
		v, err := strconv.ParseFloat(sign+text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is beyond the range of DOUBLE", n.Text)
		}
		return &catalog.Literal{Value: v, T: catalog.Double}, nil
	}
	whole, fraction, _ := strings.Cut(text, ".")
	whole = strings.TrimLeft(whole, "0")
	scale := len(fraction)
	precision := max(1, len(whole)+scale, scale)
	if precision > catalog.MaxDecimalPrecision {
		return nil, fmt.Errorf("%s has more than %d digits", n.Text, catalog.MaxDecimalPrecision)
	}
	if whole == "" {
		whole = "0"
	}
	v, err := decimal128.FromString(sign+whole+"."+fraction+"0", catalog.MaxDecimalPrecision, int32(scale))
	if err != nil {
		return nil, fmt.Errorf("%s is not a number: %w", n.Text, err)
	}
	return &catalog.Literal{Value: v, T: catalog.Decimal(precision, scale)}, nil
}

// datetimeLiteral reads DATE '2024-02-29', TIME '12:00:00', TIMESTAMP
// '2024-02-29 12:00:00.123456'.
func datetimeLiteral(d *parser.DatetimeLit, zone *time.Location) (*catalog.Literal, error) {
	text := strings.TrimSpace(d.Text)
	parse := func(layout string, in *time.Location) (time.Time, error) {
		return time.ParseInLocation(layout, text, in)
	}
	switch d.Kind {
	case parser.TypeDate:
		t, err := parse("2006-01-02", time.UTC)
		if err != nil {
			return nil, fmt.Errorf("'%s' is not a date such as 2024-02-29", d.Text)
		}
		return &catalog.Literal{Value: floorDiv(t.Unix(), 86400), T: catalog.Date}, nil
	case parser.TypeTime:
		t, err := parse("15:04:05", time.UTC)
		if err != nil {
			return nil, fmt.Errorf("'%s' is not a time such as 12:34:56.789", d.Text)
		}
		us := int64(t.Hour())*3_600_000_000 + int64(t.Minute())*60_000_000 + int64(t.Second())*1_000_000 + int64(t.Nanosecond())/1000
		return &catalog.Literal{Value: us, T: catalog.Type{Kind: catalog.KindTime, Precision: fractionDigits(text)}}, nil
	}
	in, typ := time.UTC, catalog.Type{Kind: catalog.KindTimestamp}
	if d.Kind == parser.TypeTimestampLTZ {
		in, typ = zone, catalog.Type{Kind: catalog.KindTimestampLTZ}
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := parse(layout, in); err == nil {
			typ.Precision = max(3, fractionDigits(text))
			return &catalog.Literal{Value: t.UnixMicro(), T: typ}, nil
		}
	}
	return nil, fmt.Errorf("'%s' is not a timestamp such as 2024-02-29 12:34:56.789", d.Text)
}

// fractionDigits gives the declared precision for a text: 0, 3 or 6.
func fractionDigits(text string) int {
	_, fraction, _ := strings.Cut(text, ".")
	switch {
	case fraction == "":
		return 0
	case len(fraction) <= 3:
		return 3
	}
	return 6
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// intervalLiteral gives the value of an interval, which must be of one family.
func intervalLiteral(i *parser.IntervalLit) (*catalog.Literal, error) {
	if i.Months != 0 && i.Micros != 0 {
		return nil, fmt.Errorf("an interval has months or days, not both")
	}
	months := i.Months != 0 || i.From == parser.UnitYear || i.From == parser.UnitMonth || i.From == parser.UnitQuarter
	if months {
		return &catalog.Literal{Value: i.Months, T: catalog.IntervalMonth}, nil
	}
	return &catalog.Literal{Value: i.Micros, T: catalog.IntervalDay}, nil
}

// literalText prints a constant as SQL, with its type where the text alone
// would be of another one.
func literalText(l *catalog.Literal) string {
	if l.Value == nil {
		if l.T.Kind == catalog.KindNull {
			return "NULL"
		}
		return "CAST(NULL AS " + l.T.String() + ")"
	}
	switch v := l.Value.(type) {
	case bool:
		return strings.ToUpper(strconv.FormatBool(v))
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case []byte:
		return fmt.Sprintf("X'%X'", v)
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, "eIN") {
			text += "e0" // without an exponent it would be a DECIMAL
		}
		if l.T.Kind == catalog.KindFloat {
			return "CAST(" + text + " AS FLOAT)"
		}
		return text
	case decimal128.Num:
		return v.ToString(int32(l.T.Scale))
	case int64:
		return integerText(v, l.T)
	case []any:
		return nestedText(v, l.T)
	}
	return fmt.Sprint(l.Value)
}

// nestedText prints a constant ARRAY, MAP or ROW.
func nestedText(values []any, t catalog.Type) string {
	texts := make([]string, len(values))
	for i, v := range values {
		elem := t.Elem
		switch t.Kind {
		case catalog.KindMap:
			if i%2 == 0 {
				elem = t.Key
			}
		case catalog.KindRow:
			elem = &t.Fields[i].Type
		}
		texts[i] = literalText(&catalog.Literal{Value: v, T: *elem})
	}
	return t.String() + "[" + strings.Join(texts, ", ") + "]"
}

func integerText(v int64, t catalog.Type) string {
	switch t.Kind {
	case catalog.KindDate:
		return "DATE '" + time.Unix(v*86400, 0).UTC().Format("2006-01-02") + "'"
	case catalog.KindTime:
		return "TIME '" + time.UnixMicro(v).UTC().Format("15:04:05.999999") + "'"
	case catalog.KindTimestamp:
		layout := "2006-01-02 15:04:05.000"
		if v%1000 != 0 {
			layout += "000"
		}
		return "TIMESTAMP '" + time.UnixMicro(v).UTC().Format(layout) + "'"
	case catalog.KindTimestampLTZ:
		return "TIMESTAMP_LTZ '" + time.UnixMicro(v).UTC().Format("2006-01-02 15:04:05.999999") + "Z'"
	case catalog.KindIntervalMonth:
		return fmt.Sprintf("INTERVAL '%d' MONTH", v)
	case catalog.KindIntervalDay:
		return "INTERVAL '" + spanText(v) + "'"
	case catalog.KindInt:
		return strconv.FormatInt(v, 10)
	case catalog.KindBigInt:
		if v >= math.MinInt32 && v <= math.MaxInt32 {
			return strconv.FormatInt(v, 10) + "L"
		}
		return strconv.FormatInt(v, 10)
	}
	return "CAST(" + strconv.FormatInt(v, 10) + " AS " + t.String() + ")"
}

// spanText prints a length of time in microseconds as people say it: "1 h",
// "90 s", "1.5 s", "2 d".
func spanText(us int64) string {
	if us < 0 {
		return "-" + spanText(-us)
	}
	for _, u := range []struct {
		us   int64
		name string
	}{{86_400_000_000, "d"}, {3_600_000_000, "h"}, {60_000_000, "min"}, {1_000_000, "s"}, {1000, "ms"}} {
		if us >= u.us && us%u.us == 0 {
			return fmt.Sprintf("%d %s", us/u.us, u.name)
		}
	}
	if us == 0 {
		return "0 s"
	}
	if us > 1_000_000 {
		return strconv.FormatFloat(float64(us)/1e6, 'f', -1, 64) + " s"
	}
	return fmt.Sprintf("%d us", us)
}
