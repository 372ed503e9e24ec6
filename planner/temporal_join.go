package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// systemTime takes FOR SYSTEM_TIME AS OF from the right side of a join: the table
// without it, and the time; nil: there is none.
func systemTime(t parser.TableRef) (parser.TableRef, parser.Expr) {
	n, ok := t.(*parser.TableName)
	if !ok || n.SystemTime == nil {
		return t, nil
	}
	plain := *n
	plain.SystemTime = nil
	return &plain, n.SystemTime
}

// asOf binds FOR SYSTEM_TIME AS OF left.ts: the join becomes a temporal one, where
// the time of the version is not after that of the probe. A static table has one
// state, which is that of now; whole is the right side as it was written, if it is to
// be looked up.
func (b *binder) asOf(j *joinRel, e parser.Expr, whole rel, ls *scope, sc *scope) error {
	x := &exprBinder{binder: b, scope: ls, clause: "FOR SYSTEM_TIME AS OF"}
	t, err := x.bind(e)
	if err != nil {
		return err
	}
	where := b.at(e)
	if col := derived(t, ls.cols, where); col.time == processingTime {
		j.lookup, j.right = &where, whole
		return nil
	}
	n := len(j.left.cols())
	version := -1
	for i, c := range j.right.cols() {
		if c.time != eventTime {
			continue
		}
		if version >= 0 {
			return hint(where.errorf("the versions have two time attributes, `%s` and `%s`", j.right.cols()[version].Name, c.Name), "join a view with one of them")
		}
		version = i
	}
	if version < 0 {
		err := where.errorf("the right side of FOR SYSTEM_TIME AS OF has no time attribute, so nobody knows when its versions hold")
		for _, c := range j.right.cols() {
			if c.lost != "" {
				return hint(err, "that of `%s` was lost at %s", c.Name, c.lost)
			}
		}
		return hint(err, "declare it in the source: WATERMARK FOR ts AS ts - INTERVAL '5' SECOND; a static table is joined by a plain JOIN")
	}
	args, places := []catalog.Expr{t, ref(sc.cols, n+version)}, []place{where, where}
	if args, err = x.comparable(where, "FOR SYSTEM_TIME AS OF", args, places); err != nil {
		return err
	}
	j.temporal = true
	j.match, err = x.invoke(where, ">=", args, places)
	return err
}

// temporalForm is a join of each left row with the last right row of its key that is
// not after it, FOR SYSTEM_TIME AS OF and ASOF JOIN, or with the first one that is not
// before it, ASOF JOIN with <= or <. Its rows come in time.
func temporalForm(b *binder, j *joinRel) (*joinRel, error) {
	if !j.asof && !j.temporal {
		return nil, nil
	}
	if j.kind != InnerJoin && j.kind != LeftJoin {
		return nil, hint(j.place.errorf("FOR SYSTEM_TIME AS OF does not go with %s JOIN", j.kind), "it takes JOIN and LEFT JOIN")
	}
	if cause := updateCause(j.left); cause != nil {
		return nil, j.place.errorf("the left side of this join must only append, but %s updates", operatorName(cause))
	}
	preds := j.conditions()
	match, rest, err := asofMatch(b, j, preds)
	if err != nil {
		return nil, err
	}
	left, right := j.left.cols(), j.right.cols()
	ahead := match.lo == minTime
	if cause := updateCause(j.right); ahead && cause != nil {
		return nil, hint(j.place.errorf("the right side of an %s that looks ahead must only append, but %s updates", j.name(), operatorName(cause)), "MATCH_CONDITION (left.ts >= right.ts) takes a history of versions")
	}
	times := &joinTimes{time: match.cols, strict: match.lo == 1 || match.hi == -1, ahead: ahead,
		lag: [2]int64{left[match.cols[0]].lag, right[match.cols[1]].lag}, byValue: hasState(j.right)}
	var keyed []int
	for _, p := range rest {
		_, r, _, ok := equality(p, len(left))
		if !ok {
			if j.asof {
				return nil, hint(j.place.errorf("ON of an ASOF JOIN takes equalities between the sides only"), "other conditions go into WHERE; of several rows one is chosen before they are asked")
			}
			continue
		}
		if c, ok := r.(*catalog.ColumnRef); ok {
			keyed = append(keyed, c.Index-len(left))
		}
	}
	if j.temporal {
		if times.keys = j.versionKey; times.keys == nil {
			return nil, hint(j.place.errorf("the right side of FOR SYSTEM_TIME AS OF has no primary key, so nobody knows what its rows are versions of"),
				"declare PRIMARY KEY (k) NOT ENFORCED in the source, or use ASOF JOIN, where the keys are those of ON")
		}
		if !subset(times.keys, keyed) {
			names := make([]string, len(times.keys))
			for i, k := range times.keys {
				names[i] = right[k].Name
			}
			return nil, hint(j.place.errorf("FOR SYSTEM_TIME AS OF needs an equality with each column of the right side's primary key (%s)", joinNames(names)), "the version of a key is looked for")
		}
	}
	out := j.with(j.left, j.right, rest)
	out.mode, out.times, out.match = temporalJoin, times, nil
	out.out = plainColumns(joinColumns(j.kind, left, right), "the "+j.name()+" at "+j.place.line()+", which goes by another column")
	kept := match.cols[0]
	if ahead {
		// Rows come in the order of the right time; a left row may wait for ever.
		for i := range out.out {
			if c := &out.out[i]; c.lost != "" {
				c.lost = "the " + j.name() + " at " + j.place.line() + ", whose rows come in the order of the next row's time"
			}
		}
		if kept = len(left) + match.cols[1]; j.kind == LeftJoin {
			return out, nil
		}
	}
	c := &out.out[kept]
	c.time, c.lost = eventTime, ""
	return out, nil
}

