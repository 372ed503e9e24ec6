//go:build unix

package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/internal/testservice"
	"github.com/streamsql/streamsql/planner"
)

func TestMain(m *testing.M) {
	testservice.Main(m, func() error { return goleak.Find() })
}

// world is an engine with its state and the tables that jobs write to, over runs.
type world struct {
	t     testing.TB
	k     *testservice.Kafka
	store *memory.Store
	dir   string
	log   *lines
	clock clock.Clock // nil: the computer's
	// requestTimeout is how long brokers may take to answer.
	requestTimeout string
}

// lines keeps what the engine logs.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newWorld(t testing.TB, k *testservice.Kafka) *world {
	return &world{t: t, k: k, store: memory.NewStore(), dir: t.TempDir(), log: &lines{}, requestTimeout: "5 s"}
}

// run is one run of a job.
type run struct {
	*streamsql.Job
	w      *world
	engine *streamsql.Engine
	cancel context.CancelFunc

	mu             sync.Mutex
	sources, sinks map[string]string // their states, as progress says
}

// sourceState is what progress says of a source.
func (r *run) sourceState(source string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sources[source]
}

// state is what progress says of a sink.
func (r *run) state(sink string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sinks[sink]
}

func (r *run) report(p streamsql.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range p.Sources {
		r.sources[s.Name] = s.State
	}
	for _, s := range p.Sinks {
		r.sinks[s.Name] = s.State
	}
}

// start starts a job in a new engine, as a new process does.
func (w *world) start(script string) *run {
	w.t.Helper()
	eng, err := streamsql.Open(streamsql.Options{DataDir: w.dir, Memory: w.store, Clock: w.clock, Log: slog.New(slog.NewTextHandler(w.log, nil))})
	if err != nil {
		w.t.Fatal(err)
	}
	session := eng.Script()
	text := strings.ReplaceAll("SET 'commit.interval' = '50ms';\n"+script, "$KAFKA", "'connector' = 'kafka', 'properties.bootstrap.servers' = '"+w.k.Addr+
		"', 'format' = 'json', 'properties.reconnect.backoff.max.ms' = '500 ms', 'properties.request.timeout.ms' = '"+w.requestTimeout+"'")
	analyzed, err := session.Analyze("test", text)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, step := range analyzed.Steps {
		if step, ok := step.(*planner.Job); ok {
			ctx, cancel := context.WithCancel(context.Background())
			r := &run{w: w, engine: eng, cancel: cancel, sources: map[string]string{}, sinks: map[string]string{}}
			if r.Job, err = session.StartJob(ctx, step, streamsql.JobOptions{Name: "job", Progress: r.report}); err != nil {
				cancel()
				w.t.Fatal(err)
			}
			return r
		}
	}
	w.t.Fatal("no job")
	return nil
}

// stop ends the run in order and gives its error.
func (r *run) stop() error {
	r.Stop()
	return r.wait()
}

// wait waits for the end of the run.
func (r *run) wait() error {
	r.w.t.Helper()
	select {
	case <-r.Done():
	case <-time.After(2 * time.Minute):
		r.w.t.Errorf("the job does not end; %+v\n%s", r.Sources(), r.w.log)
	}
	r.cancel()
	err := r.Wait()
	if cerr := r.engine.Close(); err == nil {
		err = cerr
	}
	return err
}

// rows are what a sink shows, sorted.
func (w *world) rows(sink string) []string {
	var out []string
	for _, r := range w.store.Table(sink).Rows() {
		out = append(out, strings.Trim(fmt.Sprint(r.Values), "[]"))
	}
	slices.Sort(out)
	return out
}

// until waits for a condition of a job that runs.
func (r *run) until(what string, ok func() bool) {
	r.w.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		select {
		case <-r.Done():
			r.w.t.Fatalf("the job has ended before %s: %v\n%s", what, r.Wait(), r.w.log)
		default:
		}
		if time.Now().After(deadline) {
			r.w.t.Fatalf("no %s; %+v\n%s", what, r.Sources(), r.w.log)
		}
	}
}

func (r *run) untilRows(sink string, n int) {
	r.w.t.Helper()
	r.until(fmt.Sprintf("%d rows in %s", n, sink), func() bool { return len(r.w.rows(sink)) >= n })
}

// numbers are the texts of first to first+n-1, sorted as texts.
func numbers(first, n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint(first+i))
	}
	slices.Sort(out)
	return out
}

