package nexmark

import (
	"fmt"

	"github.com/streamsql/streamsql/connectors/datagen/draw"
)

// EventType is what an event is about; its value is the column event_type.
type EventType int32

// The types of events.
const (
	PersonEvent  EventType = 0
	AuctionEvent EventType = 1
	BidEvent     EventType = 2
)

// The benchmark's constants.
const (
	firstPersonID   = 1000
	firstAuctionID  = 1000
	firstCategoryID = 10
	categories      = 5
	// idLead is how many ids beyond the last one bids and auctions may name: the
	// person or auction then seems to come late.
	idLead = 10
	// hotBatch is how many persons or auctions in a row share one hot id.
	hotBatch = 100
)

// Draws of a stream, by what they decide. A word takes up to 34 draws.
const (
	bidAuctionDraw = 0
	bidBidderDraw  = 1
	bidPriceDraw   = 2 // high half; the low half chooses the channel
	bidExtraDraw   = 3 // high half: where the padding stands; low half: its length

	auctionSellerDraw   = 0
	auctionInitialDraw  = 1 // high half; the low half chooses the category
	auctionReserveDraw  = 2
	auctionDurationDraw = 3
	auctionExtraDraw    = 4 // as of bids
	auctionNameDraw     = 16
	auctionTextDraw     = 64

	personNameDraw  = 0 // high half: given name; low half: family name
	personPlaceDraw = 1 // high half: city; low half: state
	personCardDraw  = 2 // and the next
	personExtraDraw = 4 // as of bids
	personMailDraw  = 16
	personHostDraw  = 32
)

// Generator makes events. It is immutable: any number of goroutines may use it.
type Generator struct {
	cfg     Config
	base    int64 // BaseTime, ms since 1970
	total   int64 // events in a round of the proportions
	horizon int64 // events until InFlightAuctions more auctions are open

	prices   *prices
	letters  *[letterCodes]byte
	padding  *padding
	channels *channels
	maxLine  int
}

// New gives a generator, or an error if the configuration makes no sense.
func New(cfg Config) (*Generator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &Generator{
		cfg:     cfg,
		base:    cfg.BaseTime.UnixMilli(),
		total:   cfg.PersonProportion + cfg.AuctionProportion + cfg.BidProportion,
		prices:  newPrices(),
		letters: newWordLetters(),
		padding: newPadding(cfg.Seed),
	}
	if cfg.AuctionProportion > 0 {
		g.horizon = cfg.InFlightAuctions * g.total / cfg.AuctionProportion
	}
	g.channels = newChannels(g)
	// Keys, numbers, times and words are below 1 KiB; each character of the
	// padding may be escaped.
	g.maxLine = 1024 + 2*maxPadding(int(max(cfg.PersonBytes, cfg.AuctionBytes, cfg.BidBytes)))
	return g, nil
}

// Config gives the configuration.
func (g *Generator) Config() Config { return g.cfg }

// place is where an event stands in the model.
type place struct {
	id    int64 // position in event time: ids, type and time follow from it
	round int64 // id / total
	step  int64 // id % total
}

// place gives the place of event n: n itself unless groups are shuffled.
func (g *Generator) place(n int64) place {
	if size := g.cfg.OutOfOrderGroup; size > 1 {
		n = n/size*size + int64(uint64(n%size)*outOfOrderStep%uint64(size))
	}
	round := n / g.total
	return place{id: n, round: round, step: n - round*g.total}
}

// Type gives the type of event n.
func (g *Generator) Type(n int64) EventType { return g.typeAt(g.place(n)) }

func (g *Generator) typeAt(p place) EventType {
	switch {
	case p.step < g.cfg.PersonProportion:
		return PersonEvent
	case p.step < g.cfg.PersonProportion+g.cfg.AuctionProportion:
		return AuctionEvent
	default:
		return BidEvent
	}
}

// Timestamp gives the event time of event n, in ms since 1970.
func (g *Generator) Timestamp(n int64) int64 { return g.timestamp(g.place(n).id) }

func (g *Generator) timestamp(id int64) int64 { return timestamp(g.base, g.cfg.EventRate, id) }

// stream gives the randomness of the event at a place.
func (g *Generator) stream(p place) draw.Stream { return draw.New(g.cfg.Seed, p.id) }

// lastPerson gives the number of persons so far, less one (-1: none).
func (g *Generator) lastPerson(p place) int64 {
	n := g.cfg.PersonProportion
	return p.round*n + min(p.step, n-1)
}

// lastAuction gives the number of auctions so far, less one (-1: none).
func (g *Generator) lastAuction(p place) int64 {
	n := g.cfg.AuctionProportion
	step := p.step - g.cfg.PersonProportion
	if step < 0 { // a person: the last auction is that of the round before
		return p.round*n - 1
	}
	return p.round*n + min(step, n-1)
}

// anyPerson chooses an active person, or one to come soon; ids start at 0.
func (g *Generator) anyPerson(p place, r uint32) int64 {
	people := g.lastPerson(p) + 1
	active := min(people, g.cfg.ActivePeople)
	return people - active + int64(draw.Below32(r, uint32(active+idLead)))
}

// anyAuction chooses an auction in flight, or one to come soon; ids start at 0.
func (g *Generator) anyAuction(p place, r uint32) int64 {
	last := g.lastAuction(p)
	first := max(last-g.cfg.InFlightAuctions, 0)
	return first + int64(draw.Below32(r, uint32(last-first+1+idLead)))
}

// hot gives the first id of the batch that id is in.
func hot(id int64) int64 { return id / hotBatch * hotBatch }

// isHot decides with probability 1 - 1/ratio.
func isHot(r uint32, ratio int64) bool { return draw.Below32(r, uint32(ratio)) > 0 }

// String names the type for people.
func (t EventType) String() string {
	switch t {
	case PersonEvent:
		return "person"
	case AuctionEvent:
		return "auction"
	case BidEvent:
		return "bid"
	default:
		return fmt.Sprintf("event type %d", int32(t))
	}
}
