//go:build !linux

package hash

func adviseHuge([]uint64) {}
