// Package calendar is the proleptic Gregorian calendar over the engine's numbers:
// days since 1970-01-01 (DATE), microseconds since midnight (TIME) and
// microseconds since 1970-01-01 00:00:00 (TIMESTAMP; TIMESTAMP_LTZ in UTC), with
// their texts and Java's date patterns. The conversions between days and dates
// are Howard Hinnant's ("chrono-Compatible Low-Level Date Algorithms").
package calendar
