package over

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore"
)

// The columns of the rows in these tests.
var testColumns = []planner.Column{
	{Name: "k", Type: catalog.String}, {Name: "v", Type: catalog.BigInt}, {Name: "w", Type: catalog.BigInt},
}

// testRow is k, v, w.
type testRow [3]any

func batchOf(t testing.TB, rows []testRow, kinds []catalog.RowKind, cols []planner.Column) *op.Batch {
	b := &op.Batch{N: len(rows), Kinds: kinds}
	for c := range cols {
		values := make([]any, len(rows))
		for i, r := range rows {
			values[i] = r[c]
		}
		a, err := column.FromValues(values, cols[c].Type, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		b.Cols = append(b.Cols, a)
	}
	return b
}

// folded is an Output that folds what it takes.
type folded struct {
	t     testing.TB
	rows  map[string]int
	marks []int64
	total int
}

func newFolded(t testing.TB) *folded { return &folded{t: t, rows: map[string]int{}} }

func (f *folded) Emit(port planner.Port, b *op.Batch) error {
	if port != planner.MainPort {
		f.t.Fatalf("rows on port %d", port)
	}
	for i := range b.N {
		f.total++
		text := op.RowText(b, i)
		if b.Kind(i).Adds() {
			f.rows[text]++
		} else if f.rows[text]--; f.rows[text] < 0 {
			f.t.Fatalf("%s is taken back and does not stand", text)
		}
		if f.rows[text] == 0 {
			delete(f.rows, text)
		}
	}
	return nil
}

func (f *folded) EmitSelected(port planner.Port, b *op.Batch, sel []int32) error {
	part := b.Gather(sel, memory.DefaultAllocator)
	defer part.Release()
	return f.Emit(port, part)
}

func (f *folded) Watermark(w int64) error { f.marks = append(f.marks, w); return nil }
func (f *folded) End() error              { return nil }

func (f *folded) String() string {
	var lines []string
	for text, n := range f.rows {
		lines = append(lines, fmt.Sprintf("%s x %d", text, n))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func contextFor(o *planner.Over, batch int) *op.Context {
	return &op.Context{
		Alloc: memory.DefaultAllocator, Zone: time.UTC, BatchRows: batch, Shards: 1, ShardOf: func(int) int { return 0 },
		Now: time.Now, Counters: op.Counters{}, Node: &planner.Node{Op: o, StateID: 7},
	}
}

// aggregate makes a call of an aggregate function over column v.
func aggregate(t testing.TB, name string, f planner.Frame) planner.OverCall {
	for _, fn := range agg.Functions() {
		if fn.Name == name {
			overload, err := fn.Resolve([]catalog.Arg{{Type: catalog.BigInt}})
			if err != nil {
				t.Fatal(err)
			}
			return planner.OverCall{Kind: planner.OverAggregate, Fn: fn, Overload: overload, Args: []int{1}, Filter: -1, Frame: f, Type: overload.Result, Name: name}
		}
	}
	t.Fatalf("no function %s", name)
	return planner.OverCall{}
}

func rowsFrame(lower, upper planner.FrameBound) planner.Frame {
	return planner.Frame{Unit: planner.RowsFrame, Lower: lower, Upper: upper}
}

// testCalls are some calls, chosen at random.
func testCalls(t testing.TB, r *rand.Rand) []planner.OverCall {
	back := func(n int64) planner.FrameBound { return planner.FrameBound{Kind: planner.Preceding, Rows: n} }
	ahead := func(n int64) planner.FrameBound { return planner.FrameBound{Kind: planner.Following, Rows: n} }
	here, first, last := planner.FrameBound{Kind: planner.CurrentRow}, planner.FrameBound{}, planner.FrameBound{Kind: planner.UnboundedFollowing}
	span := planner.FrameBound{Kind: planner.Preceding, Range: &catalog.Literal{Value: int64(3), T: catalog.BigInt}}
	value := func(k planner.OverKind, n int64, f planner.Frame) planner.OverCall {
		return planner.OverCall{Kind: k, Args: []int{1}, Filter: -1, N: n, Frame: f, Type: catalog.BigInt, IgnoreNulls: r.IntN(2) == 0}
	}
	all := []planner.OverCall{
		{Kind: planner.OverRowNumber, Filter: -1, Type: catalog.BigInt},
		{Kind: planner.OverRank, Filter: -1, Type: catalog.BigInt},
		{Kind: planner.OverDenseRank, Filter: -1, Type: catalog.BigInt},
		{Kind: planner.OverNTile, N: 3, Filter: -1, Type: catalog.BigInt},
		{Kind: planner.OverCumeDist, Filter: -1, Type: catalog.Double},
		value(planner.OverLag, 2, planner.Frame{}), value(planner.OverLead, 1, planner.Frame{}),
		value(planner.OverFirstValue, 0, rowsFrame(back(2), ahead(1))), value(planner.OverLastValue, 0, rowsFrame(first, last)),
		value(planner.OverNthValue, 2, planner.Frame{Unit: planner.GroupsFrame, Lower: back(1), Upper: here, Exclude: planner.ExcludeTies}),
		aggregate(t, "SUM", rowsFrame(back(3), here)), aggregate(t, "AVG", rowsFrame(first, here)),
		aggregate(t, "MAX", rowsFrame(back(1), ahead(2))), aggregate(t, "COUNT", planner.Frame{Unit: planner.RangeFrame, Upper: here}),
		aggregate(t, "SUM", planner.Frame{Unit: planner.RangeFrame, Lower: span, Upper: here}),
		aggregate(t, "MIN", rowsFrame(ahead(1), last)), aggregate(t, "SUM", rowsFrame(back(30), back(1))),
	}
	var calls []planner.OverCall
	for _, i := range r.Perm(len(all))[:1+r.IntN(4)] {
		calls = append(calls, all[i])
	}
	return calls
}

// TestUpdating: whatever rows come and go, in whatever pieces, through restarts
// with as many shards or others, the fold of the changes is what one computation
// over the rows that stand gives.
func TestUpdating(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 2))
		o := &planner.Over{Partition: []int{0}, Order: []planner.SortKey{{Col: 2, Desc: r.IntN(2) == 0, NullsFirst: r.IntN(2) == 0}}, Calls: testCalls(t, r), WindowStart: -1, WindowEnd: -1}
		if r.IntN(4) == 0 {
			o.Partition = nil
		}
		store, err := statestore.Open("state", statestore.Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		u := &updating{t: t, o: o, cols: testColumns, store: store, out: newFolded(t), shards: 1 + r.IntN(3)}
		u.start(false)
		var standing []testRow
		for range 12 {
			for range 1 + r.IntN(3) {
				var rows []testRow
				var kinds []catalog.RowKind
				for range 1 + r.IntN(20) {
					if len(standing) > 0 && r.IntN(3) == 0 {
						i := r.IntN(len(standing))
						rows, kinds = append(rows, standing[i]), append(kinds, catalog.Delete)
						standing = slices.Delete(standing, i, i+1)
						continue
					}
					row := testRow{[]any{"a", "b", nil, "a key that is longer than what stands in a row"}[r.IntN(4)], int64(r.IntN(20)), int64(r.IntN(8))}
					if r.IntN(6) == 0 {
						row[1+r.IntN(2)] = nil
					}
					rows, kinds, standing = append(rows, row), append(kinds, catalog.Insert), append(standing, row)
				}
				u.process(rows, kinds)
				if r.IntN(2) == 0 {
					u.flush(false)
				}
			}
			u.flush(true)
			final := *o
			final.AtEnd = true
			whole, err := newWhole(&final, testColumns, contextFor(&final, 1000))
			if err != nil {
				t.Fatal(err)
			}
			want := newFolded(t)
			if err := whole.Process(0, batchOf(t, standing, nil, testColumns), want); err != nil {
				t.Fatal(err)
			}
			if err := whole.End(0, want); err != nil {
				t.Fatal(err)
			}
			if got := u.out.String(); got != want.String() {
				t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, got, want)
			}
			u.commit()
			if r.IntN(3) == 0 {
				same := r.IntN(2) == 0
				if !same {
					u.stored, u.shards = u.shards, 1+r.IntN(4)
				} else {
					u.stored = u.shards
				}
				u.start(true)
			}
		}
		held := 0
		for _, w := range u.ops {
			c := op.Counters{}
			w.Gauges(c)
			held += int(c[op.CountHeld])
		}
		if held != len(standing) {
			t.Fatalf("seed %d: %d rows held, %d stand", seed, held, len(standing))
		}
	}
}

