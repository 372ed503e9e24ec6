package expr

import (
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/cast"
)

// TestCasts runs casts through the harness; the values are worked out by hand
// from docs/semantics.md.
func TestCasts(t *testing.T) {
	fns := Functions()
	for _, c := range []struct{ sql, want string }{
		// Integers.
		{"CAST(127 AS TINYINT)", "127"}, {"CAST(128 AS TINYINT)", "error OVERFLOW"}, {"TRY_CAST(128 AS TINYINT)", "NULL"},
		{"CAST(-32769 AS SMALLINT)", "error OVERFLOW"}, {"CAST(2147483648 AS INT)", "error OVERFLOW"}, {"CAST(5 AS BIGINT)", "5"},
		{"CAST(-7 AS DOUBLE)", "-7.0"}, {"CAST(7 AS DECIMAL(3, 1))", "7.0"}, {"CAST(100 AS DECIMAL(3, 1))", "error OVERFLOW"},
		{"CAST(0 AS BOOLEAN)", "false"}, {"CAST(3 AS BOOLEAN)", "true"}, {"CAST(TRUE AS INT)", "1"}, {"CAST(FALSE AS DOUBLE)", "0.0"}, {"CAST(TRUE AS DECIMAL(4,2))", "1.00"},
		// Fractions: cut to integers, rounded to decimals.
		{"CAST(1.9 AS INT)", "1"}, {"CAST(-1.9 AS INT)", "-1"}, {"CAST(1.9e0 AS BIGINT)", "1"}, {"CAST(-1.9e0 AS TINYINT)", "-1"},
		{"CAST(1e19 AS BIGINT)", "error OVERFLOW"}, {"CAST(9.3e18 AS BIGINT)", "error OVERFLOW"}, {"CAST(-9223372036854775808e0 AS BIGINT)", "-9223372036854775808"},
		{"CAST(LN(-1) AS INT)", "error OVERFLOW"}, {"CAST(1e40 AS FLOAT)", "error OVERFLOW"}, {"CAST(0.1e0 AS FLOAT)", "0.1"},
		{"CAST(2.345 AS DECIMAL(3, 2))", "2.35"}, {"CAST(-2.345 AS DECIMAL(3, 2))", "-2.35"}, {"CAST(9.995 AS DECIMAL(3, 2))", "error OVERFLOW"},
		{"CAST(0.285e0 AS DECIMAL(3, 2))", "0.29"}, {"CAST(1.5 AS DOUBLE)", "1.5"}, {"CAST(0.1 AS FLOAT)", "0.1"}, {"CAST(300.5 AS TINYINT)", "error OVERFLOW"},
		{"CAST(12345678901234567890123456789012345678 AS DECIMAL(38, 0))", "12345678901234567890123456789012345678"},
		// Texts to numbers.
		{"CAST(' 42 ' AS INT)", "42"}, {"CAST('-0' AS INT)", "0"}, {"CAST('+5' AS TINYINT)", "5"}, {"CAST('4.7' AS INT)", "4"}, {"CAST('1e2' AS INT)", "100"},
		{"CAST('' AS INT)", "error BAD_CAST"}, {"CAST('x' AS INT)", "error BAD_CAST"}, {"CAST('99999999999999999999' AS BIGINT)", "error OVERFLOW"},
		{"CAST('-9223372036854775808' AS BIGINT)", "-9223372036854775808"}, {"CAST('128' AS TINYINT)", "error OVERFLOW"}, {"CAST('-128' AS TINYINT)", "-128"},
		{"CAST('1.5' AS DOUBLE)", "1.5"}, {"CAST('NaN' AS DOUBLE)", "NaN"}, {"CAST('-Infinity' AS DOUBLE)", "-Infinity"}, {"CAST('0x10' AS DOUBLE)", "error BAD_CAST"},
		{"CAST('1_000' AS DOUBLE)", "error BAD_CAST"}, {"CAST('1e999' AS DOUBLE)", "error OVERFLOW"},
		{"CAST('12.345' AS DECIMAL(4, 2))", "12.35"}, {"CAST('123' AS DECIMAL(4, 2))", "error OVERFLOW"}, {"CAST('1,5' AS DECIMAL(4, 2))", "error BAD_CAST"},
		{"CAST('TRUE' AS BOOLEAN)", "true"}, {"CAST('f' AS BOOLEAN)", "false"}, {"CAST('2' AS BOOLEAN)", "error BAD_CAST"},
		// To texts.
		{"CAST(-5 AS STRING)", "-5"}, {"CAST(1e0 AS STRING)", "1.0"}, {"CAST(1e16 AS STRING)", "1e+16"}, {"CAST(123456789012345e0 AS STRING)", "123456789012345.0"},
		{"CAST(0.00001e0 AS STRING)", "1e-05"}, {"CAST(-0.5 AS STRING)", "-0.5"}, {"CAST(TRUE AS STRING)", "true"}, {"CAST(X'6162' AS STRING)", "ab"},
		{"CAST(X'ff' AS STRING)", "error BAD_CAST"}, {"CAST('ab' AS BYTES)", "ab"}, {"CAST('äöü' AS VARCHAR(2))", "äö"}, {"CAST('a' AS CHAR(3)) || '|'", "a  |"}, {"CAST(12345 AS VARCHAR(3))", "123"},
		{"CAST(DATE '2024-02-29' AS STRING)", "2024-02-29"}, {"CAST(TIME '01:02:03' AS STRING)", "01:02:03.000"},
		{"CAST(TIMESTAMP '2024-02-29 01:02:03.4567' AS STRING)", "2024-02-29 01:02:03.456700"}, {"CAST(INTERVAL '90' MINUTE AS STRING)", "+0 01:30:00.000000"},
		{"CAST(INTERVAL '14' MONTH AS STRING)", "+1-02"}, {"CAST(ARRAY[1, NULL] AS STRING)", "[1,null]"}, {"CAST(ROW(1, 'a\"b') AS STRING)", `{"EXPR$0":1,"EXPR$1":"a\"b"}`},
		{`CAST('{"a": 1}' AS JSON)`, `{"a": 1}`}, {"CAST('{' AS JSON)", "error BAD_CAST"},
		// Times.
		{"CAST('2024-02-29 12:34:56.7' AS TIMESTAMP(3))", "2024-02-29 12:34:56.700"}, {"CAST('2024-02-29' AS TIMESTAMP(3))", "2024-02-29 00:00:00.000"},
		{"CAST('2023-02-29' AS TIMESTAMP(3))", "error BAD_CAST"}, {"CAST('2024-02-29 12:34:56.7899' AS TIMESTAMP(3))", "2024-02-29 12:34:56.789"},
		{"CAST('2024-02-29' AS DATE)", "2024-02-29"}, {"CAST('2024-02-29 23:59:59' AS DATE)", "2024-02-29"}, {"CAST('12:34' AS TIME(0))", "12:34:00"}, {"CAST('25:00' AS TIME(0))", "error BAD_CAST"},
		{"CAST(TIMESTAMP '1969-12-31 23:59:59.5' AS DATE)", "1969-12-31"}, {"CAST(DATE '2024-02-29' AS TIMESTAMP(3))", "2024-02-29 00:00:00.000"},
		{"CAST(TIMESTAMP '1969-12-31 23:59:59' AS TIME(0))", "23:59:59"}, {"CAST(TIMESTAMP '2024-02-29 01:02:03.456' AS TIMESTAMP(0))", "2024-02-29 01:02:03.000"},
		{"CAST(TIMESTAMP '2024-02-29 01:02:03' AS TIMESTAMP_LTZ(3))", "2024-02-29 01:02:03.000"}, {"CAST('2024-02-29 01:02:03+02:00' AS TIMESTAMP_LTZ(3))", "2024-02-28 23:02:03.000"},
		{"CAST(TIMESTAMP_LTZ '2024-02-29 01:02:03' AS DATE)", "2024-02-29"}, {"CAST(TIMESTAMP_LTZ '2024-02-29 01:02:03' AS TIMESTAMP(3))", "2024-02-29 01:02:03.000"},
		// Nested.
		{"CAST(ARRAY['1', '2'] AS ARRAY<INT>)", "[1,2]"}, {"CAST(ARRAY['1', 'x'] AS ARRAY<INT>)", "error BAD_CAST"}, {"TRY_CAST(ARRAY['1', 'x'] AS ARRAY<INT>)", "NULL"},
		{"CAST(ROW(1, '2') AS ROW<a STRING, b INT>).b", "2"}, {"CAST(MAP['1', 2] AS MAP<INT, DOUBLE>)[1]", "2.0"}, {"CAST(MAP['1', 2, 'x', 3] AS MAP<INT, INT>)", "error BAD_CAST"}, {"TRY_CAST(MAP['1', 2, 'x', 3] AS MAP<INT, INT>)", "NULL"}, {"CAST(ROW(1, 'x') AS ROW<a INT, b INT>)", "error BAD_CAST"},
		{"CAST(NULL AS INT)", "NULL"}, {"CAST(NULL AS ARRAY<INT>)", "NULL"}, {"CAST(NULL AS ROW<a INT>)", "NULL"},
	} {
		checkSQL(t, fns, c.sql, c.want)
	}
}

