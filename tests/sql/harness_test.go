package sql

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
)

// caseOf parses a file of one case.
func caseOf(t *testing.T, text string) *testCase {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.golden")
	if err := os.WriteFile(path, []byte("# Expected: by hand.\n\n"+text), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := parseFile(path, "x.golden")
	if err != nil {
		t.Fatal(err)
	}
	return f.cases[0]
}

const counted = `source t
k STRING, v INT
----
a,1
b,2
a,3
b,4

query%s
SELECT k, SUM(v) AS s FROM t GROUP BY k
----
k | s
a | 4
b | %s
`

// TestHarnessNotices holds that a wrong answer fails, in every way of running a
// case.
func TestHarnessNotices(t *testing.T) {
	run := func(c *testCase) (asJob, asSelect error) {
		p, err := c.plan()
		if err != nil {
			t.Fatal(err)
		}
		v := variant{batch: 2, par: 2, splits: 2, barrier: 1, order: "up", cut: killCut}
		_, asJob = c.testJob(p, p.job, v, &prefixes{})
		return asJob, c.testSelect(p, v)
	}
	fill := func(options, last string) string {
		return strings.Replace(strings.Replace(counted, "%s", options, 1), "%s", last, 1)
	}
	if asJob, asSelect := run(caseOf(t, fill("", "6"))); asJob != nil || asSelect != nil {
		t.Errorf("the right answer fails: %v, %v", asJob, asSelect)
	}
	for name, c := range map[string]*testCase{
		"value":  caseOf(t, fill("", "7")),
		"more":   caseOf(t, fill("", "6\nb | 6")),
		"order":  caseOf(t, "source t\nv INT\n----\n1\n2\n\nquery ordered\nSELECT v FROM t ORDER BY v\n----\nv\n2\n1\n"),
		"column": caseOf(t, strings.Replace(fill("", "6"), "k | s", "k | t", 1)),
		"type":   caseOf(t, strings.Replace(fill("", "6"), "k | s", "k | s DOUBLE", 1)),
	} {
		asJob, asSelect := run(c)
		if asJob == nil || asSelect == nil {
			t.Errorf("%s: nobody notices: as a job %v, as a SELECT %v", name, asJob, asSelect)
		}
	}
	// Counts are held where the run reports its last commit.
	c := caseOf(t, fill(" late=1", "6"))
	p, err := c.plan()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.testJob(p, p.job, variant{batch: 1, par: 1, splits: 1, barrier: 1000, cut: noCut}, &prefixes{}); err == nil {
		t.Error("a wrong count of late rows goes unnoticed")
	}
}

// TestFold holds that an inconsistent changelog is an error.
func TestFold(t *testing.T) {
	plus := func(cells ...string) change { return change{catalog.Insert, cells} }
	minus := func(cells ...string) change { return change{catalog.Delete, cells} }
	for _, tc := range []struct {
		name    string
		key     []int
		changes []change
		bad     bool
	}{
		{"balanced", nil, []change{plus("a"), plus("a"), minus("a")}, false},
		{"without its row", nil, []change{plus("a"), minus("b")}, true},
		{"once too often", nil, []change{plus("a"), minus("a"), minus("a")}, true},
		{"replaced", []int{0}, []change{plus("a", "1"), plus("a", "2"), minus("a", "2")}, false},
		{"no such key", []int{0}, []change{plus("a", "1"), minus("b", "1")}, true},
		{"-U by key", []int{0}, []change{plus("a", "1"), {catalog.UpdateBefore, []string{"a", "1"}}}, true},
	} {
		tbl := newTable(tc.key)
		var err error
		for _, c := range tc.changes {
			if e := tbl.apply(c); e != nil && err == nil {
				err = e
			}
		}
		if (err != nil) != tc.bad {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	tbl := newTable(nil)
	for _, c := range []change{plus("a", "1"), plus("a", "2")} {
		if err := tbl.apply(c); err != nil {
			t.Fatal(err)
		}
	}
	if tbl.duplicates([]int{0}) == nil || tbl.duplicates([]int{0, 1}) != nil {
		t.Error("duplicates of an upsert key are not told from rows")
	}
}

// TestCommitsAreChecked holds that a commit that shows too little, too much or
// the wrong rows is noticed even if later ones mend it.
func TestCommitsAreChecked(t *testing.T) {
	c := caseOf(t, strings.Replace(strings.Replace(counted, "%s", "", 1), "%s", "6", 1))
	p, err := c.plan()
	if err != nil {
		t.Fatal(err)
	}
	v := variant{batch: 1, par: 1, splits: 1, barrier: 1, order: "up", cut: noCut}
	w, _, err := c.runJob(p.job, p.set, v)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.checkCommits(c, p, p.job, 1, &prefixes{}); err != nil {
		t.Fatalf("as it is: %v", err)
	}
	s := w.out.sinks["out"]
	// The rows of commit 2 come with commit 3.
	s.shown[3] = append(s.shown[2], s.shown[3]...)
	delete(s.shown, 2)
	if err := w.checkCommits(c, p, p.job, 1, &prefixes{}); err == nil {
		t.Error("rows that come a commit late go unnoticed")
	}
}

// TestCrash holds that a crash loses what was not prepared, and that a ghost
// writes nothing.
func TestCrash(t *testing.T) {
	o := newOutside()
	s := &captured{
		written:  map[uint64][]change{2: {{cells: []string{"lost"}}}},
		prepared: map[uint64][]change{1: {{cells: []string{"kept"}}}},
		shown:    map[uint64][]change{},
	}
	o.sinks["out"] = s
	after := o.crash()
	ghost := &captureSink{o: o, s: s}
	if err := ghost.Commit(t.Context(), 1, []byte("intent")); err == nil {
		t.Error("a ghost commits")
	}
	sink := &captureSink{o: after, s: after.sinks["out"]}
	if err := sink.Commit(t.Context(), 2, []byte("intent")); err == nil {
		t.Error("what was only written is committed")
	}
	if err := sink.Commit(t.Context(), 1, []byte("intent")); err != nil {
		t.Error(err)
	}
	if _, shown := after.commits("out"); len(shown[1]) != 1 {
		t.Errorf("what was prepared is lost: %v", shown)
	}
}

// TestCells holds the format of values that could be mistaken.
func TestCells(t *testing.T) {
	for text, want := range map[string]string{
		"": "''", "NULL": "'NULL'", " x": "' x'", "a|b": "'a|b'", "it's": "'it''s'", "two\nlines": `'two\nlines'`,
	} {
		if !mistakable(text) || quote(text) != want {
			t.Errorf("%q is written %s", text, quote(text))
		}
	}
	if mistakable("plain text") {
		t.Error("plain text is quoted")
	}
	if got := normal("a   |'x | y' |  NULL"); got != "a | 'x | y' | NULL" {
		t.Errorf("normal form: %s", got)
	}
	for _, tc := range [][3]string{{"12345", "2", "123.45"}, {"-5", "3", "-0.005"}, {"7", "0", "7"}} {
		if got := decimal(tc[0], int(tc[1][0]-'0')); got != tc[2] {
			t.Errorf("%s with scale %s is written %s", tc[0], tc[1], got)
		}
	}
}
