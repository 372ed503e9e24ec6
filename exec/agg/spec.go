package agg

import (
	"github.com/streamsql/streamsql/catalog"
)

// Kind is an aggregate function.
type Kind uint8

// The aggregate functions. Those under other names are special cases: MEDIAN is
// PERCENTILE_CONT of 0.5, ANY_VALUE is MIN.
const (
	Count Kind = iota // COUNT(*) without an argument, else COUNT(x)
	Sum
	Avg
	Min
	Max

	BoolAnd
	BoolOr
	CountIf
	BitAnd
	BitOr
	BitXor

	VarPop
	VarSamp
	StddevPop
	StddevSamp
	Skewness
	Kurtosis
	KurtosisPop
	CovarPop
	CovarSamp
	Corr
	RegrCount
	RegrAvgX
	RegrAvgY
	RegrSXX
	RegrSYY
	RegrSXY
	RegrSlope
	RegrIntercept
	RegrR2

	MinBy
	MaxBy
	First
	Last

	ArrayAgg
	ListAgg
	Collect
	MapAgg
	Mode
	Product
	PercentileCont
	PercentileDisc
	ApproxPercentile
	ApproxCountDistinct

	Custom // Spec.Func
)

var kindNames = [...]string{
	"COUNT", "SUM", "AVG", "MIN", "MAX", "BOOL_AND", "BOOL_OR", "COUNT_IF", "BIT_AND", "BIT_OR", "BIT_XOR",
	"VAR_POP", "VAR_SAMP", "STDDEV_POP", "STDDEV_SAMP", "SKEWNESS", "KURTOSIS", "KURTOSIS_POP", "COVAR_POP", "COVAR_SAMP", "CORR", "REGR_COUNT",
	"REGR_AVGX", "REGR_AVGY", "REGR_SXX", "REGR_SYY", "REGR_SXY", "REGR_SLOPE", "REGR_INTERCEPT", "REGR_R2",
	"MIN_BY", "MAX_BY", "FIRST_VALUE", "LAST_VALUE", "ARRAY_AGG", "LISTAGG", "COLLECT", "MAP_AGG", "MODE", "PRODUCT",
	"PERCENTILE_CONT", "PERCENTILE_DISC", "APPROX_PERCENTILE", "APPROX_COUNT_DISTINCT",
	"aggregate function",
}

// String is the SQL name.
func (k Kind) String() string { return kindNames[k] }

// Spec is an aggregate function settled on the types of its arguments: the Impl
// of a catalog.Aggregate.
type Spec struct {
	Kind Kind
	// Arg is the first argument's type; of KindInvalid for COUNT(*).
	Arg catalog.Type
	// More are the types of further arguments that are read row by row.
	More     []catalog.Type
	Distinct bool
	Result   catalog.Type
	// Separator stands between the values of LISTAGG.
	Separator string
	// Fractions are what a percentile is asked for, each from 0 to 1.
	Fractions []Fraction
	// SkipNulls leaves NULLs out whatever the call says: COLLECT_LIST.
	SkipNulls bool
	// Unique makes a key of MAP_AGG that is NULL, or there twice, an error of the
	// result: JSON_OBJECTAGG.
	Unique bool
	// SkipValues leaves entries of MAP_AGG out whose value is NULL.
	SkipValues bool
	// Then is that of catalog.Aggregate.
	Then []string
	// Func is the function of Custom.
	Func *AggregateFunc
	// Accuracy is the relative error of APPROX_PERCENTILE.
	Accuracy float64
}

// Star says that the call has no argument.
func (s Spec) Star() bool { return s.Arg.Kind == catalog.KindInvalid }

// columns is the number of arguments that are read row by row.
func (s Spec) columns() int {
	if s.Star() {
		return 0
	}
	return 1 + len(s.More)
}

// Retractable says whether a row can be taken out again.
func (s Spec) Retractable() bool { return s.Kind != ApproxCountDistinct }

// collects says that all values are kept, so that aggregating a batch beforehand
// would only move them twice.
func (s Spec) collects() bool {
	switch s.Kind {
	case Custom:
		return !s.folds(false)
	case ArrayAgg, ListAgg, Collect, MapAgg, Mode, Product, PercentileCont, PercentileDisc:
		return true
	}
	return false
}

// remembers says that all values are kept over rows that may be taken back.
func (s Spec) remembers() bool {
	switch s.Kind {
	case Custom:
		return !s.folds(true)
	case Min, Max, MinBy, MaxBy, First, Last:
		return true
	}
	return s.collects()
}

// ordered says that the result depends on the order of the rows.
func (s Spec) ordered() bool {
	return s.Kind == Custom && s.Func.Ordered || s.Kind == First || s.Kind == Last || s.Kind == ArrayAgg || s.Kind == ListAgg
}

// canFail says whether a result may be in error.
func (s Spec) canFail() bool {
	switch s.Kind {
	case Custom:
		return true
	case MapAgg:
		return s.Unique
	case Sum:
		return !s.Arg.IsFloating()
	case Avg:
		return s.Arg.Kind == catalog.KindDecimal
	}
	return false
}
