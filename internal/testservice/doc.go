// Package testservice starts the real services that connectors are tested
// against, each in a process group of its own on free ports of the loopback
// interface, and stops, kills, pauses and starts them again on the same data.
//
// A package of tests runs them with [Main] and takes what it needs with a
// function such as [SharedKafka]; one service serves all tests of a package. A
// test whose service can't be had is skipped with a line that says what is
// missing; where STREAMSQL_REQUIRE_SERVICES is 1 it fails.
package testservice
