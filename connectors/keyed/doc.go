// Package keyed finds decoded records by the values of some of their columns: what
// a connector whose table is in this process needs to be a connectors.Lookup.
package keyed
