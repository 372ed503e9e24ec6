package rowwise

import (
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// unnest gives a row for each element of its items. Elements are gathered from
// the values of the lists, so a batch costs a list of row numbers and one copy.
type unnest struct {
	ctx     *op.Context
	o       *planner.Unnest
	eval    *expr.Evaluator
	where   string
	letters []op.Letter
	items   []elements

	// The rows to be emitted: of the input batch, and the number of the element.
	rows []int32
	at   []int64 // -1: padded
}

// elements are those of one item over the rows of a batch.
type elements struct {
	item planner.UnnestItem
	// Of an ARRAY or MAP: element k of row r is row offs[r]+k of cols; pick are the
	// rows of cols to be emitted, -1 for NULL.
	offs  []int32
	valid column.Bits
	none  bool // all rows are NULL
	cols  []arrow.Array
	pick  []int32
	// Of a series.
	first, last, step arrow.Array
	values            []int64
	nulls             []bool
}

var (
	_ op.Operator = (*unnest)(nil)
	_ op.Selector = (*unnest)(nil)
)

// NewUnnest makes the operator; prog is its compiled expressions.
func NewUnnest(o *planner.Unnest, prog *expr.Program, ctx *op.Context) op.Operator {
	u := &unnest{ctx: ctx, o: o, eval: prog.NewEvaluator(ctx.Alloc)}
	var names []string
	for _, e := range o.Expressions() {
		names = append(names, expr.Format(e))
	}
	u.where = "UNNEST " + op.Clip(strings.Join(names, ", "))
	for _, item := range o.Items {
		u.items = append(u.items, elements{item: item})
	}
	return u
}

// Process implements op.Operator.
func (u *unnest) Process(input int, b *op.Batch, out op.Output) error {
	return u.ProcessSelected(input, b, nil, out)
}

// ProcessSelected implements op.Selector.
func (u *unnest) ProcessSelected(_ int, b *op.Batch, sel []int32, out op.Output) error {
	if sel != nil && len(sel) == b.N {
		sel = nil
	}
	cols, errs, err := u.eval.Eval(u.ctx.Now(), b.Cols, b.N, sel)
	if err != nil {
		return err
	}
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	defer u.close(cols)
	u.letters = appendLetters(u.letters[:0], errs)
	for i, from := 0, 0; i < len(u.items); i++ {
		k := len(u.items[i].item.Exprs)
		u.items[i].open(cols[from:from+k], u.ctx.Alloc)
		from += k
	}
	var filtered, added int64
	var failed []op.Letter
	next := 0
	for r := range n {
		row := int32(r)
		if sel != nil {
			row = sel[r]
		}
		if next < len(u.letters) && u.letters[next].Row == int(row) {
			failed = append(failed, u.letters[next])
			next++
			continue
		}
		count, bad := u.count(r)
		if bad != nil {
			bad.Row = int(row)
			failed = append(failed, *bad)
			continue
		}
		switch {
		case count > 0:
			added += count - 1
		case u.o.Outer:
			u.add(row, r, -1)
		default:
			filtered++
		}
		for k := range count {
			u.add(row, r, k)
			if len(u.rows) >= u.ctx.BatchRows {
				if err := u.emit(b, out); err != nil {
					return err
				}
			}
		}
	}
	u.ctx.Counters[op.CountFiltered] += filtered
	u.ctx.Counters[op.CountAdded] += added
	if err := u.emit(b, out); err != nil {
		return err
	}
	return op.Judge(u.ctx, u.o.OnError, u.where, u.ctx.Branch, b, failed, out)
}

// open makes ready what the expressions of an item gave.
func (e *elements) open(cols []arrow.Array, alloc memory.Allocator) {
	if e.item.Series {
		e.first, e.last, e.step = cols[0], cols[1], nil
		if len(cols) > 2 {
			e.step = cols[2]
		}
		return
	}
	a := cols[0]
	if e.none = column.AllNull(a); e.none {
		return
	}
	e.offs, e.valid = column.Offsets(a), column.Validity(a)
	values := column.Elements(a)
	e.cols = e.cols[:0]
	s, isStruct := values.(*array.Struct)
	if t := e.item.Exprs[0].Type(); !isStruct || t.Kind != catalog.KindMap && t.Elem.Kind != catalog.KindRow {
		values.Retain()
		e.cols = append(e.cols, values)
		return
	}
	for i := range s.NumField() {
		e.cols = append(e.cols, column.Mask(s.Field(i), s, alloc))
	}
}

// close releases what a batch has taken.
func (u *unnest) close(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
	for i := range u.items {
		for _, c := range u.items[i].cols {
			c.Release()
		}
		u.items[i].cols = u.items[i].cols[:0]
	}
}

// count is the number of elements of the longest item of row r.
func (u *unnest) count(r int) (most int64, bad *op.Letter) {
	for i := range u.items {
		n, bad := u.items[i].count(r)
		if bad != nil {
			return 0, bad
		}
		most = max(most, n)
	}
	return most, nil
}

func (e *elements) count(r int) (int64, *op.Letter) {
	switch {
	case e.item.Series:
		return e.length(r)
	case e.none || !e.valid.Get(r):
		return 0, nil
	}
	return int64(e.offs[r+1] - e.offs[r]), nil
}

// length is the number of elements of a series.
func (e *elements) length(r int) (int64, *op.Letter) {
	if e.first.IsNull(r) || e.last.IsNull(r) || e.step != nil && e.step.IsNull(r) {
		return 0, nil
	}
	first, last, step := int64At(e.first, r), int64At(e.last, r), int64(1)
	if e.step != nil {
		step = int64At(e.step, r)
	}
	var steps uint64
	switch {
	case step == 0:
		return 0, &op.Letter{Code: "OUT_OF_RANGE", Message: "the step of GENERATE_SERIES is 0"}
	case step > 0 && first > last || step < 0 && first < last:
		return 0, nil
	case step > 0:
		steps = (uint64(last) - uint64(first)) / uint64(step)
	default:
		steps = (uint64(first) - uint64(last)) / (-uint64(step))
	}
	if steps >= math.MaxInt32 {
		return 0, &op.Letter{Code: "OUT_OF_RANGE", Message: fmt.Sprintf("GENERATE_SERIES from %d to %d has too many elements", first, last)}
	}
	return int64(steps) + 1, nil
}

func int64At(a arrow.Array, r int) int64 { return a.(*array.Int64).Value(r) }

// add notes element k of row r of what was evaluated; row is its number in the batch.
func (u *unnest) add(row int32, r int, k int64) {
	u.rows, u.at = append(u.rows, row), append(u.at, k)
	for i := range u.items {
		e := &u.items[i]
		n, _ := e.count(r)
		there := k >= 0 && k < n
		if !e.item.Series {
			p := int32(-1)
			if there {
				p = e.offs[r] + int32(k)
			}
			e.pick = append(e.pick, p)
			continue
		}
		v := int64(0)
		if there {
			v = int64At(e.first, r)
			if e.step != nil {
				v += k * int64At(e.step, r)
			} else {
				v += k
			}
		}
		e.values, e.nulls = append(e.values, v), append(e.nulls, !there)
	}
}

// emit gives out the rows noted so far.
func (u *unnest) emit(b *op.Batch, out op.Output) error {
	if len(u.rows) == 0 {
		return nil
	}
	alloc := u.ctx.Alloc
	cols := make([]arrow.Array, 0, len(u.ctx.Node.Cols))
	for _, c := range b.Cols {
		cols = append(cols, column.Gather(c, u.rows, alloc))
	}
	for i := range u.items {
		e := &u.items[i]
		switch {
		case e.item.Series:
			cols = append(cols, numbers(e.values, func(i int) bool { return e.nulls[i] }, alloc))
		case e.none:
			for _, t := range e.item.Columns() {
				cols = append(cols, column.NewNull(alloc, t.Arrow(), len(u.rows)))
			}
		default:
			for _, c := range e.cols {
				cols = append(cols, column.GatherOrNull(c, e.pick, alloc))
			}
		}
		e.pick, e.values, e.nulls = e.pick[:0], e.values[:0], e.nulls[:0]
	}
	if u.o.Ordinality {
		for i := range u.at {
			u.at[i]++
		}
		cols = append(cols, numbers(u.at, func(i int) bool { return u.at[i] == 0 }, alloc))
	}
	res := b.With(cols, u.rows)
	defer res.Release()
	for i, k := range res.Kinds {
		res.Kinds[i] = catalog.Insert
		if !k.Adds() {
			res.Kinds[i] = catalog.Delete
		}
	}
	u.rows, u.at = u.rows[:0], u.at[:0]
	return out.Emit(planner.MainPort, res)
}

// numbers makes a BIGINT column.
func numbers(v []int64, null func(i int) bool, alloc memory.Allocator) arrow.Array {
	var valid *memory.Buffer
	for i := range v {
		if !null(i) {
			continue
		}
		if valid == nil {
			valid = column.NewBuffer(alloc, column.BitmapBytes(len(v)))
			for j := range valid.Bytes() {
				valid.Bytes()[j] = 0xff
			}
		}
		column.ClearBit(valid.Bytes(), i)
	}
	return colvec.IntColumn(catalog.BigInt.Arrow(), len(v), valid, alloc, func(i int) int64 { return v[i] })
}

// Advance implements op.Operator.
func (u *unnest) Advance(_ int, w int64, out op.Output) error { return out.Watermark(w) }

// End implements op.Operator.
func (u *unnest) End(_ int, out op.Output) error { return out.End() }

// Balance implements op.Balanced.
func (u *unnest) Balance(c op.Counters) string {
	if c[op.CountIn]+c[op.CountAdded] == c[op.CountOut]+c[op.CountFiltered]+c[op.CountBad] {
		return ""
	}
	return fmt.Sprintf("in %d + added %d is not out %d + filtered %d + bad %d",
		c[op.CountIn], c[op.CountAdded], c[op.CountOut], c[op.CountFiltered], c[op.CountBad])
}

// Close implements op.Operator.
func (u *unnest) Close() { u.eval.Close() }
