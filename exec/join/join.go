package join

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
	"github.com/streamsql/streamsql/statestore/table"
)

// join is the part of a regular join that one shard owns.
type join struct {
	ctx    *op.Context
	o      *planner.Join
	st     *table.Table
	inputs [2][]planner.Column
	sides  [2]side
	// counted says of which side the partners of a row are counted: of one that is
	// padded, or whose rows come out by whether there are any.
	counted [2]bool
	updates [2]bool // the input takes rows back
	layout  *hash.Layout
	enc     *hash.Encoder
	// keys has a row for each key, whose first state word is the heads of its two
	// chains: the left one | the right one << 32, as id+1.
	keys  *hash.Table
	heads int
	eval  *expr.Evaluator // the residual; nil: none
	reads []int           // what it reads, over both sides
	max   int             // pairs looked at together, and rows of emitted batches

	ttl   [2]int64 // of each side's rows, microseconds; 0: for ever
	swept int64    // when what is over was last forgotten
	marks [2]int64 // watermarks of the inputs
	ended [2]bool

	// The batch at hand.
	input int
	b     *op.Batch
	rows  []int32 // its rows that can have partners
	k     *hash.Keys
	refs  hash.Refs
	cand  []pair
	done  []int32  // for each row that has all its candidates: how many cand has by then
	next  int      // the row that is settled next
	count uint32   // partners of that row found so far
	had   []uint32 // how many it was, of rows that go into segments
	empty []uint32

	// What is to be emitted.
	own    []int32 // row of the batch; -1: none
	others []ref   // row of the other side; 0: none
	kinds  []catalog.RowKind
	takes  bool // one of them is -D

	scratch scratch
}

// pair is a row of the batch (its place in rows) and one of the other side.
type pair struct {
	n     int32
	other ref
}

// scratch is memory that is used again from batch to batch.
type scratch struct {
	keyCols []arrow.Array
	cols    []arrow.Array
	sel     []int32
	values  [][]byte
	letters []op.Letter
}

var (
	_ op.Stateful = (*join)(nil)
	_ op.Gauges   = (*join)(nil)
	_ op.Balanced = (*join)(nil)
	_ op.Clocked  = (*join)(nil)
)

// New makes the operator for one shard. left and right are the nodes whose rows it
// takes, prog is its residual condition, nil if it has none.
func New(o *planner.Join, left, right *planner.Node, prog *expr.Program, ctx *op.Context) (op.Operator, error) {
	j := &join{
		ctx: ctx, o: o, inputs: [2][]planner.Column{left.Cols, right.Cols},
		updates: [2]bool{!left.Props.Kinds.AppendOnly(), !right.Props.Kinds.AppendOnly()},
		max:     ctx.BatchRows, marks: [2]int64{op.MinTime, op.MinTime},
		ttl: [2]int64{o.LeftTTL.Microseconds(), o.RightTTL.Microseconds()}, swept: op.MinTime,
	}
	switch o.Kind {
	case planner.LeftJoin, planner.SemiJoin, planner.AntiJoin:
		j.counted[0] = true
	case planner.RightJoin:
		j.counted[1] = true
	case planner.FullJoin:
		j.counted = [2]bool{true, true}
	}
	var types []catalog.Type
	for _, c := range o.LeftKeys {
		types = append(types, left.Cols[c].Type)
	}
	var err error
	if j.layout, err = hash.NewLayout(types); err != nil {
		return nil, err
	}
	j.enc = hash.NewEncoder(j.layout)
	if o.Residual != nil {
		j.eval, j.reads = prog.NewEvaluator(ctx.Alloc), prog.Columns()
	}
	for s := range j.sides {
		j.sides[s].codec, j.sides[s].expiry = newCodec(j.inputs[s], j.kept(s)), o.Expiry[s]
	}
	j.adopt(table.New(statestore.OperatorID(ctx.Node.StateID)))
	return j, nil
}

// kept lists the columns of a side that come out or that the residual reads.
func (j *join) kept(s int) []int {
	n := len(j.inputs[0])
	var cols []int
	for _, c := range append(slices.Clone(j.o.Emit), j.reads...) {
		if (c >= n) == (s == 1) {
			cols = append(cols, c-s*n)
		}
	}
	slices.Sort(cols)
	return slices.Compact(cols)
}

