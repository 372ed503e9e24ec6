package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/streamsql/streamsql/connectors/format"
)

// record is a record as tests compare it; "-" stands for NULL.
type record struct {
	offset, time int64
	key, value   string
	headers      string
}

func text(b []byte) string {
	if b == nil {
		return "-"
	}
	return "'" + string(b) + "'"
}

// read reads all batches of data, which must be whole.
func read(t testing.TB, data []byte) []record {
	t.Helper()
	var out []record
	var d Decompressor
	defer d.Close()
	var scratch []byte
	for len(data) > 0 {
		h, err := ParseHeader(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify(data[:h.Size]); err != nil {
			t.Fatal(err)
		}
		var payload []byte
		if payload, scratch, err = d.Payload(&h, data[:h.Size], scratch); err != nil {
			t.Fatal(err)
		}
		var r Records
		if err := r.Append(&h, payload, 0, h.Count, Keys|Offsets|Timestamps|Headers); err != nil {
			t.Fatal(err)
		}
		for i := range r.Values {
			rec := record{offset: r.Offsets[i], time: r.Timestamps[i], key: text(r.Keys[i].Of(payload)), value: text(r.Values[i].Of(payload))}
			if err := EachHeader(payload, r.Headers[i], func(key, value []byte) {
				rec.headers += string(key) + "=" + text(value) + ";"
			}); err != nil {
				t.Fatal(err)
			}
			out = append(out, rec)
		}
		data = data[h.Size:]
	}
	return out
}

// made makes n random records and gives them encoded.
func made(t testing.TB, rng *rand.Rand, codec Codec, n int, p Producer) ([]byte, []record) {
	t.Helper()
	e := NewEncoder(codec)
	var want []record
	bytesOf := func() []byte {
		switch rng.IntN(5) {
		case 0:
			return nil
		case 1:
			return []byte{}
		}
		return []byte(strings.Repeat(fmt.Sprint(rng.IntN(1000)), rng.IntN(90)))
	}
	for i := range n {
		time := int64(1_700_000_000_000 + rng.IntN(100000) - 50000)
		key, value := bytesOf(), bytesOf()
		var headers []HeaderField
		r := record{offset: int64(i), time: time, key: text(key), value: text(value)}
		for range rng.IntN(3) {
			f := HeaderField{fmt.Sprint("h", rng.IntN(100)), bytesOf()}
			headers = append(headers, f)
			r.headers += f.Key + "=" + text(f.Value) + ";"
		}
		e.Append(time, key, value, headers)
		want = append(want, r)
	}
	if e.Count() != n {
		t.Fatalf("%d records of %d", e.Count(), n)
	}
	size := e.Size()
	sealed, err := e.Seal(new(Compressor), nil, p)
	if err != nil {
		t.Fatal(err)
	}
	sealed = bytes.Clone(sealed)
	out, err := e.Finish(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sealed, out) {
		t.Fatalf("%s: sealed and finished, a batch differs", codec)
	}
	if codec == None && len(out) != size {
		t.Fatalf("%d bytes, announced were %d", len(out), size)
	}
	return out, want
}

func equal(t testing.TB, got, want []record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("record %d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

// What the encoder writes the parser reads, in all codecs, and so does kafka-go.
func TestRoundTrip(t *testing.T) {
	for codec := None; codec <= Zstd; codec++ {
		t.Run(codec.String(), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(codec)))
			for _, n := range []int{1, 2, 100, 3000} {
				p := Producer{ID: 77, Epoch: 3, Sequence: 12, Transactional: n > 1}
				data, want := made(t, rng, codec, n, p)
				h, err := ParseHeader(data)
				if err != nil {
					t.Fatal(err)
				}
				if h.ProducerID != 77 || h.ProducerEpoch != 3 || h.BaseSequence != 12 || h.Transactional() != p.Transactional ||
					h.Codec() != codec || h.Count != n || h.Size != len(data) || !h.Dense() || h.Control() || h.LogAppendTime() {
					t.Fatalf("header %+v", h)
				}
				equal(t, read(t, data), want)
				equal(t, kafkaGoReads(t, data), want)
			}
		})
	}
}

