package nexmark

import (
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/datagen/numbered"
)

// The options, named as in Nexmark for Flink where it has them.
const (
	optSeed              = "seed"
	optEvents            = "events.num"
	optFirstEvent        = "first-event.number"
	optEventRate         = "first-event.rate"
	optNextEventRate     = "next-event.rate"
	optBaseTime          = "base-time"
	optRate              = "rows-per-second"
	optRateLimited       = "rate.limited"
	optSplits            = "splits"
	optOutOfOrder        = "out-of-order-group-size"
	optPersonProportion  = "person.proportion"
	optAuctionProportion = "auction.proportion"
	optBidProportion     = "bid.proportion"
	optHotAuctions       = "bid.hot-ratio.auctions"
	optHotBidders        = "bid.hot-ratio.bidders"
	optHotSellers        = "auction.hot-ratio.sellers"
	optInFlight          = "auction.in-flight"
	optActivePeople      = "person.active"
	optPersonBytes       = "person.avg-size"
	optAuctionBytes      = "auction.avg-size"
	optBidBytes          = "bid.avg-size"
)

// Connector gives the connector 'nexmark': a source of Nexmark's events with the
// columns that Columns gives.
func Connector() connectors.Connector {
	return connectors.Connector{Spec: spec(), OpenSource: openSource}
}

func spec() *catalog.ConnectorSpec {
	d := DefaultConfig()
	number := func(name string, value int64, doc string) catalog.OptionSpec {
		return catalog.OptionSpec{Name: name, Type: catalog.OptionInt, Default: fmt.Sprint(value), Source: true, Doc: doc}
	}
	size := func(name string, value int64, doc string) catalog.OptionSpec {
		return catalog.OptionSpec{Name: name, Type: catalog.OptionBytes, Default: fmt.Sprintf("%db", value), Source: true, Doc: doc}
	}
	return &catalog.ConnectorSpec{
		Name: "nexmark",
		Doc: "The events of the Nexmark benchmark, made on the fly: persons, auctions and bids of an auction house, in one table with the columns " +
			"event_type INT (0 person, 1 auction, 2 bid) and person, auction and bid ROW<...>, of which two are NULL. " +
			"Event n is a function of the options and n alone: the same options give the same events, whatever the number of splits and however often the job is stopped and resumed.",
		Options: []catalog.OptionSpec{
			number(optSeed, int64(d.Seed), "Chooses the stream of events. A different seed gives other events of the same kind."),
			number(optEvents, d.Events, "Number of events; 0: without end."),
			number(optFirstEvent, d.FirstEvent, "Number of the first event: the source starts in the middle of the stream, with the events that it would have had there."),
			number(optEventRate, d.EventRate, "Events in a second of event time: event n is at 'base-time' + n / 'first-event.rate', cut to milliseconds."),
			{Name: optNextEventRate, Type: catalog.OptionInt, Source: true,
				Doc: "For scripts of Nexmark for Flink. The rate does not change on the way, so it must equal 'first-event.rate'."},
			{Name: optBaseTime, Type: catalog.OptionTime, Default: d.BaseTime.Format("2006-01-02 15:04:05"), Source: true,
				Doc: "Event time of event 0."},
			number(optRate, 0, "Events in a second of the clock, over all splits; 0: as fast as they are read. It changes nothing in the events."),
			{Name: optRateLimited, Type: catalog.OptionBool, Default: "false", Source: true,
				Doc: "Lets events come as fast as their event time says: 'rows-per-second' = 'first-event.rate'."},
			number(optSplits, 1, "Number of splits. Split i of s has every s-th event, beginning with the i-th (from 0): each split is in the order of the whole, and all of them together have the same events for every s."),
			number(optOutOfOrder, d.OutOfOrderGroup, "Shuffles the events within each group of so many, so that event time is out of order; 1: in order."),
			number(optPersonProportion, d.PersonProportion, "Share of persons among the events, as a number of parts."),
			number(optAuctionProportion, d.AuctionProportion, "Share of auctions among the events, as a number of parts."),
			number(optBidProportion, d.BidProportion, "Share of bids among the events, as a number of parts."),
			number(optHotAuctions, d.HotAuctionRatio, "A bid is for a hot auction with probability 1 - 1/ratio. One auction in 100 is hot, and only the last hot one gets such bids."),
			number(optHotBidders, d.HotBidderRatio, "A bid is by a hot bidder with probability 1 - 1/ratio."),
			number(optHotSellers, d.HotSellerRatio, "An auction is by a hot seller with probability 1 - 1/ratio."),
			number(optInFlight, d.InFlightAuctions, "About how many auctions are open at a time."),
			number(optActivePeople, d.ActivePeople, "How many of the last persons bid and sell."),
			size(optPersonBytes, d.PersonBytes, "Average size of a person; `extra` is filled up to it."),
			size(optAuctionBytes, d.AuctionBytes, "Average size of an auction."),
			size(optBidBytes, d.BidBytes, "Average size of a bid, channel and url not counted."),
		},
		Source: &catalog.SourceSpec{
			Bounded: func(o catalog.Options) bool { return o.Int(optEvents) > 0 },
			Columns: func(o catalog.Options) ([]catalog.Field, error) {
				if _, err := settingsOf(o); err != nil {
					return nil, err
				}
				return Columns(), nil
			},
		},
	}
}

