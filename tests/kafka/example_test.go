//go:build unix

package kafka

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamsql/streamsql/internal/testservice"
)

// example builds the program and finds a port for the example's broker.
func example(t *testing.T) (bin string, port int) {
	t.Helper()
	bin = filepath.Join(t.TempDir(), "streamsql")
	if out, err := exec.Command("go", "build", "-o", bin, "github.com/streamsql/streamsql/cmd/streamsql").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return bin, l.Addr().(*net.TCPAddr).Port
}

// The example of the tutorial runs from nothing to its totals.
func TestExample(t *testing.T) {
	bin, port := example(t)
	cmd := exec.Command("../../docs/examples/kafka/run.sh", bin, t.TempDir())
	cmd.Env = append(os.Environ(), fmt.Sprint("PORT=", port))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		testservice.Require(t, fmt.Errorf("%s: %w", out, testservice.ErrUnavailable))
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// 500 orders a minute of 1 to 100, five times each.
	for minute := range 9 {
		if want := fmt.Sprintf(`{"minute":"2024-05-01 10:%02d:00.000","orders":500,"total":25250.00}`, minute); !strings.Contains(string(out), want) {
			t.Errorf("%s is missing in\n%s", want, out)
		}
	}
}

// TestExampleKept: the tutorial's last step. The job and the broker that KEEP=1 leaves
// running are killed and started again as it says, and no minute is there twice.
func TestExampleKept(t *testing.T) {
	bin, port := example(t)
	dir := t.TempDir()
	cmd := exec.Command("../../docs/examples/kafka/run.sh", bin, dir)
	cmd.Env = append(os.Environ(), fmt.Sprint("PORT=", port), "KEEP=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started := []*exec.Cmd{cmd}
	defer func() { // what was started last first
		for i := len(started) - 1; i >= 0; i-- {
			_ = started[i].Process.Signal(syscall.SIGTERM)
			_ = started[i].Wait()
		}
	}()
	processes := map[string]int{}
	for lines := bufio.NewScanner(out); len(processes) < 2; {
		if !lines.Scan() {
			var exit *exec.ExitError
			if err := cmd.Wait(); errors.As(err, &exit) && exit.ExitCode() == 3 {
				testservice.Require(t, fmt.Errorf("the example: %w", testservice.ErrUnavailable))
			}
			t.Fatal("the example has ended")
		}
		if what, rest, ok := strings.Cut(strings.TrimSpace(lines.Text()), ": process "); ok {
			number, _, _ := strings.Cut(rest, ",")
			if processes[what], err = strconv.Atoi(number); err != nil {
				t.Fatal(err)
			}
		}
	}
	again := func(what string) {
		t.Helper()
		p, err := os.FindProcess(processes[what])
		if err == nil {
			err = p.Kill()
		}
		if err != nil {
			t.Fatal(err)
		}
		c := exec.Command(filepath.Join(dir, what+".sh"))
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		started = append(started, c)
	}
	helper := func(in string, args ...string) (string, error) {
		c := exec.Command(bin, append([]string{"kafka"}, append(args, "-b", fmt.Sprint("127.0.0.1:", port))...)...)
		c.Stdin = strings.NewReader(in)
		out, err := c.Output()
		return string(out), err
	}
	again("job")
	again("broker")
	minutes := func() map[string]int {
		seen := map[string]int{}
		all, _ := helper("", "tail", "per_minute", "--from-beginning", "--committed")
		for _, line := range strings.Split(strings.TrimSpace(all), "\n") {
			seen[line[strings.LastIndex(line, "\t")+1:]]++
		}
		return seen
	}
	const last = `{"minute":"2024-05-01 10:09:00.000","orders":500,"total":25250.00}`
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(500 * time.Millisecond) {
		if _, err := helper(`{"id": 9001, "customer": "ann", "amount": 5, "ts": "2024-05-01 10:30:00"}`+"\n", "produce", "orders"); err == nil && minutes()[last] > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no last minute; there are %v", minutes())
		}
	}
	for minute, n := range minutes() {
		if n != 1 {
			t.Errorf("%s is there %d times", minute, n)
		}
	}
	if n := len(minutes()); n != 10 {
		t.Errorf("%d minutes, want 10", n)
	}
}
