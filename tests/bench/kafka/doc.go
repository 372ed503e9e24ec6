// Command kafka measures jobs between topics of a real Kafka broker that it starts
// on the same machine:
//
//	kafka --binary bin/streamsql latency       from a record's stamp to a consumer's clock
//	kafka --binary bin/streamsql throughput    rows/s and CPU time over topics that are there
//
// The engine is the program itself, in a process of its own, so that the CPU time
// quoted is its own. Figures are printed, never judged: docs/benchmarks.md has them.
// Latency is quoted beside that of the broker alone, over the same rows without a
// job.
package main
