package sql

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/planner"
)

var rewrite = flag.Bool("rewrite", false, "fill in what is expected where a case expects nothing yet")

// TestGolden runs all golden files, each case in all its circumstances.
func TestGolden(t *testing.T) {
	var paths []string
	err := filepath.WalkDir("testdata", func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".golden") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(path), "testdata/"), ".golden")
		t.Run(name, func(t *testing.T) {
			f, err := parseFile(path, name+".golden")
			if err != nil {
				t.Fatal(err)
			}
			if *rewrite {
				f.fill(t, path)
				return
			}
			for _, c := range f.cases {
				t.Run(fmt.Sprintf("line=%d", c.line), func(t *testing.T) {
					t.Parallel()
					c.test(t)
				})
			}
		})
	}
}

// test runs a case.
func (c *testCase) test(t *testing.T) {
	for _, w := range c.want {
		if len(w.lines) == 0 {
			t.Fatalf("%s:%d: nothing is expected yet: write it down, or fill it in with -rewrite and say where it comes from", c.file, c.line)
		}
	}
	switch c.kind {
	case "error":
		c.testError(t)
		return
	case "explain":
		if d := diff(c.want[0].lines, c.explain(t)); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
		return
	}
	p, err := c.plan()
	if err != nil {
		t.Fatalf("%s:%d: %v", c.file, c.line, err)
	}
	if c.kind == "live" {
		c.testLive(t, p)
		return
	}
	memo := &prefixes{}
	for _, v := range c.jobVariants(p.job) {
		c.inVariant(t, "as=job,"+v.String(), func(*testing.T) (string, error) { return c.testJob(p, p.job, v, memo) })
	}
	if p.sel == nil {
		return
	}
	for i, v := range c.selectVariants() {
		c.inVariant(t, "as=select,"+v.String(), func(*testing.T) (string, error) { return "", c.testSelect(p, v) })
		if p.upsert != nil && !c.nullKeys(p) {
			v.cut = []string{noCut, killCut, scaleCut, killCut}[i%4]
			c.inVariant(t, "as=upsert,"+v.String(), func(*testing.T) (string, error) { return c.testJob(p, p.upsert, v, memo) })
		}
	}
}

// shownFailures is how many variants of a case fail at length.
const shownFailures = 2

