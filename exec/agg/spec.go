package agg

import (
	"fmt"

	"github.com/streamsql/streamsql/catalog"
)

// Kind is an aggregate function.
type Kind uint8

// The aggregate functions.
const (
	Count Kind = iota // COUNT(*) without an argument, else COUNT(x)
	Sum
	Avg
	Min
	Max
)

// String is the SQL name.
func (k Kind) String() string { return [...]string{"COUNT", "SUM", "AVG", "MIN", "MAX"}[k] }

// Spec is an aggregate function settled on the type of its argument: the Impl
// of a catalog.Aggregate.
type Spec struct {
	Kind Kind
	// Arg is the argument's type; of KindInvalid for COUNT(*).
	Arg      catalog.Type
	Distinct bool
	Result   catalog.Type
}

// Star says that the call has no argument.
func (s Spec) Star() bool { return s.Arg.Kind == catalog.KindInvalid }

// Retractable says whether a row can be taken out again.
func (s Spec) Retractable() bool { return s.Kind != Min && s.Kind != Max }

// Resolve settles the function with a name on argument types.
//
//	COUNT(*), COUNT([DISTINCT] x)  BIGINT     any type (DISTINCT: no ARRAY, MAP, ROW)
//	SUM([DISTINCT] x)              BIGINT     of integers, added in 128 bits
//	                               DECIMAL(38, s) of DECIMAL(p, s), exact
//	                               DOUBLE     of FLOAT and DOUBLE, exact, rounded once
//	AVG([DISTINCT] x)              DOUBLE     of integers: the exact quotient, rounded once
//	                               DECIMAL(38, max(6, s)) of DECIMAL(p, s), half up
//	                               DOUBLE     of FLOAT and DOUBLE: SUM / COUNT
//	MIN(x), MAX(x)                 x's type   all types that have an order
//
// Rows whose argument is NULL do not count; without any other, COUNT is 0 and
// the rest NULL.
func Resolve(name string, args []catalog.Type, distinct bool) (Spec, error) {
	for _, k := range []Kind{Count, Sum, Avg, Min, Max} {
		if k.String() == name {
			return resolve(k, args, distinct)
		}
	}
	return Spec{}, fmt.Errorf("no aggregate function %s", name)
}

func resolve(k Kind, args []catalog.Type, distinct bool) (Spec, error) {
	if k == Count && len(args) == 0 {
		if distinct {
			return Spec{}, fmt.Errorf("COUNT(DISTINCT) needs an argument")
		}
		return Spec{Kind: Count, Result: catalog.BigInt}, nil
	}
	if len(args) != 1 {
		return Spec{}, fmt.Errorf("%s takes one argument, not %d", k, len(args))
	}
	t := args[0]
	s := Spec{Kind: k, Arg: t, Distinct: distinct}
	switch k {
	case Count:
		s.Result = catalog.BigInt
		if distinct && t.IsNested() {
			return Spec{}, fmt.Errorf("COUNT(DISTINCT x) can't compare values of type %s", t)
		}
		return s, nil
	case Min, Max:
		s.Distinct = false // the same
		s.Result = t
		if t.IsNested() || t.Kind == catalog.KindJSON || t.Kind == catalog.KindInvalid {
			return Spec{}, fmt.Errorf("%s can't order values of type %s", k, t)
		}
		return s, nil
	}
	switch {
	case t.IsInteger() && k == Sum:
		s.Result = catalog.BigInt
	case t.IsInteger() || t.IsFloating() || t.Kind == catalog.KindNull:
		s.Result = catalog.Double
	case t.Kind == catalog.KindDecimal && k == Sum:
		s.Result = catalog.Decimal(catalog.MaxDecimalPrecision, t.Scale)
	case t.Kind == catalog.KindDecimal:
		s.Result = catalog.Decimal(catalog.MaxDecimalPrecision, max(6, t.Scale))
	default:
		return Spec{}, fmt.Errorf("%s takes a number, not %s", k, t)
	}
	return s, nil
}

