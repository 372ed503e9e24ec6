package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/cast"
)

// Format gives an expression as SQL, for messages and EXPLAIN.
func Format(e catalog.Expr) string {
	var b strings.Builder
	format(&b, e)
	return b.String()
}

func format(b *strings.Builder, e catalog.Expr) {
	switch e := e.(type) {
	case *catalog.ColumnRef:
		if e.Name == "" {
			fmt.Fprintf(b, "$%d", e.Index)
		} else {
			b.WriteString(catalog.QuoteName(e.Name))
		}
	case *catalog.Literal:
		formatLiteral(b, e)
	case *catalog.Call:
		formatCall(b, e)
	case *catalog.Member:
		format(b, e.Of)
		b.WriteByte('.')
		if t := e.Of.Type(); e.Index >= 0 && e.Index < len(t.Fields) {
			b.WriteString(catalog.QuoteName(t.Fields[e.Index].Name))
		} else {
			b.WriteString(strconv.Itoa(e.Index))
		}
	case *catalog.Cast:
		if e.Safe {
			b.WriteString("TRY_")
		}
		b.WriteString("CAST(")
		format(b, e.Of)
		b.WriteString(" AS " + e.T.String() + ")")
	case *catalog.And:
		formatList(b, "(", e.Args, " AND ", ")")
	case *catalog.Or:
		formatList(b, "(", e.Args, " OR ", ")")
	case *catalog.Case:
		b.WriteString("CASE")
		for _, w := range e.Whens {
			b.WriteString(" WHEN ")
			format(b, w.Cond)
			b.WriteString(" THEN ")
			format(b, w.Then)
		}
		if e.Else != nil {
			b.WriteString(" ELSE ")
			format(b, e.Else)
		}
		b.WriteString(" END")
	case *catalog.Coalesce:
		formatList(b, "COALESCE(", e.Args, ", ", ")")
	default:
		fmt.Fprintf(b, "%T", e)
	}
}

func formatList(b *strings.Builder, open string, list []catalog.Expr, sep, end string) {
	b.WriteString(open)
	for i, e := range list {
		if i > 0 {
			b.WriteString(sep)
		}
		format(b, e)
	}
	b.WriteString(end)
}

func formatCall(b *strings.Builder, e *catalog.Call) {
	name := e.Fn.Name
	word := name[0] >= 'A' && name[0] <= 'Z'
	switch {
	case len(e.Args) == 2 && (!word || infix[name]):
		formatList(b, "(", e.Args, " "+name+" ", ")")
	case (name == "IN" || name == "NOT IN") && len(e.Args) > 1:
		format(b, e.Args[0])
		formatList(b, " "+name+" (", e.Args[1:], ", ", ")")
	case strings.HasPrefix(name, "IS ") && len(e.Args) == 1:
		format(b, e.Args[0])
		b.WriteString(" " + name)
	case name == "NOT":
		formatList(b, "(NOT ", e.Args, "", ")")
	case name == "UNARY -":
		formatList(b, "(-", e.Args, "", ")")
	case name == "ITEM" && len(e.Args) == 2:
		format(b, e.Args[0])
		formatList(b, "[", e.Args[1:], "", "]")
	case name == "ARRAY" || name == "MAP":
		formatList(b, name+"[", e.Args, ", ", "]")
	default:
		formatList(b, name+"(", e.Args, ", ", ")")
	}
}

var infix = map[string]bool{
	"DIV": true, "LIKE": true, "NOT LIKE": true, "ILIKE": true, "NOT ILIKE": true, "SIMILAR TO": true, "NOT SIMILAR TO": true, "RLIKE": true, "NOT RLIKE": true,
	"AT TIME ZONE": true, "IS DISTINCT FROM": true, "IS NOT DISTINCT FROM": true,
}

func formatLiteral(b *strings.Builder, l *catalog.Literal) {
	if l.Value == nil {
		b.WriteString("NULL")
		return
	}
	one, err := column.Repeat(l, 1, memory.DefaultAllocator)
	if err != nil {
		fmt.Fprint(b, l.Value)
		return
	}
	defer one.Release()
	text := string(cast.Texter(one, l.T, &catalog.EvalContext{Zone: time.UTC})(nil, 0))
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	switch {
	case l.T.Kind == catalog.KindBoolean:
		b.WriteString(strings.ToUpper(text))
	case l.T.IsInteger() || l.T.Kind == catalog.KindDecimal:
		b.WriteString(text)
	case l.T.IsFloating():
		b.WriteString(strconv.FormatFloat(l.Value.(float64), 'e', -1, 64))
	case l.T.Kind == catalog.KindBytes:
		fmt.Fprintf(b, "X'%X'", l.Value)
	case l.T.Kind == catalog.KindDate:
		b.WriteString("DATE " + quoted)
	case l.T.Kind == catalog.KindTime:
		b.WriteString("TIME " + quoted)
	case l.T.Kind == catalog.KindTimestamp:
		b.WriteString("TIMESTAMP " + quoted)
	case l.T.Kind == catalog.KindTimestampLTZ:
		b.WriteString("TIMESTAMP_LTZ " + quoted)
	case l.T.IsInterval():
		b.WriteString("INTERVAL " + quoted)
	default:
		b.WriteString(quoted)
	}
}
