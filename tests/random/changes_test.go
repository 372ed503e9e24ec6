package random

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/internal/crashfs"
	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

// declarationChanges is the base table as a changelog without an end.
const declarationChanges = `CREATE SOURCE r (
  id BIGINT NOT NULL, a BIGINT%[1]s, b BIGINT%[1]s, n INT%[1]s, x BIGINT%[1]s, d DOUBLE%[1]s, s STRING%[1]s, k STRING%[1]s, f BOOLEAN%[1]s, ts TIMESTAMP(3)%[1]s%[2]s
) WITH ('connector' = 'memory', 'splits' = '%[3]d', 'bounded' = 'false', 'changelog-mode' = 'retract');
`

// changing is a query over a table that changes, as a job that runs for a while,
// stops or is killed, and goes on with other settings.
type changing struct {
	query  relation
	log    changelog
	script string
	key    []int // of the sink, by which it replaces rows; nil: it takes -U and -D
	dir    string
	state  *crashfs.FS
	store  *memory.Store
	filled bool  // no column has NULLs
	sent   []int // changes of each split that the source has by now
	*rand.Rand
}

// plan makes the script and plans it: often with a sink that replaces rows by the
// query's upsert key, or by another one.
func (c *changing) plan() error {
	primary := ""
	if c.IntN(2) == 0 {
		primary = ", PRIMARY KEY (id) NOT ENFORCED"
	}
	notNull := ""
	if c.filled {
		notNull = " NOT NULL"
	}
	source := fmt.Sprintf(declarationChanges, notNull, primary, len(c.log))
	var cols []string
	for _, col := range c.query.cols {
		cols = append(cols, col.name+" "+col.sinkType())
	}
	insert := ") WITH ('connector' = 'memory');\nINSERT INTO o " + c.query.text.ours
	c.script = source + "CREATE SINK o (" + strings.Join(cols, ", ") + insert
	in, err := c.analyze()
	if err != nil {
		return err
	}
	nullable := func(i int) bool { return !in.Cols[i].NotNull }
	with := func(key []int) string {
		var keyed []string
		for _, i := range key {
			keyed = append(keyed, c.query.cols[i].name)
		}
		return source + "CREATE SINK o (" + strings.Join(cols, ", ") + ", PRIMARY KEY (" + strings.Join(keyed, ", ") + ") NOT ENFORCED" + insert
	}
	plain := c.script
	switch key := in.Props.UpsertKey; c.IntN(4) {
	case 0:
	case 1:
		// Another key, if the planner takes one.
		for _, i := range c.Perm(len(cols)) {
			if nullable(i) {
				continue
			}
			c.key, c.script = []int{i}, with([]int{i})
			if _, err := c.analyze(); err == nil {
				return nil
			}
		}
		c.key, c.script = nil, plain
	default:
		if len(key) > 0 && !slices.ContainsFunc(key, nullable) {
			c.key, c.script = key, with(key)
		}
	}
	return nil
}

// analyze plans the script and gives the sink's input.
func (c *changing) analyze() (*planner.Node, error) {
	eng, session, err := c.open(0)
	if err != nil {
		return nil, err
	}
	defer eng.Close()
	plan, err := session.Analyze("job", c.script)
	if err != nil {
		return nil, err
	}
	nodes := plan.Steps[len(plan.Steps)-1].(*planner.Job).Plan.Nodes
	return nodes[len(nodes)-1].Inputs[0].From, nil
}

// open opens an engine over the job's state.
func (c *changing) open(maxRows int) (*streamsql.Engine, *streamsql.Session, error) {
	eng, err := streamsql.Open(streamsql.Options{Memory: c.store, DataDir: c.dir, StateFS: c.state})
	if err != nil {
		return nil, nil, err
	}
	session := eng.Script()
	for k, v := range map[string]string{
		"parallelism": strconv.Itoa(1 + c.IntN(4)), "batch.rows": []string{"1", "2", "7", "1000"}[c.IntN(4)],
		"trigger": "available_now", "max.rows": strconv.Itoa(maxRows),
	} {
		if _, err := session.Set(k, v); err != nil {
			return nil, nil, errors.Join(err, eng.Close())
		}
	}
	return eng, session, nil
}

// run runs the job over what has been sent, to its end or until it is killed.
func (c *changing) run(ctx context.Context) error {
	maxRows := 0
	if c.IntN(3) == 0 {
		maxRows = 1 + c.IntN(20)
	}
	var kill time.Duration
	if c.IntN(3) == 0 {
		kill = time.Duration(1+c.IntN(5000)) * time.Microsecond
	}
	eng, session, err := c.open(maxRows)
	if err != nil {
		return err
	}
	plan, err := session.Analyze("job", c.script)
	if err != nil {
		return errors.Join(err, eng.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	job, err := session.StartJob(ctx, plan.Steps[len(plan.Steps)-1].(*planner.Job), streamsql.JobOptions{Name: "job"})
	if err != nil {
		return errors.Join(err, eng.Close())
	}
	if kill > 0 {
		time.AfterFunc(kill, cancel)
	}
	err = job.Wait()
	eng.Close() // says no more than the job
	if errors.Is(err, context.Canceled) {
		c.state = c.state.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: c.IntN(101), RNG: c.Rand})
		return c.run(context.WithoutCancel(ctx))
	}
	if err == nil && (maxRows > 0 || kill > 0) {
		return c.run(context.WithoutCancel(ctx)) // there may be more
	}
	return err
}

