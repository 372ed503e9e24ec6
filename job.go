package streamsql

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec"
)

// Progress is the state of a job at its last commit, with what has been amiss since.
type Progress = exec.Progress

// ErrFinished is what a job ends with if an earlier run had read its bounded
// input to the end: its last commit was recovered, nothing was read.
var ErrFinished = exec.ErrFinished

// ErrClosed is what a closed engine has to say: to whoever starts something, and to
// a SELECT that Close has ended.
var ErrClosed = errors.New("the engine is closed")

// JobOptions are what a job may be given besides its text.
type JobOptions struct {
	// Name is the job's name, unless the setting 'job.name' gives it another: its
	// state lies under it in the data directory, and a job started under the same
	// name goes on where the last one was. "" keeps the state in memory.
	Name string
	// Progress is called after each commit, at the end, and each second while
	// something is amiss; calls do not overlap, and the job waits for them.
	Progress func(Progress)
}

// Job is something that runs in the background, or has run: the INSERTs of a
// script, a SELECT, an EXPLAIN ANALYZE. Stop ends it with a commit, Wait gives its
// error, Progress its state. It may be used by several goroutines.
type Job struct {
	*exec.Job
	name   string
	cancel context.CancelFunc
	reads  bool          // a SELECT or an EXPLAIN ANALYZE: there is nothing to commit
	ended  chan struct{} // closed once its name is free again
	closed atomic.Bool   // Engine.Close has ended it
}

// Wait returns when the job has ended and may be started again: nil, ErrFinished,
// ErrClosed, the context's error or what made it fail.
func (j *Job) Wait() error {
	<-j.ended
	err := j.Job.Wait()
	if j.closed.Load() && errors.Is(err, context.Canceled) {
		return ErrClosed
	}
	return err
}

// Done is closed when the job has ended and may be started again.
func (j *Job) Done() <-chan struct{} { return j.ended }

// Name is the job's name; "" for one without.
func (j *Job) Name() string { return j.name }

// start starts a run and counts it among the engine's until it has ended; cancel ends
// ctx. Of jobs with one name only one runs at a time; what it reads and writes is not
// to be dropped meanwhile.
func (e *Engine) start(ctx context.Context, cancel context.CancelFunc, cfg exec.Config, name string, uses []catalog.Name) (_ *Job, err error) {
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	if name != "" {
		for j := range e.jobs {
			if j.name == name {
				return nil, fmt.Errorf("job %s runs already", name)
			}
		}
		e.catalog.Pin(name, uses...)
	}
	j := &Job{name: name, cancel: cancel, reads: cfg.Result != nil || cfg.Discard, ended: make(chan struct{})}
	j.Job = exec.Start(ctx, cfg)
	e.jobs[j] = struct{}{}
	go func() {
		defer close(j.ended)
		<-j.Job.Done()
		cancel()
		e.mu.Lock()
		defer e.mu.Unlock()
		if name != "" {
			e.catalog.Unpin(name)
		}
		delete(e.jobs, j)
	}()
	return j, nil
}

// end ends the job for a Close of its engine: one that writes after a commit, one
// that only reads at once.
func (j *Job) end() {
	j.closed.Store(true)
	if j.reads {
		j.cancel()
	} else {
		j.Stop()
	}
}

// named says whose error it is.
func (j *Job) named(err error) error {
	if j.name == "" {
		return err
	}
	return fmt.Errorf("job %s: %w", j.name, err)
}
