//go:build unix

package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/internal/testservice"
)

// TestPartitioner: keys of Kafka's own tests of the hash (UtilsTest.testMurmur2),
// with the partitions that its values stand for: (hash & 0x7fffffff) mod 7.
func TestPartitioner(t *testing.T) {
	l := &sinkLayout{partitionCol: -1, partitioner: "default"}
	for text, hash := range map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107} {
		got, err := l.partition(nil, 0, []byte(text), []int{0, 1, 2, 3, 4, 5, 6}, 0, 0)
		if want := hash & 0x7fffffff % 7; err != nil || got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

// sinkOf opens a sink of columns with options as pairs of name and value.
func sinkOf(t *testing.T, k *testservice.Kafka, cfg connectors.SinkConfig, epoch uint64, options ...string) connectors.Sink {
	t.Helper()
	raw := map[string]string{"connector": "kafka", optServers: k.Addr, "format": "json"}
	for i := 0; i < len(options); i += 2 {
		raw[options[i]] = options[i+1]
	}
	spec := Connector(formats).Spec
	checked, errs := catalog.CheckOptions(spec, registry(t), raw, false)
	if len(errs) > 0 {
		t.Fatal(errs[0].Error())
	}
	cfg.Name, cfg.Options, cfg.Shards = "out", checked, 2
	cfg.Mode = spec.Sink.Accepts(checked, len(cfg.PrimaryKey) > 0)
	s, err := newSink(formats, cfg, connectors.Env{Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(context.Background(), connectors.SinkIdentity{JobID: "test-" + checked[optTopic], Sink: "out", Epoch: epoch}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background(), false) })
	return s
}

// rowsOf makes a batch of JSON texts.
func rowsOf(t *testing.T, cols []catalog.Field, kinds []catalog.RowKind, rows string) *connectors.Batch {
	t.Helper()
	var fields []arrow.Field
	for _, c := range cols {
		fields = append(fields, arrow.Field{Name: c.Name, Type: c.Type.Arrow(), Nullable: true})
	}
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return &connectors.Batch{N: int(rec.NumRows()), Cols: rec.Columns(), Kinds: kinds}
}

// seen gives a topic's records as Kafka's own consumer with read_committed prints
// them, sorted. On a busy machine it may give up before it has any, so that it is
// given more time then.
func seen(t *testing.T, k *testservice.Kafka, topic string) []string {
	t.Helper()
	lines := seenWithin(t, k, topic, "4000")
	if len(lines) == 1 && lines[0] == "" {
		lines = seenWithin(t, k, topic, "30000")
	}
	return lines
}

func seenWithin(t *testing.T, k *testservice.Kafka, topic, ms string) []string {
	t.Helper()
	cmd := k.Tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", topic, "--from-beginning", "--timeout-ms", ms, "--command-property", "isolation.level=read_committed",
		"--formatter-property", "print.key=true", "--formatter-property", "print.partition=true", "--formatter-property", "print.headers=true", "--formatter-property", "key.separator= ")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && !strings.Contains(stderr.String(), "TimeoutException") {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	slices.Sort(lines)
	return lines
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the records are\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// commit writes a batch as an epoch of its own.
func commit(t *testing.T, s connectors.Sink, epoch uint64, b *connectors.Batch) error {
	t.Helper()
	ctx := context.Background()
	refused := s.Write(ctx, epoch, int(epoch)%2, b)
	var r *connectors.RefusedRows
	if refused != nil && !errors.As(refused, &r) {
		t.Fatal(refused)
	}
	intent, err := s.Prepare(ctx, epoch)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Commit(ctx, epoch, intent); err != nil {
			t.Fatal(err)
		}
	}
	return refused
}

// Upserts have the primary key as their key; rows that are taken away are
// tombstones.
func TestUpsert(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "upsert", 2)
	cols := []catalog.Field{{Name: "id", Type: catalog.BigInt}, {Name: "v", Type: catalog.String}}
	s := sinkOf(t, k, connectors.SinkConfig{Columns: cols, PrimaryKey: []int{0}}, 0, "topic", "upsert", optValueFields, "EXCEPT_KEY")
	if err := commit(t, s, 1, rowsOf(t, cols, nil, `[{"id":1,"v":"a"},{"id":2,"v":"b"}]`)); err != nil {
		t.Fatal(err)
	}
	if err := commit(t, s, 2, rowsOf(t, cols, []catalog.RowKind{catalog.UpdateAfter, catalog.Delete}, `[{"id":1,"v":"c"},{"id":2,"v":"b"}]`)); err != nil {
		t.Fatal(err)
	}
	p := func(id int) string {
		key := fmt.Sprintf(`{"id":%d}`, id)
		return fmt.Sprintf("Partition:%d NO_HEADERS %s ", byKey.Balance(kafka.Message{Key: []byte(key)}, 0, 1), key)
	}
	equal(t, seen(t, k, "upsert"), []string{p(1) + `{"v":"a"}`, p(1) + `{"v":"c"}`, p(2) + `{"v":"b"}`, p(2) + "null"})
}