// TestCastMatrix checks that every conversion that catalog.CanCast allows has a
// kernel which gives the right Arrow type and keeps NULL, and no other has one.
func TestCastMatrix(t *testing.T) {
	types := []catalog.Type{
		catalog.Boolean, catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt, catalog.Float, catalog.Double, catalog.Decimal(10, 2), catalog.Decimal(38, 0),
		catalog.String, {Kind: catalog.KindString, Precision: 3}, {Kind: catalog.KindString, Precision: 3, Fixed: true}, catalog.JSON, catalog.Bytes, catalog.Date, catalog.Time,
		catalog.Timestamp3, catalog.Timestamp6, catalog.TimestampLTZ3, catalog.IntervalDay, catalog.IntervalMonth, catalog.ArrayOf(catalog.Int), catalog.ArrayOf(catalog.String),
		catalog.MapOf(catalog.String, catalog.Int), catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Int}), catalog.Null,
	}
	for _, from := range types {
		for _, to := range types {
			k, err := cast.New(from, to, false)
			if allowed := catalog.CanCast(from, to, false); allowed != (err == nil) {
				t.Errorf("%v to %v: allowed %v, error %v", from, to, allowed, err)
				continue
			}
			if err != nil || k == nil {
				continue
			}
			alloc := testAlloc(t)
			in, err := column.FromValues([]any{nil, nil, nil}, from, alloc)
			if err != nil {
				t.Fatal(err)
			}
			c := &catalog.EvalContext{Alloc: alloc, Zone: testNow.Location(), Fail: func(int, string, string) { t.Errorf("%v to %v: NULL fails", from, to) }}
			out, err := k.Eval(c, []arrow.Array{in}, 3, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !arrow.TypeEqual(out.DataType(), to.Arrow()) || out.Len() != 3 || column.Nulls(out) != 3 {
				t.Errorf("%v to %v gives %v with %d NULLs", from, to, out.DataType(), column.Nulls(out))
			}
			in.Release()
			out.Release()
		}
	}
}

