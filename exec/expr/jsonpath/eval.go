package jsonpath

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"
)

// ErrStructure says that a document has not what a strict path asks for.
var ErrStructure = errors.New("the document does not have the structure of the strict path")

// Evaluator evaluates paths. It keeps its scratch memory; one goroutine each.
type Evaluator struct {
	a, b []*fastjson.Value
}

// Eval gives the values at a path, which hold as long as the document and until
// the next call.
func (e *Evaluator) Eval(p *Path, doc *fastjson.Value) ([]*fastjson.Value, error) {
	if !p.strict { // most paths are names of members of objects
		v, simple := doc, true
		for i := range p.steps {
			if v == nil {
				break
			}
			if p.steps[i].kind != memberStep || v.Type() != fastjson.TypeObject {
				simple = false
				break
			}
			v = Member(v, p.steps[i].name)
		}
		if simple {
			e.a = e.a[:0]
			if v != nil {
				e.a = append(e.a, v)
			}
			return e.a, nil
		}
	}
	x := context{root: doc, strict: p.strict}
	in, out := append(e.a[:0], doc), e.b[:0]
	for i := range p.steps {
		var err error
		if out, err = x.step(&p.steps[i], in, out[:0]); err != nil {
			return nil, err
		}
		in, out = out, in
	}
	e.a, e.b = in, out
	return in, nil
}

// Member gives the member of an object that has a name, of several the last one, as
// sources in JSON take it; nil: there is none.
func Member(object *fastjson.Value, name string) *fastjson.Value {
	var found *fastjson.Value
	object.GetObject().Visit(func(key []byte, v *fastjson.Value) {
		if string(key) == name {
			found = v
		}
	})
	return found
}

type context struct {
	root   *fastjson.Value
	strict bool
}

func (x context) path(steps []step, from *fastjson.Value) ([]*fastjson.Value, error) {
	in := []*fastjson.Value{from}
	for i := range steps {
		out, err := x.step(&steps[i], in, nil)
		if err != nil {
			return nil, err
		}
		in = out
	}
	return in, nil
}

