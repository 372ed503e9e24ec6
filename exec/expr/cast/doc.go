// Package cast converts columns between the types of the dialect: CAST and
// TRY_CAST.
//
// A value that does not convert is an error of its row (BAD_CAST: a text that
// does not read as the type; OVERFLOW: a number that does not fit) or, with
// TRY_CAST, NULL. Numbers become integers by cutting the fraction, decimals by
// rounding half up. Texts are those of the engine's JSON and CSV output.
package cast