// operator is what both operators have.
type operator interface {
	op.Stateful
	op.Gauges
}

// updating runs one operator in several shards over a store.
type updating struct {
	t      testing.TB
	o      *planner.Over
	cols   []planner.Column
	store  *statestore.Store
	out    *folded
	shards int
	stored int
	ops    []operator
	epoch  uint64
}

func (u *updating) start(restore bool) {
	u.ops = nil
	layout := statestore.Layout{Shards: u.shards}
	for i := range u.shards {
		w, err := New(u.o, u.cols, contextFor(u.o, 7))
		if err != nil {
			u.t.Fatal(err)
		}
		if restore {
			w := w.(operator)
			if err := w.Restore(&op.Restore{Store: u.store, Operator: 7, Groups: layout.KeyGroups(i), Shard: i, Same: u.stored == u.shards, Stored: u.stored}); err != nil {
				u.t.Fatal(err)
			}
		}
		u.ops = append(u.ops, w.(operator))
	}
}

// process gives rows to the shards that own them.
func (u *updating) process(rows []testRow, kinds []catalog.RowKind) {
	b := batchOf(u.t, rows, kinds, u.cols)
	sels := make([][]int32, u.shards)
	if len(u.o.Partition) == 0 {
		for i := range rows {
			sels[0] = append(sels[0], int32(i))
		}
	} else {
		l, err := hash.NewLayout([]catalog.Type{catalog.String})
		if err != nil {
			u.t.Fatal(err)
		}
		for i, h := range hash.NewEncoder(l).Encode([]arrow.Array{b.Cols[0]}, colvec.All(b.N)).Hash {
			s := statestore.Layout{Shards: u.shards}.ShardOf(hash.Group(h))
			sels[s] = append(sels[s], int32(i))
		}
	}
	for s, sel := range sels {
		if len(sel) == 0 {
			continue
		}
		if err := u.ops[s].Process(0, b.Gather(sel, memory.DefaultAllocator), u.out); err != nil {
			u.t.Fatal(err)
		}
	}
}

