//go:build unix

package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/internal/testservice"
)

func TestMain(m *testing.M) {
	testservice.Main(m, func() error { return goleak.Find() })
}

func client(t testing.TB, addr string) *Client {
	c := New(Config{Brokers: strings.Split(addr, ","), ClientID: "test", RequestTimeout: 20 * time.Second})
	t.Cleanup(c.Close)
	return c
}

// topicOf waits until the leaders of a topic's partitions are known.
func topicOf(t testing.TB, c *Client, name string) Topic {
	t.Helper()
	for range 200 {
		m, err := c.Metadata(context.Background(), []string{name})
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Topics) == 1 && m.Topics[0].Err == nil && m.Topics[0].Partitions[0].Leader >= 0 {
			return m.Topics[0]
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no topic %s", name)
	return Topic{}
}

func produce(t testing.TB, c *Client, topic Topic, partition int32, data []byte, transaction string) int64 {
	t.Helper()
	for tries := 0; ; tries++ {
		out, err := c.Produce(context.Background(), topic.Partitions[partition].Leader, &ProduceRequest{Timeout: 10 * time.Second, TransactionalID: transaction,
			Partitions: []ProducePartition{{TopicPartition{topic.Name, partition}, data}}})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case out[0].Err == nil:
			return out[0].Offset
		case errors.Is(out[0].Err, kafka.NotLeaderForPartition) && tries < 500:
			time.Sleep(20 * time.Millisecond) // the topic is new
		default:
			t.Fatal(out[0].Err, out[0].Message)
		}
	}
}

func values(t testing.TB, data []byte, filter batch.Filter) (out []string) {
	t.Helper()
	var d batch.Decompressor
	defer d.Close()
	for len(data) > 0 {
		h, err := batch.ParseHeader(data)
		if errors.Is(err, batch.ErrCutOff) {
			return out
		}
		if err == nil {
			err = batch.Verify(data[:h.Size])
		}
		if err != nil {
			t.Fatal(err)
		}
		skip, err := filter.Skip(&h, data)
		if err != nil {
			t.Fatal(err)
		}
		if !skip {
			payload, _, err := d.Payload(&h, data, nil)
			if err != nil {
				t.Fatal(err)
			}
			var r batch.Records
			if err := r.Append(&h, payload, 0, h.Count, 0); err != nil {
				t.Fatal(err)
			}
			for _, v := range r.Values {
				out = append(out, string(v.Of(payload)))
			}
		}
		data = data[h.Size:]
	}
	return out
}

// What is produced in every codec is fetched, by topic ID and by name.
func TestProduceFetch(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "wire", 2)
	c := client(t, k.Addr)
	topic := topicOf(t, c, "wire")
	if topic.ID == (ID{}) || len(topic.Partitions) != 2 {
		t.Fatalf("%+v", topic)
	}
	var want []string
	for codec := batch.None; codec <= batch.Zstd; codec++ {
		e := batch.NewEncoder(codec)
		for i := range 50 {
			v := fmt.Sprint(codec, " ", i)
			e.Append(1_700_000_000_000+int64(i), []byte("k"), []byte(v), []batch.HeaderField{{Key: "h", Value: []byte("x")}})
			want = append(want, v)
		}
		data, err := e.Finish(nil, batch.NoProducer)
		if err != nil {
			t.Fatal(err)
		}
		if at := produce(t, c, topic, 1, data, ""); at != int64(len(want)-50) {
			t.Fatalf("offset %d", at)
		}
	}
	for _, id := range []ID{topic.ID, {}} {
		r, err := c.Fetch(context.Background(), topic.Partitions[1].Leader, &FetchRequest{Committed: true, MaxWait: time.Second, MinBytes: 1, MaxBytes: 1 << 20,
			Partitions: []FetchPartition{{Topic: "wire", ID: id, Partition: 1, LeaderEpoch: topic.Partitions[1].LeaderEpoch, MaxBytes: 1 << 20}, {Topic: "wire", ID: id, Partition: 0, LeaderEpoch: -1, MaxBytes: 1 << 20}}})
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, p := range r.Partitions {
			if p.Err != nil {
				t.Fatal(p.Err)
			}
			if p.Index != 0 {
				continue
			}
			seen++
			if got := values(t, p.Records, batch.NewFilter(p.Aborted)); strings.Join(got, ",") != strings.Join(want, ",") || p.HighWatermark != int64(len(want)) || p.LogStart != 0 {
				t.Fatalf("%d values, high watermark %d", len(got), p.HighWatermark)
			}
		}
		if seen != 1 {
			t.Fatalf("partition 1 came %d times", seen)
		}
	}
	tp := TopicPartition{"wire", 1}
	for at, offset := range map[int64]int64{Earliest: 0, Latest: 250, 1_700_000_000_049: 49, 1_800_000_000_000: -1} {
		found, err := c.ListOffsets(context.Background(), topic.Partitions[1].Leader, true, map[TopicPartition]int64{tp: at})
		if err != nil || found[tp].Err != nil || found[tp].Offset != offset {
			t.Errorf("offset at %d: %+v, %v", at, found, err)
		}
	}
	m, err := c.Metadata(context.Background(), []string{"nowhere"})
	if err != nil || len(m.Topics) != 1 || !errors.Is(m.Topics[0].Err, kafka.UnknownTopicOrPartition) {
		t.Fatalf("%+v, %v", m, err)
	}
}

