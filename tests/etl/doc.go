// Package etl checks the engine against a Spark Structured Streaming ETL: parsing
// and splitting dirty JSON, windowed aggregates over late data, alerts.
package etl
