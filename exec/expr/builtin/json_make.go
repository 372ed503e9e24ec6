package builtin

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/valyala/fastjson"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/cast"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// jsonConstructors make JSON of values.
func jsonConstructors() []*catalog.Function {
	const values = " A value of type JSON (what these functions give) stands as it is, numbers and booleans too, ARRAY, MAP and ROW as arrays and objects, all else as a string."
	return []*catalog.Function{
		{
			Name: "JSON_OBJECT", Category: jsonData, Signatures: []string{"JSON_OBJECT([KEY] key VALUE value, ... [NULL | ABSENT ON NULL]) -> JSON"},
			Doc:      "An object of the members." + values + " A NULL value is null, or left out with ABSENT ON NULL. A key that is NULL is an error of the row (" + codeNullKey + ").",
			Examples: shows("JSON_OBJECT(KEY 'a' VALUE 1, KEY 'b' VALUE 'x')", `{"a":1,"b":"x"}`, "JSON_OBJECT('a' VALUE NULL, 'b' VALUE ARRAY[1] ABSENT ON NULL)", `{"b":[1]}`, "JSON_OBJECT('o' VALUE JSON_OBJECT('p' VALUE TRUE))", `{"o":{"p":true}}`),
			Resolve:  resolveJSONObject,
		},
		{
			Name: "JSON_ARRAY", Category: jsonData, Signatures: []string{"JSON_ARRAY(value, ... [NULL | ABSENT ON NULL]) -> JSON"},
			Doc:      "An array of the values." + values + " NULLs are left out, or null with NULL ON NULL.",
			Examples: shows("JSON_ARRAY(1, 'a', NULL)", `[1,"a"]`, "JSON_ARRAY(1, NULL NULL ON NULL)", "[1,null]", "JSON_ARRAY()", "[]"),
			Resolve:  resolveJSONArray,
		},
		{
			Name: "JSON_STRING", Aliases: []string{"TO_JSON", "ROW_TO_JSON", "ARRAY_TO_JSON"}, Category: jsonData, Signatures: []string{"JSON_STRING(x) -> JSON"},
			Doc: "x as JSON." + values + " NULL if x is NULL.", Examples: shows("JSON_STRING('a\"b')", `"a\"b"`, "JSON_STRING(MAP['a', ARRAY[1, NULL]])", `{"a":[1,null]}`, "TO_JSON(1.50)", "1.50"),
			Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
				if err := argCount("JSON_STRING", args, 1, 1); err != nil {
					return nil, err
				}
				t := args[0].Type
				return &catalog.Overload{Params: argTypes(args), Result: catalog.JSON, Strict: true, Kernel: kernel.Func(
					func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
						valid := kernel.NewNullable(c.Alloc, n, args...)
						b := kernel.NewTextBuilder(c.Alloc, n, 16*n)
						var out []byte
						write := cast.JSONWriter(args[0], t, c)
						kernel.ForEach(n, sel, &valid, func(i int) {
							out = write(out[:0], i)
							b.Put(i, out)
						})
						return b.Finish(arrow.BinaryTypes.String, valid.Buffer())
					})}, nil
			},
		},
		scalar(jsonData, called("JSON_QUOTE"), "(s STRING) -> STRING", "s as a JSON string, in quotes and with escapes. NULL if s is NULL.", shows(`JSON_QUOTE('a"b')`, `"a\"b"`),
			overload(str, textToText(str, cast.AppendQuoted), str)),
		scalar(jsonData, called("JSON_UNQUOTE"), "(s STRING) -> STRING", "The text of a JSON string; any other text is given as it is. NULL if s is NULL.", shows(`JSON_UNQUOTE('"a\u00e9"')`, "aé", "JSON_UNQUOTE('[1]')", "[1]"),
			overload(str, rowText(str, func(_ *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
				s := a.text(0)
				var parser jsonParser
				return func(i int) ([]byte, bool) {
					if v, err := parser.ParseBytes(s(i)); err == nil && v.Type() == fastjson.TypeString {
						text, err := v.StringBytes()
						return text, err == nil
					}
					return s(i), true
				}
			}), str)),
	}
}

// jsonMode says whether NULLs are left out, by the constant first argument.
func jsonMode(args []catalog.Arg, standard bool) (absent bool) {
	if len(args) > 0 && args[0].Const != nil {
		switch args[0].Const.Value {
		case "ABSENT ON NULL":
			return true
		case "NULL ON NULL":
			return false
		}
	}
	return standard
}