// settings are what the options say.
type settings struct {
	config Config
	splits int
	rate   int64 // events a second of the clock; 0: no limit
}

// settingsOf reads checked options.
func settingsOf(o catalog.Options) (settings, error) {
	s := settings{
		config: Config{
			Seed:              uint64(o.Int(optSeed)),
			FirstEvent:        o.Int(optFirstEvent),
			Events:            o.Int(optEvents),
			BaseTime:          o.Time(optBaseTime).Truncate(time.Millisecond),
			EventRate:         o.Int(optEventRate),
			OutOfOrderGroup:   o.Int(optOutOfOrder),
			PersonProportion:  o.Int(optPersonProportion),
			AuctionProportion: o.Int(optAuctionProportion),
			BidProportion:     o.Int(optBidProportion),
			HotAuctionRatio:   o.Int(optHotAuctions),
			HotBidderRatio:    o.Int(optHotBidders),
			HotSellerRatio:    o.Int(optHotSellers),
			InFlightAuctions:  o.Int(optInFlight),
			ActivePeople:      o.Int(optActivePeople),
			PersonBytes:       o.Bytes(optPersonBytes),
			AuctionBytes:      o.Bytes(optAuctionBytes),
			BidBytes:          o.Bytes(optBidBytes),
		},
		splits: int(min(max(o.Int(optSplits), 0), numbered.MaxSplits+1)),
		rate:   o.Int(optRate),
	}
	errs := []error{s.config.Validate()}
	if o[optNextEventRate] != "" && o.Int(optNextEventRate) != s.config.EventRate {
		errs = append(errs, fmt.Errorf("nexmark: '%s' differs from '%s': a rate that changes is not supported", optNextEventRate, optEventRate))
	}
	if o.Bool(optRateLimited) {
		if s.rate != 0 && s.rate != s.config.EventRate {
			errs = append(errs, fmt.Errorf("nexmark: '%s' sets the rate to '%s', but '%s' is another", optRateLimited, optEventRate, optRate))
		}
		s.rate = s.config.EventRate
	}
	return s, errors.Join(errs...)
}

// openSource makes the source.
func openSource(cfg connectors.SourceConfig, env connectors.Env) (connectors.Source, error) {
	s, err := settingsOf(cfg.Options)
	if err != nil {
		return nil, err
	}
	fields := make([]catalog.Field, len(cfg.Columns))
	for i, c := range cfg.Columns {
		if c.Metadata != "" {
			return nil, fmt.Errorf("nexmark: there is no metadata column %q", c.Metadata)
		}
		fields[i] = catalog.Field{Name: c.Name, Type: c.Type, NotNull: c.NotNull}
	}
	p, err := project(fields)
	if err != nil {
		return nil, err
	}
	g, err := New(s.config)
	if err != nil {
		return nil, err
	}
	return numbered.NewSource(numbered.Config{
		Name:  "nexmark",
		First: s.config.FirstEvent, Count: s.config.Events,
		Splits: s.splits, Rate: s.rate, Clock: env.Clock,
	}, &rows{generator: g, projection: p, rowBytes: g.rowBytes(p)})
}

// rows makes events for a source.
type rows struct {
	generator  *Generator
	projection *projection
	rowBytes   int
}

var _ numbered.Rows = (*rows)(nil)

// Columns implements numbered.Rows.
func (r *rows) Columns(alloc memory.Allocator, first, stride int64, count int) []arrow.Array {
	return r.generator.columns(alloc, r.projection, run{first, stride, count})
}

// RowBytes implements numbered.Rows.
func (r *rows) RowBytes() int { return r.rowBytes }

// Record implements numbered.Rows: the event's line of JSON.
func (r *rows) Record(n int64) []byte {
	line := r.generator.NewEncoder().Append(nil, n)
	return line[:len(line)-1]
}
