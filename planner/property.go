package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// infer fills in what can be known of a node from its inputs: row kinds, keys,
// time attributes, distribution, end.
func (b *builder) infer(n *Node, r rel) {
	p := &n.Props
	p.Bounded, p.Single = true, len(n.Inputs) > 0
	for _, in := range n.Inputs {
		if in.Port == MainPort {
			p.Kinds |= in.From.Props.Kinds
		} else {
			p.Kinds = p.Kinds.With(catalog.Insert)
		}
		p.Bounded = p.Bounded && in.From.Props.Bounded
		p.Single = p.Single && in.From.Props.Single
		p.AnyOrder = p.AnyOrder || in.From.Props.AnyOrder
	}
	b.inferTime(n, r)
	switch op := n.Op.(type) {
	case *Values:
		p.Kinds, p.Single = p.Kinds.With(catalog.Insert), true
	case *Scan:
		p.Kinds, p.Bounded = p.Kinds.With(catalog.Insert), op.Bounded
		if op.Changelog {
			p.Kinds = p.Kinds.With(catalog.UpdateBefore).With(catalog.UpdateAfter).With(catalog.Delete)
		}
		if op.Upserts != nil {
			p.Kinds &^= 1 << catalog.UpdateBefore
		}
		if s, ok := r.(*scanRel); ok {
			b.keys[n] = sourceKeys(s)
		}
	case *Guard, *Filter, *Limit, *Sort:
		b.inherit(n)
		if _, sorts := n.Op.(*Sort); sorts {
			p.Kinds = KindSet(0).With(catalog.Insert)
			p.Single = true
			p.AnyOrder = false // it gives the rows that stand in the end
		}
		if _, cuts := n.Op.(*Limit); cuts {
			p.OrderSensitive, p.Single = true, true
		}
	case *Project:
		b.inferProject(n, op)
	case *WindowAssign:
		b.inferWindowAssign(n, op)
	case *SessionAssign:
		n.Props.Hash = op.Window.Partition
		n.Props.OrderSensitive = true
		b.keys[n] = b.keys[n.Inputs[0].From]
	case *WindowAgg:
		b.inferWindowAgg(n, op)
	case *GroupAgg:
		b.inferGroupAgg(n, op)
	case *SetOp:
		b.inferSetOp(n, op)
	case *Normalize:
		b.inferNormalize(n, op)
	case *Expand:
		b.inferExpand(n, op)
	case *Unnest:
		b.inferUnnest(n, op)
	case *StaticJoin:
		b.inferStatic(n, op, b.keys[op.result()])
	case *LookupJoin:
		b.inferStatic(n, op.Match, op.keys)
	case *Over:
		b.inferOver(n, op)
	case *Rank:
		b.inferRank(n, op)
	case *Join:
		b.inferJoin(n, op)
	case *IntervalJoin:
		b.inferTimeJoin(n, &op.Pairing, op.Keys[0], op.Keys[1])
	case *WindowJoin:
		b.inferTimeJoin(n, &op.Pairing, op.windowed(0), op.windowed(1))
	case *TemporalJoin:
		b.inferTimeJoin(n, &op.Pairing, op.Keys[0], op.Keys[1])
		b.inferTemporal(n, &op.Pairing)
	case *Exchange:
		b.inherit(n)
		if in := n.Inputs[0].From.Props; !in.Kinds.AppendOnly() && !in.Single && (in.Hash == nil || !subset(in.Hash, in.UpsertKey)) {
			p.AnyOrder = true
		}
		if p.Single, p.Hash = op.Kind == SingleExchange, nil; op.Kind == HashExchange {
			p.Hash = op.Keys
		}
	case *Sink, *Result:
		b.inherit(n)
	}
	if keys := b.keys[n]; len(keys) > 0 {
		p.UpsertKey = keys[0]
	}
	b.inferMoves(n)
}

// inferTime finds the columns that are time attributes: as the relation says, and
// where rows pass through as they are, as those of the input.
func (b *builder) inferTime(n *Node, r rel) {
	p := &n.Props
	switch n.Op.(type) {
	case *Scan:
		if s, ok := r.(*scanRel); ok {
			p.Time = sourceTimes(s)
		}
		return
	case *Guard, *Filter, *Limit, *Exchange:
		if in := n.Inputs[0]; in.Port == MainPort {
			p.Time = in.From.Props.Time
		}
		return
	}
	if r != nil {
		for i, c := range r.cols() {
			if c.time == eventTime && i < len(n.Cols) {
				p.Time = append(p.Time, i)
			}
		}
	}
}

