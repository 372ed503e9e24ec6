package builtin

import (
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// characterTests ask what a text is made of.
func characterTests() []*catalog.Function {
	all := func(f func(r rune) bool) func(s []byte) bool {
		return func(s []byte) bool {
			for len(s) > 0 {
				r, size := utf8.DecodeRune(s)
				if !f(r) {
					return false
				}
				s = s[size:]
			}
			return true
		}
	}
	var fns []*catalog.Function
	for _, f := range []struct {
		name, doc string
		examples  []catalog.Example
		test      func(s []byte) bool
	}{
		{"IS_ALPHA", "Whether s is of letters only, and not empty.", shows("IS_ALPHA('aé')", "true", "IS_ALPHA('a1')", "false"),
			func(s []byte) bool { return len(s) > 0 && all(unicode.IsLetter)(s) }},
		{"IS_DIGIT", "Whether s is of digits only, and not empty.", shows("IS_DIGIT('017')", "true", "IS_DIGIT('1.5')", "false"),
			func(s []byte) bool { return len(s) > 0 && all(unicode.IsDigit)(s) }},
		{"IS_DECIMAL", "Whether s is a number in decimal digits: a sign, digits, a point with digits, an exponent.",
			shows("IS_DECIMAL('-1.50')", "true", "IS_DECIMAL('1e5')", "true", "IS_DECIMAL('x1')", "false"), isDecimal},
	} {
		fns = append(fns, scalar(texts, called(f.name), "(s STRING) -> BOOLEAN", f.doc+" FALSE if s is NULL.", f.examples, signature{
			params: []catalog.Type{str}, result: catalog.Boolean, lax: true,
			kernel: kernel.Func(func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
				valid, s, all := column.Validity(args[0]), kernel.TextsOf(args[0]), kernel.Nullable{}
				return kernel.BoolColumn(c.Alloc, n, sel, &all, func(i int) bool { return valid.Get(i) && f.test(s.At(i)) }), nil
			})}))
	}
	return fns
}

// isDecimal says whether a text is a number in decimal notation.
func isDecimal(s []byte) bool {
	digits := func() (n int) {
		for len(s) > 0 && s[0]-'0' <= 9 {
			s = s[1:]
			n++
		}
		return n
	}
	sign := func() {
		if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
			s = s[1:]
		}
	}
	sign()
	n := digits()
	if len(s) > 0 && s[0] == '.' {
		s = s[1:]
		n += digits()
	}
	if n == 0 {
		return false
	}
	if len(s) > 0 && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		sign()
		return digits() > 0 && len(s) == 0
	}
	return len(s) == 0
}
