package nexmark

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// run is a sequence of events: first, first+stride, first+2*stride, ...
type run struct {
	first, stride int64
	count         int
}

// columns makes the columns of p for a run of events, straight into Arrow
// buffers. The caller releases the arrays.
//
// A row that is NULL has NULL members too: they share its validity bitmap.
func (g *Generator) columns(alloc memory.Allocator, p *projection, r run) []arrow.Array {
	var b rowBuffers
	for _, c := range p.columns {
		if c.event == noEvent {
			b.eventType = newBuffer(alloc, r.count*arrow.Int32SizeBytes)
			b.types = arrow.Int32Traits.CastFromBytes(b.eventType.Bytes())
		} else {
			b.rows[c.event] = g.newRowBuffer(alloc, c, r.count)
		}
	}
	g.fill(&b, r)

	arrays := make([]arrow.Array, len(p.columns))
	for i, c := range p.columns {
		if c.event == noEvent {
			data := array.NewData(c.field.Type.Arrow(), r.count, []*memory.Buffer{nil, b.eventType}, nil, 0, 0)
			b.eventType.Release()
			arrays[i] = array.MakeFromData(data)
			data.Release()
		} else {
			arrays[i] = b.rows[c.event].finish()
		}
	}
	return arrays
}

// rowBuffers are the columns in the making; what is not asked for is nil.
type rowBuffers struct {
	eventType *memory.Buffer
	types     []int32
	rows      [3]*rowBuffer
}

// fill makes the events of r. All tests of what is asked for go the same way for
// every event, so they cost next to nothing.
func (g *Generator) fill(b *rowBuffers, r run) {
	var person person
	var auction auction
	for i, n := 0, r.first; i < r.count; i, n = i+1, n+r.stride {
		p := g.place(n)
		event := g.typeAt(p)
		if b.types != nil {
			b.types[i] = int32(event)
		}
		row := b.rows[event]
		if row == nil {
			continue
		}
		row.set(i)
		switch event {
		case PersonEvent:
			g.person(p, &person)
			g.putPerson(row, i, &person)
		case AuctionEvent:
			g.auction(p, &auction)
			g.putAuction(row, i, &auction)
		default:
			g.putBid(row, i, p)
		}
	}
}

func (g *Generator) putPerson(row *rowBuffer, i int, e *person) {
	row.int(i, personID, e.id)
	if t := row.texts[personName]; t != nil {
		t.start(i)
		t.append(e.given)
		t.append(" ")
		t.append(e.family)
	}
	row.text(i, personEmail, e.email)
	row.text(i, personCard, e.card)
	if t := row.texts[personCity]; t != nil {
		t.start(i)
		t.append(e.city)
	}
	if t := row.texts[personState]; t != nil {
		t.start(i)
		t.append(e.state)
	}
	row.int(i, personTime, e.time*1000)
	row.text(i, personExtra, g.padding.text(e.extra))
}

func (g *Generator) putAuction(row *rowBuffer, i int, e *auction) {
	row.int(i, auctionID, e.id)
	row.text(i, auctionItem, e.item)
	row.text(i, auctionDescription, e.description)
	row.int(i, auctionInitialBid, e.initialBid)
	row.int(i, auctionReserve, e.reserve)
	row.int(i, auctionTime, e.time*1000)
	row.int(i, auctionExpires, e.expires*1000)
	row.int(i, auctionSeller, e.seller)
	row.int(i, auctionCategory, e.category)
	row.text(i, auctionExtra, g.padding.text(e.extra))
}

// putBid makes only the fields that are asked for: bids are most of the events,
// and each of their fields has draws of its own.
func (g *Generator) putBid(row *rowBuffer, i int, p place) {
	s := g.stream(p)
	if v := row.ints[bidAuction]; v != nil {
		v[i] = g.bidAuction(p, s)
	}
	if v := row.ints[bidBidder]; v != nil {
		v[i] = g.bidBidder(p, s)
	}
	if v := row.ints[bidPrice]; v != nil {
		v[i] = g.bidPrice(s)
	}
	if row.texts[bidChannel] != nil || row.texts[bidURL] != nil {
		channel := g.bidChannel(s)
		row.text(i, bidChannel, g.channels.name(channel))
		row.text(i, bidURL, g.channels.url(channel))
	}
	if v := row.ints[bidTime]; v != nil {
		v[i] = g.timestamp(p.id) * 1000
	}
	if row.texts[bidExtra] != nil {
		row.text(i, bidExtra, g.padding.text(g.bidExtra(s)))
	}
}

