package nexmark

import (
	"slices"
	"strconv"
)

// Encoder writes events as JSON, each one compact object on a line of its own, in
// the form of Nexmark's Kafka tables: event_type, person, auction, bid, of which
// two are null.
//
// An Encoder is for one goroutine.
type Encoder struct {
	g *Generator
	// Two, as the times when auctions expire jump.
	now, expires timeText
	person       person
	auction      auction
	bid          bid
}

// NewEncoder gives an encoder of g's events.
func (g *Generator) NewEncoder() *Encoder {
	return &Encoder{g: g, now: newTimeText(), expires: newTimeText()}
}

// Append appends the line of event n, with its line feed.
func (e *Encoder) Append(dst []byte, n int64) []byte {
	dst = slices.Grow(dst, e.g.maxLine)
	p := e.g.place(n)
	switch e.g.typeAt(p) {
	case PersonEvent:
		return e.appendPerson(dst, p)
	case AuctionEvent:
		return e.appendAuction(dst, p)
	default:
		return e.appendBid(dst, p)
	}
}

func (e *Encoder) appendPerson(dst []byte, p place) []byte {
	v := &e.person
	e.g.person(p, v)
	dst = append(dst, `{"event_type":0,"person":{"id":`...)
	dst = strconv.AppendInt(dst, v.id, 10)
	dst = append(dst, `,"name":"`...)
	dst = append(dst, v.given...)
	dst = append(dst, ' ')
	dst = append(dst, v.family...)
	dst = append(dst, `","emailAddress":"`...)
	dst = append(dst, v.email...)
	dst = append(dst, `","creditCard":"`...)
	dst = append(dst, v.card...)
	dst = append(dst, `","city":"`...)
	dst = append(dst, v.city...)
	dst = append(dst, `","state":"`...)
	dst = append(dst, v.state...)
	dst = append(dst, `","dateTime":"`...)
	dst = appendTime(dst, &e.now, v.time)
	dst = append(dst, `","extra":"`...)
	dst = append(dst, e.g.padding.escaped(v.extra)...)
	return append(dst, `"},"auction":null,"bid":null}`+"\n"...)
}

func (e *Encoder) appendAuction(dst []byte, p place) []byte {
	v := &e.auction
	e.g.auction(p, v)
	dst = append(dst, `{"event_type":1,"person":null,"auction":{"id":`...)
	dst = strconv.AppendInt(dst, v.id, 10)
	dst = append(dst, `,"itemName":"`...)
	dst = append(dst, v.item...)
	dst = append(dst, `","description":"`...)
	dst = append(dst, v.description...)
	dst = append(dst, `","initialBid":`...)
	dst = strconv.AppendInt(dst, v.initialBid, 10)
	dst = append(dst, `,"reserve":`...)
	dst = strconv.AppendInt(dst, v.reserve, 10)
	dst = append(dst, `,"dateTime":"`...)
	dst = appendTime(dst, &e.now, v.time)
	dst = append(dst, `","expires":"`...)
	dst = appendTime(dst, &e.expires, v.expires)
	dst = append(dst, `","seller":`...)
	dst = strconv.AppendInt(dst, v.seller, 10)
	dst = append(dst, `,"category":`...)
	dst = strconv.AppendInt(dst, v.category, 10)
	dst = append(dst, `,"extra":"`...)
	dst = append(dst, e.g.padding.escaped(v.extra)...)
	return append(dst, `"},"bid":null}`+"\n"...)
}

func (e *Encoder) appendBid(dst []byte, p place) []byte {
	v := &e.bid
	e.g.bid(p, v)
	dst = append(dst, `{"event_type":2,"person":null,"auction":null,"bid":{"auction":`...)
	dst = strconv.AppendInt(dst, v.auction, 10)
	dst = append(dst, `,"bidder":`...)
	dst = strconv.AppendInt(dst, v.bidder, 10)
	dst = append(dst, `,"price":`...)
	dst = strconv.AppendInt(dst, v.price, 10)
	dst = append(dst, `,"channel":"`...)
	dst = append(dst, e.g.channels.json(v.channel)...)
	dst = append(dst, `","dateTime":"`...)
	dst = appendTime(dst, &e.now, v.time)
	dst = append(dst, `","extra":"`...)
	dst = append(dst, e.g.padding.escaped(v.extra)...)
	return append(dst, `"}}`+"\n"...)
}

// appendTime writes into the capacity that Append has reserved.
func appendTime(dst []byte, t *timeText, ms int64) []byte {
	n := len(dst)
	dst = dst[:n+timeLength]
	t.put(dst[n:], ms)
	return dst
}
