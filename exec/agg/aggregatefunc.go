package agg

import (
	"encoding"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/hash"
)

// AggregateFunc describes an aggregate function in Go for use in SQL.
//
// The simplest function knows of rows and a result alone (Aggregation). The engine
// then keeps the arguments of all rows of a group, as it does for ARRAY_AGG, and goes
// through them each time it wants the group's result. So the function has no state to
// store, to merge or to take rows out of: it works in windows, over queries that
// update, after a restart and on any number of cores, and its answer is a function of
// the rows. The price is the memory for the rows, and the time to go through them.
//
// A function that is Incremental has a state of its own, which the engine stores in
// place of the rows; over queries that update it must be Retracting besides, else the
// rows are kept there all the same. They are kept too for f(DISTINCT x) and if Ordered
// is set. Which of the two it is is part of the stored state: a function that
// becomes Incremental starts anew.
type AggregateFunc struct {
	Name string
	Doc  string
	// Params are the types of the arguments, at least one.
	Params []catalog.Type
	Result catalog.Type
	// NullInput gives it rows with NULL among the arguments too (as nil); else they
	// do not count.
	NullInput bool
	// Ordered says that the order of the rows matters: f(x ORDER BY y), else that of
	// time or arrival as for ARRAY_AGG. A function that does not mind gets them in
	// the order of their values.
	Ordered bool
	// New begins the aggregation of one group. It is called from several
	// goroutines at a time; what it gives is used by one. Whether that is Incremental
	// or Retracting must not change.
	New func() Aggregation

	incremental, retracting bool
}

// Aggregation is the aggregation of one group's rows.
type Aggregation interface {
	// Add takes a row's arguments in the form of catalog.Literal.Value. args is
	// valid during the call.
	Add(args []any) error
	// Result gives the result in that form, nil for NULL, or what else
	// expr.ScalarFunc.Call may give. An error of either is one of the result's row.
	Result() (any, error)
}

// Incremental is an Aggregation whose state stands for the rows that it has been given.
//
// What it answers must depend on the multiset of the rows alone: rows are added in any
// order, over several states that are merged later, and states are stored and read
// again at any time. Numbers that are added up exactly (integers, not floats) make that
// so. Add must fail for a row by its arguments alone, and leave the state as it was:
// the engine counts these rows, and the group's result is in error while one is there.
type Incremental interface {
	Aggregation
	// Merge adds the rows of another aggregation by the same function, which it must
	// not change. An error makes the result one for good.
	Merge(other Aggregation) error
	// MarshalBinary gives the state, UnmarshalBinary sets it in a new aggregation.
	// Equal rows need not give equal bytes. The form is part of the stored state: a
	// program that changes it must still read what an older one wrote, or give the
	// function another name.
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// Retracting is an Incremental that can take rows out.
type Retracting interface {
	Incremental
	// Retract undoes Add of equal arguments; it fails where that did. The row may
	// be one that is added only later. A group without rows has the result of a new
	// aggregation.
	Retract(args []any) error
}

// Function makes the catalog's value of it.
func (f AggregateFunc) Function() (*catalog.Function, error) {
	switch {
	case f.Name == "":
		return nil, errors.New("an aggregate function needs a name")
	case f.New == nil:
		return nil, fmt.Errorf("aggregate function %s has nothing to call", f.Name)
	case len(f.Params) == 0:
		return nil, fmt.Errorf("aggregate function %s has no parameters", f.Name)
	case f.Result.Kind == catalog.KindInvalid || f.Result.Kind == catalog.KindNull:
		return nil, fmt.Errorf("aggregate function %s has no result type", f.Name)
	}
	name := strings.ToUpper(f.Name)
	var types []string
	for _, t := range f.Params {
		if t.Kind == catalog.KindNull || t.Kind == catalog.KindInvalid {
			return nil, fmt.Errorf("aggregate function %s can't keep values of type %s", f.Name, t)
		}
		types = append(types, t.String())
	}
	switch f.New().(type) {
	case Retracting:
		f.incremental, f.retracting = true, true
	case Incremental:
		f.incremental = true
	}
	custom := &family{name: name, kind: Custom, resolve: f.resolve}
	return &catalog.Function{
		Name: name, Kind: catalog.AggregateFunction, Category: "User-defined", Doc: f.Doc, Volatility: catalog.Immutable,
		Signatures: []string{fmt.Sprintf("%s(%s) -> %s", name, strings.Join(types, ", "), f.Result)},
		Resolve:    custom.overload,
	}, nil
}

func (f AggregateFunc) resolve(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	if len(args) != len(f.Params) {
		return nil, fmt.Errorf("%s takes %d arguments, not %d", f.Name, len(f.Params), len(args))
	}
	for i, a := range args {
		if !catalog.CanCast(a.Type, f.Params[i], true) {
			return nil, fmt.Errorf("%s: argument %d is %s, not %s", f.Name, i+1, a.Type, f.Params[i])
		}
	}
	s.Arg, s.More, s.Result, s.Func = f.Params[0], f.Params[1:], f.Result, &f
	return f.Params, nil
}

// customOutput goes through the rows of each group.
type customOutput struct {
	bag *bag
	f   *AggregateFunc
	at  []int // the arguments among the record's columns
	dt  arrow.DataType
}

func (o *customOutput) emit(g *Groups, groups []hash.Row, alloc memory.Allocator, fail Fail) arrow.Array {
	t := g.bags[o.bag.at]
	tr := o.bag.tree(t)
	all := collected{bag: o.bag}
	var rows []hash.Row
	ends := make([]int, len(groups))
	for i, group := range groups {
		all.each(tr, group, func(row hash.Row, times int64) {
			for range times {
				rows = append(rows, row)
			}
		})
		ends[i] = len(rows)
	}
	cols := make([]arrow.Array, len(o.at))
	for i, at := range o.at {
		cols[i] = o.bag.rec.layout.Column(o.bag.rec.base+at, rows, t.Source(), alloc)
		defer cols[i].Release()
	}
	b := array.NewBuilder(alloc, o.dt)
	defer b.Release()
	from := 0
	for i, to := range ends {
		v, err := o.run(cols, from, to)
		if err == nil {
			err = column.Append(b, v, o.f.Result)
		}
		if err != nil {
			fail(i, expr.CodeFunction, fmt.Sprintf("%s: %v", o.f.Name, err))
			b.AppendNull()
		}
		from = to
	}
	return b.NewArray()
}

// run aggregates rows from..to-1 of the arguments' columns.
func (o *customOutput) run(cols []arrow.Array, from, to int) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it panicked: %v", r)
		}
	}()
	a := o.f.New()
	args := make([]any, len(cols))
	for i := from; i < to; i++ {
		for k, col := range cols {
			args[k] = column.Value(col, i, o.f.Params[k])
		}
		if err := a.Add(args); err != nil {
			return nil, err
		}
	}
	if v, err = a.Result(); err != nil {
		return nil, err
	}
	return expr.LiteralValue(v, o.f.Result)
}