// kafkaGoReads reads a batch with kafka-go.
func kafkaGoReads(t testing.TB, data []byte) []record {
	t.Helper()
	var set protocol.RecordSet
	sized := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	if _, err := set.ReadFrom(bytes.NewReader(append(sized, data...))); err != nil {
		t.Fatal(err)
	}
	var out []record
	for {
		r, err := set.Records.ReadRecord()
		if err != nil {
			return out
		}
		rec := record{offset: r.Offset, time: r.Time.UnixMilli(), key: "-", value: "-"}
		if r.Key != nil {
			b, _ := protocol.ReadAll(r.Key)
			rec.key = text(append([]byte{}, b...))
		}
		if r.Value != nil {
			b, _ := protocol.ReadAll(r.Value)
			rec.value = text(append([]byte{}, b...))
		}
		for _, f := range r.Headers {
			v := f.Value
			rec.headers += f.Key + "=" + text(v) + ";"
		}
		out = append(out, rec)
	}
}

// What kafka-go writes the parser reads.
func TestReadsKafkaGo(t *testing.T) {
	for codec := None; codec <= Zstd; codec++ {
		set := protocol.RecordSet{Version: 2, Attributes: protocol.Attributes(codec)}
		var records []protocol.Record
		var want []record
		for i := range 500 {
			v := strings.Repeat(fmt.Sprint("value ", i), i%40)
			records = append(records, protocol.Record{Offset: int64(i), Time: kafka.Message{}.Time.Add(0), Value: protocol.NewBytes([]byte(v)), Headers: []protocol.Header{{Key: "k", Value: []byte("v")}}})
			want = append(want, record{offset: int64(i), key: "-", value: "'" + v + "'", headers: "k='v';"})
		}
		set.Records = protocol.NewRecordReader(records...)
		var out bytes.Buffer
		if _, err := set.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		got := read(t, out.Bytes()[4:])
		for i := range got {
			got[i].time = 0
		}
		equal(t, got, want)
	}
}

// Snappy without framing, as clients in C write it.
func TestRawSnappy(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	plain, want := made(t, rng, None, 50, NoProducer)
	data := append(bytes.Clone(plain[:HeaderSize]), snappy.Encode(nil, plain[HeaderSize:])...)
	data[atAttributes+1] = byte(Snappy)
	reseal(data)
	equal(t, read(t, data), want)
}

// A few bytes that say they are a gigabyte are damage, and take no gigabyte.
func TestShortPayload(t *testing.T) {
	plain, _ := made(t, rand.New(rand.NewPCG(5, 6)), None, 1, NoProducer)
	for codec, payload := range map[Codec][]byte{
		Snappy: append(binary.AppendUvarint(nil, 1<<30), 0, 'x'),
		// RFC 8878: magic, a single segment with 4 bytes for its size, and a block of
		// one byte, the last one.
		Zstd: {0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40, 0x09, 0, 0, 'x'},
	} {
		data := append(bytes.Clone(plain[:HeaderSize]), payload...)
		data[atAttributes+1] = byte(codec)
		reseal(data)
		h, err := ParseHeader(data)
		if err != nil {
			t.Fatal(err)
		}
		var d Decompressor
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err = d.Payload(&h, data, nil)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "shorter than it says") {
			t.Errorf("%s: %v", codec, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", codec, n)
		}
		d.Close()
	}
}

// reseal sets a batch's length and CRC to what its bytes are.
func reseal(data []byte) {
	binary.BigEndian.PutUint32(data[atLength:], uint32(len(data)-lengthField))
	binary.BigEndian.PutUint32(data[atCRC:], crc32.Checksum(data[atAttributes:], castagnoli))
}

func TestRange(t *testing.T) {
	data, want := made(t, rand.New(rand.NewPCG(7, 7)), None, 100, NoProducer)
	h, err := ParseHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	payload := data[HeaderSize:]
	for from := 0; from < 100; from += 9 {
		for to := from; to <= 100; to += 13 {
			for _, fields := range []Fields{0, Keys, Offsets | Timestamps} {
				var r Records
				if err := r.Append(&h, payload, from, to, fields); err != nil {
					t.Fatal(err)
				}
				if len(r.Values) != to-from || fields&Keys != 0 && len(r.Keys) != to-from {
					t.Fatalf("%d to %d: %d values", from, to, len(r.Values))
				}
				for i := range r.Values {
					if text(r.Values[i].Of(payload)) != want[from+i].value || fields&Offsets != 0 && r.Offsets[i] != int64(from+i) {
						t.Fatalf("%d to %d: value %d differs", from, to, i)
					}
				}
			}
		}
	}
}

