package over

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// rowsOut are rows to be sent: their numbers in the store, where their results
// are, and their kinds.
type rowsOut struct {
	ids   []uint32
	at    []int32
	kinds []catalog.RowKind
}

func (r *rowsOut) add(id uint32, at int, k catalog.RowKind) {
	r.ids, r.at, r.kinds = append(r.ids, id), append(r.at, int32(at)), append(r.kinds, k)
}

// differ compares the results of rows before and after a change.
func (w *whole) differ(list []change, old, now *side, minus, plus *rowsOut) {
	var same []func(i, j int) int
	if old.cols != nil && now.cols != nil {
		for c := range now.cols {
			same = append(same, column.NullsLast(old.cols[c], now.cols[c]))
		}
	}
	ko, kn := 0, 0
	for _, c := range list {
		i, j := c.a, c.a
		for i < c.b || j < c.c {
			_, wasBad := old.bad[ko]
			letter, isBad := now.bad[kn]
			var order int
			switch {
			case i == c.b:
				order = 1
			case j == c.c:
				order = -1
			case c.old[i] != c.new[j]:
				order = w.store.compare(c.old[i], c.new[j])
			}
			if order <= 0 {
				delete(w.failed, c.old[i])
			}
			if order >= 0 && isBad && w.updates() {
				w.failed[c.new[j]] = letter
				isBad = true
			}
			switch {
			case order < 0:
				if !wasBad {
					minus.add(c.old[i], ko, catalog.Delete)
				}
			case order > 0:
				if !isBad || !w.updates() {
					plus.add(c.new[j], kn, catalog.Insert)
				}
			case wasBad && isBad:
			case wasBad:
				plus.add(c.new[j], kn, catalog.Insert)
			case isBad:
				minus.add(c.old[i], ko, catalog.Delete)
			case slices.ContainsFunc(same, func(f func(i, j int) int) bool { return f(ko, kn) != 0 }):
				minus.add(c.old[i], ko, catalog.UpdateBefore)
				plus.add(c.new[j], kn, catalog.UpdateAfter)
			}
			if order <= 0 {
				i++
				ko++
			}
			if order >= 0 {
				j++
				kn++
			}
		}
	}
}

// send emits rows with their results.
func (w *whole) send(r *rowsOut, from *side, out op.Output) error {
	for len(r.ids) > 0 {
		n := min(len(r.ids), w.ctx.BatchRows)
		b := &op.Batch{N: n, Cols: w.rec.readAll(w.store, r.ids[:n], nil, w.ctx.Alloc)}
		for _, c := range from.cols {
			b.Cols = append(b.Cols, column.Gather(c, r.at[:n], w.ctx.Alloc))
		}
		if slices.ContainsFunc(r.kinds[:n], func(k catalog.RowKind) bool { return k != catalog.Insert }) {
			b.Kinds = r.kinds[:n]
		}
		var letters []op.Letter
		if len(from.bad) > 0 && !w.updates() {
			for i, at := range r.at[:n] {
				if l, bad := from.bad[int(at)]; bad {
					l.Row = i
					letters = append(letters, l)
				}
			}
		}
		err := emitGood(w.ctx, w.o, b, letters, out)
		b.Release()
		if err != nil {
			return err
		}
		r.ids, r.at, r.kinds = r.ids[n:], r.at[n:], r.kinds[n:]
	}
	return nil
}

// emitGood emits the rows of a batch that are not in error.
func emitGood(ctx *op.Context, o *planner.Over, b *op.Batch, letters []op.Letter, out op.Output) error {
	if len(letters) == 0 {
		return out.Emit(planner.MainPort, b)
	}
	return op.EmitGood(ctx, o.OnError, where(ctx), b, letters, out)
}

// taken names the counter of the rows that an operator has taken: those that its
// first half has sent, if it has one.
func taken(o *planner.Over) string {
	if o.HasPre() {
		return op.PrePrefix + op.CountOut
	}
	return op.CountIn
}