// asofMatch finds the comparison of the times: in MATCH_CONDITION, or else as a
// conjunct of ON. The other conjuncts are the rest.
func asofMatch(b *binder, j *joinRel, preds []catalog.Expr) (match bound, rest []catalog.Expr, err error) {
	left, right := j.left.cols(), j.right.cols()
	good := func(d bound) bool {
		return d.hi == maxTime && (d.lo == 0 || d.lo == 1) || d.lo == minTime && (d.hi == 0 || d.hi == -1)
	}
	const advice = "MATCH_CONDITION (left.ts >= right.ts), or >, <=, <, on the time attributes of both sides"
	if j.match != nil {
		d, ok := timeBound(foldExpr(j.match, b.env), left, right)
		switch {
		case ok && good(d):
			return d, preds, nil
		case ok && d.lo == d.hi:
			return d, nil, hint(j.place.errorf("the %s takes an order of the times, not their equality", j.name()), advice)
		case ok:
			return d, nil, hint(j.place.errorf("the %s compares the times with something added", j.name()), advice)
		}
		return d, nil, b.noTimes(j, advice)
	}
	for i, p := range preds {
		if d, ok := timeBound(foldExpr(p, b.env), left, right); ok && good(d) && !match.found {
			match = d
			rest = append(slices.Clone(preds[:i]), preds[i+1:]...)
		}
	}
	if !match.found {
		return match, nil, hint(j.place.errorf("this ASOF JOIN has no MATCH_CONDITION"), advice)
	}
	return match, rest, nil
}

// noTimes says why the operands of a match are no time attributes.
func (b *binder) noTimes(j *joinRel, advice string) error {
	cols := append(slices.Clip(j.left.cols()), j.right.cols()...)
	for _, i := range columnsOf(j.match) {
		switch c := cols[i]; {
		case c.time == eventTime:
		case c.lost != "":
			return hint(j.place.errorf("`%s` is no longer a time attribute: it was lost at %s", c.Name, c.lost), "%s", advice)
		default:
			return hint(j.place.errorf("the %s needs time attributes on both sides, `%s` is none", j.name(), c.Name), "declare it in the source: WATERMARK FOR %s AS %s - INTERVAL '5' SECOND", c.Name, c.Name)
		}
	}
	return hint(j.place.errorf("the %s needs a comparison of two time attributes of one type", j.name()), "%s", advice)
}

// versionsOf gives the stream of versions that a relation shows the last ones of,
// and the columns that say what they are versions of: the primary key of a source,
// or the partition of a ROW_NUMBER that keeps the last row by time. nil: there are
// none.
func versionsOf(r rel) (rel, []int) {
	switch r := r.(type) {
	case *filterRel:
		// A filter by other columns would hide that a version has ended.
		in, key := versionsOf(r.in)
		if key == nil || !subset(columnsOf(r.pred), key) {
			return r, nil
		}
		return &filterRel{in: in, pred: r.pred, place: r.place}, key
	case *projectRel:
		if s, ok := r.in.(*scanRel); ok && len(r.exprs) == len(s.src.exprs) && len(r.exprs) > 0 && r.exprs[0] == s.src.exprs[0] {
			return r, s.src.key
		}
		in, below := versionsOf(r.in)
		var key []int
		for _, k := range below {
			at := slices.IndexFunc(r.exprs, func(e catalog.Expr) bool {
				c, ok := e.(*catalog.ColumnRef)
				return ok && c.Index == k
			})
			if at < 0 {
				return r, nil
			}
			key = append(key, at)
		}
		if key == nil {
			return r, nil
		}
		return rederived(r, in), key
	case *normalizeRel:
		return r.versions(), r.keys
	case *rankRel:
		if !r.keepsLast() {
			break
		}
		if !r.show {
			return r.in, r.partition
		}
		cols := r.in.cols()
		names := make([]string, len(r.out))
		for i, c := range r.out {
			names[i] = c.Name
		}
		return project(r.in, append(refs(cols), &catalog.Literal{T: catalog.BigInt, Value: int64(1)}), names, r.place), r.partition
	}
	return r, nil
}

// keepsLast says whether the rank keeps the last row of each partition by time.
func (r *rankRel) keepsLast() bool {
	if r.kind != OverRowNumber || r.from != 1 || r.to != 1 || len(r.partition) == 0 || len(r.order) != 1 || r.late != nil || updates(r.in) {
		return false
	}
	k := r.order[0]
	return k.Desc && r.in.cols()[k.Col].time == eventTime
}
