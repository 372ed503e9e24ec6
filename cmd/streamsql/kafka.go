package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/spf13/cobra"

	"github.com/streamsql/streamsql/catalog"
	connector "github.com/streamsql/streamsql/connectors/kafka"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// kafkaCommand looks into topics, for those who don't have Kafka's own tools.
func kafkaCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "kafka",
		Short: "List, read and write topics of Kafka",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q\n  hint: streamsql kafka topics, tail or produce", args[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(kafkaTopicsCommand(), kafkaTailCommand(), kafkaProduceCommand())
	return c
}

// kafkaFlags are the flags of a connection.
type kafkaFlags struct {
	brokers string
	options []string // -X
}

const kafkaServers = "properties.bootstrap.servers"

func (f *kafkaFlags) add(c *cobra.Command) {
	c.Flags().StringVarP(&f.brokers, "brokers", "b", "localhost:9092", "brokers to begin with: host:port, comma-separated")
	c.Flags().StringArrayVarP(&f.options, "option", "X", nil, "an option of the connector, name=value, such as properties.security.protocol=SSL; may be repeated")
}

// connect makes the client. The context ends at SIGINT or SIGTERM.
func (f *kafkaFlags) connect(c *cobra.Command) (context.Context, *kafkaCluster, error) {
	given := map[string]string{kafkaServers: f.brokers}
	for _, o := range f.options {
		name, value, ok := strings.Cut(o, "=")
		if !ok {
			return nil, nil, usageError{fmt.Errorf("-X %s: want name=value", o)}
		}
		if name = strings.TrimSpace(name); !strings.HasPrefix(name, "properties.") {
			name = "properties." + name
		}
		given[name] = value
	}
	client, err := connector.NewClient(given, ".")
	if err != nil {
		return nil, nil, usageError{err}
	}
	ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
	return ctx, &kafkaCluster{client, given[kafkaServers], stop}, nil
}

// kafkaCluster is the cluster that a command talks to.
type kafkaCluster struct {
	client  *wire.Client
	brokers string
	stop    func()
}

func (k *kafkaCluster) close() {
	k.client.Close()
	k.stop()
}

