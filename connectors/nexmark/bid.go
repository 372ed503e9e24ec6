package nexmark

import "github.com/streamsql/streamsql/connectors/datagen/draw"

// bid is a bid event.
type bid struct {
	auction, bidder int64
	price           int64 // cents
	channel         int   // index in channels
	time            int64 // ms since 1970
	extra           stretch
}

// bidSize is the size of a bid without padding, as the benchmark counts it.
const bidSize = 4 * 8

// bid makes the bid event at p.
func (g *Generator) bid(p place, e *bid) {
	s := g.stream(p)
	e.time = g.timestamp(p.id)
	e.auction = g.bidAuction(p, s)
	e.bidder = g.bidBidder(p, s)
	e.price = g.bidPrice(s)
	e.channel = g.bidChannel(s)
	e.extra = g.bidExtra(s)
}

// bidAuction chooses the auction that the bid at p is for.
func (g *Generator) bidAuction(p place, s draw.Stream) int64 {
	r := s.Draw(bidAuctionDraw)
	if isHot(uint32(r>>32), g.cfg.HotAuctionRatio) {
		return firstAuctionID + hot(g.lastAuction(p))
	}
	return firstAuctionID + g.anyAuction(p, uint32(r))
}

// bidBidder chooses the person who makes the bid at p.
//
// (Nexmark for Flink adds the first id twice here, so that its bidders are no
// persons; this follows Beam.)
func (g *Generator) bidBidder(p place, s draw.Stream) int64 {
	r := s.Draw(bidBidderDraw)
	if isHot(uint32(r>>32), g.cfg.HotBidderRatio) {
		// The second person of the batch: the first is the hot seller.
		return firstPersonID + hot(g.lastPerson(p)) + 1
	}
	return firstPersonID + g.anyPerson(p, uint32(r))
}

// bidPrice gives a bid's price, in cents: it doesn't know the auction's.
func (g *Generator) bidPrice(s draw.Stream) int64 {
	return g.prices.at(uint32(s.Draw(bidPriceDraw) >> 32))
}

// bidChannel chooses the index of a bid's channel.
func (g *Generator) bidChannel(s draw.Stream) int {
	return anyChannel(uint32(s.Draw(bidPriceDraw)))
}

// bidExtra gives the padding of a bid.
func (g *Generator) bidExtra(s draw.Stream) stretch {
	return pad(s.Draw(bidExtraDraw), bidSize, g.cfg.BidBytes)
}
