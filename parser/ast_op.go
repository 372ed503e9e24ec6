package parser

// UnaryOp is the operator of a Unary.
type UnaryOp int

const (
	Negate UnaryOp = iota + 1
	Plus
	Not
)

var unaryOpNames = [...]string{Negate: "-", Plus: "+", Not: "NOT"}

// String implements fmt.Stringer.
func (o UnaryOp) String() string { return unaryOpNames[o] }

// BinaryOp is the operator of a Binary.
type BinaryOp int

const (
	Or BinaryOp = iota + 1
	And
	Eq
	NotEq
	Less
	LessEq
	Greater
	GreaterEq
	IsDistinctFrom
	IsNotDistinctFrom
	Overlaps
	Add
	Sub
	Mul
	Div    // /
	IntDiv // DIV
	Mod    // %
	Concat // ||
)

var binaryOpNames = [...]string{
	Or: "OR", And: "AND", Eq: "=", NotEq: "<>", Less: "<", LessEq: "<=", Greater: ">", GreaterEq: ">=",
	IsDistinctFrom: "IS DISTINCT FROM", IsNotDistinctFrom: "IS NOT DISTINCT FROM", Overlaps: "OVERLAPS",
	Add: "+", Sub: "-", Mul: "*", Div: "/", IntDiv: "DIV", Mod: "%", Concat: "||",
}

// String implements fmt.Stringer.
func (o BinaryOp) String() string { return binaryOpNames[o] }

// IsComparison says whether the operator is one of = <> < <= > >=.
func (o BinaryOp) IsComparison() bool { return o >= Eq && o <= GreaterEq }

// IsTest is what an Is asks.
type IsTest int

const (
	IsNull IsTest = iota + 1
	IsTrue
	IsFalse
	IsUnknown
	IsJSON // IS JSON, IS JSON VALUE
	IsJSONObject
	IsJSONArray
	IsJSONScalar
)

var isTestNames = [...]string{
	IsNull: "NULL", IsTrue: "TRUE", IsFalse: "FALSE", IsUnknown: "UNKNOWN", IsJSON: "JSON",
	IsJSONObject: "JSON OBJECT", IsJSONArray: "JSON ARRAY", IsJSONScalar: "JSON SCALAR",
}

// String implements fmt.Stringer.
func (t IsTest) String() string { return isTestNames[t] }

// LikeOp is the operator of a Like.
type LikeOp int

const (
	OpLike LikeOp = iota + 1
	OpILike
	OpSimilarTo
	OpRLike // also REGEXP
)

var likeOpNames = [...]string{OpLike: "LIKE", OpILike: "ILIKE", OpSimilarTo: "SIMILAR TO", OpRLike: "RLIKE"}

// String implements fmt.Stringer.
func (o LikeOp) String() string { return likeOpNames[o] }

// NullTreatment is RESPECT NULLS | IGNORE NULLS of a Call.
type NullTreatment int

const (
	NullsUnspecified NullTreatment = iota
	RespectNulls
	IgnoreNulls
)

// TrimSide is the side of a Trim.
type TrimSide int

const (
	TrimBoth TrimSide = iota + 1 // the default
	TrimLeading
	TrimTrailing
)

var trimSideNames = [...]string{TrimBoth: "BOTH", TrimLeading: "LEADING", TrimTrailing: "TRAILING"}

// String implements fmt.Stringer.
func (s TrimSide) String() string { return trimSideNames[s] }

// JSONFuncKind is the function of a JSONFunc.
type JSONFuncKind int

const (
	JSONValue JSONFuncKind = iota + 1
	JSONQuery
	JSONExists
)

var jsonFuncNames = [...]string{JSONValue: "JSON_VALUE", JSONQuery: "JSON_QUERY", JSONExists: "JSON_EXISTS"}

// String implements fmt.Stringer.
func (k JSONFuncKind) String() string { return jsonFuncNames[k] }

// JSONBehaviorKind is what a JSONBehavior gives.
type JSONBehaviorKind int

const (
	JSONNull JSONBehaviorKind = iota + 1
	JSONError
	JSONDefault
	JSONEmptyArray
	JSONEmptyObject
	JSONTrue    // JSON_EXISTS only
	JSONFalse   // JSON_EXISTS only
	JSONUnknown // JSON_EXISTS only
)

var jsonBehaviorNames = [...]string{
	JSONNull: "NULL", JSONError: "ERROR", JSONDefault: "DEFAULT", JSONEmptyArray: "EMPTY ARRAY",
	JSONEmptyObject: "EMPTY OBJECT", JSONTrue: "TRUE", JSONFalse: "FALSE", JSONUnknown: "UNKNOWN",
}

// String implements fmt.Stringer.
func (k JSONBehaviorKind) String() string { return jsonBehaviorNames[k] }

// JSONWrapper is the ARRAY WRAPPER clause of JSON_QUERY.
type JSONWrapper int

const (
	WrapperDefault JSONWrapper = iota
	WithoutWrapper
	WithConditionalWrapper
	WithUnconditionalWrapper // also WITH ARRAY WRAPPER
)

// JSONNulls is NULL | ABSENT ON NULL of a JSON constructor.
type JSONNulls int

const (
	JSONNullsDefault JSONNulls = iota
	NullOnNull
	AbsentOnNull
)

// TimeUnit is a unit of time, or a field of a timestamp.
type TimeUnit int

const (
	UnitNone TimeUnit = iota
	UnitMillennium
	UnitCentury
	UnitDecade
	UnitYear
	UnitQuarter
	UnitMonth
	UnitWeek
	UnitDay
	UnitHour
	UnitMinute
	UnitSecond
	UnitMillisecond
	UnitMicrosecond
	UnitNanosecond
	UnitEpoch // EXTRACT only, and so on below
	UnitDayOfWeek
	UnitISODayOfWeek
	UnitDayOfYear
	UnitISOYear
)

var unitNames = [...]string{
	UnitNone: "", UnitMillennium: "MILLENNIUM", UnitCentury: "CENTURY", UnitDecade: "DECADE", UnitYear: "YEAR",
	UnitQuarter: "QUARTER", UnitMonth: "MONTH", UnitWeek: "WEEK", UnitDay: "DAY", UnitHour: "HOUR", UnitMinute: "MINUTE",
	UnitSecond: "SECOND", UnitMillisecond: "MILLISECOND", UnitMicrosecond: "MICROSECOND", UnitNanosecond: "NANOSECOND",
	UnitEpoch: "EPOCH", UnitDayOfWeek: "DOW", UnitISODayOfWeek: "ISODOW", UnitDayOfYear: "DOY", UnitISOYear: "ISOYEAR",
}

// String implements fmt.Stringer.
func (u TimeUnit) String() string { return unitNames[u] }
