package sql

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/planner"
)

// forgetting is a query whose operator must let go of what time has passed.
type forgetting struct {
	name string
	op   string // the operator looked at: the name of its type in package planner
	sql  string
	// setup are statements before it.
	setup string
	// left is how many rows it still has once time has passed all: those of the rows
	// that made time pass, or what it keeps by definition, as why says.
	left int64
	why  string
	// bounded says that the sources end; not for those that forget.
	bounded bool
	// late says that a row of the past is then late, and counted.
	late bool
}

// The sources: l and r have a time, c and d have not. 1500 rows with as many keys
// come to each, within ten minutes of event time; a day later, and after a day of the
// clock, three rows of key -1, a second apart, of which the last two find what has
// touched the first one a day ago.
const forgettingSources = `# Expected: by definition.

source l live
k INT, v STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts
----

source r live
k INT, v STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts
----

source u upsert live
k INT, v STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts, PRIMARY KEY (k) NOT ENFORCED
----

source c live
k INT, v STRING
----

source d live
k INT, v STRING
----

setup
SET 'commit.interval' = '1s';
%s

query
%s
----
x
`

var forgets = []forgetting{
	{name: "tumble", op: "WindowAgg", late: true, left: 1, why: "the window of the last rows",
		sql: "SELECT k, window_start, MAX(v) AS m FROM TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '5' MINUTE) GROUP BY k, window_start, window_end"},
	{name: "hop", op: "WindowAgg", late: true, left: 1, why: "the pane of the last rows",
		sql: "SELECT k, window_start, ARRAY_AGG(v) AS m FROM HOP(TABLE l, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE) GROUP BY k, window_start, window_end"},
	{name: "cumulate", op: "WindowAgg", late: true, left: 1, why: "the pane of the last rows",
		sql: "SELECT k, window_end, COUNT(DISTINCT v) AS m FROM CUMULATE(TABLE l, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE) GROUP BY k, window_start, window_end"},
	{name: "session", op: "WindowAgg", late: true, left: 1, why: "the session of the last rows",
		sql: "SELECT k, window_start, MIN(v) AS m FROM SESSION(TABLE l PARTITION BY k, DESCRIPTOR(ts), INTERVAL '30' SECOND) GROUP BY k, window_start, window_end"},
	{name: "window as it grows", op: "WindowAgg", late: true, left: 1, why: "the window of the last rows",
		sql: "SELECT k, window_start, MAX(v) AS m FROM TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '5' MINUTE) GROUP BY k, window_start, window_end EMIT CHANGES"},
	{name: "window with lateness", op: "WindowAgg", late: true, left: 1, why: "the window of the last rows",
		sql: "SELECT k, window_start, MAX(v) AS m FROM TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '5' MINUTE) GROUP BY k, window_start, window_end ALLOW LATENESS INTERVAL '1' MINUTE"},
	{name: "session as it grows", op: "WindowAgg", late: true, left: 1, why: "the session of the last rows",
		sql: "SELECT k, window_start, MAX(v) AS m FROM SESSION(TABLE l PARTITION BY k, DESCRIPTOR(ts), INTERVAL '30' SECOND) GROUP BY k, window_start, window_end EMIT CHANGES"},
	{name: "rows with their session", op: "SessionAssign", late: true, left: 3, why: "the session of the last rows",
		sql: "SELECT k, v, window_start FROM SESSION(TABLE l PARTITION BY k, DESCRIPTOR(ts), INTERVAL '30' SECOND)"},
	{name: "group with a time to live", op: "GroupAgg", left: 2, why: "the key of the last rows and that of the first row, which came before a watermark",
		sql: "SELECT /*+ STATE_TTL('l' = '1 h') */ k, COUNT(*) AS n, MAX(v) AS m FROM l GROUP BY k"},
	{name: "group by the clock", op: "GroupAgg", left: 1, why: "the key of the last row",
		sql: "SELECT /*+ STATE_TTL('c' = '1 h') */ k, COUNT(*) AS n, MAX(v) AS m FROM c GROUP BY k"},
	{name: "distinct with a time to live", op: "GroupAgg", left: 2, why: "the last row and the first row, which came before a watermark", setup: "SET 'state.ttl' = '1 h';",
		sql: "SELECT DISTINCT k, v FROM l"},
	{name: "join with a time to live", op: "Join", left: 6, why: "two of the last rows of either side, and the first one, which came before a watermark", setup: "SET 'state.ttl' = '1 h';",
		sql: "SELECT l.k, l.v, r.v AS w FROM l JOIN r ON l.k = r.k"},
	{name: "left join with a time to live", op: "Join", left: 6, why: "two of the last rows of either side, and the first one, which came before a watermark", setup: "SET 'state.ttl' = '1 h';",
		sql: "SELECT l.k, l.v, r.v AS w FROM l LEFT JOIN r ON l.k = r.k"},
	{name: "semi join by the clock", op: "Join", left: 4, why: "the two rows of either side that came when the clock had passed all", setup: "SET 'state.ttl' = '1 h';",
		sql: "SELECT k, v FROM c WHERE k IN (SELECT k FROM d)"},
	{name: "interval join", op: "IntervalJoin", left: 6, why: "the last rows",
		sql: "SELECT l.k, r.v FROM l JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts - INTERVAL '1' MINUTE AND l.ts + INTERVAL '1' MINUTE"},
	{name: "full interval join", op: "IntervalJoin", left: 6, why: "the last rows",
		sql: "SELECT l.k, r.v FROM l FULL JOIN r ON l.k = r.k AND r.ts BETWEEN l.ts - INTERVAL '1' MINUTE AND l.ts + INTERVAL '1' MINUTE"},
	{name: "window join", op: "WindowJoin", late: true, left: 6, why: "the last rows",
		sql: "SELECT a.k, b.v FROM (SELECT * FROM TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) AS a LEFT JOIN (SELECT * FROM TUMBLE(TABLE r, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) AS b ON a.k = b.k AND a.window_start = b.window_start AND a.window_end = b.window_end"},
	{name: "temporal join", op: "TemporalJoin", late: true, left: 1503, why: "the version in force of each key, the one of key -1 that comes next, and the last row of l",
		sql: "SELECT l.k, r.v FROM l ASOF JOIN r MATCH_CONDITION (l.ts >= r.ts) ON l.k = r.k"},
	{name: "ASOF join that looks ahead", op: "TemporalJoin", late: true, left: 2, why: "the last row of each, which the watermarks have not passed",
		sql: "SELECT l.k, r.v FROM l ASOF JOIN r MATCH_CONDITION (l.ts <= r.ts) ON l.k = r.k"},
	{name: "sort by time", op: "Sort", late: true, left: 1, why: "the last row",
		sql: "SELECT k, v, ts FROM l ORDER BY ts"},
	{name: "the first rows", op: "Limit", left: 0, why: "a count is no row",
		sql: "SELECT k, v FROM c LIMIT 3"},
	{name: "top-N of a window", op: "Rank", late: true, left: 2, why: "the last rows",
		sql: "SELECT k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY v) AS n FROM TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) AS x WHERE n <= 2"},
	{name: "EXCEPT within windows", op: "WindowAgg", late: true, left: 1, why: "the last rows, which are equal",
		sql: "SELECT k, window_start, window_end FROM TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '5' MINUTE) EXCEPT SELECT k, window_start, window_end FROM TUMBLE(TABLE r, DESCRIPTOR(ts), INTERVAL '5' MINUTE)"},
	{name: "over a span of time", op: "Over", late: true, left: 4, why: "the last row, the two before it that a later one could see, and their partition",
		sql: "SELECT k, MAX(v) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW) AS m FROM l"},
	{name: "over with a time to live", op: "Over", left: 3, why: "two of the last rows, and the first one, which came before a watermark", setup: "SET 'state.ttl' = '1 h';",
		sql: "SELECT k, SUM(k) OVER (PARTITION BY k ORDER BY v) AS s FROM l"},
	{name: "top-N with a time to live", op: "Rank", left: 3, why: "two of the last rows, and the first one, which came before a watermark", setup: "SET 'state.ttl' = '1 h';",
		sql: "SELECT k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS n FROM l) AS x WHERE n <= 2"},
	{name: "first rows by time with a time to live", op: "Over", late: true, left: 2, why: "the last row, which the watermark has not passed, and the number of its partition", setup: "SET 'state.ttl' = '1 h';",
		sql: "SELECT k, v FROM l QUALIFY ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) = 1 EMIT ON WINDOW CLOSE"},
	{name: "first rows as they come with a time to live", op: "Rank", left: 2, why: "the counters of the key of the last rows and of the first row, which came before a watermark", setup: "SET 'state.ttl' = '1 h';",
		sql: "SELECT k, v FROM l QUALIFY ROW_NUMBER() OVER (PARTITION BY k ORDER BY PROCTIME()) <= 2"},
	{name: "over a window", op: "Over", late: true, left: 3, why: "the window of the last rows",
		sql: "SELECT k, SUM(k) OVER (PARTITION BY window_start, window_end ORDER BY v) AS s FROM TUMBLE(TABLE l, DESCRIPTOR(ts), INTERVAL '5' MINUTE)"},
	{name: "upserts with a time to live", op: "Normalize", left: 2, why: "the key of the last rows and that of the first row, which came before a watermark", setup: "SET 'state.ttl' = '1 h';",
		sql: "SELECT k, v FROM u"},
	{name: "set operation with a time to live", op: "SetOp", left: 2, why: "the last row and the first one, which came before a watermark", setup: "SET 'state.ttl' = '1 h';",
		sql: "SELECT k, v FROM l EXCEPT SELECT k, v FROM r WHERE k > 5"},
}

