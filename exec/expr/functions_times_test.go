package expr

import "testing"

// TestDays: results by DuckDB (DATEDIFF of years, quarters and hours, LAST_DAY, MAKE_TIMESTAMP,
// ISODOW), PostgreSQL's manual (OVERLAPS, AT TIME ZONE), Python's datetime and
// calendar (the rest).
func TestDays(t *testing.T) {
	checkTable(t, []struct{ sql, want string }{
		{"DATEDIFF('week', DATE '2024-02-25', DATE '2024-02-26')", "1"}, {"DATEDIFF('year', DATE '2023-12-31', DATE '2024-01-01')", "1"}, {"DATEDIFF('quarter', DATE '2024-03-31', DATE '2024-04-01')", "1"},
		{"DATEDIFF('hour', TIMESTAMP '1969-12-31 23:59:00', TIMESTAMP '1970-01-01 00:01:00')", "1"}, {"DATEDIFF('decade', DATE '2019-12-31', DATE '2020-01-01')", "1"}, {"DATEDIFF('century', DATE '2000-12-31', DATE '2001-01-01')", "1"},
		{"DATEDIFF(TIMESTAMP '2024-02-29 00:01:00', TIMESTAMP '2024-02-28 23:59:00')", "1"}, {"DATEDIFF('2024-02-28', '2024-03-01')", "-2"}, {"DATEDIFF(NULL, DATE '2024-03-01')", "NULL"}, {"DATEDIFF('x', DATE '2024-03-01', DATE '2024-03-01')", "!no unit"},
		{"DATE_ADD(TIMESTAMP '2024-02-29 12:00:00', 1)", "2024-03-01 12:00:00.000"}, {"DATE_SUB(DATE '2024-03-31', INTERVAL '1' MONTH)", "2024-02-29"}, {"DATE_ADD(DATE '2024-01-01', 2147483647)", "error OVERFLOW"}, {"DATE_ADD(1, 1)", "!not defined"}, {"DATE_ADD(DATE '2024-02-29', NULL)", "NULL"},
		{"ADD_MONTHS(DATE '2024-02-29', 12)", "2025-02-28"}, {"ADD_MONTHS(TIMESTAMP '2024-01-31 10:00:00', 1)", "2024-02-29 10:00:00.000"}, {"ADD_MONTHS(DATE '2024-01-01', 2147483647)", "error OVERFLOW"},
		{"LAST_DAY(DATE '2023-02-01')", "2023-02-28"}, {"LAST_DAY(TIMESTAMP '2024-12-31 23:59:59')", "2024-12-31"}, {"NEXT_DAY(DATE '2024-02-29', 'TH')", "2024-03-07"}, {"NEXT_DAY(DATE '2024-02-29', 'friday')", "2024-03-01"}, {"NEXT_DAY(DATE '2024-02-29', 'noday')", "NULL"},
		{"MAKE_DATE(2023, 2, 29)", "error BAD_DATE"}, {"MAKE_DATE(2024, NULL, 1)", "NULL"}, {"MAKE_TIMESTAMP(2024, 1, 1, 24, 0, 0)", "error BAD_DATE"}, {"MAKE_TIMESTAMP(1969, 12, 31, 23, 59, 59.999999)", "1969-12-31 23:59:59.999999"}, {"MAKE_TIMESTAMP(2024, 1, 1, 0, 0, 60)", "error BAD_DATE"},
		{"WEEKDAY(DATE '1969-12-29')", "0"}, {"DAYNAME(DATE '1969-12-31')", "Wednesday"}, {"MONTHNAME(TIMESTAMP '2024-12-31 23:00:00')", "December"}, {"DATE_PART('isodow', DATE '2024-02-29')", "4"}, {"YEAR(LAST_DAY(DATE '2024-12-01') + INTERVAL '1' DAY)", "2025"},
		{"UNIX_MILLIS(TIMESTAMP '1969-12-31 23:59:59.9995')", "-1"}, {"UNIX_SECONDS(DATE '1970-01-02')", "86400"}, {"EPOCH_MS(TIMESTAMP_LTZ '1970-01-01 00:00:01')", "1000"}, {"TIMESTAMP_SECONDS(9223372036854775807)", "error OVERFLOW"}, {"TIMESTAMP_MILLIS(-1)", "1969-12-31 23:59:59.999"},
		{"TIMESTAMP '2024-03-31 02:30:00' AT TIME ZONE 'Europe/Berlin'", "2024-03-31 01:30:00.000"}, {"TIMESTAMP '2024-10-27 02:30:00' AT TIME ZONE 'Europe/Berlin'", "2024-10-27 00:30:00.000"}, {"TIMESTAMP '2024-01-01 00:00:00' AT TIME ZONE 'UTC-8'", "2024-01-01 08:00:00.000"},
		{"TIMESTAMP_LTZ '2024-07-01 00:00:00' AT TIME ZONE 'America/New_York'", "2024-06-30 20:00:00.000"}, {"DATE '2024-07-01' AT TIME ZONE 'Asia/Tokyo'", "2024-06-30 15:00:00.000"}, {"TIMESTAMP '2024-01-01 00:00:00' AT TIME ZONE 'Mars/Base'", "!no time zone"},
		{"TIMESTAMP '2024-01-01 00:00:00' AT TIME ZONE LOWER('NOWHERE')", "error BAD_ZONE"}, {"TIMESTAMP '2024-01-01 00:00:00' AT TIME ZONE NULL", "NULL"}, {"TIMESTAMP '2024-02-16 20:38:40' AT TIME ZONE 'America/Denver' AT TIME ZONE 'America/Chicago'", "2024-02-16 21:38:40.000"},
		{"(DATE '2001-02-16', DATE '2001-12-21') OVERLAPS (DATE '2001-10-30', DATE '2002-10-30')", "true"}, {"(DATE '2001-02-16', INTERVAL '100' DAY) OVERLAPS (DATE '2001-10-30', DATE '2002-10-30')", "false"},
		{"(DATE '2001-10-29', DATE '2001-10-30') OVERLAPS (DATE '2001-10-30', DATE '2001-10-31')", "false"}, {"(DATE '2001-10-30', DATE '2001-10-30') OVERLAPS (DATE '2001-10-30', DATE '2001-10-31')", "true"}, {"(DATE '2001-12-21', DATE '2001-02-16') OVERLAPS (DATE '2001-03-01', DATE '2001-03-01')", "true"},
		{"(DATE '2001-12-21', NULL) OVERLAPS (DATE '2001-03-01', DATE '2001-03-01')", "NULL"}, {"(TIME '10:00:00', TIME '11:00:00') OVERLAPS (TIME '10:59:00', TIME '12:00:00')", "true"}, {"(1, 2) OVERLAPS (1, 2)", "!not defined"},
	})
}

