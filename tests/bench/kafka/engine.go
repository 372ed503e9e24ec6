//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// engine is a run of the program.
type engine struct {
	cmd    *exec.Cmd
	log    bytes.Buffer
	start  time.Time
	ended  chan struct{}
	err    error
	wall   time.Duration
	cpu    time.Duration
	memory int64 // most, bytes
}

// options is the WITH clause of a topic; more are further options.
func (b *bench) options(topic string, more ...string) string {
	text := "'connector' = 'kafka', 'format' = 'json', 'topic' = '" + topic + "', 'properties.bootstrap.servers' = '" + b.kafka.Addr + "'"
	for _, m := range more {
		name, value, _ := strings.Cut(m, "=")
		text += fmt.Sprintf(", '%s' = '%s'", name, value)
	}
	return "(" + text + ")"
}

// begin starts a job with new state.
func (b *bench) begin(name, script string) (*engine, error) {
	dir := filepath.Join(b.dir, "jobs", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "job.sql")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		return nil, err
	}
	state := filepath.Join(dir, "state-"+strconv.FormatInt(time.Now().UnixNano(), 36))
	e := &engine{ended: make(chan struct{})}
	e.cmd = exec.Command(b.binary, "run", file, "--data-dir", state, "--parallelism", strconv.Itoa(b.parallelism))
	e.cmd.Stdout, e.cmd.Stderr = &e.log, &e.log
	e.cmd.Env = os.Environ()
	if b.profiles != "" {
		e.cmd.Env = append(e.cmd.Env, "STREAMSQL_PROFILE="+filepath.Join(b.profiles, name))
	}
	e.start = time.Now()
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(e.ended)
		e.err = e.cmd.Wait()
		e.wall = time.Since(e.start)
		if u, ok := e.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			e.memory = u.Maxrss << 10
		}
		e.cpu = e.cmd.ProcessState.UserTime() + e.cmd.ProcessState.SystemTime()
	}()
	return e, nil
}

// wait waits for the job's own end.
func (e *engine) wait(ctx context.Context) error {
	select {
	case <-e.ended:
	case <-ctx.Done():
		_ = e.cmd.Process.Kill()
		<-e.ended
		return ctx.Err()
	}
	if e.err != nil {
		return fmt.Errorf("the job failed: %w\n%s", e.err, e.log.String())
	}
	return nil
}

// stop ends the job with a commit.
func (e *engine) stop(ctx context.Context) error {
	_ = e.cmd.Process.Signal(syscall.SIGINT)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return e.wait(ctx)
}

// alive gives what ended the job, if it has ended.
func (e *engine) alive() error {
	select {
	case <-e.ended:
		return errors.Join(fmt.Errorf("the job has ended: %s", e.log.String()), e.err)
	default:
		return nil
	}
}
