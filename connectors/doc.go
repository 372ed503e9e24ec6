// Package connectors is the border between the engine and the outside world: the
// interfaces that sources and sinks keep, and the registry that finds them.
//
// A [Connector] bundles a description (catalog.ConnectorSpec, which the planner
// checks options against and the reference pages are made from) with functions
// that open a [Source] or a [Sink]. A source has splits; a split's reader claims
// runs of records ([Chunk]) one after the other, which any goroutine decodes to
// Arrow columns; an [Offset] says where to go on. A sink takes batches in epochs
// and shows them by two-phase commit; one whose target can't stage rows is made
// by [NewOutbox].
//
// What connectors may use of the world comes in [Env]: clock, log, file system,
// standard output. The connectors themselves are packages below this one, which
// it does not know; package builtin registers them, package connectortest holds
// the suite that each must pass, and package format is the interface between
// transports and formats.
package connectors
