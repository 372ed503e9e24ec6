package sql

import (
	"fmt"
	"strings"
	"sync"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/builtin"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

// functions are made once: making them takes longer than planning a script.
var functions = sync.OnceValue(func() catalog.FunctionSet {
	aggregates, err := catalog.NewFunctionSet(append(agg.Functions(), goAggregates()...)...)
	if err != nil {
		panic(err)
	}
	return catalog.LayeredFunctions{expr.Functions(), aggregates}
})

// registry holds the built-in connectors, 'rows' over f and 'capture' over o.
func registry(f *feed, o *outside) *connectors.Registry {
	r, err := builtin.Registry(memory.NewStore())
	if err != nil {
		panic(err)
	}
	for _, c := range []connectors.Connector{f.connector(builtin.Formats()), o.connector()} {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
	return r
}

// planned is a case ready to run. Its plans are shared by all variants.
type planned struct {
	sel    *planner.Plan // a query as a SELECT; nil for INSERTs
	cols   []planner.Column
	job    *planner.Plan // as INSERTs; nil for a live SELECT
	set    *catalog.Settings
	sinks  []string      // that the case looks at
	upsert *planner.Plan // a query into a sink by its upsert key; nil without one
	key    []int         // that key
}

// script plans the setup of a case followed by text.
func (c *testCase) script(text string) (*planner.Script, error) {
	s := planner.New(planner.Options{Functions: functions(), Folder: expr.Folder{}, Connectors: registry(newFeed(), newOutside())})
	if len(c.ddl) > 0 {
		if _, err := s.Analyze(parser.NewSource("setup", strings.Join(c.ddl, "\n"))); err != nil {
			return nil, err
		}
	}
	return s.Analyze(parser.NewSource(c.file, text))
}

// step plans text and gives its only step that runs.
func step[T planner.Step](c *testCase, text string) (T, error) {
	var none T
	script, err := c.script(text)
	if err != nil {
		return none, err
	}
	for _, st := range script.Steps {
		if st, ok := st.(T); ok {
			return st, nil
		}
	}
	return none, fmt.Errorf("no step of the script is a %T", none)
}

// plan plans a query, job or live case.
func (c *testCase) plan() (*planned, error) {
	p := &planned{}
	if word, _, _ := strings.Cut(c.sql, " "); c.kind == "query" || c.kind == "live" && !strings.EqualFold(word, "INSERT") && !strings.EqualFold(word, "SET") {
		sel, err := step[*planner.Select](c, c.sql)
		if err != nil {
			return nil, err
		}
		out := resultOf(sel.Plan)
		p.sel, p.set, p.cols = sel.Plan, sel.Settings, out.Cols
		if c.kind == "live" {
			return p, nil
		}
		p.sinks = []string{"out"}
		if p.job, err = c.into(p.cols, nil); err != nil {
			return nil, err
		}
		in := out.Inputs[0].From
		if !in.Props.Kinds.AppendOnly() && in.Props.UpsertKey != nil {
			p.key = in.Props.UpsertKey
			p.upsert, err = c.into(p.cols, p.key)
		}
		return p, err
	}
	job, err := step[*planner.Job](c, c.sql)
	if err != nil {
		return nil, err
	}
	p.job, p.set = job.Plan, job.Settings
	for _, w := range c.want {
		if c.kind == "job" {
			p.sinks = append(p.sinks, w.of)
		}
	}
	if c.kind == "live" {
		for _, n := range p.job.Nodes {
			if o, ok := n.Op.(*planner.Sink); ok {
				p.sinks = append(p.sinks, o.Name)
			}
		}
	}
	p.job.Job = "golden"
	return p, nil
}

// into plans the query as an INSERT into a sink with its columns.
func (c *testCase) into(cols []planner.Column, key []int) (*planner.Plan, error) {
	var defs, names []string
	for i, col := range cols {
		defs = append(defs, fmt.Sprintf("c%d %s", i, col.Type))
	}
	for _, k := range key {
		names = append(names, fmt.Sprintf("c%d", k))
	}
	if len(key) > 0 {
		defs = append(defs, fmt.Sprintf("PRIMARY KEY (%s)", strings.Join(names, ", ")))
	}
	if key != nil && len(key) == 0 {
		return nil, nil // one row at most: there is no way to declare that
	}
	text := fmt.Sprintf("CREATE SINK out (%s) WITH ('connector' = 'capture'); INSERT INTO out %s", strings.Join(defs, ", "), c.sql)
	job, err := step[*planner.Job](c, text)
	if err != nil {
		return nil, fmt.Errorf("as an INSERT: %w", err)
	}
	job.Plan.Job = "golden"
	return job.Plan, nil
}

// resultOf gives the Result of a SELECT's plan.
func resultOf(p *planner.Plan) *planner.Node {
	for _, n := range p.Nodes {
		if _, ok := n.Op.(*planner.Result); ok {
			return n
		}
	}
	panic("a SELECT without a result")
}