func (u *updating) flush(settled bool) {
	for _, w := range u.ops {
		if err := w.(op.Flusher).Flush(settled, u.out); err != nil {
			u.t.Fatal(err)
		}
	}
}

func (u *updating) commit() {
	u.epoch++
	tx, err := u.store.Begin(u.epoch, statestore.Layout{Shards: u.shards})
	if err != nil {
		u.t.Fatal(err)
	}
	for i, w := range u.ops {
		f, err := w.Freeze(tx.Cut())
		if err != nil {
			u.t.Fatal(err)
		}
		if err := f.Write(tx.Shard(i)); err != nil {
			u.t.Fatal(err)
		}
	}
	if err := tx.Commit(nil); err != nil {
		u.t.Fatal(err)
	}
}

// timedCalls are some calls that can be computed in the order of time.
func timedCalls(t testing.TB, r *rand.Rand) []planner.OverCall {
	back := func(n int64) planner.FrameBound { return planner.FrameBound{Kind: planner.Preceding, Rows: n} }
	here, first := planner.FrameBound{Kind: planner.CurrentRow}, planner.FrameBound{}
	span := func(us int64) planner.Frame {
		l := &catalog.Literal{Value: us, T: catalog.IntervalDay}
		return planner.Frame{Unit: planner.RangeFrame, Upper: here, Lower: planner.FrameBound{Kind: planner.Preceding, Range: l}}
	}
	value := func(k planner.OverKind, n int64, f planner.Frame) planner.OverCall {
		return planner.OverCall{Kind: k, Args: []int{1}, Filter: -1, N: n, Frame: f, Type: catalog.BigInt, IgnoreNulls: r.IntN(2) == 0}
	}
	ranks := []planner.OverCall{
		{Kind: planner.OverRowNumber, Filter: -1, Type: catalog.BigInt}, {Kind: planner.OverRank, Filter: -1, Type: catalog.BigInt},
		{Kind: planner.OverDenseRank, Filter: -1, Type: catalog.BigInt},
		aggregate(t, "SUM", planner.Frame{Unit: planner.RangeFrame, Upper: here}), aggregate(t, "MAX", rowsFrame(first, here)),
	}
	spans := []planner.OverCall{
		aggregate(t, "SUM", span(30)), aggregate(t, "COUNT", span(0)), aggregate(t, "AVG", span(200)), aggregate(t, "MIN", span(50)),
	}
	rows := []planner.OverCall{
		value(planner.OverLag, 2, planner.Frame{}), value(planner.OverFirstValue, 0, rowsFrame(first, here)),
		value(planner.OverNthValue, 3, rowsFrame(first, here)), value(planner.OverLastValue, 0, rowsFrame(back(3), back(1))),
		aggregate(t, "SUM", rowsFrame(back(4), here)), aggregate(t, "MIN", rowsFrame(first, back(2))),
		aggregate(t, "COUNT", planner.Frame{Unit: planner.GroupsFrame, Lower: back(2), Upper: here, Exclude: planner.ExcludeTies}),
	}
	follow := func(n int64) planner.FrameBound { return planner.FrameBound{Kind: planner.Following, Rows: n} }
	until := func(lower planner.FrameBound, us int64) planner.Frame {
		l := &catalog.Literal{Value: us, T: catalog.IntervalDay}
		return planner.Frame{Unit: planner.RangeFrame, Lower: lower, Upper: planner.FrameBound{Kind: planner.Following, Range: l}}
	}
	groups := func(lower, upper planner.FrameBound) planner.Frame {
		return planner.Frame{Unit: planner.GroupsFrame, Lower: lower, Upper: upper}
	}
	ahead := []planner.OverCall{
		value(planner.OverLead, 1, planner.Frame{}), value(planner.OverLead, 3, planner.Frame{}), value(planner.OverLead, 0, planner.Frame{}),
		value(planner.OverFirstValue, 0, rowsFrame(first, follow(2))), value(planner.OverLastValue, 0, until(span(20).Lower, 40)),
		value(planner.OverNthValue, 2, rowsFrame(follow(1), follow(3))), value(planner.OverLastValue, 0, groups(first, follow(1))),
		aggregate(t, "SUM", rowsFrame(here, follow(1))), aggregate(t, "SUM", rowsFrame(first, follow(2))),
		aggregate(t, "MAX", until(first, 25)), aggregate(t, "AVG", until(span(30).Lower, 0)),
		aggregate(t, "COUNT", groups(first, follow(1))), aggregate(t, "MIN", groups(back(1), follow(2))),
		aggregate(t, "SUM", planner.Frame{Unit: planner.RangeFrame, Upper: span(35).Lower}), aggregate(t, "SUM", groups(first, back(1))),
	}
	all := append(ranks, spans...)
	switch r.IntN(4) {
	case 0:
		all = spans
	case 3:
		all = slices.Concat(all, rows, ahead, ahead)
	case 1:
		all = append(all, rows...)
	}
	var calls []planner.OverCall
	for _, i := range r.Perm(len(all))[:1+r.IntN(3)] {
		calls = append(calls, all[i])
	}
	return calls
}

