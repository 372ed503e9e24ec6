package json

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// copyPlainAVX2 is copyPlainWords for the limit > 0 bytes at src, in blocks of 32
// bytes, which are read and written whole.
//
//go:noescape
func copyPlainAVX2(dst, src *byte, limit int) (n int, high uint32)

// indexQuoteAVX2 is indexQuoteBytes for the limit > 0 bytes at src, in blocks of
// 32 bytes, which are read whole; it gives the place within src.
//
//go:noescape
func indexQuoteAVX2(src *byte, limit int) int
