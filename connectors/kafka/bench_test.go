//go:build unix

package kafka

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
	"github.com/streamsql/streamsql/internal/bufpool"
	"github.com/streamsql/streamsql/internal/testservice"
)

// BenchmarkRead reads records of ten members, 280 bytes, from a real broker on the
// same machine and decodes three of their columns; Mrows/cpu-s is of this process
// alone.
func BenchmarkRead(b *testing.B) {
	const rows, perBatch = 1_000_000, 2000
	k := testservice.SharedKafka(b, testservice.KafkaConfig{})
	for _, codec := range []batch.Codec{batch.None, batch.LZ4} {
		b.Run(codec.String(), func(b *testing.B) {
			topic := "bench-" + codec.String()
			k.CreateTopic(b, topic, 1)
			e := batch.NewEncoder(codec)
			c := wire.New(wire.Config{Brokers: []string{k.Addr}, ClientID: "bench"})
			defer c.Close()
			for i := 0; i < rows; {
				for range perBatch {
					e.Append(1_700_000_000_000+int64(i), nil, fmt.Appendf(nil, `{"id":%d,"customer":"customer %d","amount":%d.%02d,"ts":"2024-01-15 10:00:%02d.000","city":"a city of some length","country":"DE","status":"delivered","note":"%064d","a":%d,"b":%d}`,
						i, i%5000, i%1000, i%100, i%60, i, i%7, i%11), nil)
					i++
				}
				data, err := e.Finish(nil, batch.NoProducer)
				if err != nil {
					b.Fatal(err)
				}
				if i == perBatch {
					produceBatch(b, k.Addr, topic, 0, data) // waits for the leader
					continue
				}
				out, err := c.Produce(context.Background(), 1, &wire.ProduceRequest{Timeout: 10 * time.Second, Partitions: []wire.ProducePartition{{TopicPartition: wire.TopicPartition{Topic: topic}, Batch: data}}})
				if err != nil || out[0].Err != nil {
					b.Fatal(err, out)
				}
			}
			cols := []connectors.ScanColumn{{Name: "id", Type: catalog.BigInt}, {Name: "customer", Type: catalog.String}, {Name: "amount", Type: catalog.Double}}
			alloc := bufpool.New(64 << 20)
			cpu := cpuTime(b)
			b.ResetTimer()
			for b.Loop() {
				s := open(b, config(b, cols, k.Addr, "topic", topic, optBounded, modeLatest))
				if _, err := s.Splits(context.Background()); err != nil {
					b.Fatal(err)
				}
				r, err := s.Open(context.Background(), connectors.Split{ID: splitID(topic, 0), Bounded: true}, nil)
				if err != nil {
					b.Fatal(err)
				}
				for n := 0; n < rows; {
					c, err := r.Fetch(context.Background(), connectors.Limits{Records: 16384, Bytes: 8 << 20})
					if errors.Is(err, connectors.ErrPending) {
						<-r.Ready()
						continue
					}
					if err != nil {
						b.Fatal(n, err)
					}
					recs, err := c.Decode(alloc)
					if err != nil || len(recs.Errors) > 0 {
						b.Fatal(err, recs.Errors)
					}
					n += recs.N
					for _, a := range recs.Cols {
						a.Release()
					}
					c.Release()
				}
				if err := errors.Join(r.Close(), s.Close()); err != nil {
					b.Fatal(err)
				}
			}
			done := float64(rows) * float64(b.N) / 1e6
			b.ReportMetric(done/b.Elapsed().Seconds(), "Mrows/s")
			b.ReportMetric(done/(cpuTime(b)-cpu).Seconds(), "Mrows/cpu-s")
		})
	}
}

// BenchmarkMetadata decodes records with all metadata columns; without a broker.
func BenchmarkMetadata(b *testing.B) {
	const records = 10_000
	e := batch.NewEncoder(batch.None)
	headers := []batch.HeaderField{{Key: "trace", Value: []byte("0af7651916cd43dd8448eb211c80319c")}, {Key: "source", Value: []byte("shop")}}
	for i := range records {
		e.Append(1_700_000_000_000+int64(i), fmt.Appendf(nil, "key %d", i), fmt.Appendf(nil, `{"id":%d}`, i), headers)
	}
	data, err := e.Finish(nil, batch.NoProducer)
	if err != nil {
		b.Fatal(err)
	}
	h, err := batch.ParseHeader(data)
	if err != nil {
		b.Fatal(err)
	}
	for _, names := range [][]string{{metaTopic, metaPartition, metaOffset, metaTime, metaTimeType}, {metaHeaders}} {
		b.Run(names[0], func(b *testing.B) {
			s := open(b, config(b, columnsOf(names...), "localhost:1", "topic", "t")).(*source)
			defer s.Close()
			alloc := bufpool.New(64 << 20)
			b.ReportAllocs()
			for b.Loop() {
				c := &chunk{layout: s.layout, tp: wire.TopicPartition{Topic: "transactions"}, records: records, parts: []part{{fetched{Header: h, data: data}, 0, records}}}
				recs, err := c.Decode(alloc)
				if err != nil {
					b.Fatal(err)
				}
				for _, a := range recs.Cols {
					a.Release()
				}
			}
			b.ReportMetric(records*float64(b.N)/1e6/b.Elapsed().Seconds(), "Mrows/s")
		})
	}
}

// cpuTime is the CPU time of this process.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