// A batch that is cut off anywhere is one that is cut off.
func TestCutOff(t *testing.T) {
	data, _ := made(t, rand.New(rand.NewPCG(9, 9)), Zstd, 20, NoProducer)
	for n := range data {
		if _, err := ParseHeader(data[:n]); !errors.Is(err, ErrCutOff) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	}
}

// Any flipped bit after the CRC is found.
func TestDamage(t *testing.T) {
	data, _ := made(t, rand.New(rand.NewPCG(9, 8)), None, 20, NoProducer)
	for i := atCRC; i < len(data); i++ {
		bad := bytes.Clone(data)
		bad[i] ^= 1 << (i % 8)
		if Verify(bad) == nil {
			t.Fatalf("byte %d", i)
		}
	}
}

func TestOldFormat(t *testing.T) {
	var set bytes.Buffer
	records := protocol.RecordSet{Version: 1, Records: protocol.NewRecordReader(protocol.Record{Value: protocol.NewBytes([]byte("x"))})}
	if _, err := records.WriteTo(&set); err != nil {
		t.Fatal(err)
	}
	var old *OldFormatError
	if _, err := ParseHeader(set.Bytes()[4:]); !errors.As(err, &old) || old.Magic != 1 || !strings.Contains(err.Error(), "before version 0.11") {
		t.Fatal(err)
	}
}

// marker makes a control batch.
func marker(offset, producer int64, commit bool) []byte {
	e := NewEncoder(None)
	key := []byte{0, 0, 0, 0}
	if commit {
		key[3] = 1
	}
	e.Append(0, key, []byte{0, 0, 0, 0, 0, 0}, nil)
	data, _ := e.Finish(nil, Producer{ID: producer, Transactional: true})
	data[atAttributes+1] |= flagControl
	binary.BigEndian.PutUint64(data, uint64(offset))
	reseal(data)
	return data
}

func written(offset, producer int64, transactional bool, n int) []byte {
	e := NewEncoder(None)
	for range n {
		e.Append(0, nil, []byte("x"), nil)
	}
	data, _ := e.Finish(nil, Producer{ID: producer, Transactional: transactional})
	binary.BigEndian.PutUint64(data, uint64(offset))
	return data
}

// Transactions of several producers, interleaved with each other and with plain
// batches. The expectation is the definition: a batch is out if it is of a
// transaction that ends with an abort marker.
func TestFilter(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for round := range 500 {
		var log [][]byte
		var offsets []int64
		type open struct {
			first   int64
			batches []int
		}
		var aborted []Aborted
		gone := map[int]bool{}
		running := map[int64]*open{}
		next := int64(rng.IntN(3))
		add := func(b []byte, n int) {
			log, offsets = append(log, b), append(offsets, next)
			next += int64(n)
		}
		for range rng.IntN(40) {
			p := int64(rng.IntN(4))
			n := 1 + rng.IntN(3)
			switch {
			case rng.IntN(4) == 0: // the same producer also writes without a transaction
				add(written(next, 10+p, false, n), n)
			case running[p] != nil && rng.IntN(3) == 0:
				commit := rng.IntN(2) == 0
				if !commit {
					aborted = append(aborted, Aborted{p, running[p].first})
					for _, b := range running[p].batches {
						gone[b] = true
					}
				}
				delete(running, p)
				gone[len(log)] = true
				add(marker(next, p, commit), 1)
			default:
				if running[p] == nil {
					running[p] = &open{first: next}
				}
				running[p].batches = append(running[p].batches, len(log))
				add(written(next, p, true, n), n)
			}
		}
		// A fetch from anywhere gets the aborted transactions with records from there on.
		from := 0
		if len(log) > 0 {
			from = rng.IntN(len(log))
		}
		f := NewFilter(aborted)
		if from > 0 && len(aborted) > 0 {
			var list []Aborted
			for _, a := range aborted {
				// Its marker must lie at or after the start.
				for i := from; i < len(log); i++ {
					h, _ := ParseHeader(log[i])
					if h.Control() && h.ProducerID == a.ProducerID && h.BaseOffset > a.FirstOffset && gone[i] {
						list = append(list, a)
						break
					}
				}
			}
			// Keep those whose end is the next marker of the producer only.
			list = endingAfter(list, log, offsets[from])
			f = NewFilter(list)
		}
		for i := from; i < len(log); i++ {
			h, err := ParseHeader(log[i])
			if err != nil {
				t.Fatal(err)
			}
			skip, err := f.Skip(&h, log[i])
			if err != nil || skip != gone[i] {
				t.Fatalf("round %d, batch %d at %d: skipped %v, want %v (%v)", round, i, h.BaseOffset, skip, gone[i], err)
			}
		}
	}
}