// Each stateful operator has a case.
func TestForgettingIsComplete(t *testing.T) {
	files, err := filepath.Glob("../../planner/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("the planner's files are not found", err)
	}
	have := map[string]bool{}
	for _, f := range forgets {
		have[f.op] = true
	}
	stateful := 0
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name != "StateKeys" || fn.Recv == nil {
				continue
			}
			stateful++
			if op := fn.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name; !have[op] {
				t.Errorf("operator %s has state, and no case says how it goes back to nothing", op)
			}
		}
	}
	if stateful == 0 {
		t.Error("the planner has no stateful operator")
	}
}

// What time has passed goes: its rows, the memory and the files of them.
func TestForgetting(t *testing.T) {
	for _, f := range forgets {
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "case.golden")
			if err := os.WriteFile(path, fmt.Appendf(nil, forgettingSources, f.setup, f.sql), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := parseFile(path, "case")
			if err != nil {
				t.Fatal(err)
			}
			p, err := file.cases[0].plan()
			if err != nil {
				t.Fatal(err)
			}
			for _, par := range []int{1, 2} {
				synctest.Test(t, func(t *testing.T) { f.run(t, file.cases[0], p, par) })
			}
		})
	}
}

// emptyBytes is what the tables of an operator may take in a shard with hardly a row in
// them: the last chunks of an arena, of a MiB each, are kept for what comes, and what is left
// keeps its own.
const emptyBytes = 4 << 20

