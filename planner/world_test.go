package planner_test

import (
	"strings"
	"sync"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/planner"
)

// specs are connector descriptions for tests: the planner sees no more of a
// connector than this.
type specs map[string]*catalog.ConnectorSpec

func (s specs) Lookup(name string) (*catalog.ConnectorSpec, bool) {
	c, ok := s[strings.ToLower(name)]
	return c, ok
}

func (s specs) LookupFormat(name string) (*catalog.ConnectorSpec, bool) {
	switch name {
	case "json", "csv", "columnar":
		return &catalog.ConnectorSpec{Name: name, Options: []catalog.OptionSpec{
			{Name: "ignore-case", Type: catalog.OptionBool, Source: true, Doc: "x"}}}, true
	}
	return nil, false
}

func (s specs) Names() []string {
	return []string{"append", "console", "events", "file", "retract", "upsert"}
}
func (s specs) FormatNames() []string { return []string{"csv", "json"} }

func sink(mode catalog.ChangelogMode, single bool) *catalog.SinkSpec {
	return &catalog.SinkSpec{
		Accepts: func(_ catalog.Options, key bool) catalog.ChangelogMode {
			if mode == catalog.UpsertMode && !key {
				return catalog.AppendOnly
			}
			return mode
		},
		Guarantee: func(catalog.Options) catalog.Guarantee { return catalog.ExactlyOnce },
		Single:    single,
	}
}

// testConnectors: file is bounded and appends; events is an unbounded stream with
// metadata; upsert, retract and append are sinks of each kind, console a single
// one.
func testConnectors() specs {
	path := catalog.OptionSpec{Name: "path", Required: true, Source: true, Sink: true, Doc: "where"}
	file := &catalog.ConnectorSpec{Name: "file", Aliases: []string{"filesystem"}, Options: []catalog.OptionSpec{path,
		{Name: "watch", Type: catalog.OptionBool, Source: true, Doc: "unbounded"}},
		Source: &catalog.SourceSpec{Bounded: func(o catalog.Options) bool { return !o.Bool("watch") }, Formats: []string{"json", "csv", "columnar"}, // the last one can't be written
			Metadata: []catalog.MetadataColumn{{Name: "file.path", Type: catalog.String}}},
		Sink: sink(catalog.AppendOnly, false)}
	file.Sink.Formats = []string{"json", "csv"}
	s := specs{"file": file, "filesystem": file}
	s["events"] = &catalog.ConnectorSpec{Name: "events", Options: []catalog.OptionSpec{{Name: "rate", Type: catalog.OptionInt, Source: true, Doc: "rows/s"}},
		Source: &catalog.SourceSpec{Bounded: func(catalog.Options) bool { return false }, Timestamps: true, Metadata: []catalog.MetadataColumn{
			{Name: "partition", Type: catalog.Int}, {Name: "timestamp", Type: catalog.TimestampLTZ3}}}}
	s["append"] = &catalog.ConnectorSpec{Name: "append", Sink: sink(catalog.AppendOnly, false)}
	s["upsert"] = &catalog.ConnectorSpec{Name: "upsert", Sink: sink(catalog.UpsertMode, false)}
	s["retract"] = &catalog.ConnectorSpec{Name: "retract", Sink: sink(catalog.RetractMode, false)}
	s["console"] = &catalog.ConnectorSpec{Name: "console", Sink: sink(catalog.RetractMode, true)}
	return s
}

// functions are made once: making them takes longer than planning a script.
var functions = sync.OnceValue(func() catalog.FunctionSet {
	aggregates, err := catalog.NewFunctionSet(agg.Functions()...)
	if err != nil {
		panic(err)
	}
	return catalog.LayeredFunctions{expr.Functions(), aggregates}
})

// options are those of a session over the test connectors.
func options() planner.Options {
	return planner.Options{Functions: functions(), Folder: expr.Folder{}, Connectors: testConnectors()}
}

func newSession() *planner.Session { return planner.New(options()) }
