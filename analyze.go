package streamsql

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/streamsql/streamsql/exec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// ExplainAnalyze runs the plan of EXPLAIN ANALYZE in the background: sources are
// read, nothing is written, and no state is left behind. Over unbounded input it
// runs until it is stopped, or the setting 'max-rows' ends it. When it has ended,
// AnalyzedPlan gives the plan with what was measured.
func (s *Session) ExplainAnalyze(ctx context.Context, step *planner.Analyze) (*Job, error) {
	cfg := s.config(step.Plan, step.Settings)
	cfg.Discard, cfg.Measure = true, true
	cfg.Result = func(*Batch, []planner.Column) error { return nil }
	ctx, cancel := context.WithCancel(ctx)
	return s.engine.start(ctx, cancel, cfg, "", nil)
}

// AnalyzedPlan is the plan as EXPLAIN prints it; under each operator its rows, its
// share of the time that all operators were at work, and the state it held at the
// end of the run.
func AnalyzedPlan(step *planner.Analyze, p Progress) string {
	by := map[int]exec.OperatorProgress{}
	total := 0.0
	for _, o := range p.Operators {
		by[o.Node] = o
		total += o.BusyMillis
	}
	records := map[*planner.Node]int64{} // of sources, which progress has in the plan's order
	for _, n := range step.Plan.Nodes {
		switch n.Op.(type) {
		case *planner.Scan, *planner.Values:
			if len(records) < len(p.Sources) {
				records[n] = p.Sources[len(records)].Records
			}
		}
	}
	text := step.Plan.ExplainWith(false, func(n *planner.Node) string {
		if n.ID >= len(step.Plan.Nodes) || step.Plan.Nodes[n.ID] != n {
			return "" // of a static table, which is read by a plan of its own
		}
		o, ok := by[n.ID]
		if r, isSource := records[n]; isSource {
			return strings.Join([]string{fmt.Sprintf("%d records", r), share(o.BusyMillis, total)}, "; ")
		}
		if !ok {
			return ""
		}
		return strings.Join(measured(o, total), "; ")
	})
	return text + fmt.Sprintf("%d records read; operators at work for %s in all\n", p.RunRecords, time.Duration(total*float64(time.Millisecond)).Round(time.Millisecond))
}

// measured says what an operator has done.
func measured(o exec.OperatorProgress, total float64) []string {
	c := func(name string) int64 { return o.Counts[name] + o.Counts[op.PrePrefix+name] }
	in := o.Counts[op.CountIn]
	if pre, ok := o.Counts[op.PrePrefix+op.CountIn]; ok {
		in = pre
	}
	parts := []string{fmt.Sprintf("%d rows in, %d out", in, o.Counts[op.CountOut]), share(o.BusyMillis, total)}
	for _, x := range []struct {
		n    int64
		what string
	}{{c(op.CountLate), "late"}, {c(op.CountBad), "bad"}, {c(op.CountNoTime), "without time"}, {c(op.CountTTLDropped), "of expired keys"}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	if o.MemoryBytes > 0 || o.StateRows > 0 {
		parts = append(parts, fmt.Sprintf("state %d rows, %s in memory, %s on disk", o.StateRows, bytesText(o.MemoryBytes), bytesText(o.DiskBytes)))
	}
	return parts
}

// share is a part of the time in percent.
func share(ms, total float64) string {
	if total == 0 {
		return "0 % of the time"
	}
	return fmt.Sprintf("%.0f %% of the time", 100*ms/total)
}

// bytesText is a size for people.
func bytesText(n int64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d B", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
