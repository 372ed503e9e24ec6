package planner

import (
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// emission binds EMIT and ALLOW LATENESS.
func (bl *block) emission(r rel, o *parser.Output) (rel, error) {
	e := emission{}
	var clause place
	name := ""
	if o.Lateness != nil {
		us, err := bl.constantSpan(o.Lateness, "the lateness")
		if err != nil {
			return nil, err
		}
		if us < 0 {
			return nil, bl.at(o.Lateness).errorf("the lateness must not be negative")
		}
		e.lateness, clause, name = us, bl.at(o.Lateness), "ALLOW LATENESS"
	}
	if o.Emit != nil {
		clause = bl.at(o.Emit)
		switch o.Emit.Kind {
		case parser.EmitOnWindowClose:
			name = "EMIT ON WINDOW CLOSE"
		case parser.EmitChanges:
			e.mode, name = EmitChanges, "EMIT CHANGES"
		case parser.EmitEvery:
			us, err := bl.constantSpan(o.Emit.Every, "the interval of EMIT EVERY")
			if err != nil {
				return nil, err
			}
			if us <= 0 {
				return nil, bl.at(o.Emit.Every).errorf("the interval of EMIT EVERY must be positive")
			}
			e.mode, e.every, name = EmitEvery, time.Duration(us)*time.Microsecond, "EMIT EVERY"
		case parser.EmitComplete:
			name = "EMIT COMPLETE"
			if o.LateTo != nil || o.Lateness != nil {
				return nil, hint(bl.at(o).errorf("EMIT COMPLETE keeps every window open for ever: nothing is late"), "leave the clause for late rows out, or use EMIT CHANGES")
			}
		}
	}
	if name == "" {
		return r, nil
	}
	if o.Emit != nil && bl.agg != nil && bl.agg.window == nil && len(bl.agg.aggs) > 0 {
		if e.mode == EmitEvery && o.Lateness == nil {
			out := *bl.agg
			out.emit = e
			return bl.put(r, bl.agg, &out), nil
		}
		if done, err := bl.unwindowed(o.Emit); done || err != nil {
			return r, err
		}
	}
	if o.Lateness == nil {
		if out, done, err := bl.emitRank(r, o.Emit); done || err != nil {
			return out, err
		}
	}
	if name == "EMIT CHANGES" && o.Lateness == nil && bl.windowed(r) == nil {
		return r, nil // rows that are only ever added are their own changes
	}
	target, err := bl.timed(r, clause, name)
	if err != nil {
		return nil, err
	}
	if name == "EMIT COMPLETE" {
		return bl.complete(r, target, clause)
	}
	if !e.updates() {
		return r, nil
	}
	if target.window.Proc {
		if e.lateness > 0 {
			return nil, clause.errorf("ALLOW LATENESS: windows of processing time have no late rows")
		}
	}
	out := *target
	out.emit = e
	out.out = lostTime(target.out, e.clause()+" at "+clause.line())
	return bl.put(r, target, &out), nil
}

// unwindowed deals with EMIT of a block whose own GROUP BY has no window. done
// says that it is what the GROUP BY does anyway.
func (bl *block) unwindowed(e *parser.Emit) (done bool, err error) {
	switch e.Kind {
	case parser.EmitChanges, parser.EmitComplete:
		return true, nil
	case parser.EmitEvery:
		return false, nil
	}
	return false, hint(bl.at(e).errorf("EMIT ON WINDOW CLOSE needs a window: the aggregation at %s has none, so its rows are never final", bl.agg.place.line()),
		"GROUP BY window_start, window_end over TUMBLE or HOP")
}

// lostTime takes the time attributes out of columns.
func lostTime(cols []column, cause string) []column {
	out := append([]column(nil), cols...)
	for i, c := range out {
		if c.time != noTime {
			out[i].time, out[i].lost = noTime, cause
		}
	}
	return out
}

// put puts a relation in the place of an aggregation of the same columns, and
// lets the projections above know what these still are.
func (bl *block) put(root rel, old *aggregateRel, with rel) rel {
	if agg, ok := with.(*aggregateRel); ok && bl.agg == old {
		bl.agg = agg
	}
	return rewrite(root, func(r rel) rel {
		if r == old {
			return with
		}
		p, ok := r.(*projectRel)
		if !ok {
			return r
		}
		var out *projectRel
		for i, e := range p.exprs {
			c := derived(e, p.in.cols(), p.place)
			if c.lost == "" || p.out[i].time == noTime {
				continue
			}
			if out == nil {
				out = &projectRel{in: p.in, exprs: p.exprs, out: append([]column(nil), p.out...), place: p.place}
			}
			out.out[i].time, out.out[i].lost = noTime, c.lost
		}
		if out == nil {
			return r
		}
		return out
	})
}

// windowed lists the windowed aggregations of a tree that see the watermark:
// above another one all rows are on time.
func (bl *block) windowed(root rel) []*aggregateRel {
	if bl.agg != nil && bl.agg.window != nil {
		return []*aggregateRel{bl.agg}
	}
	var found []*aggregateRel
	visit(root, func(r rel) {
		a, ok := r.(*aggregateRel)
		if !ok || a.window == nil {
			return
		}
		sees := true
		visit(a.in, func(r rel) {
			if b, ok := r.(*aggregateRel); ok && b.window != nil {
				sees = false
			}
		})
		if sees {
			found = append(found, a)
		}
	})
	return found
}

// timed finds the operator that a clause belongs to.
func (bl *block) timed(r rel, where place, clause string) (*aggregateRel, error) {
	switch found := bl.windowed(r); len(found) {
	case 1:
		return found[0], nil
	case 0:
		var interval *joinRel
		visit(r, func(r rel) {
			if j, ok := r.(*joinRel); ok && j.mode == intervalJoin {
				interval = j
			}
		})
		if interval != nil {
			return nil, hint(where.errorf("%s: the interval %s at %s has no late rows: a row that comes after its partners have gone has none, that is all", clause, interval.name(), interval.place.line()),
				"a LEFT JOIN gives rows without a partner")
		}
		return nil, hint(where.errorf("%s: no operator here judges rows by time", clause), "it belongs to a GROUP BY of window_start, window_end")
	default:
		return nil, hint(where.errorf("%s may belong to several operators: %s and %s", clause, operatorName(found[0]), operatorName(found[1])),
			"put it in the CTE or subquery of the one that is meant")
	}
}

// forEver is a lateness that no watermark exceeds.
const forEver = 1<<63 - 1

// complete makes an aggregation that forgets no window, as Spark's complete mode
// does: the bounds of the window are keys like any others. Sessions, whose bounds
// change, stay a windowed one that takes late rows for ever.
func (bl *block) complete(root rel, a *aggregateRel, clause place) (rel, error) {
	cause := "EMIT COMPLETE at " + clause.line()
	if w := windowBelow(a.in); w != nil && w.sessions() {
		out := *a
		out.emit = emission{mode: EmitChanges, lateness: forEver}
		out.out = lostTime(a.out, cause)
		return bl.put(root, a, &out), nil
	}
	in, ok := a.in.(*projectRel)
	if !ok {
		return nil, clause.errorf("EMIT COMPLETE of %s is not possible", operatorName(a))
	}
	p := *in
	bounds := []int{a.window.Start, a.window.End}
	if at := timeOfWindow(in, a.window.Start); at >= 0 {
		bounds = append(bounds, len(p.exprs))
		c := in.in.cols()[at]
		p.exprs = append(append([]catalog.Expr(nil), p.exprs...), ref(in.in.cols(), at))
		p.out = append(append([]column(nil), p.out...), c)
	}
	k := len(a.keys)
	g := &aggregateRel{in: &p, keys: append(append([]int(nil), a.keys...), bounds...), aggs: a.aggs, place: a.place}
	first := len(a.out) - 3
	g.out = append(append([]column(nil), a.out[:k]...), a.out[first:first+len(bounds)]...)
	g.out = lostTime(append(g.out, a.out[k:first]...), cause)
	for i := k; i < k+len(bounds); i++ {
		g.out[i].window, g.out[i].windowID = noWindow, 0
	}
	// Back to the order that the block knows: keys, aggregates, bounds.
	out := &projectRel{in: g, place: a.place}
	take := func(i int) {
		out.exprs, out.out = append(out.exprs, ref(g.out, i)), append(out.out, g.out[i])
	}
	for i := range k {
		take(i)
	}
	for i := k + len(bounds); i < len(g.out); i++ {
		take(i)
	}
	for i := range bounds {
		take(k + i)
	}
	if len(bounds) == 2 { // nobody can have named it
		c := lostTime(a.out[len(a.out)-1:], cause)[0]
		out.exprs, out.out = append(out.exprs, nullLiteral(c.Type)), append(out.out, c)
	}
	if bl.agg == a {
		bl.agg = g
	}
	return bl.put(root, a, out), nil
}

// timeOfWindow finds window_time beside the start of a window, below the
// projection of keys and arguments; -1: it is not there.
func timeOfWindow(p *projectRel, start int) int {
	c, ok := p.exprs[start].(*catalog.ColumnRef)
	if !ok {
		return -1
	}
	cols := p.in.cols()
	for i, t := range cols {
		if t.window == windowTime && t.windowID == cols[c.Index].windowID {
			return i
		}
	}
	return -1
}
