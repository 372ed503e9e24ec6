package agg

import (
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// needsRecords says whether a call is computed from records and not from numbers.
func (a *Aggregator) needsRecords(c Call) bool {
	switch c.Kind {
	case Min, Max:
		return c.Spec.Arg.IsNested() || a.retract && c.Spec.Arg.Kind != catalog.KindNull
	case MinBy, MaxBy, First, Last, ArrayAgg, ListAgg, Collect, MapAgg, Mode, Product, PercentileCont, PercentileDisc, ApproxPercentile, Custom:
		return true
	}
	return false
}

// compileRecords sees to the bag, or the best record, that a call reads.
func (a *Aggregator) compileRecords(c Call) (output, error) {
	s := shape{filter: c.Filter, once: c.Distinct}
	arg := Order{Column: c.Arg, Type: c.Spec.Arg}
	add := func(o Order) {
		if !slices.ContainsFunc(s.cols, func(x Order) bool { return x.Column == o.Column }) {
			s.cols = append(s.cols, o)
		}
	}
	last := c.Kind == Max || c.Kind == Last || c.Kind == MaxBy
	skipNulls := c.IgnoreNulls || c.SkipNulls
	switch c.Kind {
	case MinBy, MaxBy:
		add(Order{Column: c.More[0], Type: c.Spec.More[0]})
		// Of equal y the least x is taken, from whichever end.
		arg.Desc, arg.NullsFirst = last, last
		s.present = append(s.present, c.More[0])
	case PercentileCont, PercentileDisc, Mode:
		skipNulls = true
		if len(c.Order) > 0 {
			arg.Desc = c.Order[0].Desc
		}
	case ApproxPercentile:
		skipNulls = true
		arg.accuracy = c.Accuracy
		if len(c.Order) > 0 {
			arg.Desc = c.Order[0].Desc
		}
	case Custom:
		skipNulls = !c.Func.NullInput
	case MapAgg:
		skipNulls = !c.Unique
	case Min, Max, ListAgg, Collect, Product:
		skipNulls = true
	}
	if c.ordered() {
		for _, o := range c.Order {
			add(o)
		}
		if c.Arrival && !c.Distinct {
			add(Order{Column: arrival, Type: catalog.BigInt})
		}
	}
	add(arg)
	if c.Kind == Custom {
		for i, m := range c.More {
			add(Order{Column: m, Type: c.Spec.More[i]})
			if skipNulls {
				s.present = append(s.present, m)
			}
		}
	}
	if c.Kind == MapAgg {
		add(Order{Column: c.More[0], Type: c.Spec.More[0]})
	}
	if skipNulls && !slices.Contains(s.present, c.Arg) {
		s.present = append(s.present, c.Arg)
	}
	at := slices.IndexFunc(s.cols, func(o Order) bool { return o.Column == c.Arg })
	if !a.retract && (last || c.Kind == First || c.Kind == Min || c.Kind == MinBy) {
		b, err := a.bestOf(s, last)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Kind, err)
		}
		return &bestOutput{b, picked{dt: c.Result.Arrow(), rec: b.rec, at: at}}, nil
	}
	b, err := a.bagOf(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Kind, err)
	}
	if c.Kind == Custom {
		o := &customOutput{bag: b, f: c.Func, dt: c.Result.Arrow()}
		for _, col := range append([]int{c.Arg}, c.More...) {
			o.at = append(o.at, slices.IndexFunc(s.cols, func(x Order) bool { return x.Column == col }))
		}
		return o, nil
	}
	if c.Kind == MapAgg {
		value := slices.IndexFunc(s.cols, func(o Order) bool { return o.Column == c.More[0] })
		return &mapOutput{collected{dt: c.Result.Arrow(), bag: b, at: at}, value, c.Unique, c.SkipValues}, nil
	}
	return b.output(c, at, last), nil
}

// output is the output of a call over column at of the bag's records.
func (b *bag) output(c Call, at int, last bool) output {
	dt := c.Result.Arrow()
	all := collected{dt: dt, bag: b, at: at}
	one := picked{dt: dt, rec: b.rec, at: at}
	switch c.Kind {
	case ArrayAgg:
		return &arrayOutput{all}
	case ListAgg:
		return &textOutput{all, c.Separator}
	case Collect:
		return &multisetOutput{all}
	case Mode:
		return &modeOutput{b, one}
	case Product:
		return &productOutput{b, at, dt}
	case PercentileCont, PercentileDisc, ApproxPercentile:
		b.ranked = true
		p := percentiles{bag: b, at: at, fractions: c.Fractions}
		if c.Result.Kind == catalog.KindArray {
			p.list = dt
		}
		if c.Kind == PercentileCont {
			return &contOutput{p, catalog.Double.Arrow()}
		}
		return &discOutput{p, one}
	}
	right := uint(0)
	if last {
		right = 1
	}
	return &endOutput{b, right, one}
}