// endingAfter keeps the transactions whose marker is at or after from.
func endingAfter(list []Aborted, log [][]byte, from int64) []Aborted {
	var out []Aborted
	for _, a := range list {
		for _, b := range log {
			h, _ := ParseHeader(b)
			if h.Control() && h.ProducerID == a.ProducerID && h.BaseOffset > a.FirstOffset {
				if h.BaseOffset >= from {
					out = append(out, a)
				}
				break
			}
		}
	}
	return out
}

func FuzzRead(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	for codec := None; codec <= Zstd; codec++ {
		for _, n := range []int{1, 30} {
			data, _ := made(f, rng, codec, n, NoProducer)
			f.Add(data)
		}
	}
	f.Add(marker(5, 1, false))
	d := Decompressor{Limit: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHeader(data)
		if err != nil {
			return
		}
		_ = Verify(data[:h.Size])
		filter := NewFilter([]Aborted{{h.ProducerID, h.BaseOffset}})
		if _, err := filter.Skip(&h, data[:h.Size]); err != nil {
			return
		}
		payload, _, err := d.Payload(&h, data[:h.Size], nil)
		if err != nil {
			return
		}
		var r Records
		if err := r.Append(&h, payload, 0, h.Count, Keys|Offsets|Timestamps|Headers); err != nil {
			if len(r.Values)+len(r.Keys)+len(r.Offsets)+len(r.Timestamps)+len(r.Headers) != 0 {
				t.Fatal("an error leaves records")
			}
			return
		}
		if len(r.Values) != h.Count {
			t.Fatalf("%d values of %d", len(r.Values), h.Count)
		}
		last := h.BaseOffset - 1
		for i := range r.Values {
			if r.Offsets[i] <= last || r.Offsets[i] > h.LastOffset() {
				t.Fatalf("offset %d after %d", r.Offsets[i], last)
			}
			last = r.Offsets[i]
			for _, s := range []format.Span{r.Values[i], r.Keys[i], r.Headers[i]} {
				_ = s.Of(payload)
			}
			_ = EachHeader(payload, r.Headers[i], func(key, value []byte) {})
		}
	})
}

func BenchmarkRead(b *testing.B) {
	e := NewEncoder(None)
	for i := range 4000 {
		e.Append(int64(i), nil, bytes.Repeat([]byte("x"), 270), nil)
	}
	data, err := e.Finish(nil, NoProducer)
	if err != nil {
		b.Fatal(err)
	}
	var r Records
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		h, err := ParseHeader(data)
		if err != nil {
			b.Fatal(err)
		}
		if err := Verify(data); err != nil {
			b.Fatal(err)
		}
		r.Reset()
		if err := r.Append(&h, data[HeaderSize:], 0, h.Count, Timestamps); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*4000/b.Elapsed().Seconds()/1e6, "Mrecords/s")
}

func BenchmarkEncode(b *testing.B) {
	e := NewEncoder(None)
	value := bytes.Repeat([]byte("x"), 270)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		for i := range 4000 {
			e.Append(int64(i), nil, value, nil)
		}
		var err error
		if out, err = e.Finish(out[:0], NoProducer); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*4000/b.Elapsed().Seconds()/1e6, "Mrecords/s")
}
