//go:build !amd64

package format

const hasAVX2 = false

func scanLinesAVX2(p *byte, n, max int) (end, lines int) { panic("not on this machine") }
