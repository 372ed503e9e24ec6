//go:build unix

package kafka

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
	"github.com/streamsql/streamsql/internal/testservice"
)

// TestPartitioners: fixed gives all rows of a shard one partition, round-robin the next
// to each row; a partition that the row names goes before both.
func TestPartitioners(t *testing.T) {
	cols := []catalog.Field{{Name: "p", Type: catalog.Int}}
	b := rowsOf(t, cols, nil, `[{"p":null},{"p":null},{"p":2},{"p":null},{"p":null}]`)
	for _, test := range []struct {
		partitioner string
		column      int
		shard       int32
		want        []int32
	}{
		{partitionFixed, -1, 0, []int32{0, 0, 0, 0, 0}},
		{partitionFixed, -1, 4, []int32{1, 1, 1, 1, 1}},
		{partitionFixed, 0, 1, []int32{1, 1, 2, 1, 1}},
		{partitionRoundRobin, -1, 0, []int32{1, 2, 0, 1, 2}},
		{partitionRoundRobin, 0, 0, []int32{1, 2, 2, 1, 2}},
		{partitionDefault, -1, 0, []int32{1, 1, 1, 1, 1}}, // without a key: one for the batch
	} {
		l := &sinkLayout{partitionCol: test.column, partitioner: test.partitioner}
		var got []int32
		for i := range b.N {
			p, err := l.partition(b, i, nil, []int{0, 1, 2}, 1, test.shard)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s, column %d: %v, want %v", test.partitioner, test.column, got, test.want)
		}
	}
}

// TestMetadataWritten: key, timestamp and headers of records are those of metadata
// columns, as Kafka's own consumer sees them; NULL is none, and the time of writing.
func TestMetadataWritten(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "written", 1)
	cols := []catalog.Field{{Name: "id", Type: catalog.Int}, {Name: "k", Type: catalog.Bytes}, {Name: "ts", Type: catalog.TimestampLTZ3}, {Name: "h", Type: catalog.MapOf(catalog.String, catalog.Bytes)}}
	s := sinkOf(t, k, connectors.SinkConfig{Columns: cols, Metadata: []string{"", metaKey, metaTime, metaHeaders}}, 0, "topic", "written")
	ids := array.NewInt32Builder(memory.DefaultAllocator)
	keys := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	times := array.NewTimestampBuilder(memory.DefaultAllocator, cols[2].Type.Arrow().(*arrow.TimestampType))
	headers := array.NewBuilder(memory.DefaultAllocator, cols[3].Type.Arrow()).(*array.MapBuilder)
	names, values := headers.KeyBuilder().(*array.StringBuilder), headers.ItemBuilder().(*array.BinaryBuilder)
	ids.AppendValues([]int32{1, 2, 3}, nil)
	keys.Append([]byte("k1"))
	keys.AppendNull()
	keys.Append(nil) // of no bytes
	times.Append(1_700_000_000_001_999)
	times.Append(-1) // rounded down: 1 ms before 1970
	times.AppendNull()
	headers.Append(true)
	names.Append("a")
	values.Append([]byte("x"))
	names.Append("none")
	values.AppendNull()
	headers.Append(true)
	headers.AppendNull()
	if err := commit(t, s, 1, &connectors.Batch{N: 3, Cols: []arrow.Array{ids.NewArray(), keys.NewArray(), times.NewArray(), headers.NewArray()}}); err != nil {
		t.Fatal(err)
	}
	cmd := k.Tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", "written", "--from-beginning", "--max-messages", "3", "--timeout-ms", "30000",
		"--formatter-property", "print.key=true", "--formatter-property", "print.timestamp=true", "--formatter-property", "print.headers=true", "--formatter-property", "key.separator= ")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || lines[0] != `CreateTime:1700000000001 a:x,none:null k1 {"id":1}` || lines[1] != `CreateTime:-1 NO_HEADERS null {"id":2}` && lines[1] != `NO_TIMESTAMP NO_HEADERS null {"id":2}` ||
		!strings.HasPrefix(lines[2], "CreateTime:1") || !strings.HasSuffix(lines[2], ` NO_HEADERS  {"id":3}`) {
		t.Errorf("the records are\n%s", out.String())
	}
}

// TestCompressionWritten: 'compression.type' is how the batches in the topic are
// compressed, and Kafka's own consumer reads them.
func TestCompressionWritten(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	cols := []catalog.Field{{Name: "id", Type: catalog.Int}}
	for codec, name := range batch.Codecs {
		topic := "compressed-" + name
		k.CreateTopic(t, topic, 1)
		s := sinkOf(t, k, connectors.SinkConfig{Columns: cols}, 0, "topic", topic, optCompression, name)
		if err := commit(t, s, 1, rowsOf(t, cols, nil, `[{"id":1},{"id":2},{"id":3}]`)); err != nil {
			t.Fatal(err)
		}
		equal(t, seen(t, k, topic), []string{`Partition:0 NO_HEADERS null {"id":1}`, `Partition:0 NO_HEADERS null {"id":2}`, `Partition:0 NO_HEADERS null {"id":3}`})
		c := wire.New(wire.Config{Brokers: strings.Split(k.Addr, ","), ClientID: "test"})
		r, err := c.Fetch(context.Background(), 1, &wire.FetchRequest{MaxBytes: 1 << 20, MinBytes: 1, Memory: func(n int) []byte { return make([]byte, n) },
			Partitions: []wire.FetchPartition{{Topic: topic, MaxBytes: 1 << 20, LeaderEpoch: -1}}})
		if err != nil {
			t.Fatal(err)
		}
		h, err := batch.ParseHeader(r.Partitions[0].Records)
		if err != nil || h.Codec() != batch.Codec(codec) {
			t.Errorf("%s: the batch has codec %d (%v)", name, h.Codec(), err)
		}
		c.Close()
	}
}

// TestLogAppendTime: a topic may have the broker's times; the metadata columns say so.
func TestLogAppendTime(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "appended", 1, "message.timestamp.type=LogAppendTime")
	produce(t, k, "appended", 0, batch.None, `NULL=>{"id":1}`)
	cols := []connectors.ScanColumn{{Name: "ts", Type: catalog.TimestampLTZ3, Metadata: metaTime}, {Name: "tt", Type: catalog.String, Metadata: metaTimeType}}
	s := open(t, config(t, cols, k.Addr, "topic", "appended"))
	defer s.Close()
	rows, _, err := read(t, s, "appended/00000", nil, cols, 1)
	if err != nil {
		t.Fatal(err)
	}
	if at, what, _ := strings.Cut(rows[0], "|"); strings.HasPrefix(at, "2023") || !strings.HasPrefix(what, "LogAppendTime") {
		t.Errorf("%s", rows[0])
	}
}