// rowBuffer is a ROW column in the making.
type rowBuffer struct {
	column   projectedColumn
	count    int
	valid    int // rows that are not NULL
	validity *memory.Buffer
	bits     []byte

	buffers [maxMembers]*memory.Buffer // of ints
	ints    [maxMembers][]int64
	texts   [maxMembers]*textBuffer
}

func (g *Generator) newRowBuffer(alloc memory.Allocator, c projectedColumn, count int) *rowBuffer {
	b := &rowBuffer{column: c, count: count, validity: newBuffer(alloc, (count+7)/8)}
	b.bits = b.validity.Bytes()
	clear(b.bits)
	for i, m := range c.members {
		if c.field.Type.Fields[i].Type.Arrow().ID() == arrow.STRING {
			b.texts[m] = newTextBuffer(alloc, count, g.textBytes(c.event, m, count))
			continue
		}
		b.buffers[m] = newBuffer(alloc, count*arrow.Int64SizeBytes)
		clear(b.buffers[m].Bytes()) // rows that are NULL stay 0
		b.ints[m] = arrow.Int64Traits.CastFromBytes(b.buffers[m].Bytes())
	}
	return b
}

// set says that row i is not NULL.
func (b *rowBuffer) set(i int) {
	b.bits[i>>3] |= 1 << (i & 7)
	b.valid++
}

func (b *rowBuffer) int(i, member int, v int64) {
	if values := b.ints[member]; values != nil {
		values[i] = v
	}
}

func (b *rowBuffer) text(i, member int, v []byte) {
	if t := b.texts[member]; t != nil {
		t.start(i)
		t.appendBytes(v)
	}
}

// finish gives the array and lets go of the buffers.
func (b *rowBuffer) finish() arrow.Array {
	nulls := b.count - b.valid
	validity := b.validity
	if nulls == 0 {
		validity = nil
	}
	children := make([]arrow.ArrayData, len(b.column.members))
	for i, m := range b.column.members {
		dt := b.column.field.Type.Fields[i].Type.Arrow()
		if t := b.texts[m]; t != nil {
			t.finish(b.count)
			children[i] = array.NewData(dt, b.count, []*memory.Buffer{validity, t.offsetBuffer, t.dataBuffer}, nil, nulls, 0)
			t.offsetBuffer.Release()
			t.dataBuffer.Release()
			continue
		}
		children[i] = array.NewData(dt, b.count, []*memory.Buffer{validity, b.buffers[m]}, nil, nulls, 0)
		b.buffers[m].Release()
	}
	data := array.NewData(b.column.field.Type.Arrow(), b.count, []*memory.Buffer{validity}, children, nulls, 0)
	b.validity.Release()
	for _, c := range children {
		c.Release()
	}
	defer data.Release()
	return array.NewStructData(data)
}

// textBuffer is a string column in the making.
type textBuffer struct {
	offsetBuffer, dataBuffer *memory.Buffer
	offsets                  []int32
	next                     int    // rows before it have their offset
	data                     []byte // all of dataBuffer's memory
	used                     int    // bytes of it
}

func newTextBuffer(alloc memory.Allocator, count, bytes int) *textBuffer {
	t := &textBuffer{
		offsetBuffer: newBuffer(alloc, (count+1)*arrow.Int32SizeBytes),
		dataBuffer:   memory.NewResizableBuffer(alloc),
	}
	t.offsets = arrow.Int32Traits.CastFromBytes(t.offsetBuffer.Bytes())
	t.reserve(bytes)
	return t
}

// start begins the text of row i; rows since the last one are empty.
func (t *textBuffer) start(i int) {
	for ; t.next <= i; t.next++ {
		t.offsets[t.next] = int32(t.used)
	}
}

func (t *textBuffer) append(s string) {
	t.reserve(len(s))
	t.used += copy(t.data[t.used:], s)
}

func (t *textBuffer) appendBytes(s []byte) {
	t.reserve(len(s))
	t.used += copy(t.data[t.used:], s)
}

// reserve makes room for n more bytes.
func (t *textBuffer) reserve(n int) {
	if t.used+n <= len(t.data) {
		return
	}
	t.dataBuffer.Reserve(max(len(t.data)+len(t.data)/4, t.used+n))
	t.data = t.dataBuffer.Buf()
}

func (t *textBuffer) finish(count int) {
	t.start(count)
	t.dataBuffer.ResizeNoShrink(t.used)
}

func newBuffer(alloc memory.Allocator, size int) *memory.Buffer {
	b := memory.NewResizableBuffer(alloc)
	b.Resize(size)
	return b
}
