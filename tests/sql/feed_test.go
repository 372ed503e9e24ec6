package sql

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// record is one record of a source.
type record struct {
	text string
	at   time.Time // transport timestamp; zero: none
	kind catalog.RowKind
}

// kindNames are the kinds that a record of a changelog may begin with.
var kindNames = map[string]catalog.RowKind{"+I": catalog.Insert, "-U": catalog.UpdateBefore, "+U": catalog.UpdateAfter, "-D": catalog.Delete}

// parseRecord takes the "@TIMESTAMP " and the kind off a record.
func parseRecord(line string) record {
	if len(line) > 3 && line[2] == ' ' {
		if kind, ok := kindNames[line[:2]]; ok {
			r := parseRecord(line[3:])
			r.kind = kind
			return r
		}
	}
	if len(line) > 21 && line[0] == '@' && line[20] == ' ' {
		if t, err := time.Parse(time.DateTime, line[1:20]); err == nil {
			return record{text: line[21:], at: t}
		}
	}
	return record{text: line}
}

// feed is what the 'rows' connector reads: the records of each source, by split.
// It may be added to while a job reads it.
type feed struct {
	mu      sync.Mutex
	sources map[string]*feedSource
}

type feedSource struct {
	splits  [][]record
	ended   []bool // by split: no record will be added
	static  bool   // a table: it is there whole
	broken  bool   // it can't be opened
	readers []*rowsReader
}

func newFeed() *feed { return &feed{sources: map[string]*feedSource{}} }

// set gives a source its splits; ended says that they are whole.
func (f *feed) set(name string, splits [][]record, ended bool) {
	s := &feedSource{splits: splits, ended: make([]bool, len(splits))}
	for i := range s.ended {
		s.ended[i] = ended
	}
	f.sources[name] = s
}

// replace gives a static table other records, separated by semicolons.
func (f *feed) replace(name, text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sources[name]
	if s == nil || !s.static {
		return fmt.Errorf("no static table %s", name)
	}
	s.broken, s.splits = false, make([][]record, len(s.splits))
	for _, r := range strings.Split(text, ";") {
		if r = strings.TrimSpace(r); r != "" {
			s.splits[0] = append(s.splits[0], parseRecord(r))
		}
	}
	return nil
}

// count is the number of records of all sources but static tables.
func (f *feed) count() (n int) {
	for _, s := range f.sources {
		for _, sp := range s.splits {
			if s.static {
				continue
			}
			n += len(sp)
		}
	}
	return n
}

// add appends a record to a split.
func (f *feed) add(name string, split int, r record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sources[name]
	if s == nil || split >= len(s.splits) || s.ended[split] {
		return fmt.Errorf("no open split %d of a source %s", split, name)
	}
	s.splits[split] = append(s.splits[split], r)
	s.wake()
	return nil
}

// end ends all splits of a source.
func (f *feed) end(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sources[name]
	if s == nil {
		return fmt.Errorf("no source %s", name)
	}
	for i := range s.ended {
		s.ended[i] = true
	}
	s.wake()
	return nil
}

