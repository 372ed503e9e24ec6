package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/spf13/cobra"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

func kafkaProduceCommand() *cobra.Command {
	var f kafkaFlags
	var separator string
	var partition int32
	c := &cobra.Command{
		Use:   "produce TOPIC",
		Short: "Write the lines of standard input as records of a topic",
		Long: `Write the lines of standard input as records of a topic. Each is acknowledged by
all replicas in sync before the command ends; if a broker fails in between, some may
be there twice. How many were written is printed to standard error.

With --key-separator, what stands before it in a line is the key; a line without it
has none. Records with a key go to the partition of its hash, as Kafka's own clients
compute it, those without a key to one partition after the other.`,
		Args: oneTopic,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case c.Flags().Changed("partition") && partition < 0:
				return usageError{fmt.Errorf("--partition %d: can't be negative", partition)}
			case c.Flags().Changed("key-separator") && separator == "":
				return usageError{errors.New("--key-separator is empty")}
			}
			ctx, k, err := f.connect(c)
			if err != nil {
				return err
			}
			defer k.close()
			w := &topicWriter{cluster: k, name: args[0], separator: []byte(separator), only: partition, msg: c.ErrOrStderr()}
			err = w.run(ctx, c.InOrStdin())
			if w.topic != nil {
				fmt.Fprintf(w.msg, "%s: %d records written\n", args[0], w.written)
			}
			return err
		},
	}
	f.add(c)
	c.Flags().StringVar(&separator, "key-separator", "", "what stands between key and value, such as ':'")
	c.Flags().Int32Var(&partition, "partition", -1, "the partition of all records")
	return c
}

// topicWriter writes lines to a topic, a batch for each partition at a time.
type topicWriter struct {
	cluster   *kafkaCluster
	name      string
	separator []byte
	only      int32 // the partition of all records; -1: by the key
	written   int64 // acknowledged
	msg       io.Writer

	topic    *wire.Topic
	numbers  []int // of the partitions
	encoders map[int32]*batch.Encoder
	turn     int
}

// inputLines are lines that were read together, without their ends.
type inputLines struct {
	lines [][]byte
	err   error // of reading, after them
}

// linesBytes is how much is read before it is written. What a terminal gives is
// written at once.
const linesBytes = 256 << 10

// readLines reads in the background: a signal must not wait for a line.
func readLines(ctx context.Context, in io.Reader) <-chan inputLines {
	out := make(chan inputLines)
	go func() {
		defer close(out)
		r := bufio.NewReaderSize(in, linesBytes)
		for err := error(nil); err == nil; {
			var x inputLines
			for size := 0; err == nil && (size == 0 || size < linesBytes && r.Buffered() > 0); {
				var line []byte
				line, err = r.ReadBytes('\n')
				if size += len(line); len(line) > 0 {
					x.lines = append(x.lines, bytes.TrimSuffix(line, []byte("\n")))
				}
			}
			if !errors.Is(err, io.EOF) {
				x.err = err
			}
			select {
			case out <- x:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// run writes all lines.
func (w *topicWriter) run(ctx context.Context, in io.Reader) error {
	err := w.cluster.patiently(ctx, func() (err error) {
		w.topic, err = w.cluster.topic(ctx, w.name)
		return err
	})
	if err != nil {
		return err
	}
	n := len(w.topic.Partitions)
	if w.only >= int32(n) {
		return fmt.Errorf("topic '%s' has no partition %d, only 0 to %d", w.name, w.only, n-1)
	}
	for i := range n {
		w.numbers = append(w.numbers, i)
	}
	w.encoders = map[int32]*batch.Encoder{}
	lines := readLines(ctx, in)
	for {
		select {
		case <-ctx.Done():
			return errors.New("interrupted: what was not read from standard input is not written")
		case x, more := <-lines:
			if !more {
				return nil
			}
			for _, line := range x.lines {
				w.add(line)
			}
			if err := w.flush(ctx); err != nil {
				return err
			}
			if x.err != nil {
				return fmt.Errorf("standard input: %w", x.err)
			}
		}
	}
}

// add takes a line up.
func (w *topicWriter) add(line []byte) {
	var key []byte
	if len(w.separator) > 0 {
		if before, after, ok := bytes.Cut(line, w.separator); ok {
			key, line = before, after
		}
	}
	partition := w.only
	switch {
	case partition >= 0:
	case key != nil:
		partition = int32(kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: key}, w.numbers...))
	default:
		partition = int32(w.turn % len(w.numbers))
	}
	e := w.encoders[partition]
	if e == nil {
		e = batch.NewEncoder(batch.None)
		w.encoders[partition] = e
	}
	e.Append(time.Now().UnixMilli(), key, line, nil)
}

// unsent is a batch that is not acknowledged.
type unsent struct {
	partition int32
	records   int
	data      []byte
}

// writePatience is how long a batch is tried, tellAfter when the user is told of it:
// a leader that is not known yet is found sooner.
const (
	writePatience = time.Minute
	tellAfter     = 2 * time.Second
)

// flush writes what has been added and waits until it is acknowledged. A signal
// ends it between two attempts.
func (w *topicWriter) flush(ctx context.Context) error {
	var left []unsent
	for p, e := range w.encoders {
		if n := e.Count(); n > 0 {
			data, err := e.Finish(nil, batch.NoProducer)
			if err != nil {
				return err
			}
			left = append(left, unsent{p, n, data})
		}
	}
	w.turn++
	began, told := time.Now(), false
	for {
		var err error
		if left, err = w.send(context.WithoutCancel(ctx), left); len(left) == 0 {
			return nil
		}
		if !passing(err) || time.Since(began) > writePatience {
			return err
		}
		if !told && time.Since(began) > tellAfter {
			tellRetry(w.msg, err)
			told = true
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("interrupted: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
		if t, err := w.cluster.topic(ctx, w.name); err == nil && len(t.Partitions) >= len(w.numbers) {
			w.topic = t
		}
	}
}

// send tries once. It gives what is to be sent again and why.
func (w *topicWriter) send(ctx context.Context, all []unsent) (left []unsent, failed error) {
	leads := map[int32][]unsent{}
	for _, u := range all {
		leader := w.topic.Partitions[u.partition].Leader
		leads[leader] = append(leads[leader], u)
	}
	for broker, list := range leads {
		q := &wire.ProduceRequest{Timeout: patience}
		for _, u := range list {
			q.Partitions = append(q.Partitions, wire.ProducePartition{TopicPartition: wire.TopicPartition{Topic: w.name, Partition: u.partition}, Batch: u.data})
		}
		got, err := w.cluster.client.Produce(ctx, broker, q)
		if err != nil {
			left, failed = append(left, list...), errors.Join(failed, w.cluster.explain(ctx, err))
			continue
		}
		for i, u := range list {
			switch err := got[i].Err; {
			case err == nil:
				w.written += int64(u.records)
			case errors.Is(err, kafka.MessageSizeTooLarge):
				left = append(left, u)
				failed = errors.Join(failed, &finalError{fmt.Errorf("%s/%d: the topic's max.message.bytes does not allow a batch of %d bytes, lines: %d", w.name, u.partition, len(u.data), u.records)})
			default:
				left = append(left, u)
				failed = errors.Join(failed, fmt.Errorf("%s/%d: %w", w.name, u.partition, err))
			}
		}
	}
	return left, failed
}