// TestTimeZone checks TIMESTAMP_LTZ in a zone with daylight saving time.
func TestTimeZone(t *testing.T) {
	berlin := zoneNamed(t, "Europe/Berlin")
	for sql, want := range map[string]string{
		"CAST(TIMESTAMP '2024-07-01 12:00:00' AS TIMESTAMP_LTZ(3))":                             "1719828000000000", // 10:00 UTC
		"CAST('2024-01-01 12:00:00' AS TIMESTAMP_LTZ(3))":                                       "1704106800000000", // 11:00 UTC
		"EXTRACT(HOUR FROM CAST('2024-07-01T10:00:00Z' AS TIMESTAMP_LTZ(3)))":                   "12",
		"FLOOR(CAST('2024-07-01T10:00:00Z' AS TIMESTAMP_LTZ(3)) TO DAY)":                        "1719784800000000", // 22:00 UTC the day before
		"DATE_FORMAT(CAST('2024-07-01T10:00:00Z' AS TIMESTAMP_LTZ(3)), 'HH:mm')":                "12:00",
		"TIMESTAMPADD(HOUR, 24, CAST('2024-03-30 12:00:00' AS TIMESTAMP_LTZ(3)))":               "1711882800000000", // 11:00 UTC: 24 hours pass
		"CAST(TIMESTAMPADD(DAY, 1, CAST('2024-03-30 12:00:00' AS TIMESTAMP_LTZ(3))) AS STRING)": "2024-03-31 12:00:00.000",
		"FROM_UNIXTIME(0)": "1970-01-01 01:00:00", "UNIX_TIMESTAMP('1970-01-01 01:00:00')": "0", "CURRENT_DATE()": "19782", "LOCALTIMESTAMP()": "1709213445123000",
	} {
		e := mustParse(t, scopeOf(), sql)[0]
		p, err := Compile([]catalog.Expr{e}, Options{Zone: berlin})
		if err != nil {
			t.Fatal(err)
		}
		ev := p.NewEvaluator(testAlloc(t))
		out, errs, err := ev.Eval(testNow, nil, 1, nil)
		if err != nil || len(errs) > 0 {
			t.Fatal(sql, errs, err)
		}
		if got := fmt.Sprint(column.Value(out[0], 0, e.Type())); got != want {
			t.Errorf("%s = %s, want %s", sql, got, want)
		}
		release(out)
		ev.Close()
	}
}
