//go:build unix

package kafka

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/internal/testservice"
)

// TestTopicOfRowWhileDown: rows that name a topic for the first time while the broker is
// away wait for it: that they can't be written then says nothing of them, and
// 'on-error' = 'skip' does not take them. Rows that name one that does not exist are
// skipped.
func TestTopicOfRowWhileDown(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{})
	topics(t, k, 1, "main", "side")
	dir := t.TempDir()
	put := func(name string, first, n int, topic string) {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, `{"n":%d,"t":%s}`+"\n", first+i, topic)
		}
		temp := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(temp, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temp, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	put("1", 0, 50, "null")
	for _, guarantee := range []string{"at-least-once", "exactly-once"} {
		w := newWorld(t, k)
		r := w.start(fmt.Sprintf(`
			CREATE SOURCE s (n INT, t STRING) WITH ('connector' = 'file', 'path' = '%s', 'format' = 'json', 'source.monitor-interval' = '50 ms');
			CREATE SINK o (n INT, t STRING METADATA FROM 'topic') WITH ($KAFKA, 'topic' = 'main', 'on-error' = 'skip', 'sink.delivery-guarantee' = '%s');
			CREATE SINK out (n INT) WITH ('connector' = 'memory');
			INSERT INTO o SELECT n, t FROM s;
			INSERT INTO out SELECT n FROM s;`, dir, guarantee))
		r.untilRows("out", 50)
		k.Broker(0).Kill()
		put("2-"+guarantee, 100, 50, `"side"`)
		r.until("a word of the broker", func() bool { return r.state("o") != "" })
		if err := k.Restart(0); err != nil {
			t.Fatal(err)
		}
		put("3-"+guarantee, 200, 50, `"nowhere"`)
		want := 150
		if guarantee == "exactly-once" { // it reads the files of the job before it, too
			want = 250
		}
		r.untilRows("out", want)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if p := r.Progress(); p.BadBy["NO_TOPIC"] != int64(want-50)/2 {
			t.Errorf("%s: bad are %v", guarantee, p.BadBy)
		}
	}
	side := written(t, k, "side")
	if len(side) != 150 {
		t.Errorf("%d rows in side, want 150", len(side))
	}
}