// A transaction that was committed is seen, one that was aborted is not, one that
// is open holds the last stable offset.
func TestTransactions(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "tx", 1)
	c := client(t, k.Addr)
	topic := topicOf(t, c, "tx")
	kc := c.Kafka()
	retry := func(f func() error) {
		t.Helper()
		for range 1000 {
			switch err := f(); {
			case err == nil:
				return
			case errors.Is(err, kafka.GroupCoordinatorNotAvailable), errors.Is(err, kafka.NotCoordinatorForGroup), errors.Is(err, kafka.GroupLoadInProgress), errors.Is(err, kafka.Error(51)):
				time.Sleep(5 * time.Millisecond)
			default:
				t.Fatal(err)
			}
		}
		t.Fatal("no end of retries")
	}
	var session *kafka.ProducerSession
	retry(func() error {
		r, err := kc.InitProducerID(context.Background(), &kafka.InitProducerIDRequest{TransactionalID: "tx", TransactionTimeoutMs: 60000})
		if err != nil {
			return err
		}
		session = r.Producer
		return r.Error
	})
	sequence := int32(0)
	write := func(end string, texts ...string) {
		t.Helper()
		retry(func() error {
			r, err := kc.AddPartitionsToTxn(context.Background(), &kafka.AddPartitionsToTxnRequest{TransactionalID: "tx", ProducerID: session.ProducerID, ProducerEpoch: session.ProducerEpoch,
				Topics: map[string][]kafka.AddPartitionToTxn{"tx": {{Partition: 0}}}})
			if err != nil {
				return err
			}
			return r.Topics["tx"][0].Error
		})
		e := batch.NewEncoder(batch.LZ4)
		for _, s := range texts {
			e.Append(1, nil, []byte(s), nil)
		}
		data, err := e.Finish(nil, batch.Producer{ID: int64(session.ProducerID), Epoch: int16(session.ProducerEpoch), Sequence: sequence, Transactional: true})
		if err != nil {
			t.Fatal(err)
		}
		sequence += int32(len(texts))
		produce(t, c, topic, 0, data, "tx")
		if end == "" {
			return
		}
		retry(func() error {
			r, err := kc.EndTxn(context.Background(), &kafka.EndTxnRequest{TransactionalID: "tx", ProducerID: session.ProducerID, ProducerEpoch: session.ProducerEpoch, Committed: end == "commit"})
			if err != nil {
				return err
			}
			return r.Error
		})
	}
	write("commit", "a", "b")
	write("abort", "c")
	write("commit", "d")
	write("abort", "e", "f")
	write("", "g")
	// 2+1, 1+1, 1+1, 2+1 offsets with markers; the next is open.
	fetch := func(committed bool) string {
		t.Helper()
		var got []string
		next := int64(0)
		for range 100 {
			r, err := c.Fetch(context.Background(), topic.Partitions[0].Leader, &FetchRequest{Committed: committed, MaxWait: 100 * time.Millisecond, MinBytes: 1, MaxBytes: 1 << 20,
				Partitions: []FetchPartition{{Topic: "tx", ID: topic.ID, Offset: next, LeaderEpoch: -1, MaxBytes: 1 << 20}}})
			if err != nil || r.Partitions[0].Err != nil {
				t.Fatal(err, r)
			}
			p := r.Partitions[0]
			got = append(got, values(t, p.Records, batch.NewFilter(p.Aborted))...)
			for b := p.Records; len(b) > 0; {
				h, err := batch.ParseHeader(b)
				if err != nil {
					break
				}
				next = h.LastOffset() + 1
				b = b[h.Size:]
			}
			if committed && next == 10 && p.LastStable == 10 || !committed && next == 11 {
				return strings.Join(got, "")
			}
		}
		t.Fatalf("only offset %d after 100 fetches", next)
		return ""
	}
	if got := fetch(true); got != "abd" {
		t.Errorf("read_committed: %q", got)
	}
	if got := fetch(false); got != "abcdefg" {
		t.Errorf("read_uncommitted: %q", got)
	}
}

// Damaged responses are errors, not panics.
func FuzzResponse(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0}, 100), int16(13))
	f.Add(bytes.Repeat([]byte{1}, 100), int16(11))
	q := &FetchRequest{Partitions: []FetchPartition{{Topic: ""}}}
	f.Fuzz(func(t *testing.T, data []byte, v int16) {
		out := &FetchResponse{}
		_ = q.read(out, &response{b: data, flex: v >= 12}, v)
	})
}
