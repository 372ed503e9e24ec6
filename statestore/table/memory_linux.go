package table

import (
	"syscall"
	"unsafe"
)

const (
	hugePage       = 2 << 20
	madvHugepage   = 14
	mapNoReserve   = 0x4000
	mapAnonPrivate = syscall.MAP_ANON | syscall.MAP_PRIVATE | mapNoReserve
)

// mapMemory gives n bytes of zeros that no collector knows of; nil: there are none.
// Huge pages are asked for where there is room for one.
func mapMemory(n int, huge bool) []byte {
	if !huge || n < hugePage {
		b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, mapAnonPrivate)
		if err != nil {
			return nil
		}
		return b
	}
	// What is before the first huge page and behind the last one is never touched.
	b, err := syscall.Mmap(-1, 0, n+hugePage, syscall.PROT_READ|syscall.PROT_WRITE, mapAnonPrivate)
	if err != nil {
		return nil
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	b = b[-start&(hugePage-1):][:n:n]
	_ = syscall.Madvise(b, madvHugepage) // advice: without it the memory works all the same
	return b
}

// releasePages gives the kernel the pages of memory back, which reads as zeros then.
func releasePages(p unsafe.Pointer, n int) {
	_ = syscall.Madvise(unsafe.Slice((*byte)(p), n), syscall.MADV_DONTNEED)
}
