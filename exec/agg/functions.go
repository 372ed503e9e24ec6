package agg

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// Functions gives the aggregate functions for the catalog.
func Functions() []*catalog.Function {
	var out []*catalog.Function
	for _, f := range families {
		out = append(out, &catalog.Function{
			Name: f.name, Aliases: f.aliases, Kind: catalog.AggregateFunction, Category: f.category,
			Signatures: f.signatures, Doc: f.doc, Examples: f.examples, Volatility: catalog.Immutable,
			OrderedSet: f.orderedSet, Resolve: f.overload,
		})
	}
	return out
}

// families are all aggregate functions.
var families = slices.Concat(basic, logical, statistics, picking, collecting, quantiles)

func example(sql, result string) catalog.Example { return catalog.Example{SQL: sql, Result: result} }

const integers = "TINYINT|SMALLINT|INT|BIGINT"

var basic = []*family{
	{
		name: "COUNT", kind: Count, category: "aggregate", resolve: resolveCount,
		signatures: []string{"COUNT(*) -> BIGINT", "COUNT([DISTINCT] x) -> BIGINT", "COUNT(DISTINCT x, y, ...) -> BIGINT"},
		doc:        "The number of rows; with an argument, of rows where it is not NULL; with DISTINCT, of its different values, or of the different combinations of several arguments none of which is NULL.",
		examples: []catalog.Example{
			example("SELECT COUNT(x) FROM (VALUES (1), (NULL), (1)) AS t(x)", "2"),
			example("SELECT COUNT(DISTINCT x) FROM (VALUES (1), (NULL), (1)) AS t(x)", "1"),
			example("SELECT COUNT(DISTINCT x, y) FROM (VALUES (1, 'a'), (1, 'b'), (1, 'a'), (2, NULL)) AS t(x, y)", "2"),
		},
	},
	{
		name: "SUM", kind: Sum, category: "aggregate", resolve: resolveSum,
		signatures: []string{"SUM([DISTINCT] x " + integers + ") -> BIGINT", "SUM([DISTINCT] x DECIMAL(p, s)) -> DECIMAL(38, s)", "SUM([DISTINCT] x FLOAT|DOUBLE) -> DOUBLE", "SUM([DISTINCT] x INTERVAL) -> INTERVAL"},
		doc:        "The sum of the values that are not NULL; NULL if there are none. Integers are added in 128 bits, DECIMAL exactly; the result is an error of its row if it leaves its type. The sum of FLOAT and DOUBLE is exact and rounded once, so it does not depend on the order of rows.",
		examples:   []catalog.Example{example("SELECT SUM(x) FROM (VALUES (1), (NULL), (2)) AS t(x)", "3")},
	},
	{
		name: "AVG", aliases: []string{"MEAN"}, kind: Avg, category: "aggregate", resolve: resolveSum,
		signatures: []string{"AVG([DISTINCT] x " + integers + ") -> DOUBLE", "AVG([DISTINCT] x DECIMAL(p, s)) -> DECIMAL(38, max(6, s))", "AVG([DISTINCT] x FLOAT|DOUBLE) -> DOUBLE", "AVG([DISTINCT] x INTERVAL) -> INTERVAL"},
		doc:        "The mean of the values that are not NULL; NULL if there are none. Of integers it is the exact quotient, rounded once; of DECIMAL and of intervals (in microseconds, or in months) it is rounded half up; of FLOAT and DOUBLE it is SUM / COUNT.",
		examples:   []catalog.Example{example("SELECT AVG(x) FROM (VALUES (1), (NULL), (2)) AS t(x)", "1.5")},
	},
	{
		name: "MIN", kind: Min, category: "aggregate", resolve: resolveMinMax,
		signatures: []string{"MIN(x T) -> T"},
		doc:        "The least of the values that are not NULL; NULL if there are none. Strings and bytes compare byte by byte, arrays and rows member by member; NaN is greater than all numbers, and -0.0 is shown as 0.",
		examples:   []catalog.Example{example("SELECT MIN(x) FROM (VALUES (2), (NULL), (1)) AS t(x)", "1")},
	},
	{
		name: "MAX", kind: Max, category: "aggregate", resolve: resolveMinMax,
		signatures: []string{"MAX(x T) -> T"},
		doc:        "The greatest of the values that are not NULL; NULL if there are none. Strings and bytes compare byte by byte, arrays and rows member by member; NaN is greater than all numbers, and -0.0 is shown as 0.",
		examples:   []catalog.Example{example("SELECT MAX(x) FROM (VALUES (2), (NULL), (1)) AS t(x)", "2")},
	},
	{
		name: "ANY_VALUE", aliases: []string{"ARBITRARY"}, kind: Min, category: "aggregate", resolve: resolveAny,
		signatures: []string{"ANY_VALUE(x T) -> T"},
		doc:        "One of the values that are not NULL; NULL if there are none. Which one is no accident: it is the least.",
		examples:   []catalog.Example{example("SELECT ANY_VALUE(x) FROM (VALUES ('b'), (NULL), ('b')) AS t(x)", "b")},
	},
}

