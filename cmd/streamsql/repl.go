package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/chzyer/readline"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

const (
	prompt     = "streamsql> "
	promptMore = "        -> "
)

// shell is the interactive shell. Definitions outlive it, INSERTs run in the
// background, a SELECT in the foreground until Ctrl-C.
type shell struct {
	eng     *streamsql.Engine
	session *streamsql.Session
	line    *readline.Instance
	out     io.Writer // rows
	msg     io.Writer // everything else
	jobs    []*streamsql.Job
	started int
	buffer  string // the statement being typed
	last    string // the last statement, for .edit
	dataDir string
}

// repl runs the shell until .quit or the end of input.
func repl(ctx context.Context, f *flags) (err error) {
	eng, err := f.open(f.dataDir(), os.Stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, eng.Close()) }()
	sh := &shell{eng: eng, session: eng.Session(), out: os.Stdout, msg: os.Stderr, dataDir: f.dataDir()}
	if err := f.apply(sh.session); err != nil {
		return err
	}
	home, _ := os.UserHomeDir()
	sh.line, err = readline.NewEx(&readline.Config{
		Prompt: prompt, HistoryFile: filepath.Join(home, ".streamsql_history"), HistorySearchFold: true,
		DisableAutoSaveHistory: true, AutoComplete: &completer{sh.session, eng},
		InterruptPrompt: "^C", EOFPrompt: ".quit",
	})
	if err != nil {
		return err
	}
	defer sh.line.Close()
	if readline.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprintln(sh.msg, "streamsql: end a statement with a semicolon; .help lists what else there is")
	}
	return sh.loop(ctx)
}

func (sh *shell) loop(ctx context.Context) error {
	for {
		if sh.buffer == "" {
			sh.line.SetPrompt(prompt)
		} else {
			sh.line.SetPrompt(promptMore)
		}
		line, err := sh.line.Readline()
		switch {
		case errors.Is(err, readline.ErrInterrupt):
			// Ctrl-C drops what was typed, not the shell.
			sh.buffer = ""
			continue
		case errors.Is(err, io.EOF):
			return sh.quit()
		case err != nil:
			return err
		}
		if sh.buffer == "" && strings.HasPrefix(strings.TrimSpace(line), ".") || sh.buffer == "" && strings.HasPrefix(strings.TrimSpace(line), `\`) {
			if done := sh.meta(ctx, strings.TrimSpace(line)); done {
				return sh.quit()
			}
			continue
		}
		if sh.buffer == "" && strings.TrimSpace(line) == "" {
			continue
		}
		switch word := strings.ToLower(strings.TrimRight(strings.TrimSpace(line), "; ")); word {
		case "help", "quit", "exit": // as in other shells
			if sh.buffer == "" {
				if done := sh.meta(ctx, "."+word); done {
					return sh.quit()
				}
				continue
			}
		}
		if sh.buffer != "" {
			sh.buffer += "\n"
		}
		sh.buffer += line
		if !parser.Complete(sh.buffer) {
			continue
		}
		text := sh.buffer
		sh.buffer = ""
		_ = sh.line.SaveHistory(strings.ReplaceAll(text, "\n", " "))
		sh.run(ctx, text)
	}
}

// run runs one complete text; errors are shown and the shell goes on.
func (sh *shell) run(ctx context.Context, text string) {
	sh.last = text
	script, err := sh.session.Analyze("", text)
	if err != nil {
		fmt.Fprintln(sh.msg, message(err))
		return
	}
	warn(sh.msg, script)
	for _, step := range script.Steps {
		if err := sh.step(ctx, step); err != nil {
			fmt.Fprintln(sh.msg, message(err))
			return
		}
	}
}

func (sh *shell) step(ctx context.Context, step planner.Step) error {
	switch step := step.(type) {
	case *planner.Message:
		w := sh.msg
		if step.Plan {
			w = sh.out
		}
		fmt.Fprintln(w, step.Text)
	case *planner.Rows:
		w, err := newTextRows(sh.out, sh.session.Settings().Get(catalog.FormatKey), step.Cols)
		if err != nil {
			return err
		}
		return w.write(step.Rows)
	case *planner.Select:
		return runSelect(ctx, sh.session, step, lines{sh.out}, untilSignal)
	case *planner.Job:
		return sh.start(ctx, step)
	case *planner.Analyze:
		return runAnalyze(ctx, sh.session, step, sh.out)
	}
	return nil
}

// freeName makes the name of a job that has none: one that no earlier shell has
// left state under, which the job would take for its own.
func (sh *shell) freeName() string {
	for {
		sh.started++
		name := fmt.Sprintf("job%d", sh.started)
		if _, err := os.Stat(filepath.Join(sh.dataDir, "jobs", name)); errors.Is(err, os.ErrNotExist) {
			return name
		}
	}
}

// start starts a job in the background.
func (sh *shell) start(ctx context.Context, step *planner.Job) error {
	name := sh.freeName()
	job, err := sh.session.StartJob(ctx, step, streamsql.JobOptions{Name: name})
	if err != nil {
		return err
	}
	sh.jobs = append(sh.jobs, job)
	fmt.Fprintf(sh.msg, "job %s started; .jobs shows it, .stop %s ends it\n", job.Name(), job.Name())
	go func() {
		err := job.Wait()
		switch {
		case errors.Is(err, streamsql.ErrFinished):
			sh.line.Write([]byte(fmt.Sprintf("job %s: %v\n", job.Name(), err)))
		case err != nil:
			sh.line.Write([]byte(fmt.Sprintf("job %s failed: %s\n", job.Name(), message(err))))
		default:
			sh.line.Write([]byte(fmt.Sprintf("job %s ended: %s\n", job.Name(), progressLine(job.Progress()))))
		}
	}()
	return nil
}

// quit ends the shell: its jobs commit and stop.
func (sh *shell) quit() error {
	for _, j := range sh.eng.Jobs() {
		fmt.Fprintf(sh.msg, "stopping job %s\n", j.Name())
	}
	return nil
}

// lines writes rows whole.
type lines struct{ w io.Writer }

// Write implements connectors.Output.
func (l lines) Write(p []byte) (int, error) { return l.w.Write(p) }
