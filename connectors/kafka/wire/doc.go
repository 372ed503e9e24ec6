// Package wire talks to Kafka: connections, TLS and SASL are kafka-go's
// Transport, which also serves groups, transactions and administration (see
// [Client.Kafka]). Metadata, offsets, fetching and producing are requests of this
// package, sent through the same Transport: their responses come as bytes, which
// package batch reads in place, and their routing goes by metadata that is as
// fresh as the caller wants it.
//
// The layouts follow the message definitions of Apache Kafka (Metadata 7 and 12,
// ListOffsets 5, Fetch 11 and 13, Produce 8, ApiVersions 0): brokers from 2.4 on;
// those from 3.1 on tell topics apart by their IDs, too.
package wire
