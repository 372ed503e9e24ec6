package builtin

import (
	"bytes"
	"strconv"

	"github.com/streamsql/streamsql/catalog"
)

// inetFunctions turn addresses of IPv4 into numbers and back.
func inetFunctions() []*catalog.Function {
	return []*catalog.Function{
		scalar(texts, called("INET_ATON"), "(address STRING) -> BIGINT",
			"The number of an address of IPv4, 0 to 4294967295. Fewer than four parts are those of MySQL: the last one stands at the end, zeros before it. NULL if the address is none or NULL.",
			shows("INET_ATON('127.0.0.1')", "2130706433", "INET_ATON('127.1')", "2130706433", "INET_ATON('1.2.3.400')", "NULL"),
			overload(catalog.BigInt, row(catalog.BigInt, func(_ *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
				s := a.text(0)
				return func(i int) (int64, bool) { return addressNumber(s(i)) }
			}), str)),
		scalar(texts, called("INET_NTOA"), "(n BIGINT) -> STRING",
			"The address of IPv4 of a number. NULL if the number is none of 0 to 4294967295 or NULL.",
			shows("INET_NTOA(2130706433)", "127.0.0.1", "INET_NTOA(-1)", "NULL"),
			overload(str, rowText(str, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				n := a.integer(0)
				var text []byte
				return func(i int) ([]byte, bool) {
					v := n(i)
					if v < 0 || v > 1<<32-1 {
						return nil, false
					}
					text = text[:0]
					for shift := 24; shift >= 0; shift -= 8 {
						text = strconv.AppendInt(text, v>>shift&0xff, 10)
						if shift > 0 {
							text = append(text, '.')
						}
					}
					return text, true
				}
			}), catalog.BigInt)),
	}
}

// addressNumber reads an address of one to four decimal parts.
func addressNumber(s []byte) (n int64, ok bool) {
	for parts := 1; ; parts++ {
		part, rest, more := bytes.Cut(s, []byte{'.'})
		v := int64(0)
		for _, c := range part {
			if c < '0' || c > '9' {
				return 0, false
			}
			if v = v*10 + int64(c-'0'); v > 255 {
				return 0, false
			}
		}
		if len(part) == 0 || more && parts == 4 {
			return 0, false
		}
		if !more {
			if parts > 1 { // the last part stands at the end
				n <<= 8 * (4 - parts)
			}
			return n<<8 | v, true
		}
		n, s = n<<8|v, rest
	}
}
