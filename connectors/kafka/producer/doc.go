// Package producer writes records to Kafka so that none is lost or doubled.
//
// A [Session] is one producer id at the cluster: records go into a batch for each
// partition, batches to the leaders, one request at a time to each broker, again
// until they are acknowledged. The broker tells by producer id, epoch and sequence
// number what it has already.
//
// Records should be stamped with the time at which they are written: a broker that
// comes back after a crash forgets producers whose last records in its log have a
// time of more than a day ago (producer.id.expiration.ms), and then takes a batch a
// second time (seen with Kafka 4.3).
//
// [Transactions] makes a session of each micro-batch and puts it under the
// two-phase commit of sinks. A micro-batch is one transaction. Two transactional
// ids take turns by the parity of the epoch, because the next micro-batch writes
// already while this one waits for its EndTxn. The session of the one after it is
// begun as soon as that has been answered, so that no rows wait for the broker; it
// is begun as the producer that was there last: a run that has been taken over from
// can't take over again. Prepare sees all records
// acknowledged and commits, within the transaction, an offset of a group of its
// own whose metadata names the epoch. Commit is EndTxn with the producer id and
// epoch that the intent recorded. If the transaction is not there any more, the
// group's offset tells whether it was committed: no consumer sees it otherwise. A
// transaction has ended for readers once each of its partitions has a marker: settle.go
// sees to it that this is so before its id is used again.
package producer
