// Package planner turns statements of SQL into physical plans.
//
// In flow the trees of package parser, a catalog, a set of functions and the
// descriptions of connectors; out flow the steps of a script (Step): plans for
// package exec, rows for SHOW and DESCRIBE, messages. Every error is a
// *parser.Error: it knows the text that it is about.
//
// The way of a query, one idea a file:
//
//	bind_*.go     names, types, coercion: parser trees -> logical plan
//	logical.go    the logical plan: relations over catalog.Expr
//	rule_*.go     rules, each a pure function tree -> tree
//	prune.go      columns and members that nobody reads, down into the scans
//	build_*.go    logical plan -> physical plan (physical.go): guards, exchanges, sinks
//	identity.go   canonical text of what an operator computes: its name on disk
//	property.go   changelog, keys, watermark, state bound of each physical node
//	explain.go    the plan as text for people
//
// The package knows nothing of how a plan is run, of connectors' code or of
// state: importing it brings neither Kafka nor Pebble.
package planner
