package builtin

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/valyala/fastjson"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/cast"
	"github.com/streamsql/streamsql/exec/expr/jsonpath"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// The codes of errors with JSON.
const (
	codeBadPath = "BAD_PATH"
	codeJSON    = "BAD_JSON"
)

// jsonFinding is what stands at a path of a document.
type jsonFinding struct {
	values []*fastjson.Value
	err    string // not empty: no JSON, or a strict path that does not fit
	bad    bool   // the path is none: the row is in error
}

// jsonParser reads texts that are JSON. fastjson's own parser takes others too: 01 and
// NaN for numbers, escapes that there are none of.
type jsonParser struct{ fastjson.Parser }

func (p *jsonParser) ParseBytes(s []byte) (*fastjson.Value, error) {
	if err := fastjson.ValidateBytes(s); err != nil {
		return nil, err
	}
	return p.Parser.ParseBytes(s)
}

// openJSON reads a document (argument 0) at a path (argument 1). A value holds
// until the next call.
func openJSON(c *catalog.EvalContext, a arguments) func(i int) jsonFinding {
	s, path := a.text(0), a.text(1)
	m := &matcher[*jsonpath.Path]{compile: jsonpath.Parse}
	if text, ok := a.lits.text(1); ok {
		if p, err := jsonpath.Parse(text); err == nil {
			m = &matcher[*jsonpath.Path]{fixed: true, p: p}
		}
	}
	var parser jsonParser
	var at jsonpath.Evaluator
	return func(i int) jsonFinding {
		p, err := m.get(path(i))
		if err != nil {
			c.Fail(i, codeBadPath, err.Error())
			return jsonFinding{bad: true}
		}
		doc, err := parser.ParseBytes(s(i))
		if err != nil {
			return jsonFinding{err: "the text is not JSON"}
		}
		values, err := at.Eval(p, doc)
		if err != nil {
			return jsonFinding{err: err.Error()}
		}
		return jsonFinding{values: values}
	}
}

// jsonScalar gives the text of a string, number or boolean; isNull for null,
// false for an object or array.
func jsonScalar(scratch []byte, v *fastjson.Value) (text []byte, isNull, ok bool) {
	switch v.Type() {
	case fastjson.TypeString:
		b, err := v.StringBytes()
		return b, false, err == nil
	case fastjson.TypeNull:
		return nil, true, true
	case fastjson.TypeObject, fastjson.TypeArray:
		return nil, false, false
	}
	return v.MarshalTo(scratch[:0]), false, true
}

func isContainer(v *fastjson.Value) bool {
	return v.Type() == fastjson.TypeObject || v.Type() == fastjson.TypeArray
}

// jsonClauses are the clauses of a JSON function, which the planner passes as a
// constant text behind the path: RETURNING, WRAPPER, ... ON EMPTY, ... ON ERROR.
type jsonClauses string

func clausesOf(args []catalog.Arg) jsonClauses {
	if len(args) > 2 && args[2].Const != nil {
		s, _ := args[2].Const.Value.(string)
		return jsonClauses(s)
	}
	return ""
}

// on gives what stands before ON EMPTY or ON ERROR.
func (c jsonClauses) on(what, standard string) string {
	for _, kind := range []string{"NULL", "ERROR", "DEFAULT", "EMPTY ARRAY", "EMPTY OBJECT", "TRUE", "FALSE", "UNKNOWN"} {
		if strings.Contains(string(c), kind+" ON "+what) {
			return kind
		}
	}
	return standard
}

const jsonPathDoc = " A path is that of SQL/JSON: $.member, $.\"member\", $.*, $[0], $[0, 2 to 4, last], $[*], filters such as $.items[*]?(@.price < 10 && @.name starts with \"a\"), and $..member for any depth. " +
	"In lax mode (the default) what is not there gives nothing and arrays are taken apart where a member is asked for; 'strict $...' makes errors of these. A wrong path is an error at planning, or of the row (" + codeBadPath + ") if it is no constant."

