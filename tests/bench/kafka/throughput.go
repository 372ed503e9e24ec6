//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
)

// throughput measures jobs that read a topic to its end.
type throughput struct {
	rows          int64
	runs, batch   int
	codecs, sinks string
}

// bidColumns are those of a Nexmark bid, as its topic has them.
const bidColumns = "(event_type INT, bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, `dateTime` TIMESTAMP(3), extra STRING>)"

const bidQuery = "SELECT e.bid.auction, e.bid.bidder, e.bid.price, e.bid.channel, e.bid.`dateTime`, e.bid.extra FROM bids AS e"

func (t *throughput) run(ctx context.Context, b *bench) error {
	first := ""
	for i, name := range list(t.codecs) {
		codec := slices.Index(batch.Codecs, name)
		if codec < 0 {
			return fmt.Errorf("compression %q is unknown", name)
		}
		topic := "bids-" + name
		size, err := b.bids(ctx, topic, t.rows, batch.Codec(codec), t.batch)
		if err != nil {
			return err
		}
		if i == 0 {
			first = topic
			b.printf("%d bids of %.0f bytes, %d partitions, batches of %d bytes\n\n", t.rows, size, b.partitions, t.batch)
			b.printf("| job | M rows/s | CPU-s per M rows, engine | peak MB |\n|---|---|---|---|\n")
		}
		if err := t.measure(ctx, b, topic, []jobTo{{name: name + " to blackhole"}}); err != nil {
			return err
		}
		if topic != first {
			if err := b.kafka.DropTopic(topic); err != nil {
				return err
			}
		}
	}
	var jobs []jobTo
	for _, guarantee := range list(t.sinks) {
		jobs = append(jobs, jobTo{strings.TrimPrefix(first, "bids-") + " to topic, " + guarantee, guarantee})
	}
	if len(jobs) > 0 {
		// The broker's first writing is several times as slow as what follows.
		if _, err := t.once(ctx, b, first, jobs[0]); err != nil {
			return err
		}
	}
	return t.measure(ctx, b, first, jobs)
}

// jobTo is a job that writes to a topic with a guarantee, or to nowhere.
type jobTo struct{ name, guarantee string }

// measure runs jobs in turns and prints the fastest run of each.
func (t *throughput) measure(ctx context.Context, b *bench, topic string, jobs []jobTo) error {
	best := make([]*engine, len(jobs))
	for range t.runs {
		for i, j := range jobs {
			e, err := t.once(ctx, b, topic, j)
			if err != nil {
				return err
			}
			if best[i] == nil || e.wall < best[i].wall {
				best[i] = e
			}
		}
	}
	millions := float64(t.rows) / 1e6
	for i, j := range jobs {
		b.printf("| %s | %.2f | %.2f | %d |\n", j.name, millions/best[i].wall.Seconds(), best[i].cpu.Seconds()/millions, best[i].memory>>20)
	}
	return nil
}

// once runs a job to its end.
func (t *throughput) once(ctx context.Context, b *bench, topic string, j jobTo) (e *engine, err error) {
	sink := "('connector' = 'blackhole')"
	if j.guarantee != "" {
		out := "out-" + j.guarantee
		if err := b.kafka.NewTopic(out, b.partitions); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, b.kafka.DropTopic(out)) }()
		sink = b.options(out, "sink.delivery-guarantee="+j.guarantee)
	}
	script := "SET 'commit.interval' = '1s';\nCREATE SOURCE bids " + bidColumns + " WITH " + b.options(topic, "scan.startup.mode=earliest-offset", "scan.bounded.mode=latest-offset") +
		";\nCREATE SINK out WITH " + sink + " AS " + bidQuery + ";\n"
	e, err = b.begin(strings.NewReplacer(" ", "-", ",", "").Replace(j.name), script)
	if err != nil {
		return nil, err
	}
	return e, e.wait(ctx)
}

// list splits a list of a flag.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
