package builtin

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/cast"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// conversion is one %... of a PRINTF format, with the text before it.
type conversion struct {
	before           string
	verb             byte // 0: the text after the last one
	left, zero, plus bool
	blank, comma     bool
	upper            bool
	width, precision int // -1: not given
	arg              int
}

// parsePrintf reads a format of Java's Formatter, as far as SQL values go.
func parsePrintf(format string, args int) ([]conversion, error) {
	var list []conversion
	var text strings.Builder
	next := 0
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			text.WriteByte(format[i])
			continue
		}
		c := conversion{width: -1, precision: -1, arg: -1}
		i++
		number := func() int {
			from := i
			for i < len(format) && format[i]-'0' <= 9 && i-from < 5 {
				i++
			}
			n, err := strconv.Atoi(format[from:i])
			if err != nil {
				return -1
			}
			return n
		}
		start := i
		if n := number(); n > 0 && i < len(format) && format[i] == '$' {
			c.arg = n - 1
			i++
		} else {
			i = start
		}
	flags:
		for ; i < len(format); i++ {
			switch format[i] {
			case '-':
				c.left = true
			case '0':
				c.zero = true
			case '+':
				c.plus = true
			case ' ':
				c.blank = true
			case ',':
				c.comma = true
			default:
				break flags
			}
		}
		c.width = number()
		if i < len(format) && format[i] == '.' {
			i++
			if c.precision = number(); c.precision < 0 {
				return nil, fmt.Errorf("format '%s': a point without digits", format)
			}
		}
		if i >= len(format) {
			return nil, fmt.Errorf("format '%s' ends within a conversion", format)
		}
		c.verb = format[i]
		switch c.verb {
		case '%':
			text.WriteByte('%')
			continue
		case 'n':
			text.WriteByte('\n')
			continue
		case 'S', 'X', 'E', 'G', 'B':
			c.verb |= 0x20
			c.upper = true
		case 's', 'd', 'x', 'o', 'f', 'e', 'g', 'c', 'b':
		default:
			return nil, fmt.Errorf("format '%s': no conversion %%%c; there are d, x, o, f, e, g, s, c, b and %%", format, c.verb)
		}
		if c.arg < 0 {
			c.arg = next
			next++
		}
		if c.arg >= args {
			return nil, fmt.Errorf("format '%s' asks for %d values, there are %d", format, c.arg+1, args)
		}
		if c.width > maxText || c.precision > 1000 {
			return nil, fmt.Errorf("format '%s' asks for too many characters", format)
		}
		c.before = text.String()
		text.Reset()
		list = append(list, c)
	}
	return append(list, conversion{before: text.String(), arg: -1}), nil
}

// fits says why a conversion does not take values of a type.
func (c conversion) fits(t catalog.Type) error {
	ok := true
	switch c.verb {
	case 'd', 'x', 'o':
		ok = t.IsInteger() || t.Kind == catalog.KindNull
	case 'f', 'e', 'g':
		ok = t.IsNumeric() || t.Kind == catalog.KindNull
	case 'c':
		ok = t.IsInteger() || t.IsText() || t.Kind == catalog.KindNull
	}
	if !ok {
		return fmt.Errorf("%%%c does not take %s", c.verb, t)
	}
	return nil
}

func printfFunctions() []*catalog.Function {
	const name = "PRINTF"
	return []*catalog.Function{{
		Name: name, Aliases: []string{"FORMAT", "FORMAT_STRING"}, Category: texts, Signatures: []string{name + "(format STRING, a, b, ...) -> STRING"},
		Doc: "The values in a text, where the format has %s (any value), %d (integers; %,d with commas), %x, %o, %f, %e, %g (numbers), %c, %b, %% and %n, with flags, width and precision as in Java; %2$s takes the second value. A NULL value is written null; NULL if the format is NULL. " +
			"A format that is wrong or does not fit the values is an error at planning, or of the row (" + codeBadFormat + ") if it is no constant.",
		Examples: shows("PRINTF('%s: %05.1f%%', 'cpu', 7.25)", "cpu: 007.3%", "PRINTF('%,d|%-4s|%4s', 1234567, 'a', TRUE)", "1,234,567|a   |true", "FORMAT('%x', 255)", "ff"),
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if len(args) == 0 || !catalog.CanCast(args[0].Type, str, true) {
				return nil, noOverload(name, args)
			}
			types := argTypes(args[1:])
			compile := func(format string) ([]conversion, error) {
				list, err := parsePrintf(format, len(types))
				for _, c := range list {
					if err == nil && c.arg >= 0 {
						err = c.fits(types[c.arg])
					}
				}
				return list, err
			}
			if args[0].Const != nil {
				if s, ok := args[0].Const.Value.(string); ok {
					if _, err := compile(s); err != nil {
						return nil, fmt.Errorf("%s: %w", name, err)
					}
				}
			}
			return &catalog.Overload{
				Params: append([]catalog.Type{str}, types...), Result: str, CanFail: true,
				Kernel: kernel.Func(func(c *catalog.EvalContext, cols []arrow.Array, n int, sel []int32) (arrow.Array, error) {
					return printf(c, cols, types, n, sel, compile)
				}),
			}, nil
		},
	}}
}

