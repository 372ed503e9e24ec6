//go:build unix

package crash

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/streamsql/streamsql/internal/testservice"
)

// fromKafka reads a topic, and writes rows and sums by window to two others.
const fromKafka = `
SET 'commit.interval' = '20ms';
CREATE SOURCE input (id BIGINT, v BIGINT, ts AS TO_TIMESTAMP_LTZ(id, 0), WATERMARK FOR ts AS ts - INTERVAL '300' SECOND)
  WITH ('connector' = 'kafka', 'properties.bootstrap.servers' = '%[1]s', 'topic' = 'input', 'format' = 'json',
    'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'scan.max-offsets-per-trigger' = '1500');
CREATE SINK copies (id BIGINT, v BIGINT) WITH ('connector' = 'kafka', 'properties.bootstrap.servers' = '%[1]s', 'topic' = 'copies%[2]d', 'format' = 'json');
CREATE SINK sums (ws TIMESTAMP_LTZ(3), n BIGINT, s BIGINT) WITH ('connector' = 'kafka', 'properties.bootstrap.servers' = '%[1]s', 'topic' = 'sums%[2]d', 'format' = 'json');
INSERT INTO copies SELECT id, v FROM input WHERE MOD(id, 5) <> 0;
INSERT INTO sums SELECT window_start, COUNT(*), SUM(v) FROM TUMBLE(TABLE input, DESCRIPTOR(ts), INTERVAL '100' SECOND) GROUP BY window_start, window_end;
`

// TestKillKafka copies topics exactly once while the engine is killed, also between
// its commit and the broker's. The referee is Kafka's own consumer with
// read_committed; what it must see is worked out here.
func TestKillKafka(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{})
	const n = 20_000
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var in strings.Builder
	var copies, sums []string
	sum := int64(0)
	for i := range int64(n) {
		v := i * i % 1009
		fmt.Fprintf(&in, `{"id":%d,"v":%d}`+"\n", i, v)
		if i%5 != 0 {
			copies = append(copies, fmt.Sprintf(`{"id":%d,"v":%d}`, i, v))
		}
		if sum += v; i%100 == 99 {
			sums = append(sums, fmt.Sprintf(`{"ws":"%s","n":100,"s":%d}`, time.Unix(i-99, 0).UTC().Format("2006-01-02 15:04:05.000Z"), sum))
			sum = 0
		}
	}
	slices.Sort(copies)
	slices.Sort(sums)
	write("in.ndjson", in.String())
	k.CreateTopic(t, "input", 3)
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	// With one shard each partition is in the order of time.
	cmd := exec.Command(bin, "--parallelism", "1", "-e", fmt.Sprintf(`
CREATE SOURCE lines (id BIGINT, v BIGINT) WITH ('connector' = 'file', 'path' = 'in.ndjson', 'format' = 'json');
CREATE SINK input (id BIGINT, v BIGINT, part INT METADATA FROM 'partition') WITH ('connector' = 'kafka', 'properties.bootstrap.servers' = '%s', 'topic' = 'input', 'format' = 'json');
INSERT INTO input SELECT id, v, CAST(MOD(id, 3) AS INT) FROM lines;`, k.Addr))
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	rounds := 4
	if os.Getenv("STREAMSQL_SOAK") != "" {
		rounds = 100
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	kills := 0
	for round := range rounds {
		for topic := range map[string]bool{"copies": true, "sums": true} {
			k.CreateTopic(t, fmt.Sprint(topic, round), 2)
		}
		write("job.sql", fmt.Sprintf(fromKafka, k.Addr, round))
		if err := os.RemoveAll(filepath.Join(dir, "state")); err != nil {
			t.Fatal(err)
		}
		var history []string
		for try := 0; ; try++ {
			if try > 60 {
				t.Fatalf("round %d: no end: %v", round, history)
			}
			fault := fmt.Sprintf("%s:%d", points[(round+try)%8], 1+rng.IntN(5))
			byHand := rng.IntN(5) == 0
			if byHand || try > 25 {
				fault = ""
			}
			cmd, msg := start(t, dir, fault, "--parallelism", strconv.Itoa(1+rng.IntN(2)), "--batch-rows", strconv.Itoa(100+rng.IntN(1000)))
			if byHand {
				time.AfterFunc(time.Duration(50+rng.IntN(500))*time.Millisecond, func() { _ = cmd.Process.Kill() })
				fault = "by hand"
			}
			history = append(history, fault)
			if !killed(t, cmd.Wait(), msg) {
				break
			}
			kills++
		}
		for topic, want := range map[string][]string{"copies": copies, "sums": sums} {
			if got := committed(t, k, fmt.Sprint(topic, round)); !slices.Equal(got, want) {
				t.Fatalf("round %d: topic %s has %d records, want %d; first difference: %s\nhistory: %v", round, topic, len(got), len(want), difference(got, want), history)
			}
		}
	}
	t.Logf("%d kills in %d rounds", kills, rounds)
	if kills < rounds {
		t.Errorf("only %d kills in %d rounds: the test does not test", kills, rounds)
	}
}

// committed gives the values of a topic as Kafka's own consumer with read_committed
// sees them, sorted.
func committed(t *testing.T, k *testservice.Kafka, topic string) []string {
	t.Helper()
	cmd := k.Tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", topic, "--from-beginning", "--timeout-ms", "4000", "--command-property", "isolation.level=read_committed")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && !strings.Contains(stderr.String(), "TimeoutException") {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	slices.Sort(lines)
	return lines
}
