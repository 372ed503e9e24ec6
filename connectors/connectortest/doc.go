// Package connectortest is the conformance suite that every connector passes, for
// those of the product and of others.
//
// [TestSource] reads a source every way an engine may (any limits, from any
// offset, chunks decoded later, elsewhere and at once) and holds the rows against
// what the test says they are. [TestSink] drives a sink through the commit
// protocol, crashes it at each step, recovers, and looks whether every row came
// out exactly once. [MemFS] is a file system that forgets on a crash what was
// not synced and fails on command.
//
// Its three model sinks (staging, one open transaction that expires, outbox over
// a database) show the three ways to keep the protocol; each comes with a model
// of the outside world that it writes to.
package connectortest
