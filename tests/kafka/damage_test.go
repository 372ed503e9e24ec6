//go:build unix

package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/internal/testservice"
)

// numbered encodes {"n": i} for n numbers, as produce does, by one codec.
func numbered(t *testing.T, codec batch.Codec, first, n int) []byte {
	t.Helper()
	e := batch.NewEncoder(codec)
	for i := range n {
		e.Append(1_700_000_000_000, nil, fmt.Appendf(nil, `{"n":%d}`, first+i), nil)
	}
	data, err := e.Finish(nil, batch.NoProducer)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// payloadOf finds a batch in what a broker sends, which has changed nothing behind
// the leader's epoch, and gives it from its CRC on.
func payloadOf(data, sealed []byte) []byte {
	const crc = 17
	if i := bytes.Index(data, sealed[crc:]); i >= 0 {
		return data[i : i+len(sealed)-crc]
	}
	return nil
}

// A batch that is damaged on its way is asked for again; one that stays damaged ends
// the job with its offset, or is passed over with a warning and the number of its
// records where records may be lost. Nothing is ever passed over in silence.
func TestDamagedBatch(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{Proxied: true})
	proxied := *k
	proxied.Addr = k.Proxied
	for codec, name := range batch.Codecs {
		t.Run(name, func(t *testing.T) {
			topic := "damaged-" + name
			k.CreateTopic(t, topic, 1)
			bad := numbered(t, batch.Codec(codec), 100, 100)
			send(t, k.Addr, topic, 0, numbered(t, batch.Codec(codec), 0, 100))
			send(t, k.Addr, topic, 0, bad)
			send(t, k.Addr, topic, 0, numbered(t, batch.Codec(codec), 200, 100))
			var times, seen atomic.Int64
			k.Proxies[0].Set(testservice.ProxyMode{Alter: func(data []byte) {
				if p := payloadOf(data, bad); p != nil {
					if seen.Add(1) <= times.Load() {
						p[len(p)-5] ^= 0x10
					}
				}
			}})
			defer k.Proxies[0].Set(testservice.ProxyMode{})
			script := func(strict bool) string {
				return fmt.Sprintf(passOn, topic, fmt.Sprintf(", 'properties.reconnect.backoff.ms' = '10 ms', 'fail-on-data-loss' = '%v'", strict))
			}
			// Twice: nobody but the log is told.
			times.Store(2)
			w := newWorld(t, &proxied)
			r := w.start(script(true))
			r.untilRows("out", 300)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			w.equal("out", numbers(0, 300))
			if seen.Load() < 3 || !strings.Contains(w.log.String(), "its CRC is") {
				t.Errorf("seen %d times\n%s", seen.Load(), w.log)
			}
			// Always: what is before it is there, and it is named.
			times.Store(1 << 40)
			w = newWorld(t, &proxied)
			err := w.start(script(true)).wait()
			if err == nil || !strings.Contains(err.Error(), topic+"/0: the record batch at offset 100 is damaged: its CRC is") {
				t.Fatalf("%v\n%s", err, w.log)
			}
			if got := w.rows("out"); len(got) > 100 {
				t.Errorf("%d rows", len(got))
			}
			times.Store(0)
			r = w.start(script(true))
			r.untilRows("out", 300)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			w.equal("out", numbers(0, 300))
			// Always, where records may be lost.
			times.Store(1 << 40)
			w = newWorld(t, &proxied)
			r = w.start(script(false))
			r.untilRows("out", 200)
			if lost := r.Sources()[0].Lost; lost != 100 {
				t.Errorf("%d records are lost", lost)
			}
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			w.equal("out", both(numbers(0, 100), numbers(200, 100)))
			if !strings.Contains(w.log.String(), "records are lost: the record batch at offset 100 is damaged") || !strings.Contains(w.log.String(), "lost=100") {
				t.Errorf("no warning\n%s", w.log)
			}
		})
	}
}

// Compressed data that is cut off though its CRC is right, and a batch whose length
// is wrong: errors that name the offset.
func TestCutOffBatch(t *testing.T) {
	k := testservice.OwnKafka(t, testservice.KafkaConfig{Proxied: true})
	proxied := *k
	proxied.Addr = k.Proxied
	for codec, name := range batch.Codecs[1:] {
		topic := "cut-" + name
		k.CreateTopic(t, topic, 1)
		bad := numbered(t, batch.Codec(codec+1), 100, 100)
		send(t, k.Addr, topic, 0, numbered(t, batch.Codec(codec+1), 0, 100))
		send(t, k.Addr, topic, 0, bad)
		for _, length := range []bool{false, true} {
			k.Proxies[0].Set(testservice.ProxyMode{Alter: func(data []byte) {
				const crc, rest, size = 17, 4, 8
				p := payloadOf(data, bad)
				switch {
				case p == nil:
				case length:
					at := bytes.Index(data, p) - crc + size
					binary.BigEndian.PutUint32(data[at:], 1<<20)
				default:
					clear(p[batch.HeaderSize-crc+(len(p)-batch.HeaderSize+crc)/2:])
					binary.BigEndian.PutUint32(p, crc32.Checksum(p[rest:], crc32.MakeTable(crc32.Castagnoli)))
				}
			}})
			w := newWorld(t, &proxied)
			err := w.start(fmt.Sprintf(passOn, topic, ", 'properties.reconnect.backoff.ms' = '10 ms'")).wait()
			want := "the record batch of offsets 100 to 199 can't be"
			if length {
				want = "the record batch at offset 100 does not come whole"
			}
			if err == nil || !strings.Contains(err.Error(), topic+"/0: "+want) {
				t.Errorf("%s: %v", name, err)
			}
			if got := w.rows("out"); len(got) > 100 {
				t.Errorf("%s: %d rows", name, len(got))
			}
			k.Proxies[0].Set(testservice.ProxyMode{})
			r := w.start(fmt.Sprintf(passOn, topic, ""))
			r.untilRows("out", 200)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			w.equal("out", numbers(0, 200))
		}
	}
}
