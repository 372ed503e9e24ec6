package random

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/streamsql/streamsql/parser"
)

// notPlanned says whether all errors are of the kind "X is not there yet".
func notPlanned(list parser.ErrorList) bool {
	return !slices.ContainsFunc(list, func(e *parser.Error) bool {
		return !strings.Contains(e.Msg, "not supported yet") && !strings.Contains(e.Msg, "can't take rows back")
	})
}

// test is a query over rows.
type test struct {
	query    pair
	ordered  bool
	rows     []row
	settings settings
	answer   int // rows of SQLite's answer
}

// difference runs a test on both sides and says how the answers differ; "" if
// they don't.
func (c *test) difference(db *sqlite) (diff string, err error) {
	defer func() {
		if p := recover(); p != nil { // of the planner: tell which query did it
			diff, err = fmt.Sprintf("panic: %v\n%s", p, debug.Stack()), nil
		}
	}()
	if err := db.fill(c.rows); err != nil {
		return "", err
	}
	want, err := db.theirs(c.query.theirs)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errRefused, err)
	}
	c.answer = len(want)
	got, err := ours(c.query.ours, c.rows, c.settings)
	if errors.Is(err, errNotPlanned) {
		return "", err
	}
	if err != nil {
		return "error: " + err.Error(), nil
	}
	if !c.ordered {
		slices.Sort(got)
		slices.Sort(want)
	}
	if slices.Equal(got, want) {
		return "", nil
	}
	return fmt.Sprintf("got %d rows:\n  %s\nwant %d rows:\n  %s", len(got), strings.Join(got, "\n  "), len(want), strings.Join(want, "\n  ")), nil
}

// shrink takes rows away as long as the answers differ.
func (c *test) shrink(db *sqlite, diff string) string {
	for step := max(1, len(c.rows)/2); ; step /= 2 {
		for i := 0; i+step <= len(c.rows); {
			less := *c
			less.rows = slices.Delete(slices.Clone(c.rows), i, i+step)
			if d, err := less.difference(db); err == nil && d != "" {
				*c, diff = less, d
			} else {
				i += step
			}
		}
		if step <= 1 {
			return diff
		}
	}
}

func (c *test) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ours:   %s\nSQLite: %s\n%v\nrows (id, a, b, n, x, d, s, k, f, ts):\n", c.query.ours, c.query.theirs, c.settings)
	for _, r := range c.rows {
		b.WriteString("  ")
		for _, v := range r {
			switch v := v.(type) {
			case string:
				fmt.Fprintf(&b, "%q ", v)
			case time.Time:
				fmt.Fprintf(&b, "%s ", v.Format("2006-01-02T15:04:05.000"))
			default:
				fmt.Fprintf(&b, "%v ", v)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// errRefused: SQLite does not take the query (it reads a constant among the terms
// of GROUP BY as a column's number).
var errRefused = errors.New("SQLite")

// seedOf is where to begin, and whether to run that seed alone.
func seedOf(t *testing.T) (seed uint64, one bool) {
	t.Helper()
	s := os.Getenv("STREAMSQL_SEED")
	if s == "" {
		if os.Getenv("STREAMSQL_SOAK") == "" {
			return 1, false // the same queries every time
		}
		return uint64(time.Now().UnixNano()), false
	}
	seed, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed, true
}

// budget is how long to go on.
func budget(usual time.Duration) time.Duration {
	s := os.Getenv("STREAMSQL_SOAK")
	switch d, err := time.ParseDuration(s); {
	case err == nil:
		return d
	case s != "":
		return 10 * time.Minute
	case testing.Short():
		return 3 * time.Second
	}
	return usual
}

// TestAgainstSQLite runs random queries until its time is over.
func TestAgainstSQLite(t *testing.T) {
	db, err := openSQLite()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	seed, one := seedOf(t)
	compared, skipped, refused, withRows, failures := 0, 0, 0, 0, 0
	for end := time.Now().Add(budget(15 * time.Second)); time.Now().Before(end) && failures < 5; seed++ {
		r := rand.New(rand.NewPCG(seed, 1))
		c := test{rows: makeRows(r), settings: randomSettings(r)}
		q, ordered := (&queries{Rand: r, tables: true}).query(r.IntN(4))
		c.query, c.ordered = q.text, ordered
		diff, err := c.difference(db)
		switch {
		case errors.Is(err, errNotPlanned):
			skipped++
			if one {
				t.Skip(err)
			}
		case errors.Is(err, errRefused):
			refused++
		case err != nil:
			t.Fatalf("seed %d: %v\n%s", seed, err, c.query.theirs)
		case diff != "":
			diff = c.shrink(db, diff)
			t.Errorf("STREAMSQL_SEED=%d\n%s%s", seed, &c, diff)
			failures++
		default:
			compared++
			if c.answer > 1 {
				withRows++
			}
		}
		if one {
			break
		}
	}
	t.Logf("%d queries compared, %d with several rows; %d not planned yet, %d refused by SQLite", compared, withRows, skipped, refused)
	if !one && failures == 0 && (withRows < 20 || skipped+refused > compared) {
		t.Error("too few queries were compared: the test does not test")
	}
}
