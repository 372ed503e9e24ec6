//go:build unix

package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/csv"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
	"github.com/streamsql/streamsql/connectors/format/raw"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/internal/testservice"
)

func TestMain(m *testing.M) {
	testservice.Main(m, func() error { return goleak.Find() })
}

var formats = format.Set{ndjson.Format(), csv.Format(), raw.Format()}

func registry(t testing.TB) *connectors.Registry {
	t.Helper()
	r := connectors.NewRegistry()
	for _, f := range formats {
		if err := r.RegisterFormat(f.Spec); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Register(Connector(formats)); err != nil {
		t.Fatal(err)
	}
	return r
}

// columnsOf are id BIGINT and text STRING, and metadata columns of these names.
func columnsOf(metadata ...string) []connectors.ScanColumn {
	cols := []connectors.ScanColumn{{Name: "id", Type: catalog.BigInt}, {Name: "text", Type: catalog.String}}
	for _, m := range metadata {
		cols = append(cols, connectors.ScanColumn{Name: m, Type: metadataType(m), Metadata: m})
	}
	return cols
}

// config gives a source's configuration with options as pairs of name and value.
func config(t testing.TB, cols []connectors.ScanColumn, addr string, options ...string) connectors.SourceConfig {
	t.Helper()
	raw := map[string]string{"connector": "kafka", optServers: addr, "format": "json", optStartup: modeEarliest, optBackoffMax: "300 ms"}
	for i := 0; i < len(options); i += 2 {
		raw[options[i]] = options[i+1]
	}
	checked, errs := catalog.CheckOptions(Connector(formats).Spec, registry(t), raw, true)
	if len(errs) > 0 {
		t.Fatal(errs[0].Error())
	}
	cfg := connectors.SourceConfig{Name: "s", Options: checked, Columns: cols}
	for _, c := range cols {
		if c.Metadata == "" {
			cfg.Declared = append(cfg.Declared, catalog.Field{Name: c.Name, Type: c.Type, NotNull: c.NotNull})
		}
	}
	return cfg
}

func open(t testing.TB, cfg connectors.SourceConfig) connectors.Source {
	t.Helper()
	s, err := newSource(formats, cfg, connectors.Env{Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// produce writes one batch to a partition and gives its first offset.
func produce(t testing.TB, k *testservice.Kafka, topic string, partition int32, codec batch.Codec, records ...string) int64 {
	t.Helper()
	e := batch.NewEncoder(codec)
	for i, r := range records {
		key, value, keyed := strings.Cut(r, "=>")
		if !keyed {
			key, value = "", r
		}
		var kb []byte
		if keyed {
			kb = []byte(key)
		}
		vb := []byte(value)
		if value == "NULL" {
			vb = nil
		}
		e.Append(1_700_000_000_000+int64(i), kb, vb, []batch.HeaderField{{Key: "h", Value: []byte("v")}, {Key: "h", Value: nil}})
	}
	data, err := e.Finish(nil, batch.NoProducer)
	if err != nil {
		t.Fatal(err)
	}
	return produceBatch(t, k.Addr, topic, partition, data)
}

func produceBatch(t testing.TB, addr, topic string, partition int32, data []byte) int64 {
	t.Helper()
	c := wire.New(wire.Config{Brokers: strings.Split(addr, ","), ClientID: "test"})
	defer c.Close()
	deadline := time.Now().Add(30 * time.Second)
	for {
		m, err := c.Metadata(context.Background(), []string{topic})
		if err == nil && m.Topics[0].Err == nil && int(partition) < len(m.Topics[0].Partitions) {
			for _, p := range m.Topics[0].Partitions {
				if p.Index != partition || p.Leader < 0 {
					continue
				}
				var out []wire.Produced
				out, err = c.Produce(context.Background(), p.Leader, &wire.ProduceRequest{Timeout: 10 * time.Second,
					Partitions: []wire.ProducePartition{{TopicPartition: wire.TopicPartition{Topic: topic, Partition: partition}, Batch: data}}})
				if err == nil && out[0].Err == nil {
					return out[0].Offset
				}
				if err == nil {
					err = out[0].Err
				}
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("producing to %s: %v", topic, err)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

func jsonRows(from, n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`{"id":%d,"text":"row %d"}`, from+i, from+i))
	}
	return out
}

// read reads a split until n rows have come, its end, or nothing more is there.
func read(t testing.TB, s connectors.Source, split string, from connectors.Offset, cols []connectors.ScanColumn, n int) (rows []string, end connectors.Offset, err error) {
	t.Helper()
	if _, err := s.Splits(context.Background()); err != nil {
		return nil, nil, err
	}
	r, err := s.Open(context.Background(), connectors.Split{ID: split}, from)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	end = from
	for deadline := time.Now().Add(40 * time.Second); len(rows) < n; {
		c, err := r.Fetch(context.Background(), connectors.Limits{Records: min(1000, n-len(rows)), Bytes: 1 << 20})
		switch {
		case errors.Is(err, connectors.ErrPending):
			if time.Now().After(deadline) {
				t.Fatalf("%d rows of %d, then nothing: %+v", len(rows), n, s.(connectors.Reporting).Report())
			}
			select {
			case <-r.Ready():
			case <-time.After(50 * time.Millisecond):
			}
			continue
		case err != nil:
			return rows, end, err
		case c == nil:
			return rows, end, nil
		}
		got, _, _ := connectortest.Decode(t, c, cols)
		rows = append(rows, got...)
		end = c.End()
		c.Release()
	}
	return rows, end, nil
}

// The source keeps the contract of sources, over batches of all codecs and sizes,
// with records that don't fit, tombstones, transactions, and gaps from compaction.
func TestContract(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "contract", 2)
	rng := rand.New(rand.NewPCG(1, 2))
	want := map[string][]string{"contract/00000": nil, "contract/00001": nil}
	id := 0
	for range 30 {
		p := int32(rng.IntN(2))
		n := 1 + rng.IntN(60)
		records := jsonRows(id, n)
		split := splitID("contract", p)
		for i := range records {
			row := fmt.Sprintf("%d|row %d", id+i, id+i)
			if rng.IntN(20) == 0 {
				records[i], row = `{"id":"x"`, "NULL|NULL"
			}
			row += fmt.Sprintf(" @%d", (1_700_000_000_000+int64(i))*1000)
			if strings.HasPrefix(row, "NULL") {
				row += " !MALFORMED_RECORD -1"
			}
			want[split] = append(want[split], row)
		}
		id += n
		produce(t, k, "contract", p, batch.Codec(rng.IntN(5)), records...)
	}
	for _, bounded := range []string{modeLatest, modeUnbounded} {
		t.Run(bounded, func(t *testing.T) {
			connectortest.TestSource(t, connectortest.SourceTest{
				Open: func(t testing.TB) connectors.Source {
					return &patient{open(t, config(t, columnsOf(), k.Addr, "topic", "contract", optBounded, bounded, optFetchWait, "20 ms"))}
				},
				Columns: columnsOf(), Want: want, Unbounded: bounded == modeUnbounded,
			})
		})
	}
}

// patient turns ErrPending into waiting, for readers that know records or none.
type patient struct{ connectors.Source }

func (s *patient) Open(ctx context.Context, split connectors.Split, from connectors.Offset) (connectors.SplitReader, error) {
	r, err := s.Source.Open(ctx, split, from)
	if err != nil {
		return nil, err
	}
	return &patientReader{r}, nil
}

type patientReader struct{ connectors.SplitReader }

func (r *patientReader) Fetch(ctx context.Context, max connectors.Limits) (connectors.Chunk, error) {
	for {
		c, err := r.SplitReader.Fetch(ctx, max)
		if !errors.Is(err, connectors.ErrPending) {
			return c, err
		}
		select {
		case <-r.Ready():
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
