package rowwise

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// guard drops the records that are bad for its branch: not well-formed, beyond
// MAX FUTURE SKEW, or with an error in a column that the branch reads, with all
// their rows. One dead letter a record names all its columns in error.
type guard struct {
	ctx     *op.Context
	g       *planner.Guard
	reads   map[int16][]string // members read of a column; nil: all
	letters []op.Letter
	sel     []int32
}

// NewGuard makes the operator.
func NewGuard(g *planner.Guard, ctx *op.Context) op.Operator {
	o := &guard{ctx: ctx, g: g, reads: map[int16][]string{-1: nil, -2: nil}}
	for i, c := range g.Reads {
		o.reads[int16(c)] = nil
		if g.Members != nil {
			o.reads[int16(c)] = g.Members[i]
		}
	}
	return o
}

// Process implements op.Operator.
func (o *guard) Process(_ int, b *op.Batch, out op.Output) error {
	recs := b.Origin.Records
	if len(recs.Errors) == 0 && len(b.Origin.Skewed) == 0 {
		return out.Emit(planner.MainPort, b)
	}
	o.judge(b)
	if len(o.letters) == 0 {
		return out.Emit(planner.MainPort, b)
	}
	if err := op.Judge(o.ctx, o.g.OnError, "source "+o.g.Source, o.g.Branch, b, o.letters, out); err != nil {
		return err
	}
	// All rows of a bad record go.
	o.sel = slices.Grow(o.sel[:0], b.N)
	next := 0
	for r := range b.N {
		for next < len(o.letters) && b.Origin.Record(o.letters[next].Row) < b.Origin.Record(r) {
			next++
		}
		if next == len(o.letters) || b.Origin.Record(o.letters[next].Row) != b.Origin.Record(r) {
			o.sel = append(o.sel, int32(r))
		}
	}
	o.ctx.Counters[op.CountFiltered] += int64(b.N - len(o.sel) - len(o.letters))
	return out.EmitSelected(planner.MainPort, b, o.sel)
}

// judge makes the letters of b's bad records, one each.
func (o *guard) judge(b *op.Batch) {
	o.letters = o.letters[:0]
	errs, skewed := b.Origin.Records.Errors, b.Origin.Skewed
	for len(errs) > 0 || len(skewed) > 0 {
		row := int32(b.N)
		if len(errs) > 0 {
			row = errs[0].Row
		}
		if len(skewed) > 0 {
			row = min(row, skewed[0])
		}
		record := b.Origin.Record(int(row))
		n := 0
		for n < len(errs) && b.Origin.Record(int(errs[n].Row)) == record {
			n++
		}
		l, bad := o.read(row, errs[:n])
		errs = errs[n:]
		for len(skewed) > 0 && b.Origin.Record(int(skewed[0])) == record {
			skewed = skewed[1:]
			if !bad {
				l = op.Letter{Row: int(row), Code: "FUTURE_SKEW", Message: "the record's time is further ahead than MAX FUTURE SKEW allows"}
				bad = true
			}
		}
		if bad {
			o.letters = append(o.letters, l)
		}
	}
}

// read makes the letter of a record from its errors, if any counts here.
func (o *guard) read(row int32, errs []connectors.CellError) (l op.Letter, bad bool) {
	var cols, msgs []string
	for _, e := range errs {
		if !o.counts(e) {
			continue
		}
		if !bad {
			l = op.Letter{Row: int(row), Code: e.Code}
			bad = true
		}
		if e.Column != "" {
			cols = append(cols, e.Column)
		}
		if e.Column != "" && !strings.Contains(e.Detail, "column "+e.Column+" ") {
			msgs = append(msgs, fmt.Sprintf("column %s: %s", e.Column, e.Detail))
		} else {
			msgs = append(msgs, e.Detail) // JSON's names the column with its type
		}
	}
	l.Columns, l.Message = strings.Join(cols, ","), strings.Join(msgs, "; ")
	return l, bad
}

// counts says whether the branch reads what is in error: the column, and of a
// ROW the member or one inside or around it.
func (o *guard) counts(e connectors.CellError) bool {
	members, ok := o.reads[e.Col]
	if !ok || members == nil {
		return ok
	}
	return slices.ContainsFunc(members, func(m string) bool {
		return m == e.Column || strings.HasPrefix(e.Column, m+".") || strings.HasPrefix(e.Column, m+"[") ||
			strings.HasPrefix(m, e.Column+".")
	})
}

// Advance implements op.Operator.
func (o *guard) Advance(_ int, w int64, out op.Output) error { return out.Watermark(w) }

// End implements op.Operator.
func (o *guard) End(_ int, out op.Output) error { return out.End() }

// Balance implements op.Balanced: of a bad record one row is bad, further ones are
// filtered.
func (o *guard) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountOut, op.CountBad, op.CountFiltered)
}

// Close implements op.Operator.
func (o *guard) Close() {}