// jsonFunction describes JSON_VALUE, JSON_QUERY or JSON_EXISTS.
func jsonFunction(name, params, doc string, examples []catalog.Example, most int, resolve func(args []catalog.Arg) (*catalog.Overload, error)) *catalog.Function {
	return &catalog.Function{
		Name: name, Category: jsonData, Signatures: []string{name + params}, Doc: doc + jsonPathDoc, Examples: examples,
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := argCount(name, args, 2, most); err != nil {
				return nil, err
			}
			for _, a := range args[:2] {
				if !catalog.CanCast(a.Type, str, true) {
					return nil, noOverload(name, args)
				}
			}
			if args[1].Const != nil {
				if p, ok := args[1].Const.Value.(string); ok {
					if _, err := jsonpath.Parse(p); err != nil {
						return nil, err
					}
				}
			}
			o, err := resolve(args)
			if err != nil {
				return nil, err
			}
			o.Params = append([]catalog.Type{str, str}, argTypes(args[2:])...)
			o.CanFail = args[1].Const == nil || strings.Contains(string(clausesOf(args)), "ERROR ON ")
			return o, nil
		},
	}
}

func jsonFunctions() []*catalog.Function {
	return []*catalog.Function{
		jsonFunction("JSON_VALUE", "(json STRING, path STRING [RETURNING type] [NULL | ERROR | DEFAULT x ON EMPTY] [NULL | ERROR | DEFAULT x ON ERROR]) -> STRING or type",
			"The string, number or boolean at a path of a JSON text; null gives NULL. ON EMPTY says what comes where there is nothing at the path, ON ERROR where the text is no JSON, more than one value, an object or an array is at the path, or the value does not convert to the type: NULL by default, an error of the row ("+
				codeJSON+"), or a constant. NULL if an argument is NULL.",
			shows(`JSON_VALUE('{"a":{"b":[10,"x"]}}', '$.a.b[1]')`, "x", `JSON_VALUE('{"a":1}', '$.b')`, "NULL", `JSON_VALUE('{"a.b":[0.998,0.996]}', '$.["a.b"][0]' RETURNING DOUBLE)`, "0.998",
				`JSON_VALUE('{"a":"x"}', '$.a' RETURNING INT DEFAULT -1 ON EMPTY DEFAULT 0 ON ERROR)`, "0"), 6, resolveJSONValue),
		jsonFunction("JSON_QUERY", "(json STRING, path STRING [WITHOUT | WITH [CONDITIONAL | UNCONDITIONAL] ARRAY WRAPPER] [NULL | ERROR | EMPTY ARRAY | EMPTY OBJECT ON EMPTY | ERROR]) -> STRING",
			"The object or array at a path of a JSON text, as JSON. Other values and several values are an error without a wrapper, and elements of an array with one; UNCONDITIONAL (the same as WITH ARRAY WRAPPER) puts a single object or array into an array too. ON EMPTY and ON ERROR as for JSON_VALUE. NULL if an argument is NULL.",
			shows(`JSON_QUERY('{"a":{"b":[10,"x"]}}', '$.a')`, `{"b":[10,"x"]}`, `JSON_QUERY('{"a":[1,2]}', '$.a[*]' WITH CONDITIONAL ARRAY WRAPPER)`, "[1,2]", `JSON_QUERY('{"a":1}', '$.a')`, "NULL", `JSON_QUERY('x', '$' EMPTY OBJECT ON ERROR)`, "{}"), 3, resolveJSONQuery),
		jsonFunction("JSON_EXISTS", "(json STRING, path STRING [TRUE | FALSE | UNKNOWN | ERROR ON ERROR]) -> BOOLEAN",
			"Whether there is a value (null too) at a path of a JSON text. ON ERROR says what comes where the text is no JSON or a strict path does not fit: FALSE by default. NULL if an argument is NULL.",
			shows(`JSON_EXISTS('{"a":null}', '$.a')`, "true", `JSON_EXISTS('{"a":1}', '$.b')`, "false", `JSON_EXISTS('{"a":true}', 'strict $.b' TRUE ON ERROR)`, "true"), 3, resolveJSONExists),
	}
}

