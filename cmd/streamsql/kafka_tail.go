package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func kafkaTailCommand() *cobra.Command {
	var f kafkaFlags
	var count int
	var follow, beginning, committed, headers bool
	var partition int32
	c := &cobra.Command{
		Use:   "tail TOPIC",
		Short: "Print the last records of a topic, or all",
		Long: `Print the last records of a topic, those of all partitions together, by their
timestamps. A line is partition@offset, timestamp, key and value, separated by tabs.
Bytes that are not UTF-8 are printed as 0x..., control characters as \n, \t, \x1b,
what is not there as NULL.`,
		Args: oneTopic,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case beginning && c.Flags().Changed("records"):
				return usageError{errors.New("--from-beginning and -n exclude each other")}
			case count < 0:
				return usageError{fmt.Errorf("-n %d: can't be negative", count)}
			case c.Flags().Changed("partition") && partition < 0:
				return usageError{fmt.Errorf("--partition %d: can't be negative", partition)}
			}
			ctx, k, err := f.connect(c)
			if err != nil {
				return err
			}
			defer k.close()
			t := &tail{cluster: k, topic: args[0], only: partition, committed: committed, headers: headers, out: bufio.NewWriterSize(c.OutOrStdout(), 1<<16), msg: c.ErrOrStderr()}
			err = t.run(ctx, count, beginning, follow)
			if follow && ctx.Err() != nil && c.Context().Err() == nil {
				err = nil // Ctrl-C is how it ends
			}
			return errors.Join(err, t.out.Flush())
		},
	}
	f.add(c)
	c.Flags().IntVarP(&count, "records", "n", 10, "how many of the last records")
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with the records that come, until Ctrl-C")
	c.Flags().BoolVar(&beginning, "from-beginning", false, "all records, partition by partition as they are read")
	c.Flags().Int32Var(&partition, "partition", -1, "one partition only")
	c.Flags().BoolVar(&committed, "committed", false, "leave out what transactions have not committed (read_committed)")
	c.Flags().BoolVar(&headers, "headers", false, "print headers too, as key=value")
	return c
}

func oneTopic(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("one topic is to be named, not %d", len(args))}
	}
	return nil
}

// run prints what there is, and with follow what comes.
func (t *tail) run(ctx context.Context, count int, beginning, follow bool) error {
	if err := t.cluster.patiently(ctx, func() error { return t.locate(ctx) }); err != nil {
		return err
	}
	switch {
	case beginning:
		for _, p := range t.parts {
			p.next = p.first
		}
		if err := t.read(ctx, t.print); err != nil {
			return err
		}
	case count > 0:
		last, err := t.last(ctx, count)
		if err != nil {
			return err
		}
		for _, r := range last {
			if err := t.print(r); err != nil {
				return err
			}
		}
	}
	if err := t.out.Flush(); err != nil || !follow {
		return err
	}
	return t.follow(ctx)
}

// last gives the last n records of all partitions. Offsets need not have records,
// so that each partition is read from farther back until it has n.
func (t *tail) last(ctx context.Context, n int) ([]*kafkaRecord, error) {
	found := map[*tailed][]*kafkaRecord{}
	all := t.parts
	defer func() { t.parts = all }()
	for back := int64(n); len(t.parts) > 0; back *= 4 {
		for _, p := range t.parts {
			p.next = max(p.first, p.end-back)
			found[p] = nil
		}
		err := t.read(ctx, func(r *kafkaRecord) error {
			list := append(found[r.of], r)
			found[r.of] = list[max(0, len(list)-n):]
			return nil
		})
		if err != nil {
			return nil, err
		}
		var short []*tailed
		for _, p := range t.parts {
			if len(found[p]) < n && p.end-back > p.first {
				short = append(short, p)
			}
		}
		t.parts = short
	}
	// From the end of each partition the latest, so that each keeps its order.
	var out []*kafkaRecord
	for len(out) < n {
		var latest *tailed
		for _, p := range all {
			if l := found[p]; len(l) > 0 && (latest == nil || l[len(l)-1].time >= found[latest][len(found[latest])-1].time) {
				latest = p
			}
		}
		if latest == nil {
			break
		}
		l := found[latest]
		out = append(out, l[len(l)-1])
		found[latest] = l[:len(l)-1]
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out, nil
}

// follow prints records as they come. Brokers may go and leaders change meanwhile.
func (t *tail) follow(ctx context.Context) error {
	for _, p := range t.parts {
		p.next, p.end = p.end, -1
	}
	for told := false; ; {
		err := t.round(ctx, t.print)
		if err == nil {
			told = false
			if err := t.out.Flush(); err != nil {
				return err
			}
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !passing(err) {
			return err
		}
		if !told {
			tellRetry(t.msg, err)
			told = true
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
		// Where the leaders are now; if nobody can say, the next round fails again.
		if err := t.leaders(ctx); err != nil && !passing(err) {
			return err
		}
	}
}