var logical = []*family{
	{
		name: "COUNT_IF", aliases: []string{"COUNTIF"}, kind: CountIf, category: "logical", resolve: resolveBool,
		signatures: []string{"COUNT_IF(condition BOOLEAN) -> BIGINT"},
		doc:        "The number of rows for which the condition is TRUE, 0 if there are none.",
		examples:   []catalog.Example{example("SELECT COUNT_IF(x > 1) FROM (VALUES (1), (NULL), (2), (3)) AS t(x)", "2")},
	},
	{
		name: "BOOL_AND", aliases: []string{"EVERY", "LOGICAL_AND"}, kind: BoolAnd, category: "logical", resolve: resolveBool,
		signatures: []string{"BOOL_AND(x BOOLEAN) -> BOOLEAN"},
		doc:        "Whether all values that are not NULL are TRUE; NULL if there are none.",
		examples:   []catalog.Example{example("SELECT BOOL_AND(x) FROM (VALUES (TRUE), (NULL), (FALSE)) AS t(x)", "false")},
	},
	{
		name: "BOOL_OR", aliases: []string{"SOME", "LOGICAL_OR"}, kind: BoolOr, category: "logical", resolve: resolveBool,
		signatures: []string{"BOOL_OR(x BOOLEAN) -> BOOLEAN"},
		doc:        "Whether one of the values is TRUE; NULL if all are NULL.",
		examples:   []catalog.Example{example("SELECT BOOL_OR(x) FROM (VALUES (TRUE), (NULL), (FALSE)) AS t(x)", "true")},
	},
	{
		name: "BIT_AND", kind: BitAnd, category: "logical", resolve: resolveBit,
		signatures: []string{"BIT_AND(x " + integers + ") -> type of x"},
		doc:        "The bits that all values that are not NULL have; NULL if there are none.",
		examples:   []catalog.Example{example("SELECT BIT_AND(x) FROM (VALUES (6), (NULL), (3)) AS t(x)", "2")},
	},
	{
		name: "BIT_OR", kind: BitOr, category: "logical", resolve: resolveBit,
		signatures: []string{"BIT_OR(x " + integers + ") -> type of x"},
		doc:        "The bits that one of the values has; NULL if all are NULL.",
		examples:   []catalog.Example{example("SELECT BIT_OR(x) FROM (VALUES (4), (NULL), (3)) AS t(x)", "7")},
	},
	{
		name: "BIT_XOR", kind: BitXor, category: "logical", resolve: resolveBit,
		signatures: []string{"BIT_XOR([DISTINCT] x " + integers + ") -> type of x"},
		doc:        "The bits that an odd number of the values has; NULL if all are NULL.",
		examples:   []catalog.Example{example("SELECT BIT_XOR(x) FROM (VALUES (6), (NULL), (3)) AS t(x)", "5")},
	},
}

