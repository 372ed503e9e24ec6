package agg

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
)

// The model of the functions beyond COUNT, SUM, AVG, MIN and MAX.

// modelRows gives the rows that count for a call, in the order that it has.
func modelRows(c Call, rows []modelRow) []modelRow {
	var out []modelRow
	for _, r := range rows {
		skip := c.Filter >= 0 && r[c.Filter] != true
		switch c.Kind {
		case ArrayAgg, First, Last:
			skip = skip || c.IgnoreNulls && r[c.Arg] == nil
		case MinBy, MaxBy:
			skip = skip || r[c.More[0]] == nil || c.IgnoreNulls && r[c.Arg] == nil
		default:
			skip = skip || r[c.Arg] == nil
			for _, m := range c.More {
				skip = skip || r[m] == nil
			}
		}
		if !skip {
			out = append(out, r)
		}
	}
	terms := slices.Clone(c.Order)
	if !c.ordered() {
		terms = nil
	}
	terms = append(terms, Order{Column: c.Arg})
	if c.Arrival {
		terms = c.Order // the sort is stable
	}
	sort.SliceStable(out, func(i, j int) bool {
		for _, t := range terms {
			if o := modelOrder(out[i][t.Column], out[j][t.Column], t); o != 0 {
				return o < 0
			}
		}
		return false
	})
	if c.Distinct {
		seen := map[string]bool{}
		out = slices.DeleteFunc(out, func(r modelRow) bool {
			k := show(r[c.Arg])
			for _, m := range c.More {
				k += "|" + show(r[m])
			}
			dup := seen[k]
			seen[k] = true
			return dup
		})
	}
	return out
}

func modelOrder(a, b any, t Order) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		if t.NullsFirst {
			return -1
		}
		return 1
	case b == nil:
		return -modelOrder(b, a, t)
	case less(a, b):
		if t.Desc {
			return 1
		}
		return -1
	case less(b, a):
		if t.Desc {
			return -1
		}
		return 1
	}
	return 0
}

// modelMore gives the result of a call over rows as text.
func modelMore(c Call, all []modelRow) string {
	rows := modelRows(c, all)
	n := len(rows)
	switch c.Kind {
	case CountIf:
		k := 0
		for _, r := range rows {
			if r[c.Arg] == true {
				k++
			}
		}
		return fmt.Sprint(k)
	case Count, RegrCount:
		return fmt.Sprint(n)
	case ApproxCountDistinct:
		seen := map[string]bool{}
		for _, r := range rows {
			seen[show(r[c.Arg])] = true
		}
		if len(seen) > fewHashes {
			return fmt.Sprintf("~%d", len(seen))
		}
		return fmt.Sprint(len(seen))
	}
	if n == 0 {
		return "NULL"
	}
	switch c.Kind {
	case BoolAnd, BoolOr:
		and, or := true, false
		for _, r := range rows {
			and, or = and && r[c.Arg].(bool), or || r[c.Arg].(bool)
		}
		if c.Kind == BoolAnd {
			return fmt.Sprint(and)
		}
		return fmt.Sprint(or)
	case BitAnd, BitOr, BitXor:
		and, or, xor := int64(-1), int64(0), int64(0)
		for _, r := range rows {
			v := r[c.Arg].(int64)
			and, or, xor = and&v, or|v, xor^v
		}
		return fmt.Sprint(map[Kind]int64{BitAnd: and, BitOr: or, BitXor: xor}[c.Kind])
	case First:
		return show(rows[0][c.Arg])
	case Last:
		return show(rows[n-1][c.Arg])
	case MinBy, MaxBy:
		at := 0
		for i, r := range rows { // sorted by x: the first of several is taken
			o := modelOrder(r[c.More[0]], rows[at][c.More[0]], Order{Desc: c.Kind == MaxBy})
			if o < 0 {
				at = i
			}
		}
		return show(rows[at][c.Arg])
	case ArrayAgg:
		var parts []any
		for _, r := range rows {
			parts = append(parts, zeroed(r[c.Arg]))
		}
		return show(parts)
	case ListAgg:
		var parts []string
		for _, r := range rows {
			parts = append(parts, r[c.Arg].(string))
		}
		return strings.Join(parts, c.Separator)
	case Collect, Mode:
		var keys []any
		var counts []int64
		for _, r := range rows {
			if k := len(keys); k > 0 && show(keys[k-1]) == show(r[c.Arg]) {
				counts[k-1]++
				continue
			}
			keys, counts = append(keys, r[c.Arg]), append(counts, 1)
		}
		var parts []any
		top := 0
		for i, k := range keys {
			parts = append(parts, zeroed(k), counts[i])
			if counts[i] > counts[top] {
				top = i
			}
		}
		if c.Kind == Mode {
			return show(keys[top])
		}
		return show(parts)
	case PercentileDisc:
		f := big.NewRat(int64(c.Fractions[0].Num), int64(c.Fractions[0].Den))
		k := 0 // the first of which the share up to it is at least f
		for big.NewRat(int64(k+1), int64(n)).Cmp(f) < 0 {
			k++
		}
		return show(rows[k][c.Arg])
	case PercentileCont:
		at := big.NewRat(int64(c.Fractions[0].Num), int64(c.Fractions[0].Den))
		at.Mul(at, big.NewRat(int64(n-1), 1))
		k := int(new(big.Int).Quo(at.Num(), at.Denom()).Int64())
		v := new(big.Rat).SetFloat64(rows[k][c.Arg].(float64))
		if rest := at.Sub(at, big.NewRat(int64(k), 1)); rest.Sign() > 0 {
			w := new(big.Rat).SetFloat64(rows[k+1][c.Arg].(float64))
			v.Add(v, rest.Mul(rest, w.Sub(w, v)))
		}
		f, _ := v.Float64()
		return show(f)
	}
	return modelMoment(c, rows)
}

