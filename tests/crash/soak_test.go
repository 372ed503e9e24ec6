//go:build unix

package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/internal/testservice"
)

// soak is a cluster, a job of many queries that runs on it, what feeds the job, and
// what goes wrong meanwhile.
type soak struct {
	t    *testing.T
	k    *testservice.Kafka
	dir  string
	seed uint64
	// feeding is held while records are sent, and by who stops a broker: so no record
	// is sent of which nobody knows whether it was taken.
	feeding sync.Mutex
	broken  chan error // an engine that ended by itself

	mu       sync.Mutex
	cmd      *exec.Cmd
	expected bool // it is to end
	ended    chan struct{}
	last     progressLine
	raw      string
	commits  int // progress lines with a new epoch, of this run
	started  time.Time
	slowest  time.Duration // from a start to the first commit
	peak     map[string]int64
}

// progressLine is what is read of a line of progress.
type progressLine struct {
	Epoch     uint64 `json:"epoch"`
	Late      int64  `json:"late"`
	Bad       int64  `json:"bad"`
	StateRows int64  `json:"state_rows"`
	Sources   []struct {
		Name      string     `json:"name"`
		Records   int64      `json:"records"`
		Lag       *int64     `json:"lag"`
		State     string     `json:"state"`
		Watermark *time.Time `json:"watermark"`
	} `json:"sources"`
}

// soakTime is how long a soak feeds its job. Unless it is set, the test is skipped.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("STREAMSQL_SOAK")
	if text == "" {
		t.Skip("STREAMSQL_SOAK is not set")
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 10 * time.Minute
	}
	return d
}

func newSoak(t *testing.T, cfg testservice.KafkaConfig, script string) *soak {
	t.Helper()
	s := &soak{t: t, dir: t.TempDir(), seed: uint64(time.Now().UnixNano()), broken: make(chan error, 1), peak: map[string]int64{}}
	if dir := os.Getenv("STREAMSQL_SOAK_DIR"); dir != "" {
		s.dir = dir
	}
	if text := os.Getenv("STREAMSQL_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s.seed = seed
	}
	t.Logf("seed %d", s.seed)
	s.k = testservice.OwnKafka(t, cfg)
	addr := s.k.Addr
	if cfg.Proxied {
		addr = s.k.Proxied
	}
	options := "'properties.bootstrap.servers' = '" + addr + "', 'properties.reconnect.backoff.max.ms' = '1 s', 'properties.request.timeout.ms' = '5 s'"
	if err := os.WriteFile(filepath.Join(s.dir, "job.sql"), []byte(strings.ReplaceAll(script, "$KAFKA", options)), 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts the engine.
func (s *soak) start(args ...string) { s.startWith("", args...) }

// startWith starts it with a fault.
func (s *soak) startWith(fault string, args ...string) {
	s.t.Helper()
	bin, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(bin, append([]string{"run", "job.sql", "--data-dir", "state", "--progress", "json"}, args...)...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "STREAMSQL_FAULT="+fault)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "engine.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.cmd, s.expected, s.ended, s.commits, s.started = cmd, fault != "", make(chan struct{}), 0, time.Now()
	ended := s.ended
	s.mu.Unlock()
	go func() {
		defer close(ended)
		defer log.Close()
		fmt.Fprintf(log, "--- %s start %v %s\n", time.Now().Format("15:04:05.000"), args, fault)
		var tail []string
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "{") {
				s.progress(log, lines.Bytes(), cmd.Process.Pid)
				continue
			}
			fmt.Fprintln(log, lines.Text())
			if tail = append(tail, lines.Text()); len(tail) > 30 {
				tail = tail[1:]
			}
		}
		err := cmd.Wait()
		fmt.Fprintf(log, "--- %s end %v\n", time.Now().Format("15:04:05.000"), err)
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.expected {
			select {
			case s.broken <- fmt.Errorf("the engine ended by itself: %w\n%s", err, strings.Join(tail, "\n")):
			default:
			}
		}
	}()
}

