package builtin

import (
	"math"
	"strconv"

	"github.com/streamsql/streamsql/catalog"
)

// convert is CONV: the digits of a number in another base, unsigned where to is
// positive. The text counts up to the first character that is no digit; what is
// beyond 64 bits is the greatest number that they have.
func convert(dst, text []byte, from, to int64) ([]byte, bool) {
	if from < 2 || from > 36 || max(to, -to) < 2 || max(to, -to) > 36 || len(text) == 0 {
		return nil, false
	}
	negative := text[0] == '-'
	if negative {
		text = text[1:]
	}
	v := uint64(0)
	for _, c := range text {
		d := uint64(math.MaxUint64)
		switch {
		case c >= '0' && c <= '9':
			d = uint64(c - '0')
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			d = uint64(c|0x20-'a') + 10
		}
		if d >= uint64(from) {
			break
		}
		if v > (math.MaxUint64-d)/uint64(from) {
			v = math.MaxUint64
			break
		}
		v = v*uint64(from) + d
	}
	if negative {
		v = -v
	}
	if to < 0 {
		dst = strconv.AppendInt(dst[:0], int64(v), int(-to))
	} else {
		dst = strconv.AppendUint(dst[:0], v, int(to))
	}
	return upper(dst[:0], dst), true
}

// numberDialects are functions of numbers that Spark has.
func numberDialects() []*catalog.Function {
	isNaN := byName(transcendentals())["ISNAN"]
	return append(tryFunctions(),
		scalar(arithmetics, called("CONV"), "(digits STRING, from INT, to INT) -> STRING",
			"The digits of a number in base `from`, written in base `to`, 2 to 36. Digits count up to the first character that is none; a negative number is one of 64 bits, unless `to` is negative: then the result has a sign. NULL if an argument is NULL, the text is empty, or a base is none.",
			shows("CONV('100', 2, 10)", "4", "CONV('ff', 16, 10)", "255", "CONV('-10', 16, -10)", "-16", "CONV('', 10, 2)", "NULL"),
			overload(catalog.String, rowText(catalog.String, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				digits, from, to := a.text(0), a.integer(1), a.integer(2)
				var out []byte
				return func(i int) ([]byte, bool) {
					var ok bool
					out, ok = convert(out, digits(i), from(i), to(i))
					return out, ok
				}
			}), catalog.String, catalog.Int, catalog.Int)),
		&catalog.Function{
			Name: "NANVL", Category: arithmetics, Signatures: []string{"NANVL(a DOUBLE, b DOUBLE) -> DOUBLE"},
			Doc:      "a, or b where a is not a number. NULL if a is NULL, or if a is not a number and b is NULL.",
			Examples: shows("NANVL(LN(-1), 2.5)", "2.5", "NANVL(1.5, NULL)", "1.5", "NANVL(NULL, 2.5)", "NULL"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if len(args) != 2 || !accepts(catalog.Double, args[0]) || !accepts(catalog.Double, args[1]) {
					return nil, noOverload("NANVL", args)
				}
				test, err := isNaN.Resolve([]catalog.Arg{{Type: catalog.Double}})
				if err != nil {
					return nil, err
				}
				return macro(same(catalog.Double, 2), catalog.Double, func(args []catalog.Expr) catalog.Expr {
					cond := &catalog.Call{Fn: isNaN, Overload: test, Args: args[:1]}
					return &catalog.Case{Whens: []catalog.When{{Cond: cond, Then: args[1]}}, Else: args[0], T: catalog.Double}
				}), nil
			},
		})
}
