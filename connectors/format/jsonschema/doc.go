// Package jsonschema is the format 'json-confluent': JSON objects that name their
// JSON Schema in a registry, and what a JSON Schema and columns have to do with each
// other.
//
// What flows in: messages, schemas. What flows out: rows and the errors beside them,
// columns. Messages are read by the rules of the format json; a schema says which
// columns there are, it does not judge messages.
package jsonschema