// step sends some more changes and runs the job over them.
func (c *changing) step(ctx context.Context, all bool) error {
	for i, split := range c.log {
		n := len(split) - c.sent[i]
		if !all {
			n = c.IntN(n + 1)
		}
		c.store.Table("r").Send(i, split[c.sent[i]:c.sent[i]+n]...)
		c.sent[i] += n
	}
	return c.run(ctx)
}

// result is the fold of what the sink has been sent.
func (c *changing) result() ([]string, error) {
	count, byKey := map[string]int{}, map[string]string{}
	for _, r := range c.store.Table("o").Rows() {
		line, key := "", ""
		for _, v := range r.Values {
			line += goCell(v) + "|"
		}
		for _, i := range c.key {
			key += goCell(r.Values[i]) + "|"
		}
		adds := r.Kind == catalog.Insert || r.Kind == catalog.UpdateAfter
		switch old, stands := byKey[key]; {
		case c.key == nil && adds:
			count[line]++
		case c.key == nil:
			if count[line]--; count[line] < 0 {
				return nil, fmt.Errorf("the sink was told to take back %s, which does not stand", line)
			}
		default:
			if stands {
				count[old]--
			}
			delete(byKey, key)
			if adds {
				byKey[key] = line
				count[line]++
			}
		}
	}
	var out []string
	for line, n := range count {
		for range n {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (c *changing) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nSQLite: %s\n", c.script, c.query.text.theirs)
	for i, split := range c.log {
		for k, r := range split[:c.sent[i]] {
			fmt.Fprintf(&b, "  split %d, %d: %v %v\n", i, k, r.Kind, r.Values)
		}
	}
	return b.String()
}

// check compares a random query in several steps.
func (c *changing) check(ctx context.Context, db *sqlite) (diff string, rows int, err error) {
	if err := c.plan(); err != nil {
		return "", 0, err
	}
	steps := 1 + c.IntN(3)
	for i := range steps {
		if err := c.step(ctx, i == steps-1); err != nil {
			return "error: " + err.Error(), rows, nil
		}
		if err := db.fill(c.log.fold(c.sent)); err != nil {
			return "", rows, err
		}
		want, err := db.theirs(c.query.text.theirs)
		if err != nil {
			return "", rows, fmt.Errorf("%w: %w", errRefused, err)
		}
		slices.Sort(want)
		got, err := c.result()
		if err != nil {
			return err.Error(), rows, nil
		}
		if !slices.Equal(got, want) {
			return fmt.Sprintf("got %d rows:\n  %s\nwant %d rows:\n  %s", len(got), strings.Join(got, "\n  "), len(want), strings.Join(want, "\n  ")), rows, nil
		}
		rows = max(rows, len(want))
	}
	return "", rows, nil
}

// TestChangesAgainstSQLite runs random queries over a table whose rows change; at
// each of several moments their sink has SQLite's answer over the rows that stand
// then.
func TestChangesAgainstSQLite(t *testing.T) {
	db, err := openSQLite()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	seed, one := seedOf(t)
	compared, refused, replacing, withRows, failures := 0, 0, 0, 0, 0
	skipped := map[string]int{}
	for end := time.Now().Add(budget(10 * time.Second)); time.Now().Before(end) && failures < 3; seed++ {
		r := rand.New(rand.NewPCG(seed, 3))
		c := &changing{Rand: r, dir: t.TempDir(), state: crashfs.New(), store: memory.NewStore()}
		rows := makeRows(r)
		if c.filled = r.IntN(2) == 0; c.filled {
			fill(rows)
		}
		c.log = makeChanges(r, rows, 1+r.IntN(3))
		c.sent = make([]int, len(c.log))
		c.query = (&queries{Rand: r, changes: true}).relation(1 + r.IntN(3))
		if c.query.base {
			continue
		}
		diff, n, err := c.check(t.Context(), db)
		var list parser.ErrorList
		switch {
		case errors.As(err, &list):
			skipped[list[0].Msg]++
			if one {
				t.Skip(list.Format())
			}
		case errors.Is(err, errRefused):
			refused++
		case err != nil:
			t.Fatalf("seed %d: %v\n%s", seed, err, c)
		case diff != "":
			failures++
			t.Errorf("STREAMSQL_SEED=%d\n%s%s", seed, c, diff)
		default:
			compared++
			if n > 1 {
				withRows++
			}
			if c.key != nil {
				replacing++
			}
		}
		if one {
			break
		}
	}
	t.Logf("%d queries compared, %d with several rows, %d into sinks that replace by key; %d refused by SQLite; not planned: %v", compared, withRows, replacing, refused, skipped)
	if !one && failures == 0 && (withRows < 10 || replacing == 0) {
		t.Error("too few queries were compared: the test does not test")
	}
}
