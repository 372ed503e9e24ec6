package agg

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
)

// family is an aggregate function as the catalog has it.
type family struct {
	name       string
	aliases    []string
	kind       Kind
	category   string
	signatures []string
	doc        string
	examples   []catalog.Example
	// orderedSet: WITHIN GROUP (ORDER BY x) gives the first argument.
	orderedSet bool
	// resolve fills in the types: what the arguments are cast to, one for each
	// (nil: as they are), and Spec.Arg, More, Result and the constants.
	resolve func(s *Spec, args []catalog.Arg) (params []catalog.Type, err error)
}

// settle resolves the arguments.
func (f *family) settle(args []catalog.Arg) (Spec, []catalog.Type, error) {
	s := Spec{Kind: f.kind, Distinct: len(args) > 0 && args[0].Distinct}
	params, err := f.resolve(&s, args)
	if err != nil {
		return Spec{}, nil, err
	}
	if params == nil {
		for _, a := range args {
			params = append(params, a.Type)
		}
	}
	return s, params, nil
}

// overload is the function settled on arguments, as the catalog has it.
func (f *family) overload(args []catalog.Arg) (*catalog.Overload, error) {
	s, params, err := f.settle(args)
	if err != nil {
		return nil, err
	}
	return &catalog.Overload{
		Params: params, Result: s.Result, CanFail: s.canFail(),
		NeverNull: s.Kind == Count || s.Kind == CountIf || s.Kind == RegrCount || s.Kind == ApproxCountDistinct,
		Aggregate: &catalog.Aggregate{
			Retractable: s.Retractable(), Mergeable: true, OrderSensitive: s.ordered(),
			Collects: s.collects(), Remembers: s.remembers(), Columns: s.columns(), Then: s.Then, State: s.state(), Impl: s,
		},
	}, nil
}

// one wants exactly one argument and makes it Spec.Arg.
func (s *Spec) one(args []catalog.Arg) (catalog.Type, error) {
	if len(args) != 1 {
		return catalog.Type{}, fmt.Errorf("%s takes one argument, not %d", s.Kind, len(args))
	}
	s.Arg = args[0].Type
	return s.Arg, nil
}

func resolveCount(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	s.Result = catalog.BigInt
	if len(args) == 0 {
		if s.Distinct {
			return nil, fmt.Errorf("COUNT(DISTINCT) needs an argument")
		}
		return nil, nil
	}
	if len(args) > 1 && !s.Distinct {
		return nil, fmt.Errorf("COUNT takes one argument, or several with DISTINCT, not %d", len(args))
	}
	s.Arg = args[0].Type
	for i, a := range args {
		if i > 0 {
			s.More = append(s.More, a.Type)
		}
	}
	return nil, nil
}

func resolveSum(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	t, err := s.one(args)
	if err != nil {
		return nil, err
	}
	switch {
	case t.IsInterval():
		s.Result = t
	case t.IsInteger() && s.Kind == Sum:
		s.Result = catalog.BigInt
	case t.IsInteger() || t.IsFloating() || t.Kind == catalog.KindNull:
		s.Result = catalog.Double
	case t.Kind == catalog.KindDecimal && s.Kind == Sum:
		s.Result = catalog.Decimal(catalog.MaxDecimalPrecision, t.Scale)
	case t.Kind == catalog.KindDecimal:
		s.Result = catalog.Decimal(catalog.MaxDecimalPrecision, max(6, t.Scale))
	default:
		return nil, fmt.Errorf("%s takes a number or an interval, not %s", s.Kind, t)
	}
	return nil, nil
}

// sortable says whether values of a type have an order.
func sortable(t catalog.Type) bool {
	return t.IsComparable() && t.Kind != catalog.KindJSON
}

func resolveMinMax(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	t, err := s.one(args)
	if err != nil {
		return nil, err
	}
	s.Distinct, s.Result = false, t // DISTINCT makes no difference
	if !sortable(t) {
		return nil, fmt.Errorf("%s can't order values of type %s", s.Kind, t)
	}
	return nil, nil
}

