package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/planner"
)

// runFiles runs scripts one after the other.
func runFiles(ctx context.Context, f *flags, files []string) error {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return usageError{err}
		}
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		if err := runScript(ctx, f, file, string(text), name); err != nil {
			return err
		}
	}
	return nil
}

// runText runs the texts of -e; "-" is standard input.
func runText(ctx context.Context, f *flags, texts []string) error {
	for _, text := range texts {
		name := "-e"
		if text == "-" {
			b, err := io.ReadAll(os.Stdin)
			if err != nil {
				return err
			}
			text, name = string(b), "stdin"
		}
		if err := runScript(ctx, f, name, text, ""); err != nil {
			return err
		}
	}
	return nil
}

// runScript runs a script to its end. job names its job if the script does not.
func runScript(ctx context.Context, f *flags, name, text, job string) (err error) {
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	defer func() { err = errors.Join(err, out.Flush()) }()
	eng, s, script, err := plan(f, out, name, text)
	if err != nil {
		return err
	}
	// All jobs will have been waited for: what Close could say has been said.
	defer func() { _ = eng.Close() }()
	warn(os.Stderr, script)
	r := &runner{session: s, out: out, job: job}
	for _, step := range script.Steps {
		if err := r.step(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// plan makes an engine and plans a script. A script that sets another data
// directory is planned again over the catalog that is there.
func plan(f *flags, out *bufio.Writer, name, text string) (*streamsql.Engine, *streamsql.Session, *planner.Script, error) {
	dir := f.dataDir()
	for {
		eng, err := f.open(dir, flushing{out})
		if err != nil {
			return nil, nil, nil, err
		}
		s := eng.Script()
		if err := f.apply(s); err != nil {
			return nil, nil, nil, err
		}
		script, err := s.Analyze(name, text)
		if err != nil {
			return nil, nil, nil, err
		}
		set := s.Settings().Get(catalog.DataDirKey)
		if set == dir || !s.Settings().IsSet(catalog.DataDirKey) {
			return eng, s, script, nil
		}
		dir = set
	}
}

// runner shows and runs the steps of a script.
type runner struct {
	session *streamsql.Session
	out     *bufio.Writer
	job     string
}

func (r *runner) step(ctx context.Context, step planner.Step) error {
	switch step := step.(type) {
	case *planner.Message:
		// A script's definitions are its own and gone with it: nothing to tell.
		if step.Plan {
			_, err := fmt.Fprintln(flushing{r.out}, step.Text)
			return err
		}
	case *planner.Rows:
		return r.rows(step)
	case *planner.Select:
		return r.sel(ctx, step)
	case *planner.Job:
		return r.run(ctx, step)
	case *planner.Analyze:
		return runAnalyze(ctx, r.session, step, flushing{r.out})
	}
	return nil
}

// runAnalyze runs EXPLAIN ANALYZE until its input or a signal ends it, and prints
// the plan with what was measured.
func runAnalyze(ctx context.Context, s *streamsql.Session, step *planner.Analyze, out io.Writer) error {
	job, err := s.ExplainAnalyze(ctx, step)
	if err != nil {
		return err
	}
	if err := untilSignal(job); err != nil {
		return err
	}
	_, err = io.WriteString(out, streamsql.AnalyzedPlan(step, job.Progress()))
	return err
}

// rows shows the answer of SHOW and DESCRIBE.
func (r *runner) rows(step *planner.Rows) error {
	w, err := newTextRows(r.out, r.session.Settings().Get(catalog.FormatKey), step.Cols)
	if err != nil {
		return err
	}
	return w.write(step.Rows)
}

// sel runs a SELECT and prints its rows.
func (r *runner) sel(ctx context.Context, step *planner.Select) error {
	return runSelect(ctx, r.session, step, flushing{r.out}, untilSignal)
}

// run runs the job of a script.
func (r *runner) run(ctx context.Context, step *planner.Job) error {
	p := newProgress(step.Settings.Get(catalog.ProgressKey), os.Stderr)
	job, err := r.session.StartJob(ctx, step, streamsql.JobOptions{Name: r.job, Progress: p.report})
	if err != nil {
		return err
	}
	err = untilSignal(job)
	p.end()
	if errors.Is(err, streamsql.ErrFinished) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", job.Name(), err)
		return nil
	}
	return err
}

// signalEcho is how long a signal is taken for the same one again: whoever stops
// a process often signals it and its process group.
const signalEcho = 200 * time.Millisecond

// untilSignal waits for a job. SIGINT or SIGTERM ends it with a commit, a second
// one ends the process at once.
func untilSignal(job *streamsql.Job) error {
	sigs := make(chan os.Signal, 2)
	signal.Notify(sigs, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(sigs)
	var first time.Time
	for {
		select {
		case <-job.Done():
			return job.Wait()
		case s := <-sigs:
			if !first.IsZero() && time.Since(first) > signalEcho {
				os.Exit(128 + int(s.(syscall.Signal)))
			}
			if first.IsZero() {
				first = time.Now()
			}
			job.Stop()
		}
	}
}

// flushing passes rows on at once: whoever reads our output live wants them now.
type flushing struct{ w *bufio.Writer }

// Write implements connectors.Output.
func (f flushing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil {
		err = f.w.Flush()
	}
	return n, err
}
