// Package group holds aggregation without a window: GROUP BY over a stream, whose
// result is a table that changes, emitted as a changelog.
//
// However many rows touch a group between two flushes, its change is emitted
// once: -U with what was said last, +U with the new result. DISTINCT is the case
// without aggregates, which only ever adds rows.
package group