func resolveJSONObject(args []catalog.Arg) (*catalog.Overload, error) {
	if len(args)%2 != 1 {
		return nil, fmt.Errorf("JSON_OBJECT takes keys and values")
	}
	absent := jsonMode(args, false)
	params := argTypes(args)
	for k := 1; k < len(args); k += 2 {
		if !args[k].Type.IsText() && args[k].Type.Kind != catalog.KindNull {
			return nil, fmt.Errorf("JSON_OBJECT: a key is a text, not %s", args[k].Type)
		}
		params[k] = str
	}
	return &catalog.Overload{Params: params, Result: catalog.JSON, CanFail: true, Kernel: kernel.Func(
		func(c *catalog.EvalContext, cols []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			valid := kernel.NewNullable(c.Alloc, n)
			b := kernel.NewTextBuilder(c.Alloc, n, 16*n)
			write := jsonWriters(cols, params, c)
			var out []byte
			kernel.ForEach(n, sel, &valid, func(i int) {
				out = append(out[:0], '{')
				for k := 1; k < len(cols); k += 2 {
					if cols[k].IsNull(i) {
						c.Fail(i, codeNullKey, "a key of JSON_OBJECT is NULL")
						valid.SetNull(i)
						return
					}
					if absent && isNull(cols[k+1], i) {
						continue
					}
					if len(out) > 1 {
						out = append(out, ',')
					}
					out = cast.AppendQuoted(out, kernel.TextsOf(cols[k]).At(i))
					out = append(out, ':')
					out = write[k+1](out, i)
				}
				b.Put(i, append(out, '}'))
			})
			return b.Finish(arrow.BinaryTypes.String, valid.Buffer())
		})}, nil
}

func jsonWriters(cols []arrow.Array, types []catalog.Type, c *catalog.EvalContext) []func(dst []byte, i int) []byte {
	out := make([]func(dst []byte, i int) []byte, len(cols))
	for k, a := range cols {
		out[k] = cast.JSONWriter(a, types[k], c)
	}
	return out
}

func isNull(a arrow.Array, i int) bool { return column.AllNull(a) || a.IsNull(i) }

func resolveJSONArray(args []catalog.Arg) (*catalog.Overload, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("JSON_ARRAY takes its mode first")
	}
	absent := jsonMode(args, true)
	params := argTypes(args)
	return &catalog.Overload{Params: params, Result: catalog.JSON, NeverNull: true, Kernel: kernel.Func(
		func(c *catalog.EvalContext, cols []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			b := kernel.NewTextBuilder(c.Alloc, n, 16*n)
			all := kernel.Nullable{}
			write := jsonWriters(cols, params, c)
			var out []byte
			kernel.ForEach(n, sel, &all, func(i int) {
				out = append(out[:0], '[')
				for k := 1; k < len(cols); k++ {
					if absent && isNull(cols[k], i) {
						continue
					}
					if len(out) > 1 {
						out = append(out, ',')
					}
					out = write[k](out, i)
				}
				b.Put(i, append(out, ']'))
			})
			return b.Finish(arrow.BinaryTypes.String, nil)
		})}, nil
}

// jsonTests are the IS JSON predicates.
func jsonTests() []*catalog.Function {
	var fns []*catalog.Function
	for _, f := range []struct {
		word, doc, yes, no string
		test               func(v *fastjson.Value) bool
	}{
		{"JSON", "is JSON", `'{"a":1}'`, `'{a:1}'`, func(*fastjson.Value) bool { return true }},
		{"JSON OBJECT", "is an object of JSON", `'{}'`, `'[]'`, func(v *fastjson.Value) bool { return v.Type() == fastjson.TypeObject }},
		{"JSON ARRAY", "is an array of JSON", `'[1]'`, `'{}'`, func(v *fastjson.Value) bool { return v.Type() == fastjson.TypeArray }},
		{"JSON SCALAR", "is a string, number, boolean or null of JSON", `'1.5'`, `'[1]'`, func(v *fastjson.Value) bool { return !isContainer(v) }},
	} {
		for _, not := range []bool{false, true} {
			name, doc := "IS "+f.word, "Whether s "+f.doc+"."
			examples := shows(f.yes+" "+name, "true", f.no+" "+name, "false")
			if not {
				name = "IS NOT " + f.word
				doc, examples = "NOT (s IS "+f.word+").", shows(f.no+" "+name, "true")
			}
			k := rowBool(func(_ *catalog.EvalContext, a arguments) func(i int) (bool, bool) {
				s := a.text(0)
				var parser jsonParser
				return func(i int) (bool, bool) {
					v, err := parser.ParseBytes(s(i))
					return (err == nil && f.test(v)) != not, true
				}
			})
			fn := scalar(jsonData, called(name), "", doc+" NULL if s is NULL.", examples, overload(catalog.Boolean, k, str))
			fn.Signatures = []string{"s " + name + " -> BOOLEAN"}
			fns = append(fns, fn)
		}
	}
	return fns
}