func printf(c *catalog.EvalContext, cols []arrow.Array, types []catalog.Type, n int, sel []int32, compile func(format string) ([]conversion, error)) (arrow.Array, error) {
	formats := kernel.TextsOf(cols[0])
	m := matcher[[]conversion]{compile: compile}
	values := make([]func(dst []byte, i int) []byte, len(types))
	valid := make([]column.Bits, len(types))
	for k, t := range types {
		if col := cols[k+1]; !column.AllNull(col) {
			values[k], valid[k] = cast.Texter(col, t, c), column.Validity(col)
		}
	}
	out := kernel.NewTextBuilder(c.Alloc, n, 16*n)
	ok := kernel.NewNullable(c.Alloc, n, cols[0])
	var text, value []byte
	kernel.ForEach(n, sel, &ok, func(i int) {
		list, err := m.get(formats.At(i))
		if err != nil {
			c.Fail(i, codeBadFormat, err.Error())
			ok.SetNull(i)
			return
		}
		text = text[:0]
		for _, v := range list {
			text = append(text, v.before...)
			if v.arg < 0 {
				continue
			}
			if values[v.arg] == nil || !valid[v.arg].Get(i) {
				value = append(value[:0], "null"...)
				v.verb, v.zero = 's', false
				if v.precision >= 0 {
					v.precision = -1
				}
			} else {
				value = values[v.arg](value[:0], i)
			}
			text = v.append(text, value, types[v.arg])
		}
		out.Put(i, text)
	})
	return out.Finish(arrow.BinaryTypes.String, ok.Buffer())
}

// append writes a value, given as its text, by the conversion.
func (c conversion) append(dst, value []byte, t catalog.Type) []byte {
	from := len(dst)
	number := false
	switch c.verb {
	case 'd', 'x', 'o':
		v, _ := strconv.ParseInt(string(value), 10, 64)
		base := map[byte]int{'d': 10, 'x': 16, 'o': 8}[c.verb]
		if base == 10 {
			dst = c.signed(dst, value)
		} else {
			u := uint64(v)
			if bits := map[catalog.Kind]uint{catalog.KindTinyInt: 8, catalog.KindSmallInt: 16, catalog.KindInt: 32}[t.Kind]; bits > 0 {
				u &= 1<<bits - 1 // two's complement in the width of the type
			}
			dst = strconv.AppendUint(dst, u, base)
		}
		number = true
	case 'f', 'e', 'g':
		dst, number = c.float(dst, value, t)
	case 'c':
		if t.IsInteger() {
			v, _ := strconv.ParseInt(string(value), 10, 64)
			dst = utf8.AppendRune(dst, rune(v))
		} else {
			dst = append(dst, substring(value, 1, 1)...)
		}
	case 'b':
		if t.Kind == catalog.KindBoolean {
			dst = append(dst, value...)
		} else {
			dst = append(dst, "true"...)
		}
	default:
		if c.precision >= 0 {
			value = substring(value, 1, int64(c.precision))
		}
		dst = append(dst, value...)
	}
	if c.upper {
		dst = append(dst[:from], strings.ToUpper(string(dst[from:]))...)
	}
	pad := c.width - charCount(dst[from:])
	if pad <= 0 {
		return dst
	}
	fill := strings.Repeat(" ", pad)
	switch {
	case c.left:
		return append(dst, fill...)
	case c.zero && number:
		at := from
		if dst[at] == '-' || dst[at] == '+' || dst[at] == ' ' {
			at++
		}
		return append(dst[:at], append([]byte(strings.Repeat("0", pad)), dst[at:]...)...)
	}
	return append(dst[:from], append([]byte(fill), dst[from:]...)...)
}

// signed writes digits with the sign and the commas that are asked for.
func (c conversion) signed(dst, digits []byte) []byte {
	switch {
	case digits[0] == '-':
		dst, digits = append(dst, '-'), digits[1:]
	case c.plus:
		dst = append(dst, '+')
	case c.blank:
		dst = append(dst, ' ')
	}
	if !c.comma {
		return append(dst, digits...)
	}
	whole := len(digits)
	for k, d := range digits {
		if d == '.' {
			whole = k
			break
		}
	}
	for k, d := range digits[:whole] {
		if k > 0 && (whole-k)%3 == 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, d)
	}
	return append(dst, digits[whole:]...)
}

// float writes a number; halves are rounded away from zero, by the digits that
// the value is written with.
func (c conversion) float(dst, value []byte, t catalog.Type) ([]byte, bool) {
	x, err := strconv.ParseFloat(string(value), 64)
	if err != nil || x-x != 0 {
		return append(dst, value...), false // NaN, Infinity
	}
	precision := c.precision
	if precision < 0 {
		precision = 6
	}
	if c.verb != 'f' {
		return c.signed(dst, strconv.AppendFloat(nil, x, c.verb, precision, 64)), true
	}
	plain := string(value)
	if t.IsFloating() {
		plain = strconv.FormatFloat(x, 'f', -1, 64)
	}
	return c.signed(dst, []byte(roundedText(plain, precision))), true
}

// roundedText rounds a number in plain digits to so many after the point.
func roundedText(s string, precision int) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, frac, _ := strings.Cut(s, ".")
	up := len(frac) > precision && frac[precision] >= '5'
	if len(frac) > precision {
		frac = frac[:precision]
	}
	digits := []byte(whole + frac + strings.Repeat("0", precision-len(frac)))
	for k := len(digits) - 1; up && k >= 0; k-- {
		if digits[k] == '9' {
			digits[k] = '0'
			continue
		}
		digits[k]++
		up = false
	}
	if up {
		digits = append([]byte{'1'}, digits...)
	}
	point := len(digits) - precision
	if precision == 0 {
		return sign + string(digits)
	}
	return sign + string(digits[:point]) + "." + string(digits[point:])
}
