// Package window holds windowed aggregation over event time: TUMBLE, HOP,
// CUMULATE, and windows attached to rows by an operator below.
//
// It comes in two halves. The assigner runs before the exchange, where each
// row's W is known: it finds the row's windows, judges lateness pair by pair
// (semantics 2), and sends the row on with its bucket, or a partial aggregate of
// the chunk's rows of each bucket. The aggregation owns the buckets' groups and
// gives a window's rows when the watermark has passed its end.
//
// A bucket is a pane: a stretch of time that every window either contains or
// does not. TUMBLE has one pane per window; HOP and CUMULATE share panes, which
// are merged when a window fires (Li et al., No Pane, No Gain, 2005). A row that
// is late for some of its windows only goes to each of the others by itself, in
// a bucket of that window beside the panes.
package window
