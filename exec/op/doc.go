// Package op is what an operator is: the batches that flow between operators,
// the interface that the runtime (package exec) drives, and what an operator
// may ask of its surroundings.
//
// An operator runs on one goroutine at a time and does not know of shards,
// exchanges or commits. Batches are borrowed: whoever calls Process owns the
// batch and releases it after the call; an operator that keeps columns retains
// them.
package op
