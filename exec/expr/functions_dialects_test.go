package expr

import (
	"strings"
	"testing"
)

// TestDialectFunctions holds functions of other dialects to their rules at the
// edges. Expected: by hand from the rules of Spark (TRY_*, CONV, NANVL,
// MONTHS_BETWEEN, ARRAY_INSERT), PostgreSQL (DATE_BIN, ARRAY_REPLACE) and DuckDB
// (TIME_BUCKET and the rest).
func TestDialectFunctions(t *testing.T) {
	fns := Functions()
	for _, c := range []struct{ sql, want string }{
		{"TRY_ADD(9223372036854775807, 1)", "NULL"}, {"TRY_ADD(NULL, 1)", "NULL"}, {"TRY_ADD(1, 2.5)", "3.5"}, {"TRY_ADD('a', 1)", "!not defined"}, {"TRY_ADD(1)", "!takes 2 arguments"},
		{"TRY_ADD(2147483647 + 1, 1)", "NULL"}, {"TRY_SUBTRACT(-9223372036854775807, 2)", "NULL"}, {"TRY_SUBTRACT(1, NULL)", "NULL"}, {"TRY_SUBTRACT(3, 1)", "2"},
		{"TRY_MULTIPLY(4611686018427387904, 2)", "NULL"}, {"TRY_MULTIPLY(1.5, 2)", "3.0"}, {"TRY_MULTIPLY(NULL, 2)", "NULL"},
		{"TRY_DIVIDE(3, 0)", "NULL"}, {"TRY_DIVIDE(NULL, 0)", "NULL"}, {"TRY_DIVIDE(3, 2)", "1.5"}, {"TRY_MOD(7, 0)", "NULL"}, {"TRY_MOD(-7, 3)", "-1"}, {"TRY_MOD(7, NULL)", "NULL"},
		{"CONV('100', 2, 10)", "4"}, {"CONV('-10', 16, -10)", "-16"}, {"CONV('-10', 16, 10)", "18446744073709551600"}, {"CONV('zz', 36, 10)", "1295"}, {"CONV('12x4', 10, 10)", "12"}, {"CONV('x', 10, 10)", "0"},
		{"CONV('18446744073709551616', 10, 16)", "FFFFFFFFFFFFFFFF"}, {"CONV('1', 1, 10)", "NULL"}, {"CONV('1', 10, 37)", "NULL"}, {"CONV('', 10, 2)", "NULL"}, {"CONV(NULL, 10, 2)", "NULL"}, {"CONV('1', NULL, 2)", "NULL"}, {"CONV('0', 10, 2)", "0"},
		{"NANVL(LN(-1), 2e0)", "2.0"}, {"NANVL(1e0, NULL)", "1.0"}, {"NANVL(LN(-1), NULL)", "NULL"}, {"NANVL(NULL, 2e0)", "NULL"}, {"NANVL(1, 2)", "1.0"}, {"NANVL(1e0, CAST('x' AS DOUBLE))", "1.0"}, {"NANVL('a', 1)", "!not defined"},
		{"DATE_BIN(INTERVAL '1' HOUR, TIMESTAMP '2024-02-29 12:34:56', TIMESTAMP '2024-02-29 00:10:00')", "2024-02-29 12:10:00.000"},
		{"DATE_BIN(INTERVAL '1' HOUR, TIMESTAMP '2024-02-28 23:00:00', TIMESTAMP '2024-02-29 00:10:00')", "2024-02-28 22:10:00.000"},
		{"DATE_BIN(INTERVAL '0' HOUR, TIMESTAMP '2024-02-29 12:34:56', TIMESTAMP '2024-02-29 00:10:00')", "error OVERFLOW"}, {"DATE_BIN(INTERVAL '-1' HOUR, TIMESTAMP '2024-02-29 12:34:56', TIMESTAMP '2024-02-29 00:10:00')", "error OVERFLOW"},
		{"DATE_BIN(INTERVAL '1' HOUR, CAST(NULL AS TIMESTAMP(3)), TIMESTAMP '2024-02-29 00:10:00')", "NULL"}, {"DATE_BIN(INTERVAL '1' MONTH, TIMESTAMP '2024-02-29 12:34:56', TIMESTAMP '2024-02-29 00:10:00')", "!not defined"},
		{"TIME_BUCKET(INTERVAL '7' DAY, TIMESTAMP '2024-02-29 12:34:56')", "2024-02-26 00:00:00.000"}, {"TIME_BUCKET(INTERVAL '1' DAY, TIMESTAMP '1969-12-31 23:59:59.999')", "1969-12-31 00:00:00.000"},
		{"TIME_BUCKET(INTERVAL '10' MINUTE, TIMESTAMP '2024-02-29 12:34:56', TIMESTAMP '2024-02-29 12:03:00')", "2024-02-29 12:33:00.000"}, {"TIME_BUCKET(INTERVAL '0' SECOND, TIMESTAMP '2024-02-29 12:34:56')", "error OVERFLOW"}, {"TIME_BUCKET(INTERVAL '1' DAY, CAST(NULL AS TIMESTAMP(3)))", "NULL"},
		{"MONTHS_BETWEEN(TIMESTAMP '1997-02-28 10:30:00', TIMESTAMP '1996-10-30 00:00:00')", "3.94959677"}, {"MONTHS_BETWEEN(TIMESTAMP '1996-10-30 00:00:00', TIMESTAMP '1997-02-28 10:30:00')", "-3.94959677"},
		{"MONTHS_BETWEEN(DATE '2024-02-29', DATE '2023-02-28')", "12.0"}, {"MONTHS_BETWEEN(TIMESTAMP '2024-03-15 23:00:00', TIMESTAMP '2024-02-15 01:00:00')", "1.0"}, {"MONTHS_BETWEEN(DATE '2024-03-01', DATE '2024-02-29')", "0.09677419"}, {"MONTHS_BETWEEN(NULL, DATE '2024-02-29')", "NULL"},
		{"ARRAY_INSERT(ARRAY[1], -5, 9)", "[9,null,null,null,1]"}, {"ARRAY_INSERT(ARRAY[1], -2, 9)", "[9,1]"}, {"ARRAY_INSERT(ARRAY[1], -1, 9)", "[1,9]"}, {"ARRAY_INSERT(ARRAY[1, 2], 1, NULL)", "[null,1,2]"}, {"ARRAY_INSERT(ARRAY[1, 2], 3, 9)", "[1,2,9]"},
		{"ARRAY_INSERT(ARRAY[1, 2], 5, 9)", "[1,2,null,null,9]"}, {"ARRAY_INSERT(ARRAY[1], 0, 9)", "error OVERFLOW"}, {"ARRAY_INSERT(ARRAY[1], 100000, 9)", "error TOO_LARGE"}, {"ARRAY_INSERT(ARRAY[1], -2147483647, 9)", "error TOO_LARGE"}, {"ARRAY_INSERT(ARRAY[1], NULL, 9)", "NULL"},
		{"ARRAY_INSERT(CAST(NULL AS ARRAY<INT>), 1, 9)", "NULL"}, {"ARRAY_INSERT(ARRAY[1], 1, 'a')", "!not defined"}, {"ARRAY_INSERT(ARRAY[1], 1, 2.5)", "[2.5,1.0]"},
		{"ARRAYS_ZIP(ARRAY[1, 2], ARRAY['a', NULL])[2].`EXPR$0`", "2"}, {"ARRAYS_ZIP(ARRAY[1], ARRAY['a', 'b'])[2].`EXPR$0`", "NULL"}, {"ARRAYS_ZIP(ARRAY[1], ARRAY['a', 'b'])[2].`EXPR$1`", "b"}, {"CARDINALITY(ARRAYS_ZIP(ARRAY[1], ARRAY[1, 2, 3]))", "3"},
		{"ARRAYS_ZIP(ARRAY[1], CAST(NULL AS ARRAY<INT>))", "NULL"}, {"ARRAYS_ZIP(1, ARRAY[1])", "!not defined"}, {"ARRAYS_ZIP(ARRAY[7])", `[{"EXPR$0":7}]`},
		{"NAMED_STRUCT('a', 1, 'b', 'x').b", "x"}, {"NAMED_STRUCT('a', NULL, 'b', 2)", `{"a":null,"b":2}`}, {"NAMED_STRUCT('a', 1, 'a', 2)", "!two members a"}, {"NAMED_STRUCT('a')", "!names and values in turn"}, {"NAMED_STRUCT(UPPER('a'), 1)", "!argument 1"}, {"NAMED_STRUCT(1, 2)", "!argument 1"},
		{"ARRAY_REPLACE(ARRAY[1, 2, NULL, 1], 1, NULL)", "[null,2,null,null]"}, {"ARRAY_REPLACE(ARRAY[1, NULL], NULL, 3)", "[1,3]"}, {"ARRAY_REPLACE(CAST(NULL AS ARRAY<INT>), 1, 2)", "NULL"},
		{"RINT(3.5)", "4.0"}, {"RINT(-2.5)", "-2.0"}, {"EVEN(3)", "4.0"}, {"EVEN(2)", "2.0"}, {"HYPOT(1e200, 1e200) < 1e201", "true"}, {"HYPOT(NULL, 1)", "NULL"}, {"SIGNBIT(0e0)", "false"}, {"SEC(NULL)", "NULL"}, {"GAMMA(6)", "120.0"}, {"NEXTAFTER(1e0, 1e0)", "1.0"},
		{"NEGATIVE(NULL)", "NULL"}, {"NEGATIVE(CAST(-128 AS TINYINT))", "error OVERFLOW"}, {"POSITIVE(-3)", "-3"}, {"ISODOW(DATE '2024-03-03')", "7"}, {"ISOYEAR(DATE '2021-01-03')", "2020"}, {"CENTURY(DATE '2000-12-31')", "20"}, {"MILLENNIUM(DATE '2001-01-01')", "3"}, {"DECADE(NULL)", "NULL"},
	} {
		if want, ok := strings.CutPrefix(c.want, "!"); ok {
			if _, err := scopeOf().Parse(c.sql); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", c.sql, err, want)
			}
			continue
		}
		checkSQL(t, fns, c.sql, c.want)
	}
}
