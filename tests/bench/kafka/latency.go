//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/producer"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// latency measures jobs that read what is written at a steady rate.
type latency struct {
	rate             int
	warmup, measured time.Duration
	cases            string
}

// latencyCase is a job from the topic 'in' to the topic 'out', or none: then it is
// the broker alone that is measured.
type latencyCase struct {
	name, guarantee string
	commit          string
	counts          bool // per key, else rows pass through
}

func (c *latencyCase) job() bool { return c.guarantee != "" }

var latencyCases = []latencyCase{
	{name: "broker"},
	{"stateless", "at-least-once", "1s", false},
	{"count", "at-least-once", "1s", true},
	{"exactly-once-10ms", "exactly-once", "10ms", false},
	{"exactly-once-100ms", "exactly-once", "100ms", false},
	{"exactly-once-1s", "exactly-once", "1s", false},
}

func caseNames() []string {
	var names []string
	for _, c := range latencyCases {
		names = append(names, c.name)
	}
	return names
}

// keys is how many keys the rows have: row i has key i % keys.
const keys = 1000

func (c *latencyCase) script(b *bench, in, out string) string {
	text := "SET 'commit.interval' = '" + c.commit + "';\nCREATE SOURCE rows_in (id BIGINT, sent BIGINT, k BIGINT, note STRING) WITH " +
		b.options(in, "scan.startup.mode=earliest-offset") + ";\n"
	with := b.options(out, "sink.delivery-guarantee="+c.guarantee)
	if c.counts {
		return text + "CREATE SINK out (k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH " + with +
			";\nINSERT INTO out SELECT k, COUNT(*) AS n FROM rows_in GROUP BY k;\n"
	}
	return text + "CREATE SINK out (id BIGINT, sent BIGINT, k BIGINT, note STRING) WITH " + with + ";\nINSERT INTO out SELECT id, sent, k, note FROM rows_in;\n"
}

func (l *latency) run(ctx context.Context, b *bench) error {
	b.printf("%d rows/s, %d partitions, %d shards, %s each; ms from the record's stamp to the consumer's clock\n\n", l.rate, b.partitions, b.parallelism, l.measured)
	b.printf("| job | commits each | p50 | p90 | p99 | p99.9 | max | CPU of the engine |\n|---|---|---|---|---|---|---|---|\n")
	for _, name := range list(l.cases) {
		i := slices.IndexFunc(latencyCases, func(c latencyCase) bool { return c.name == name })
		if i < 0 {
			return fmt.Errorf("case %q is unknown", name)
		}
		if err := l.measure(ctx, b, &latencyCases[i]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// traffic is what a producer has written and when: the stamp of row i.
type traffic struct {
	stamps []int64 // ns since 1970
	n      atomic.Int64
	first  int // of the rows that count
}

// measure runs one case.
func (l *latency) measure(ctx context.Context, b *bench, c *latencyCase) error {
	in, out := "in-"+c.name, "out-"+c.name
	for _, topic := range []string{in, out} {
		if err := b.kafka.NewTopic(topic, b.partitions); err != nil {
			return err
		}
	}
	alive := func() error { return nil }
	var e *engine
	read := in
	if c.job() {
		var err error
		if e, err = b.begin(c.name, c.script(b, in, out)); err != nil {
			return err
		}
		defer func() { _ = e.cmd.Process.Kill(); <-e.ended }()
		read, alive = out, e.alive
	}
	total := int(float64(l.rate) * (l.warmup + l.measured).Seconds())
	t := &traffic{stamps: make([]int64, total), first: int(float64(l.rate) * l.warmup.Seconds())}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := &arrivals{traffic: t, counts: c.counts, once: make([]bool, total), next: make([]int32, keys)}
	done := make(chan error, 1)
	go func() { done <- at.consume(ctx, b, read, c.guarantee == "exactly-once") }()
	if err := l.produce(ctx, b, in, t); err != nil {
		return errors.Join(err, alive())
	}
	// What is still under way comes within a commit and the time of the broker.
	select {
	case err := <-done:
		if err != nil {
			return errors.Join(err, alive())
		}
	case <-time.After(30 * time.Second):
		return errors.Join(fmt.Errorf("%d of %d rows have come", at.rows.Load(), total), alive())
	}
	if c.job() {
		if err := e.stop(ctx); err != nil {
			return err
		}
		name := c.name
		if c.counts {
			name = fmt.Sprintf("COUNT(*) of %d keys", keys)
		}
		b.printf("| %s, %s | %s |%s %.0f %% |\n", name, c.guarantee, c.commit, at.times.cells(), 100*e.cpu.Seconds()/e.wall.Seconds())
	} else {
		b.printf("| none: what is written is read | |%s |\n", at.times.cells())
	}
	for _, topic := range []string{in, out} {
		if err := b.kafka.DropTopic(topic); err != nil {
			return err
		}
	}
	return nil
}

// tick is how often a producer writes what is due.
const tick = time.Millisecond

// produce writes rows at the rate, whatever becomes of them: those that are due
// while the broker is slow are stamped then, and wait.
func (l *latency) produce(ctx context.Context, b *bench, topic string, t *traffic) error {
	c := b.client("producer")
	defer c.Close()
	s, err := b.session(ctx, c, batch.None, 64<<10)
	if err != nil {
		return err
	}
	defer s.Close()
	note := []byte(`,"note":"a text that makes the row as long as rows of orders, bids or payments tend to be, which is about two hundred bytes as JSON"}`)
	var rows []byte
	var records []producer.Record
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	start := time.Now()
	for i := 0; i < len(t.stamps); {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		now := time.Now()
		due := min(len(t.stamps), int(now.Sub(start).Seconds()*float64(l.rate)))
		stamp := now.UnixNano()
		rows, records = rows[:0], records[:0]
		for ; i < due; i++ {
			t.stamps[i] = stamp
			from := len(rows)
			rows = strconv.AppendInt(append(rows, `{"id":`...), int64(i), 10)
			rows = strconv.AppendInt(append(rows, `,"sent":`...), stamp, 10)
			rows = strconv.AppendInt(append(rows, `,"k":`...), int64(i%keys), 10)
			rows = append(rows, note...)
			// Where rows grows, what was appended before stays where it was.
			records = append(records, producer.Record{
				TopicPartition: wire.TopicPartition{Topic: topic, Partition: int32(i % keys % b.partitions)},
				Time:           now.UnixMilli(), Value: rows[from:],
			})
		}
		t.n.Store(int64(i))
		if err := s.AddAll(ctx, records); err != nil {
			return err
		}
	}
	return s.Flush(ctx)
}
