// Package crash kills the real binary with SIGKILL, at random moments and at
// every named step of a commit and of its file system, starts it again, and
// compares what its sinks hold at the end with a run that nobody killed: nothing
// lost, nothing doubled.
package crash