// Process implements op.Operator.
func (j *join) Process(input int, b *op.Batch, out op.Output) error {
	j.input, j.b = input, b
	keys := j.o.StateKeys(input)
	if err := j.choose(keys, out); err != nil {
		return err
	}
	if len(j.rows) == 0 {
		return j.emit(out)
	}
	cols := j.scratch.keyCols[:0]
	for _, c := range keys {
		cols = append(cols, b.Cols[c])
	}
	j.scratch.keyCols = cols
	sel := colvec.Selected(j.rows)
	if len(j.rows) == b.N {
		sel = colvec.All(b.N)
	}
	j.k = j.enc.Encode(cols, sel)
	me, other := &j.sides[input], &j.sides[1-input]
	switch {
	case me.expiry == nil:
		j.keys.Upsert(j.k, &j.refs)
	case other.expiry == nil:
		j.keys.Find(j.k, &j.refs)
	}
	for _, g := range other.segs {
		g.keys.Find(j.k, &g.refs)
	}
	me.codec.encode(b.Cols, j.rows)
	j.had = j.had[:0]
	j.next, j.count = 0, 0
	forgets := j.o.Forgets()
	for n := range j.rows {
		if forgets {
			passed, err := j.expire(n, out)
			if err != nil {
				return err
			}
			if passed {
				continue
			}
		}
		if err := j.candidates(n, out); err != nil {
			return err
		}
		j.done = append(j.done, int32(len(j.cand)))
	}
	if err := j.settle(out); err != nil {
		return err
	}
	if err := j.emit(out); err != nil {
		return err
	}
	if me.expiry != nil {
		j.hold(me)
		return nil
	}
	j.forgetEmpty()
	me.tidy()
	return nil
}

// candidates finds the rows of the other side that have the key of row n.
func (j *join) candidates(n int, out op.Output) error {
	other := &j.sides[1-j.input]
	if other.expiry == nil {
		if j.refs.IDs[n] == hash.NoRow {
			return nil
		}
		word := *hash.At[uint64](j.refs.Rows[n], j.heads)
		return j.chain(n, &other.part, 0, uint32(word>>(32*uint(1-j.input))), out)
	}
	for i, g := range other.segs {
		if g.refs.IDs[n] == hash.NoRow {
			continue
		}
		if err := j.chain(n, &g.part, i, uint32(*g.head(n)), out); err != nil {
			return err
		}
	}
	return nil
}

// chain makes the rows of a chain candidates of row n.
func (j *join) chain(n int, p *part, segment int, head uint32, out op.Output) error {
	for ; head != 0; head = p.next(head) {
		j.cand = append(j.cand, pair{int32(n), refTo(segment, head)})
		if len(j.cand) >= j.max {
			if err := j.settle(out); err != nil {
				return err
			}
		}
	}
	return nil
}

// choose finds the rows of the batch that can have partners: those without a NULL
// in a key, save in one that is compared null-safely. It deals with the others.
func (j *join) choose(keys []int, out op.Output) error {
	j.rows = colvec.Grow(j.rows, j.b.N)
	for i := range j.rows {
		j.rows[i] = int32(i)
	}
	for i, c := range keys {
		if !j.o.NullSafe[i] {
			j.rows = colvec.ValidityOf(j.b.Cols[c]).And(colvec.All(j.b.N), j.rows)
		}
	}
	if len(j.rows) == j.b.N {
		return nil
	}
	j.ctx.Counters[op.CountUnmatched] += int64(j.b.N - len(j.rows))
	if !j.counted[j.input] || j.o.Kind == planner.SemiJoin {
		return nil
	}
	next := 0
	for i := range j.b.N {
		if next < len(j.rows) && j.rows[next] == int32(i) {
			next++
			continue
		}
		if err := j.put(j.b.Kind(i).Adds(), int32(i), 0, out); err != nil {
			return err
		}
	}
	return nil
}

// settle decides which of the candidates are pairs, and what becomes of the rows
// that have all of theirs.
func (j *join) settle(out op.Output) error {
	pass, err := j.decide(out)
	if err != nil {
		return err
	}
	p := 0
	for _, to := range j.done {
		for ; p < len(pass) && pass[p] < to; p++ {
			if err := j.matched(j.cand[pass[p]].other, out); err != nil {
				return err
			}
		}
		if err := j.finish(out); err != nil {
			return err
		}
	}
	for ; p < len(pass); p++ { // of a row that has more to come
		if err := j.matched(j.cand[pass[p]].other, out); err != nil {
			return err
		}
	}
	j.cand, j.done = j.cand[:0], j.done[:0]
	return nil
}

// adds says whether row n of the batch's rows is added.
func (j *join) adds(n int) bool { return j.b.Kind(int(j.rows[n])).Adds() }

