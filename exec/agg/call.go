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
		if c.Overload.Aggregate == nil {
			return Config{}, fmt.Errorf("%s is no aggregate", c.Fn.Name)
		}
		spec, ok := c.Overload.Aggregate.Impl.(Spec)
		if !ok {
			return Config{}, fmt.Errorf("aggregate %s is not one of this engine: its implementation is a %T", c.Fn.Name, c.Overload.Aggregate.Impl)
		}
		call := Call{Spec: spec, Arg: -1, Filter: c.Filter}
		if !spec.Star() {
			if len(c.Args) != 1 {
				return Config{}, fmt.Errorf("%s with %d arguments", c.Fn.Name, len(c.Args))
			}
			call.Arg = c.Args[0]
			call.ArgNotNull = in[c.Args[0]].NotNull
		}
		cfg.Calls = append(cfg.Calls, call)
	}
	return cfg, nil
}
