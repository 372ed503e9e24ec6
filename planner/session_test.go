package planner_test

import (
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

func run(t *testing.T, s *planner.Session, sql string) *planner.Script {
	t.Helper()
	script, err := s.Analyze(parser.NewSource("test.sql", sql))
	if err != nil {
		t.Fatal(formatted(err))
	}
	return script
}

// A script with an error leaves neither its definitions nor its settings behind.
func TestScriptIsAllOrNothing(t *testing.T) {
	s := newSession()
	_, err := s.Analyze(parser.NewSource("bad.sql", "CREATE SOURCE a (id INT) WITH ('connector'='events'); SET 'parallelism' = '7'; CREATE DATABASE d; USE d; SELECT nothing FROM a"))
	if err == nil {
		t.Fatal("the script passes")
	}
	if n := len(s.Catalog().Objects()); n != 0 {
		t.Errorf("%d objects stay behind", n)
	}
	if s.Settings().IsSet(catalog.ParallelismKey) || s.Namespace() != catalog.DefaultNamespace {
		t.Error("a setting or the database stays behind")
	}
}

// Definitions and settings of one script are there in the next.
func TestSessionRemembers(t *testing.T) {
	s := newSession()
	run(t, s, "CREATE SOURCE a (id INT) WITH ('connector'='events'); SET 'parallelism' = '7'; CREATE DATABASE d; USE d")
	script := run(t, s, "SELECT * FROM default_database.a")
	sel := script.Steps[0].(*planner.Select)
	if got := sel.Settings.Int(catalog.ParallelismKey); got != 7 {
		t.Errorf("parallelism is %d", got)
	}
	run(t, s, "SET 'parallelism' = '8'")
	if got := sel.Settings.Int(catalog.ParallelismKey); got != 7 {
		t.Errorf("a later SET reaches an earlier step: parallelism is %d", got)
	}
}

// The job is the last step; it has the name, the settings of its INSERTs and
// what it uses.
func TestJob(t *testing.T) {
	s := newSession()
	script := run(t, s, `
		CREATE SOURCE a (id INT) WITH ('connector'='events', 'on-error'='dead-letter', 'dead-letter.sink'='bad');
		CREATE SINK bad (raw BYTES) WITH ('connector'='append');
		CREATE VIEW v AS SELECT id FROM a;
		CREATE SINK o (id INT) WITH ('connector'='append');
		CREATE SINK unused (id INT) WITH ('connector'='append');
		SET 'job.name' = 'mine';
		INSERT INTO o SELECT id FROM v;
		SET 'format' = 'json';
		INSERT INTO o SELECT id + 1 FROM v;
		SELECT 1;
		SET 'parallelism' = '3'`)
	job, ok := script.Steps[len(script.Steps)-1].(*planner.Job)
	if !ok {
		t.Fatalf("the last step is %T", script.Steps[len(script.Steps)-1])
	}
	if job.Plan.Job != "mine" || job.Settings.IsSet(catalog.ParallelismKey) {
		t.Errorf("job %q with parallelism %s", job.Plan.Job, job.Settings.Get(catalog.ParallelismKey))
	}
	uses := map[string]bool{}
	for _, u := range job.Uses {
		uses[u.Object] = true
	}
	if len(uses) != 4 || !uses["a"] || !uses["v"] || !uses["o"] || !uses["bad"] {
		t.Errorf("the job uses %v", uses)
	}
}

// A definition that is replaced within a script is two sources.
func TestReplacedSource(t *testing.T) {
	s := newSession()
	script := run(t, s, `
		CREATE SOURCE a (id INT) WITH ('connector'='events', 'rate'='1');
		CREATE SINK o (id INT) WITH ('connector'='append');
		INSERT INTO o SELECT id FROM a;
		ALTER SOURCE a SET ('rate'='2');
		INSERT INTO o SELECT id FROM a`)
	job := script.Steps[len(script.Steps)-1].(*planner.Job)
	rates := map[string]string{}
	for _, n := range job.Plan.Nodes {
		if op, ok := n.Op.(*planner.Scan); ok {
			rates[op.Source] = op.Options["rate"]
		}
	}
	if len(rates) != 2 || rates["a"] != "1" {
		t.Errorf("scans with rates %v", rates)
	}
}

// What a store has kept is made again, in its own database.
func TestRestore(t *testing.T) {
	first := newSession()
	run(t, first, "CREATE DATABASE d; USE d; CREATE SOURCE a (id INT, b AS id + 1) WITH ('connector'='events'); USE default_database; CREATE VIEW v AS SELECT b FROM d.a; CREATE TEMPORARY VIEW tmp AS SELECT 1 AS x")
	store := catalog.DirStore{Dir: t.TempDir()}
	if err := store.Save(first.Catalog().Definitions()); err != nil {
		t.Fatal(err)
	}
	kept, err := store.Load()
	if err != nil {
		t.Fatal(err)
	}
	second := newSession()
	if errs := second.Restore(kept); len(errs) > 0 {
		t.Fatal(errs)
	}
	run(t, second, "SELECT b + 1 FROM v; SELECT id FROM d.a")
	if got, want := len(second.Catalog().Objects()), 2; got != want {
		t.Errorf("%d objects, want %d", got, want)
	}
	third := newSession()
	kept[0].SQL = strings.Replace(kept[0].SQL, "events", "gone", 1)
	if errs := third.Restore(kept); len(errs) != 2 {
		t.Errorf("a source without connector and a view of it: %v", errs)
	}
}

// Names of a view are looked up where the view was made.
func TestViewKeepsItsNamespace(t *testing.T) {
	s := newSession()
	run(t, s, "CREATE SOURCE a (id INT) WITH ('connector'='events'); CREATE VIEW v AS SELECT id FROM a; CREATE DATABASE d; USE d; CREATE SOURCE a (other INT) WITH ('connector'='events')")
	script := run(t, s, "SELECT * FROM default_database.v")
	plan := script.Steps[0].(*planner.Select).Plan
	if got := plan.Nodes[len(plan.Nodes)-1].Cols[0].Name; got != "id" {
		t.Errorf("the view reads the source of another database: %s", got)
	}
}
