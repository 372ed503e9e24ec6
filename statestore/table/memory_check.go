//go:build memcheck && linux

package table

import (
	"syscall"
	"unsafe"
)

// With this tag all memory of tables, down to the smallest, is outside Go's heap, and
// what has been given back faults when it is touched: `go test -tags memcheck` finds
// whoever holds on to rows or strings for too long.
const (
	minBlock  = 1
	blockUnit = 4 << 10
	guarded   = true
)

func guard(p unsafe.Pointer, n int) {
	if err := syscall.Mprotect(unsafe.Slice((*byte)(p), n), syscall.PROT_NONE); err != nil {
		panic(err)
	}
}
