//go:build unix

package kafka

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/internal/testservice"
)

// Metadata columns, the raw value among them, columns from the key, and a tombstone, which is no row.
func TestColumns(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "columns", 1)
	produce(t, k, "columns", 0, batch.Zstd, `{"id":1,"text":"key 1"}=>{"id":10,"text":"one"}`, `{"id":2}=>NULL`, `{"id":"x"}=>{"id":30,"text":"three"}`, `{"text":"no key"}`)
	produce(t, k, "columns", 0, batch.None, `{"id":5}=>{"text":"five"}`)
	cols := columnsOf(metaKey, metaTopic, metaPartition, metaOffset, metaTime, metaTimeType, metaHeaders, metaEpoch, metaValue)
	s := open(t, config(t, cols, k.Addr, "topic", "columns"))
	defer s.Close()
	rows, _, err := read(t, s, "columns/00000", nil, cols, 4)
	if err != nil {
		t.Fatal(err)
	}
	// Keys are BYTES, which are shown in base64; of the two headers h the last, NULL, stays.
	around := func(offset, ms int, value string) string {
		return fmt.Sprintf(`columns|0|%d|2023-11-14 22:13:20.%03dZ|CreateTime|{"h":null}|0|%s`, offset, ms, base64.StdEncoding.EncodeToString([]byte(value)))
	}
	want := []string{
		`10|one|eyJpZCI6MSwidGV4dCI6ImtleSAxIn0=|` + around(0, 0, `{"id":10,"text":"one"}`),
		`30|three|eyJpZCI6IngifQ==|` + around(2, 2, `{"id":30,"text":"three"}`),
		`NULL|no key|NULL|` + around(3, 3, `{"text":"no key"}`),
		`NULL|five|eyJpZCI6NX0=|` + around(4, 0, `{"text":"five"}`),
	}
	for i := range rows {
		rows[i], _, _ = strings.Cut(rows[i], " @")
	}
	if !slices.Equal(rows, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}

	keyed := []connectors.ScanColumn{{Name: "k_id", Type: catalog.BigInt}, {Name: "text", Type: catalog.String}}
	e := open(t, config(t, keyed, k.Addr, "topic", "columns", "key.format", "json", optKeyFields, "k_id", optKeyPrefix, "k_", optValueFields, "EXCEPT_KEY"))
	defer e.Close()
	if rows, _, err = read(t, e, "columns/00000", nil, keyed, 4); err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		rows[i] = rows[i][:strings.Index(rows[i], " @")] + rows[i][strings.LastIndex(rows[i], "000")+3:]
	}
	if want := []string{"1|one", "NULL|three !WRONG_TYPE 0", "NULL|no key", "5|five"}; !slices.Equal(rows, want) {
		t.Errorf("got %q, want %q", rows, want)
	}
}

// Formats that go by position have the columns of the key in the order of 'key.fields',
// whatever that of the table is, as Flink has it; those of the value keep the table's.
func TestKeyOrder(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "order", 1)
	produce(t, k, "order", 0, batch.None, `2,1=>3,4`)
	cols := []connectors.ScanColumn{{Name: "c", Type: catalog.Int}, {Name: "a", Type: catalog.Int}, {Name: "d", Type: catalog.Int}, {Name: "b", Type: catalog.Int}}
	s := open(t, config(t, cols, k.Addr, "topic", "order", "format", "csv", "key.format", "csv", optKeyFields, "b;a", optValueFields, "EXCEPT_KEY"))
	defer s.Close()
	rows, _, err := read(t, s, "order/00000", nil, cols, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := strings.Cut(rows[0], " @"); got != "3|1|4|2" {
		t.Errorf("c, a, d, b are %s", got)
	}
}

// Offsets of a batch that compaction has left gaps in are those of its records,
// wherever it is cut.
func TestGaps(t *testing.T) {
	// A batch of offsets 100 to 109 of which 100, 103, 104 and 108 are left.
	e := batch.NewEncoder(batch.None)
	for range 109 - 100 {
		e.Append(1, nil, []byte(`x`), nil)
	}
	var records []byte
	left := []int64{0, 3, 4, 8}
	for _, delta := range left {
		value := fmt.Sprint(100 + delta)
		body := []byte{0, 0, byte(delta << 1), 1, byte(len(value) << 1)}
		body = append(append(body, value...), 0)
		records = append(append(records, byte(len(body)<<1)), body...)
	}
	data, err := e.Finish(nil, batch.NoProducer)
	if err != nil {
		t.Fatal(err)
	}
	data = append(data[:batch.HeaderSize:batch.HeaderSize], records...)
	binary.BigEndian.PutUint64(data, 100)
	binary.BigEndian.PutUint32(data[8:], uint32(len(data)-12))
	binary.BigEndian.PutUint32(data[23:], 9)
	binary.BigEndian.PutUint32(data[57:], uint32(len(left)))
	binary.BigEndian.PutUint32(data[17:], crc32.Checksum(data[21:], crc32.MakeTable(crc32.Castagnoli)))
	h, err := batch.ParseHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := batch.Verify(data); err != nil {
		t.Fatal(err)
	}
	for from := int64(95); from <= 111; from++ {
		for limit := from; limit <= 112; limit++ {
			for most := 1; most <= 5; most++ {
				s := &source{bounded: true, buffers: bufferPool{}}
				buf := &buffer{}
				buf.refs.Store(1)
				p := &partition{src: s, halt: -1, at: place{next: from, stop: limit},
					head: &piece{buf: buf, batches: []fetched{{Header: h, data: data}}, end: 110}}
				var got []int64
				for p.head != nil {
					c, err := p.cut(connectors.Limits{Records: most, Bytes: 1 << 20})
					if err != nil {
						t.Fatal(err)
					}
					if c == nil {
						break
					}
					n := 0
					for i := range c.records {
						got = append(got, c.record(i).offset)
						n++
					}
					if n > most || c.end.next <= got[len(got)-1] {
						t.Fatalf("%d records up to %d, the end is %d", n, got[len(got)-1], c.end.next)
					}
					c.Release()
				}
				var want []int64
				for _, d := range left {
					if o := 100 + d; o >= from && o < limit {
						want = append(want, o)
					}
				}
				if !slices.Equal(got, want) {
					t.Fatalf("from %d to %d, %d at a time: %v, want %v", from, limit, most, got, want)
				}
			}
		}
	}
}
