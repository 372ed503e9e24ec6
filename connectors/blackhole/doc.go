// Package blackhole is the connector 'blackhole': a sink that takes all rows and
// keeps none, for measuring everything before it.
package blackhole