// The key has its columns in the order in which the PRIMARY KEY, or 'key.fields', names
// them, as Flink writes it.
func TestKeyOrderWritten(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "keyorder", 1)
	cols := []catalog.Field{{Name: "a", Type: catalog.Int}, {Name: "v", Type: catalog.Int}, {Name: "b", Type: catalog.Int}}
	rows := `[{"a":1,"v":2,"b":3}]`
	s := sinkOf(t, k, connectors.SinkConfig{Columns: cols, PrimaryKey: []int{2, 0}}, 0, "topic", "keyorder", "key.format", "csv")
	if err := commit(t, s, 1, rowsOf(t, cols, nil, rows)); err != nil {
		t.Fatal(err)
	}
	s = sinkOf(t, k, connectors.SinkConfig{Columns: cols}, 1, "topic", "keyorder", "key.format", "json", optKeyFields, "b;a", optValueFields, "EXCEPT_KEY", optGuarantee, atLeastOnce)
	if err := commit(t, s, 2, rowsOf(t, cols, nil, rows)); err != nil {
		t.Fatal(err)
	}
	equal(t, seen(t, k, "keyorder"), []string{`Partition:0 NO_HEADERS 3,1 {"a":1,"v":2,"b":3}`, `Partition:0 NO_HEADERS {"b":3,"a":1} {"v":2}`})
}

// Metadata columns say topic, partition, key and headers; rows that can't be
// written are refused by themselves.
func TestMetadataColumns(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "main", 3)
	k.CreateTopic(t, "side", 1)
	cols := []catalog.Field{{Name: "id", Type: catalog.Int}, {Name: "t", Type: catalog.String}, {Name: "p", Type: catalog.Int}, {Name: "text", Type: catalog.String}}
	s := sinkOf(t, k, connectors.SinkConfig{Columns: cols, Metadata: []string{"", metaTopic, metaPartition, ""}}, 0, "topic", "main", optMaxRequest, "60b", optGuarantee, atLeastOnce)
	err := commit(t, s, 1, rowsOf(t, cols, nil, `[{"id":1,"t":"side","p":0,"text":"a"},{"id":2,"t":null,"p":2,"text":"b"},{"id":3,"t":"nowhere","p":0,"text":"c"},
		{"id":4,"t":null,"p":3,"text":"d"},{"id":5,"t":null,"p":1,"text":"`+strings.Repeat("x", 60)+`"},{"id":6,"t":"no topic!","p":1,"text":"e"}]`))
	var refused *connectors.RefusedRows
	if !errors.As(err, &refused) {
		t.Fatalf("%v", err)
	}
	var got []string
	for _, r := range refused.Rows {
		got = append(got, fmt.Sprint(r.Row, " ", r.Code, " ", r.Column))
	}
	if want := []string{"2 NO_TOPIC t", "3 OUT_OF_RANGE p", "4 TOO_LARGE ", "5 NO_TOPIC t"}; !slices.Equal(got, want) {
		t.Errorf("refused are %v, want %v", got, want)
	}
	equal(t, seen(t, k, "main"), []string{`Partition:2 NO_HEADERS null {"id":2,"text":"b"}`})
	equal(t, seen(t, k, "side"), []string{`Partition:0 NO_HEADERS null {"id":1,"text":"a"}`})
}

