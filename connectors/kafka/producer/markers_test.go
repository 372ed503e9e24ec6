//go:build unix

package producer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/wire"
	"github.com/streamsql/streamsql/internal/testservice"
)

// A cluster whose third broker alone has partition 0 of each topic. While that broker
// is away, transactions are ended without a marker in the partition, for good.
type lameCluster struct {
	*testservice.Kafka
	t *testing.T
}

func (k *lameCluster) topic(name string) {
	k.t.Helper()
	r, err := k.Client().CreateTopics(context.Background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: name, NumPartitions: -1, ReplicationFactor: -1,
		ReplicaAssignments: []kafka.ReplicaAssignment{{Partition: 0, Replicas: []int{3}}, {Partition: 1, Replicas: []int{1}}},
	}}})
	if err == nil {
		err = r.Errors[name]
	}
	if err != nil {
		k.t.Fatal(err)
	}
}

// away kills the third broker and waits until the others know.
func (k *lameCluster) away(topic string) {
	k.t.Helper()
	k.Broker(2).Kill()
	c := config(k.t, k.Addr).Client
	for range 600 {
		m, err := c.Metadata(context.Background(), []string{topic})
		if err == nil && slices.ContainsFunc(m.Topics[0].Partitions, func(p wire.Partition) bool { return p.Index == 0 && p.Leader < 0 }) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	k.t.Fatal("the partition keeps its leader")
}

func (k *lameCluster) back() {
	k.t.Helper()
	if err := k.Restart(2); err != nil {
		k.t.Fatal(err)
	}
}

// run makes the transactions of a run.
func (k *lameCluster) run(topic string) *Transactions {
	return NewTransactions(config(k.t, k.Addr), "job-"+topic, topic, time.Minute)
}

// vanish ends a run as if it had been killed.
func vanish(tx *Transactions) {
	tx.stop()
	tx.Close(false)
}

// put adds records of an epoch to partitions and gives them.
func put(t *testing.T, s *Session, topic string, epoch uint64, partitions ...int32) (out []string) {
	t.Helper()
	for i := range 10 {
		for _, p := range partitions {
			v := fmt.Sprintf("%d.%d.%d", epoch, p, i)
			if err := s.Add(context.Background(), wire.TopicPartition{Topic: topic, Partition: p}, time.Now().UnixMilli(), nil, []byte(v), nil); err != nil {
				t.Fatal(err)
			}
			out = append(out, v)
		}
	}
	if err := s.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestMarkersLeftOut: what a transaction's end is does not change where the broker has
// left out its marker, neither by the end of the next transaction of its id nor by that
// of the run; and readers see it once the partition is back.
func TestMarkersLeftOut(t *testing.T) {
	k := &lameCluster{testservice.OwnKafka(t, testservice.KafkaConfig{Brokers: 3, Properties: shared.Properties}), t}
	ctx := context.Background()
	commit := func(t *testing.T, tx *Transactions, epoch uint64, data []byte) {
		t.Helper()
		if err := tx.Commit(ctx, epoch, data); err != nil {
			t.Fatal(err)
		}
	}
	abort := func(t *testing.T, tx *Transactions, last uint64) {
		t.Helper()
		if err := tx.Abort(ctx, last); err != nil {
			t.Fatal(err)
		}
	}
	// nothing is a micro-batch without rows.
	nothing := func(t *testing.T, tx *Transactions, epoch uint64) []byte {
		t.Helper()
		data := prepare(t, tx, epoch)
		commit(t, tx, epoch, data)
		return data
	}
	// commitAway commits an epoch while partition 0 is away.
	commitAway := func(t *testing.T, topic string, tx *Transactions) (want []string, data []byte) {
		t.Helper()
		abort(t, tx, 0)
		want = put(t, tx.Session(1), topic, 1, 0, 1)
		data = prepare(t, tx, 1)
		k.away(topic)
		commit(t, tx, 1, data)
		return want, data
	}
	// anew is a run that goes on from a state that ends with an epoch, and gives up what
	// it writes under both ids.
	anew := func(t *testing.T, topic string, epoch uint64, data []byte) {
		t.Helper()
		tx := k.run(topic)
		defer tx.Close(false)
		commit(t, tx, epoch, data)
		abort(t, tx, epoch)
		put(t, tx.Session(epoch+1), topic, epoch+1, 0, 1)
		abort(t, tx, epoch)
		nothing(t, tx, epoch+1)
		put(t, tx.Session(epoch+2), topic, epoch+2, 0, 1)
		abort(t, tx, epoch+1)
	}
	for name, story := range map[string]func(t *testing.T, topic string) (want []string){
		// The job goes on, and gives up a micro-batch of the same id.
		"goes-on": func(t *testing.T, topic string) []string {
			tx := k.run(topic)
			defer tx.Close(false)
			want, _ := commitAway(t, topic, tx)
			want = append(want, put(t, tx.Session(2), topic, 2, 1)...)
			commit(t, tx, 2, prepare(t, tx, 2))
			k.back()
			put(t, tx.Session(3), topic, 3, 0, 1)
			abort(t, tx, 2)
			return want
		},
		// The job stops after its commit.
		"stops": func(t *testing.T, topic string) []string {
			tx := k.run(topic)
			want, _ := commitAway(t, topic, tx)
			k.back()
			tx.Close(false)
			return want
		},
		// The job has read all its input, and no other run comes.
		"finishes": func(t *testing.T, topic string) []string {
			tx := k.run(topic)
			want, _ := commitAway(t, topic, tx)
			closed := make(chan struct{})
			go func() { defer close(closed); tx.Close(true) }()
			time.Sleep(closePatience + time.Second)
			k.back()
			<-closed
			return want
		},
		// It is killed after its commit.
		"killed": func(t *testing.T, topic string) []string {
			tx := k.run(topic)
			want, data := commitAway(t, topic, tx)
			vanish(tx)
			k.back()
			anew(t, topic, 1, data)
			return want
		},
		// The run after it is killed in the middle of mending that.
		"killed-twice": func(t *testing.T, topic string) []string {
			tx := k.run(topic)
			want, data := commitAway(t, topic, tx)
			vanish(tx)
			again := k.run(topic)
			commit(t, again, 1, data)
			for range 600 { // it waits for the leader, with a new identity
				if again.known("job-"+topic+"-1") != nobody {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			vanish(again)
			k.back()
			anew(t, topic, 1, data)
			return want
		},
		// It is killed when the next micro-batch, of the other id, is committed too.
		"killed-after-next": func(t *testing.T, topic string) []string {
			tx := k.run(topic)
			want, _ := commitAway(t, topic, tx)
			want = append(want, put(t, tx.Session(2), topic, 2, 1)...)
			data := prepare(t, tx, 2)
			commit(t, tx, 2, data)
			vanish(tx)
			k.back()
			anew(t, topic, 2, data)
			return want
		},
		// It is killed when the next micro-batch, without rows, is committed too.
		"killed-after-nothing": func(t *testing.T, topic string) []string {
			tx := k.run(topic)
			want, _ := commitAway(t, topic, tx)
			data := nothing(t, tx, 2)
			vanish(tx)
			k.back()
			anew(t, topic, 2, data)
			return want
		},
		// The broker aborts what was open for too long while partition 0 is away, and the
		// job goes on without it.
		"expired": func(t *testing.T, topic string) []string {
			tx := k.run(topic)
			defer tx.Close(false)
			tx.timeout = 2 * time.Second
			abort(t, tx, 0)
			put(t, tx.Session(1), topic, 1, 0, 1)
			data := prepare(t, tx, 1)
			k.away(topic)
			for range 600 {
				at, err := tx.describe(ctx, "job-"+topic+"-1")
				if err == nil && at != nil && at.State == "CompleteAbort" {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			done := make(chan error)
			go func() { done <- tx.Commit(ctx, 1, data) }()
			k.back()
			var expired *ExpiredError
			if err := <-done; !errors.As(err, &expired) {
				t.Fatalf("the error is %v", err)
			}
			nothing(t, tx, 2)
			tx.timeout = time.Minute
			want := put(t, tx.Session(3), topic, 3, 0, 1)
			commit(t, tx, 3, prepare(t, tx, 3))
			return want
		},
		// It is killed in the middle of a micro-batch, which is aborted while partition 0
		// is away.
		"aborted": func(t *testing.T, topic string) []string {
			tx := k.run(topic)
			abort(t, tx, 0)
			put(t, tx.Session(1), topic, 1, 0, 1)
			vanish(tx)
			k.away(topic)
			// One that is killed meanwhile, and one that stays.
			killed := k.run(topic)
			short, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			if err := killed.Abort(short, 0); err == nil {
				t.Error("partition 0 is away, and what was open there has an end")
			}
			vanish(killed)
			again := k.run(topic)
			defer again.Close(false)
			done := make(chan error)
			go func() { done <- again.Abort(ctx, 0) }()
			k.back()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			want := put(t, again.Session(1), topic, 11, 0, 1)
			commit(t, again, 1, prepare(t, again, 1))
			return want
		},
	} {
		t.Run(name, func(t *testing.T) {
			k.t = t
			k.topic(name)
			want := story(t, name)
			slices.Sort(want)
			got := consumed(t, k.Kafka, name)
			if !slices.Equal(got, want) {
				t.Errorf("%d records %v, want %d", len(got), got, len(want))
			}
		})
	}
}

// TestOnlyBrokerKilled: the only broker is killed in the moments after it has said that
// a transaction is committed, in half of the rounds before it could write any marker;
// the job goes on, or is killed too and begins anew.
func TestOnlyBrokerKilled(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{Proxied: true, Properties: map[string]string{"inter.broker.listener.name": "PROXIED"}})
	k.CreateTopic(t, "only", 3)
	ctx := context.Background()
	run := func() *Transactions {
		cfg := config(t, k.Addr)
		cfg.GiveUp = 5 * time.Minute
		return NewTransactions(cfg, "job-only", "only", 10*time.Minute)
	}
	tx, epoch := run(), uint64(0)
	if err := tx.Abort(ctx, epoch); err != nil {
		t.Fatal(err)
	}
	rounds := 4
	if os.Getenv("STREAMSQL_SOAK") != "" {
		rounds = 100
	}
	rng := rand.New(rand.NewPCG(1, 1))
	var want []string
	for round := range rounds {
		held := round%2 == 0
		epoch++
		want = append(want, write(t, begin(t, tx, epoch), "only", epoch, 30)...)
		data := prepare(t, tx, epoch)
		if held {
			k.Proxies[0].Set(testservice.ProxyMode{Refuse: true})
			k.Proxies[0].CutAll()
		}
		if err := tx.Commit(ctx, epoch, data); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rng.IntN(5000)) * time.Microsecond)
		k.Broker(0).Kill()
		anew := round%4 >= 2
		if anew {
			vanish(tx)
		}
		k.Proxies[0].Set(testservice.ProxyMode{})
		if err := k.Restart(0); err != nil {
			t.Fatal(err)
		}
		if anew {
			tx = run()
			if err := tx.Commit(ctx, epoch, data); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			if err := tx.Abort(ctx, epoch); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		for range 1 + round%2 { // without rows, so that both ids have their turn
			epoch++
			if err := tx.Commit(ctx, epoch, prepare(t, tx, epoch)); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		next := begin(t, tx, epoch+1)
		write(t, next, "only", epoch+1, 3)
		if err := next.Flush(ctx); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := tx.Abort(ctx, epoch); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	tx.Close(false)
	slices.Sort(want)
	if got := consumed(t, k, "only"); !slices.Equal(got, want) {
		t.Errorf("%d records, want %d", len(got), len(want))
	}
}