// progress takes a line of progress, and looks at what the process has.
func (s *soak) progress(log io.Writer, line []byte, pid int) {
	var p progressLine
	if err := json.Unmarshal(line, &p); err != nil {
		return
	}
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	rss := int64(0)
	for l := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(l, "VmRSS:"); ok {
			rss, _ = strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Epoch > s.last.Epoch {
		if s.commits++; s.commits == 1 {
			s.slowest = max(s.slowest, time.Since(s.started))
			fmt.Fprintf(log, "--- first commit after %v\n", time.Since(s.started))
		}
	}
	s.last, s.raw = p, string(line)
	s.peak["state rows"] = max(s.peak["state rows"], p.StateRows)
	s.peak["files"] = max(s.peak["files"], int64(len(files)))
	s.peak["MB"] = max(s.peak["MB"], rss>>10)
}

func (s *soak) now() (progressLine, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.commits
}

// end ends the engine by a signal and waits for it.
func (s *soak) end(sig syscall.Signal) {
	s.t.Helper()
	s.mu.Lock()
	s.expected = true
	cmd, ended := s.cmd, s.ended
	s.mu.Unlock()
	_ = cmd.Process.Signal(sig)
	select {
	case <-ended:
	case <-time.After(90 * time.Second):
		_ = cmd.Process.Signal(syscall.SIGQUIT)
		<-ended
		s.t.Errorf("the engine does not end by %v; its goroutines are in engine.log", sig)
	}
	if code := cmd.ProcessState.ExitCode(); sig == syscall.SIGTERM && code != 0 && code != 130 && code != 143 {
		s.t.Errorf("exit code %d after SIGTERM", code)
	}
}

// pause stops the engine for a while.
func (s *soak) pause(d time.Duration) {
	_ = s.cmd.Process.Signal(syscall.SIGSTOP)
	time.Sleep(d)
	_ = s.cmd.Process.Signal(syscall.SIGCONT)
}

// rec is a record to send; nil: no key, no value.
type rec struct {
	at         time.Time
	key, value []byte
}

// send writes records to a partition.
func (s *soak) send(topic string, partition int, list ...rec) {
	if len(list) == 0 {
		return
	}
	s.feeding.Lock()
	defer s.feeding.Unlock()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		records := make([]kafka.Record, len(list))
		for i, r := range list {
			records[i] = kafka.Record{Time: r.at}
			if r.key != nil {
				records[i].Key = kafka.NewBytes(r.key)
			}
			if r.value != nil {
				records[i].Value = kafka.NewBytes(r.value)
			}
		}
		r, err := s.k.Client().Produce(context.Background(), &kafka.ProduceRequest{Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...)})
		if err == nil {
			err = r.Error
		}
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Errorf("producing to %s/%d: %v", topic, partition, err)
			return
		}
	}
}

// settle waits until the job has read all that there is and has nothing more to do.
func (s *soak) settle(done func(progressLine) bool) {
	s.t.Helper()
	var since time.Time
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		select {
		case err := <-s.broken:
			s.t.Fatal(err)
		default:
		}
		p, _ := s.now()
		idle := len(p.Sources) > 0
		for _, src := range p.Sources {
			idle = idle && src.State == "" && (src.Lag == nil || *src.Lag == 0)
		}
		switch {
		case !idle || !done(p):
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > 6*time.Second:
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the job does not catch up: %+v", p)
		}
	}
}

// atRest looks at what the job uses while there is nothing to do.
func (s *soak) atRest() {
	ticks := func() int64 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
		if err != nil {
			return 0 // elsewhere than on Linux
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(after)
		user, _ := strconv.ParseInt(f[11], 10, 64)
		system, _ := strconv.ParseInt(f[12], 10, 64)
		return user + system
	}
	before := ticks()
	time.Sleep(10 * time.Second)
	s.t.Logf("at rest: %.1f %% of a core; the longest from a start to the first commit: %v", float64(ticks()-before)/10, s.slowest)
	if err := os.WriteFile(filepath.Join(s.dir, "progress.json"), []byte(s.raw), 0o644); err != nil {
		s.t.Error(err)
	}
}