// zeroed gives a value as it comes out of a record: there is one zero.
func zeroed(v any) any {
	if v == 0.0 {
		return 0.0
	}
	return v
}

// modelMoment is a statistic by its definition in rational numbers, over the
// mean: not the formula that the package uses.
func modelMoment(c Call, rows []modelRow) string {
	n := len(rows)
	if n < 2 && (c.Kind == VarSamp || c.Kind == StddevSamp || c.Kind == CovarSamp) {
		return "NULL"
	}
	x, y := make([]*big.Rat, n), make([]*big.Rat, n)
	for i, r := range rows {
		xv, yv := r[c.Arg].(float64), 0.0
		if c.Kind.pair() {
			xv, yv = r[c.More[0]].(float64), xv
		}
		x[i], y[i] = new(big.Rat).SetFloat64(xv), new(big.Rat).SetFloat64(yv)
		if x[i] == nil || y[i] == nil || math.IsInf(xv*xv, 0) || math.IsInf(yv*yv, 0) || math.IsInf(xv*yv, 0) {
			return show(math.NaN())
		}
	}
	count := new(big.Rat).SetInt64(int64(n))
	mean := func(v []*big.Rat) *big.Rat {
		s := new(big.Rat)
		for _, q := range v {
			s.Add(s, q)
		}
		return s.Quo(s, count)
	}
	mx, my := mean(x), mean(y)
	dot := func(a []*big.Rat, ma *big.Rat, b []*big.Rat, mb *big.Rat) *big.Rat {
		s := new(big.Rat)
		for i := range a {
			d := new(big.Rat).Sub(a[i], ma)
			s.Add(s, d.Mul(d, new(big.Rat).Sub(b[i], mb)))
		}
		return s
	}
	sxx, syy, sxy := dot(x, mx, x, mx), dot(y, my, y, my), dot(x, mx, y, my)
	text := func(num, den *big.Rat) string {
		f, _ := new(big.Rat).Quo(num, den).Float64()
		return show(f)
	}
	if c.Kind.shape() {
		return shapeOf(c.Kind, x, mx, sxx)
	}
	one := big.NewRat(1, 1)
	less := new(big.Rat).SetInt64(int64(n - 1))
	root := func(num, den *big.Rat) string {
		f, _ := new(big.Rat).Quo(num, den).Float64()
		return show(math.Sqrt(f))
	}
	switch c.Kind {
	case VarPop:
		return text(sxx, count)
	case StddevPop:
		return root(sxx, count)
	case CovarPop:
		return text(sxy, count)
	case RegrAvgX:
		return text(mx, one)
	case RegrAvgY:
		return text(my, one)
	case RegrSXX:
		return text(sxx, one)
	case RegrSYY:
		return text(syy, one)
	case RegrSXY:
		return text(sxy, one)
	case VarSamp:
		return text(sxx, less)
	case StddevSamp:
		return root(sxx, less)
	case CovarSamp:
		return text(sxy, less)
	}
	if sxx.Sign() == 0 || c.Kind == Corr && syy.Sign() == 0 {
		return "NULL"
	}
	switch c.Kind {
	case RegrSlope:
		return text(sxy, sxx)
	case RegrIntercept:
		b := new(big.Rat).Quo(sxy, sxx)
		return text(new(big.Rat).Sub(my, b.Mul(b, mx)), one)
	case RegrR2:
		if syy.Sign() == 0 {
			return show(1.0)
		}
		return text(new(big.Rat).Mul(sxy, sxy), new(big.Rat).Mul(sxx, syy))
	}
	wide := func(r *big.Rat) *big.Float { return new(big.Float).SetPrec(400).SetRat(r) }
	d := new(big.Float).Mul(wide(sxx), wide(syy))
	f, _ := new(big.Float).Quo(wide(sxy), d.Sqrt(d)).Float64()
	return show(f)
}

