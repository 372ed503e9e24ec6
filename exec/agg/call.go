package agg

import (
	"fmt"

	"github.com/streamsql/streamsql/planner"
)

// Of gives the configuration for a planned GROUP BY: the key columns and calls of
// a node whose input has the columns in.
func Of(keys []int, calls []planner.AggCall, in []planner.Column, retract bool) (Config, error) {
	cfg := Config{Retract: retract}
	for _, k := range keys {
		cfg.Keys = append(cfg.Keys, Key{Column: k, Type: in[k].Type})
	}
	for _, c := range calls {
		call, err := callOf(c, in)
		if err != nil {
			return Config{}, err
		}
		cfg.Calls = append(cfg.Calls, call)
	}
	return cfg, nil
}

func callOf(c planner.AggCall, in []planner.Column) (Call, error) {
	if c.Overload.Aggregate == nil {
		return Call{}, fmt.Errorf("%s is no aggregate", c.Fn.Name)
	}
	spec, ok := c.Overload.Aggregate.Impl.(Spec)
	if !ok {
		return Call{}, fmt.Errorf("aggregate %s is not one of this engine: its implementation is a %T", c.Fn.Name, c.Overload.Aggregate.Impl)
	}
	if len(c.Args) != spec.columns() {
		return Call{}, fmt.Errorf("%s with %d arguments", c.Fn.Name, len(c.Args))
	}
	call := Call{Spec: spec, Arg: -1, Filter: c.Filter, Arrival: c.Arrival, IgnoreNulls: c.IgnoreNulls}
	for i, a := range c.Args {
		if i == 0 {
			call.Arg, call.ArgNotNull = a, in[a].NotNull
			continue
		}
		call.More = append(call.More, a)
		call.ArgNotNull = call.ArgNotNull && in[a].NotNull
	}
	for _, o := range c.Order {
		call.Order = append(call.Order, Order{Column: o.Col, Type: in[o.Col].Type, Desc: o.Desc, NullsFirst: o.NullsFirst})
	}
	return call, nil
}
