package planner

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// children gives the operands of an expression, in order of evaluation.
func children(e catalog.Expr) []catalog.Expr {
	switch e := e.(type) {
	case *catalog.Call:
		return e.Args
	case *catalog.Member:
		return []catalog.Expr{e.Of}
	case *catalog.Cast:
		return []catalog.Expr{e.Of}
	case *catalog.And:
		return e.Args
	case *catalog.Or:
		return e.Args
	case *catalog.Coalesce:
		return e.Args
	case *catalog.Case:
		var out []catalog.Expr
		for _, w := range e.Whens {
			out = append(out, w.Cond, w.Then)
		}
		if e.Else != nil {
			out = append(out, e.Else)
		}
		return out
	}
	return nil
}

// withChildren gives the expression over other operands.
func withChildren(e catalog.Expr, args []catalog.Expr) catalog.Expr {
	switch e := e.(type) {
	case *catalog.Call:
		c := *e
		c.Args = args
		return &c
	case *catalog.Member:
		c := *e
		c.Of = args[0]
		return &c
	case *catalog.Cast:
		c := *e
		c.Of = args[0]
		return &c
	case *catalog.And:
		return &catalog.And{Args: args}
	case *catalog.Or:
		return &catalog.Or{Args: args}
	case *catalog.Coalesce:
		return &catalog.Coalesce{Args: args, T: e.T}
	case *catalog.Case:
		c := &catalog.Case{T: e.T}
		for i := range e.Whens {
			c.Whens = append(c.Whens, catalog.When{Cond: args[2*i], Then: args[2*i+1]})
		}
		if e.Else != nil {
			c.Else = args[len(args)-1]
		}
		return c
	}
	return e
}

// replace rewrites an expression from the top: where f gives an expression, it
// stands for the node; where f gives nil, the operands are rewritten.
func replace(e catalog.Expr, f func(catalog.Expr) catalog.Expr) catalog.Expr {
	if out := f(e); out != nil {
		return out
	}
	old := children(e)
	var args []catalog.Expr
	for i, c := range old {
		if out := replace(c, f); out != c || args != nil {
			if args == nil {
				args = append(make([]catalog.Expr, 0, len(old)), old[:i]...)
			}
			args = append(args, out)
		}
	}
	if args == nil {
		return e
	}
	return withChildren(e, args)
}

// walkExpr calls f on the nodes of an expression from the top, as long as f
// says to go down.
func walkExpr(e catalog.Expr, f func(catalog.Expr) bool) {
	if !f(e) {
		return
	}
	for _, c := range children(e) {
		walkExpr(c, f)
	}
}

// anyExpr says whether f holds of a node of the expression.
func anyExpr(e catalog.Expr, f func(catalog.Expr) bool) bool {
	found := false
	walkExpr(e, func(e catalog.Expr) bool {
		found = found || f(e)
		return !found
	})
	return found
}

// inline replaces references to the columns of a projection by its expressions.
func inline(e catalog.Expr, exprs []catalog.Expr) catalog.Expr {
	return replace(e, func(e catalog.Expr) catalog.Expr {
		if c, ok := e.(*catalog.ColumnRef); ok {
			return exprs[c.Index]
		}
		return nil
	})
}

// shift moves references by an index map.
func shift(e catalog.Expr, index func(int) int) catalog.Expr {
	return replace(e, func(e catalog.Expr) catalog.Expr {
		if c, ok := e.(*catalog.ColumnRef); ok {
			n := *c
			n.Index = index(c.Index)
			return &n
		}
		return nil
	})
}

// columnsOf gives the input columns that an expression reads, in order of first
// use.
func columnsOf(exprs ...catalog.Expr) []int {
	var out []int
	seen := map[int]bool{}
	for _, e := range exprs {
		walkExpr(e, func(e catalog.Expr) bool {
			if c, ok := e.(*catalog.ColumnRef); ok && !seen[c.Index] {
				seen[c.Index] = true
				out = append(out, c.Index)
			}
			return true
		})
	}
	return out
}

