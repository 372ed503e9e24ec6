// Package cell puts values of binary formats into columns: it checks that a value
// fits the column's SQL type, converts it, and says what is wrong if it does not.
//
// What flows in: integers, floats, bytes and decimals as a decoder reads them. What
// flows out: slots of a columns.Column, and connectors.CellErrors. The package
// knows no format.
package cell
