// Package registry speaks to a schema registry with Confluent's REST API and reads
// the envelope of messages that name their schema in one.
//
// What flows in: options, ids of schemas, schemas to register. What flows out:
// schemas with those that they refer to, kept once they are known; ids. A registry
// that does not answer is asked again, with growing pauses, until 'retry-timeout'.
package registry
