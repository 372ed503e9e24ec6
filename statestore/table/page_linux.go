package table

import (
	"syscall"
	"unsafe"
)

const hugePage = 2 << 20

// newPage makes a page, backed by huge pages where it is large: rows are met at
// random, and a TLB miss costs as much as the row.
func newPage(words int) []uint64 {
	page := make([]uint64, words)
	if words*8 < 2*hugePage {
		return page
	}
	start := uintptr(unsafe.Pointer(&page[0]))
	from := (start + hugePage - 1) &^ (hugePage - 1)
	to := (start + uintptr(words)*8) &^ (hugePage - 1)
	if to > from {
		const madvHugepage = 14
		region := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(&page[0]), from-start)), to-from)
		_ = syscall.Madvise(region, madvHugepage) // advice: without it the page works all the same
	}
	return page
}
