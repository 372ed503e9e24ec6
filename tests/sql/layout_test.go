package sql

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/statestore"
)

// layoutsFile has, for each query, how the state of its operators is laid out and a sum
// of what they store.
const layoutsFile = "testdata/layouts.txt"

// storedQueries are those whose state is looked at besides those of forgets: the
// operators that these leave out.
var storedQueries = []forgetting{
	{name: "keep the first row", sql: "SELECT k, v FROM c QUALIFY ROW_NUMBER() OVER (PARTITION BY k ORDER BY PROCTIME()) = 1"},
	{name: "keep the last row", sql: "SELECT k, v FROM c QUALIFY ROW_NUMBER() OVER (PARTITION BY k ORDER BY PROCTIME() DESC) = 1"},
	{name: "aggregates", sql: "SELECT k % 3 AS g, COUNT(*) AS n, SUM(k) AS s, AVG(k / 3) AS a, MIN(v) AS lo, VAR_SAMP(k) AS var, COUNT(DISTINCT v) AS d, STRING_AGG(v, ',') AS l, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY k) AS p, BIT_AND(k) AS b, APPROX_COUNT_DISTINCT(v) AS h FROM c GROUP BY k % 3"},
	{name: "aggregates over updates", sql: "SELECT n, COUNT(*) AS c, MAX(k) AS m, SUM(s) AS s FROM (SELECT k, COUNT(*) AS n, SUM(k) AS s FROM c GROUP BY k) AS x GROUP BY n"},
	{name: "changes now and then", sql: "SELECT k, COUNT(*) AS n FROM c GROUP BY k EMIT EVERY INTERVAL '1' MINUTE"},
	{name: "panes with keys in common", sql: "SELECT k, window_start, COUNT(*) AS n, SUM(k) AS s FROM HOP(TABLE l, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE) GROUP BY k, window_start, window_end"},
	{name: "over in order of time", sql: "SELECT k, SUM(k) OVER (PARTITION BY k % 3 ORDER BY ts) AS s, LAG(v, 2) OVER (PARTITION BY k % 3 ORDER BY ts) AS p FROM l"},
	{name: "a join for ever", sql: "SELECT c.k, c.v, d.v AS w FROM c FULL JOIN d ON c.k = d.k"},
	{name: "sort", bounded: true, sql: "SELECT k, v FROM c ORDER BY v DESC, k"},
}

// The version of a layout is raised when what is stored changes: a run with the last
// version's state would go wrong in silence otherwise.
//
// A query whose layout or bytes have changed: raise the version that says so (Layout of
// the operator, or of what it is made of), delete the query's lines from the file, and
// have them filled in with -rewrite.
func TestStoredLayouts(t *testing.T) {
	old := readLayouts(t)
	met := map[string]bool{}
	for _, f := range slices.Concat(forgets, storedQueries) {
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) {
			layouts, sum := f.stored(t)
			for _, l := range layouts {
				met[layoutName.FindStringSubmatch(l)[1]] = true
			}
			now := strings.Join(layouts, "\n") + "\n" + sum
			was, ok := old[f.name]
			switch {
			case !ok && *rewrite:
				old[f.name] = now
			case !ok:
				t.Errorf("%s says nothing of this query: -rewrite fills it in", layoutsFile)
			case was == now:
			case layoutOf(was) != layoutOf(now):
				t.Errorf("the layout of the state has changed: from now on state of older versions is refused. If that is meant, delete the query's lines from %s and fill them in with -rewrite\nwas:\n%s\nnow:\n%s", layoutsFile, was, now)
			default:
				t.Errorf("the operators store other bytes, and their layout says that it is the same: raise a version in it, or state of older versions is read wrong\nlayout:\n%s\nwas %s, now %s", layoutOf(was), was[len(layoutOf(was)):], sum)
			}
		})
	}
	if *rewrite {
		writeLayouts(t, old)
	}
	for _, name := range layoutNames(t) {
		if !met[name] {
			t.Errorf("no query here has an operator whose layout is %q", name)
		}
	}
}

// A layout begins with the operator's name for it and a version.
var layoutName = regexp.MustCompile(`^([a-zA-Z ]+) \d`)

// layoutOf is an entry without its sum.
func layoutOf(entry string) string { return entry[:strings.LastIndexByte(entry, '\n')] }