// sourceTimes gives the columns of a source's scan that are time attributes as they
// are read.
func sourceTimes(r *scanRel) []int {
	var out []int
	for i, c := range r.src.declared {
		f, ok := r.src.exprs[i].(*catalog.ColumnRef)
		if !ok || c.time != eventTime {
			continue
		}
		name := r.src.fields[f.Index].Name
		if at := slices.IndexFunc(r.out, func(c column) bool { return c.Name == name }); at >= 0 {
			out = append(out, at)
		}
	}
	return out
}

// inferMoves: where the key that moving rows keep to is lost, changes of the others
// may come in any order.
func (b *builder) inferMoves(n *Node) {
	p := &n.Props
	moves := slices.ContainsFunc(n.Inputs, func(e Edge) bool { return e.Port == MainPort && e.From.Props.Moves })
	if !moves {
		return
	}
	switch op := n.Op.(type) {
	case *GroupAgg, *Sort:
		return
	case *Rank:
		p.AnyOrder = p.AnyOrder || !op.Replaces()
		return
	case *Filter, *Exchange, *Limit, *Sink, *Result:
		p.Moves = true
		return
	case *Project:
		if p.Moves = b.keepsKey(n, op); p.Moves {
			return
		}
	}
	p.AnyOrder = true
}

// keepsKey says whether the first key of the input is the projection's too.
func (b *builder) keepsKey(n *Node, op *Project) bool {
	key := n.Inputs[0].From.Props.UpsertKey
	return len(key) == len(n.Props.UpsertKey) && !slices.ContainsFunc(n.Props.UpsertKey, func(i int) bool {
		c, ok := op.Exprs[i].(*catalog.ColumnRef)
		return !ok || !slices.Contains(key, c.Index)
	})
}

// inherit takes keys and distribution over from the only input.
func (b *builder) inherit(n *Node) {
	if n.Inputs[0].Port != MainPort {
		return
	}
	in := n.Inputs[0].From
	b.keys[n] = b.keys[in]
	n.Props.Hash = in.Props.Hash
}

// sourceKeys gives a source's declared primary key over its scan's columns.
func sourceKeys(r *scanRel) [][]int {
	if len(r.src.key) == 0 {
		return nil
	}
	var key []int
	for _, k := range r.src.key {
		name := r.src.declared[k].Name
		i := slices.IndexFunc(r.out, func(c column) bool { return c.Name == name })
		if i < 0 {
			return nil
		}
		key = append(key, i)
	}
	return [][]int{key}
}

// inferProject carries keys and distribution through columns that come through
// unchanged.
func (b *builder) inferProject(n *Node, op *Project) {
	if n.Inputs[0].Port != MainPort {
		return
	}
	in := n.Inputs[0].From
	at := map[int]int{}
	for i, e := range op.Exprs {
		if c, ok := e.(*catalog.ColumnRef); ok {
			if _, first := at[c.Index]; !first {
				at[c.Index] = i
			}
		}
	}
	move := func(cols []int) ([]int, bool) {
		out := make([]int, 0, len(cols))
		for _, c := range cols {
			i, ok := at[c]
			if !ok {
				return nil, false
			}
			out = append(out, i)
		}
		return out, true
	}
	for _, key := range b.keys[in] {
		if moved, ok := move(key); ok {
			b.keys[n] = append(b.keys[n], moved)
		}
	}
	if in.Props.Hash != nil {
		if moved, ok := move(in.Props.Hash); ok {
			n.Props.Hash = moved
		}
	}
}

func (b *builder) inferWindowAssign(n *Node, op *WindowAssign) {
	in := n.Inputs[0].From
	n.Props.Hash = in.Props.Hash
	start := len(n.Cols) - 3
	for _, key := range b.keys[in] {
		if op.Window.Kind == TumbleWindow {
			b.keys[n] = append(b.keys[n], key)
		} else {
			b.keys[n] = append(b.keys[n], append(slices.Clip(key), start), append(slices.Clip(key), start+1))
		}
	}
}

