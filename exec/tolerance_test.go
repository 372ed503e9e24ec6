package exec

import (
	"strings"
	"testing"
	"time"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// TestToleranceWindow goes through commits of one source with a limit of 10 bad
// records a minute and a fifth of all.
func TestToleranceWindow(t *testing.T) {
	node := &planner.Node{}
	limit := planner.BadLimit{Tolerance: planner.Tolerance{PerMinute: 10, Share: 0.2}, Branches: []planner.JudgingBranch{{Name: "out", Nodes: []*planner.Node{node}}}}
	start := time.Unix(1000, 0)
	type commit struct {
		at           int // seconds
		records, bad int64
		last         bool
		want         string // in the message; "": none
	}
	for name, commits := range map[string][]commit{
		"ten within a minute":            {{at: 10, records: 1000, bad: 5}, {at: 30, records: 2000, bad: 10}},
		"an eleventh":                    {{at: 10, records: 1000, bad: 5}, {at: 59, records: 2000, bad: 11, want: "max-per-minute"}},
		"an eleventh later":              {{at: 10, records: 1000, bad: 5}, {at: 65, records: 2000, bad: 5}, {at: 75, records: 3000, bad: 11}},
		"commits far apart":              {{at: 180, records: 1000, bad: 30}},
		"commits far apart, one more":    {{at: 180, records: 1000, bad: 31, want: "max-per-minute"}},
		"a share of few records":         {{at: 1, records: 99, bad: 9}},
		"a share at the end":             {{at: 1, records: 9, bad: 2, last: true, want: "max-share"}},
		"a share of enough":              {{at: 1, records: 40, bad: 9}, {at: 2, records: 43, bad: 9}},
		"a share of the last minute":     {{at: 1, records: 1000000, bad: 0}, {at: 62, records: 1000000, bad: 0}, {at: 63, records: 1000049, bad: 10}},
		"the end counts the whole job":   {{at: 1, records: 1000, bad: 0}, {at: 62, records: 1000, bad: 0}, {at: 63, records: 1010, bad: 9, last: true}},
		"a start after many that's over": {{at: 0, records: 100, bad: 10}, {at: 61, records: 200, bad: 10}, {at: 62, records: 300, bad: 20}},
	} {
		t.Run(name, func(t *testing.T) {
			tol := &tolerance{BadLimit: limit, what: "source s", samples: []badSampling{{at: start, bad: []int64{0}}}}
			for i, c := range commits {
				s := badSampling{at: start.Add(time.Duration(c.at) * time.Second), records: c.records, bad: []int64{c.bad}}
				got := tol.exceeded(s, c.last, counts{op.Counters{op.BadPrefix + "BAD_UTF8": c.bad}})
				if c.want == "" && got != "" || !strings.Contains(got, c.want) {
					t.Fatalf("commit %d: %q, want %q", i+1, got, c.want)
				}
				tol.keep(s)
			}
		})
	}
}
