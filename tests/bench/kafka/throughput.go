//go:build unix

package main

import (
	"context"
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
		if err := t.measure(ctx, b, topic, name+" to blackhole", "'connector' = 'blackhole'"); err != nil {
			return err
		}
		if topic != first {
			if err := b.kafka.DropTopic(topic); err != nil {
				return err
			}
		}
	}
	for _, guarantee := range list(t.sinks) {
		if err := t.topicToTopic(ctx, b, first, guarantee); err != nil {
			return err
		}
	}
	return nil
}

func (t *throughput) topicToTopic(ctx context.Context, b *bench, topic, guarantee string) error {
	out := "out-" + guarantee
	if err := b.kafka.NewTopic(out, b.partitions); err != nil {
		return err
	}
	with := b.options(out, "sink.delivery-guarantee="+guarantee)
	name := strings.TrimPrefix(topic, "bids-") + " to topic, " + guarantee
	if err := t.measure(ctx, b, topic, name, with[1:len(with)-1]); err != nil {
		return err
	}
	return b.kafka.DropTopic(out)
}

// measure runs a job and prints the fastest run.
func (t *throughput) measure(ctx context.Context, b *bench, topic, name, sink string) error {
	script := "SET 'commit.interval' = '1s';\nCREATE SOURCE bids " + bidColumns + " WITH " + b.options(topic, "scan.startup.mode=earliest-offset", "scan.bounded.mode=latest-offset") +
		";\nCREATE SINK out WITH (" + sink + ") AS " + bidQuery + ";\n"
	var best *engine
	for range t.runs {
		e, err := b.begin(strings.NewReplacer(" ", "-", ",", "").Replace(name), script)
		if err != nil {
			return err
		}
		if err := e.wait(ctx); err != nil {
			return err
		}
		if best == nil || e.wall < best.wall {
			best = e
		}
	}
	millions := float64(t.rows) / 1e6
	b.printf("| %s | %.2f | %.2f | %d |\n", name, millions/best.wall.Seconds(), best.cpu.Seconds()/millions, best.memory>>20)
	return nil
}

// list splits a list of a flag.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