// inferWindowAgg: a row for each key and window. One bound tells a tumbling or
// hopping window from others; both do for any.
func (b *builder) inferWindowAgg(n *Node, op *WindowAgg) {
	keys := positions(len(op.Keys))
	start := len(n.Cols) - 3
	if op.Window.Kind == TumbleWindow || op.Window.Kind == HopWindow || b.sizeKnown(n.Inputs[0].From, op.Window) {
		b.keys[n] = [][]int{append(slices.Clone(keys), start), append(slices.Clone(keys), start+1), append(slices.Clone(keys), start+2)}
	} else {
		b.keys[n] = [][]int{append(slices.Clone(keys), start, start+1)}
	}
	n.Props.Kinds = KindSet(0).With(catalog.Insert)
	if op.Updates() {
		n.Props.Kinds = n.Props.Kinds.With(catalog.UpdateBefore).With(catalog.UpdateAfter)
		gone := op.Window.Kind == SessionWindow // its bounds change with its rows
		for _, c := range op.Aggs {
			gone = gone || c.Overload.CanFail
		}
		if gone {
			n.Props.Kinds = n.Props.Kinds.With(catalog.Delete)
		}
	}
	n.Props.Hash = b.hashAfter(n, op.Keys)
	b.orderSensitive(n, op.Aggs)
	n.Props.OrderSensitive = n.Props.OrderSensitive || op.Window.Kind == SessionWindow
}

// sizeKnown says whether the windows that an attached window comes from all
// have one size.
func (b *builder) sizeKnown(n *Node, w Window) bool {
	if w.Kind != AttachedWindow {
		return false
	}
	col := w.Start
	for {
		switch op := n.Op.(type) {
		case *Project:
			c, ok := op.Exprs[col].(*catalog.ColumnRef)
			if !ok {
				return false
			}
			col = c.Index
		case *WindowAssign:
			return op.Window.Kind == TumbleWindow || op.Window.Kind == HopWindow
		case *WindowAgg:
			if op.Window.Kind != AttachedWindow {
				return op.Window.Kind == TumbleWindow || op.Window.Kind == HopWindow
			}
			col = op.Window.Start
		case *Filter, *Exchange, *Guard:
		default:
			return false
		}
		n = n.Inputs[0].From
	}
}

func (b *builder) inferGroupAgg(n *Node, op *GroupAgg) {
	in := n.Inputs[0].From
	b.keys[n] = [][]int{positions(len(op.Keys))}
	if len(op.Aggs) > 0 {
		n.Props.Kinds = KindSet(0).With(catalog.Insert).With(catalog.UpdateBefore).With(catalog.UpdateAfter)
	} else {
		n.Props.Kinds = KindSet(0).With(catalog.Insert)
	}
	if !in.Props.Kinds.AppendOnly() {
		n.Props.Kinds = n.Props.Kinds.With(catalog.Delete)
	}
	n.Props.Hash = b.hashAfter(n, op.Keys)
	n.Props.OrderSensitive = op.TTL > 0
	n.Props.AnyOrder = false // changes of a group come from its shard alone
	b.orderSensitive(n, op.Aggs)
}

func (b *builder) orderSensitive(n *Node, calls []AggCall) {
	for _, c := range calls {
		n.Props.OrderSensitive = n.Props.OrderSensitive || c.Arrival
	}
}

// hashAfter gives the distribution above an aggregation: its input's, over the
// places where the keys now are.
func (b *builder) hashAfter(n *Node, keys []int) []int {
	var out []int
	for _, h := range n.Inputs[0].From.Props.Hash {
		i := slices.Index(keys, h)
		if i < 0 {
			return nil
		}
		out = append(out, i)
	}
	return out
}

