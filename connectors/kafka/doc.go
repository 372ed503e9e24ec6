// Package kafka has the connectors 'kafka' and 'upsert-kafka': topics of Apache Kafka
// as sources and sinks.
//
// Reading, every partition is a split, named topic/00003. Fetching runs ahead of the
// engine within a budget of bytes: responses are cut into batches, checked and
// filtered (package batch) as they arrive, claimed by the engine record by record,
// and decompressed and decoded on whichever core asks. Connections, leaders and
// failures are seen to per broker ([source], dispatch.go): what can be tried again
// is, with growing pauses and a state that shows in the job's progress; what means
// that records are lost stops the job, unless 'fail-on-data-loss' is false.
//
// Offsets live in the engine's commits (offset.go); the consumer group is only
// told of them.
//
// Writing, rows become records (sink_layout.go) for which a session of package producer
// answers: one transaction for each epoch, or none. The wire format is below, in packages
// wire and batch, which know nothing of sources and sinks.
package kafka
