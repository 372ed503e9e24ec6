// Package sql is the golden harness: scripts in a plain text format, each run
// over a covering set of batch sizes, parallelism, splits, barriers, reading
// orders and interruptions. Whatever the circumstances, the answer must be the
// one written down. docs/testing.md is the guide to writing cases.
//
// # The format
//
// A file holds blocks, separated by empty lines. A line that starts with # is a
// comment. The first comment of a file says what it tests; one of its lines
// begins with "# Expected:" and says where the expected rows come from. Blocks
// take effect on the cases after them.
//
//	setup
//	Statements that every case begins with: views, SET.
//
//	source NAME [live] [static] [lookup] [changelog] [upsert] [splits=N] [OPTION=VALUE ...]
//	The columns of a source as in CREATE SOURCE, over several lines; a line that
//	begins with "with" adds options to 'connector' = 'rows'.
//	----
//	One record a line: JSON objects, or else CSV fields in the order of the
//	columns. "@TIMESTAMP RECORD" gives a record a transport timestamp. A line
//	"split N" directs what follows to split N; without one the harness deals the
//	records out to 1, 2 and 3 splits in turn. live makes the source unbounded,
//	lookup a table that rows are looked up in, which is there whole too.
//	static a static table, which is there whole whatever else has been read.
//	With changelog a record may begin with its kind ("-D a,1"; +I goes without
//	saying), unless its format is one of changes, and all records stay in one
//	split unless the block directs them. upsert is a changelog of upserts by the
//	PRIMARY KEY: +I replaces the row of its key, -D deletes it.
//	A later block of the same name replaces the source.
//
//	sink NAME
//	The columns of a sink as in CREATE SINK; a line that begins with "with" adds
//	options to 'connector' = 'capture' ('mode' = 'append', 'upsert', 'retract';
//	'refuse' = a value whose rows are refused).
//
// The cases:
//
//	query [OPTION...]
//	One SELECT. After a line of four dashes come the expected rows: first the
//	columns, each a name or a name and its type, then a row a line, cells
//	separated by |.
//
//	job [OPTION...]
//	INSERTs. After "---- SINK" come the rows of a sink, as for a query, for as
//	many sinks as the case looks at.
//
//	live
//	A SELECT or INSERTs, under a virtual clock. After the dashes, steps:
//	    > NAME[/SPLIT] RECORD     a record arrives
//	    clock +30s                the clock moves on, second by second
//	    end NAME                  a source that is not live ends
//	    table NAME [RECORD; ...]  a static table has other records from now on
//	    broken NAME               a static table can't be read, until the next "table"
//	    warning [TEXT]            what the progress of the last commit warns of (nothing)
//	    kill                      crash, and a new run on what is durable
//	    restart                   stop in order, and a new run
//	    watermark NAME TIME       what the source's watermark must be (or "none")
//	    idle NAME [SPLIT...]      which splits must be idle, and no others
//	    held NAME [SPLIT...]      which splits alignment must hold back, and no others
//	    + | a | 1                 a row that came with the step above it
//	    - | a | 1                 a row that it took back
//	After each step exactly the listed net changes must have come out. With
//	INSERTs the rows are those committed, and + is followed by the sink's name if
//	there are several.
//
//	error plan|run
//	Statements. After the dashes, texts that the error must hold, one a line.
//
//	explain
//	A statement. After the dashes, its plan.
//
// Options of query and job: ordered (compare in order), splits=N (deal out to N
// splits only: for what depends on splits), late=N and bad=N (the rows counted).
//
// # Cells
//
//	NULL  true  12  1.5  NaN  Infinity  -0
//	1.50                        DECIMAL, with its scale
//	2024-01-31  10:00:00.5  2024-01-31 10:00:00.5
//	2024-01-31 10:00:00Z        TIMESTAMP_LTZ
//	x'00ff'                     BYTES
//	[a, b]  {k: v}  (a, b)      ARRAY, MAP, ROW
//	text                        STRING
//	'' 'NULL' ' x' 'a|b' 'it''s' 'two\nlines'
//
// A text that would be mistaken for something else stands in single quotes, and
// so do all texts within [], {} and ().
//
// # What is checked besides the rows
//
// At every commit, of every sink: no row is taken back that does not stand, no
// upsert key stands twice, and the fold equals that of a plain run over exactly
// the records committed so far.
package sql
