//go:build unix

package kafka

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/internal/testservice"
)

// TestLettersKeepKeys: dead letters have the keys, timestamps and headers of their
// records, so that columns of keys are there when the records are read again.
func TestLettersKeepKeys(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "letters", 1)
	e := batch.NewEncoder(0)
	for i, value := range []string{`{"n":1}`, `{"n":300}`, `{"n":2}`} {
		e.Append(1_700_000_000_000+int64(i), fmt.Appendf(nil, `{"id":%d}`, i), []byte(value), []batch.HeaderField{{Key: "h", Value: fmt.Appendf(nil, "v%d", i)}})
	}
	data, err := e.Finish(nil, batch.NoProducer)
	if err != nil {
		t.Fatal(err)
	}
	send(t, k.Addr, "letters", 0, data)
	w := newWorld(t, k)
	dir := filepath.Join(t.TempDir(), "dlq")
	script := func(n string) string {
		return fmt.Sprintf(`
		CREATE TABLE dlq (source STRING, branch STRING, position STRING, raw BYTES, record_key BYTES, record_time TIMESTAMP_LTZ(3), record_headers MAP<STRING, BYTES>)
			WITH ('connector' = 'file', 'path' = '%s', 'format' = 'json');
		CREATE SOURCE s (id BIGINT, n %s, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', headers MAP<STRING, BYTES> METADATA)
			WITH ($KAFKA, 'topic' = 'letters', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'key.format' = 'json', 'key.fields' = 'id',
				'value.fields-include' = 'EXCEPT_KEY', 'on-error' = 'dead-letter', 'dead-letter.sink' = 'dlq');
		CREATE SINK out (id BIGINT, n INT, ts STRING, h STRING) WITH ('connector' = 'memory');
		INSERT INTO out SELECT id, n, CAST(ts AS STRING), CAST(headers['h'] AS STRING) FROM s;`, dir, n)
	}
	if err := w.start(script("TINYINT")).wait(); err != nil {
		t.Fatal(err)
	}
	first := w.rows("out")
	w.dir, w.store = t.TempDir(), memory.NewStore() // another job
	if err := w.start(script("INT") + "REPLAY DEAD LETTERS FROM dlq;").wait(); err != nil {
		t.Fatal(err)
	}
	if len(first) != 2 {
		t.Errorf("first %q", first)
	}
	if files, _ := os.ReadDir(dir); len(files) == 0 {
		t.Error("no letters")
	}
	if got := w.rows("out"); len(got) != 1 || got[0] != "1 300 2023-11-14 22:13:20.001Z v1" && got[0] != "1 300 2023-11-14 22:13:20.001 v1" {
		t.Errorf("again %q", got)
	}
}