// bindable makes a kernel that gets constants as such, unless the document or the
// path is NULL.
func bindable(f func(c *catalog.EvalContext, a arguments, n int, sel []int32) (arrow.Array, error)) catalog.Kernel {
	bound := func(lits constants) kernel.Func {
		return func(c *catalog.EvalContext, cols []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			return f(c, arguments{cols: cols, lits: lits}, n, sel)
		}
	}
	return kernel.Bindable{Kernel: bound(nil), Bind: func(lits []*catalog.Literal) catalog.Kernel {
		for _, l := range lits[:2] {
			if l != nil && l.Value == nil {
				return nil
			}
		}
		return bound(lits)
	}}
}

func resolveJSONValue(args []catalog.Arg) (*catalog.Overload, error) {
	clauses, t := clausesOf(args), str
	var defaults [2]*catalog.Literal // ON EMPTY, ON ERROR
	if len(args) == 6 {
		t = args[3].Type
		for k := range defaults {
			if defaults[k] = args[4+k].Const; defaults[k] == nil {
				return nil, fmt.Errorf("JSON_VALUE: the value behind DEFAULT must be a constant")
			}
		}
	}
	if t.IsNested() || !catalog.CanCast(str, t, false) {
		return nil, fmt.Errorf("JSON_VALUE can't return %s", t)
	}
	convert, err := cast.New(str, t, true)
	if err != nil {
		return nil, err
	}
	v := jsonValue{t: t, convert: convert, onEmpty: clauses.on("EMPTY", "NULL"), onError: clauses.on("ERROR", "NULL"), defaults: defaults}
	return &catalog.Overload{Result: t, Kernel: bindable(v.eval)}, nil
}

// jsonValue is JSON_VALUE with its clauses.
type jsonValue struct {
	t                catalog.Type
	convert          catalog.Kernel // nil: the text itself
	onEmpty, onError string
	defaults         [2]*catalog.Literal
}

func (v jsonValue) eval(c *catalog.EvalContext, a arguments, n int, sel []int32) (arrow.Array, error) {
	valid := kernel.NewNullable(c.Alloc, n, a.cols[:2]...)
	find := openJSON(c, a)
	b := kernel.NewTextBuilder(c.Alloc, n, 16*n)
	var instead [2][]int32 // the rows that take a default
	settle := func(k int, i int, how, why string) {
		valid.SetNull(i)
		switch how {
		case "ERROR":
			c.Fail(i, codeJSON, "JSON_VALUE: "+why)
		case "DEFAULT":
			instead[k] = append(instead[k], int32(i))
		}
	}
	var scratch []byte
	var rows []int32
	kernel.ForEach(n, sel, &valid, func(i int) {
		found := find(i)
		switch {
		case found.bad:
			valid.SetNull(i)
		case found.err != "":
			settle(1, i, v.onError, found.err)
		case len(found.values) == 0:
			settle(0, i, v.onEmpty, "there is nothing at the path")
		case len(found.values) > 1:
			settle(1, i, v.onError, fmt.Sprintf("there are %d values at the path", len(found.values)))
		default:
			text, isNull, ok := jsonScalar(scratch, found.values[0])
			if found.values[0].Type() != fastjson.TypeString {
				scratch = text // its memory serves the next number
			}
			switch {
			case !ok:
				settle(1, i, v.onError, "the value at the path is an object or array")
			case isNull:
				valid.SetNull(i)
			default:
				b.Put(i, text)
				if v.convert != nil && v.onError != "NULL" {
					rows = append(rows, int32(i))
				}
			}
		}
	})
	out, err := b.Finish(arrow.BinaryTypes.String, valid.Buffer())
	if err != nil {
		return nil, err
	}
	if v.convert != nil {
		texts := out
		if out, err = v.convert.Eval(c, []arrow.Array{texts}, n, sel); err != nil {
			texts.Release()
			return nil, err
		}
		there, s := column.Validity(out), kernel.TextsOf(texts)
		for _, i := range rows {
			if !there.Get(int(i)) {
				settleError(c, v, &instead, int(i), s.At(int(i)))
			}
		}
		texts.Release()
	}
	return v.withDefaults(c, out, n, sel, instead)
}