// Functions gives the aggregate functions for the catalog.
func Functions() []*catalog.Function {
	fn := func(k Kind, doc string, signatures []string, examples ...catalog.Example) *catalog.Function {
		return &catalog.Function{
			Name: k.String(), Kind: catalog.AggregateFunction, Category: "aggregate",
			Signatures: signatures, Doc: doc, Examples: examples, Volatility: catalog.Immutable,
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) { return overload(k, args) },
		}
	}
	return []*catalog.Function{
		fn(Count, "The number of rows; with an argument, of rows where it is not NULL; with DISTINCT, of its different values.",
			[]string{"COUNT(*) -> BIGINT", "COUNT([DISTINCT] x) -> BIGINT"},
			catalog.Example{SQL: "SELECT COUNT(x) FROM (VALUES (1), (NULL), (1)) AS t(x)", Result: "2"},
			catalog.Example{SQL: "SELECT COUNT(DISTINCT x) FROM (VALUES (1), (NULL), (1)) AS t(x)", Result: "1"}),
		fn(Sum, "The sum of the values that are not NULL; NULL if there are none. Integers are added in 128 bits, DECIMAL exactly; the result is an error of its row if it leaves its type. The sum of FLOAT and DOUBLE is exact and rounded once, so it does not depend on the order of rows.",
			[]string{"SUM([DISTINCT] x TINYINT|SMALLINT|INT|BIGINT) -> BIGINT", "SUM([DISTINCT] x DECIMAL(p, s)) -> DECIMAL(38, s)", "SUM([DISTINCT] x FLOAT|DOUBLE) -> DOUBLE"},
			catalog.Example{SQL: "SELECT SUM(x) FROM (VALUES (1), (NULL), (2)) AS t(x)", Result: "3"}),
		fn(Avg, "The mean of the values that are not NULL; NULL if there are none. Of integers it is the exact quotient, rounded once; of DECIMAL it is rounded half up; of FLOAT and DOUBLE it is SUM / COUNT.",
			[]string{"AVG([DISTINCT] x TINYINT|SMALLINT|INT|BIGINT) -> DOUBLE", "AVG([DISTINCT] x DECIMAL(p, s)) -> DECIMAL(38, max(6, s))", "AVG([DISTINCT] x FLOAT|DOUBLE) -> DOUBLE"},
			catalog.Example{SQL: "SELECT AVG(x) FROM (VALUES (1), (NULL), (2)) AS t(x)", Result: "1.5"}),
		fn(Min, "The least of the values that are not NULL; NULL if there are none. Strings and bytes compare byte by byte; NaN is greater than all numbers.",
			[]string{"MIN(x T) -> T"},
			catalog.Example{SQL: "SELECT MIN(x) FROM (VALUES (2), (NULL), (1)) AS t(x)", Result: "1"}),
		fn(Max, "The greatest of the values that are not NULL; NULL if there are none. Strings and bytes compare byte by byte; NaN is greater than all numbers.",
			[]string{"MAX(x T) -> T"},
			catalog.Example{SQL: "SELECT MAX(x) FROM (VALUES (2), (NULL), (1)) AS t(x)", Result: "2"}),
	}
}

func overload(k Kind, args []catalog.Arg) (*catalog.Overload, error) {
	types := make([]catalog.Type, len(args))
	distinct := false
	for i, a := range args {
		types[i] = a.Type
		distinct = distinct || a.Distinct
	}
	s, err := resolve(k, types, distinct)
	if err != nil {
		return nil, err
	}
	return &catalog.Overload{
		Params: types, Result: s.Result,
		CanFail:   s.Kind == Sum && !s.Arg.IsFloating() || s.Kind == Avg && s.Arg.Kind == catalog.KindDecimal,
		NeverNull: s.Kind == Count,
		Aggregate: &catalog.Aggregate{Retractable: s.Retractable(), Mergeable: true, Impl: s},
	}, nil
}
