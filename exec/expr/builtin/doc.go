// Package builtin holds the built-in scalar functions and operators: one file
// per family, each function registered there with its signatures, docs,
// examples and kernels. Every example is run as a test.
//
// A function's Resolve settles its overload on the types of the arguments; the
// kernel gets columns of exactly the overload's Params.
package builtin