const (
	pairs     = " Rows in which one of the two is NULL do not count."
	undefined = " It is NULL if there are no values, and NaN if one is NaN or infinite."
)

func moment(k Kind, aliases []string, doc, sql, result string) *family {
	args := "[DISTINCT] x"
	if k.pair() {
		args = "y, x"
		doc += pairs
	}
	out := "DOUBLE"
	if k == RegrCount {
		out = "BIGINT"
	}
	return &family{
		name: k.String(), aliases: aliases, kind: k, category: "statistical", resolve: resolveMoment,
		signatures: []string{k.String() + "(" + args + ") -> " + out}, doc: doc,
		examples: []catalog.Example{example("SELECT "+sql+" FROM (VALUES (1, 2), (2, 3), (4, 10), (NULL, 7)) AS t(y, x)", result)},
	}
}

var statistics = []*family{
	{
		name: "PRODUCT", kind: Product, category: "statistical", resolve: resolveMoment,
		signatures: []string{"PRODUCT([DISTINCT] x) -> DOUBLE"},
		doc:        "The product of the values that are not NULL; NULL if there are none. It is computed from all of them, in their order and wider than a DOUBLE, and rounded once: it does not depend on the order of rows, and what is too large or small on the way does no harm. The values of a group are kept.",
		examples:   []catalog.Example{example("SELECT PRODUCT(x) FROM (VALUES (2), (NULL), (-1.5), (2)) AS t(x)", "-6.0")},
	},
	moment(VarPop, nil, "The variance of the values as of a whole population: the mean square distance from their mean."+undefined, "VAR_POP(y)", "1.5555555555555556"),
	moment(VarSamp, []string{"VARIANCE"}, "The variance of a population of which the values are a sample; NULL for fewer than two of them."+undefined, "VAR_SAMP(y)", "2.3333333333333335"),
	moment(StddevPop, nil, "The square root of VAR_POP."+undefined, "STDDEV_POP(y)", "1.247219128924647"),
	moment(StddevSamp, []string{"STDDEV", "STD"}, "The square root of VAR_SAMP; NULL for fewer than two values."+undefined, "STDDEV_SAMP(y)", "1.5275252316519468"),
	moment(Skewness, nil, "The skewness of a population of which the values are a sample: how far they lean to one side, above 0 to the right. NULL for fewer than three of them, and if all are equal."+undefined+" It is NaN too if the third power of a value is beyond DOUBLE; one below it counts as 0.", "SKEWNESS(y)", "0.9352195295828245"),
	moment(Kurtosis, nil, "The excess kurtosis of a population of which the values are a sample: how much more of their variance is in the far ones than in a normal distribution. NULL for fewer than four of them, and if all are equal."+undefined+" It is NaN too if the fourth power of a value is beyond DOUBLE; one below it counts as 0.", "KURTOSIS(x)", "-2.7162403331350387"),
	moment(KurtosisPop, nil, "The excess kurtosis of the values as of a whole population: the fourth power of the distance from their mean, over the square of VAR_POP, less 3. NULL if all values are equal."+undefined+" It is NaN too if the fourth power of a value is beyond DOUBLE; one below it counts as 0.", "KURTOSIS_POP(y)", "-1.5"),
	moment(CovarPop, nil, "The covariance of two columns as of a whole population."+undefined, "COVAR_POP(y, x)", "4.333333333333333"),
	moment(CovarSamp, nil, "The covariance of a population of which the rows are a sample; NULL for fewer than two of them."+undefined, "COVAR_SAMP(y, x)", "6.5"),
	moment(Corr, nil, "Pearson's correlation of two columns, from -1 to 1; NULL where one of them has a single value."+undefined, "CORR(y, x)", "0.9762210399274298"),
	moment(RegrCount, nil, "The number of rows in which neither is NULL.", "REGR_COUNT(y, x)", "3"),
	moment(RegrAvgX, nil, "The mean of x."+undefined, "REGR_AVGX(y, x)", "5.0"),
	moment(RegrAvgY, nil, "The mean of y."+undefined, "REGR_AVGY(y, x)", "2.3333333333333335"),
	moment(RegrSXX, nil, "REGR_COUNT times the population's variance of x."+undefined, "REGR_SXX(y, x)", "38.0"),
	moment(RegrSYY, nil, "REGR_COUNT times the population's variance of y."+undefined, "REGR_SYY(y, x)", "4.666666666666667"),
	moment(RegrSXY, nil, "REGR_COUNT times the population's covariance of the two."+undefined, "REGR_SXY(y, x)", "13.0"),
	moment(RegrSlope, nil, "The slope of the line of least squares, y over x; NULL where x has a single value."+undefined, "REGR_SLOPE(y, x)", "0.34210526315789475"),
	moment(RegrIntercept, nil, "Where the line of least squares, y over x, meets x = 0; NULL where x has a single value."+undefined, "REGR_INTERCEPT(y, x)", "0.6228070175438597"),
	moment(RegrR2, nil, "How much of the variance of y the line of least squares explains, from 0 to 1: the square of CORR. NULL where x has a single value, 1 where only y has."+undefined, "REGR_R2(y, x)", "0.9530075187969925"),
}

