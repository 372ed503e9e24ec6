package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/spf13/cobra"

	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

func kafkaTopicsCommand() *cobra.Command {
	var f kafkaFlags
	var create, remove string
	var partitions, replication int
	var each bool
	c := &cobra.Command{
		Use:   "topics [PATTERN]",
		Short: "List topics, make and delete them",
		Long: `List topics: how many partitions and offsets each has. A pattern is one of file
names ('orders*'); without one, topics of the cluster itself are left out.

Records counts offsets: those of transactions' ends, and of records that compaction
has removed, are among them. First is the lowest offset that is kept in any
partition, end the highest one that comes next.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{errors.New("one pattern at most")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			flag := c.Flags().Changed
			switch {
			case (create != "" || remove != "") && (len(args) > 0 || each) || create != "" && remove != "":
				return usageError{errors.New("--create, --delete and listing exclude each other")}
			case create == "" && (flag("partitions") || flag("replication")):
				return usageError{errors.New("--partitions and --replication are for --create")}
			case flag("create") && create == "" || flag("delete") && remove == "":
				return usageError{errors.New("the name of the topic is empty")}
			case create != "" && (partitions < 1 || flag("replication") && replication < 1):
				return usageError{errors.New("a topic has at least one partition and one replica")}
			}
			ctx, k, err := f.connect(c)
			if err != nil {
				return err
			}
			defer k.close()
			switch {
			case create != "":
				return k.create(ctx, c, create, partitions, replication)
			case remove != "":
				return k.remove(ctx, c, remove)
			}
			pattern := ""
			if len(args) > 0 {
				pattern = args[0]
			}
			return k.list(ctx, c, pattern, each)
		},
	}
	f.add(c)
	c.Flags().BoolVarP(&each, "each", "e", false, "a line for each partition, with its leader")
	c.Flags().StringVar(&create, "create", "", "make a topic of that name")
	c.Flags().IntVar(&partitions, "partitions", 1, "number of partitions of --create")
	c.Flags().IntVar(&replication, "replication", -1, "number of replicas of --create (default: what the brokers say)")
	c.Flags().StringVar(&remove, "delete", "", "delete the topic of that name, with its records")
	return c
}

// list prints the topics that match a pattern.
func (k *kafkaCluster) list(ctx context.Context, c *cobra.Command, pattern string, each bool) error {
	topics, err := k.all(ctx)
	if err != nil {
		return err
	}
	if topics, err = matchTopics(topics, pattern); err != nil {
		return err
	}
	first, end, err := k.ends(ctx, topics, false)
	if err != nil {
		return err
	}
	names := []string{"topic", "partitions", "records", "first", "end"}
	if each {
		names = []string{"topic", "partition", "leader", "records", "first", "end"}
	}
	var rows [][]string
	text := func(n int64) string { return strconv.FormatInt(n, 10) }
	for _, t := range topics {
		records, lowest, highest, whole := int64(0), int64(-1), int64(0), true
		for _, p := range t.Partitions {
			tp := wire.TopicPartition{Topic: t.Name, Partition: p.Index}
			from, known := first[tp]
			to := end[tp]
			whole = whole && known
			records, highest = records+to-from, max(highest, to)
			if lowest < 0 || from < lowest {
				lowest = from
			}
			switch {
			case each && known:
				rows = append(rows, []string{t.Name, text(int64(p.Index)), text(int64(p.Leader)), text(to - from), text(from), text(to)})
			case each:
				rows = append(rows, []string{t.Name, text(int64(p.Index)), "none", "?", "?", "?"})
			}
		}
		switch n := text(int64(len(t.Partitions))); {
		case each:
		case whole:
			rows = append(rows, []string{t.Name, n, text(records), text(max(0, lowest)), text(highest)})
		default: // a partition has no leader to ask
			rows = append(rows, []string{t.Name, n, "?", "?", "?"})
		}
	}
	out := bufio.NewWriter(c.OutOrStdout())
	w, err := newTextRows(out, "table", names)
	if err != nil {
		return err
	}
	if err := w.write(rows); err != nil {
		return err
	}
	return out.Flush()
}

// create makes a topic and waits until it can be used.
func (k *kafkaCluster) create(ctx context.Context, c *cobra.Command, name string, partitions, replication int) error {
	topics, err := k.all(ctx)
	if err != nil {
		return err
	}
	there := fmt.Errorf("topic '%s' is there already", name)
	if slices.ContainsFunc(topics, func(t wire.Topic) bool { return t.Name == name }) {
		return there
	}
	// The client would wait for the topic to be in metadata that it does not ask
	// for, until its context ends: that is when the topic is seen here.
	asked, done := context.WithCancel(ctx)
	defer done()
	ready := make(chan error, 1)
	go func() {
		ready <- k.await(asked, name, func(t wire.Topic) bool {
			led := !slices.ContainsFunc(t.Partitions, func(p wire.Partition) bool { return p.Leader < 0 })
			return t.Err == nil && led && len(t.Partitions) == partitions
		})
		done()
	}()
	r, err := k.client.Kafka().CreateTopics(asked, &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: name, NumPartitions: partitions, ReplicationFactor: replication}}})
	switch {
	case err != nil && asked.Err() == nil:
		return k.explain(ctx, err)
	case err == nil && errors.Is(r.Errors[name], kafka.TopicAlreadyExists):
		return there
	case err == nil && r.Errors[name] != nil:
		return fmt.Errorf("topic '%s' is not made: %w", name, r.Errors[name])
	}
	if err := <-ready; err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "topic %s is made, partitions: %d\n", name, partitions)
	return err
}

// remove deletes a topic and waits until it is gone.
func (k *kafkaCluster) remove(ctx context.Context, c *cobra.Command, name string) error {
	topics, err := k.all(ctx)
	if err != nil {
		return err
	}
	r, err := k.client.Kafka().DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{name}})
	if err != nil {
		return k.explain(ctx, err)
	}
	switch err := r.Errors[name]; {
	case errors.Is(err, kafka.UnknownTopicOrPartition):
		return noTopic(name, topics)
	case err != nil:
		return fmt.Errorf("topic '%s' is not deleted: %w", name, err)
	}
	err = k.await(ctx, name, func(t wire.Topic) bool { return errors.Is(t.Err, kafka.UnknownTopicOrPartition) })
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "topic %s is deleted\n", name)
	return err
}

// await waits until the cluster describes a topic as is wanted.
func (k *kafkaCluster) await(ctx context.Context, name string, done func(wire.Topic) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		m, err := k.client.Metadata(ctx, []string{name})
		if err != nil {
			return k.explain(ctx, err)
		}
		if len(m.Topics) == 1 && done(m.Topics[0]) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster is not done with topic '%s' after %s", name, patience)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
