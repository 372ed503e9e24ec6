package format

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT

// scanLinesAVX2 counts the line feeds among the n bytes at p, n > 0 being a
// multiple of 64 and the byte before p readable, and gives where the last of them
// ends. It stops before 64 bytes with which there would be more than max, and
// before those with a line that may be blank: a line feed after a byte that is at
// most a space.
//
//go:noescape
func scanLinesAVX2(p *byte, n, max int) (end, lines int)
