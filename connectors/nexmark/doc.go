// Package nexmark makes the events of the Nexmark benchmark: an auction house
// with persons who register, auctions that open, and bids.
//
// The model, its constants and its distributions are those of Nexmark's
// generator as Apache Beam and Nexmark for Flink have it (after Tucker, Tufte,
// Papadimos and Maier, "NEXMark: A Benchmark for Queries over Data Streams",
// 2002): person, auction and bid in the proportion 1:3:46; most bids go to a hot
// auction and come from a hot bidder, most auctions are of a hot seller; prices
// are log-uniform; `extra` pads each event to an average size.
//
// What differs from it is where randomness comes from. Event n is a pure
// function of the configuration and n: each of its fields is computed from
// draws of a counter-based generator keyed by (seed, n). So events can be made
// in any order, by any number of goroutines, from any number on, one column at a
// time, and a run can be repeated byte for byte on every platform (no
// floating-point operation that platforms round differently is involved).
//
// A Generator gives events as JSON lines (Encoder, WriteNDJSON) or as Arrow
// columns (the connector). It knows nothing of plans or sinks.
package nexmark
