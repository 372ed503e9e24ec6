package planner

import (
	"strings"

	"github.com/streamsql/streamsql/parser"
)

// The names under which a function set holds what SQL writes with signs and
// words of its own.
const (
	fnNot        = "NOT"
	fnNegate     = "UNARY -" // -x
	fnItem       = "ITEM"    // a[i]
	fnIn         = "IN"      // over constants
	fnExtract    = "EXTRACT"
	fnFloor      = "FLOOR"
	fnCeil       = "CEIL"
	fnArray      = "ARRAY"
	fnMap        = "MAP"
	fnRow        = "ROW"
	fnProc       = "PROCTIME"
	fnTrim       = "TRIM"
	fnIsTrue     = "IS TRUE"
	fnIsNotFalse = "IS NOT FALSE"
	fnSame       = "IS NOT DISTINCT FROM"
	fnAtTimeZone = "AT TIME ZONE"
	fnOverlaps   = "OVERLAPS"
	fnTry        = "TRY"
	fnJSONObject = "JSON_OBJECT"
	fnJSONArray  = "JSON_ARRAY"
	fnFromJSON   = "FROM_JSON"

	fnCurrentWatermark = "CURRENT_WATERMARK"
)

// operatorNames are the functions of the operators between two operands. AND
// and OR are expressions of their own.
var operatorNames = map[parser.BinaryOp]string{
	parser.Eq: "=", parser.NotEq: "<>", parser.Less: "<", parser.LessEq: "<=", parser.Greater: ">", parser.GreaterEq: ">=",
	parser.IsDistinctFrom: "IS DISTINCT FROM", parser.IsNotDistinctFrom: fnSame,
	parser.Add: "+", parser.Sub: "-", parser.Mul: "*", parser.Div: "/", parser.IntDiv: "DIV", parser.Mod: "%",
	parser.Concat: "||",
}

// isNames are the functions of x IS ...; those of x IS NOT ... have NOT after IS.
var isNames = map[parser.IsTest]string{
	parser.IsNull: "IS NULL", parser.IsTrue: "IS TRUE", parser.IsFalse: "IS FALSE", parser.IsUnknown: "IS UNKNOWN",
	parser.IsJSON: "IS JSON", parser.IsJSONObject: "IS JSON OBJECT", parser.IsJSONArray: "IS JSON ARRAY", parser.IsJSONScalar: "IS JSON SCALAR",
}

// trimModes are the first argument of TRIM.
var trimModes = map[parser.TrimSide]string{
	parser.TrimBoth: "BOTH", parser.TrimLeading: "LEADING", parser.TrimTrailing: "TRAILING",
}

// isBareFunction says whether a name is a function that stands without
// parentheses.
func isBareFunction(name string) bool {
	switch strings.ToUpper(name) {
	case "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIME", "LOCALTIMESTAMP":
		return true
	}
	return false
}
