//go:build !linux

package table

func newPage(words int) []uint64 { return make([]uint64, words) }
