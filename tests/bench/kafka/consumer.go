//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/connectors/kafka/wire"
)

// arrivals notes when the rows of a traffic come out of a topic, and that each
// comes once.
type arrivals struct {
	traffic *traffic
	counts  bool // the topic has counts of keys, else the rows
	times   histogram
	rows    atomic.Int64 // of the traffic that have come
	once    []bool       // by row: it has come
	next    []int32      // by key: how many of its rows a count has told of
}

// consume reads a topic until all rows have come.
func (a *arrivals) consume(ctx context.Context, b *bench, topic string, committed bool) error {
	c := b.client("consumer")
	defer c.Close()
	next := make([]int64, b.partitions)
	var memory []byte
	room := func(n int) []byte {
		if cap(memory) < n {
			memory = make([]byte, 2*n)
		}
		return memory[:n]
	}
	var open batch.Decompressor
	defer open.Close()
	var records batch.Records
	for int(a.rows.Load()) < len(a.traffic.stamps) {
		q := &wire.FetchRequest{Committed: committed, MaxWait: 500 * time.Millisecond, MinBytes: 1, MaxBytes: 8 << 20, Memory: room}
		for p := range next {
			q.Partitions = append(q.Partitions, wire.FetchPartition{Topic: topic, Partition: int32(p), Offset: next[p], LeaderEpoch: -1, MaxBytes: 4 << 20})
		}
		r, err := c.Fetch(ctx, 1, q) // there is one broker
		if err != nil {
			return err
		}
		now := time.Now().UnixNano()
		for i := range r.Partitions {
			got := &r.Partitions[i]
			switch {
			case errors.Is(got.Err, kafka.NotLeaderForPartition) || errors.Is(got.Err, kafka.UnknownTopicOrPartition):
				time.Sleep(time.Millisecond) // the topic is that new
				continue
			case got.Err != nil:
				return got.Err
			}
			filter := batch.NewFilter(got.Aborted)
			for data := got.Records; len(data) > 0; {
				h, err := batch.ParseHeader(data)
				if errors.Is(err, batch.ErrCutOff) {
					break
				}
				if err != nil {
					return err
				}
				one := data[:h.Size]
				data = data[h.Size:]
				from := next[got.Index]
				next[got.Index] = h.LastOffset() + 1
				if skip, err := filter.Skip(&h, one); err != nil {
					return err
				} else if skip {
					continue
				}
				payload, _, err := open.Payload(&h, one, nil)
				if err != nil {
					return err
				}
				records.Reset()
				if err := records.Append(&h, payload, int(max(0, from-h.BaseOffset)), h.Count, 0); err != nil {
					return err
				}
				for _, v := range records.Values {
					if err := a.row(v.Of(payload), now); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// row takes up a row of the topic that was there at now.
func (a *arrivals) row(row []byte, now int64) error {
	if !a.counts {
		id, err := member(row, `"id":`)
		if err != nil {
			return err
		}
		sent, err := member(row, `"sent":`)
		if err != nil {
			return err
		}
		if id < 0 || id >= int64(len(a.once)) || a.once[id] {
			return fmt.Errorf("row %d comes twice, or was never written", id)
		}
		a.once[id] = true
		a.arrived(int(id), sent, now)
		return nil
	}
	key, err := member(row, `"k":`)
	if err != nil {
		return err
	}
	n, err := member(row, `"n":`)
	if err != nil {
		return err
	}
	if n <= int64(a.next[key]) {
		return fmt.Errorf("key %d has count %d after %d", key, n, a.next[key])
	}
	// All rows that the count is of are in it: those that the one before had not too.
	for ; int64(a.next[key]) < n; a.next[key]++ {
		id := int(a.next[key])*keys + int(key)
		if id >= int(a.traffic.n.Load()) {
			return fmt.Errorf("key %d has count %d, more than were written", key, n)
		}
		a.arrived(id, a.traffic.stamps[id], now)
	}
	return nil
}

func (a *arrivals) arrived(id int, sent, now int64) {
	if id >= a.traffic.first {
		a.times.add(time.Duration(now - sent))
	}
	a.rows.Add(1)
}

// member reads a number that follows its name in an object.
func member(row []byte, name string) (int64, error) {
	at := bytes.Index(row, []byte(name))
	if at < 0 {
		return 0, fmt.Errorf("no %s in %s", name, row)
	}
	rest := row[at+len(name):]
	end := bytes.IndexAny(rest, ",}")
	if end < 0 {
		return 0, fmt.Errorf("%s is cut off", row)
	}
	return strconv.ParseInt(string(rest[:end]), 10, 64)
}
