package planner_test

import (
	"errors"
	"fmt"
	"log"
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

// oneConnector is all that the planner must know of the world: a connector 'bus'
// without options, whose sources never end and whose sinks take new rows only.
type oneConnector struct{}

var bus = &catalog.ConnectorSpec{
	Name:   "bus",
	Source: &catalog.SourceSpec{Bounded: func(catalog.Options) bool { return false }},
	Sink: &catalog.SinkSpec{
		Accepts:   func(catalog.Options, bool) catalog.ChangelogMode { return catalog.AppendOnly },
		Guarantee: func(catalog.Options) catalog.Guarantee { return catalog.AtLeastOnce },
	},
}

func (oneConnector) Lookup(name string) (*catalog.ConnectorSpec, bool) { return bus, name == bus.Name }
func (oneConnector) LookupFormat(string) (*catalog.ConnectorSpec, bool) {
	return nil, false
}
func (oneConnector) Names() []string       { return []string{bus.Name} }
func (oneConnector) FormatNames() []string { return nil }

// SQL in, plan out, without an engine: a program that checks texts, draws plans, or
// runs them by itself.
func Example() {
	functions, err := catalog.NewFunctionSet(slices.Concat(expr.Functions().All(), agg.Functions())...)
	if err != nil {
		log.Fatal(err)
	}
	s := planner.New(planner.Options{Functions: functions, Folder: expr.Folder{}, Connectors: oneConnector{}})
	script, err := s.Analyze(parser.NewSource("totals.sql", `
CREATE SOURCE orders (city STRING, amount INT, at TIMESTAMP(3), WATERMARK FOR at AS at) WITH ('connector' = 'bus');
CREATE SINK totals (city STRING, total BIGINT) WITH ('connector' = 'bus');
INSERT INTO totals SELECT city, SUM(amount) FROM orders WHERE amount > 0
GROUP BY city, TUMBLE(at, INTERVAL '1' MINUTE);`))
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range script.Steps {
		if job, ok := step.(*planner.Job); ok {
			for _, n := range job.Plan.Nodes {
				fmt.Println(n.Name(), n.Detail)
			}
		}
	}
	// The definitions stand for the session's next scripts.
	_, err = s.Analyze(parser.NewSource("sums.sql", "INSERT INTO totals SELECT city, SUM(amount) FROM orders GROUP BY city;"))
	var list parser.ErrorList
	if errors.As(err, &list) {
		fmt.Println(list.Format())
	}
	// Output:
	// Scan orders (bus) city, amount, at; watermark at
	// Guard totals: reads city, amount, at
	// Filter (amount > 0)
	// Project city, at, amount
	// Exchange by city
	// WindowAgg TUMBLE(at, 1 min) by city: SUM(amount); two phases
	// Project city, `SUM(amount)` AS total
	// Sink totals (bus) at least once
	// sums.sql:1:13: error: sink `totals` (bus) takes new rows only, but the GROUP BY at line 1 updates rows that it gave out before
	//   INSERT INTO totals SELECT city, SUM(amount) FROM orders GROUP BY city;
	//               ^^^^^^
	// hint: group by a window (TUMBLE, HOP), whose rows are final, or write to a sink with a PRIMARY KEY that takes updates
}
