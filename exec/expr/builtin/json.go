package builtin

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/streamsql/streamsql/catalog"
)

const codeBadPath = "BAD_PATH"

// jsonPath is a path such as $.a.b[0]['c d']: the keys for fastjson, which takes
// an index as a key.
type jsonPath []string

func parseJSONPath(text string) (jsonPath, error) {
	s := strings.TrimSpace(text)
	for _, mode := range []string{"lax ", "strict "} {
		s = strings.TrimSpace(strings.TrimPrefix(s, mode))
	}
	wrong := fmt.Errorf("JSON path '%s' is not of the form $.member[index]", text)
	if !strings.HasPrefix(s, "$") {
		return nil, wrong
	}
	s = s[1:]
	path := jsonPath{}
	for len(s) > 0 {
		switch {
		case s[0] == '.':
			end := strings.IndexAny(s[1:], ".[")
			if end < 0 {
				end = len(s) - 1
			}
			if end == 0 || s[1:1+end] == "*" {
				return nil, wrong
			}
			path = append(path, strings.Trim(s[1:1+end], `"`))
			s = s[1+end:]
		case s[0] == '[':
			end := strings.IndexByte(s, ']')
			if end < 2 {
				return nil, wrong
			}
			key := s[1:end]
			if q := key[0]; q == '\'' || q == '"' {
				if len(key) < 2 || key[len(key)-1] != q {
					return nil, wrong
				}
				key = key[1 : len(key)-1]
			} else if _, err := strconv.ParseUint(key, 10, 31); err != nil {
				return nil, wrong
			}
			path = append(path, key)
			s = s[end+1:]
		default:
			return nil, wrong
		}
	}
	return path, nil
}

// jsonRows opens a function of a JSON text and a path; f gets the value there,
// nil if there is none.
func jsonRows[T any](f func(v *fastjson.Value) (T, bool)) maker[T] {
	return func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) (T, bool) {
		var fixed *matcher[jsonPath]
		if text, ok := lits.text(1); ok {
			p, err := parseJSONPath(text)
			fixed = &matcher[jsonPath]{fixed: true, p: p, err: err}
		}
		return func(c *catalog.EvalContext, a arguments) func(i int) (T, bool) {
			s, path := a.text(0), a.text(1)
			m := fixed
			if m == nil || m.err != nil {
				m = &matcher[jsonPath]{compile: parseJSONPath}
			}
			var parser fastjson.Parser
			return func(i int) (T, bool) {
				p, err := m.get(path(i))
				if err != nil {
					var none T
					c.Fail(i, codeBadPath, err.Error())
					return none, false
				}
				doc, err := parser.ParseBytes(s(i))
				if err != nil {
					return f(nil)
				}
				return f(doc.Get(p...))
			}
		}
	}
}

func jsonFunctions() []*catalog.Function {
	two := []catalog.Type{str, str}
	scalar := textKernel(str, jsonRows(func(v *fastjson.Value) ([]byte, bool) {
		switch {
		case v == nil:
			return nil, false
		case v.Type() == fastjson.TypeString:
			b, err := v.StringBytes()
			return b, err == nil
		case v.Type() == fastjson.TypeNull || v.Type() == fastjson.TypeObject || v.Type() == fastjson.TypeArray:
			return nil, false
		}
		return v.MarshalTo(nil), true
	}))
	nested := textKernel(str, jsonRows(func(v *fastjson.Value) ([]byte, bool) {
		if v == nil || v.Type() != fastjson.TypeObject && v.Type() != fastjson.TypeArray {
			return nil, false
		}
		return v.MarshalTo(nil), true
	}))
	exists := boolKernel(jsonRows(func(v *fastjson.Value) (bool, bool) { return v != nil, true }))
	define := func(name, result, doc string, t catalog.Type, examples []catalog.Example, s signature) *catalog.Function {
		s.params, s.result, s.canFail = two, t, true
		return &catalog.Function{
			Name: name, Category: jsonData, Signatures: []string{name + "(json STRING, path STRING) -> " + result},
			Doc: doc + " A path is $ with .member, ['member'] and [index] (from 0). NULL if an argument is NULL. A wrong path is an error at planning, or of the row (" +
				codeBadPath + ") if it is no constant.",
			Examples: examples,
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if len(args) == 2 && args[1].Const != nil {
					if p, ok := args[1].Const.Value.(string); ok {
						if _, err := parseJSONPath(p); err != nil {
							return nil, fmt.Errorf("%s: %w", name, err)
						}
					}
				}
				return choose(name, s)(args)
			},
		}
	}
	return []*catalog.Function{
		define("JSON_VALUE", "STRING", "The text of the string, number or boolean at a path of a JSON text. NULL if there is none, or an object, array or null; or if the text is no JSON.", str,
			[]catalog.Example{{SQL: `JSON_VALUE('{"a":{"b":[10,"x"]}}', '$.a.b[1]')`, Result: "x"}, {SQL: `JSON_VALUE('{"a":1}', '$.b')`, Result: "NULL"}}, signature{kernel: scalar}),
		define("JSON_QUERY", "STRING", "The object or array at a path of a JSON text, as JSON. NULL if there is none or something else; or if the text is no JSON.", str,
			[]catalog.Example{{SQL: `JSON_QUERY('{"a":{"b":[10,"x"]}}', '$.a')`, Result: `{"b":[10,"x"]}`}}, signature{kernel: nested}),
		define("JSON_EXISTS", "BOOLEAN", "Whether there is a value (null too) at a path of a JSON text. FALSE if the text is no JSON.", catalog.Boolean,
			[]catalog.Example{{SQL: `JSON_EXISTS('{"a":null}', '$.a')`, Result: "true"}, {SQL: `JSON_EXISTS('{"a":1}', '$.b')`, Result: "false"}}, signature{kernel: exists}),
	}
}
