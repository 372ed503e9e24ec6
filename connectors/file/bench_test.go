package file_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/internal/bufpool"
	"github.com/streamsql/streamsql/internal/clock"
)

// benchFile makes a file of 64 MB with lines of 270 bytes, as Nexmark's bids.
func benchFile(b *testing.B, name string) (dir string, records int) {
	b.Helper()
	dir = b.TempDir()
	var data []byte
	for len(data) < 64<<20 {
		data = fmt.Appendf(data, `{"event_type":2,"person":null,"auction":null,"bid":{"auction":%d,"bidder":%d,"price":%d,"channel":"channel-%d","url":"https://www.nexmark.com/%d/item.htm?query=1&channel_id=%d","dateTime":"2015-07-15 00:00:%02d.%03d","extra":"^\\_XW_S\\PKSbJ]IHZ^TUTORW"}}`+"\n",
			records%1000, records%777, records, records%5000, records, records%5000, records/1000%60, records%1000)
		records++
	}
	if err := os.WriteFile(filepath.Join(dir, name), compressed(name, data), 0o644); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	return dir, records
}

// BenchmarkSource reads the file whole: the sequential part (cut), and with the
// decoding of four columns of bid on the same core.
func BenchmarkSource(b *testing.B) {
	bid := catalog.RowOf(catalog.Field{Name: "auction", Type: catalog.BigInt}, catalog.Field{Name: "bidder", Type: catalog.BigInt},
		catalog.Field{Name: "price", Type: catalog.BigInt}, catalog.Field{Name: "dateTime", Type: catalog.Timestamp3})
	cols := []connectors.ScanColumn{{Name: "event_type", Type: catalog.Int}, {Name: "bid", Type: bid}}
	for _, name := range []string{"x.ndjson", "x.ndjson.gz", "x.ndjson.zst"} {
		for _, decode := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/decode=%v", name, decode), func(b *testing.B) {
				dir, records := benchFile(b, name)
				b.ReportAllocs()
				pool := bufpool.New(64 << 20)
				for b.Loop() {
					s := openSource(b, connectors.Env{Dir: dir}, cols, with(name))
					splits, err := s.Splits(ctx)
					if err != nil {
						b.Fatal(err)
					}
					r, err := s.Open(ctx, splits[0], nil)
					if err != nil {
						b.Fatal(err)
					}
					n := 0
					for {
						c, err := r.Fetch(ctx, connectors.Limits{Records: 1 << 16, Bytes: 1 << 20})
						if err == io.EOF {
							break
						}
						if err != nil {
							b.Fatal(err)
						}
						n += c.Records()
						if decode {
							recs, err := c.Decode(memory.Allocator(pool))
							if err != nil || len(recs.Errors) > 0 {
								b.Fatal(err, recs.Errors)
							}
							for _, a := range recs.Cols {
								a.Release()
							}
						}
						c.Release()
					}
					r.Close()
					if n != records {
						b.Fatalf("%d records, want %d", n, records)
					}
				}
				b.ReportMetric(float64(b.N)*float64(records)/b.Elapsed().Seconds()/1e6, "Mrec/s")
			})
		}
	}
}

// BenchmarkSink writes batches of 8192 rows, a commit after 64 of them.
func BenchmarkSink(b *testing.B) {
	for _, format := range []string{"json", "csv"} {
		b.Run(format, func(b *testing.B) {
			s := openSink(b, connectors.Env{Dir: b.TempDir()}, with("out", "format", format))
			batch := connectortest.SinkBatch(1_000_000, 1_008_192)
			b.ReportAllocs()
			rows, e := 0, uint64(0)
			for b.Loop() {
				e++
				for range 64 {
					if err := s.Write(ctx, e, 0, batch); err != nil {
						b.Fatal(err)
					}
					rows += batch.N
				}
				intent, err := s.Prepare(ctx, e)
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Commit(ctx, e, intent); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds()/1e6, "Mrows/s")
			if err := s.Close(ctx, true); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func openSink(b *testing.B, env connectors.Env, options map[string]string) connectors.Sink {
	b.Helper()
	env.Clock = clock.System{}
	s, err := newFileSink(b, env, options)
	if err == nil {
		err = s.Open(ctx, connectors.SinkIdentity{JobID: "job", Sink: "out"})
	}
	if err != nil {
		b.Fatal(err)
	}
	return s
}