// canFail says whether evaluating an expression can put a row in error.
func canFail(e catalog.Expr) bool {
	return anyExpr(e, func(e catalog.Expr) bool {
		switch e := e.(type) {
		case *catalog.Call:
			return e.Overload.CanFail
		case *catalog.Cast:
			return !e.Safe && !castIsTotal(e.Of.Type(), e.T)
		}
		return false
	})
}

// castIsTotal says whether every value of one type has a counterpart in the
// other.
func castIsTotal(from, to catalog.Type) bool {
	switch {
	case from.Kind == catalog.KindNull || from.Equal(to):
		return true
	case to.Kind == catalog.KindString && !from.IsNested() && from.Kind != catalog.KindBytes:
		return true
	case from.IsInteger() && to.IsInteger():
		return to.Kind >= from.Kind
	case from.IsNumeric() && to.IsFloating():
		return to.Kind == catalog.KindDouble || from.Kind != catalog.KindDouble && from.Kind != catalog.KindDecimal
	case (from.IsInteger() || from.Kind == catalog.KindDecimal) && to.Kind == catalog.KindDecimal:
		d := from.AsDecimal()
		return to.Precision-to.Scale >= d.Precision-d.Scale && to.Scale >= d.Scale
	case from.IsTimestamp() && to.IsTimestamp(), from.Kind == catalog.KindDate && to.IsTimestamp():
		return true
	case from.IsTimestamp() && (to.Kind == catalog.KindDate || to.Kind == catalog.KindTime):
		return true
	case from.Kind == to.Kind && from.IsInterval():
		return true
	}
	return false
}

// volatility gives the worst volatility of the functions in an expression.
func volatility(e catalog.Expr) catalog.Volatility {
	worst := catalog.Immutable
	walkExpr(e, func(e catalog.Expr) bool {
		if c, ok := e.(*catalog.Call); ok {
			worst = max(worst, c.Fn.Volatility)
		}
		return true
	})
	return worst
}

// isTrivial says whether computing an expression twice costs nothing: a column,
// a member of one, a constant.
func isTrivial(e catalog.Expr) bool {
	switch e := e.(type) {
	case *catalog.ColumnRef, *catalog.Literal:
		return true
	case *catalog.Member:
		return isTrivial(e.Of)
	}
	return false
}

// exprText prints an expression for people and, since it shows all that makes
// it, for comparing two expressions over the same input. Columns are printed by
// col.
func exprText(e catalog.Expr, col func(*catalog.ColumnRef) string) string {
	var b strings.Builder
	writeExpr(&b, e, col)
	return b.String()
}

// exprKey is a text that two expressions over one input share iff they are the
// same.
func exprKey(e catalog.Expr) string {
	return exprText(e, func(c *catalog.ColumnRef) string { return "$" + strconv.Itoa(c.Index) })
}

// showExpr prints an expression with the names of its columns, for people: whole
// numbers without their type.
func showExpr(e catalog.Expr, cols []Column) string {
	return showWith(e, func(c int) string {
		if c < len(cols) {
			return catalog.QuoteName(cols[c].Name)
		}
		return ""
	})
}

// showWith is showExpr with names as they are to be printed.
func showWith(e catalog.Expr, name func(c int) string) string {
	e = replace(e, func(e catalog.Expr) catalog.Expr {
		if l, ok := e.(*catalog.Literal); ok && l.T.IsInteger() && l.Value != nil {
			return &catalog.Literal{Value: l.Value, T: catalog.Int}
		}
		return nil
	})
	return exprText(e, func(c *catalog.ColumnRef) string {
		if c.Index >= 0 {
			if text := name(c.Index); text != "" {
				return text
			}
		}
		return catalog.QuoteName(c.Name)
	})
}

