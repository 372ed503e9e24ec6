package exec

import (
	"fmt"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/group"
	"github.com/streamsql/streamsql/exec/join"
	"github.com/streamsql/streamsql/exec/lookup"
	"github.com/streamsql/streamsql/exec/normalize"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/order"
	"github.com/streamsql/streamsql/exec/over"
	"github.com/streamsql/streamsql/exec/rank"
	"github.com/streamsql/streamsql/exec/rowwise"
	"github.com/streamsql/streamsql/exec/setop"
	"github.com/streamsql/streamsql/exec/static"
	"github.com/streamsql/streamsql/exec/timejoin"
	"github.com/streamsql/streamsql/exec/window"
	"github.com/streamsql/streamsql/planner"
)

// built is an operator made for one shard. pre, if not nil, is the half of it
// that runs before its exchange; preKeys are the key columns of what pre emits.
type built struct {
	main, pre   op.Operator
	ctx, preCtx *op.Context
	preKeys     preKeys
}

type preKeys struct {
	types []catalog.Type
	keys  []int
}

// compile compiles the expressions of a plan, by node, for all shards.
func compile(p *planner.Plan) (map[int]*expr.Program, error) {
	progs := map[int]*expr.Program{}
	for _, n := range p.Nodes {
		o, ok := n.Op.(planner.Evaluating)
		if !ok {
			continue
		}
		prog, err := expr.Compile(o.Expressions(), expr.Options{Zone: p.Zone})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Detail, err)
		}
		progs[n.ID] = prog
	}
	return progs, nil
}

// operator makes the operator of a node.
func (t *task) operator(n *planner.Node, prog *expr.Program) (built, error) {
	ctx := t.context(n)
	b := built{ctx: ctx}
	switch o := n.Op.(type) {
	case *planner.Guard:
		if s, ok := n.Inputs[0].From.Op.(*planner.Scan); ok && s.ValidateAll {
			o = everything(o, len(s.Columns))
		}
		b.main = rowwise.NewGuard(o, ctx)
	case *planner.Filter:
		b.main = rowwise.NewFilter(o, prog, ctx)
	case *planner.Project:
		b.main = rowwise.NewProject(o, prog, ctx)
	case *planner.Union:
		b.main = rowwise.NewUnion(len(n.Inputs))
	case *planner.WindowAssign:
		b.main = window.NewAssign(o, t.job.graph.beforeExchange(n.Inputs[0]).From.Cols, ctx)
	case *planner.WindowAgg:
		in := t.job.graph.beforeExchange(n.Inputs[0]).From
		var err error
		if o.Window.Kind == planner.SessionWindow {
			if o.Updates() {
				b.main, err = window.NewSessionChanges(o, in.Cols, ctx)
			} else {
				b.main, err = window.NewSession(o, in.Cols, ctx)
			}
			if err != nil {
				return b, err
			}
			break
		}
		b.preCtx = t.context(n)
		if b.pre, err = window.NewPre(o, in.Cols, b.preCtx); err != nil {
			return b, err
		}
		b.preKeys = preKeys{types: types(in.Cols), keys: o.Keys}
		if o.Updates() {
			b.main, err = window.NewUpdating(o, in.Cols, ctx)
		} else {
			b.main, err = window.New(o, in.Cols, ctx)
		}
		if err != nil {
			return b, err
		}
	case *planner.SessionAssign:
		var err error
		if b.main, err = window.NewSessionRows(o, t.job.graph.beforeExchange(n.Inputs[0]).From.Cols, ctx); err != nil {
			return b, err
		}
	case *planner.GroupAgg:
		in := t.job.graph.beforeExchange(n.Inputs[0]).From
		var err error
		if o.TwoPhase {
			b.preCtx = t.context(n)
			if b.pre, err = group.NewPre(o, in.Cols, b.preCtx); err != nil {
				return b, err
			}
			b.preKeys = preKeys{types: types(in.Cols), keys: o.Keys}
		}
		if b.main, err = group.New(o, in, t.shard, ctx); err != nil {
			return b, err
		}
	case *planner.StaticJoin:
		var err error
		if b.main, err = static.New(o, len(n.Inputs[0].Columns()), t.job.table(n, o), prog, ctx); err != nil {
			return b, err
		}
	case *planner.LookupJoin:
		s, err := t.job.lookupSource(n, o)
		if err != nil {
			return b, err
		}
		if b.main, err = lookup.New(o, len(n.Inputs[0].Columns()), s, prog, ctx); err != nil {
			return b, err
		}
	case *planner.Expand:
		b.main = rowwise.NewExpand(o, ctx)
	case *planner.Unnest:
		b.main = rowwise.NewUnnest(o, prog, ctx)
	case *planner.Normalize:
		var err error
		if b.main, err = normalize.New(o, n.Cols, ctx); err != nil {
			return b, err
		}
	case *planner.SetOp:
		var err error
		if b.main, err = setop.New(o, n.Cols, ctx); err != nil {
			return b, err
		}
	case *planner.Over:
		in := t.job.graph.beforeExchange(n.Inputs[0]).From
		if o.HasPre() {
			b.preCtx = t.context(n)
			b.pre = over.NewPre(o, in.Cols, b.preCtx)
			b.preKeys = preKeys{types: types(in.Cols), keys: o.Partition}
		}
		var err error
		if b.main, err = over.New(o, in.Cols, ctx); err != nil {
			return b, err
		}
	case *planner.IntervalJoin:
		var err error
		if b.main, err = timejoin.NewInterval(o, t.inputColumns(n, 0), t.inputColumns(n, 1), prog, ctx); err != nil {
			return b, err
		}
	case *planner.WindowJoin:
		var err error
		if b.main, err = timejoin.NewWindow(o, t.inputColumns(n, 0), t.inputColumns(n, 1), prog, ctx); err != nil {
			return b, err
		}
	case *planner.Join:
		var err error
		left, right := t.job.graph.beforeExchange(n.Inputs[0]).From, t.job.graph.beforeExchange(n.Inputs[1]).From
		if b.main, err = join.New(o, left, right, prog, ctx); err != nil {
			return b, err
		}
	case *planner.Rank:
		var err error
		if b.main, err = rank.New(o, t.job.graph.beforeExchange(n.Inputs[0]).From, ctx); err != nil {
			return b, err
		}
	case *planner.TemporalJoin:
		var err error
		newJoin := timejoin.NewTemporal
		if o.Ahead {
			newJoin = timejoin.NewFollowing
		}
		if b.main, err = newJoin(o, t.inputColumns(n, 0), t.inputColumns(n, 1), prog, ctx); err != nil {
			return b, err
		}
	case *planner.Sort:
		if o.ByTime {
			var err error
			if b.main, err = rank.NewTimeSort(o, n.Cols, ctx); err != nil {
				return b, err
			}
			break
		}
		b.main = order.NewSort(o, n.Cols, ctx)
	case *planner.Limit:
		if t.job.endsWith(n) {
			ctx.Satisfied = t.job.satisfy
		}
		b.main = order.NewLimit(o, ctx)
	case *planner.Sink:
		b.main = newSinkWriter(t.job.sinkOf(n), t, ctx)
	case *planner.Result:
		r := &result{t: t, node: n, ctx: ctx}
		if o.Final && !n.Inputs[0].From.Props.Kinds.AppendOnly() {
			r.fold = newFold(t)
		}
		b.main = r
	default:
		return b, fmt.Errorf("the engine has no operator for %T", n.Op)
	}
	return b, nil
}

