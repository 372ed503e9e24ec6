//go:build unix

package kafka

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/internal/testservice"
)

// TestRegistryDown: a registry that is down when the job starts, and again when a
// new schema comes up, is waited for, and the job shows it; nothing is lost. A job
// that waits can be stopped, and goes on where it was.
func TestRegistryDown(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "registry", 1)
	fake := srfake.New()
	defer fake.Close()
	api, err := sr.NewClient(sr.URLs(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	var down atomic.Bool
	fake.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return down.Load()
	})
	// Messages by another library, of a schema for each call.
	write := func(typ string, first, n int, value func(i int) any) {
		down.Store(false)
		text := `{"type":"record","name":"r","fields":[{"name":"n","type":"` + typ + `"}]}`
		s, err := api.CreateSchema(context.Background(), "registry-value", sr.Schema{Schema: text})
		if err != nil {
			t.Fatal(err)
		}
		schema := avro.MustParse(text)
		down.Store(true)
		e := batch.NewEncoder(0)
		var head sr.ConfluentHeader
		for i := range n {
			body, err := avro.Marshal(schema, map[string]any{"n": value(first + i)})
			if err != nil {
				t.Fatal(err)
			}
			m, _ := head.AppendEncode(nil, s.ID, nil)
			e.Append(int64(first+i), nil, append(m, body...), nil)
		}
		data, err := e.Finish(nil, batch.NoProducer)
		if err != nil {
			t.Fatal(err)
		}
		send(t, k.Addr, "registry", 0, data)
	}
	w := newWorld(t, k)
	script := fmt.Sprintf(`
		CREATE SOURCE s (n BIGINT) WITH ('connector' = 'kafka', 'properties.bootstrap.servers' = '%s', 'topic' = 'registry', 'scan.startup.mode' = 'earliest-offset', 'format' = 'avro-confluent', 'avro-confluent.url' = '%s');
		CREATE SINK out (n BIGINT) WITH ('connector' = 'memory');
		INSERT INTO out SELECT n FROM s;`, k.Addr, fake.URL())
	waits := func(r *run) {
		r.until("the registry to be waited for", func() bool {
			for _, s := range r.Sources() {
				if strings.Contains(s.State, "schema registry at "+fake.URL()) {
					return true
				}
			}
			return false
		})
	}
	write("int", 0, 100, func(i int) any { return i })
	r := w.start(script)
	waits(r)
	down.Store(false)
	r.untilRows("out", 100)
	write("long", 100, 50, func(i int) any { return int64(i) })
	waits(r)
	if err := r.stop(); err == nil || !strings.Contains(err.Error(), "the job ends while the schema registry") {
		t.Errorf("stopped while it waits: %v", err)
	}
	r = w.start(script)
	waits(r)
	down.Store(false)
	r.untilRows("out", 150)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.equal("out", numbers(0, 150))
}
