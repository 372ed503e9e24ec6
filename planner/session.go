package planner

import (
	"errors"
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// Options are what a session needs to know of the world.
type Options struct {
	// Functions are what a text can call: of package exec/expr and exec/agg the
	// built-in ones. Connectors describes what it can name in WITH; a
	// connectors.Registry does.
	Functions  catalog.FunctionSet
	Connectors catalog.Connectors
	// Folder evaluates constant expressions (expr.Folder); nil: they are left to the
	// engine, and clauses that need a constant take literals only.
	Folder catalog.Folder
	// Infer gives the columns of a source that declares none, of a connector by name
	// and its checked options; none if they must be declared. nil: they must always
	// be.
	Infer func(connector string, o catalog.Options) ([]catalog.Field, error)
	// Catalog is where names are looked up and defined. A run of a script gives
	// a Script over the persisted catalog, so that its definitions are its own.
	// nil: an empty one.
	Catalog *catalog.Catalog
	// Settings are the values that the session begins with: flags of the command
	// line. nil: the defaults.
	Settings *catalog.Settings
	// WithoutRules switches rules off by name ("push-filters", "two-phase"), for
	// tests that compare answers.
	WithoutRules []string
}

// Session turns scripts into steps. It remembers definitions, settings and the
// current database from one script to the next. It is not for concurrent use.
type Session struct {
	options   Options
	catalog   *catalog.Catalog
	settings  *catalog.Settings
	namespace catalog.Namespace
	without   []string
}

// New makes a session.
func New(o Options) *Session {
	s := &Session{options: o, catalog: o.Catalog, settings: o.Settings, namespace: catalog.DefaultNamespace, without: o.WithoutRules}
	if s.catalog == nil {
		s.catalog = catalog.New()
	}
	if s.settings == nil {
		s.settings = catalog.NewSettings()
	}
	return s
}

// Catalog is the session's catalog.
func (s *Session) Catalog() *catalog.Catalog { return s.catalog }

// Settings are the session's settings.
func (s *Session) Settings() *catalog.Settings { return s.settings }

// Namespace is the current catalog and database.
func (s *Session) Namespace() catalog.Namespace { return s.namespace }

// Script is an analyzed script: what to do, in order.
type Script struct {
	Steps []Step
	// Warnings are things that work but will hurt.
	Warnings []*parser.Error
}

// Step is one thing to do: *Select, *Job, *Analyze, *Rows or *Message.
type Step interface{ step() }

// Select is a top-level SELECT: run Plan, whose only sink is a Result, and show
// its rows.
type Select struct {
	Plan     *Plan
	Settings *catalog.Settings // as they were at the statement
	Span     parser.Span
}

// Job is all the INSERTs of a script: one plan, one commit. It is the last step
// of its script.
type Job struct {
	// Plan.Job is the setting job.name; "" if it is not set: the caller names the
	// job by its file, or runs it without a name.
	Plan     *Plan
	Settings *catalog.Settings
	// Uses lists the tables and views that the job needs.
	Uses []catalog.Name
}

// Rows is the answer of SHOW, DESCRIBE and SET: all columns are texts.
type Rows struct {
	Cols []string
	Rows [][]string
}

// Message is what a statement has to tell: "view v created", or the text of
// EXPLAIN.
type Message struct {
	Text string
	// Plan says that it is the text of EXPLAIN: what was asked for.
	Plan bool
}

// Analyze is EXPLAIN ANALYZE: run Plan, write nothing, and show the plan with
// what was measured. All its sinks are to be discarded; that of a SELECT too.
type Analyze struct {
	Plan     *Plan
	Settings *catalog.Settings
}

func (*Select) step()  {}
func (*Job) step()     {}
func (*Analyze) step() {}
func (*Rows) step()    {}
func (*Message) step() {}

// Analyze parses and plans a script, statement by statement: DDL and SET have
// effect on the statements after them, INSERTs gather into one job. If anything
// is wrong the error is a parser.ErrorList, and neither catalog nor settings
// have changed.
func (s *Session) Analyze(src *parser.Source) (*Script, error) {
	stmts, err := parser.Parse(src)
	if err != nil {
		return nil, err
	}
	return s.AnalyzeStatements(src, stmts)
}

// AnalyzeStatements is Analyze of statements that are parsed already.
func (s *Session) AnalyzeStatements(src *parser.Source, stmts []parser.Stmt) (*Script, error) {
	a := &analysis{session: s, src: src, script: &Script{}, ns: s.namespace, catalog: s.catalog.Overlay(),
		settings: s.settings.Clone(), sources: map[string]*source{}, broken: map[catalog.Name]bool{}, warnings: map[string]bool{}}
	for _, stmt := range stmts {
		if err := a.statement(stmt); err != nil {
			a.fail(err)
		}
	}
	if len(a.errs) == 0 && (len(a.inserts) > 0 || a.replay != nil) {
		if err := a.job(); err != nil {
			a.fail(err)
		}
	}
	if len(a.errs) > 0 {
		return nil, a.errs
	}
	if err := a.catalog.Commit(); err != nil {
		return nil, parser.ErrorList{{Source: src, Msg: err.Error()}}
	}
	s.namespace = a.ns
	*s.settings = *a.settings
	return a.script, nil
}

// analysis is a script being analyzed.
type analysis struct {
	session  *Session
	src      *parser.Source
	script   *Script
	ns       catalog.Namespace
	catalog  *catalog.Catalog
	settings *catalog.Settings
	sources  map[string]*source
	windows  int
	// instances numbers evaluations of volatile functions.
	instances int
	errs      parser.ErrorList
	// broken are names whose definition failed: errors about them are not new.
	broken map[catalog.Name]bool
	// inserts are the INSERTs so far, with the settings at each.
	inserts  []*output
	jobSet   *catalog.Settings
	jobUses  []catalog.Name
	warnings map[string]bool
	replay   *replay // nil: none
}

// errBroken stands for an error that follows from an earlier one.
var errBroken = errors.New("follows from an earlier error")

func (a *analysis) fail(err error) {
	if errors.Is(err, errBroken) {
		return
	}
	var pe *parser.Error
	var list parser.ErrorList
	switch {
	case errors.As(err, &list):
		a.errs = append(a.errs, list...)
	case errors.As(err, &pe):
		a.errs = append(a.errs, pe)
	default:
		a.errs = append(a.errs, &parser.Error{Source: a.src, Msg: err.Error()})
	}
}

// binder makes a binder for one statement.
func (a *analysis) binder() *binder {
	o := a.session.options
	env := &environment{
		functions: o.Functions, folder: o.Folder, connectors: o.Connectors, infer: o.Infer,
		catalog: a.catalog, settings: a.settings, zone: a.settings.Zone(), sources: a.sources, windows: &a.windows, instances: &a.instances,
		subqueries: &subqueries{of: map[*catalog.Function]*subquery{}},
		warn:       a.warn, broken: a.broken,
	}
	return &binder{env: env, src: a.src, ns: a.ns}
}

func (a *analysis) warn(w *parser.Error) {
	if !a.warnings[w.Error()] {
		a.warnings[w.Error()] = true
		a.script.Warnings = append(a.script.Warnings, w)
	}
}

func (a *analysis) add(s Step) { a.script.Steps = append(a.script.Steps, s) }

func (a *analysis) say(format string, args ...any) {
	a.add(&Message{Text: fmt.Sprintf(format, args...)})
}

// selectStep plans a top-level SELECT.
func (a *analysis) selectStep(q *parser.QueryStmt) error {
	b := a.binder()
	r, err := b.query(q.Query)
	if err != nil {
		return err
	}
	r = a.withoutLate(r)
	plan, err := planOutputs(b.env, []*output{{in: r, branch: "SELECT", place: b.at(q)}}, a.session.without)
	if err != nil {
		return err
	}
	a.add(&Select{Plan: plan, Settings: a.settings.Clone(), Span: q.Span})
	return nil
}

// withoutLate takes LATE DATA TO out of a SELECT at the top: it is no job, so it
// writes nothing. Late rows are counted all the same.
func (a *analysis) withoutLate(r rel) rel {
	return rewrite(r, func(r rel) rel {
		late, _ := lateOf(r)
		if late == nil {
			return r
		}
		a.warn(hint(late.place.errorf("a SELECT at the top of a script writes no late rows to `%s`, it only counts them", late.sink.Name), "INSERT INTO a sink to keep them"))
		switch r := r.(type) {
		case *aggregateRel:
			out := *r
			out.late = nil
			return &out
		case *overRel:
			out := *r
			out.late = nil
			return &out
		case *rankRel:
			out := *r
			out.late = nil
			return &out
		case *joinRel:
			out := *r
			out.late = nil
			return &out
		case *windowRel:
			out := *r
			out.late = nil
			return &out
		}
		return r
	})
}

// insertStep binds an INSERT; it is planned with the others at the end.
func (a *analysis) insertStep(i *parser.Insert) error {
	if a.jobSet == nil {
		a.jobSet = a.settings.Clone()
	} else if key := a.jobSet.JobDifference(a.settings); key != "" {
		return hint(place{a.src, i.Span}.errorf("'%s' is %s here and %s at the first INSERT: all INSERTs of a script are one job", key, a.settings.Get(key), a.jobSet.Get(key)),
			"SET it before the first INSERT, or use two scripts")
	}
	b := a.binder()
	o, err := b.insert(i)
	if err != nil {
		return err
	}
	a.inserts = append(a.inserts, o)
	for _, src := range sourcesOf(o.in) {
		if src.letters != nil {
			b.env.use(src.letters.Name)
		}
	}
	if o.sink != nil {
		_, letters, err := b.env.letterPolicy(o.sink, o.sink.SinkOptions, "sink")
		if err != nil {
			return err
		}
		if letters != nil {
			b.env.use(letters.Name)
		}
	}
	for _, u := range b.env.uses {
		if !slices.Contains(a.jobUses, u) {
			a.jobUses = append(a.jobUses, u)
		}
	}
	return nil
}

// job plans the INSERTs as one, or the replay of dead letters through them.
func (a *analysis) job() error {
	b := a.binder()
	if a.jobSet == nil { // a REPLAY alone
		a.jobSet = a.settings.Clone()
	}
	b.env.settings, b.env.zone = a.jobSet, a.jobSet.Zone()
	outs := a.inserts
	if a.replay != nil {
		var err error
		if outs, err = a.replay.outputs(b.env, outs); err != nil {
			return err
		}
		a.jobUses = append(a.jobUses, a.replay.table.Name)
	}
	plan, err := planOutputs(b.env, outs, a.session.without)
	if err != nil {
		return err
	}
	plan.Job = a.jobSet.Get(catalog.JobNameKey)
	a.add(&Job{Plan: plan, Settings: a.jobSet, Uses: a.jobUses})
	return nil
}
