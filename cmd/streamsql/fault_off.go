//go:build !faults

package main

// fault is a place to crash at, in test builds (see fault_on.go).
var fault func(point string)
