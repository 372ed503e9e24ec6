package hash

import (
	"syscall"
	"unsafe"
)

// adviseHuge asks for huge pages behind large memory that has not been used yet.
func adviseHuge(words []uint64) {
	const hugePage, madvHugepage = 2 << 20, 14
	start := uintptr(unsafe.Pointer(unsafe.SliceData(words)))
	from := (start + hugePage - 1) &^ (hugePage - 1)
	to := (start + uintptr(len(words))*8) &^ (hugePage - 1)
	if to > from {
		region := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(words)), from-start)), to-from)
		_ = syscall.Madvise(region, madvHugepage) // advice: without it the memory works all the same
	}
}