// all gives the topics, those of the cluster itself too, by name.
func (k *kafkaCluster) all(ctx context.Context) ([]wire.Topic, error) {
	m, err := k.client.Metadata(ctx, nil)
	if err != nil {
		return nil, k.explain(ctx, err)
	}
	slices.SortFunc(m.Topics, func(a, b wire.Topic) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range m.Topics {
		slices.SortFunc(t.Partitions, func(a, b wire.Partition) int { return int(a.Index) - int(b.Index) })
	}
	return m.Topics, nil
}

// topic gives one topic, whose partitions all have leaders.
func (k *kafkaCluster) topic(ctx context.Context, name string) (*wire.Topic, error) {
	topics, err := k.all(ctx)
	if err != nil {
		return nil, err
	}
	i, found := slices.BinarySearchFunc(topics, name, func(t wire.Topic, name string) int { return strings.Compare(t.Name, name) })
	if !found {
		return nil, noTopic(name, topics)
	}
	t := &topics[i]
	if t.Err != nil {
		return nil, fmt.Errorf("topic '%s': %w", name, t.Err)
	}
	for _, p := range t.Partitions {
		if p.Leader < 0 {
			return nil, &leaderlessError{name, p.Index}
		}
	}
	return t, nil
}

// leaderlessError says that a partition can't be read or written at the moment.
type leaderlessError struct {
	topic     string
	partition int32
}

func (e *leaderlessError) Error() string {
	return fmt.Sprintf("partition %d of topic '%s' has no leader: the brokers with its replicas are down", e.partition, e.topic)
}

// noTopic says that a topic is not there, and which one may have been meant.
func noTopic(name string, topics []wire.Topic) error {
	var names []string
	for _, t := range topics {
		if !t.Internal {
			names = append(names, t.Name)
		}
	}
	hint := ""
	if s := catalog.Suggest(name, names); s != "" {
		hint = fmt.Sprintf("did you mean '%s'?", s)
	} else if len(names) == 0 {
		hint = "the cluster has no topics; streamsql kafka topics --create makes one"
	} else {
		hint = "streamsql kafka topics lists them"
	}
	return fmt.Errorf("there is no topic '%s'\n  hint: %s", name, hint)
}

// matchTopics gives the topics that match a pattern of file names; "" matches all
// but those of the cluster itself.
func matchTopics(topics []wire.Topic, pattern string) ([]wire.Topic, error) {
	if pattern == "" {
		return slices.DeleteFunc(slices.Clone(topics), func(t wire.Topic) bool { return t.Internal }), nil
	}
	var out []wire.Topic
	for _, t := range topics {
		ok, err := path.Match(pattern, t.Name)
		if err != nil {
			return nil, usageError{fmt.Errorf("pattern %q: %w", pattern, err)}
		}
		if ok {
			out = append(out, t)
		}
	}
	if out == nil {
		if strings.ContainsAny(pattern, `*?[`) {
			return nil, fmt.Errorf("no topic matches '%s'", pattern)
		}
		return nil, noTopic(pattern, topics)
	}
	return out, nil
}

// ends gives the first offsets of partitions and those after their last records.
func (k *kafkaCluster) ends(ctx context.Context, topics []wire.Topic, committed bool) (first, end map[wire.TopicPartition]int64, err error) {
	leads := map[int32][]wire.TopicPartition{}
	for _, t := range topics {
		for _, p := range t.Partitions {
			if p.Leader >= 0 {
				leads[p.Leader] = append(leads[p.Leader], wire.TopicPartition{Topic: t.Name, Partition: p.Index})
			}
		}
	}
	ask := func(time int64) (map[wire.TopicPartition]int64, error) {
		out := map[wire.TopicPartition]int64{}
		for broker, parts := range leads {
			at := map[wire.TopicPartition]int64{}
			for _, p := range parts {
				at[p] = time
			}
			found, err := k.client.ListOffsets(ctx, broker, committed, at)
			if err != nil {
				return nil, k.explain(ctx, err)
			}
			for p, f := range found {
				if f.Err != nil {
					return nil, fmt.Errorf("%s/%d: %w", p.Topic, p.Partition, f.Err)
				}
				out[p] = f.Offset
			}
		}
		return out, nil
	}
	if first, err = ask(wire.Earliest); err != nil {
		return nil, nil, err
	}
	end, err = ask(wire.Latest)
	return first, end, err
}

// explain adds to an error of the connection what it was that failed.
func (k *kafkaCluster) explain(ctx context.Context, err error) error {
	var auth *wire.AuthError
	var code kafka.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &auth):
		return fmt.Errorf("%s: %w\n  hint: name the user with -X properties.sasl.username, -X properties.sasl.password and -X properties.sasl.mechanism", k.brokers, err)
	case errors.As(err, &code):
		return fmt.Errorf("%s: %w", k.brokers, err)
	}
	return fmt.Errorf("%s can't be reached: %w\n  hint: -b host:port says where they are, -X properties.security.protocol=... how they are spoken to", k.brokers, err)
}

// finalError is one that trying again does not mend.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// passing says whether an error may be gone by itself.
func passing(err error) bool {
	var code kafka.Error
	var none *leaderlessError
	var auth *wire.AuthError
	var stop *finalError
	switch {
	case errors.As(err, &stop), errors.As(err, &auth), errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &none):
		return true
	case errors.As(err, &code):
		return code.Temporary()
	}
	return true // of the connection
}

// tellRetry tells the user that an error is waited out; its hint is for those who
// have to do something.
func tellRetry(w io.Writer, err error) {
	what, _, _ := strings.Cut(err.Error(), "\n")
	fmt.Fprintf(w, "%s; trying again\n", what)
}

// patience is how long a command waits for what passes by itself.
const patience = 10 * time.Second

// patiently calls f again while the cluster is about to change: leaders of a topic
// that is new are not known everywhere at once.
func (k *kafkaCluster) patiently(ctx context.Context, f func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := f()
		var code kafka.Error
		if err == nil || !errors.As(err, &code) || !passing(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
