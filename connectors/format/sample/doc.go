// Package sample finds the types of columns from the values that they have in some
// records: what formats without a schema give where a source declares no columns.
//
// What flows in: the values of the sampled records, one by one. What flows out: a
// type that all of them fit. It knows no syntax of a format.
package sample