// inputColumns are the columns of an input of a node.
func (t *task) inputColumns(n *planner.Node, input int) []planner.Column {
	return t.job.graph.beforeExchange(n.Inputs[input]).Columns()
}

// everything is a guard that judges all columns: 'decode.validate' = 'all'.
func everything(g *planner.Guard, columns int) *planner.Guard {
	all := *g
	all.Reads, all.Members = nil, nil
	for c := range columns {
		all.Reads = append(all.Reads, c)
	}
	return &all
}

func (j *attempt) sinkOf(n *planner.Node) *sink {
	for _, s := range j.sinks {
		if s.node == n {
			return s
		}
	}
	panic("exec: sink without a node")
}

// branchOf names the sink that a node's rows lead to first.
func branchOf(p *planner.Plan, n *planner.Node) string {
	reach := map[int]bool{n.ID: true}
	for _, m := range p.Nodes[n.ID:] {
		for _, in := range m.Inputs {
			if reach[in.From.ID] && in.Port == planner.MainPort {
				reach[m.ID] = true
			}
		}
		if s, ok := m.Op.(*planner.Sink); ok && reach[m.ID] {
			return s.Name
		}
	}
	return ""
}

// endsWith says whether the job is a SELECT whose rows are those of the LIMIT n:
// with another operator with state or a UNION ALL above it, more is to come when
// it is satisfied.
func (j *attempt) endsWith(n *planner.Node) bool {
	if len(j.sinks) > 0 {
		return false
	}
	for _, m := range j.plan.Nodes {
		if _, ok := m.Op.(*planner.Result); ok {
			return passes(m, n)
		}
	}
	return false
}

// passes says whether m gives the rows of n, one by one.
func passes(m, n *planner.Node) bool {
	for m != n {
		switch m.Op.(type) {
		case *planner.Result, *planner.Project, *planner.Filter, *planner.Exchange:
			m = m.Inputs[0].From
		default:
			return false
		}
	}
	return true
}