// stored runs the query over some records, and gives the layouts of its operators and
// a sum of what they store.
func (f *forgetting) stored(t *testing.T) (layouts []string, sum string) {
	path := filepath.Join(t.TempDir(), "case.golden")
	sources := forgettingSources
	if f.bounded {
		sources = strings.ReplaceAll(sources, " live\n", "\n")
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, sources, f.setup, f.sql), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := parseFile(path, "case")
	if err != nil {
		t.Fatal(err)
	}
	c := file.cases[0]
	p, err := c.plan()
	if err != nil {
		t.Fatal(err)
	}
	feed, world := c.feed(1), newWorld()
	for i := range 60 {
		k := i * 7 % 11
		v := strings.Repeat("v", 1+i%30) // some stand in their rows, some do not
		at := liveStart.Add(time.Duration(i*5-i%4*3) * time.Second).Format("2006-01-02 15:04:05.000")
		for name, s := range feed.sources {
			rec := fmt.Sprintf(`{"k": %d, "v": "%s", "ts": "%s"}`, k, v, at)
			if name == "c" || name == "d" {
				rec = fmt.Sprintf(`{"k": %d, "v": "%s"}`, k, v)
			}
			s.ended[0] = false
			if err := feed.add(name, 0, parseRecord(rec)); err != nil {
				t.Fatal(err)
			}
			s.ended[0] = true
		}
	}
	cfg := world.config(p.job, p.set, feed, variant{batch: 8, par: 1, splits: 1, barrier: 25, order: "up"})
	cfg.Env = connectors.Env{Clock: clock.NewVirtual(liveStart)}
	cfg.Trigger, cfg.Hold = catalog.Trigger{Kind: catalog.AvailableNowTrigger}, f.bounded
	if err := run(cfg); err != nil {
		t.Fatal(err)
	}
	st, err := statestore.Open(cfg.StateDir, statestore.Options{FS: cfg.StateFS})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	last, ok := st.Last()
	if !ok {
		t.Fatal("nothing was committed")
	}
	var meta struct {
		Query []struct{ Layout string }
	}
	if err := json.Unmarshal(last.Meta["job"], &meta); err != nil {
		t.Fatal(err)
	}
	for _, q := range meta.Query {
		if q.Layout != "" {
			layouts = append(layouts, q.Layout)
		}
	}
	h := xxh3.New()
	size := 0
	for _, n := range p.job.Nodes {
		if n.StateID == 0 {
			continue
		}
		err := st.Read(statestore.OperatorID(n.StateID), 0, func(b statestore.Block) error {
			fmt.Fprintf(h, "%d %d %d ", b.Stream.Part, b.Stream.Bucket, len(b.Data))
			_, err := h.Write(b.Data)
			size += len(b.Data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return layouts, fmt.Sprintf("%d bytes, sum %016x", size, h.Sum64())
}

// layoutNames are the names that begin the layouts of the engine's operators.
func layoutNames(t *testing.T) []string {
	files, err := filepath.Glob("../../exec/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	method := regexp.MustCompile(`(?s)\) Layout\(\) string \{[^"}]*"([a-z A-Z]+) \d`)
	restore := regexp.MustCompile(`\) Restore\(\w+ \*op\.Restore\) error`)
	var names []string
	operators := 0
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		n := len(restore.FindAll(src, -1))
		if n == 0 {
			continue
		}
		operators += n
		for _, m := range method.FindAllSubmatch(src, -1) {
			names = append(names, string(m[1]))
		}
	}
	if len(names) != operators || operators == 0 {
		t.Fatalf("%d operators have state, %d say how it is laid out: %q", operators, len(names), names)
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != operators {
		t.Errorf("two operators have layouts of one name: %q", names)
	}
	return names
}

func readLayouts(t *testing.T) map[string]string {
	text, err := os.ReadFile(layoutsFile)
	if err != nil && !*rewrite {
		t.Fatal(err)
	}
	entries := map[string]string{}
	for _, e := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		if name, rest, ok := strings.Cut(e, "\n"); ok && !strings.HasPrefix(name, "#") {
			entries[name] = rest
		}
	}
	return entries
}

func writeLayouts(t *testing.T, entries map[string]string) {
	text := "# How operators lay out their state, and a sum of what they store of some rows.\n# TestStoredLayouts says when an entry may change.\n"
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		text += "\n" + name + "\n" + entries[name] + "\n"
	}
	if err := os.WriteFile(layoutsFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
