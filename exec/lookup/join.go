package lookup

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/static"
	"github.com/streamsql/streamsql/planner"
)

// join looks up the different keys of each batch, makes a table of the rows that
// they have, and lets a static join do the rest.
type join struct {
	op.Operator // the static join
	ctx         *op.Context
	o           *planner.LookupJoin
	source      *Source
	table       *static.Current
	layout      *hash.Layout // of the columns of the stream that are looked up by; nil: only constants are
	from        []int        // these columns
	filter      *expr.Evaluator
	exprs       *expr.Evaluator
}

var _ op.Balanced = (*join)(nil)

// New makes the operator over a stream of width columns; prog is the compiled
// condition over both sides, if there is one.
func New(o *planner.LookupJoin, width int, s *Source, prog *expr.Program, ctx *op.Context) (op.Operator, error) {
	j := &join{ctx: ctx, o: o, source: s, table: &static.Current{}, exprs: s.exprs.NewEvaluator(ctx.Alloc)}
	if s.filter != nil {
		j.filter = s.filter.NewEvaluator(ctx.Alloc)
	}
	var types []catalog.Type
	for _, k := range o.By {
		if k.Value == nil {
			j.from, types = append(j.from, k.From), append(types, o.Columns[k.Column].Type)
		}
	}
	var err error
	if len(types) > 0 {
		if j.layout, err = hash.NewLayout(types); err != nil {
			return nil, fmt.Errorf("lookup: %w", err)
		}
	}
	j.Operator, err = static.New(o.Match, width, j.table, prog, ctx)
	return j, err
}

// Process implements op.Operator.
func (j *join) Process(input int, b *op.Batch, out op.Output) error {
	parts, n, err := j.find(b)
	if err != nil {
		return err
	}
	batches := make([][]arrow.Array, len(parts))
	for i, p := range parts {
		batches[i] = p.cols
	}
	t, err := static.NewTable(j.o.Match, batches, n, j.ctx.Alloc)
	if err != nil {
		return err
	}
	j.table.Set(t)
	defer t.Release()
	return j.Operator.Process(input, b, out)
}

// find gives the rows that the keys of a batch have.
func (j *join) find(b *op.Batch) (parts []part, n int, err error) {
	keys, k, err := j.keys(b)
	if err != nil || k == 0 {
		return nil, 0, err
	}
	defer func() { release(keys) }()
	cache := j.source.cache
	now := j.ctx.Now()
	var texts [][]byte
	asked := int64(k)
	if cache != nil {
		texts = texted(keys, k)
		var missing []int32
		parts, missing = cache.get(texts, now, j.ctx.Alloc)
		asked = int64(len(missing))
		j.ctx.Counters[op.CountCacheHits] += int64(k) - asked
		if len(missing) < k {
			some := gather(keys, missing, j.ctx.Alloc)
			release(keys)
			keys, k = some, len(missing)
			for i, m := range missing {
				texts[i] = texts[m]
			}
		}
	}
	j.ctx.Counters[op.CountCacheMisses] += asked
	if k > 0 {
		p, first, err := j.ask(keys, k)
		if err != nil {
			return nil, 0, err
		}
		parts = append(parts, p)
		if cache != nil {
			if err := cache.put(texts[:k], p.cols, p.n, first, now); err != nil {
				return nil, 0, err
			}
		}
	}
	for _, p := range parts {
		n += p.n
	}
	return parts, n, nil
}

// keys gives the different keys of a batch that have no NULL, as columns.
func (j *join) keys(b *op.Batch) (cols []arrow.Array, n int, err error) {
	var heads []int32
	from := make([]arrow.Array, len(j.from))
	switch {
	case len(j.o.By) == 0:
	case j.layout == nil:
		n = min(b.N, 1)
	default:
		for i, c := range j.from {
			from[i] = b.Cols[c]
		}
		heads = distinct(j.layout, from, b.N)
		n = len(heads)
	}
	if n == 0 {
		return nil, 0, nil
	}
	at := 0
	for _, k := range j.o.By {
		var col arrow.Array
		if k.Value != nil {
			if col, err = column.Repeat(k.Value, n, j.ctx.Alloc); err != nil {
				release(cols)
				return nil, 0, err
			}
		} else {
			col = column.Gather(from[at], heads, j.ctx.Alloc)
			at++
		}
		cols = append(cols, col)
	}
	return cols, n, nil
}

// distinct gives the first row of each different key that has no NULL.
func distinct(l *hash.Layout, cols []arrow.Array, n int) []int32 {
	valid := make([]column.Bits, 0, len(cols))
	for _, c := range cols {
		if column.AllNull(c) {
			return nil
		}
		valid = append(valid, column.Validity(c))
	}
	null := func(row int) bool {
		for _, v := range valid {
			if !v.Get(row) {
				return true
			}
		}
		return false
	}
	chains := hash.NewLookup(l, cols, n, null)
	later := make([]bool, n)
	var heads []int32
	for row := range n {
		if null(row) {
			continue
		}
		if !later[row] {
			heads = append(heads, int32(row))
		}
		if next := chains.Next(int32(row)); next >= 0 {
			later[next] = true
		}
	}
	return heads
}

