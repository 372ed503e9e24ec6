// Package sql is the golden harness: scripts in a plain text format, each run
// over a covering set of batch sizes, parallelism, splits, barriers, reading
// orders, and with a kill and resume in the middle. Whatever the circumstances,
// the answer must be the one written down.
//
// # The format
//
// A file holds blocks, separated by empty lines. A line that starts with # is a
// comment; the first comment of a file says what it tests and where the
// expected rows come from. The first line of a block says what it is:
//
//	setup
//	SQL statements that every query of the file begins with. A source reads
//	the rows given below with 'connector' = 'rows'.
//
//	rows NAME
//	One record a line for the source NAME, as JSON (or whatever its format
//	reads). A line "split N" directs what follows to split N; without one the
//	harness deals the records out to 1, 2, 3 splits in turn.
//
//	query [OPTION...]
//	One SELECT. After a line of four dashes come the expected rows: first the
//	column names, then a row a line, cells separated by |. NULL is NULL, an
//	empty string is ''. Rows are compared as a multiset; an updating query by
//	its fold, which is also checked for consistency at every commit.
//	Options: ordered (compare in order), splits=given (never deal out),
//	late=N (the late rows counted), bad=N (the bad records counted), hold
//	(the end of input does not flush).
//
//	live
//	SELECT ... over the rows of an unbounded source that the lines after the
//	dashes feed step by step under a virtual clock:
//	    > NAME[/SPLIT] RECORD     a record arrives
//	    clock +30s                the clock moves on
//	    end NAME                  the source ends
//	    +I | a | 1                what came out since the last step
//
//	error [plan|run]
//	SQL. After the dashes, texts that the error must hold, one a line.
//
//	explain
//	SQL. After the dashes, the plan.
package sql