func resolveBool(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	t, err := s.one(args)
	if err != nil {
		return nil, err
	}
	if t.Kind != catalog.KindBoolean && t.Kind != catalog.KindNull {
		return nil, fmt.Errorf("%s takes a BOOLEAN, not %s", s.Kind, t)
	}
	s.Arg, s.Result = catalog.Boolean, catalog.Boolean
	if s.Kind == CountIf {
		s.Result = catalog.BigInt
	} else {
		s.Distinct = false
	}
	return []catalog.Type{catalog.Boolean}, nil
}

func resolveBit(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	t, err := s.one(args)
	if err != nil {
		return nil, err
	}
	if !t.IsInteger() {
		return nil, fmt.Errorf("%s takes an integer, not %s", s.Kind, t)
	}
	s.Result, s.Distinct = t, s.Distinct && s.Kind == BitXor
	return nil, nil
}

// resolveMoment is for the statistics of one or two columns of numbers.
func resolveMoment(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	want := 1
	if s.Kind.pair() {
		want = 2
	}
	if len(args) != want {
		return nil, fmt.Errorf("%s takes %d argument(s), not %d", s.Kind, want, len(args))
	}
	if s.Distinct && want == 2 {
		return nil, fmt.Errorf("%s of two columns has no DISTINCT", s.Kind)
	}
	params := make([]catalog.Type, want)
	for i, a := range args {
		if !a.Type.IsNumeric() && a.Type.Kind != catalog.KindNull {
			return nil, fmt.Errorf("%s takes numbers, not %s", s.Kind, a.Type)
		}
		params[i] = catalog.Double
	}
	s.Arg, s.More, s.Result = catalog.Double, params[1:], catalog.Double
	if s.Kind == RegrCount {
		s.Result = catalog.BigInt
	}
	return params, nil
}

// resolveBy is for MIN_BY(x, y) and MAX_BY(x, y).
func resolveBy(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("%s takes a value and what to order by, not %d argument(s)", s.Kind, len(args))
	}
	x, y := args[0].Type, args[1].Type
	if !sortable(y) {
		return nil, fmt.Errorf("%s can't order values of type %s", s.Kind, y)
	}
	s.Arg, s.More, s.Result, s.Distinct = x, []catalog.Type{y}, x, false
	return nil, nil
}

// resolveAny is for ANY_VALUE.
func resolveAny(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	t, err := s.one(args)
	s.Distinct, s.Result = false, t
	return nil, err
}

// resolveValues is for functions of the values of one column.
func resolveValues(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	t, err := s.one(args)
	if err != nil {
		return nil, err
	}
	switch s.Kind {
	case ArrayAgg:
		s.Result = catalog.ArrayOf(t)
	case Collect:
		if t.IsNested() {
			return nil, fmt.Errorf("COLLECT gives a MAP, whose keys can't be of type %s", t)
		}
		s.Result = catalog.MapOf(t, catalog.BigInt)
	case Mode:
		s.Result = t
	default:
		s.Result, s.Distinct = t, false
	}
	return nil, nil
}

// resolveSparkArray is for COLLECT_LIST, which leaves NULLs out.
func resolveSparkArray(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	s.SkipNulls = true
	return resolveValues(s, args)
}

// resolveSparkSet is for COLLECT_SET.
func resolveSparkSet(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	s.Distinct = true
	return resolveSparkArray(s, args)
}

// resolveMap is for MAP_AGG(key, value).
func resolveMap(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("%s takes a key and a value, not %d argument(s)", s.Kind, len(args))
	}
	k, v := args[0].Type, args[1].Type
	switch {
	case s.Distinct:
		return nil, fmt.Errorf("%s has no DISTINCT: a key is there once", s.Kind)
	case k.IsNested():
		return nil, fmt.Errorf("keys of a MAP can't be of type %s", k)
	case k.Kind == catalog.KindNull:
		k = catalog.String
	}
	s.Arg, s.More, s.Result = k, []catalog.Type{v}, catalog.MapOf(k, v)
	return []catalog.Type{k, v}, nil
}

