package nexmark

import "github.com/streamsql/streamsql/connectors/datagen/draw"

const (
	maxItemName    = 20
	maxDescription = 100
)

// auction is an auction event. Its strings are valid until the next one is made.
type auction struct {
	id                int64
	item, description []byte
	initialBid        int64 // cents
	reserve           int64 // cents
	time, expires     int64 // ms since 1970
	seller, category  int64
	extra             stretch

	itemBuf        [maxItemName]byte
	descriptionBuf [maxDescription]byte
}

// auction makes the auction event at p.
func (g *Generator) auction(p place, e *auction) {
	s := g.stream(p)
	e.id = firstAuctionID + g.lastAuction(p)
	e.time = g.timestamp(p.id)

	if r := s.Draw(auctionSellerDraw); isHot(uint32(r>>32), g.cfg.HotSellerRatio) {
		// The first person of the batch.
		e.seller = firstPersonID + hot(g.lastPerson(p))
	} else {
		e.seller = firstPersonID + g.anyPerson(p, uint32(r))
	}
	r := s.Draw(auctionInitialDraw)
	e.initialBid = g.prices.at(uint32(r >> 32))
	e.category = firstCategoryID + int64(draw.Below32(uint32(r), categories))
	e.reserve = e.initialBid + g.prices.at(uint32(s.Draw(auctionReserveDraw)))

	// On average an auction lasts until InFlightAuctions more are open.
	horizon := g.timestamp(p.id+g.horizon) - e.time
	longest := uint64(max(2*horizon, 1))
	e.expires = e.time + 1 + int64(draw.Below64(s.Draw(auctionDurationDraw), longest))

	e.item = g.appendWord(e.itemBuf[:0], s, auctionNameDraw, maxItemName, ' ')
	e.description = g.appendWord(e.descriptionBuf[:0], s, auctionTextDraw, maxDescription, ' ')
	size := 6*8 + len(e.item) + len(e.description)
	e.extra = pad(s.Draw(auctionExtraDraw), size, g.cfg.AuctionBytes)
}