// inVariant runs a case in one variant.
func (c *testCase) inVariant(t *testing.T, name string, f func(*testing.T) (how string, err error)) {
	t.Run(name, func(t *testing.T) {
		how, err := f(t)
		if err == nil {
			return
		}
		if c.failures++; c.failures > shownFailures {
			t.Errorf("%s", strings.SplitN(err.Error(), "\n", 2)[0])
			return
		}
		if how != "" {
			how = "\n" + how
		}
		t.Errorf("tests/sql/testdata/%s:%d: %s%s\n%s\n----\n%v\nrerun: go test ./tests/sql -run '%s'",
			c.file, c.line, name, how, c.sql, err, "^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	})
}

// nullKeys says whether an expected row has NULL in the upsert key, which a sink
// with a primary key does not take.
func (c *testCase) nullKeys(p *planned) bool {
	for _, l := range c.want[0].lines[1:] {
		cells := strings.Split(normal(l), " | ")
		for _, k := range p.key {
			if cells[k] == "NULL" {
				return true
			}
		}
	}
	return false
}

// jobVariants gives the circumstances of a case as a job.
func (c *testCase) jobVariants(plan *planner.Plan) []variant {
	s, q := c.splitChoices(), cuts
	if plan.Merge {
		// The merge is one of whole inputs: half of each has another.
		q = slices.DeleteFunc(slices.Clone(q), func(s string) bool { return s == holdCut })
	}
	return variants(s, q)
}

// splitChoices gives the numbers of splits to deal a case's records out to.
func (c *testCase) splitChoices() []int {
	if n := c.number("splits"); n > 0 {
		return []int{int(n)}
	}
	for _, in := range c.sources {
		if !in.given {
			return splits
		}
	}
	return splits[:1]
}

// selectVariants gives some circumstances of a case as a SELECT, which has
// neither barriers nor a state to come back to.
func (c *testCase) selectVariants() []variant {
	s := c.splitChoices()
	out := []variant{
		{1, 1, s[0], 1000, "up", noCut}, {2, 3, s[1%len(s)], 1000, "down", noCut},
		{7, 2, s[2%len(s)], 1, "time", noCut}, {1000, 3, s[0], 7, "down", noCut},
	}
	return out
}

// testJob runs the case as a job and checks all of it.
func (c *testCase) testJob(p *planned, plan *planner.Plan, v variant, memo *prefixes) (how string, err error) {
	w, how, err := c.runJob(plan, p.set, v)
	if err != nil {
		return how, err
	}
	if err := w.checkCommits(c, p, plan, v.splits, memo); err != nil {
		return how, err
	}
	for i, name := range p.sinks {
		t, err := w.fold(name, nil)
		if err != nil {
			return how, err
		}
		got := t.lines()
		if c.option("ordered") {
			got = t.order
		}
		header, want := c.header(p, i, w)
		if err := c.compare(header, c.want[i].lines, got, want); err != nil {
			return how, err
		}
	}
	return how, c.checkCounts(w)
}

// testSelect runs the case as a SELECT.
func (c *testCase) testSelect(p *planned, v variant) error {
	rows, w, err := c.runSelect(p.sel, p.set, v)
	if err != nil {
		return err
	}
	t := newTable(nil)
	for _, r := range rows {
		if err := t.apply(r); err != nil {
			return err
		}
	}
	got := t.lines()
	if c.option("ordered") {
		got = t.order
	}
	var header, typed []string
	for _, col := range p.cols {
		header, typed = append(header, col.Name), append(typed, col.Name+" "+col.Type.String())
	}
	if err := c.compare(header, c.want[0].lines, got, typed); err != nil {
		return err
	}
	return c.checkCounts(w)
}

// header gives the names of a sink's columns, bare and with types.
func (c *testCase) header(p *planned, i int, w *world) (names, typed []string) {
	if p.sel != nil {
		for _, col := range p.cols {
			names, typed = append(names, col.Name), append(typed, col.Name+" "+col.Type.String())
		}
		return names, typed
	}
	if s := w.out.sinks[p.sinks[i]]; s != nil {
		for _, col := range s.cols {
			names, typed = append(names, col.Name), append(typed, col.Name+" "+col.Type.String())
		}
	}
	return names, typed
}

// compare holds rows against the expected lines, the first of which names the
// columns, with or without types.
func (c *testCase) compare(names, want, got, typed []string) error {
	head := strings.Split(normal(want[0]), " | ")
	for i := range head {
		if i < len(names) && head[i] != names[i] && head[i] != typed[i] || len(head) != len(names) {
			return fmt.Errorf("the columns are (-want +got):\n- %s\n+ %s", line(head), line(typed))
		}
	}
	var rows []string
	for _, l := range want[1:] {
		rows = append(rows, normal(l))
	}
	if d := diff(rows, got); d != "" {
		return errors.New("the rows differ (-want +got):\n" + d)
	}
	if c.option("ordered") && !slices.Equal(rows, got) {
		return fmt.Errorf("the rows are right, their order is not; got:\n%s", strings.Join(got, "\n"))
	}
	return nil
}

// checkCounts holds the counts of late and bad rows.
func (c *testCase) checkCounts(w *world) error {
	if !w.last.Finished {
		return nil // killed after the last commit and before its report
	}
	if n := c.number("late"); n >= 0 && w.last.Late != n {
		return fmt.Errorf("%d late rows are counted, expected %d", w.last.Late, n)
	}
	if n := c.number("bad"); n >= 0 && w.last.Bad != n {
		return fmt.Errorf("%d bad records are counted, expected %d", w.last.Bad, n)
	}
	return nil
}

// testError checks that planning or running fails as it should.
func (c *testCase) testError(t *testing.T) {
	check := func(err error) error {
		if err == nil {
			return errors.New("no error")
		}
		for _, want := range c.want[0].lines {
			if !strings.Contains(err.Error(), want) {
				return fmt.Errorf("the error lacks\n  %s\nIt is:\n%w", want, err)
			}
		}
		return nil
	}
	if c.option("plan") {
		_, err := c.script(c.sql)
		if err := check(err); err != nil {
			t.Errorf("%s:%d: %v", c.file, c.line, err)
		}
		return
	}
	kind := *c
	kind.kind = "query"
	if strings.HasPrefix(strings.ToUpper(c.sql), "INSERT") {
		kind.kind = "job"
	}
	p, err := kind.plan()
	if err != nil {
		t.Fatalf("%s:%d: %v", c.file, c.line, err)
	}
	for _, v := range c.selectVariants() {
		v.cut = noCut
		c.inVariant(t, v.String(), func(*testing.T) (string, error) {
			_, _, err := c.runJob(p.job, p.set, v)
			return "", check(err)
		})
	}
}

// explain gives the lines of the messages of a statement.
func (c *testCase) explain(t *testing.T) []string {
	m, err := step[*planner.Message](c, c.sql)
	if err != nil {
		t.Fatalf("%s:%d: %v", c.file, c.line, err)
	}
	return strings.Split(strings.TrimRight(m.Text, "\n"), "\n")
}

// fill writes what comes out into the cases of a file that expect nothing yet.
func (f *file) fill(t *testing.T, path string) {
	filled := 0
	for _, c := range slices.Backward(f.cases) {
		if len(c.want) > 1 || len(c.want[0].lines) > 0 || c.kind != "query" && c.kind != "explain" {
			continue
		}
		var out []string
		if c.kind == "explain" {
			out = c.explain(t)
		} else {
			p, err := c.plan()
			if err != nil {
				t.Fatalf("%s:%d: %v", c.file, c.line, err)
			}
			v := variant{1000, 1, c.splitChoices()[0], 1000, "up", noCut}
			rows, _, err := c.runSelect(p.sel, p.set, v)
			if err != nil {
				t.Fatalf("%s:%d: %v", c.file, c.line, err)
			}
			var names []string
			for _, col := range p.cols {
				names = append(names, col.Name)
			}
			out = append(out, line(names))
			for _, r := range rows {
				out = append(out, line(r.cells))
			}
		}
		f.lines = slices.Insert(f.lines, c.end, out...)
		filled++
	}
	if filled == 0 {
		return
	}
	if err := os.WriteFile(path, []byte(strings.Join(f.lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("WARNING: %s: %d expectations are now what the engine gives. They prove nothing until somebody\n"+
		"has worked them out by other means; the comment \"# Expected:\" of the file must say which.\n", path, filled)
}
