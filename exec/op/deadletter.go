package op

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/planner"
)

// Letter is one row in error.
type Letter struct {
	Row     int    // of the batch
	Code    string // OVERFLOW, MALFORMED_RECORD, ...
	Columns string // comma-separated; "" if it is not about columns
	Message string
}

// Judge deals with the rows of b in error by mode: counted always, then an error
// of the job, nothing more, or dead letters on the error port.
func Judge(ctx *Context, mode planner.ErrorMode, where, branch string, b *Batch, letters []Letter, out Output) error {
	if len(letters) == 0 {
		return nil
	}
	ctx.countBad(letters)
	if mode == planner.ErrorFail {
		return rowError(ctx, where, b, letters[0])
	}
	if ctx.Sample != nil {
		ctx.Sample(rowError(ctx, where, b, letters[0]))
	}
	if mode == planner.ErrorDeadLetter {
		d := deadLetters(ctx, branch, b, letters)
		defer d.Release()
		return out.Emit(planner.ErrorPort, d)
	}
	return nil
}

// rowError is the error of a row that can't be taken.
func rowError(ctx *Context, where string, b *Batch, l Letter) *RowError {
	e := &RowError{Code: l.Code, Message: l.Message, Where: where}
	if o := b.Origin; o != nil {
		e.Position = o.Records.Position(o.Record(l.Row))
		e.Row = Clip(string(o.Records.Raw(o.Record(l.Row))))
	} else {
		e.Row = Clip(ctx.rowText(b, l.Row))
	}
	return e
}

// BadPrefix marks the counters of rows in error by their code: bad.OVERFLOW.
const BadPrefix = CountBad + "."

// countBad counts rows in error, as a whole and by code.
func (c *Context) countBad(letters []Letter) {
	c.Counters[CountBad] += int64(len(letters))
	for i := 0; i < len(letters); {
		n := i + 1
		for n < len(letters) && letters[n].Code == letters[i].Code {
			n++
		}
		c.Counters[BadPrefix+letters[i].Code] += int64(n - i)
		i = n
	}
}

// EmitGood emits the rows of b that are not in error, and deals with the others
// as Judge does. letters ascend by row.
func EmitGood(ctx *Context, mode planner.ErrorMode, where string, b *Batch, letters []Letter, out Output) error {
	if err := Judge(ctx, mode, where, ctx.Branch, b, letters, out); err != nil {
		return err
	}
	sel := make([]int32, 0, b.N)
	next := 0
	for r := range b.N {
		if next < len(letters) && letters[next].Row == r {
			for next < len(letters) && letters[next].Row == r {
				next++
			}
			continue
		}
		sel = append(sel, int32(r))
	}
	return out.EmitSelected(planner.MainPort, b, sel)
}

// Clip shortens a row for a message. What is no UTF-8, and what a terminal would take
// for a command, is shown by its number: \xff, \u001b.
func Clip(s string) string {
	const most = 400
	s = strings.TrimRight(s, "\r\n")
	end := ""
	if len(s) > most {
		cut := most
		for cut > most-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s, end = s[:cut], "..."
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r != '\t' && unicode.IsControl(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + end
}

// deadLetters makes rows with the columns catalog.DeadLetterFields.
func deadLetters(ctx *Context, branch string, b *Batch, letters []Letter) *Batch {
	text := func(f func(l Letter) (string, bool)) arrow.Array {
		bld := array.NewStringBuilder(ctx.Alloc)
		defer bld.Release()
		for _, l := range letters {
			if s, ok := f(l); ok {
				bld.Append(strings.ToValidUTF8(s, "\uFFFD"))
			} else {
				bld.AppendNull()
			}
		}
		return bld.NewArray()
	}
	o := b.Origin
	raw := array.NewBinaryBuilder(ctx.Alloc, arrow.BinaryTypes.Binary)
	defer raw.Release()
	at := array.NewTimestampBuilder(ctx.Alloc, catalog.TimestampLTZ3.Arrow().(*arrow.TimestampType))
	defer at.Release()
	key := array.NewBinaryBuilder(ctx.Alloc, arrow.BinaryTypes.Binary)
	defer key.Release()
	stamp := array.NewTimestampBuilder(ctx.Alloc, catalog.TimestampLTZ3.Arrow().(*arrow.TimestampType))
	defer stamp.Release()
	headers := array.NewMapBuilderWithType(ctx.Alloc, catalog.MapOf(catalog.String, catalog.Bytes).Arrow().(*arrow.MapType))
	defer headers.Release()
	now := arrow.Timestamp(ctx.Now().UnixMilli() * 1000)
	for _, l := range letters {
		if o != nil {
			raw.Append(o.Records.Raw(o.Record(l.Row)))
		} else {
			raw.Append([]byte(ctx.rowText(b, l.Row)))
		}
		at.Append(now)
		if o != nil && o.Records.Key != nil && o.Records.Key(o.Record(l.Row)) != nil {
			key.Append(o.Records.Key(o.Record(l.Row)))
		} else {
			key.AppendNull()
		}
		if o != nil && o.Records.Timestamps != nil {
			stamp.Append(arrow.Timestamp(o.Records.Timestamps[o.Record(l.Row)]))
		} else {
			stamp.AppendNull()
		}
		if o != nil && o.Records.Headers != nil {
			appendHeaders(headers, o.Records.Headers(o.Record(l.Row)))
		} else {
			headers.AppendNull()
		}
	}
	return &Batch{N: len(letters), Cols: []arrow.Array{
		text(func(Letter) (string, bool) {
			if o == nil {
				return "", false
			}
			return o.Source, true
		}),
		text(func(l Letter) (string, bool) {
			if o == nil {
				return "", false
			}
			return o.Records.Position(o.Record(l.Row)), true
		}),
		raw.NewArray(),
		text(func(l Letter) (string, bool) { return l.Code, true }),
		text(func(l Letter) (string, bool) { return l.Columns, l.Columns != "" }),
		text(func(l Letter) (string, bool) { return l.Message, true }),
		text(func(Letter) (string, bool) { return ctx.Job, ctx.Job != "" }),
		text(func(Letter) (string, bool) { return branch, true }),
		at.NewArray(),
		key.NewArray(), stamp.NewArray(), headers.NewArray(),
	}}
}

// appendHeaders appends the headers of a record to a map of BYTES by STRING.
func appendHeaders(b *array.MapBuilder, list []connectors.Header) {
	b.Append(true)
	keys, values := b.KeyBuilder().(*array.StringBuilder), b.ItemBuilder().(*array.BinaryBuilder)
	for _, h := range list {
		keys.Append(strings.ToValidUTF8(h.Key, "\uFFFD"))
		if h.Value == nil {
			values.AppendNull()
		} else {
			values.Append(h.Value)
		}
	}
}
