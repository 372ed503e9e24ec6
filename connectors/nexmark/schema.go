package nexmark

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
)

// Members of the three rows, by position in their type.
const (
	personID = iota
	personName
	personEmail
	personCard
	personCity
	personState
	personTime
	personExtra
)

const (
	auctionID = iota
	auctionItem
	auctionDescription
	auctionInitialBid
	auctionReserve
	auctionTime
	auctionExpires
	auctionSeller
	auctionCategory
	auctionExtra
)

const (
	bidAuction = iota
	bidBidder
	bidPrice
	bidChannel
	bidURL
	bidTime
	bidExtra
)

// maxMembers is the greatest number of members of the three rows.
const maxMembers = auctionExtra + 1

// Columns gives the columns of an event: event_type (0 person, 1 auction, 2 bid)
// and the rows person, auction and bid, of which the event's own is not NULL.
func Columns() []catalog.Field {
	bigint := func(name string) catalog.Field { return catalog.Field{Name: name, Type: catalog.BigInt} }
	text := func(name string) catalog.Field { return catalog.Field{Name: name, Type: catalog.String} }
	time := func(name string) catalog.Field { return catalog.Field{Name: name, Type: catalog.Timestamp3} }
	return []catalog.Field{
		{Name: "event_type", Type: catalog.Int},
		{Name: "person", Type: catalog.RowOf(
			bigint("id"), text("name"), text("emailAddress"), text("creditCard"), text("city"), text("state"),
			time("dateTime"), text("extra"))},
		{Name: "auction", Type: catalog.RowOf(
			bigint("id"), text("itemName"), text("description"), bigint("initialBid"), bigint("reserve"),
			time("dateTime"), time("expires"), bigint("seller"), bigint("category"), text("extra"))},
		{Name: "bid", Type: catalog.RowOf(
			bigint("auction"), bigint("bidder"), bigint("price"), text("channel"), text("url"),
			time("dateTime"), text("extra"))},
	}
}

// projection says which columns to make: in output order, event_type or one of
// the rows with the members asked for.
type projection struct {
	columns []projectedColumn
}

type projectedColumn struct {
	field catalog.Field
	// event is the row's event; noEvent for event_type itself.
	event   EventType
	members []int // by position in field.Type.Fields
}

const noEvent EventType = -1

// project settles the columns asked for against those that there are. Rows may
// have fewer members than there are, in any order.
func project(fields []catalog.Field) (*projection, error) {
	known := Columns()
	p := &projection{}
	var seen [4]bool
	for _, f := range fields {
		i := findField(known, f.Name)
		if i < 0 {
			return nil, fmt.Errorf("nexmark: there is no column %s; the columns are event_type, person, auction and bid", catalog.QuoteName(f.Name))
		}
		if seen[i] {
			return nil, fmt.Errorf("nexmark: column %s is asked for twice", catalog.QuoteName(f.Name))
		}
		seen[i] = true
		column := projectedColumn{field: f, event: EventType(i - 1)}
		if column.event == noEvent {
			if f.Type.Kind != catalog.KindInt {
				return nil, fmt.Errorf("nexmark: column event_type is INT, not %s", f.Type)
			}
		} else {
			members, err := projectMembers(f, known[i])
			if err != nil {
				return nil, err
			}
			column.members = members
		}
		p.columns = append(p.columns, column)
	}
	return p, nil
}

func projectMembers(f, known catalog.Field) ([]int, error) {
	if f.Type.Kind != catalog.KindRow {
		return nil, fmt.Errorf("nexmark: column %s is %s, not %s", known.Name, known.Type, f.Type)
	}
	var members []int
	var seen [maxMembers]bool
	for _, m := range f.Type.Fields {
		i := findField(known.Type.Fields, m.Name)
		if i < 0 {
			return nil, fmt.Errorf("nexmark: column %s has no member %s", known.Name, catalog.QuoteName(m.Name))
		}
		if seen[i] {
			return nil, fmt.Errorf("nexmark: member %s.%s is asked for twice", known.Name, m.Name)
		}
		seen[i] = true
		if want := known.Type.Fields[i].Type; !sameValues(want, m.Type) {
			return nil, fmt.Errorf("nexmark: member %s.%s is %s, not %s", known.Name, m.Name, want, m.Type)
		}
		members = append(members, i)
	}
	return members, nil
}

// sameValues says whether values of type have can stand for those of want: the
// declared precision of a time is free as long as it keeps milliseconds.
func sameValues(have, want catalog.Type) bool {
	switch have.Kind {
	case catalog.KindTimestamp:
		return want.Kind == catalog.KindTimestamp && want.Precision >= have.Precision
	case catalog.KindString:
		return want.Kind == catalog.KindString && want.Precision == 0
	default:
		return have.Kind == want.Kind
	}
}

// findField finds a field by name: exactly, else without regard to case.
func findField(fields []catalog.Field, name string) int {
	for i, f := range fields {
		if f.Name == name {
			return i
		}
	}
	for i, f := range fields {
		if strings.EqualFold(f.Name, name) {
			return i
		}
	}
	return -1
}

// wordLengths are the usual lengths of strings, rounded up. `extra` is missing.
var wordLengths = [3][maxMembers]int64{
	PersonEvent:  {personName: 14, personEmail: 14, personCard: cardLength, personCity: 9, personState: 2},
	AuctionEvent: {auctionItem: 12, auctionDescription: 53},
	BidEvent:     {bidChannel: 10, bidURL: 72},
}

// textBytes is about how many bytes a string member takes over count events.
func (g *Generator) textBytes(event EventType, member, count int) int {
	share, length := g.cfg.BidProportion, wordLengths[event][member]
	size, words := g.cfg.BidBytes, int64(bidSize)
	switch event {
	case PersonEvent:
		share, size, words = g.cfg.PersonProportion, g.cfg.PersonBytes, 8+14+14+cardLength+8+2
	case AuctionEvent:
		share, size, words = g.cfg.AuctionProportion, g.cfg.AuctionBytes, 6*8+11+51
	}
	if length == 0 { // extra
		length = max(size-words, 0)
	}
	// A round more, since a run needn't begin with one.
	events := (int64(count)/g.total + 1) * share
	return int(events*length) + int(length)
}

// rowBytes is about how many bytes the columns of p take for an event.
func (g *Generator) rowBytes(p *projection) int {
	const sample = 1 << 16
	total := 1
	for _, c := range p.columns {
		if c.event == noEvent {
			total += arrow.Int32SizeBytes
		}
		for i, m := range c.members {
			if c.field.Type.Fields[i].Type.Kind == catalog.KindString {
				total += arrow.Int32SizeBytes + g.textBytes(c.event, m, sample)/sample
			} else {
				total += arrow.Int64SizeBytes
			}
		}
	}
	return total
}