// TestArrays: results by DuckDB (ARRAY_SLICE, ARRAY_DISTINCT, SEQUENCE, ...),
// Flink's manual (ARRAY_SORT, ARRAY_EXCEPT, ARRAY_REMOVE of NULL), the rest by hand.
func TestArrays(t *testing.T) {
	checkTable(t, []struct{ sql, want string }{
		{"ARRAY_APPEND(NULL, 1)", "NULL"}, {"ARRAY_APPEND(ARRAY[], 1)", "[1]"}, {"ARRAY_APPEND(ARRAY[1], 2.5)", "[1.0,2.5]"}, {"ARRAY_PREPEND(ARRAY['a'], NULL)", `[null,"a"]`}, {"ARRAY_APPEND(ARRAY[1], 'a')", "!not defined"}, {"ARRAY_APPEND(1, 1)", "!not defined"},
		{"ARRAY_CONCAT(ARRAY[1], NULL)", "NULL"}, {"ARRAY_CONCAT(ARRAY[ARRAY[1]], ARRAY[ARRAY[2, 3], NULL])", "[[1],[2,3],null]"}, {"ARRAY_CONCAT(ARRAY[])", "[]"}, {"ARRAY_DISTINCT(ARRAY['b', 'a', 'b'])", `["b","a"]`}, {"ARRAY_DISTINCT(ARRAY[])", "[]"},
		{"ARRAY_DISTINCT(ARRAY[ROW(1, 'a'), ROW(1, 'a')])", `[{"EXPR$0":1,"EXPR$1":"a"}]`}, {"ARRAY_DISTINCT(ARRAY[LN(-1), 1e0, LN(-1)])", `["NaN",1.0]`}, {"ARRAY_DISTINCT(ARRAY[MAP[1, 2]])", "!not defined"}, {"ARRAY_UNION(ARRAY[NULL, 1], ARRAY[1, NULL, 2])", "[null,1,2]"},
		{"ARRAY_INTERSECT(ARRAY[1, NULL, 1], ARRAY[NULL, 1])", "[1,null]"}, {"ARRAY_EXCEPT(ARRAY[1, 2, NULL, 1], ARRAY[NULL, 2])", "[1]"}, {"ARRAY_EXCEPT(ARRAY[1], ARRAY[1])", "[]"}, {"ARRAY_UNION(ARRAY[1], NULL)", "NULL"}, {"ARRAY_REMOVE(ARRAY['a', NULL, 'b'], 'a')", `[null,"b"]`},
		{"ARRAY_REVERSE(ARRAY[1, NULL])", "[null,1]"}, {"ARRAY_SLICE(ARRAY[1, 2, 3, 4], 2, -1)", "[2,3,4]"}, {"ARRAY_SLICE(ARRAY[1, 2, 3], 0, 1)", "[1]"}, {"ARRAY_SLICE(ARRAY[1, 2, 3], -5, 2)", "[1,2]"}, {"ARRAY_SLICE(ARRAY[1, 2, 3], 3, 2)", "[]"}, {"ARRAY_SLICE(ARRAY[1, 2, 3], 2, NULL)", "NULL"},
		{"ARRAY_SLICE(ARRAY[1, 2, 3], 1, 0)", "[1]"}, {"ARRAY_SLICE(ARRAY[1, 2, 3], 1, -9)", "[]"}, {"ARRAY_SORT(ARRAY['b', NULL, 'a'], FALSE, TRUE)", `[null,"b","a"]`}, {"ARRAY_SORT(ARRAY[])", "[]"}, {"ARRAY_SORT(ARRAY[2, 1], NULL)", "NULL"}, {"ARRAY_MAX(ARRAY_REMOVE(ARRAY[1], 1))", "NULL"}, {"ARRAY_MIN(ARRAY[NULL, 2])", "2"}, {"ARRAY_MAX(ARRAY['a', 'é'])", "é"},
		{"ARRAY_POSITION(ARRAY[1, NULL], NULL)", "NULL"}, {"ARRAY_POSITION(ARRAY[1, 2, 2], 2)", "2"}, {"ARRAY_JOIN(ARRAY[], ',')", ""}, {"ARRAY_JOIN(ARRAY[1.5, 2], ';')", "1.5;2.0"}, {"ARRAY_JOIN(ARRAY['a'], NULL)", "NULL"}, {"ARRAY_JOIN(ARRAY[NULL, NULL], ',', 'x')", "x,x"}, {"ARRAY_JOIN(ARRAY[ARRAY[1]], ',')", "!not defined"},
		{"SEQUENCE(5, 1)", "[5,4,3,2,1]"}, {"SEQUENCE(1, 5, -1)", "[]"}, {"SEQUENCE(1, 6, 2)", "[1,3,5]"}, {"SEQUENCE(1, 5, 0)", "error TOO_LARGE"}, {"SEQUENCE(1, 10000000)", "error TOO_LARGE"}, {"SEQUENCE(9223372036854775806, 9223372036854775807)", "[9223372036854775806,9223372036854775807]"}, {"CARDINALITY(SEQUENCE(1, 100))", "100"},
		{"SEQUENCE(DATE '2024-02-28', DATE '2024-03-01', INTERVAL '1' DAY)", `["2024-02-28","2024-02-29","2024-03-01"]`}, {"SEQUENCE(TIMESTAMP '2024-02-29 00:00:00', TIMESTAMP '2024-02-29 02:00:00', INTERVAL '1' HOUR)[3]", "2024-02-29 02:00:00.000"}, {"SEQUENCE(DATE '2024-02-28', DATE '2024-02-28', INTERVAL '12' HOUR)[1]", "2024-02-28 00:00:00.000"},
		{"SEQUENCE('a', 'b')", "!not defined"}, {"SEQUENCE(NULL, 2)", "NULL"}, {"SIZE(ARRAY[1])", "1"},
		{"MAP_ENTRIES(MAP['a', 5])[1].`value`", "5"}, {"MAP_CONTAINS_KEY(MAP['a', 1], NULL)", "NULL"}, {"MAP_CONTAINS_KEY(MAP[1, 1], 1)", "true"}, {"MAP_FROM_ARRAYS(ARRAY['a'], ARRAY[1, 2])", "error UNEVEN_ARRAYS"}, {"MAP_FROM_ARRAYS(ARRAY['a', NULL], ARRAY[1, 2])", "error NULL_KEY"}, {"MAP_FROM_ARRAYS(ARRAY['a', 'a'], ARRAY[1, 2])", `{"a":2}`},
		{"MAP_FROM_ARRAYS(ARRAY[], ARRAY[])", "{}"}, {"MAP_UNION(MAP['a', 1], NULL)", "NULL"}, {"MAP_UNION(MAP['a', 1], MAP['b', 2.5])['b']", "2.5"}, {"MAP_UNION(MAP['a', 1, 'b', 2], MAP['a', 3, 'c', 4])", `{"a":3,"b":2,"c":4}`},
		{"NVL2(1, 2, CAST('x' AS INT))", "2"}, {"IIF(NULL, 1, 2)", "2"}, {"TRY(CAST('x' AS INT)) IS NULL", "true"}, {"TRY(1 / 0)", "NULL"}, {"CAST('x' AS INT) + TRY(CAST('x' AS INT))", "error BAD_CAST"}, {"COALESCE(TRY(CAST('x' AS INT)), CAST('7' AS INT))", "7"}, {"TRY(ABS(CAST(-128 AS TINYINT)))", "NULL"},
		{"TYPEOF(NULL)", "NULL"}, {"TYPEOF(MAP['a', ARRAY[1]])", "MAP<CHAR(1), ARRAY<INT>>"},
	})
}
