//go:build !linux

package table

import "unsafe"

// mapMemory gives none: the tables' memory is Go's.
func mapMemory(int, bool) []byte { return nil }

func releasePages(unsafe.Pointer, int) {}
