//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/streamsql/streamsql/internal/testservice"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var b bench
	root := &cobra.Command{Use: "kafka", Short: "Measure jobs between topics of a real Kafka broker", SilenceUsage: true}
	root.PersistentFlags().StringVar(&b.binary, "binary", "", "the program that is measured")
	root.PersistentFlags().IntVar(&b.parallelism, "parallelism", 2, "its shards")
	root.PersistentFlags().IntVar(&b.partitions, "partitions", 2, "of each topic")
	root.PersistentFlags().StringVar(&b.profiles, "profiles", "", "a directory for the profiles of a program that is built with -tags profile")
	_ = root.MarkPersistentFlagRequired("binary")

	var l latency
	lc := &cobra.Command{Use: "latency", Short: "From a record's stamp to a consumer's clock", Args: cobra.NoArgs,
		RunE: b.with(func(ctx context.Context) error { return l.run(ctx, &b) })}
	lc.Flags().IntVar(&l.rate, "rate", 10_000, "rows a second")
	lc.Flags().DurationVar(&l.warmup, "warmup", 5*time.Second, "before rows are counted")
	lc.Flags().DurationVar(&l.measured, "duration", 20*time.Second, "while they are")
	lc.Flags().StringVar(&l.cases, "cases", strings.Join(caseNames(), ","), "which cases")

	var t throughput
	tc := &cobra.Command{Use: "throughput", Short: "Rows/s and CPU time over topics that are there", Args: cobra.NoArgs,
		RunE: b.with(func(ctx context.Context) error { return t.run(ctx, &b) })}
	tc.Flags().Int64Var(&t.rows, "rows", 10_000_000, "rows of the topic")
	tc.Flags().IntVar(&t.runs, "runs", 2, "runs of each, of which the fastest counts")
	tc.Flags().IntVar(&t.batch, "batch-bytes", 64<<10, "size of a record batch before compression")
	tc.Flags().StringVar(&t.codecs, "codecs", "none,lz4,zstd,snappy,gzip", "compressions of the topic")
	tc.Flags().StringVar(&t.sinks, "sinks", "at-least-once,exactly-once", "guarantees of jobs from topic to topic, which read the first of the codecs")
	root.AddCommand(lc, tc)
	return root
}

// bench is what all measurements share.
type bench struct {
	binary, profiles        string
	parallelism, partitions int
	dir                     string
	kafka                   *testservice.Kafka
	out                     *os.File
}

// brokerJVM are the options of the broker. Its collector must not stop it: with one
// that does, for 12 ms each second, the broker alone is beyond every goal.
var brokerJVM = []string{"-XX:+UseZGC", "-Xms1g", "-Xmx1g"}

// with runs f over a broker.
func (b *bench) with(f func(context.Context) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) (err error) {
		if b.binary, err = filepath.Abs(b.binary); err != nil {
			return err
		}
		if b.dir, err = os.MkdirTemp("", "streamsql-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
		if b.kafka, err = testservice.StartKafka(b.dir, testservice.KafkaConfig{JVM: brokerJVM, Properties: map[string]string{"log.segment.bytes": "1073741824"}}); err != nil {
			return err
		}
		defer b.kafka.Close()
		b.out = os.Stdout
		return f(c.Context())
	}
}

func (b *bench) printf(format string, args ...any) { fmt.Fprintf(b.out, format, args...) }
