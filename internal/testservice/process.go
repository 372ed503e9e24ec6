//go:build unix

package testservice

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Process is a server that runs in a process group of its own. It does not
// outlive the test: a guard kills it when the test's process is gone.
type Process struct {
	cmd    *exec.Cmd
	log    string
	exited chan struct{}
	err    error
	guard  *exec.Cmd
	leash  io.Closer
}

// startProcess starts a program whose output goes to the end of the file log.
func startProcess(log string, env []string, name string, args ...string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &Process{cmd: exec.Command(name, args...), log: log, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.guard = exec.Command("sh", "-c", fmt.Sprintf("cat >/dev/null; kill -9 -%d", p.cmd.Process.Pid))
	p.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.leash, err = p.guard.StdinPipe(); err == nil {
		err = p.guard.Start()
	}
	if err != nil {
		_ = p.signal(syscall.SIGKILL)
		_ = p.cmd.Wait()
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		// The group is gone: the guard must not kill one that has got its number.
		_ = p.guard.Process.Kill()
		_ = p.leash.Close()
		_ = p.guard.Wait()
		close(p.exited)
	}()
	return p, nil
}

func (p *Process) signal(s syscall.Signal) error { return syscall.Kill(-p.cmd.Process.Pid, s) }

// Running says whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Pause stops the process with SIGSTOP; Resume lets it go on.
func (p *Process) Pause() error  { return p.signal(syscall.SIGSTOP) }
func (p *Process) Resume() error { return p.signal(syscall.SIGCONT) }

// Kill ends the process at once (SIGKILL) and waits for its end.
func (p *Process) Kill() {
	if p.Running() {
		_ = p.signal(syscall.SIGKILL)
		<-p.exited
	}
}

// Stop ends the process in order (SIGTERM); after a while it is killed.
func (p *Process) Stop() {
	if !p.Running() {
		return
	}
	_ = p.signal(syscall.SIGCONT)
	_ = p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(20 * time.Second):
		p.Kill()
	}
}

// tail is the end of what the process has printed.
func (p *Process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	const most = 4000
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return strings.ToValidUTF8(string(text), "?")
}
