// Package kafka tests jobs that read from Kafka against a real cluster: restarts,
// new partitions, triggers and limits, and every fault that docs/operations.md
// speaks of.
package kafka
