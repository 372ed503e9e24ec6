//go:build !amd64

package json

const hasAVX2 = false

func copyPlainAVX2(dst, src *byte, limit int) (n int, high uint32) { panic("not on this machine") }

func indexQuoteAVX2(src *byte, limit int) int { panic("not on this machine") }
