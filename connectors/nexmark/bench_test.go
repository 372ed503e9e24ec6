package nexmark

import (
	"io"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
)

func reportEvents(b *testing.B, events int) {
	b.ReportMetric(float64(events)/b.Elapsed().Seconds()/1e6, "Mevents/s")
}

// BenchmarkEncode writes JSON lines on one core.
func BenchmarkEncode(b *testing.B) {
	encoder := newGenerator(b, DefaultConfig()).NewEncoder()
	buf := make([]byte, 0, 1<<20)
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		if len(buf) > 1<<19 {
			buf = buf[:0]
		}
		buf = encoder.Append(buf, n)
		n++
	}
	reportEvents(b, b.N)
}

// BenchmarkWriteNDJSON writes JSON lines on all cores.
func BenchmarkWriteNDJSON(b *testing.B) {
	const events = 500_000
	for b.Loop() {
		if err := WriteNDJSON(io.Discard, DefaultConfig(), 0, events); err != nil {
			b.Fatal(err)
		}
	}
	reportEvents(b, b.N*events)
}

// BenchmarkColumns fills Arrow columns on one core.
func BenchmarkColumns(b *testing.B) {
	bid := func(names ...string) []catalog.Field {
		all := Columns()[3].Type
		var members []catalog.Field
		for _, n := range names {
			members = append(members, all.Fields[findField(all.Fields, n)])
		}
		return []catalog.Field{{Name: "bid", Type: catalog.RowOf(members...)}}
	}
	for _, c := range []struct {
		name   string
		fields []catalog.Field
	}{
		{"bid2", append(bid("auction", "price"), Columns()[0])},
		{"bid4", bid("auction", "bidder", "price", "dateTime")},
		{"all", Columns()},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := newGenerator(b, DefaultConfig())
			p, err := project(c.fields)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			const count = 8192
			first := int64(0)
			for b.Loop() {
				for _, column := range g.columns(memory.DefaultAllocator, p, run{first, 1, count}) {
					column.Release()
				}
				first += count
			}
			reportEvents(b, b.N*count)
		})
	}
}

// BenchmarkNew makes a generator with its tables.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newGenerator(b, DefaultConfig())
	}
}
