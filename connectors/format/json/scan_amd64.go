package json

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// copyPlainAVX2 copies bytes from src to dst up to the first one that is
// special. It gives their number, and in high a bit if one of them is 0x80 or
// more. If none of the first limit > 0 bytes is special, n >= limit. Blocks of 32
// bytes are read and written whole.
//
//go:noescape
func copyPlainAVX2(dst, src *byte, limit int) (n int, high uint32)

// indexQuoteAVX2 gives the place of the first quote or line feed of src, limit > 0
// or more if it has none before.
//
//go:noescape
func indexQuoteAVX2(src *byte, limit int) int