// jsonReaders are functions of other dialects that read JSON.
func jsonReaders() []*catalog.Function {
	read := func(f func(v *fastjson.Value, out []byte) ([]byte, bool)) catalog.Kernel {
		return rowText(str, func(c *catalog.EvalContext, a arguments) func(i int) ([]byte, bool) {
			find := openJSON(c, a)
			var out []byte
			return func(i int) ([]byte, bool) {
				found := find(i)
				switch len(found.values) {
				case 0:
					return nil, false
				case 1:
					var ok bool
					out, ok = f(found.values[0], out[:0])
					return out, ok
				}
				out = append(out[:0], '[')
				for k, v := range found.values {
					if k > 0 {
						out = append(out, ',')
					}
					out = v.MarshalTo(out)
				}
				return append(out, ']'), true
			}
		})
	}
	with := func(k catalog.Kernel) func(args []catalog.Arg) (*catalog.Overload, error) {
		return func([]catalog.Arg) (*catalog.Overload, error) {
			return &catalog.Overload{Result: str, Strict: true, Kernel: k}, nil
		}
	}
	get := jsonFunction("GET_JSON_OBJECT", "(json STRING, path STRING) -> STRING",
		"What is at a path of a JSON text: a string without its quotes, all else as JSON, several values as an array. NULL if there is nothing or null, the text is no JSON, or an argument is NULL.",
		shows(`GET_JSON_OBJECT('{"a":{"b":"x"}}', '$.a.b')`, "x", `GET_JSON_OBJECT('{"a":{"b":"x"}}', '$.a')`, `{"b":"x"}`), 2,
		with(read(func(v *fastjson.Value, out []byte) ([]byte, bool) {
			if isContainer(v) {
				return v.MarshalTo(out), true
			}
			text, isNull, ok := jsonScalar(out, v)
			return append(out, text...), ok && !isNull
		})))
	get.Aliases = []string{"JSON_EXTRACT_STRING", "JSON_EXTRACT_SCALAR"}
	return []*catalog.Function{
		get,
		jsonFunction("JSON_EXTRACT", "(json STRING, path STRING) -> STRING",
			"What is at a path of a JSON text, as JSON: a string keeps its quotes, several values are an array. NULL if there is nothing, the text is no JSON, or an argument is NULL.",
			shows(`JSON_EXTRACT('{"a":{"b":"x"}}', '$.a.b')`, `"x"`), 2, with(read(func(v *fastjson.Value, out []byte) ([]byte, bool) { return v.MarshalTo(out), true }))),
		scalar(jsonData, called("JSON_ARRAY_LENGTH", "JSONB_ARRAY_LENGTH"), "(json STRING) -> INT", "The number of elements of a JSON array. NULL if the text is no JSON array or is NULL.", shows("JSON_ARRAY_LENGTH('[1,[2,3]]')", "2", "JSON_ARRAY_LENGTH('{}')", "NULL"),
			overload(intType, row(intType, func(_ *catalog.EvalContext, a arguments) func(i int) (int32, bool) {
				s := a.text(0)
				var parser jsonParser
				return func(i int) (int32, bool) {
					v, err := parser.ParseBytes(s(i))
					if err != nil || v.Type() != fastjson.TypeArray {
						return 0, false
					}
					return int32(len(v.GetArray())), true
				}
			}), str)),
		scalar(jsonData, called("JSON_OBJECT_KEYS", "JSON_KEYS", "JSONB_OBJECT_KEYS"), "(json STRING) -> ARRAY<STRING>", "The names of the members of a JSON object, in its order. NULL if the text is no JSON object or is NULL.", shows(`JSON_OBJECT_KEYS('{"b":1,"a":2}')`, `["b","a"]`),
			overload(catalog.ArrayOf(str), textLists(func(constants) func(c *catalog.EvalContext, a arguments, out *lists) func(i int) bool {
				return func(_ *catalog.EvalContext, a arguments, out *lists) func(i int) bool {
					s := a.text(0)
					var parser jsonParser
					return func(i int) bool {
						v, err := parser.ParseBytes(s(i))
						if err != nil || v.Type() != fastjson.TypeObject {
							return false
						}
						v.GetObject().Visit(func(key []byte, _ *fastjson.Value) { out.add(key) })
						return true
					}
				}
			}), str)),
		fromJSON(),
		withAliases(parseJSON("PARSE_JSON", "A text that is none is an error of the row (BAD_CAST).", false), "JSON"),
		parseJSON("TRY_PARSE_JSON", "NULL for a text that is none.", true),
	}
}