const inOrder = " The order is that of ORDER BY; without it, that of event time where the input has a time attribute, then that of arrival. Rows that tie go by their values."

var picking = []*family{
	{
		name: "FIRST_VALUE", aliases: []string{"FIRST"}, kind: First, category: "picking", resolve: resolveValues,
		signatures: []string{"FIRST_VALUE(x T [ORDER BY y, ...]) [IGNORE NULLS] -> T"},
		doc:        "x of the first row, NULL or not; with IGNORE NULLS, of the first row where it is not NULL. NULL without rows." + inOrder,
		examples: []catalog.Example{
			example("SELECT FIRST_VALUE(x ORDER BY y) FROM (VALUES ('a', 2), ('b', 1)) AS t(x, y)", "b"),
			example("SELECT FIRST_VALUE(x ORDER BY y) IGNORE NULLS FROM (VALUES ('a', 2), (NULL, 1)) AS t(x, y)", "a"),
		},
	},
	{
		name: "LAST_VALUE", aliases: []string{"LAST"}, kind: Last, category: "picking", resolve: resolveValues,
		signatures: []string{"LAST_VALUE(x T [ORDER BY y, ...]) [IGNORE NULLS] -> T"},
		doc:        "x of the last row, NULL or not; with IGNORE NULLS, of the last row where it is not NULL. NULL without rows." + inOrder,
		examples:   []catalog.Example{example("SELECT LAST_VALUE(x ORDER BY y) FROM (VALUES ('a', 2), ('b', 1)) AS t(x, y)", "a")},
	},
	{
		name: "MIN_BY", aliases: []string{"ARG_MIN", "ARGMIN"}, kind: MinBy, category: "picking", resolve: resolveBy,
		signatures: []string{"MIN_BY(x T, y U) [IGNORE NULLS] -> T"},
		doc:        "x of the row with the least y, of several such rows the least x. Rows where y is NULL do not count, with IGNORE NULLS those where x is neither.",
		examples:   []catalog.Example{example("SELECT MIN_BY(x, y) FROM (VALUES ('a', 2), ('b', 1), ('c', NULL)) AS t(x, y)", "b")},
	},
	{
		name: "MAX_BY", aliases: []string{"ARG_MAX", "ARGMAX"}, kind: MaxBy, category: "picking", resolve: resolveBy,
		signatures: []string{"MAX_BY(x T, y U) [IGNORE NULLS] -> T"},
		doc:        "x of the row with the greatest y, of several such rows the least x. Rows where y is NULL do not count, with IGNORE NULLS those where x is neither.",
		examples:   []catalog.Example{example("SELECT MAX_BY(x, y) FROM (VALUES ('a', 2), ('b', 1), ('c', NULL)) AS t(x, y)", "a")},
	},
}

