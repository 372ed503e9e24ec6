package exec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/internal/version"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
)

// metaVersion is the version of commitMeta, of what connectors put into it (offsets
// and intents) and of how the sequencer goes on from it. Another one is refused.
const metaVersion = 2

// The names of a commit's metadata.
const (
	metaJob     = "job"
	metaIntents = "intents/" // followed by the sink's name
)

// commitMeta is what a commit holds besides state and intents.
type commitMeta struct {
	Version  int           `json:"version"`
	Program  string        `json:"program"` // that wrote it
	Job      string        `json:"job"`
	Finished bool          `json:"finished,omitempty"`
	Sources  []sourceCut   `json:"sources"`
	Query    []queryPart   `json:"query"`
	Plan     string        `json:"plan"`   // see shapeOf
	Counts   []op.Counters `json:"counts"` // by node
}

// queryPart is one operator of the query that has state, or one sink with what
// leads to it, as its canonical text.
type queryPart struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Canonical string `json:"canonical"`
	Sink      string `json:"sink,omitempty"` // its name
	// Layout is how the operator's state is laid out: see op.Stateful. "": it has none.
	Layout string `json:"layout,omitempty"`
}

// queryParts lists what must be the same in the next run. The tasks have been built.
func (j *attempt) queryParts() []queryPart {
	layouts := map[*planner.Node]string{}
	for _, i := range j.tasks[0].insts {
		if so, ok := i.oper.(op.Stateful); ok {
			layouts[i.node] = so.Layout()
		}
	}
	// Expressions have the session's time zone without saying so.
	zone := "time zone " + j.plan.Zone.String()
	parts := []queryPart{{ID: textID(zone), Name: "session", Canonical: zone}}
	for _, n := range j.plan.Nodes {
		switch o := n.Op.(type) {
		case *planner.Sink:
			text := sinkText(n, o)
			parts = append(parts, queryPart{ID: textID(text), Name: n.Detail, Canonical: text, Sink: o.Name})
		case *planner.Scan:
			// The types of all that is computed follow from those read.
			text := n.Canonical + " " + columnsText(n.Cols)
			parts = append(parts, queryPart{ID: textID(text), Name: n.Detail, Canonical: text})
		default:
			if n.StateID != 0 {
				parts = append(parts, queryPart{ID: fmt.Sprintf("%016x", n.StateID), Name: n.Detail, Canonical: n.Canonical, Layout: layouts[n]})
			}
		}
	}
	return parts
}

// shapeOf says which operators a plan has, in their order: counts are by place in it.
func shapeOf(p *planner.Plan) string {
	var text strings.Builder
	for _, n := range p.Nodes {
		fmt.Fprintf(&text, "%T", n.Op)
		for _, in := range n.Inputs {
			fmt.Fprintf(&text, " %d.%d", in.From.ID, in.Port)
		}
		text.WriteByte('\n')
	}
	return textID(text.String())
}

func textID(text string) string { return fmt.Sprintf("%016x", xxh3.HashString(text)) }

// columnsText lists columns by name: their order means nothing.
func columnsText(cols []planner.Column) string {
	texts := make([]string, len(cols))
	for i, c := range cols {
		texts[i] = c.Name + " " + c.Type.String()
	}
	slices.Sort(texts)
	return "(" + strings.Join(texts, ", ") + ")"
}

// sinkText says what a sink is given: its columns, and the stateless operators
// between it and the next ones with state. Its options stand apart, as those of
// sources do: an address may change while the data stays.
func sinkText(n *planner.Node, o *planner.Sink) string {
	cols := make([]string, len(o.Columns))
	for i, c := range o.Columns {
		cols[i] = c.Name + " " + c.Type.String()
	}
	return fmt.Sprintf("sink %s connector %s (%s) of %s", o.Name, o.Connector, strings.Join(cols, ", "), edgeText(n.Inputs[0]))
}

// edgeText is what comes over an edge, in the words of EXPLAIN down to the next
// operators with state.
func edgeText(e planner.Edge) string {
	n := e.From
	var text string
	switch n.Op.(type) {
	case *planner.Guard, *planner.Exchange:
		text = edgeText(n.Inputs[0])
	default:
		if n.StateID != 0 {
			text = n.Canonical
			break
		}
		ins := make([]string, len(n.Inputs))
		for i, in := range n.Inputs {
			ins[i] = "(" + edgeText(in) + ")"
		}
		text = fmt.Sprintf("%s %s of %s", strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", n.Op), "*planner.")), n.Detail, strings.Join(ins, ", "))
	}
	switch e.Port {
	case planner.LatePort:
		return "late rows of (" + text + ")"
	case planner.ErrorPort:
		return "rows in error of (" + text + ")"
	}
	return text
}

func (j *attempt) encodeMeta(c cut, intents [][]byte) (map[string][]byte, error) {
	b, err := json.Marshal(commitMeta{
		Version: metaVersion, Program: version.String(), Job: j.plan.Job, Finished: c.finished,
		Sources: c.sources, Query: j.query, Plan: shapeOf(j.plan), Counts: j.counts,
	})
	if err != nil {
		return nil, err
	}
	m := map[string][]byte{metaJob: b}
	for i, s := range j.sinks {
		if intents[i] != nil {
			m[metaIntents+s.name] = intents[i]
		}
	}
	return m, nil
}

func decodeMeta(job string, last statestore.Commit) (*commitMeta, error) {
	var head struct {
		Version int    `json:"version"`
		Program string `json:"program"`
	}
	b := last.Meta[metaJob]
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("the last commit's metadata can't be read: %w", err)
	}
	if head.Version != metaVersion {
		return nil, &StateFormError{Job: job, Program: head.Program, Differs: []string{
			fmt.Sprintf("version %d of what commits say of sources and sinks; this program has version %d", head.Version, metaVersion),
		}}
	}
	var m commitMeta
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("the last commit's metadata can't be read: %w", err)
	}
	return &m, nil
}

