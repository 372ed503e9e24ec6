package nexmark

import (
	"errors"
	"fmt"
	"time"
)

// Config says which events to make. Take DefaultConfig and change what differs.
//
// Event n depends on Seed, BaseTime, EventRate and the shape of the data, but
// not on FirstEvent and Events: these only choose a stretch of the stream.
type Config struct {
	// Seed chooses one of 2^64 streams.
	Seed uint64
	// FirstEvent is the number of the first event; Events how many there are (0:
	// no end).
	FirstEvent, Events int64

	// BaseTime is the event time of event 0, in whole milliseconds.
	BaseTime time.Time
	// EventRate is the number of events in a second of event time: event n is at
	// BaseTime + n/EventRate, cut to milliseconds.
	EventRate int64
	// OutOfOrderGroup shuffles the events of each group of this size; 1 leaves
	// them in order of time.
	OutOfOrderGroup int64

	// In every PersonProportion + AuctionProportion + BidProportion events there
	// are so many persons, then auctions, then bids.
	PersonProportion, AuctionProportion, BidProportion int64

	// A bid goes to a hot auction with probability 1 - 1/HotAuctionRatio and
	// comes from a hot bidder with 1 - 1/HotBidderRatio; an auction is of a hot
	// seller with 1 - 1/HotSellerRatio.
	HotAuctionRatio, HotBidderRatio, HotSellerRatio int64
	// InFlightAuctions is about how many auctions are open at a time: the other
	// bids go to one of the last so many, and auctions last as long on average
	// as it takes to open so many.
	InFlightAuctions int64
	// ActivePeople is how many of the last persons bid and sell.
	ActivePeople int64

	// PersonBytes, AuctionBytes and BidBytes are the average sizes of events in
	// the benchmark's own count (8 per number or time, the length of strings;
	// channel and url are left out).
	PersonBytes, AuctionBytes, BidBytes int64
}

// DefaultConfig gives the benchmark's defaults: 10,000 events a second, without
// end, from 2015-07-15 00:00:00 (the base time of Beam's generator).
func DefaultConfig() Config {
	return Config{
		BaseTime:          time.Date(2015, time.July, 15, 0, 0, 0, 0, time.UTC),
		EventRate:         10_000,
		OutOfOrderGroup:   1,
		PersonProportion:  1,
		AuctionProportion: 3,
		BidProportion:     46,
		HotAuctionRatio:   2,
		HotBidderRatio:    4,
		HotSellerRatio:    4,
		InFlightAuctions:  100,
		ActivePeople:      1000,
		PersonBytes:       200,
		AuctionBytes:      500,
		BidBytes:          100,
	}
}

// outOfOrderStep is the multiplier of Beam's shuffle within a group. It permutes
// groups of every size that it does not divide.
const outOfOrderStep = 953

// Bounds that keep all arithmetic within 63 bits and a line within memory.
const (
	maxProportion = 1 << 20
	maxRate       = 1 << 40
	maxBytes      = paddingSize / 4
	maxPopulation = 1 << 30
)

// lastTime is the end of the years that a timestamp of four-digit year can show.
var lastTime = time.Date(10000, time.January, 1, 0, 0, 0, 0, time.UTC)

// Validate says what is wrong with the configuration: all of it, joined.
func (c *Config) Validate() error {
	var errs []error
	within := func(name string, v, low, high int64) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("nexmark: %s is %d, must be %d to %d", name, v, low, high))
		}
	}
	within("number of the first event", c.FirstEvent, 0, 1<<60)
	within("number of events", c.Events, 0, 1<<60)
	within("event rate", c.EventRate, 1, maxRate)
	within("out-of-order group", c.OutOfOrderGroup, 1, 1<<40)
	within("person proportion", c.PersonProportion, 0, maxProportion)
	within("auction proportion", c.AuctionProportion, 0, maxProportion)
	within("bid proportion", c.BidProportion, 0, maxProportion)
	within("hot auction ratio", c.HotAuctionRatio, 1, maxPopulation)
	within("hot bidder ratio", c.HotBidderRatio, 1, maxPopulation)
	within("hot seller ratio", c.HotSellerRatio, 1, maxPopulation)
	within("number of auctions in flight", c.InFlightAuctions, 1, maxPopulation)
	within("number of active people", c.ActivePeople, 1, maxPopulation)
	within("average size of a person", c.PersonBytes, 0, maxBytes)
	within("average size of an auction", c.AuctionBytes, 0, maxBytes)
	within("average size of a bid", c.BidBytes, 0, maxBytes)
	if c.PersonProportion == 0 && c.AuctionProportion == 0 && c.BidProportion == 0 {
		errs = append(errs, errors.New("nexmark: all proportions are 0"))
	}
	if c.OutOfOrderGroup > 1 && c.OutOfOrderGroup%outOfOrderStep == 0 {
		errs = append(errs, fmt.Errorf("nexmark: out-of-order group is a multiple of %d, which leaves no shuffle", outOfOrderStep))
	}
	if y := c.BaseTime.UTC().Year(); y < 1 || y > 9999 {
		errs = append(errs, fmt.Errorf("nexmark: base time is in year %d, must be 1 to 9999", y))
	}
	if len(errs) == 0 && c.Events > 0 {
		if last := timestamp(c.BaseTime.UnixMilli(), c.EventRate, c.FirstEvent+c.Events); last >= lastTime.UnixMilli() {
			errs = append(errs, errors.New("nexmark: the events go beyond year 9999; raise the event rate"))
		}
	}
	return errors.Join(errs...)
}

// End is one past the number of the last event, or -1 if there is no end.
func (c *Config) End() int64 {
	if c.Events == 0 {
		return -1
	}
	return c.FirstEvent + c.Events
}

// timestamp is the event time of event id, in ms since 1970, when base is that of
// event 0.
func timestamp(base, rate, id int64) int64 {
	// Whole seconds apart, so that the product stays below 2^63.
	seconds := id / rate
	return base + seconds*1000 + (id-seconds*rate)*1000/rate
}