func settleError(c *catalog.EvalContext, v jsonValue, instead *[2][]int32, i int, text []byte) {
	if v.onError == "ERROR" {
		c.Fail(i, codeJSON, fmt.Sprintf("JSON_VALUE: '%.40s' is no %s", text, v.t))
		return
	}
	instead[1] = append(instead[1], int32(i))
}

// withDefaults puts the defaults into the rows that take one.
func (v jsonValue) withDefaults(c *catalog.EvalContext, out arrow.Array, n int, sel []int32, instead [2][]int32) (arrow.Array, error) {
	if len(instead[0])+len(instead[1]) == 0 {
		return out, nil
	}
	taken := make([]uint8, n)
	for k, rows := range instead {
		for _, i := range rows {
			taken[i] = uint8(k + 1)
		}
	}
	var own []int32
	var lists [2][]int32
	all := kernel.Nullable{}
	kernel.ForEach(n, sel, &all, func(i int) {
		if taken[i] == 0 {
			own = append(own, int32(i))
		} else {
			lists[taken[i]-1] = append(lists[taken[i]-1], int32(i))
		}
	})
	pick := column.NewPick(n, 3, v.t.Arrow(), c.Alloc)
	defer pick.Release()
	if len(own) > 0 {
		pick.Add(out, own)
	} else {
		out.Release()
	}
	for k, rows := range lists {
		if len(rows) == 0 {
			continue
		}
		one, err := column.Repeat(v.defaults[k], 1, c.Alloc)
		if err != nil {
			return nil, err
		}
		pick.AddConstant(one, rows)
	}
	return pick.Finish()
}

func resolveJSONQuery(args []catalog.Arg) (*catalog.Overload, error) {
	clauses := clausesOf(args)
	conditional, wrapped := strings.Contains(string(clauses), "WITH CONDITIONAL"), strings.Contains(string(clauses), "WITH ")
	onEmpty, onError := clauses.on("EMPTY", "NULL"), clauses.on("ERROR", "NULL")
	return &catalog.Overload{Result: str, Strict: true, Kernel: textKernel(str, func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
		return func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
			find := openJSON(c, a)
			settle := func(i int, how, why string) ([]byte, bool) {
				switch how {
				case "ERROR":
					c.Fail(i, codeJSON, "JSON_QUERY: "+why)
				case "EMPTY ARRAY":
					return []byte("[]"), true
				case "EMPTY OBJECT":
					return []byte("{}"), true
				}
				return nil, false
			}
			var out []byte
			return func(i int) ([]byte, bool) {
				found := find(i)
				switch {
				case found.bad:
					return nil, false
				case found.err != "":
					return settle(i, onError, found.err)
				case len(found.values) == 0:
					return settle(i, onEmpty, "there is nothing at the path")
				case len(found.values) == 1 && (!wrapped || conditional) && isContainer(found.values[0]):
					out = found.values[0].MarshalTo(out[:0])
					return out, true
				case !wrapped && len(found.values) > 1:
					return settle(i, onError, fmt.Sprintf("there are %d values at the path", len(found.values)))
				case !wrapped:
					return settle(i, onError, "the value at the path is no object or array")
				}
				out = append(out[:0], '[')
				for k, v := range found.values {
					if k > 0 {
						out = append(out, ',')
					}
					out = v.MarshalTo(out)
				}
				out = append(out, ']')
				return out, true
			}
		}
	})}, nil
}

func resolveJSONExists(args []catalog.Arg) (*catalog.Overload, error) {
	onError := clausesOf(args).on("ERROR", "FALSE")
	return &catalog.Overload{Result: catalog.Boolean, Strict: true, Kernel: rowBool(func(c *catalog.EvalContext, a arguments) func(i int) (bool, bool) {
		find := openJSON(c, a)
		return func(i int) (bool, bool) {
			found := find(i)
			switch {
			case found.bad:
				return false, false
			case found.err == "":
				return len(found.values) > 0, true
			case onError == "ERROR":
				c.Fail(i, codeJSON, "JSON_EXISTS: "+found.err)
				return false, false
			}
			return onError == "TRUE", onError != "UNKNOWN"
		}
	})}, nil
}
