package json

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
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

// TestNexmark compares each field of the frozen events with encoding/json, all
// columns and pruned ones, in batches of several sizes.
func TestNexmark(t *testing.T) {
	data := nexmarkEvents(t)
	lines := bytes.Split(bytes.TrimSuffix(data, []byte{'\n'}), []byte{'\n'})
	for _, fields := range [][]catalog.Field{nexmarkColumns(), bidColumns(), nexmarkColumns()[1:2]} {
		d := NewDecoder(compile(t, fields, Options{ValidateAll: true}), memory.DefaultAllocator)
		line, rest := 0, data
		for _, rows := range []int{1, 2, 7, 1000, len(lines)} {
			n := d.DecodeLines(rest, rows)
			b := d.Finish()
			if len(b.Errors) > 0 {
				t.Fatalf("line %d: %v", line, b.Errors)
			}
			for i := range b.Rows {
				want, ok := referenceRow(fields, lines[line], Options{})
				if got := rowOf(b, i); !ok || !same(got, want) {
					t.Fatalf("line %d:\n got %#v\nwant %#v", line+1, got, want)
				}
				if !bytes.Equal(b.Record(rest, i), lines[line]) {
					t.Fatalf("line %d begins elsewhere", line+1)
				}
				line++
			}
			rest = rest[n:]
			b.Release()
		}
		if line != len(lines) {
			t.Fatalf("%d of %d lines", line, len(lines))
		}
	}
}