// parseJSON stands for a cast to JSON.
func parseJSON(name, otherwise string, safe bool) *catalog.Function {
	return &catalog.Function{
		Name: name, Category: jsonData, Signatures: []string{name + "(s STRING) -> JSON"}, Doc: "A text that is JSON as a value of type JSON. " + otherwise + " NULL if s is NULL.",
		Examples: shows("JSON_ARRAY("+name+"('{\"a\":1}'))", `[{"a":1}]`),
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if len(args) != 1 || !catalog.CanCast(args[0].Type, str, true) {
				return nil, noOverload(name, args)
			}
			o := macro([]catalog.Type{str}, catalog.JSON, func(args []catalog.Expr) catalog.Expr {
				return &catalog.Cast{Of: args[0], T: catalog.JSON, Safe: safe}
			})
			o.CanFail = !safe
			return o, nil
		},
	}
}

// fromJSON is FROM_JSON: the planner reads the type in the constant second
// argument and passes a NULL of it as the third.
func fromJSON() *catalog.Function {
	const name = "FROM_JSON"
	return &catalog.Function{
		Name: name, Category: jsonData, Signatures: []string{"FROM_JSON(json STRING, 'type') -> type"},
		Doc:      "A JSON text as a value of a type: ROW<a INT, b STRING> (or its members alone, 'a INT, b STRING'), ARRAY<...>, MAP<STRING, ...> or a simple one. Members are found by name. NULL if the text is no JSON, is of another form, or is NULL; so is a member or element that is missing or does not convert.",
		Examples: shows(`FROM_JSON('{"a":1,"b":["x"]}', 'ROW<a INT, b ARRAY<STRING>>').b[1]`, "x", `FROM_JSON('{"a":"7","c":0}', 'a INT, b STRING').a`, "7", `FROM_JSON('[1,2', 'ARRAY<INT>')`, "NULL"),
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if len(args) != 3 || !args[0].Type.IsText() && args[0].Type.Kind != catalog.KindNull {
				return nil, noOverload(name, args)
			}
			t := args[2].Type
			if !readable(t) {
				return nil, fmt.Errorf("FROM_JSON can't make %s", t)
			}
			return &catalog.Overload{Params: []catalog.Type{str, args[1].Type, t}, Result: t, Kernel: kernel.Func(
				func(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
					return readJSON(c, args[0], t, n, sel)
				})}, nil
		},
	}
}

// readable says whether values of a type can be read from JSON.
func readable(t catalog.Type) bool {
	switch t.Kind {
	case catalog.KindArray:
		return readable(*t.Elem)
	case catalog.KindMap:
		return t.Key.IsText() && readable(*t.Elem)
	case catalog.KindRow:
		return !slices.ContainsFunc(t.Fields, func(f catalog.Field) bool { return !readable(f.Type) })
	}
	return t.Kind == catalog.KindBytes || catalog.CanCast(str, t, false) && !t.IsInterval()
}

func readJSON(c *catalog.EvalContext, col arrow.Array, t catalog.Type, n int, sel []int32) (arrow.Array, error) {
	// The simple values within the documents are gathered as texts, a list for
	// each place of the type, converted at once, and put together again.
	valid := kernel.NewNullable(c.Alloc, n, col)
	tree := newJSONColumn(t)
	texts := kernel.TextsOf(col)
	var parser jsonParser
	next := 0
	kernel.ForEach(n, sel, &valid, func(i int) {
		for ; next < i; next++ {
			tree.add(nil)
		}
		next++
		v, err := parser.ParseBytes(texts.At(i))
		if err != nil {
			v = nil
		}
		tree.add(v)
	})
	if b := valid.Buffer(); b != nil {
		b.Release()
	}
	for ; next < n; next++ {
		tree.add(nil)
	}
	return tree.column(c)
}
