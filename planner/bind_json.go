package planner

import (
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// jsonFunc binds JSON_VALUE, JSON_QUERY and JSON_EXISTS. The function gets the
// document, the path, and, if there are clauses, these as one constant text; of
// JSON_VALUE also a NULL of the type that it returns and the two defaults.
func (x *exprBinder) jsonFunc(e *parser.JSONFunc) (catalog.Expr, error) {
	args, places, err := x.list([]parser.Expr{e.X, e.Path})
	if err != nil {
		return nil, err
	}
	var clauses []string
	t := catalog.String
	if e.Returning != nil {
		var terr *parser.Error
		if t, terr = dataType(x.src, e.Returning); terr != nil {
			return nil, terr
		}
		if e.Kind == parser.JSONQuery {
			if !t.IsText() {
				return nil, hint(x.at(e.Returning).errorf("JSON_QUERY returns a text, not %s", article(t)), "FROM_JSON(x, '%s') makes one", t)
			}
		} else {
			clauses = append(clauses, "RETURNING "+t.String())
		}
	}
	switch e.Wrapper {
	case parser.WithConditionalWrapper:
		clauses = append(clauses, "WITH CONDITIONAL WRAPPER")
	case parser.WithUnconditionalWrapper:
		clauses = append(clauses, "WITH UNCONDITIONAL WRAPPER")
	}
	defaults := [2]catalog.Expr{nullLiteral(t), nullLiteral(t)}
	for k, b := range []*parser.JSONBehavior{e.OnEmpty, e.OnError} {
		if b == nil {
			continue
		}
		clauses = append(clauses, b.Kind.String()+[]string{" ON EMPTY", " ON ERROR"}[k])
		if b.Kind != parser.JSONDefault {
			continue
		}
		value, err := x.bind(b.Default)
		if err != nil {
			return nil, err
		}
		if value, err = x.coerce(value, t, x.at(b.Default)); err != nil {
			return nil, err
		}
		if _, ok := value.(*catalog.Literal); !ok {
			return nil, x.at(b.Default).errorf("the value behind DEFAULT must be a constant")
		}
		defaults[k] = value
	}
	if len(clauses) > 0 {
		args, places = append(args, stringLiteral(strings.Join(clauses, " "))), append(places, x.at(e))
		if e.Kind == parser.JSONValue {
			args, places = append(args, nullLiteral(t), defaults[0], defaults[1]), append(places, x.at(e), x.at(e), x.at(e))
		}
	}
	return x.invoke(x.at(e), e.Kind.String(), args, places)
}

// jsonObject binds JSON_OBJECT: what becomes of NULLs, then keys and values in
// turn.
func (x *exprBinder) jsonObject(e *parser.JSONObject) (catalog.Expr, error) {
	var operands []parser.Expr
	for i := range e.Keys {
		operands = append(operands, e.Keys[i], e.Values[i])
	}
	return x.jsonMake(e, fnJSONObject, e.Nulls, operands)
}

func (x *exprBinder) jsonArray(e *parser.JSONArray) (catalog.Expr, error) {
	return x.jsonMake(e, fnJSONArray, e.Nulls, e.Elems)
}

func (x *exprBinder) jsonMake(e parser.Expr, name string, nulls parser.JSONNulls, operands []parser.Expr) (catalog.Expr, error) {
	args, places, err := x.list(operands)
	if err != nil {
		return nil, err
	}
	return x.invoke(x.at(e), name, append([]catalog.Expr{stringLiteral(onNull[nulls])}, args...), append([]place{x.at(e)}, places...))
}

// onNull is how functions are told what becomes of NULLs.
var onNull = map[parser.JSONNulls]string{parser.NullOnNull: "NULL ON NULL", parser.AbsentOnNull: "ABSENT ON NULL"}

// fromJSON binds FROM_JSON(x, 'type'): the type that the text names goes along
// as a NULL of it.
func (x *exprBinder) fromJSON(e *parser.Call) (catalog.Expr, error) {
	if len(e.Args) != 2 {
		return nil, x.at(e).errorf("FROM_JSON takes a JSON text and a type, not %s", count(len(e.Args), "argument"))
	}
	args, places, err := x.list(e.Args)
	if err != nil {
		return nil, err
	}
	l, ok := args[1].(*catalog.Literal)
	if !ok || !l.T.IsText() || l.Value == nil {
		return nil, hint(places[1].errorf("FROM_JSON needs a constant text that names a type"), "FROM_JSON(x, 'ROW<a INT, b STRING>')")
	}
	t, err := namedType(l.Value.(string), places[1])
	if err != nil {
		return nil, err
	}
	return x.invoke(x.at(e), fnFromJSON, append(args, nullLiteral(t)), append(places, places[1]))
}

// namedType reads the type that a text names: a type as in CAST, or the members
// of a ROW alone.
func namedType(text string, where place) (catalog.Type, error) {
	var first *parser.Error
	for _, form := range []string{text, "ROW<" + text + ">"} {
		src := parser.NewSource("type", form)
		d, err := parser.ParseType(src)
		if err != nil {
			continue
		}
		t, terr := dataType(src, d)
		if terr == nil {
			return t, nil
		}
		if first == nil {
			first = terr
		}
	}
	bad := where.errorf("'%s' is no type", text)
	if first != nil {
		bad = where.errorf("'%s' is no type: %s", text, first.Msg)
	}
	return catalog.Type{}, hint(bad, "write it as in CAST: 'ROW<a INT, b ARRAY<STRING>>', or 'a INT, b ARRAY<STRING>'")
}
