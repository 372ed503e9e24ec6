package streamsql

import (
	"context"
	"errors"
	"fmt"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

// Session runs statements one script after the other and remembers definitions
// and settings between them. It is not for concurrent use; what it starts runs
// on.
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
// effect, SELECTs and INSERTs come back as steps. name is what error messages
// call the text. Errors are parser.ErrorList.
func (s *Session) Analyze(name, text string) (*planner.Script, error) {
	script, err := s.planner.Analyze(parser.NewSource(name, text))
	if err != nil || !s.kept || s.engine.store == nil || !defines(script) {
		return script, err
	}
	return script, s.engine.store.Save(s.engine.catalog.Definitions())
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

// ErrFinished is what a job ends with if an earlier run had read its bounded
// input to the end: its last commit was recovered, nothing was read.
var ErrFinished = exec.ErrFinished

// Select runs a SELECT and passes its rows to fn, in order. The batch is valid
// during the call.
func (s *Session) Select(ctx context.Context, sel *planner.Select, fn func(b *Batch, cols []planner.Column) error) error {
	return s.StartSelect(ctx, sel, fn).Wait()
}

// StartSelect is Select in the background.
func (s *Session) StartSelect(ctx context.Context, sel *planner.Select, fn func(b *Batch, cols []planner.Column) error) *Job {
	cfg := s.config(sel.Plan, sel.Settings)
	cfg.Result = fn
	return unnamed(exec.Start(ctx, cfg))
}

// Start starts the job of a script in the background. Its name is the setting
// job.name, else name; with neither it has no state on disk.
func (s *Session) Start(ctx context.Context, step *planner.Job, name string, progress func(Progress)) (*Job, error) {
	if step.Plan.Job == "" {
		step.Plan.Job = name
	}
	e := s.engine
	cfg := s.config(step.Plan, step.Settings)
	cfg.StateDir, cfg.StateFS = e.stateDir(step.Plan.Job), e.o.StateFS
	cfg.Progress = progress
	j := &Job{name: step.Plan.Job}
	if j.name == "" {
		return unnamed(exec.Start(ctx, cfg)), nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.jobs[j.name]; ok {
		return nil, fmt.Errorf("job %s runs already", j.name)
	}
	e.jobs[j.name] = j
	e.catalog.Pin(j.name, step.Uses...) // what it reads and writes is not to be dropped meanwhile
	j.Job = exec.Start(ctx, cfg)
	ended := make(chan struct{})
	j.ended = ended
	go func() {
		defer close(ended)
		<-j.Job.Done()
		e.mu.Lock()
		e.catalog.Unpin(j.name)
		delete(e.jobs, j.name)
		e.mu.Unlock()
	}()
	return j, nil
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

// Exec runs a script to its end: definitions, SELECTs (whose rows are dropped)
// and its job. name is what error messages call the text.
func (s *Session) Exec(ctx context.Context, text string) error {
	script, err := s.Analyze("script", text)
	if err != nil {
		return err
	}
	for _, step := range script.Steps {
		switch step := step.(type) {
		case *planner.Select:
			err = s.Select(ctx, step, func(*Batch, []planner.Column) error { return nil })
		case *planner.Analyze:
			err = s.ExplainAnalyze(ctx, step).Wait()
		case *planner.Job:
			var j *Job
			if j, err = s.Start(ctx, step, "", nil); err == nil {
				err = j.Wait()
			}
			if errors.Is(err, ErrFinished) {
				err = nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