// ChangedQueryError says that the state on disk is that of another query.
type ChangedQueryError struct {
	Job     string
	Changed []string // what changed, for people
}

// Error implements error.
func (e *ChangedQueryError) Error() string {
	return fmt.Sprintf("the query of job %s has changed, and its state does not fit any more\n  %s\n"+
		"  hint: run the old text to go on, or start afresh under another job.name or --data-dir",
		e.Job, strings.Join(e.Changed, "\n  "))
}

// StateFormError says that the state on disk is that of the query, but was written
// in a form that this program does not have.
type StateFormError struct {
	Job     string
	Program string   // that wrote it; "": it did not say
	Differs []string // what differs, for people
}

// Error implements error.
func (e *StateFormError) Error() string {
	program := "another version of streamsql"
	if e.Program != "" {
		program = "streamsql " + e.Program
	}
	return fmt.Sprintf("the state of job %s was written by %s in another form, and can't be gone on with\n  %s\n"+
		"  hint: let the program that wrote it go on, with the declarations that it had, or start afresh under another job.name or --data-dir: the sources are then read from their start",
		e.Job, program, strings.Join(e.Differs, "\n  "))
}

// checkLayouts compares how the operators' state is laid out in the store with how
// this program would.
func (j *attempt) checkLayouts(meta *commitMeta) error {
	stored := map[string]queryPart{}
	for _, p := range meta.Query {
		stored[p.ID] = p
	}
	e := &StateFormError{Job: j.plan.Job, Program: meta.Program}
	for _, p := range j.query {
		if was := stored[p.ID]; was.Layout != p.Layout {
			was, now := difference(was.Layout, p.Layout)
			e.Differs = append(e.Differs, fmt.Sprintf("%s: it has %q, this program %q", p.Name, was, now))
		}
	}
	if shape := shapeOf(j.plan); len(e.Differs) == 0 && meta.Plan != shape {
		e.Differs = append(e.Differs, "the plan has other operators than the one that counted its rows")
	}
	if len(e.Differs) == 0 {
		return nil
	}
	return e
}

// difference shows of two texts where they differ, with some words around.
func difference(a, b string) (string, string) {
	x, y := strings.Fields(a), strings.Fields(b)
	from := 0
	for from < min(len(x), len(y)) && x[from] == y[from] {
		from++
	}
	same := 0
	for same < min(len(x), len(y))-from && x[len(x)-1-same] == y[len(y)-1-same] {
		same++
	}
	const around = 4
	cut := func(words []string) string {
		lo, hi := max(0, from-around), min(len(words), len(words)-same+around)
		text := strings.Join(words[lo:hi], " ")
		if lo > 0 {
			text = "... " + text
		}
		if hi < len(words) {
			text += " ..."
		}
		return text
	}
	return cut(x), cut(y)
}

// checkQuery compares the stored query with the plan's, operator by operator.
func (j *attempt) checkQuery(stored []queryPart) error {
	now := j.query
	have := map[string]bool{}
	for _, p := range now {
		have[p.ID] = true
	}
	had := map[string]bool{}
	var gone, fresh []queryPart
	goneSinks := map[string]bool{}
	for _, p := range stored {
		had[p.ID] = true
		if !have[p.ID] {
			gone = append(gone, p)
			goneSinks[p.Sink] = true
		}
	}
	freshSinks := map[string]bool{}
	for _, p := range now {
		if !had[p.ID] {
			fresh = append(fresh, p)
			freshSinks[p.Sink] = true
		}
	}
	if goneSinks[""] || freshSinks[""] {
		// A sink whose input changed has changed too: that is said once, below.
		both := func(p queryPart) bool { return p.Sink != "" && goneSinks[p.Sink] && freshSinks[p.Sink] }
		gone, fresh = slices.DeleteFunc(gone, both), slices.DeleteFunc(fresh, both)
	}
	if len(gone) == 0 && len(fresh) == 0 {
		return nil
	}
	e := &ChangedQueryError{Job: j.plan.Job}
	for i := 0; i < max(len(gone), len(fresh)); i++ {
		switch {
		case i >= len(gone):
			e.Changed = append(e.Changed, "added: "+fresh[i].Canonical)
		case i >= len(fresh):
			e.Changed = append(e.Changed, "removed: "+gone[i].Canonical)
		default:
			was, now := difference(gone[i].Canonical, fresh[i].Canonical)
			e.Changed = append(e.Changed, "was: "+was, "now: "+now)
		}
	}
	return e
}
