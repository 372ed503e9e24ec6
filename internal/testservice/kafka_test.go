//go:build unix

package testservice

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

func TestMain(m *testing.M) { Main(m) }

// A broker serves, survives kill -9 with its data, and is paused and resumed.
func TestKafka(t *testing.T) {
	k := OwnKafka(t, KafkaConfig{Secure: true})
	k.CreateTopic(t, "t", 1)
	write := func(text string) {
		t.Helper()
		w := &kafka.Writer{Addr: k.Client().Addr, Topic: "t", RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond, Transport: k.transport}
		defer w.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := w.WriteMessages(ctx, kafka.Message{Value: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	k.Broker(0).Kill()
	if err := k.Restart(0); err != nil {
		t.Fatal(err)
	}
	if err := k.Broker(0).Pause(); err != nil {
		t.Fatal(err)
	}
	if err := k.Broker(0).Resume(); err != nil {
		t.Fatal(err)
	}
	write("two")
	out, err := k.Tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", "t", "--from-beginning", "--max-messages", "2").Output()
	if err != nil || strings.TrimSpace(string(out)) != "one\ntwo" {
		t.Fatalf("%q, %v", out, err)
	}
	if !dials(k.brokers[0].sasl) || !dials(k.brokers[0].tls) {
		t.Error("no secure listeners")
	}
	k.Broker(0).Stop()
}
