package exec

import (
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/planner"
)

// graph is the shape of a job, shared by its shards: every node's level, and
// the exchanges between levels.
//
// Level 0 is what lies between the sources and the first exchanges: stateless
// operators that run on whole chunks, on any shard. Level k > 0 runs on the
// shard that owns the rows. An edge that crosses levels does so through an
// exchange; where the plan has none, a local one is put in, which keeps rows on
// their shard. An operator with state has its rows by the hash of exactly its keys,
// or without keys on a single shard, since a restart with other shards looks for
// its state there. The plan has an exchange for it; only where the rows of a source are
// all in one place by themselves one is put in.
type graph struct {
	plan      *planner.Plan
	levels    int
	level     []int // by node ID
	edges     [][]edge
	exchanges []*exchange
}

// edge is one consumer of a node's port, perhaps beyond an exchange.
type edge struct {
	port     planner.Port
	exchange *exchange     // nil: direct
	to       *planner.Node // never an Exchange
	input    int
}

// exchange is one edge over which rows change shards.
type exchange struct {
	index int
	kind  exchangeKind
	keys  []int // columns of what is sent; hash exchanges only
	from  *planner.Node
	to    *planner.Node
	input int
	// pre: the consumer has a half that runs before the exchange.
	pre     bool
	level   int   // of the senders
	sources []int // indexes of the sources below, for level 0
}

type exchangeKind uint8

const (
	exchangeHash exchangeKind = iota
	exchangeSingle
	exchangeLocal
)

// hasPre says whether an operator has a half that runs before its exchange:
// the assignment of windows and OVER in the order of time (which must see each
// row's W), and two-phase aggregation.
func hasPre(o planner.Op) bool {
	switch o := o.(type) {
	case *planner.WindowAgg:
		return o.Window.Kind != planner.SessionWindow
	case *planner.GroupAgg:
		return o.TwoPhase
	case *planner.Over:
		return o.HasPre()
	}
	return false
}

// portLevel is the level at which a port's rows come out. Late rows of a
// window are found by the half that runs before its exchange.
func (g *graph) portLevel(e planner.Edge) int {
	n := e.From
	if e.Port == planner.LatePort && hasPre(n.Op) {
		return g.level[g.beforeExchange(n.Inputs[0]).From.ID]
	}
	return g.level[n.ID]
}

// beforeExchange skips the exchange at the lower end of an edge, if there is one.
func (g *graph) beforeExchange(e planner.Edge) planner.Edge {
	if _, ok := e.From.Op.(*planner.Exchange); ok {
		return e.From.Inputs[0]
	}
	return e
}

// newGraph lays the plan out in levels.
func newGraph(plan *planner.Plan) (*graph, error) {
	g := &graph{plan: plan, level: make([]int, len(plan.Nodes)), edges: make([][]edge, len(plan.Nodes))}
	for i, n := range plan.Nodes {
		if n.ID != i {
			return nil, fmt.Errorf("plan: node %d stands at place %d", n.ID, i)
		}
		lvl := 0
		for k, in := range n.Inputs {
			if in.From.ID >= i {
				return nil, fmt.Errorf("plan: node %d comes before its input %d", i, in.From.ID)
			}
			from := g.portLevel(in)
			if unsettled(n, k) {
				if keys := n.Op.(planner.Stateful).StateKeys(k); len(keys) > 0 {
					return nil, fmt.Errorf("plan: the rows of %s #%d are not spread by its keys %v", n.Name(), i, keys)
				}
				from++
			}
			lvl = max(lvl, from)
		}
		if _, ok := n.Op.(*planner.Exchange); ok {
			lvl++
		}
		g.level[i] = lvl
		g.levels = max(g.levels, lvl+1)
	}
	for _, n := range plan.Nodes {
		if _, ok := n.Op.(*planner.Exchange); ok {
			continue
		}
		for i, in := range n.Inputs {
			g.connect(in, n, i)
		}
	}
	return g, nil
}

// connect adds the edge from in to input i of n.
func (g *graph) connect(in planner.Edge, n *planner.Node, i int) {
	from := in.From
	x, _ := from.Op.(*planner.Exchange)
	if x == nil {
		e := edge{port: in.Port, to: n, input: i}
		if g.portLevel(in) < g.level[n.ID] {
			kind := exchangeLocal
			if unsettled(n, i) {
				kind = exchangeSingle
			}
			e.exchange = g.exchange(kind, nil, in, n, i)
		}
		g.edges[from.ID] = append(g.edges[from.ID], e)
		return
	}
	below := from.Inputs[0]
	kind := exchangeHash
	if x.Kind == planner.SingleExchange || len(x.Keys) == 0 {
		kind = exchangeSingle
	}
	g.edges[below.From.ID] = append(g.edges[below.From.ID], edge{
		port: below.Port, exchange: g.exchange(kind, x.Keys, below, n, i), to: n, input: i,
	})
}

func (g *graph) exchange(kind exchangeKind, keys []int, from planner.Edge, to *planner.Node, input int) *exchange {
	x := &exchange{
		index: len(g.exchanges), kind: kind, keys: keys, from: from.From, to: to, input: input,
		pre: kind != exchangeLocal && hasPre(to.Op), level: g.portLevel(from),
	}
	if x.level == 0 {
		x.sources = g.sourcesBelow(from.From)
	}
	g.exchanges = append(g.exchanges, x)
	return x
}

// sourcesBelow lists the indexes (among the plan's source nodes) of the sources
// that feed n.
func (g *graph) sourcesBelow(n *planner.Node) []int {
	index := map[int]int{}
	for _, m := range g.plan.Nodes {
		if isSource(m.Op) {
			index[m.ID] = len(index)
		}
	}
	seen := map[int]bool{}
	var out []int
	var walk func(*planner.Node)
	walk = func(m *planner.Node) {
		if seen[m.ID] {
			return
		}
		seen[m.ID] = true
		if k, ok := index[m.ID]; ok {
			out = append(out, k)
		}
		for _, in := range m.Inputs {
			walk(in.From)
		}
	}
	walk(n)
	return out
}

// unsettled says that an operator with state has rows of an input straight from
// an operator that does not spread them as its state is kept.
func unsettled(n *planner.Node, input int) bool {
	o, ok := n.Op.(planner.Stateful)
	if !ok {
		return false
	}
	from := n.Inputs[input].From
	if _, ok := from.Op.(*planner.Exchange); ok {
		return false
	}
	keys := o.StateKeys(input)
	return len(keys) == 0 || !slices.Equal(from.Props.Hash, keys)
}

func isSource(o planner.Op) bool {
	switch o.(type) {
	case *planner.Scan, *planner.Values:
		return true
	}
	return false
}