const toJSON = "JSON_STRING"

// jsonNulls reads the constant behind n arguments that says what becomes of NULLs,
// and gives the parameters.
func (s *Spec) jsonNulls(args []catalog.Arg, n int, absent bool) (bool, []catalog.Type) {
	params := make([]catalog.Type, len(args))
	for i, a := range args {
		params[i] = a.Type
	}
	if len(args) > n && args[n].Const != nil {
		absent = args[n].Const.Value == "ABSENT ON NULL"
	}
	return absent, params
}

// resolveJSONArray is for JSON_ARRAYAGG(x) and, with absent false, JSON_AGG.
func resolveJSONArray(absent bool) func(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	return func(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
		if len(args) < 1 || len(args) > 2 {
			return nil, fmt.Errorf("JSON_ARRAYAGG takes one argument, not %d", len(args))
		}
		absent, params := s.jsonNulls(args, 1, absent)
		s.Arg, s.Result, s.Then = args[0].Type, catalog.ArrayOf(args[0].Type), []string{toJSON}
		if absent { // an array of no elements is no NULL
			s.Then = []string{"ARRAY_COMPACT", toJSON}
		}
		return params, nil
	}
}

// resolveJSONObject is for JSON_OBJECTAGG(k VALUE v).
func resolveJSONObject(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	if len(args) < 2 || len(args) > 3 {
		return nil, fmt.Errorf("JSON_OBJECTAGG takes a key and a value, not %d argument(s)", len(args))
	}
	absent, params := s.jsonNulls(args, 2, false)
	if k := args[0].Type; !k.IsText() && k.Kind != catalog.KindNull {
		return nil, fmt.Errorf("JSON_OBJECTAGG: a key is a text, not %s", k)
	}
	args = []catalog.Arg{args[0], args[1]}
	args[0].Type, params[0] = catalog.String, catalog.String
	if _, err := resolveMap(s, args); err != nil {
		return nil, err
	}
	s.Unique, s.SkipValues, s.Then = true, absent, []string{toJSON}
	return params, nil
}

func resolveListAgg(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	if len(args) < 1 || len(args) > 2 {
		return nil, fmt.Errorf("LISTAGG takes a value and a separator, not %d argument(s)", len(args))
	}
	if args[0].Type.IsNested() {
		return nil, fmt.Errorf("LISTAGG takes text, not %s", args[0].Type)
	}
	s.Arg, s.Result, s.Separator = catalog.String, catalog.String, ","
	params := []catalog.Type{catalog.String}
	if len(args) == 2 {
		sep := args[1].Const
		if sep == nil {
			return nil, fmt.Errorf("the separator of LISTAGG must be a constant")
		}
		text, ok := sep.Value.(string)
		if !ok {
			return nil, fmt.Errorf("the separator of LISTAGG must be a text, not %s", sep.T)
		}
		s.Separator = text
		params = append(params, args[1].Type)
	}
	return params, nil
}

// resolvePercentile is for f(x, fraction [, accuracy]); MEDIAN has no fraction.
func resolvePercentile(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	most := 2
	if s.Kind == ApproxPercentile {
		most = 3
	}
	if len(args) < 2 || len(args) > most {
		return nil, fmt.Errorf("%s takes a fraction and a value to order by", s.Kind)
	}
	params := []catalog.Type{args[0].Type, args[1].Type}
	t := args[0].Type
	s.Arg, s.Result = t, t
	switch {
	case s.Kind == PercentileDisc:
		if !sortable(t) {
			return nil, fmt.Errorf("%s can't order values of type %s", s.Kind, t)
		}
	case !t.IsNumeric() && t.Kind != catalog.KindNull:
		return nil, fmt.Errorf("%s takes a number, not %s", s.Kind, t)
	default:
		s.Arg, s.Result, params[0] = catalog.Double, catalog.Double, catalog.Double
	}
	var err error
	if s.Fractions, err = fractions(s.Kind, args[1].Const); err != nil {
		return nil, err
	}
	if args[1].Type.Kind == catalog.KindArray {
		s.Result = catalog.ArrayOf(s.Result)
	}
	if s.Kind == ApproxPercentile {
		s.Distinct, s.Accuracy = false, 0.01
		if len(args) == 3 {
			n, ok := number(args[2].Const)
			if !ok || n < 1 || n > 1e6 {
				return nil, fmt.Errorf("the accuracy of APPROX_PERCENTILE is a constant from 1 to 1000000: the relative error is 1 / accuracy")
			}
			s.Accuracy = min(0.5, 1/n)
			params = append(params, args[2].Type)
		}
	}
	return params, nil
}