// What was prepared and committed by the engine is committed by the next run; what
// was only written is not there.
func TestRecovery(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "recovery", 3)
	ctx := context.Background()
	cols := []catalog.Field{{Name: "id", Type: catalog.BigInt}}
	cfg := connectors.SinkConfig{Columns: cols}
	s := sinkOf(t, k, cfg, 0, "topic", "recovery")
	if err := s.Abort(ctx, 0); err != nil {
		t.Fatal(err)
	}
	write := func(s connectors.Sink, epoch uint64, text string) []byte {
		t.Helper()
		if err := s.Write(ctx, epoch, 0, rowsOf(t, cols, nil, text)); err != nil {
			t.Fatal(err)
		}
		intent, err := s.Prepare(ctx, epoch)
		if err != nil {
			t.Fatal(err)
		}
		return intent
	}
	intent := write(s, 1, `[{"id":1},{"id":2},{"id":3}]`)
	write(s, 2, `[{"id":20}]`) // prepared, but the engine has not committed it
	again := sinkOf(t, k, cfg, 1, "topic", "recovery")
	if err := again.Commit(ctx, 1, intent); err != nil {
		t.Fatal(err)
	}
	if err := again.Abort(ctx, 1); err != nil {
		t.Fatal(err)
	}
	if err := again.Commit(ctx, 2, write(again, 2, `[{"id":4}]`)); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, line := range seen(t, k, "recovery") {
		ids = append(ids, line[strings.IndexByte(line, '{'):])
	}
	slices.Sort(ids)
	equal(t, ids, []string{`{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":4}`})
}

// Opening says what is wrong.
func TestSinkErrors(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	raw := map[string]string{"connector": "kafka", optServers: k.Addr, "format": "json", "topic": "not-there"}
	checked, errs := catalog.CheckOptions(Connector(formats).Spec, registry(t), raw, false)
	if len(errs) > 0 {
		t.Fatal(errs[0].Error())
	}
	s, err := newSink(formats, connectors.SinkConfig{Name: "out", Options: checked, Columns: []catalog.Field{{Name: "id", Type: catalog.Int}}}, connectors.Env{Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(context.Background(), connectors.SinkIdentity{JobID: "j", Sink: "out"}); err == nil || !strings.Contains(err.Error(), "topic 'not-there' does not exist: make it first") {
		t.Errorf("%v", err)
	}
	_ = s.Close(context.Background(), false)
	for name, c := range map[string]struct {
		options map[string]string
		want    string
	}{
		"no topic":       {map[string]string{}, "needs option 'topic'"},
		"two topics":     {map[string]string{"topic": "a;b"}, "a sink writes to one topic"},
		"an odd topic":   {map[string]string{"topic": "a b"}, "can't be the name of a topic"},
		"key, no format": {map[string]string{"topic": "a", optKeyFields: "id"}, "needs 'key.format'"},
		"of sources":     {map[string]string{"topic": "a", optStartup: modeEarliest}, "is for sources only"},
	} {
		raw := map[string]string{"connector": "kafka", optServers: "localhost:1", "format": "json"}
		for k, v := range c.options {
			raw[k] = v
		}
		_, errs := catalog.CheckOptions(Connector(formats).Spec, registry(t), raw, false)
		if len(errs) == 0 || !strings.Contains(errs[0].Message, c.want) {
			t.Errorf("%s: %v, want %q", name, errs, c.want)
		}
	}
}