func writeExpr(b *strings.Builder, e catalog.Expr, col func(*catalog.ColumnRef) string) {
	list := func(sep string, args []catalog.Expr) {
		for i, a := range args {
			if i > 0 {
				b.WriteString(sep)
			}
			writeExpr(b, a, col)
		}
	}
	switch e := e.(type) {
	case *catalog.ColumnRef:
		b.WriteString(col(e))
	case *catalog.Outer:
		fmt.Fprintf(b, "outer %d.%d", e.Of, e.Index)
	case *catalog.Literal:
		b.WriteString(literalText(e))
	case *catalog.Call:
		writeCall(b, e, col)
	case *catalog.Member:
		writeExpr(b, e.Of, col)
		b.WriteByte('.')
		if fields := e.Of.Type().Fields; e.Index < len(fields) {
			b.WriteString(catalog.QuoteName(fields[e.Index].Name))
		} else {
			b.WriteString(strconv.Itoa(e.Index))
		}
	case *catalog.Cast:
		if e.Safe {
			b.WriteString("TRY_")
		}
		b.WriteString("CAST(")
		writeExpr(b, e.Of, col)
		b.WriteString(" AS " + e.T.String() + ")")
	case *catalog.And:
		b.WriteByte('(')
		list(" AND ", e.Args)
		b.WriteByte(')')
	case *catalog.Or:
		b.WriteByte('(')
		list(" OR ", e.Args)
		b.WriteByte(')')
	case *catalog.Coalesce:
		b.WriteString("COALESCE(")
		list(", ", e.Args)
		b.WriteByte(')')
	case *catalog.Case:
		b.WriteString("CASE")
		for _, w := range e.Whens {
			b.WriteString(" WHEN ")
			writeExpr(b, w.Cond, col)
			b.WriteString(" THEN ")
			writeExpr(b, w.Then, col)
		}
		if e.Else != nil {
			b.WriteString(" ELSE ")
			writeExpr(b, e.Else, col)
		}
		b.WriteString(" END")
	default:
		fmt.Fprintf(b, "%T", e)
	}
}

// writeCall prints a call as SQL writes it: operators between or before their
// operands.
func writeCall(b *strings.Builder, e *catalog.Call, col func(*catalog.ColumnRef) string) {
	list := func(args []catalog.Expr) {
		for i, a := range args {
			if i > 0 {
				b.WriteString(", ")
			}
			writeExpr(b, a, col)
		}
	}
	name := e.Fn.Name
	switch {
	case isOperator(name) && len(e.Args) == 2:
		b.WriteByte('(')
		writeExpr(b, e.Args[0], col)
		b.WriteString(" " + name + " ")
		writeExpr(b, e.Args[1], col)
		b.WriteByte(')')
	case strings.HasPrefix(name, "IS ") && len(e.Args) == 1:
		b.WriteByte('(')
		writeExpr(b, e.Args[0], col)
		b.WriteString(" " + name + ")")
	case (name == fnIn || name == "NOT "+fnIn) && len(e.Args) > 1:
		b.WriteByte('(')
		writeExpr(b, e.Args[0], col)
		b.WriteString(" " + name + " (")
		list(e.Args[1:])
		b.WriteString("))")
	case name == fnNegate && len(e.Args) == 1:
		b.WriteString("(- ")
		writeExpr(b, e.Args[0], col)
		b.WriteByte(')')
	default:
		b.WriteString(name + "(")
		list(e.Args)
		b.WriteByte(')')
	}
}

// isOperator says whether a function is written between its operands.
func isOperator(name string) bool {
	switch name {
	case "+", "-", "*", "/", "%", "||", "=", "<>", "<", "<=", ">", ">=", "DIV", "LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE", "SIMILAR TO", "NOT SIMILAR TO",
		"RLIKE", "NOT RLIKE", "IS DISTINCT FROM", "IS NOT DISTINCT FROM", fnAtTimeZone:
		return true
	}
	return false
}
