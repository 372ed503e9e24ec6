//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/streamsql/streamsql/internal/testservice"
)

func TestMain(m *testing.M) { testservice.Main(m) }

// TestSmall runs every measurement with few rows: the benchmark must go on working.
// That every row arrives, and once, is what the measurements check themselves.
func TestSmall(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	b := &bench{binary: filepath.Join(dir, "streamsql"), parallelism: 2, partitions: 2, dir: dir, kafka: k, out: out}
	build := exec.Command("go", "build", "-o", b.binary, "github.com/streamsql/streamsql/cmd/streamsql")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for _, run := range []func() error{
		func() error {
			l := latency{rate: 2000, warmup: 100 * time.Millisecond, measured: 400 * time.Millisecond, cases: "broker,stateless,count,exactly-once-100ms"}
			return l.run(ctx, b)
		},
		func() error {
			l := throughput{rows: 5000, runs: 1, batch: 16 << 10, codecs: "none,zstd", sinks: "at-least-once,exactly-once"}
			return l.run(ctx, b)
		},
	} {
		if err := run(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{"stateless, at-least-once", "COUNT(*) of 1000 keys", "exactly-once-100ms", "none: what is written is read", "zstd to blackhole", "none to topic, exactly-once"} {
		if !strings.Contains(string(text), row) {
			t.Errorf("no row %q in\n%s", row, text)
		}
	}
}