var collecting = []*family{
	{
		name: "ARRAY_AGG", aliases: []string{"LIST"}, kind: ArrayAgg, category: "collecting", resolve: resolveValues,
		signatures: []string{"ARRAY_AGG([DISTINCT] x T [ORDER BY y, ...]) [IGNORE NULLS] -> ARRAY<T>"},
		doc:        "All values as an array, NULLs too unless IGNORE NULLS stands there; NULL without rows." + inOrder + " With DISTINCT the values go by themselves unless ORDER BY, which then takes x only, says otherwise.",
		examples: []catalog.Example{
			example("SELECT ARRAY_AGG(x ORDER BY y DESC) FROM (VALUES ('a', 1), ('b', 2), (NULL, 3)) AS t(x, y)", `[null,"b","a"]`),
			example("SELECT ARRAY_AGG(DISTINCT x) IGNORE NULLS FROM (VALUES (2), (1), (NULL), (2)) AS t(x)", "[1,2]"),
		},
	},
	{
		name: "LISTAGG", aliases: []string{"STRING_AGG", "GROUP_CONCAT"}, kind: ListAgg, category: "collecting", resolve: resolveListAgg,
		signatures: []string{"LISTAGG([DISTINCT] x [, separator STRING] [ORDER BY y, ...]) -> STRING", "LISTAGG([DISTINCT] x [, separator STRING]) WITHIN GROUP (ORDER BY y, ...) -> STRING"},
		doc:        "The values that are not NULL, as text, with the separator (',' if it is left out) between them; NULL if there are none." + inOrder,
		examples: []catalog.Example{
			example("SELECT LISTAGG(x, '; ') WITHIN GROUP (ORDER BY y) FROM (VALUES ('a', 2), ('b', 1), (NULL, 3)) AS t(x, y)", "b; a"),
			example("SELECT STRING_AGG(DISTINCT x, ',' ORDER BY x DESC) FROM (VALUES ('a'), ('b'), ('a')) AS t(x)", "b,a"),
		},
	},
	{
		name: "COLLECT_LIST", kind: ArrayAgg, category: "collecting", resolve: resolveSparkArray,
		signatures: []string{"COLLECT_LIST(x T) -> ARRAY<T>"},
		doc:        "ARRAY_AGG(x) IGNORE NULLS.",
		examples:   []catalog.Example{example("SELECT COLLECT_LIST(x ORDER BY x) FROM (VALUES (2), (NULL), (1), (2)) AS t(x)", "[1,2,2]")},
	},
	{
		name: "COLLECT_SET", kind: ArrayAgg, category: "collecting", resolve: resolveSparkSet,
		signatures: []string{"COLLECT_SET(x T) -> ARRAY<T>"},
		doc:        "ARRAY_AGG(DISTINCT x) IGNORE NULLS: the different values, in their order.",
		examples:   []catalog.Example{example("SELECT COLLECT_SET(x) FROM (VALUES (2), (NULL), (1), (2)) AS t(x)", "[1,2]")},
	},
	{
		name: "COLLECT", aliases: []string{"HISTOGRAM"}, kind: Collect, category: "collecting", resolve: resolveValues,
		signatures: []string{"COLLECT(x T) -> MAP<T, BIGINT>"},
		doc:        "The values that are not NULL as a multiset: a map that says how often each is there, in their order. NULL if there are none. Keys of a map are not ARRAY, MAP or ROW, so neither are the values.",
		examples:   []catalog.Example{example("SELECT COLLECT(x) FROM (VALUES ('b'), ('a'), ('b'), (NULL)) AS t(x)", `{"a":1,"b":2}`)},
	},
	{
		name: "MAP_AGG", kind: MapAgg, category: "collecting", resolve: resolveMap,
		signatures: []string{"MAP_AGG(key K, value V) -> MAP<K, V>"},
		doc:        "A map of the keys and values, in the order of the keys. Rows whose key is NULL do not count. Of several values of a key it has the least, NULL last. NULL if there are no keys.",
		examples:   []catalog.Example{example("SELECT MAP_AGG(k, v) FROM (VALUES ('b', 1), ('a', 2), (NULL, 3), ('b', 0)) AS t(k, v)", `{"a":2,"b":0}`)},
	},
	{
		name: "JSON_ARRAYAGG", kind: ArrayAgg, category: "collecting", resolve: resolveJSONArray(true),
		signatures: []string{"JSON_ARRAYAGG([DISTINCT] x [ORDER BY y, ...] [NULL | ABSENT ON NULL]) -> JSON", "JSON_ARRAYAGG([DISTINCT] x [NULL | ABSENT ON NULL]) WITHIN GROUP (ORDER BY y, ...) -> JSON"},
		doc:        "The values as a JSON array, each as JSON_STRING gives it. NULLs are left out, or null with NULL ON NULL; NULL without rows." + inOrder,
		examples: []catalog.Example{
			example("SELECT JSON_ARRAYAGG(x ORDER BY x DESC) FROM (VALUES (1), (NULL), (2)) AS t(x)", "[2,1]"),
			example("SELECT JSON_ARRAYAGG(x ORDER BY y NULL ON NULL) FROM (VALUES ('a', 2), (NULL, 1)) AS t(x, y)", `[null,"a"]`),
		},
	},
	{
		name: "JSON_AGG", aliases: []string{"JSONB_AGG", "JSON_GROUP_ARRAY"}, kind: ArrayAgg, category: "collecting", resolve: resolveJSONArray(false),
		signatures: []string{"JSON_AGG([DISTINCT] x [ORDER BY y, ...]) -> JSON"},
		doc:        "JSON_ARRAYAGG(x NULL ON NULL).",
		examples:   []catalog.Example{example("SELECT JSON_AGG(x ORDER BY x) FROM (VALUES (1), (NULL), (2)) AS t(x)", "[1,2,null]")},
	},
	{
		name: "JSON_OBJECTAGG", aliases: []string{"JSON_OBJECT_AGG", "JSONB_OBJECT_AGG", "JSON_GROUP_OBJECT"}, kind: MapAgg, category: "collecting", resolve: resolveJSONObject,
		signatures: []string{"JSON_OBJECTAGG([KEY] key VALUE value [NULL | ABSENT ON NULL]) -> JSON", "JSON_OBJECT_AGG(key, value) -> JSON"},
		doc:        "The keys and values as a JSON object, in the order of the keys, each value as JSON_STRING gives it. A NULL value is null, or left out with ABSENT ON NULL. A key that is NULL (" + codeNullKey + "), or that two rows have (" + codeDuplicateKey + "), is an error of the result. NULL without rows.",
		examples: []catalog.Example{
			example("SELECT JSON_OBJECTAGG(KEY k VALUE v) FROM (VALUES ('b', 1), ('a', NULL)) AS t(k, v)", `{"a":null,"b":1}`),
			example("SELECT JSON_OBJECTAGG(k VALUE v ABSENT ON NULL) FROM (VALUES ('b', 1), ('a', NULL)) AS t(k, v)", `{"b":1}`),
		},
	},
	{
		name: "MODE", kind: Mode, category: "collecting", resolve: resolveValues, orderedSet: true,
		signatures: []string{"MODE(x T) -> T", "MODE() WITHIN GROUP (ORDER BY x T) -> T"},
		doc:        "The most frequent of the values that are not NULL, of several such the first one; NULL if there are none.",
		examples:   []catalog.Example{example("SELECT MODE(x) FROM (VALUES (3), (1), (3), (1), (2)) AS t(x)", "1")},
	},
}

