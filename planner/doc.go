// Package planner turns statements of SQL into physical plans.
//
// In flow the trees of package parser, a catalog, a set of functions and the
// descriptions of connectors; out flow the steps of a script, for package exec
// and for people. Every error is a *parser.Error (in a parser.ErrorList): it
// knows the text that it is about, and prints it with a caret and a hint.
//
//	s := planner.New(planner.Options{Functions: ..., Folder: ..., Connectors: ..., Catalog: ...})
//	script, err := s.Analyze(parser.NewSource("orders.sql", text))
//	for _, step := range script.Steps {
//		switch step := step.(type) {
//		case *planner.Select:  // a SELECT at the top: run step.Plan, show its rows
//		case *planner.Job:     // all INSERTs of the script: run step.Plan as one job
//		case *planner.Rows:    // the answer of SHOW, DESCRIBE, SET
//		case *planner.Message: // "view v created", the text of EXPLAIN
//		}
//	}
//
// DDL and SET have effect on the statements after them, and on later scripts of
// the session; a script with an error leaves nothing behind. A run of a file
// gives the session a catalog.Script over the persisted catalog, a shell the persisted
// one itself, to save its Definitions afterwards and Restore them at the start.
//
// The way of a query, one idea a file:
//
//	bind_*.go     names, types, coercion: parser trees -> logical plan
//	logical.go    the logical plan: relations over catalog.Expr
//	rule_*.go     rules, each a pure function tree -> tree
//	demand.go     what of each relation's columns and members is read above it
//	prune.go      the others taken out, down into the scans
//	build*.go     logical plan -> physical plan (physical.go): guards, exchanges
//	sinks.go      what goes to a sink, dead letters included, and what it can take
//	property.go   changelog, keys, watermark, distribution of each physical node
//	identity.go   canonical text of what an operator computes: its name on disk
//	explain.go    the plan as text for people
//	supported.go  what the grammar has and plans have not, in one table
//
// The package knows nothing of how a plan is run, of connectors' code or of
// state: importing it brings neither Kafka nor Pebble.
package planner