// more gives calls of the further functions over the columns of everything, and
// over two more columns, of doubles whose squares are numbers: see tame.
func more(t testing.TB, retract bool, first int, filters []int) []Call {
	var calls []Call
	at := func(typ catalog.Type) int {
		for i, d := range dataTypes {
			if d.Equal(typ) {
				return first + i
			}
		}
		t.Fatalf("no column of %s", typ)
		return 0
	}
	n := 0
	add := func(name string, args []int, distinct bool, change func(c *Call)) {
		known := make([]catalog.Arg, len(args))
		for i, a := range args {
			known[i] = catalog.Arg{Type: moreTypes(a - first), Distinct: distinct && i == 0}
		}
		if name == "LISTAGG" {
			known = append(known, catalog.Arg{Type: catalog.String, Const: &catalog.Literal{Value: "; ", T: catalog.String}})
		}
		if strings.HasPrefix(name, "PERCENTILE") {
			f := []float64{0, 0.25, 0.5, 0.9, 1}[n%5]
			known = append(known, catalog.Arg{Type: catalog.Double, Const: &catalog.Literal{Value: f, T: catalog.Double}})
		}
		s, err := ResolveArgs(name, known)
		if err != nil {
			t.Fatal(name, err)
		}
		if retract && !s.Retractable() {
			return
		}
		c := Call{Spec: s, Arg: args[0], More: args[1:], Filter: filters[n%3]}
		if change != nil {
			change(&c)
		}
		calls = append(calls, c)
		n++
	}
	one := func(typ catalog.Type) []int { return []int{at(typ)} }
	for _, name := range []string{"BOOL_AND", "BOOL_OR", "COUNT_IF"} {
		add(name, one(catalog.Boolean), false, nil)
	}
	for _, name := range []string{"BIT_AND", "BIT_OR", "BIT_XOR"} {
		for _, typ := range []catalog.Type{catalog.TinyInt, catalog.SmallInt, catalog.Int, catalog.BigInt} {
			add(name, one(typ), n%2 == 0, nil)
		}
	}
	x, y := first+len(dataTypes), first+len(dataTypes)+1
	for k := VarPop; k <= RegrR2; k++ {
		if k.pair() {
			add(k.String(), []int{y, x}, false, nil)
			continue
		}
		add(k.String(), []int{x}, false, nil)
		add(k.String(), []int{x}, true, nil)
		if !k.shape() { // whose powers have to be doubles
			add(k.String(), one(catalog.Double), false, nil)
		}
	}
	add("COUNT", []int{at(catalog.Int), at(catalog.String)}, true, nil)
	for i, typ := range dataTypes {
		if typ.Kind == catalog.KindNull {
			continue
		}
		by := []int{first + i, first + (i+5)%(len(dataTypes)-1)}
		ignore := func(c *Call) { c.IgnoreNulls = n%2 == 0 }
		order := func(c *Call) {
			ignore(c)
			c.Order = []Order{{Column: by[1], Type: moreTypes(by[1] - first), Desc: n%3 == 0, NullsFirst: n%4 == 0}}
			if !retract {
				c.Arrival = n%5 == 0
			}
		}
		for _, name := range []string{"MIN_BY", "MAX_BY"} {
			add(name, by, false, ignore)
		}
		for _, name := range []string{"FIRST_VALUE", "LAST_VALUE", "ARRAY_AGG"} {
			add(name, by[:1], false, order)
		}
		add("ARRAY_AGG", by[:1], true, ignore)
		add("COLLECT", by[:1], false, nil)
		add("MODE", by[:1], false, nil)
		add("PERCENTILE_DISC", by[:1], n%2 == 0, nil)
		add("APPROX_COUNT_DISTINCT", by[:1], false, nil)
	}
	add("PERCENTILE_CONT", []int{x}, false, nil)
	add("PERCENTILE_CONT", []int{y}, true, nil)
	add("LISTAGG", one(catalog.String), false, nil)
	add("LISTAGG", one(catalog.String), true, func(c *Call) {
		c.Order = []Order{{Column: c.Arg, Type: catalog.String, Desc: true}}
	})
	return calls
}

// moreTypes are dataTypes and two columns of doubles behind them.
func moreTypes(i int) catalog.Type {
	if i < len(dataTypes) {
		return dataTypes[i]
	}
	return catalog.Double
}
