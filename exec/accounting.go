package exec

import (
	"fmt"
	"strings"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// counts are the counters of every node since the job began, earlier runs
// included. Those of the half before an exchange have the prefix op.PrePrefix.
type counts []op.Counters

// AccountingError says that rows have been lost or doubled inside the engine.
// The job stops before it commits them.
type AccountingError struct {
	Epoch uint64
	Rule  string
}

// Error implements error.
func (e *AccountingError) Error() string {
	return fmt.Sprintf("accounting of micro-batch %d does not add up: %s; nothing of it was committed. This is a bug of the engine", e.Epoch, e.Rule)
}

// account adds up the shards' counters at a barrier and checks that every row
// is accounted for (semantics 5).
func (j *attempt) account(c cut, cuts []*shardCut) error {
	total := make(counts, len(j.plan.Nodes))
	for i := range total {
		total[i] = op.Counters{}
	}
	for i, b := range j.base {
		for k, v := range b {
			if !isGauge(k) {
				total[i][k] += v
			}
		}
	}
	for s, sc := range cuts {
		for k, cs := range sc.counters {
			in := j.tasks[s].insts[k]
			prefix := ""
			if in.pre {
				prefix = op.PrePrefix
			}
			for name, v := range cs {
				total[in.node.ID][prefix+name] += v
			}
		}
	}
	j.counts, j.busiest = total, j.busiestShares(cuts)
	if rule := j.unbalanced(c, total); rule != "" {
		return &AccountingError{Epoch: c.epoch, Rule: rule}
	}
	return nil
}

// busiestShares says, of each operator that is spread by keys, what share of the
// rows that it took in this run the busiest shard did.
func (j *attempt) busiestShares(cuts []*shardCut) []float64 {
	shares := make([]float64, len(j.plan.Nodes))
	if len(cuts) < 2 {
		return shares
	}
	most, all := make([]int64, len(shares)), make([]int64, len(shares))
	for s, sc := range cuts {
		for k, cs := range sc.counters {
			in := j.tasks[s].insts[k]
			if o, ok := in.node.Op.(planner.Stateful); !ok || in.pre || len(o.StateKeys(0)) == 0 {
				continue
			}
			most[in.node.ID] = max(most[in.node.ID], cs[op.CountIn])
			all[in.node.ID] += cs[op.CountIn]
		}
	}
	for i := range shares {
		if all[i] > 0 {
			shares[i] = float64(most[i]) / float64(all[i])
		}
	}
	return shares
}

// isGauge says whether a counter is what is held now, not a sum over time.
func isGauge(name string) bool {
	name = strings.TrimPrefix(name, op.PrePrefix)
	return name == op.CountOpen || name == op.CountHeld || name == op.CountKept || name == op.CountMemory
}

// unbalanced gives the first equation that does not hold, with its numbers.
func (j *attempt) unbalanced(c cut, total counts) string {
	rows := map[int]int64{} // of each source
	for i, s := range j.seq.sources {
		for _, sp := range c.sources[i].Splits {
			rows[s.node.ID] += sp.Records + sp.Added
		}
	}
	for _, n := range j.plan.Nodes {
		if _, ok := n.Op.(*planner.Exchange); ok || isSource(n.Op) {
			continue
		}
		var sent int64
		for _, in := range n.Inputs {
			sent += rowsOut(j.graph.beforeExchange(in), total, rows)
		}
		name := op.CountIn
		if j.tasks[0].hasPre[n.ID] {
			name = op.PrePrefix + op.CountIn
		}
		if got := total[n.ID][name]; got != sent {
			return fmt.Sprintf("node %d (%s) took %d rows, its inputs gave %d", n.ID, n.Detail, got, sent)
		}
	}
	for _, in := range j.tasks[0].insts {
		b, ok := in.oper.(op.Balanced)
		if !ok {
			continue
		}
		cs := total[in.node.ID]
		if in.pre {
			cs = onlyPre(cs)
		}
		if rule := b.Balance(cs); rule != "" {
			return fmt.Sprintf("node %d (%s): %s", in.node.ID, in.node.Detail, rule)
		}
	}
	return ""
}

// rowsOut is what an edge has carried.
func rowsOut(e planner.Edge, total counts, sourceRows map[int]int64) int64 {
	if isSource(e.From.Op) {
		return sourceRows[e.From.ID]
	}
	cs := total[e.From.ID]
	switch e.Port {
	case planner.LatePort:
		return cs[op.CountLate] + cs[op.PrePrefix+op.CountLate]
	case planner.ErrorPort:
		return cs[op.CountBad] + cs[op.PrePrefix+op.CountBad]
	default:
		return cs[op.CountOut]
	}
}

func onlyPre(c op.Counters) op.Counters {
	out := op.Counters{}
	for k, v := range c {
		if rest, ok := strings.CutPrefix(k, op.PrePrefix); ok {
			out[rest] = v
		}
	}
	return out
}