// matched deals with a pair of the row at hand.
func (j *join) matched(other1 ref, out op.Output) error {
	adds := j.adds(j.next)
	j.count++
	other := 1 - j.input
	before := uint32(2) // of a side that is not counted: no first and no last
	if j.counted[other] {
		before = j.sides[other].at(other1).addPartner(other1.id(), adds)
	}
	switch j.o.Kind {
	case planner.SemiJoin, planner.AntiJoin:
		if adds && before == 0 || !adds && before == 1 { // of a left row: only these are counted
			return j.put(adds == (j.o.Kind == planner.SemiJoin), -1, other1, out)
		}
		return nil
	}
	if adds && before == 0 {
		if err := j.put(false, -1, other1, out); err != nil {
			return err
		}
	}
	if err := j.put(adds, j.rows[j.next], other1, out); err != nil {
		return err
	}
	if !adds && before == 1 {
		return j.put(true, -1, other1, out)
	}
	return nil
}

// finish deals with the row at hand when all its partners have been seen: it is
// kept, or the row that it takes back is forgotten.
func (j *join) finish(out op.Output) error {
	n, me := j.next, &j.sides[j.input]
	adds, partners := j.adds(n), j.count
	if me.expiry != nil {
		j.had = append(j.had, partners)
		return j.alone(n, adds, partners, out)
	}
	word := hash.At[uint64](j.refs.Rows[n], j.heads)
	shift := 32 * uint(j.input)
	head := uint32(*word >> shift)
	values := me.codec.row(n)
	if adds {
		if !j.counted[j.input] {
			partners = 0
		}
		head = me.insert(head, j.refs.IDs[n], j.k.Hash[n], values, partners)
	} else {
		var ok bool
		if head, partners, ok = me.remove(head, j.refs.IDs[n], j.k.Hash[n], values); !ok {
			return fmt.Errorf("join, node %d: a retraction without its row: %s", j.ctx.Node.ID, op.RowText(j.b, int(j.rows[n])))
		}
		j.ctx.Counters[op.CountCancelled] += 2
	}
	*word = *word&^(low<<shift) | uint64(head)<<shift
	if *word == 0 {
		j.empty = append(j.empty, j.refs.IDs[n])
	}
	return j.alone(n, adds, partners, out)
}

// alone goes on to the next row, and says what there is to say of row n by itself.
func (j *join) alone(n int, adds bool, partners uint32, out op.Output) error {
	j.next, j.count = j.next+1, 0
	if !j.counted[j.input] || (partners > 0) != (j.o.Kind == planner.SemiJoin) {
		return nil
	}
	return j.put(adds, j.rows[n], 0, out)
}

// forgetEmpty deletes the keys that have no rows any more.
func (j *join) forgetEmpty() {
	if len(j.empty) == 0 {
		return
	}
	slices.Sort(j.empty)
	j.empty = slices.Compact(j.empty)
	j.empty = slices.DeleteFunc(j.empty, func(id uint32) bool { return *hash.At[uint64](j.keys.Row(id), j.heads) != 0 })
	j.keys.Delete(j.empty)
	j.empty = j.empty[:0]
}

// Advance implements op.Operator. The output has no time attribute, but its end
// must be known.
func (j *join) Advance(input int, w int64, out op.Output) error {
	j.marks[input] = w
	if t := min(j.marks[0], j.marks[1]); j.o.EventTime && j.due(t) {
		j.sweep(t)
	}
	j.letGo(&j.sides[1-input], w)
	if min(j.marks[0], j.marks[1]) == op.MaxTime {
		return out.Watermark(op.MaxTime)
	}
	return nil
}

// End implements op.Operator.
func (j *join) End(input int, out op.Output) error {
	j.ended[input] = true
	if j.ended[0] && j.ended[1] {
		return out.End()
	}
	return nil
}

// Gauges implements op.Gauges.
func (j *join) Gauges(c op.Counters) {
	c[op.CountHeld] = 0
	for s := range j.sides {
		c[op.CountHeld] += int64(j.sides[s].rows.Len())
		for _, g := range j.sides[s].segs {
			c[op.CountHeld] += int64(g.rows.Len())
		}
	}
}

// Balance implements op.Balanced.
func (j *join) Balance(c op.Counters) string {
	return c.Equal(op.CountIn, op.CountUnmatched, op.CountHeld, op.CountCancelled, op.CountReleased, op.CountTTLDropped)
}

// Close implements op.Operator.
func (j *join) Close() {
	if j.eval != nil {
		j.eval.Close()
	}
}