// inLives gives each key the number of its life behind it, where rows of one life
// are no more than ttl apart; ttl 0: one life.
func inLives(rows []testRow, ttl int64) []testRow {
	if ttl == 0 {
		return rows
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b testRow) int { return cmp.Compare(a[2].(int64), b[2].(int64)) })
	last, life := map[any]int64{}, map[any]int{}
	for i, r := range rows {
		if t, met := last[r[0]]; met && r[2].(int64) > t+ttl {
			life[r[0]]++
		}
		last[r[0]] = r[2].(int64)
		rows[i][0] = fmt.Sprintf("%v life %d", r[0], life[r[0]])
	}
	return rows
}

var lifeNumber = regexp.MustCompile(` life \d+"`)

// withoutLife takes what inLives has put there out of a row's text.
func withoutLife(text string) string {
	return strings.Replace(lifeNumber.ReplaceAllString(text, `"`), `"<nil>"`, "null", 1)
}

// TestTimed: wherever the watermark goes and whenever the operator is started
// again, with as many shards or others, the rows are those of one computation
// over all of them.
func TestTimed(t *testing.T) {
	cols := []planner.Column{{Name: "k", Type: catalog.String}, {Name: "v", Type: catalog.BigInt}, {Name: "ts", Type: catalog.Timestamp3}}
	for seed := range uint64(160) {
		r := rand.New(rand.NewPCG(seed, 3))
		o := &planner.Over{Partition: []int{0}, Order: []planner.SortKey{{Col: 2}}, Calls: timedCalls(t, r), ByTime: true, WindowStart: -1, WindowEnd: -1}
		if r.IntN(4) == 0 {
			o.Partition = nil
		} else if r.IntN(3) == 0 {
			o.Life = planner.Life{TTL: time.Duration(1+r.IntN(100)) * time.Microsecond, EventTime: true}
		}
		store, err := statestore.Open("state", statestore.Options{FS: vfs.NewMem()})
		if err != nil {
			t.Fatal(err)
		}
		u := &updating{t: t, o: o, cols: cols, store: store, out: newFolded(t), shards: 1 + r.IntN(3)}
		u.start(false)
		var all []testRow
		mark := int64(1000)
		advance := func(w int64) {
			for _, x := range u.ops {
				if err := x.Advance(0, w, u.out); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 15 {
			for range 1 + r.IntN(3) {
				var rows []testRow
				for range 1 + r.IntN(20) {
					row := testRow{[]any{"a", "b", nil, "a key that is longer than what stands in a row"}[r.IntN(4)], int64(r.IntN(20)), mark + int64(r.IntN(60))}
					if r.IntN(6) == 0 {
						row[1] = nil
					}
					rows, all = append(rows, row), append(all, row)
				}
				u.process(rows, nil)
				if r.IntN(2) == 0 {
					mark += int64([]int{0, 5, 40, 300}[r.IntN(4)])
					advance(mark)
				}
			}
			u.commit()
			if r.IntN(3) == 0 {
				if u.stored = u.shards; r.IntN(2) == 0 {
					u.shards = 1 + r.IntN(4)
				}
				u.start(true)
				advance(mark)
			}
		}
		advance(op.MaxTime)
		final := *o
		final.AtEnd = true
		whole, err := newWhole(&final, cols, contextFor(&final, 1000))
		if err != nil {
			t.Fatal(err)
		}
		want := newFolded(t)
		if err := whole.Process(0, batchOf(t, inLives(all, o.TTL.Microseconds()), nil, cols), want); err != nil {
			t.Fatal(err)
		}
		if err := whole.End(0, want); err != nil {
			t.Fatal(err)
		}
		lived := newFolded(t)
		for text, n := range want.rows {
			lived.rows[withoutLife(text)] += n
		}
		if got := u.out.String(); got != lived.String() {
			t.Fatalf("seed %d: %v %+v: got\n%s\nwant\n%s", seed, o.Life, o.Calls, got, lived)
		}
		for i, x := range u.ops {
			if x := x.(*timed); x.waiting.rows.Len()+x.kept.rows.Len()+x.parts.t.Len() > 0 {
				t.Fatalf("seed %d: shard %d has %d rows waiting, %d kept, %d partitions", seed, i, x.waiting.rows.Len(), x.kept.rows.Len(), x.parts.t.Len())
			}
		}
	}
}

// TestStateGoes: once the watermark is further than every frame reaches, nothing
// is left of a partition; at the end of time nothing is left at all.
func TestStateGoes(t *testing.T) {
	cols := []planner.Column{{Name: "k", Type: catalog.String}, {Name: "v", Type: catalog.BigInt}, {Name: "ts", Type: catalog.Timestamp3}}
	span := planner.Frame{Unit: planner.RangeFrame, Upper: planner.FrameBound{Kind: planner.CurrentRow},
		Lower: planner.FrameBound{Kind: planner.Preceding, Range: &catalog.Literal{Value: int64(100), T: catalog.IntervalDay}}}
	for name, calls := range map[string][]planner.OverCall{
		"span":    {aggregate(t, "SUM", span), aggregate(t, "MIN", span)},
		"numbers": {{Kind: planner.OverRowNumber, Filter: -1, Type: catalog.BigInt}, aggregate(t, "SUM", planner.Frame{Unit: planner.RangeFrame, Upper: planner.FrameBound{Kind: planner.CurrentRow}})},
		"ahead":   {{Kind: planner.OverLead, N: 2, Args: []int{1}, Filter: -1, Type: catalog.BigInt}},
		"rows":    {aggregate(t, "MAX", rowsFrame(planner.FrameBound{Kind: planner.Preceding, Rows: 5}, planner.FrameBound{Kind: planner.CurrentRow}))},
	} {
		o := &planner.Over{Partition: []int{0}, Order: []planner.SortKey{{Col: 2}}, Calls: calls, ByTime: true, WindowStart: -1, WindowEnd: -1}
		x, err := newTimed(o, cols, contextFor(o, 10))
		if err != nil {
			t.Fatal(err)
		}
		out := newFolded(t)
		rows := func(from, n int) {
			var list []testRow
			for i := range n {
				list = append(list, testRow{fmt.Sprint("key ", i%7), int64(i), int64(from + i)})
			}
			if err := x.Process(0, batchOf(t, list, nil, cols), out); err != nil {
				t.Fatal(err)
			}
		}
		at := func(w int64, waiting, kept, parts int) {
			t.Helper()
			if err := x.Advance(0, w, out); err != nil {
				t.Fatal(err)
			}
			if a, b, c := x.waiting.rows.Len(), x.kept.rows.Len(), x.parts.t.Len(); a != waiting || b != kept || c != parts {
				t.Errorf("%s: at %d there are %d rows waiting, %d kept, %d partitions; want %d, %d, %d", name, w, a, b, c, waiting, kept, parts)
			}
		}
		rows(1000, 200)
		rows(1100, 200)
		switch name {
		case "span":
			at(1000, 400, 0, 7)
			at(1250, 50, 150, 7) // those of 1150 and later: two of each time up to 1199, then one
			at(1300, 0, 100, 7)
			at(1400, 0, 0, 0)
		case "numbers":
			at(1300, 0, 0, 7)
		case "ahead":
			at(1300, 14, 0, 7) // the last two of each key
		case "rows":
			at(1300, 0, 35, 7)
		}
		rows(2000, 30)
		at(op.MaxTime, 0, 0, 0)
		if out.total != 430 {
			t.Errorf("%s: %d rows came out", name, out.total)
		}
		for _, g := range x.calls.kept {
			if g != nil && g.Len() > 0 {
				t.Errorf("%s: %d groups are left", name, g.Len())
			}
		}
	}
}

// TestForgets: with a time to live nothing is left of partitions once the watermark
// is that far beyond them, and rows that wait for others come out then.
func TestForgets(t *testing.T) {
	cols := []planner.Column{{Name: "k", Type: catalog.String}, {Name: "v", Type: catalog.BigInt}, {Name: "ts", Type: catalog.Timestamp3}}
	here := planner.FrameBound{Kind: planner.CurrentRow}
	distinct := aggregate(t, "COUNT", planner.Frame{Unit: planner.RangeFrame, Upper: here})
	distinct.Distinct = true
	o := &planner.Over{
		Partition: []int{0}, Order: []planner.SortKey{{Col: 2}}, ByTime: true, WindowStart: -1, WindowEnd: -1,
		Life: planner.Life{TTL: 100 * time.Microsecond, EventTime: true},
		Calls: []planner.OverCall{
			{Kind: planner.OverLead, N: 1, Args: []int{1}, Filter: -1, Type: catalog.BigInt}, distinct,
			{Kind: planner.OverFirstValue, Args: []int{1}, Filter: -1, Type: catalog.BigInt, Frame: rowsFrame(planner.FrameBound{}, here)},
		},
	}
	x, err := newTimed(o, cols, contextFor(o, 10))
	if err != nil {
		t.Fatal(err)
	}
	out := newFolded(t)
	var rows []testRow
	for i := range 200 {
		rows = append(rows, testRow{fmt.Sprint("key ", i%7), int64(i % 3), int64(1000 + i)})
	}
	if err := x.Process(0, batchOf(t, rows, nil, cols), out); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		w                          int64
		total, waiting, kept, keys int
	}{{1200, 193, 7, 7, 7}, {1290, 193, 7, 7, 7}, {1330, 200, 0, 0, 0}} {
		if err := x.Advance(0, step.w, out); err != nil {
			t.Fatal(err)
		}
		if out.total != step.total || x.waiting.rows.Len() != step.waiting || x.kept.rows.Len() != step.kept || x.parts.t.Len() != step.keys {
			t.Errorf("at %d %d rows have come out, %d wait, %d are kept, of %d keys; want %v", step.w, out.total, x.waiting.rows.Len(), x.kept.rows.Len(), x.parts.t.Len(), step)
		}
	}
	for _, g := range x.calls.kept {
		if g != nil && g.Len() > 0 {
			t.Errorf("%d groups are left", g.Len())
		}
	}
}

// TestLimit: a partition whose first rows have come out keeps no other one, and takes
// none; but with a time to live, which each row prolongs, all are taken.
func TestLimit(t *testing.T) {
	cols := []planner.Column{{Name: "k", Type: catalog.String}, {Name: "v", Type: catalog.BigInt}, {Name: "ts", Type: catalog.Timestamp3}}
	for _, ttl := range []time.Duration{0, time.Second} {
		o := &planner.Over{
			Partition: []int{0}, Order: []planner.SortKey{{Col: 2}}, ByTime: true, WindowStart: -1, WindowEnd: -1, Limit: 3,
			Calls: []planner.OverCall{{Kind: planner.OverRowNumber, Filter: -1, Type: catalog.BigInt}},
			Life:  planner.Life{TTL: ttl, EventTime: ttl > 0},
		}
		ctx := contextFor(o, 10)
		x, err := newTimed(o, cols, ctx)
		if err != nil {
			t.Fatal(err)
		}
		out := newFolded(t)
		step := func(from, n int, w int64, waiting int) {
			t.Helper()
			var list []testRow
			for i := range n {
				list = append(list, testRow{fmt.Sprint("key ", i%2), int64(i), int64(from + i)})
			}
			ctx.Counters["pre.out"] += int64(n)
			if err := x.Process(0, batchOf(t, list, nil, cols), out); err != nil {
				t.Fatal(err)
			}
			if got := x.waiting.rows.Len(); got != waiting {
				t.Errorf("%d rows wait of those from %d on; want %d", got, from, waiting)
			}
			if err := x.Advance(0, w, out); err != nil {
				t.Fatal(err)
			}
			x.Gauges(ctx.Counters)
			if bad := x.Balance(ctx.Counters); bad != "" {
				t.Error(bad)
			}
		}
		step(0, 4, 4, 4) // two rows of each key come out
		step(100, 20, 50, 20)
		step(200, 20, 110, 40) // five of each key
		if ttl > 0 {
			step(300, 20, 150, 50)
			continue
		}
		step(300, 20, 150, 30)
		step(400, 20, 300, 20)
		if x.waiting.rows.Len() > 0 || out.total != 14 {
			t.Errorf("%d rows wait and %d have come out; want 0 and 14", x.waiting.rows.Len(), out.total)
		}
	}
}

// TestCompaction: over bounded input that updates, what has been taken back goes
// before the end comes, and each row comes out once.
func TestCompaction(t *testing.T) {
	o := &planner.Over{Partition: []int{0}, Order: []planner.SortKey{{Col: 1}}, Calls: []planner.OverCall{{Kind: planner.OverRowNumber, Filter: -1, Type: catalog.BigInt}}, AtEnd: true, WindowStart: -1, WindowEnd: -1}
	w, err := newWhole(o, testColumns, contextFor(o, 100))
	if err != nil {
		t.Fatal(err)
	}
	out := newFolded(t)
	take := func(rows []testRow, k catalog.RowKind) {
		kinds := slices.Repeat([]catalog.RowKind{k}, len(rows))
		if err := w.Process(0, batchOf(t, rows, kinds, testColumns), out); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		var rows []testRow
		for v := range 40 {
			rows = append(rows, testRow{[]any{"a", "b"}[v%2], int64(v), int64(i)})
		}
		take(rows, catalog.Insert)
		if i < 49 {
			take(rows, catalog.Delete)
		}
		if n := w.store.rows.Len(); n > 400 {
			t.Fatalf("%d rows are held, %d stand", n, len(rows))
		}
	}
	if err := w.End(0, out); err != nil {
		t.Fatal(err)
	}
	if out.total != 40 || w.store.rows.Len() != 0 || w.parts.t.Len() != 0 {
		t.Errorf("%d rows came out, %d rows and %d partitions are left", out.total, w.store.rows.Len(), w.parts.t.Len())
	}
}
