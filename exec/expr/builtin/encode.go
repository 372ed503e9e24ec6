package builtin

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/streamsql/streamsql/catalog"
)

// codeBadText is the code of a text that can't be written or read in a form.
const codeBadText = "BAD_TEXT"

// encodeFunctions are checksums and the forms in which bytes are written.
func encodeFunctions() []*catalog.Function {
	big := catalog.BigInt
	sum := func(n names, doc, sql, result string, f func(s []byte) int64) *catalog.Function {
		k := row(big, func(_ *catalog.EvalContext, a arguments) func(i int) (int64, bool) {
			s := a.text(0)
			return func(i int) (int64, bool) { return f(s(i)), true }
		})
		return scalar(hashing, n, "(s STRING | BYTES) -> BIGINT", doc+" NULL if s is NULL.", shows(sql, result), overload(big, k, str), overload(big, k, catalog.Bytes))
	}
	unhex := rowText(catalog.Bytes, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
		s := a.text(0)
		var out []byte
		return func(i int) ([]byte, bool) {
			text := s(i)
			out = out[:0]
			if len(text)%2 == 1 {
				d, ok := hexDigit(text[0])
				if !ok {
					return nil, false
				}
				out, text = append(out, d), text[1:]
			}
			var err error
			out, err = hex.AppendDecode(out, text)
			return out, err == nil
		}
	})
	sha2 := func() catalog.Kernel {
		return rowText(str, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
			s, n := a.text(0), a.integer(1)
			var out []byte
			return func(i int) ([]byte, bool) {
				var h []byte
				switch n(i) {
				case 224:
					d := sha256.Sum224(s(i))
					h = d[:]
				case 0, 256:
					d := sha256.Sum256(s(i))
					h = d[:]
				case 384:
					d := sha512.Sum384(s(i))
					h = d[:]
				case 512:
					d := sha512.Sum512(s(i))
					h = d[:]
				default:
					return nil, false
				}
				out = hex.AppendEncode(out[:0], h)
				return out, true
			}
		})
	}()
	const charsets = " Character sets are UTF-8, US-ASCII, ISO-8859-1, UTF-16 (big endian, with a mark), UTF-16BE and UTF-16LE; another constant one is an error at planning."
	return []*catalog.Function{
		sum(called("CRC32"), "The CRC-32 checksum (IEEE) of s, 0 to 4294967295.", "CRC32('hello')", "907060870", func(s []byte) int64 { return int64(crc32.ChecksumIEEE(s)) }),
		sum(called("XXHASH64"), "The 64 bits of XXH64 of s with seed 0, as a signed number: fast, and not for secrets.", "XXHASH64('hello')", "2794345569481354659", func(s []byte) int64 { return int64(xxhash.Sum64(s)) }),
		scalar(hashing, called("SHA2"), "(s STRING | BYTES, bits INT) -> STRING", "The SHA-2 digest of s with 224, 256 (also 0), 384 or 512 bits as hexadecimal digits. NULL if an argument is NULL or bits is another number.",
			shows("SHA2('abc', 256)", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "SHA2('abc', 100)", "NULL"),
			overload(str, sha2, str, intType), overload(str, sha2, catalog.Bytes, intType)),
		scalar(hashing, called("UNHEX", "FROM_HEX"), "(s STRING) -> BYTES", "The bytes of which s has the hexadecimal digits; an odd number of them has a 0 before it. NULL if s is NULL or has other characters.",
			shows("DECODE(UNHEX('737472'), 'UTF-8')", "str", "UNHEX('xy')", "NULL"), overload(catalog.Bytes, unhex, str)),
		withCharset(scalar(hashing, called("ENCODE"), "(s STRING, charset STRING) -> BYTES",
			"The bytes of s in a character set."+charsets+" NULL if an argument is NULL. A character that the set lacks is an error of the row ("+codeBadText+").",
			shows("HEX(ENCODE('é', 'UTF-8'))", "C3A9", "HEX(ENCODE('é', 'ISO-8859-1'))", "E9"), failing(catalog.Bytes, charsetKernel(catalog.Bytes, "can't be written in", appendCharset), str, str))),
		withCharset(scalar(hashing, called("DECODE"), "(b BYTES, charset STRING) -> STRING",
			"The text that b is in a character set."+charsets+" NULL if an argument is NULL. Bytes that are none of the set are an error of the row ("+codeBadText+").",
			shows("DECODE(X'E9', 'ISO-8859-1')", "é"), failing(str, charsetKernel(str, "is not", decodeCharset), catalog.Bytes, str))),
		scalar(hashing, called("URL_ENCODE"), "(s STRING) -> STRING", "s as a part of a URL: letters, digits and .-*_ stay, a blank is +, all else %XX of its UTF-8. NULL if s is NULL.",
			shows("URL_ENCODE('a b&é')", "a+b%26%C3%A9"), overload(str, textToText(str, urlEncoded), str)),
		scalar(hashing, called("URL_DECODE", "TRY_URL_DECODE"), "(s STRING) -> STRING", "The text that s is as a part of a URL; + is a blank. NULL if s is NULL, a % stands without two hexadecimal digits, or the result is not UTF-8.",
			shows("URL_DECODE('a+b%26%C3%A9')", "a b&é", "URL_DECODE('%zz')", "NULL"),
			overload(str, rowText(str, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				s := a.text(0)
				var out []byte
				return func(i int) ([]byte, bool) {
					var ok bool
					out, ok = urlDecoded(out[:0], s(i))
					return out, ok && validUTF8(out)
				}
			}), str)),
	}
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c-'0' <= 9:
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// urlEncoded writes application/x-www-form-urlencoded.
func urlEncoded(dst, s []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range s {
		switch {
		case c-'0' <= 9 || c|0x20-'a' < 26 || c == '.' || c == '-' || c == '*' || c == '_':
			dst = append(dst, c)
		case c == ' ':
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

func urlDecoded(dst, s []byte) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			dst = append(dst, ' ')
		case '%':
			if i+2 >= len(s) {
				return dst, false
			}
			hi, ok1 := hexDigit(s[i+1])
			lo, ok2 := hexDigit(s[i+2])
			if !ok1 || !ok2 {
				return dst, false
			}
			dst = append(dst, hi<<4|lo)
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	return dst, true
}

// charset is how characters are written as bytes.
type charset uint8

const (
	noCharset charset = iota
	utf8Charset
	asciiCharset
	latin1Charset
	utf16Charset
	utf16BE
	utf16LE
)

func parseCharset(name string) charset {
	switch strings.ReplaceAll(strings.ToUpper(name), "_", "-") {
	case "UTF-8", "UTF8":
		return utf8Charset
	case "US-ASCII", "ASCII":
		return asciiCharset
	case "ISO-8859-1", "LATIN1":
		return latin1Charset
	case "UTF-16", "UTF16":
		return utf16Charset
	case "UTF-16BE":
		return utf16BE
	case "UTF-16LE":
		return utf16LE
	}
	return noCharset
}

// withCharset refuses a constant character set that is none at planning.
func withCharset(f *catalog.Function) *catalog.Function {
	resolve := f.Resolve
	f.Resolve = func(args []catalog.Arg) (*catalog.Overload, error) {
		if len(args) == 2 && args[1].Const != nil {
			if s, ok := args[1].Const.Value.(string); ok && parseCharset(s) == noCharset {
				return nil, fmt.Errorf("%s: there is no character set '%s'", f.Name, s)
			}
		}
		return resolve(args)
	}
	return f
}

func charsetKernel(t catalog.Type, problem string, f func(dst, s []byte, set charset) ([]byte, bool)) catalog.Kernel {
	return rowText(t, func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
		s, name := a.text(0), a.text(1)
		var out []byte
		return func(i int) ([]byte, bool) {
			set := parseCharset(string(name(i)))
			if set == noCharset {
				c.Fail(i, codeBadText, fmt.Sprintf("there is no character set '%s'", name(i)))
				return nil, false
			}
			var ok bool
			if out, ok = f(out[:0], s(i), set); !ok {
				c.Fail(i, codeBadText, fmt.Sprintf("%.40q %s %s", s(i), problem, name(i)))
			}
			return out, ok
		}
	})
}

func appendCharset(dst, s []byte, set charset) ([]byte, bool) {
	switch set {
	case utf8Charset:
		return append(dst, s...), true
	case asciiCharset, latin1Charset:
		limit := rune(0x80)
		if set == latin1Charset {
			limit = 0x100
		}
		for _, r := range string(s) {
			if r >= limit {
				return dst, false
			}
			dst = append(dst, byte(r))
		}
		return dst, true
	}
	put := binary.BigEndian.AppendUint16
	if set == utf16LE {
		put = binary.LittleEndian.AppendUint16
	}
	if set == utf16Charset {
		dst = put(dst, 0xfeff)
	}
	for _, r := range string(s) {
		if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
			dst = put(put(dst, uint16(hi)), uint16(lo))
		} else {
			dst = put(dst, uint16(r))
		}
	}
	return dst, true
}

func decodeCharset(dst, s []byte, set charset) ([]byte, bool) {
	switch set {
	case utf8Charset:
		return append(dst, s...), validUTF8(s)
	case asciiCharset:
		return append(dst, s...), isASCII(s)
	case latin1Charset:
		for _, c := range s {
			dst = utf8.AppendRune(dst, rune(c))
		}
		return dst, true
	}
	if len(s)%2 == 1 {
		return dst, false
	}
	get := binary.BigEndian.Uint16
	if set == utf16LE {
		get = binary.LittleEndian.Uint16
	}
	if set == utf16Charset && len(s) > 0 {
		switch binary.BigEndian.Uint16(s) {
		case 0xfffe:
			get = binary.LittleEndian.Uint16
			s = s[2:]
		case 0xfeff:
			s = s[2:]
		}
	}
	for ; len(s) > 0; s = s[2:] {
		r := rune(get(s))
		if utf16.IsSurrogate(r) {
			if len(s) < 4 {
				return dst, false
			}
			if r = utf16.DecodeRune(r, rune(get(s[2:]))); r == utf8.RuneError {
				return dst, false
			}
			s = s[2:]
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, true
}
