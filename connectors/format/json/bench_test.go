package json

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format/columns"
)

// nexmarkColumns are the columns of the Nexmark events, as in Flink's Kafka tables.
func nexmarkColumns() []catalog.Field {
	text := func(name string) catalog.Field { return catalog.Field{Name: name, Type: catalog.String} }
	long := func(name string) catalog.Field { return catalog.Field{Name: name, Type: catalog.BigInt} }
	at := func(name string) catalog.Field { return catalog.Field{Name: name, Type: catalog.Timestamp3} }
	return []catalog.Field{
		{Name: "event_type", Type: catalog.Int},
		{Name: "person", Type: catalog.RowOf(long("id"), text("name"), text("emailAddress"), text("creditCard"),
			text("city"), text("state"), at("dateTime"), text("extra"))},
		{Name: "auction", Type: catalog.RowOf(long("id"), text("itemName"), text("description"), long("initialBid"),
			long("reserve"), at("dateTime"), at("expires"), long("seller"), long("category"), text("extra"))},
		{Name: "bid", Type: catalog.RowOf(long("auction"), long("bidder"), long("price"), text("channel"), text("url"),
			at("dateTime"), text("extra"))},
	}
}

// bidColumns are event_type and four members of bid.
func bidColumns() []catalog.Field {
	all := nexmarkColumns()
	bid := all[3].Type.Fields
	return []catalog.Field{all[0], {Name: "bid", Type: catalog.RowOf(bid[0], bid[1], bid[2], bid[5])}}
}

// nexmarkEvents reads the first 6,000 events of the frozen Nexmark stream.
func nexmarkEvents(t testing.TB) []byte {
	f, err := os.Open("testdata/events.ndjson.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
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
			d := NewDecoder(schema, columns.NewPool(64<<20))
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
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
			b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	data := nexmarkEvents(b)
	bid := nexmarkColumns()[3]
	d := NewDecoder(compile(b, []catalog.Field{bid}, Options{}), columns.NewPool(64<<20))
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
	e := NewEncoder(bid.Type.Fields, TimestampSQL)
	if err := e.Bind(arrays); err != nil {
		b.Fatal(err)
	}
	out := e.AppendRows(nil, 0, batch.Rows)
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Bind(arrays); err != nil {
			b.Fatal(err)
		}
		out = e.AppendRows(out[:0], 0, batch.Rows)
	}
	b.ReportMetric(float64(batch.Rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}
