//go:build !(ppc64 || s390x || mips || mips64)

package json

const bigEndian = false