func resolveMedian(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("MEDIAN takes one argument, not %d", len(args))
	}
	half := catalog.Arg{Type: catalog.Double, Const: &catalog.Literal{Value: 0.5, T: catalog.Double}}
	params, err := resolvePercentile(s, []catalog.Arg{args[0], half})
	if err != nil {
		return nil, err
	}
	return params[:1], nil
}

func resolveApproxCount(s *Spec, args []catalog.Arg) ([]catalog.Type, error) {
	if len(args) < 1 || len(args) > 2 {
		return nil, fmt.Errorf("APPROX_COUNT_DISTINCT takes one argument, not %d", len(args))
	}
	s.Arg, s.Result, s.Distinct = args[0].Type, catalog.BigInt, false
	if len(args) == 2 && args[1].Const == nil {
		return nil, fmt.Errorf("the relative error of APPROX_COUNT_DISTINCT must be a constant")
	}
	return nil, nil
}

// fractions reads the fraction of a percentile, or an array of them.
func fractions(k Kind, l *catalog.Literal) ([]Fraction, error) {
	bad := fmt.Errorf("the fraction of %s must be a constant from 0 to 1", k)
	if l == nil {
		return nil, bad
	}
	list := []*catalog.Literal{l}
	if values, ok := l.Value.([]any); ok && l.T.Kind == catalog.KindArray {
		list = nil
		for _, v := range values {
			list = append(list, &catalog.Literal{Value: v, T: *l.T.Elem})
		}
	}
	var out []Fraction
	for _, one := range list {
		v, ok := number(one)
		if !ok || !(v >= 0 && v <= 1) {
			return nil, bad
		}
		out = append(out, fractionOf(v))
	}
	return out, nil
}

// Fraction is a number from 0 to 1, exactly as it was written.
type Fraction struct{ Num, Den uint64 }

// fractionOf gives the fraction with the shortest decimal that v is nearest to:
// 0.3 is three tenths.
func fractionOf(v float64) Fraction {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	_, digits, _ := strings.Cut(text, ".")
	if len(digits) > 18 {
		text, digits = strconv.FormatFloat(v, 'f', 18, 64), strings.Repeat("0", 18)
	}
	num, _ := strconv.ParseUint(strings.Replace(text, ".", "", 1), 10, 64)
	den := uint64(1)
	for range digits {
		den *= 10
	}
	return Fraction{num, den}
}

// of is n times the fraction: its floor, and the rest over Den.
func (f Fraction) of(n int64) (whole int64, rest uint64) {
	hi, lo := bits.Mul64(uint64(n), f.Num)
	q, r := bits.Div64(hi, lo, f.Den)
	return int64(q), r
}

// number is the value of a numeric literal.
func number(l *catalog.Literal) (float64, bool) {
	if l == nil {
		return 0, false
	}
	switch v := l.Value.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, !math.IsNaN(v)
	case decimal128.Num:
		// By its digits: 7 * 10^-1 is not the double 0.7.
		f, err := strconv.ParseFloat(v.ToString(int32(l.T.Scale)), 64)
		return f, err == nil
	}
	return 0, false
}