func (w *world) equal(sink string, want []string) {
	w.t.Helper()
	if got := w.rows(sink); !slices.Equal(got, want) {
		w.t.Errorf("%s has %d rows, want %d: %s\n%s", sink, len(got), len(want), difference(got, want), w.log)
	}
}

func difference(got, want []string) string {
	count := map[string]int{}
	for _, g := range got {
		count[g]++
	}
	for _, w := range want {
		count[w]--
	}
	var out []string
	for k, n := range count {
		if n != 0 && len(out) < 10 {
			out = append(out, fmt.Sprintf("%s %+d", k, n))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// produce writes {"n": i} for n numbers to a partition.
func produce(t testing.TB, addr, topic string, partition int32, first, n int) {
	t.Helper()
	if n == 0 {
		return
	}
	e := batch.NewEncoder(batch.Codec(first % 5))
	for i := range n {
		e.Append(1_700_000_000_000+int64(first+i), []byte(fmt.Sprint(first+i)), fmt.Appendf(nil, `{"n":%d}`, first+i), nil)
	}
	data, err := e.Finish(nil, batch.NoProducer)
	if err != nil {
		t.Fatal(err)
	}
	send(t, addr, topic, partition, data)
}

func send(t testing.TB, addr, topic string, partition int32, data []byte) {
	t.Helper()
	sendBy(t, addr, topic, partition, data, "")
}

// sendBy is send as part of a transaction, unless its ID is "".
func sendBy(t testing.TB, addr, topic string, partition int32, data []byte, id string) {
	t.Helper()
	c := wire.New(wire.Config{Brokers: strings.Split(addr, ","), ClientID: "test", RequestTimeout: 10 * time.Second})
	defer c.Close()
	tp := wire.TopicPartition{Topic: topic, Partition: partition}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(30 * time.Millisecond) {
		err := func() error {
			m, err := c.Metadata(context.Background(), []string{topic})
			if err != nil || m.Topics[0].Err != nil {
				return errors.Join(err, kafka.UnknownTopicOrPartition)
			}
			for _, p := range m.Topics[0].Partitions {
				if p.Index == partition && p.Leader >= 0 {
					out, err := c.Produce(context.Background(), p.Leader, &wire.ProduceRequest{TransactionalID: id, Timeout: 5 * time.Second, Partitions: []wire.ProducePartition{{TopicPartition: tp, Batch: data}}})
					if err != nil {
						return err
					}
					return out[0].Err
				}
			}
			return kafka.LeaderNotAvailable
		}()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("producing to %s/%d: %v", topic, partition, err)
		}
	}
}

// A job goes on where it stopped, finds new partitions, and tells the group.
func TestRestart(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "restart-a", 2)
	k.CreateTopic(t, "restart-b", 1)
	w := newWorld(t, k)
	const script = `
		CREATE SOURCE s (n INT, part INT METADATA FROM 'partition') WITH ($KAFKA, 'topic' = 'restart-a;restart-b', 'scan.startup.mode' = 'earliest-offset',
			'properties.group.id' = 'restart', 'scan.topic-partition-discovery.interval' = '100 ms');
		CREATE SINK out (n INT) WITH ('connector' = 'memory');
		INSERT INTO out SELECT n FROM s;`
	produce(t, k.Addr, "restart-a", 0, 0, 100)
	produce(t, k.Addr, "restart-a", 1, 100, 100)
	r := w.start(script)
	r.untilRows("out", 200)
	produce(t, k.Addr, "restart-b", 0, 200, 50)
	r.untilRows("out", 250)
	k.AddPartitions(t, "restart-a", 3)
	produce(t, k.Addr, "restart-a", 2, 250, 10)
	r.untilRows("out", 260)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", numbers(0, 260))
	offsets, err := k.Client().OffsetFetch(context.Background(), &kafka.OffsetFetchRequest{GroupID: "restart", Topics: map[string][]int{"restart-a": {0, 1, 2}, "restart-b": {0}}})
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int64{}
	for topic, list := range offsets.Topics {
		for _, p := range list {
			told[fmt.Sprint(topic, p.Partition)] = p.CommittedOffset
		}
	}
	if want := map[string]int64{"restart-a0": 100, "restart-a1": 100, "restart-a2": 10, "restart-b0": 50}; fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("the group has %v, want %v", told, want)
	}
	produce(t, k.Addr, "restart-a", 1, 260, 40)
	k.AddPartitions(t, "restart-b", 2)
	produce(t, k.Addr, "restart-b", 1, 300, 5)
	r = w.start(script)
	r.untilRows("out", 305)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", numbers(0, 305))
}