var quantiles = []*family{
	{
		name: "PERCENTILE_CONT", aliases: []string{"QUANTILE_CONT", "PERCENTILE"}, kind: PercentileCont, category: "quantiles", resolve: resolvePercentile, orderedSet: true,
		signatures: []string{"PERCENTILE_CONT(fraction) WITHIN GROUP (ORDER BY x) -> DOUBLE", "QUANTILE_CONT(x, fraction) -> DOUBLE"},
		doc:        "The value at a fraction (a constant from 0 to 1, or an array of them for an array of results) of the sorted values that are not NULL, interpolated between the two next to it; NULL if there are none.",
		examples: []catalog.Example{
			example("SELECT PERCENTILE_CONT(0.75) WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2), (NULL), (4)) AS t(x)", "3.0"),
			example("SELECT QUANTILE_CONT(x, ARRAY[0, 0.5]) FROM (VALUES (1), (2), (3), (4)) AS t(x)", "[1.0,2.5]"),
		},
	},
	{
		name: "PERCENTILE_DISC", aliases: []string{"QUANTILE", "QUANTILE_DISC"}, kind: PercentileDisc, category: "quantiles", resolve: resolvePercentile, orderedSet: true,
		signatures: []string{"PERCENTILE_DISC(fraction) WITHIN GROUP (ORDER BY x T) -> T", "QUANTILE_DISC(x T, fraction) -> T"},
		doc:        "The first of the sorted values that are not NULL which at least a fraction (a constant from 0 to 1, or an array of them) of them does not go beyond; NULL if there are none.",
		examples:   []catalog.Example{example("SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES ('a'), ('b'), ('c'), ('d')) AS t(x)", "b")},
	},
	{
		name: "MEDIAN", kind: PercentileCont, category: "quantiles", resolve: resolveMedian,
		signatures: []string{"MEDIAN(x) -> DOUBLE"},
		doc:        "PERCENTILE_CONT at 0.5: the value in the middle, or the mean of the two there.",
		examples:   []catalog.Example{example("SELECT MEDIAN(x) FROM (VALUES (1), (2), (NULL), (4), (3)) AS t(x)", "2.5")},
	},
	{
		name: "APPROX_PERCENTILE", aliases: []string{"PERCENTILE_APPROX", "APPROX_QUANTILE"}, kind: ApproxPercentile, category: "quantiles", resolve: resolvePercentile, orderedSet: true,
		signatures: []string{"APPROX_PERCENTILE(x, fraction [, accuracy]) -> DOUBLE", "APPROX_PERCENTILE(fraction) WITHIN GROUP (ORDER BY x) -> DOUBLE"},
		doc:        "PERCENTILE_DISC to within 1 / accuracy of the value (1 % if accuracy is left out), from a sketch of logarithmic buckets (DDSketch: Masson, Rim and Lee, VLDB 2019), whose size depends on the range of the values and not on their number. Equal sets of rows give equal results, in any order.",
		examples:   []catalog.Example{example("SELECT ROUND(APPROX_PERCENTILE(x, 0.5)) FROM (VALUES (1), (2), (3), (4), (5)) AS t(x)", "3.0")},
	},
	{
		name: "APPROX_COUNT_DISTINCT", aliases: []string{"APPROX_DISTINCT"}, kind: ApproxCountDistinct, category: "quantiles", resolve: resolveApproxCount,
		signatures: []string{"APPROX_COUNT_DISTINCT(x) -> BIGINT"},
		doc:        "About COUNT(DISTINCT x) in at most 4 KiB a group, with a standard error of 1.6 % and none up to 32 values: HyperLogLog (Flajolet et al., 2007) with the estimator of Ertl (2017). Equal sets of values give equal results, in any order. It can't take rows back, so its input must not update.",
		examples:   []catalog.Example{example("SELECT APPROX_COUNT_DISTINCT(x) FROM (VALUES (1), (2), (NULL), (2)) AS t(x)", "2")},
	},
}