func (s *feedSource) wake() {
	for _, r := range s.readers {
		select {
		case r.ready <- struct{}{}:
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
				{Name: "name", Type: catalog.OptionString, Required: true, Source: true, Doc: "name of the source block"},
				{Name: "changelog", Type: catalog.OptionEnum, Values: []string{"false", "true", "upsert"}, Default: "false", Source: true, Doc: "records have kinds"},
				{Name: "live", Type: catalog.OptionBool, Default: "false", Source: true, Doc: "unbounded"},
			},
			Source: &catalog.SourceSpec{
				Bounded: func(o catalog.Options) bool { return o["live"] != "true" },
				Changelog: func(o catalog.Options) bool {
					return o["changelog"] == "true" || formats.Changelog(o[catalog.FormatOption])
				},
				Upserts:    func(o catalog.Options) bool { return o["changelog"] == "upsert" },
				Lookup:     func(catalog.Options) bool { return true },
				Formats:    formats.Readable(),
				Timestamps: true,
				Metadata: []catalog.MetadataColumn{
					{Name: "split", Type: catalog.Int, Doc: "number of the split"},
					{Name: "offset", Type: catalog.BigInt, Doc: "number of the record in its split"},
				},
			},
		},
		OpenLookup: func(cfg connectors.LookupConfig, _ connectors.Env) (connectors.Lookup, error) {
			return f.lookup(formats, cfg)
		},
		OpenSource: func(cfg connectors.SourceConfig, _ connectors.Env) (connectors.Source, error) {
			d, err := formats.NewDecoding(cfg, 0)
			if err != nil {
				return nil, err
			}
			name := cfg.Options["name"]
			if f.sources[name] == nil {
				return nil, fmt.Errorf("no source block %q", name)
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
		out = append(out, connectors.Split{ID: strconv.Itoa(i), Bounded: s.cfg.Options["live"] != "true"})
	}
	return out, nil
}

// Open implements connectors.Source. An offset is a number of records.
func (s *rowsSource) Open(_ context.Context, sp connectors.Split, from connectors.Offset) (connectors.SplitReader, error) {
	r, err := s.reader(sp, from)
	if err != nil {
		return nil, err
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if s.s.broken {
		return nil, fmt.Errorf("source block %s is broken", s.name)
	}
	s.s.readers = append(s.s.readers, r)
	return r, nil
}

// reader reads a split from an offset on.
func (s *rowsSource) reader(sp connectors.Split, from connectors.Offset) (*rowsReader, error) {
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
	if r.next >= len(all) {
		if r.src.s.ended[r.split] {
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
func (r *rowsReader) Close() error {
	r.src.f.mu.Lock()
	defer r.src.f.mu.Unlock()
	r.src.s.readers = nil
	return nil
}

type rowsChunk struct {
	r       *rowsReader
	from    int
	records []record
}

// Records implements connectors.Chunk.
func (c *rowsChunk) Records() int { return len(c.records) }

// Bytes implements connectors.Chunk.
func (c *rowsChunk) Bytes() int { return len(c.run()) }

// End implements connectors.Chunk.
func (c *rowsChunk) End() connectors.Offset { return fmt.Appendf(nil, "%d", c.from+len(c.records)) }

// Release implements connectors.Chunk.
func (c *rowsChunk) Release() {}

func (c *rowsChunk) run() []byte {
	var b strings.Builder
	for _, r := range c.records {
		b.WriteString(r.text + "\n")
	}
	return []byte(b.String())
}

// Decode implements connectors.Chunk.
func (c *rowsChunk) Decode(alloc memory.Allocator) (*connectors.Records, error) {
	recs, err := c.r.stream.NewDecoder(alloc).Decode(c.run(), len(c.records))
	if err != nil {
		return nil, err
	}
	c.addMetadata(recs, alloc)
	recs.Raw = func(i int) []byte { return bytes.Clone([]byte(c.records[i].text)) }
	recs.Position = func(i int) string {
		return fmt.Sprintf("%s/%d:%d", c.r.src.name, c.r.split, c.from+i+1)
	}
	if c.r.src.cfg.Options["changelog"] != "false" && recs.Of == nil && recs.Kinds == nil { // else the format has them
		for _, r := range c.records {
			recs.Kinds = append(recs.Kinds, r.kind)
		}
	}
	if !c.records[0].at.IsZero() {
		for _, r := range c.records {
			recs.Timestamps = append(recs.Timestamps, r.at.UnixMicro())
		}
	}
	return recs, nil
}

// addMetadata puts the metadata columns between the decoded ones.
func (c *rowsChunk) addMetadata(recs *connectors.Records, alloc memory.Allocator) {
	columns := c.r.src.cfg.Columns
	format.Place(recs, format.Decoded(columns), len(columns))
	for k, col := range columns {
		switch col.Metadata {
		case "split":
			b := array.NewInt32Builder(alloc)
			for range recs.N {
				b.Append(int32(c.r.split))
			}
			recs.Cols[k] = b.NewArray()
		case "offset":
			b := array.NewInt64Builder(alloc)
			for i := range recs.N {
				b.Append(int64(c.from + recs.Record(i)))
			}
			recs.Cols[k] = b.NewArray()
		}
	}
}
