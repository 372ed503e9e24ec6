// Package kernel is the toolkit from which scalar functions are made: loops
// over the raw slices of Arrow columns behind catalog.Kernel.
//
// A function over fixed-width values is written as plain dense loops, one for
// columns and one for a column and a constant; the kinds of kernel here add
// NULLs, selection vectors, constants and errors of rows around them. Text
// results are built by TextBuilder.
//
// Conventions: a selection vector is ascending. Rows outside of it may hold
// anything and never fail. A NULL's value may be anything, so dense loops must
// accept any bits, and a failure that they suspect is looked at again row by
// row.
package kernel
