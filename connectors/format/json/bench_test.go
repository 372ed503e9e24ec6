//go:build unix

package json

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/internal/bufpool"
)

// cpuTime is the CPU time of this process, which says more than the clock on a
// machine that is shared.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportRate reports millions of events per second of CPU time since start.
func reportRate(b *testing.B, events int, start time.Duration) {
	b.ReportMetric(float64(events)*float64(b.N)/(cpuTime(b)-start).Seconds()/1e6, "Mevents/cpu-s")
}

func BenchmarkDecode(b *testing.B) {
	// 20 MB, so that the text comes from memory and not from the cache.
	data := bytes.Repeat(nexmarkEvents(b), 10)
	events := bytes.Count(data, []byte{'\n'})
	for _, test := range []struct {
		name    string
		columns []catalog.Field
	}{
		{"event_type+4ofBid", bidColumns()},
		{"all", nexmarkColumns()},
		{"none", nil},
	} {
		b.Run(test.name, func(b *testing.B) {
			schema, err := Compile(test.columns, Options{})
			if err != nil {
				b.Fatal(err)
			}
			d := NewDecoder(schema, bufpool.New(64<<20))
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			start := cpuTime(b)
			for b.Loop() {
				for p := 0; p < len(data); {
					p += d.DecodeLines(data[p:], 16384)
					batch := d.Finish()
					if len(batch.Errors) > 0 {
						b.Fatal(schema.Describe(batch.Errors[0]))
					}
					batch.Release()
				}
			}
			reportRate(b, events, start)
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	data := nexmarkEvents(b)
	bid := nexmarkColumns()[3]
	d := NewDecoder(compile(b, []catalog.Field{bid}, Options{}), bufpool.New(64<<20))
	// The bids alone, as a table of seven columns.
	var bids []byte
	for line := range bytes.Lines(data) {
		if bytes.HasPrefix(line, []byte(`{"event_type":2,`)) {
			bids = append(bids, line...)
		}
	}
	d.DecodeLines(bids, 1<<20)
	batch := d.Finish()
	members := batch.Columns[0].(*array.Struct)
	arrays := make([]arrow.Array, members.NumField())
	for i := range arrays {
		arrays[i] = members.Field(i)
	}
	e := NewEncoder(bid.Type.Fields, EncoderOptions{})
	if err := e.Bind(arrays); err != nil {
		b.Fatal(err)
	}
	out := e.AppendRows(nil, 0, batch.Rows)
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	start := cpuTime(b)
	for b.Loop() {
		if err := e.Bind(arrays); err != nil {
			b.Fatal(err)
		}
		out = e.AppendRows(out[:0], 0, batch.Rows)
	}
	reportRate(b, batch.Rows, start)
}
