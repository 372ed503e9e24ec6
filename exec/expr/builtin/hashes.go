package builtin

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

func hashFunctions() []*catalog.Function {
	digest := func(name, result string, sum func(b []byte) []byte) *catalog.Function {
		k := textToText(str, func(scratch, s []byte) []byte { return hex.AppendEncode(scratch, sum(s)) })
		return &catalog.Function{
			Name: name, Category: hashing, Signatures: []string{name + "(s STRING | BYTES) -> STRING"},
			Doc: "The " + name + " digest of s as hexadecimal digits. NULL if s is NULL.", Examples: []catalog.Example{{SQL: name + "('abc')", Result: result}},
			Resolve: choose(name, signature{params: []catalog.Type{str}, result: str, kernel: k}, signature{params: []catalog.Type{catalog.Bytes}, result: str, kernel: k}),
		}
	}
	base64Of := textToText(str, func(scratch, s []byte) []byte { return base64.StdEncoding.AppendEncode(scratch, s) })
	hexOf := textToText(str, func(scratch, s []byte) []byte {
		at := len(scratch)
		scratch = hex.AppendEncode(scratch, s)
		return upper(scratch[:at], scratch[at:])
	})
	return []*catalog.Function{
		digest("MD5", "900150983cd24fb0d6963f7d28e17f72", func(b []byte) []byte { h := md5.Sum(b); return h[:] }),
		withAliases(digest("SHA1", "a9993e364706816aba3e25717850c26c9cd0d89d", func(b []byte) []byte { h := sha1.Sum(b); return h[:] }), "SHA"),
		digest("SHA224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7", func(b []byte) []byte { h := sha256.Sum224(b); return h[:] }),
		digest("SHA256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", func(b []byte) []byte { h := sha256.Sum256(b); return h[:] }),
		digest("SHA384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
			func(b []byte) []byte { h := sha512.Sum384(b); return h[:] }),
		digest("SHA512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
			func(b []byte) []byte { h := sha512.Sum512(b); return h[:] }),
		{
			Name: "TO_BASE64", Aliases: []string{"BASE64"}, Category: hashing, Signatures: []string{"TO_BASE64(s STRING | BYTES) -> STRING"},
			Doc: "s in base 64. NULL if s is NULL.", Examples: []catalog.Example{{SQL: "TO_BASE64('hello')", Result: "aGVsbG8="}},
			Resolve: choose("TO_BASE64", signature{params: []catalog.Type{str}, result: str, kernel: base64Of}, signature{params: []catalog.Type{catalog.Bytes}, result: str, kernel: base64Of}),
		},
		{
			Name: "FROM_BASE64", Category: hashing, Signatures: []string{"FROM_BASE64(s STRING) -> STRING"},
			Doc: "The text that s is in base 64. NULL if s is NULL, no base 64 or not of UTF-8.", Examples: []catalog.Example{{SQL: "FROM_BASE64('aGVsbG8=')", Result: "hello"}, {SQL: "FROM_BASE64('?')", Result: "NULL"}},
			Resolve: choose("FROM_BASE64", signature{params: []catalog.Type{str}, result: str, kernel: textKernel(str, stateless(
				func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
					s := a.text(0)
					return func(i int) ([]byte, bool) {
						out, err := base64.StdEncoding.AppendDecode(nil, s(i))
						return out, err == nil && validUTF8(out)
					}
				}))}),
		},
		{
			Name: "HEX", Aliases: []string{"TO_HEX"}, Category: hashing, Signatures: []string{"HEX(s STRING | BYTES) -> STRING", "HEX(n BIGINT) -> STRING"},
			Doc:      "The bytes of s (a text in UTF-8), or the number n (the 64 bits of a negative one), as hexadecimal digits in upper case. NULL if the argument is NULL.",
			Examples: []catalog.Example{{SQL: "HEX('Jk')", Result: "4A6B"}, {SQL: "HEX(255)", Result: "FF"}},
			Resolve: choose("HEX", signature{params: []catalog.Type{str}, result: str, kernel: hexOf}, signature{params: []catalog.Type{catalog.Bytes}, result: str, kernel: hexOf},
				overload(str, rowText(str, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
					n := a.integer(0)
					var out []byte
					return func(i int) ([]byte, bool) {
						out = strconv.AppendUint(out[:0], uint64(n(i)), 16)
						return upper(out[:0], out), true
					}
				}), catalog.BigInt)),
		},
		{
			Name: "UUID", Aliases: []string{"GEN_RANDOM_UUID", "UUIDV4", "UUID_V4"}, Category: hashing, Volatility: catalog.Volatile, Signatures: []string{"UUID() -> STRING"},
			Doc: "A random UUID (version 4), another one for each row.", Examples: []catalog.Example{{SQL: "CHAR_LENGTH(UUID())", Result: "36"}},
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("UUID", args, 0, 0); err != nil {
					return nil, err
				}
				return &catalog.Overload{Result: str, NeverNull: true, Kernel: kernel.Func(uuids)}, nil
			},
		},
	}
}

// uuids makes a random UUID a row, by the operating system's generator.
func uuids(c *catalog.EvalContext, _ []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	b := kernel.NewTextBuilder(c.Alloc, n, 36*n)
	random := make([]byte, 16*n)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	for i := range n {
		u := random[16*i : 16*i+16]
		u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
		out := b.Begin(i, 36)
		for k, part := range [][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
			if k > 0 {
				out = append(out, '-')
			}
			out = hex.AppendEncode(out, part)
		}
		b.End(out)
	}
	return b.Finish(arrow.BinaryTypes.String, nil)
}
