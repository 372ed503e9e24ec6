package cast

import (
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/valyala/fastjson"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// The codes of row errors.
const (
	BadCast  = "BAD_CAST"
	Overflow = "OVERFLOW"
)

// New gives the kernel that converts from one type to another; safe is TRY_CAST.
// The kernel is nil if the values are the same in the same form. The error says
// that no such conversion is defined.
func New(from, to catalog.Type, safe bool) (catalog.Kernel, error) {
	if !catalog.CanCast(from, to, false) {
		return nil, fmt.Errorf("%s can't be cast to %s", from, to)
	}
	k, err := build(from, to)
	if k == nil || err != nil || !safe {
		return k, err
	}
	return try{k}, nil
}

// try runs a kernel with failing rows being NULL.
type try struct{ catalog.Kernel }

func (k try) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	quiet := *c
	quiet.Fail = func(int, string, string) {}
	return k.Kernel.Eval(&quiet, args, n, sel)
}

func build(from, to catalog.Type) (catalog.Kernel, error) {
	switch {
	case from.Kind == catalog.KindNull:
		if to.Kind == catalog.KindNull {
			return nil, nil
		}
		dt := to.Arrow()
		return kernel.Func(func(c *catalog.EvalContext, _ []arrow.Array, n int, _ []int32) (arrow.Array, error) {
			return column.NewNull(c.Alloc, dt, n), nil
		}), nil
	case from.Equal(to):
		return nil, nil
	case from.IsNested() && to.IsNested():
		return nested(from, to)
	case to.IsText():
		return toText(from, to), nil
	case from.IsText():
		return fromText(to), nil
	case from.IsNumeric() || from.Kind == catalog.KindBoolean:
		return number(from, to), nil
	default:
		return temporal(from, to), nil
	}
}

// retyped gives the same buffers under another Arrow type.
func retyped(a arrow.Array, dt arrow.DataType) arrow.Array {
	d := a.Data()
	data := array.NewData(dt, d.Len(), d.Buffers(), d.Children(), d.NullN(), d.Offset())
	out := array.MakeFromData(data)
	data.Release()
	return out
}

// relabel is a conversion that leaves the bytes as they are.
func relabel(dt arrow.DataType) catalog.Kernel {
	return kernel.Func(func(_ *catalog.EvalContext, args []arrow.Array, _ int, _ []int32) (arrow.Array, error) {
		return retyped(args[0], dt), nil
	})
}

// fromText parses texts.
func fromText(to catalog.Type) catalog.Kernel {
	switch to.Kind {
	case catalog.KindBytes:
		return relabel(to.Arrow())
	case catalog.KindBoolean:
		return textRows[bool]{to: to, parse: parseBool}
	case catalog.KindTinyInt:
		return textRows[int8]{to: to, parse: parseInt[int8](8)}
	case catalog.KindSmallInt:
		return textRows[int16]{to: to, parse: parseInt[int16](16)}
	case catalog.KindInt:
		return textRows[int32]{to: to, parse: parseInt[int32](32)}
	case catalog.KindBigInt:
		return textRows[int64]{to: to, parse: parseInt[int64](64)}
	case catalog.KindFloat:
		return textRows[float32]{to: to, parse: parseFloat[float32](32)}
	case catalog.KindDouble:
		return textRows[float64]{to: to, parse: parseFloat[float64](64)}
	case catalog.KindDecimal:
		return textRows[decimalNum]{to: to, parse: parseDecimal(to)}
	case catalog.KindDate:
		return textRows[int32]{to: to, parse: parseDate}
	case catalog.KindTime:
		return textRows[int64]{to: to, parse: parseTime}
	case catalog.KindTimestamp:
		return textRows[int64]{to: to, parse: parseTimestamp(to.Precision)}
	default:
		return zonedText{to}
	}
}

// textRows parses a column of texts value by value.
type textRows[R any] struct {
	to catalog.Type
	// parse gives the value, or the code of what is wrong.
	parse func(b []byte) (v R, code string)
}

// Eval implements catalog.Kernel.
func (k textRows[R]) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	valid := kernel.NewNullable(c.Alloc, n, args[0])
	texts := kernel.TextsOf(args[0])
	if k.to.Kind == catalog.KindBoolean {
		out := kernel.BoolColumn(c.Alloc, n, sel, &valid, func(i int) bool {
			v, code := k.parse(trim(texts.At(i)))
			if code != "" {
				failText(c, &valid, i, code, texts.At(i), k.to)
			}
			return any(v) == true
		})
		return out, nil
	}
	width := k.to.Arrow().(arrow.FixedWidthDataType).BitWidth() / 8
	buf := column.NewBuffer(c.Alloc, n*width)
	dst := column.As[R](buf, n)
	kernel.ForEach(n, sel, &valid, func(i int) {
		v, code := k.parse(trim(texts.At(i)))
		if code != "" {
			failText(c, &valid, i, code, texts.At(i), k.to)
		}
		dst[i] = v
	})
	return column.Make(k.to.Arrow(), n, -1, []*memory.Buffer{valid.Buffer(), buf}), nil
}

// longest is how much of a text a message shows, in bytes.
const longest = 60

func failText(c *catalog.EvalContext, valid *kernel.Nullable, i int, code string, text []byte, to catalog.Type) {
	shown := string(text)
	if len(shown) > longest {
		cut := longest
		for cut > 0 && !utf8.RuneStart(shown[cut]) {
			cut--
		}
		shown = shown[:cut] + "..."
	}
	if code == Overflow {
		c.Fail(i, code, fmt.Sprintf("'%s' is beyond %s", shown, to))
	} else {
		c.Fail(i, code, fmt.Sprintf("'%s' is no %s", shown, to))
	}
	valid.SetNull(i)
}

// trim cuts blanks from both ends, as SQL casts do.
func trim(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' {
		b = b[:len(b)-1]
	}
	return b
}

func validJSON(b []byte) bool { return fastjson.ValidateBytes(b) == nil }
