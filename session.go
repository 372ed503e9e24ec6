package streamsql

import (
	"context"
	"errors"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

// Session runs statements one script after the other and remembers definitions
// and settings between them. It is not for concurrent use; what it starts goes on in
// the background, beside the session's next statements and its other jobs.
type Session struct {
	engine  *Engine
	planner *planner.Session
	kept    bool // its definitions are the engine's
}

// Set changes a setting, as SET does. The warning is about settings of other
// engines that have no effect.
func (s *Session) Set(key, value string) (warning string, err error) {
	return s.planner.Settings().Set(key, value)
}

// Settings are the session's settings.
func (s *Session) Settings() *catalog.Settings { return s.planner.Settings() }

// Catalog is what the session's names mean.
func (s *Session) Catalog() *catalog.Catalog { return s.planner.Catalog() }

// Analyze parses and plans a script without running anything: definitions take
// effect, SELECTs and INSERTs come back as steps, for StartSelect, StartJob and
// ExplainAnalyze. name is what error messages call the text. What is wrong with the
// text is a parser.ErrorList, each with its position; then nothing has taken effect.
func (s *Session) Analyze(name, text string) (*planner.Script, error) {
	script, err := s.planner.Analyze(parser.NewSource(name, text))
	if err != nil || !s.kept || s.engine.store == nil || !defines(script) {
		return script, err
	}
	return script, s.engine.save()
}

// defines says whether a script may have changed the catalog.
func defines(script *planner.Script) bool {
	for _, step := range script.Steps {
		if _, ok := step.(*planner.Message); ok {
			return true
		}
	}
	return false
}

// Batch is some rows of a result.
type Batch = op.Batch

// ErrStop returned from a function that takes rows ends the SELECT without an
// error.
var ErrStop = exec.ErrStop

// Select runs a SELECT and passes its rows to fn, in order. The batch is valid
// during the call.
func (s *Session) Select(ctx context.Context, sel *planner.Select, fn func(b *Batch, cols []planner.Column) error) error {
	j, err := s.StartSelect(ctx, sel, fn)
	if err != nil {
		return err
	}
	return j.Wait()
}

// StartSelect is Select in the background.
func (s *Session) StartSelect(ctx context.Context, sel *planner.Select, fn func(b *Batch, cols []planner.Column) error) (*Job, error) {
	ctx, cancel := context.WithCancel(ctx)
	return s.startSelect(ctx, cancel, sel, fn)
}

func (s *Session) startSelect(ctx context.Context, cancel context.CancelFunc, sel *planner.Select, fn func(b *Batch, cols []planner.Column) error) (*Job, error) {
	cfg := s.config(sel.Plan, sel.Settings)
	cfg.Result = fn
	return s.engine.start(ctx, cancel, cfg, "", nil)
}

// Start analyzes a script with INSERTs and starts its job in the background. It
// returns once the job is under way: what is amiss with the text is the error, what
// goes wrong later that of Job.Wait. The job ends with its input, with ctx, by
// Job.Stop or by Engine.Close; the latter two commit first.
func (s *Session) Start(ctx context.Context, text string, o JobOptions) (*Job, error) {
	script, err := s.Analyze("script", text)
	if err != nil {
		return nil, err
	}
	var job *planner.Job
	for _, step := range script.Steps {
		switch step := step.(type) {
		case *planner.Select:
			return nil, errors.New("Start takes no SELECT: use Query")
		case *planner.Analyze:
			return nil, errors.New("Start takes no EXPLAIN ANALYZE: use ExplainAnalyze")
		case *planner.Job:
			job = step
		}
	}
	if job == nil {
		return nil, errors.New("Start takes a script with an INSERT")
	}
	return s.StartJob(ctx, job, o)
}

// StartJob is Start of a step of a script that is analyzed already.
func (s *Session) StartJob(ctx context.Context, step *planner.Job, o JobOptions) (*Job, error) {
	if step.Plan.Job == "" {
		step.Plan.Job = o.Name
	}
	name := step.Plan.Job
	cfg := s.config(step.Plan, step.Settings)
	cfg.StateDir, cfg.StateFS = s.engine.stateDir(name), s.engine.o.StateFS
	cfg.Progress = o.Progress
	ctx, cancel := context.WithCancel(ctx)
	return s.engine.start(ctx, cancel, cfg, name, step.Uses)
}

// config makes the configuration of a run from a script's settings.
func (s *Session) config(p *planner.Plan, set *catalog.Settings) exec.Config {
	cfg := exec.Config{
		Plan: p, Connectors: s.engine.registry, Env: s.engine.env, Fault: s.engine.o.Fault,
		Parallelism: int(set.Int(catalog.ParallelismKey)), BatchRows: int(set.Int(catalog.BatchRowsKey)),
		CommitInterval: set.Duration(catalog.CommitIntervalKey), MaxRows: set.Int(catalog.MaxRowsKey),
		Trigger: set.Trigger(), Hold: set.Get(catalog.EndKey) == "hold",
	}
	if cfg.Parallelism == 0 {
		cfg.Parallelism = cores()
	}
	return cfg
}

// Exec runs a script to its end: definitions, SELECTs (whose rows are dropped) and
// its job. A job that an earlier run has finished is no error.
func (s *Session) Exec(ctx context.Context, text string) error {
	script, err := s.Analyze("script", text)
	if err != nil {
		return err
	}
	for _, step := range script.Steps {
		var j *Job
		switch step := step.(type) {
		case *planner.Select:
			j, err = s.StartSelect(ctx, step, func(*Batch, []planner.Column) error { return nil })
		case *planner.Analyze:
			j, err = s.ExplainAnalyze(ctx, step)
		case *planner.Job:
			j, err = s.StartJob(ctx, step, JobOptions{})
		default:
			continue // what a definition or SHOW has to tell
		}
		if err == nil {
			err = j.Wait()
		}
		if err != nil && !errors.Is(err, ErrFinished) {
			return err
		}
	}
	return nil
}
