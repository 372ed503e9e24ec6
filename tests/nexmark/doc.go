// Package nexmark checks the engine against the Nexmark benchmark: 60,000 frozen
// events, the queries in Flink's dialect as they stand, and what Apache Flink
// 2.3.0 and DuckDB 2.0.0 agree they return (testdata/README.md).
package nexmark
