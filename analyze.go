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
	records := map[string]int64{}
	for _, s := range p.Sources {
		records[s.Name] += s.Records
	}
	text := step.Plan.ExplainWith(false, func(n *planner.Node) string {
		o, ok := by[n.ID]
		if scan, isScan := n.Op.(*planner.Scan); isScan {
			return strings.Join([]string{fmt.Sprintf("%d records", records[scan.Source]), share(o.BusyMillis, total)}, "; ")
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
		state := fmt.Sprintf("state %d rows, %s in memory", o.StateRows, bytesText(o.MemoryBytes))
		if o.DiskBytes > 0 { // a SELECT keeps none there
			state += fmt.Sprintf(", %s on disk", bytesText(o.DiskBytes))
		}
		parts = append(parts, state)
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
