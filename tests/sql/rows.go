package sql

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// feed is what the 'rows' connector reads: the records of each source, by split.
// A live feed is added to while a job reads it.
type feed struct {
	mu      sync.Mutex
	sources map[string]*feedSource
}

type feedSource struct {
	splits [][]string
	ended  bool // no record will be added
	live   bool
	ready  []chan struct{}
}

func newFeed() *feed { return &feed{sources: map[string]*feedSource{}} }

// set gives a bounded source its records.
func (f *feed) set(name string, splits [][]string) {
	f.sources[name] = &feedSource{splits: splits, ended: true}
}

// open makes an unbounded source with n splits.
func (f *feed) open(name string, n int) {
	f.sources[name] = &feedSource{splits: make([][]string, n), live: true}
}

// add appends a record to a live source.
func (f *feed) add(name string, split int, record string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sources[name]
	if s == nil || split >= len(s.splits) {
		return fmt.Errorf("no split %d of a source %s", split, name)
	}
	s.splits[split] = append(s.splits[split], record)
	s.wake()
	return nil
}

func (s *feedSource) wake() {
	for _, c := range s.ready {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// connector is the 'rows' connector over the feed, reading records of any format.
func (f *feed) connector(formats format.Set) connectors.Connector {
	return connectors.Connector{
		Spec: &catalog.ConnectorSpec{
			Name: "rows", Doc: "The rows of a golden test.",
			Options: []catalog.OptionSpec{
				{Name: "name", Type: catalog.OptionString, Required: true, Source: true, Doc: "name of the rows block"},
				{Name: "live", Type: catalog.OptionBool, Default: "false", Source: true, Doc: "unbounded"},
			},
			Source: &catalog.SourceSpec{
				Bounded:  func(o catalog.Options) bool { return o["live"] != "true" },
				Formats:  formats.Readable(),
				Metadata: []catalog.MetadataColumn{{Name: "split", Type: catalog.Int, Doc: "number of the split"}},
			},
		},
		OpenSource: func(cfg connectors.SourceConfig, _ connectors.Env) (connectors.Source, error) {
			d, err := formats.NewDecoding(cfg, 0)
			if err != nil {
				return nil, err
			}
			name := cfg.Options["name"]
			if f.sources[name] == nil {
				return nil, fmt.Errorf("no rows block %q", name)
			}
			return &rowsSource{f: f, name: name, s: f.sources[name], cfg: cfg, decoding: d}, nil
		},
	}
}

type rowsSource struct {
	f        *feed
	name     string
	s        *feedSource
	cfg      connectors.SourceConfig
	decoding format.Decoding
}

// Splits implements connectors.Source.
func (s *rowsSource) Splits(context.Context) ([]connectors.Split, error) {
	var out []connectors.Split
	for i := range s.s.splits {
		out = append(out, connectors.Split{ID: strconv.Itoa(i), Bounded: !s.s.live})
	}
	return out, nil
}

// Open implements connectors.Source. An offset is a number of records.
func (s *rowsSource) Open(_ context.Context, sp connectors.Split, from connectors.Offset) (connectors.SplitReader, error) {
	n, err := strconv.Atoi(sp.ID)
	if err != nil {
		return nil, err
	}
	r := &rowsReader{src: s, split: n, ready: make(chan struct{}, 1)}
	if from != nil {
		if r.next, err = strconv.Atoi(string(from)); err != nil {
			return nil, err
		}
	}
	if r.stream, _, err = s.decoding.Stream(nil); err != nil {
		return nil, err
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.s.ready = append(s.s.ready, r.ready)
	return r, nil
}

// Close implements connectors.Source.
func (s *rowsSource) Close() error { return nil }

type rowsReader struct {
	src    *rowsSource
	split  int
	next   int
	stream format.Stream
	ready  chan struct{}
}

// Fetch implements connectors.SplitReader.
func (r *rowsReader) Fetch(_ context.Context, max connectors.Limits) (connectors.Chunk, error) {
	r.src.f.mu.Lock()
	defer r.src.f.mu.Unlock()
	all := r.src.s.splits[r.split]
	if r.next == len(all) {
		if r.src.s.ended {
			return nil, io.EOF
		}
		return nil, nil
	}
	to := min(len(all), r.next+max.Records)
	c := &rowsChunk{r: r, from: r.next, records: all[r.next:to:to]}
	r.next = to
	return c, nil
}

// Ready implements connectors.SplitReader.
func (r *rowsReader) Ready() <-chan struct{} { return r.ready }

// Close implements connectors.SplitReader.
func (r *rowsReader) Close() error { return nil }

type rowsChunk struct {
	r       *rowsReader
	from    int
	records []string
}

// Records implements connectors.Chunk.
func (c *rowsChunk) Records() int { return len(c.records) }

// Bytes implements connectors.Chunk.
func (c *rowsChunk) Bytes() int { return len(strings.Join(c.records, "\n")) }

// End implements connectors.Chunk.
func (c *rowsChunk) End() connectors.Offset { return fmt.Appendf(nil, "%d", c.from+len(c.records)) }

// Release implements connectors.Chunk.
func (c *rowsChunk) Release() {}

// Decode implements connectors.Chunk.
func (c *rowsChunk) Decode(alloc memory.Allocator) (*connectors.Records, error) {
	run := []byte(strings.Join(c.records, "\n") + "\n")
	recs, err := c.r.stream.NewDecoder(alloc).Decode(run, len(c.records))
	if err != nil {
		return nil, err
	}
	recs.Raw = func(row int) []byte { return bytes.Clone([]byte(c.records[row])) }
	recs.Position = func(row int) string {
		return fmt.Sprintf("%s/%d:%d", c.r.src.name, c.r.split, c.from+row+1)
	}
	return recs, nil
}
