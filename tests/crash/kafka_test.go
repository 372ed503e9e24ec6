//go:build unix

package crash

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
    'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'scan.max-offsets-per-trigger' = '1000');
CREATE SINK copies (id BIGINT, v BIGINT) WITH ('connector' = 'kafka', 'properties.bootstrap.servers' = '%[1]s', 'topic' = 'copies%[2]d', 'format' = 'json' %[3]s);
CREATE SINK sums (ws TIMESTAMP_LTZ(3), n BIGINT, s BIGINT) WITH ('connector' = 'kafka', 'properties.bootstrap.servers' = '%[1]s', 'topic' = 'sums%[2]d', 'format' = 'json' %[3]s);
INSERT INTO copies SELECT id, v FROM input WHERE MOD(id, 5) <> 0;
INSERT INTO sums SELECT window_start, COUNT(*), SUM(v) FROM TUMBLE(TABLE input, DESCRIPTOR(ts), INTERVAL '100' SECOND) GROUP BY window_start, window_end;
`

// kafkaInput fills the topic input of a cluster with n rows, and gives what the job
// must make of them, sorted, worked out here.
func kafkaInput(t *testing.T, k *testservice.Kafka, dir string, n int64) (copies, sums []string) {
	t.Helper()
	var in strings.Builder
	sum := int64(0)
	for i := range n {
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
	if err := os.WriteFile(filepath.Join(dir, "in.ndjson"), []byte(in.String()), 0o644); err != nil {
		t.Fatal(err)
	}
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
	return copies, sums
}

// newRound makes the topics of a round, and the job that writes to them.
func newRound(t *testing.T, k *testservice.Kafka, dir string, round int, options string) {
	t.Helper()
	for _, topic := range []string{"copies", "sums"} {
		k.CreateTopic(t, fmt.Sprint(topic, round), 2)
	}
	writeJob(t, k, dir, round, options)
	if err := os.RemoveAll(filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
}

func writeJob(t *testing.T, k *testservice.Kafka, dir string, round int, options string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "job.sql"), fmt.Appendf(nil, fromKafka, k.Addr, round, options), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestKillKafka copies topics exactly once while the engine is killed, also between
// its commit and the broker's, and started again at once or a while later. The
// referee is Kafka's own consumer with read_committed.
func TestKillKafka(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{})
	dir := t.TempDir()
	copies, sums := kafkaInput(t, k, dir, 20_000)
	rounds := 3
	if os.Getenv("STREAMSQL_SOAK") != "" {
		rounds = 100
	}
	kills, rng := 0, chance(t)
	for round := range rounds {
		newRound(t, k, dir, round, "")
		history := survive(t, dir, func(try int) life {
			if try > 0 && rng.IntN(10) == 0 {
				time.Sleep(time.Duration(rng.IntN(2000)) * time.Millisecond)
			}
			l := life{args: []string{"--parallelism", strconv.Itoa(1 + rng.IntN(2)), "--batch-rows", strconv.Itoa(100 + rng.IntN(1000))}}
			switch {
			case rng.IntN(5) == 0:
				l.byHand = time.Duration(50+rng.IntN(500)) * time.Millisecond
			case try > 25:
			case rng.IntN(8) == 0:
				l.fault = fmt.Sprintf("state-fs:%d", 1+rng.IntN(120))
			default:
				l.fault = fmt.Sprintf("%s:%d", points[(round+try)%8], 1+rng.IntN(4))
			}
			return l
		})
		kills += len(history) - 1
		want := both(copies, sums)
		if got := committed(t, k, round, len(want)); !slices.Equal(got, want) {
			t.Fatalf("round %d: the topics have %d records, want %d; first difference: %s\nhistory: %s", round, len(got), len(want), difference(got, want), strings.Join(history, "\n"))
		}
	}
	t.Logf("%d kills in %d rounds", kills, rounds)
	if kills < rounds {
		t.Errorf("only %d kills in %d rounds: the test does not test", kills, rounds)
	}
}

// committed gives the values of a round's topics as Kafka's own consumer with
// read_committed sees them, sorted. If it gives up before it has seen so many as are
// wanted, which it does on a busy machine, it is given more time.
func committed(t *testing.T, k *testservice.Kafka, round, want int) (lines []string) {
	t.Helper()
	for _, patience := range []string{"4000", "30000"} {
		cmd := k.Tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--include", fmt.Sprintf("(copies|sums)%d", round), "--from-beginning",
			"--timeout-ms", patience, "--command-property", "isolation.level=read_committed")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil && !strings.Contains(stderr.String(), "TimeoutException") {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		lines = nil
		if stdout.Len() > 0 {
			lines = strings.Split(strings.TrimSpace(stdout.String()), "\n")
		}
		if len(lines) >= want {
			break
		}
	}
	slices.Sort(lines)
	return lines
}

// both is one list and the other, sorted.
func both(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return all
}

// TestExpiredKafka starts the engine again when the time of its transactions is
// over. What it had not committed is written again; what it had, the broker has
// aborted: the job says how many records that are, and goes on without exactly those
// when it is told to.
func TestExpiredKafka(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{Properties: map[string]string{"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200"}})
	dir := t.TempDir()
	copies, sums := kafkaInput(t, k, dir, 8_000)
	want := both(copies, sums)
	const timeout = 2 * time.Second
	options := fmt.Sprintf(", 'properties.transaction.timeout.ms' = '%d'", timeout.Milliseconds())
	faults := []string{"after-store:3", "before-store:3"}
	if os.Getenv("STREAMSQL_SOAK") != "" {
		faults = append(faults, "before-sink-commit:4", "after-prepare:2", "after-commit:3", "before-sink-commit:1", "after-store:1", "after-store:6")
	}
	for round, fault := range faults {
		newRound(t, k, dir, round, options)
		cmd, msg := start(t, dir, fault, "--parallelism", "2")
		if !killed(t, cmd.Wait(), msg) {
			t.Fatalf("%s does not kill", fault)
		}
		time.Sleep(timeout + 2*time.Second)
		lost := 0
		if cmd, msg = start(t, dir, ""); !strings.HasPrefix(fault, "after-store") && !strings.HasPrefix(fault, "before-sink-commit") {
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%s: %v\n%s", fault, err, msg)
			}
		} else {
			err := cmd.Wait()
			expired := regexp.MustCompile(`error: sink (copies|sums): the output of micro-batch \d+ expired at the broker: .* and (\d+) records are lost`)
			if m := expired.FindStringSubmatch(msg.String()); err == nil || m == nil || !strings.Contains(msg.String(), "hint: 'fail-on-data-loss' = 'false'") {
				t.Fatalf("%s: %v\n%s", fault, err, msg)
			}
			// Again, it says the same: nothing is passed over in silence.
			cmd, msg = start(t, dir, "")
			if err := cmd.Wait(); err == nil || !expired.MatchString(msg.String()) {
				t.Fatalf("%s: %v\n%s", fault, err, msg)
			}
			writeJob(t, k, dir, round, options+", 'fail-on-data-loss' = 'false'")
			cmd, msg = start(t, dir, "")
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%s: %v\n%s", fault, err, msg)
			}
			for _, m := range regexp.MustCompile(`records are lost: .* lost=(\d+)`).FindAllStringSubmatch(msg.String(), -1) {
				n, err := strconv.Atoi(m[1])
				if err != nil {
					t.Fatal(err)
				}
				lost += n
			}
			if lost == 0 {
				t.Fatalf("%s: nothing is said to be lost\n%s", fault, msg)
			}
		}
		got := committed(t, k, round, len(want)-lost)
		if len(got)+lost != len(want) {
			t.Errorf("%s: %d records and %d lost ones, want %d", fault, len(got), lost, len(want))
		}
		for rest := want; len(got) > 0; got = got[1:] {
			i, ok := slices.BinarySearch(rest, got[0])
			if !ok {
				t.Fatalf("%s: %s is wrong or doubled", fault, got[0])
			}
			rest = rest[i+1:]
		}
	}
}