// ask looks keys up in the table itself. It gives the rows as columns of the join's
// table, and of each key where its rows begin.
func (j *join) ask(keys []arrow.Array, k int) (part, []int32, error) {
	found, err := j.source.ask(keys, k, j.ctx.Alloc)
	if err != nil {
		return part{}, nil, err
	}
	defer found.Release()
	if err := j.check(found, k); err != nil {
		return part{}, nil, err
	}
	good, err := j.good(found)
	if err != nil {
		return part{}, nil, err
	}
	rows, key := found.Cols, found.Key
	if good != nil {
		rows, key = gather(rows, good, j.ctx.Alloc), make([]int32, len(good))
		defer release(rows)
		for i, row := range good {
			key[i] = found.Key[row]
		}
	}
	cols, errs, err := j.exprs.Eval(j.ctx.Now(), rows, len(key), nil)
	if err != nil {
		return part{}, nil, err
	}
	defer release(cols)
	first, sel := make([]int32, k+1), make([]int32, 0, len(key))
	for row := range key {
		if len(errs) > 0 && int(errs[0].Row) == row {
			if err := j.bad(errs[0].Code, errs[0].Error()); err != nil {
				return part{}, nil, err
			}
			errs = errs[1:]
			continue
		}
		sel = append(sel, int32(row))
		first[key[row]+1]++
	}
	for i := range k {
		first[i+1] += first[i]
	}
	return part{gather(cols, sel, j.ctx.Alloc), len(sel)}, first, nil
}

// check holds what a connector has given against its contract.
func (j *join) check(f *connectors.Found, k int) error {
	ok := len(f.Cols) == len(j.o.Columns) && len(f.Key) == f.N
	for i, key := range f.Key {
		ok = ok && key >= 0 && int(key) < k && (i == 0 || f.Key[i-1] <= key)
	}
	for _, c := range f.Cols {
		ok = ok && c.Len() == f.N
	}
	if ok {
		return nil
	}
	return j.source.wrap(fmt.Errorf("connector '%s' gave rows that are not of the keys it was asked for", j.o.Connector))
}

// good gives the rows that fit their columns and pass the filter; nil: all.
func (j *join) good(f *connectors.Found) ([]int32, error) {
	var sel []int32
	if len(f.Errors) > 0 {
		sel = []int32{}
		next := 0
		for row := range f.N {
			if next == len(f.Errors) || int(f.Errors[next].Row) != row {
				sel = append(sel, int32(row))
				continue
			}
			e := f.Errors[next]
			for next < len(f.Errors) && int(f.Errors[next].Row) == row {
				next++
			}
			if err := j.bad(e.Code, fmt.Sprintf("column %s: %s", catalog.QuoteName(e.Column), e.Detail)); err != nil {
				return nil, err
			}
		}
	}
	if j.filter == nil {
		return sel, nil
	}
	pass, errs, err := j.filter.Filter(j.ctx.Now(), f.Cols, f.N, sel)
	if err != nil {
		return nil, err
	}
	for _, e := range errs {
		if err := j.bad(e.Code, e.Error()); err != nil {
			return nil, err
		}
	}
	return append([]int32{}, pass...), nil
}

// bad deals with a row of the table that does not fit: it stops the job, or is
// dropped and counted.
func (j *join) bad(code, message string) error {
	if j.o.OnBad == planner.ErrorFail {
		return &op.RowError{Code: code, Message: message, Where: "source " + j.o.Source}
	}
	j.ctx.Counters[op.CountTableBad]++
	return nil
}

// texted gives each key as bytes.
func texted(cols []arrow.Array, n int) [][]byte {
	out := make([][]byte, n)
	var all []byte
	ends := make([]int, n)
	for i := range n {
		for _, c := range cols {
			v := c.ValueStr(i)
			if v == "-0" {
				v = "0" // the zeros are one key
			}
			all = append(binary.AppendUvarint(all, uint64(len(v))), v...)
		}
		ends[i] = len(all)
	}
	from := 0
	for i, to := range ends {
		out[i] = all[from:to:to]
		from = to
	}
	return out
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}

// Balance implements op.Balanced.
func (j *join) Balance(c op.Counters) string { return j.Operator.(op.Balanced).Balance(c) }

// Close implements op.Operator.
func (j *join) Close() {
	j.Operator.Close()
	j.exprs.Close()
	if j.filter != nil {
		j.filter.Close()
	}
}