func positions(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// finish settles what depends on the consumers of a node: who wants -U rows, who
// needs W.
func (b *builder) finish() {
	before := make([]bool, len(b.plan.Nodes))
	needsW, everyW := make([]bool, len(b.plan.Nodes)), make([]bool, len(b.plan.Nodes))
	for _, n := range slices.Backward(b.plan.Nodes) {
		for _, in := range n.Inputs {
			if in.Port != MainPort {
				continue
			}
			before[in.From.ID] = before[in.From.ID] || b.wantsBefore(n, in.From, before[n.ID])
			needsW[in.From.ID] = needsW[in.From.ID] || wantsW(n, needsW[n.ID])
			everyW[in.From.ID] = everyW[in.From.ID] || forgetsByTime(n.Op) || showsW(n.Op) || passesW(n.Op) && everyW[n.ID]
		}
	}
	for _, n := range b.plan.Nodes {
		n.Props.NeedsW, n.Props.EveryW = needsW[n.ID], everyW[n.ID]
		b.settleKinds(n, before[n.ID])
	}
	for _, n := range b.plan.Nodes {
		b.bound(n)
		n.Detail = detail(n)
	}
}

// wantsBefore says whether consumer n wants the -U rows of its input. Only a
// sink that replaces rows by the very upsert key does without, and operators on
// the way must not read another column to decide about a row or its place.
func (b *builder) wantsBefore(n, in *Node, above bool) bool {
	if in.Props.Kinds.AppendOnly() {
		return false
	}
	key := in.Props.UpsertKey
	switch op := n.Op.(type) {
	case *Sink:
		if op.Mode != catalog.UpsertMode {
			return op.Mode == catalog.RetractMode
		}
		return op.Net || !b.hasKey(in, op.PrimaryKey)
	case *Filter:
		return above || key == nil || !subset(columnsOf(op.Pred), key)
	case *Exchange:
		return above || op.Kind == HashExchange && (key == nil || !subset(op.Keys, key))
	case *Project, *Expand:
		return above || n.Props.UpsertKey == nil
	case *TemporalJoin:
		return in != n.Inputs[1].From || in == n.Inputs[0].From // -U says nothing of versions
	}
	return true
}

// hasKey says whether a set of columns is one of the unique keys of a node.
func (b *builder) hasKey(n *Node, cols []int) bool {
	return slices.ContainsFunc(b.keys[n], func(k []int) bool { return sameColumns(k, cols) })
}

// wantsW says whether consumer n looks at the W of its input's rows, for itself
// or for one above it.
func wantsW(n *Node, above bool) bool {
	switch op := n.Op.(type) {
	case *WindowAgg:
		return !op.Window.Proc
	case *SessionAssign:
		return !op.Window.Proc
	case *IntervalJoin, *WindowJoin, *TemporalJoin:
		return true
	case *Over:
		return op.HasPre() || op.EventTime
	case *Rank:
		return op.WindowStart >= 0 || op.EventTime
	case *Sort:
		return op.ByTime
	}
	return forgetsByTime(n.Op) || showsW(n.Op) || passesW(n.Op) && above
}

// passesW says whether an operator hands on the W of its input's rows as it is.
func passesW(op Op) bool {
	switch op.(type) {
	case *Guard, *Filter, *Project, *WindowAssign, *Expand, *Unnest, *StaticJoin, *LookupJoin, *Union, *Exchange, *Limit, *Normalize:
		return true
	}
	return false
}

// forgetsByTime says whether the W of each row decides what an operator forgets.
func forgetsByTime(op Op) bool {
	switch op := op.(type) {
	case *Join:
		return op.EventTime
	case *GroupAgg:
		return op.EventTime
	case *SetOp:
		return op.EventTime
	case *Normalize:
		return op.EventTime
	case *Rank:
		return op.EventTime
	case *Over:
		return op.EventTime
	}
	return false
}

// settleKinds takes -U out of the row kinds where nobody wants it.
func (b *builder) settleKinds(n *Node, before bool) {
	switch n.Op.(type) {
	case *Unnest, *StaticJoin, *LookupJoin:
		n.Props.Kinds = unnestKinds(n.Inputs[0].From.Props.Kinds)
		return
	}
	if op, ok := n.Op.(*Rank); ok {
		settleRank(n, op, before)
		return
	}
	if op, ok := n.Op.(*GroupAgg); ok {
		op.EmitBefore = before && len(op.Aggs) > 0
		if !before {
			n.Props.Kinds &^= 1 << catalog.UpdateBefore
		}
		return
	}
	if op, ok := n.Op.(*Normalize); ok {
		if op.EmitBefore = before; !before {
			n.Props.Kinds &^= 1 << catalog.UpdateBefore
		}
		return
	}
	if op, ok := n.Op.(*WindowAgg); ok {
		op.EmitBefore = before && op.Updates()
		if !before {
			n.Props.Kinds &^= 1 << catalog.UpdateBefore
		}
		return
	}
	switch n.Op.(type) {
	case *Guard, *Filter, *Project, *Exchange, *Union, *WindowAssign, *Expand, *Sink, *Result:
		if len(n.Inputs) == 0 {
			return
		}
		var kinds KindSet
		for _, in := range n.Inputs {
			if in.Port == MainPort {
				kinds |= in.From.Props.Kinds
			} else {
				kinds = kinds.With(catalog.Insert)
			}
		}
		n.Props.Kinds = kinds
	}
}