// step appends what a step leads to from each value.
func (x context) step(s *step, in, out []*fastjson.Value) ([]*fastjson.Value, error) {
	var err error
	for _, v := range in {
		switch s.kind {
		case memberStep, membersStep:
			out, err = x.member(s, v, out, true)
		case indexStep, elementsStep:
			out, err = x.element(s, v, out)
		case deepStep:
			out = deep(s.name, v, out)
		case filterStep:
			out = x.filter(s.filter, v, out, true)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (x context) member(s *step, v *fastjson.Value, out []*fastjson.Value, unwrap bool) ([]*fastjson.Value, error) {
	switch {
	case v.Type() == fastjson.TypeObject && s.kind == membersStep:
		v.GetObject().Visit(func(_ []byte, m *fastjson.Value) { out = append(out, m) })
	case v.Type() == fastjson.TypeObject:
		if m := Member(v, s.name); m != nil {
			return append(out, m), nil
		}
		if x.strict {
			return nil, fmt.Errorf("%w: there is no member %s", ErrStructure, s.name)
		}
	case x.strict:
		return nil, fmt.Errorf("%w: %s has no members", ErrStructure, v.Type())
	case v.Type() == fastjson.TypeArray && unwrap:
		for _, e := range v.GetArray() {
			out, _ = x.member(s, e, out, false)
		}
	}
	return out, nil
}

func (x context) element(s *step, v *fastjson.Value, out []*fastjson.Value) ([]*fastjson.Value, error) {
	list := []*fastjson.Value{v}
	if v.Type() == fastjson.TypeArray {
		list = v.GetArray()
	} else if x.strict {
		return nil, fmt.Errorf("%w: %s is no array", ErrStructure, v.Type())
	}
	if s.kind == elementsStep {
		return append(out, list...), nil
	}
	at := func(b bound) int {
		if b.last {
			return len(list) - 1 - b.n
		}
		return b.n
	}
	for _, r := range s.ranges {
		from, to := at(r.from), at(r.to)
		if x.strict && (from < 0 || to >= len(list) || from > to) {
			return nil, fmt.Errorf("%w: there is no element %d of %d", ErrStructure, max(from, to), len(list))
		}
		for k := max(from, 0); k <= min(to, len(list)-1); k++ {
			out = append(out, list[k])
		}
	}
	return out, nil
}

// deep appends the members of a name (none: all members and elements) of a value
// and of all within it.
func deep(name string, v *fastjson.Value, out []*fastjson.Value) []*fastjson.Value {
	switch v.Type() {
	case fastjson.TypeObject:
		v.GetObject().Visit(func(key []byte, m *fastjson.Value) {
			if name == "" || name == string(key) {
				out = append(out, m)
			}
			out = deep(name, m, out)
		})
	case fastjson.TypeArray:
		for _, e := range v.GetArray() {
			if name == "" {
				out = append(out, e)
			}
			out = deep(name, e, out)
		}
	}
	return out
}

func (x context) filter(c *condition, v *fastjson.Value, out []*fastjson.Value, unwrap bool) []*fastjson.Value {
	if v.Type() == fastjson.TypeArray && unwrap && !x.strict {
		for _, e := range v.GetArray() {
			out = x.filter(c, e, out, false)
		}
		return out
	}
	if x.holds(c, v) == yes {
		out = append(out, v)
	}
	return out
}

// truth is three-valued.
type truth int8

const (
	no      truth = 0
	unknown truth = 1
	yes     truth = 2
)

func (x context) holds(c *condition, v *fastjson.Value) truth {
	switch c.kind {
	case orCondition:
		return max(x.holds(c.args[0], v), x.holds(c.args[1], v))
	case andCondition:
		return min(x.holds(c.args[0], v), x.holds(c.args[1], v))
	case notCondition:
		return yes - x.holds(c.args[0], v)
	}
	left, err := x.values(c.left, v)
	if err != nil {
		return unknown
	}
	if c.kind == existsCondition {
		if len(left) > 0 {
			return yes
		}
		return no
	}
	if c.kind == compareCondition {
		right, err := x.values(c.right, v)
		if err != nil {
			return unknown
		}
		return anyOf(left, func(l constant) truth {
			return anyOf(right, func(r constant) truth { return compare(c.op, l, r) })
		})
	}
	return anyOf(left, func(l constant) truth {
		switch {
		case l.kind != textConstant:
			return unknown
		case c.kind == prefixCondition && strings.HasPrefix(l.text, c.text), c.kind == regexCondition && c.re.MatchString(l.text):
			return yes
		}
		return no
	})
}

// anyOf is the truth of an OR over all values.
func anyOf(list []constant, f func(v constant) truth) truth {
	found := no
	for _, v := range list {
		found = max(found, f(v))
	}
	return found
}

// other stands for an object or array, which compares with nothing.
const other constantKind = 255

// values gives the values of an operand; in lax mode arrays are taken apart.
func (x context) values(o operand, at *fastjson.Value) ([]constant, error) {
	if o.value != nil {
		return []constant{*o.value}, nil
	}
	from := at
	if o.root {
		from = x.root
	}
	found, err := x.path(o.path, from)
	if err != nil {
		return nil, err
	}
	var out []constant
	for _, v := range found {
		if v.Type() == fastjson.TypeArray && !x.strict {
			for _, e := range v.GetArray() {
				out = append(out, constantOf(e))
			}
			if len(v.GetArray()) == 0 {
				out = append(out, constant{kind: other}) // it is there
			}
			continue
		}
		out = append(out, constantOf(v))
	}
	return out, nil
}

func constantOf(v *fastjson.Value) constant {
	switch v.Type() {
	case fastjson.TypeNull:
		return constant{kind: nullConstant}
	case fastjson.TypeTrue:
		return constant{kind: boolConstant, b: true}
	case fastjson.TypeFalse:
		return constant{kind: boolConstant}
	case fastjson.TypeNumber:
		return constant{kind: numberConstant, text: string(v.MarshalTo(nil))}
	case fastjson.TypeString:
		s, _ := v.StringBytes()
		return constant{kind: textConstant, text: string(s)}
	}
	return constant{kind: other}
}

func compare(op string, a, b constant) truth {
	if a.kind == other || b.kind == other {
		return unknown
	}
	if a.kind != b.kind {
		if a.kind == nullConstant || b.kind == nullConstant { // null differs from all else
			return truthOf(op == "!=")
		}
		return unknown
	}
	c := 0
	switch a.kind {
	case boolConstant:
		if a.b != b.b {
			c = -1
			if a.b {
				c = 1
			}
		}
	case numberConstant:
		c = compareNumbers(a.text, b.text)
	case textConstant:
		c = strings.Compare(a.text, b.text)
	}
	switch op {
	case "==":
		return truthOf(c == 0)
	case "!=":
		return truthOf(c != 0)
	case "<":
		return truthOf(c < 0)
	case "<=":
		return truthOf(c <= 0)
	case ">":
		return truthOf(c > 0)
	default:
		return truthOf(c >= 0)
	}
}

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// compareNumbers compares numbers as they are written, without rounding, save
// where their exponents are beyond reason.
func compareNumbers(a, b string) int {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	if errX == nil && errY == nil {
		return compareOrdered(x, y)
	}
	f, _ := strconv.ParseFloat(a, 64)
	g, _ := strconv.ParseFloat(b, 64)
	if f != g || len(a)+len(b) > 200 || strings.ContainsAny(a+b, "eE") {
		return compareOrdered(f, g)
	}
	r, okR := new(big.Rat).SetString(a)
	s, okS := new(big.Rat).SetString(b)
	if !okR || !okS {
		return compareOrdered(f, g)
	}
	return r.Cmp(s)
}

func compareOrdered[T int64 | float64](x, y T) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}
