package join

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// decide evaluates the residual on the candidates and gives those that pass.
func (j *join) decide(out op.Output) ([]int32, error) {
	n := len(j.cand)
	sel := colvec.Grow(j.scratch.sel, n)
	j.scratch.sel = sel
	if j.eval == nil || n == 0 {
		for i := range sel {
			sel[i] = int32(i)
		}
		return sel, nil
	}
	for i, p := range j.cand {
		sel[i] = j.rows[p.n]
	}
	other := &j.sides[1-j.input]
	values := j.scratch.values[:0]
	for _, p := range j.cand {
		values = append(values, other.at(p.other).values(p.other.id()))
	}
	j.scratch.values = values
	cols := colvec.Grow(j.scratch.cols, len(j.inputs[0])+len(j.inputs[1]))
	clear(cols)
	j.scratch.cols = cols
	defer func() {
		for _, c := range j.reads {
			if cols[c] != nil {
				cols[c].Release()
				cols[c] = nil
			}
		}
	}()
	for _, c := range j.reads {
		var err error
		if cols[c], err = j.column(c, sel, values); err != nil {
			return nil, err
		}
	}
	pass, errs, err := j.eval.Filter(j.ctx.Now(), cols, n, nil)
	if err != nil || len(errs) == 0 {
		return pass, err
	}
	letters := j.scratch.letters[:0]
	for _, e := range errs {
		if j.adds(int(j.cand[e.Row].n)) { // a pair that is taken back has been judged
			letters = append(letters, op.Letter{Row: int(e.Row), Code: e.Code, Message: e.Error()})
		}
	}
	j.scratch.letters = letters
	pairs := &op.Batch{N: n}
	for _, c := range j.reads {
		pairs.Cols = append(pairs.Cols, cols[c])
	}
	pass = slices.Clone(pass)
	return pass, op.Judge(j.ctx, j.o.OnError, fmt.Sprintf("JOIN, node %d", j.ctx.Node.ID), j.ctx.Branch, pairs, letters, out)
}

// column makes column c of both sides for rows of which own are those of the batch
// (-1: none) and values those of the other side (nil: none).
func (j *join) column(c int, own []int32, values [][]byte) (arrow.Array, error) {
	s := 0
	if n := len(j.inputs[0]); c >= n {
		s, c = 1, c-n
	}
	if s == j.input {
		return column.GatherOrNull(j.b.Cols[c], own, j.ctx.Alloc), nil
	}
	codec := j.sides[s].codec
	k := slices.IndexFunc(codec.cols, func(k kept) bool { return k.col == c })
	return codec.column(k, values, j.ctx.Alloc)
}

// put notes a row to be emitted: a row of the batch (-1: none) beside one of the
// other side (0: none).
func (j *join) put(adds bool, own int32, other ref, out op.Output) error {
	kind := catalog.Insert
	if !adds {
		kind, j.takes = catalog.Delete, true
	}
	j.own, j.others, j.kinds = append(j.own, own), append(j.others, other), append(j.kinds, kind)
	if len(j.own) < j.max {
		return nil
	}
	return j.emit(out)
}

// emit hands on what has been noted.
func (j *join) emit(out op.Output) error {
	n := len(j.own)
	if n == 0 {
		return nil
	}
	other := &j.sides[1-j.input]
	values := j.scratch.values[:0]
	for _, r := range j.others {
		if r == 0 {
			values = append(values, nil)
		} else {
			values = append(values, other.at(r).values(r.id()))
		}
	}
	j.scratch.values = values
	b := &op.Batch{N: n, Cols: make([]arrow.Array, 0, len(j.o.Emit))}
	defer b.Release()
	for _, c := range j.o.Emit {
		a, err := j.column(c, j.own, values)
		if err != nil {
			return err
		}
		b.Cols = append(b.Cols, a)
	}
	if j.takes {
		b.Kinds = slices.Clone(j.kinds)
	}
	j.own, j.others, j.kinds, j.takes = j.own[:0], j.others[:0], j.kinds[:0], false
	return out.Emit(planner.MainPort, b)
}
