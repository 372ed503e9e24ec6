// Package rowwise holds the operators that treat each row by itself: guard,
// filter, project, union, limit. They keep no state over micro-batches and run
// on level 0, next to the sources, as well as above an exchange.
//
// A row in error is dropped and counted, and by the policy of its operator stops
// the job or leaves as a dead letter.
package rowwise
