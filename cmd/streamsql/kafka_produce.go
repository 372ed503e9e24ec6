package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/spf13/cobra"

	"github.com/streamsql/streamsql/connectors/kafka/producer"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

func kafkaProduceCommand() *cobra.Command {
	var f kafkaFlags
	var separator, null string
	var partition int32
	c := &cobra.Command{
		Use:   "produce TOPIC",
		Short: "Write the lines of standard input as records of a topic",
		Long: `Write the lines of standard input as records of a topic. Each is acknowledged by
all replicas in sync before the command ends, and is there once, also if a broker
fails in between. How many were written is printed to standard error.

With --key-separator, what stands before it in a line is the key; a line without it
has none. A value, or a key, that is the text of --null-marker is NULL: a record without
a value deletes its key in a compacted topic. Records with a key go to the partition of its hash, as Kafka's own clients
compute it, those without a key to one partition after the other.`,
		Args: oneTopic,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case c.Flags().Changed("partition") && partition < 0:
				return usageError{fmt.Errorf("--partition %d: can't be negative", partition)}
			case c.Flags().Changed("key-separator") && separator == "":
				return usageError{errors.New("--key-separator is empty")}
			case c.Flags().Changed("null-marker") && null == "":
				return usageError{errors.New("--null-marker is empty")}
			}
			ctx, k, err := f.connect(c)
			if err != nil {
				return err
			}
			defer k.close()
			w := &topicWriter{cluster: k, name: args[0], separator: []byte(separator), only: partition, msg: c.ErrOrStderr()}
			if null != "" {
				w.null = []byte(null)
			}
			err = w.run(ctx, c.InOrStdin())
			if w.topic != nil {
				fmt.Fprintf(w.msg, "%s: %d records written\n", args[0], w.written)
			}
			return err
		},
	}
	f.add(c)
	c.Flags().StringVar(&separator, "key-separator", "", "what stands between key and value, such as ':'")
	c.Flags().StringVar(&null, "null-marker", "", "the text that stands for no value, or no key, such as 'NULL'")
	c.Flags().Int32Var(&partition, "partition", -1, "the partition of all records")
	return c
}

// topicWriter writes lines to a topic.
type topicWriter struct {
	cluster   *kafkaCluster
	name      string
	separator []byte
	null      []byte // what stands for NULL; nil: nothing does
	only      int32  // the partition of all records; -1: by the key
	written   int64  // acknowledged
	msg       io.Writer

	topic   *wire.Topic
	numbers []int // of the partitions
	session *producer.Session
	begun   atomic.Pointer[producer.Session] // session, for other goroutines
	records []producer.Record
	turn    int
}

// inputLines are lines that were read together, without their ends.
type inputLines struct {
	lines [][]byte
	err   error // of reading, after them
}

// linesBytes is how much is read before it is written, and the size of a batch. What
// a terminal gives is written at once.
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
					x.lines = append(x.lines, withoutEnd(line))
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

// withoutEnd is a line without LF or CRLF.
func withoutEnd(line []byte) []byte {
	if rest, ok := bytes.CutSuffix(line, []byte("\n")); ok {
		return bytes.TrimSuffix(rest, []byte("\r"))
	}
	return line
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
	w.session, err = producer.NewIdempotent(ctx, producer.Config{
		Client: w.cluster.client, BatchBytes: linesBytes, BufferBytes: 64 * linesBytes, Timeout: patience,
		GiveUp: writePatience, Backoff: 10 * time.Millisecond, Retrying: w.tell(),
	})
	if err != nil {
		return w.cluster.explain(ctx, err)
	}
	w.begun.Store(w.session)
	defer w.session.Close()
	// A signal leaves what is under way a moment. AddAll and Flush end then.
	defer context.AfterFunc(ctx, func() {
		time.Sleep(signalPatience)
		w.session.Close()
	})()
	err = w.copy(ctx, readLines(ctx, in))
	if ferr := w.session.Flush(context.WithoutCancel(ctx)); ferr != nil {
		err = w.explain(ctx, ferr) // it says why there was an error before
	}
	w.written = w.session.Acknowledged()
	return err
}

// copy adds lines to the session until there are no more.
func (w *topicWriter) copy(ctx context.Context, lines <-chan inputLines) error {
	for {
		select {
		case <-ctx.Done():
			return errors.New("interrupted: what was not read from standard input is not written")
		case x, more := <-lines:
			if !more {
				return nil
			}
			w.records = w.records[:0]
			for _, line := range x.lines {
				w.add(line)
			}
			if err := w.session.AddAll(context.WithoutCancel(ctx), w.records); err != nil {
				return err
			}
			if x.err != nil {
				return fmt.Errorf("standard input: %w", x.err)
			}
		}
	}
}

// explain adds to an error of the session what can be done about it.
func (w *topicWriter) explain(ctx context.Context, err error) error {
	var code kafka.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: %w", err)
	case errors.Is(err, kafka.MessageSizeTooLarge):
		return fmt.Errorf("the topic's max.message.bytes allows no batch of a line that long, or of %d KiB of lines: %w", linesBytes>>10, err)
	case errors.As(err, &code):
		return err
	}
	return w.cluster.explain(ctx, err)
}

// writePatience is how long a batch is tried, tellAfter when the user is told of it:
// a leader that is not known yet is found sooner. signalPatience is how long a signal
// waits for what is under way.
const (
	writePatience  = time.Minute
	tellAfter      = 2 * time.Second
	signalPatience = time.Second
)

// tell gives what tells the user of attempts that go on for long, once until
// something is written again.
func (w *topicWriter) tell() func(error, time.Duration) {
	var mu sync.Mutex
	told := int64(-1)
	return func(err error, since time.Duration) {
		if since < tellAfter {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		done := int64(0)
		if s := w.begun.Load(); s != nil {
			done = s.Acknowledged()
		}
		if done != told {
			told = done
			tellRetry(w.msg, err)
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
	if w.null != nil && key != nil && bytes.Equal(key, w.null) {
		key = nil
	}
	if w.null != nil && bytes.Equal(line, w.null) {
		line = nil
	}
	partition := w.only
	switch {
	case partition >= 0:
	case key != nil:
		partition = int32(kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: key}, w.numbers...))
	default:
		partition = int32(w.turn % len(w.numbers))
		w.turn++
	}
	w.records = append(w.records, producer.Record{
		TopicPartition: wire.TopicPartition{Topic: w.name, Partition: partition}, Time: time.Now().UnixMilli(), Key: key, Value: line,
	})
}