func (f *forgetting) run(t *testing.T, c *testCase, p *planned, par int) {
	node := -1
	for i, n := range p.job.Nodes {
		if reflect.TypeOf(n.Op).Elem().Name() == f.op {
			node = i
		}
	}
	if _, ok := stateOf(p.job, node); !ok {
		t.Fatalf("no operator of the plan is a %s", f.op)
	}
	feed, world, now := c.feed(1), newWorld(), clock.NewVirtual(liveStart)
	for _, s := range feed.sources {
		for i := range s.ended {
			s.ended[i] = false
		}
	}
	cfg := world.config(p.job, p.set, feed, variant{batch: 64, par: par, splits: 1})
	cfg.Env, cfg.CommitInterval = connectors.Env{Clock: now}, time.Second
	ctx, cancel := context.WithCancel(context.Background())
	job := exec.Start(ctx, cfg)
	defer func() {
		cancel()
		if err := job.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	synctest.Wait()
	at := func(d time.Duration) string { return liveStart.Add(d).Format("2006-01-02 15:04:05.000") }
	// text is of a length that its row can't hold.
	add := func(k int, at string) {
		for _, s := range []string{"l", "r", "c", "d", "u"} {
			if feed.sources[s] == nil {
				continue
			}
			rec := fmt.Sprintf(`{"k": %d, "v": "%08000d", "ts": "%s"}`, k, k, at)
			if s == "c" || s == "d" {
				rec = fmt.Sprintf(`{"k": %d, "v": "%08000d"}`, k, k)
			}
			if err := feed.add(s, 0, parseRecord(rec)); err != nil {
				t.Fatal(err)
			}
		}
	}
	pass := func(d time.Duration) {
		for range 8 {
			now.Advance(d / 8)
			synctest.Wait()
		}
	}
	gauges := func() (rows, bytes, disk, late int64) {
		for _, o := range world.last.Operators {
			if o.Node == node {
				rows, bytes, disk = o.StateRows, o.MemoryBytes, o.DiskBytes
			}
		}
		return rows, bytes, disk, world.last.Late
	}
	for k := range 1500 {
		add(k, at(time.Duration(k)*400*time.Millisecond))
	}
	pass(10 * time.Second)
	full, fullBytes, fullDisk, _ := gauges()
	if full < 1 && f.left > 0 {
		t.Errorf("of 1500 rows it holds %d", full)
	}
	add(-1, at(24*time.Hour))
	pass(24 * time.Hour)
	for i := range 2 { // the watermark is beyond the first one, and a commit has cleaned up
		add(-1, at(24*time.Hour+time.Duration(1+i)*time.Second))
		pass(10 * time.Second)
	}
	rows, bytes, disk, late := gauges()
	if f.left < 10 && disk > max(emptyBytes*int64(par), fullDisk/2) {
		t.Errorf("it takes %d bytes on disk, and %d at its fullest", disk, fullDisk)
	}
	t.Logf("full: %d rows, %d bytes; then %d rows, %d bytes, %d on disk", full, fullBytes, rows, bytes, disk)
	if rows != f.left {
		t.Errorf("it holds %d rows, %d are what it keeps (%s)", rows, f.left, f.why)
	}
	if f.left < 10 && bytes > max(emptyBytes*int64(par), fullBytes/2) {
		t.Errorf("it takes %d bytes, and %d at its fullest", bytes, fullBytes)
	}
	if late != 0 {
		t.Errorf("%d rows were late before one was", late)
	}
	add(7, at(time.Minute))
	pass(10 * time.Second)
	if _, _, _, late = gauges(); f.late != (late > 0) {
		t.Errorf("a row of the past gives %d late rows", late)
	}
}

// stateOf gives the operator of a node that has state.
func stateOf(p *planner.Plan, node int) (planner.Stateful, bool) {
	if node < 0 {
		return nil, false
	}
	op, ok := p.Nodes[node].Op.(planner.Stateful)
	return op, ok
}
