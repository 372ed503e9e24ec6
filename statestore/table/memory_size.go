//go:build !memcheck || !linux

package table

import "unsafe"

const (
	// minBlock is the size from which on memory is taken outside Go's heap.
	minBlock  = 64 << 10
	blockUnit = 64 << 10
	guarded   = false
)

func guard(unsafe.Pointer, int) {}
