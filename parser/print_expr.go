package parser

import (
	"encoding/hex"
	"strings"
)

// Precedences, from what binds loosest. They are those of the canonical text.
const (
	precLowest  = iota
	precOr      // OR
	precAnd     // AND
	precNot     // NOT
	precCompare // = < IS NULL, left-associative with one another
	precLike    // LIKE, IN, BETWEEN
	precAdd     // + -
	precMul     // * / % DIV ||
	precSign    // -x
	precZone    // x AT TIME ZONE z
	precSuffix  // x[i], x.f
	precPrimary
)

func prec(e Expr) int {
	switch e := e.(type) {
	case *Binary:
		return binaryPrec(e.Op)
	case *Unary:
		if e.Op == Not {
			return precNot
		}
		return precSign
	case *Is, *Quantified:
		return precCompare
	case *Like, *Between, *In:
		return precLike
	case *MatchSemantics:
		return precSign
	case *AtTimeZone:
		return precZone
	case *Index, *FieldAccess:
		return precSuffix
	}
	return precPrimary
}

func binaryPrec(op BinaryOp) int {
	switch {
	case op == Or:
		return precOr
	case op == And:
		return precAnd
	case op < Add:
		return precCompare
	case op <= Sub:
		return precAdd
	}
	return precMul
}

func (p *printer) exprs(list []Expr) {
	p.list(len(list), func(i int) { p.expr(list[i], precLowest) })
}

// expr writes an expression, in parentheses if it binds looser than least.
func (p *printer) expr(e Expr, least int) {
	if paren := prec(e) < least; paren {
		p.put("(")
		defer p.put(")")
	}
	switch e := e.(type) {
	case *NumberLit:
		p.put(e.Text)
	case *StringLit:
		p.str(e)
	case *BytesLit:
		p.put("X'", strings.ToUpper(hex.EncodeToString(e.Value)), "'")
	case *BoolLit:
		p.when(e.Value, "TRUE")
		p.when(!e.Value, "FALSE")
	case *NullLit:
		p.put("NULL")
	case *DatetimeLit:
		p.put(e.Kind.String(), " ", quoteString(e.Text))
	case *IntervalLit:
		p.interval(e)
	case *ColumnRef:
		p.name(&Name{Parts: e.Parts})
	case *FieldAccess:
		if _, ok := e.X.(*ColumnRef); ok { // r.f is a name
			p.put("(")
			p.expr(e.X, precLowest)
			p.put(")")
		} else {
			p.access(e.X, precSuffix)
		}
		p.put(".")
		p.ident(e.Field)
	case *Index:
		p.access(e.X, precSuffix)
		p.put("[")
		p.expr(e.Index, precLowest)
		p.put("]")
	case *Unary:
		p.unary(e)
	case *Binary:
		own := binaryPrec(e.Op)
		p.expr(e.Left, own)
		p.put(" ", e.Op.String(), " ")
		p.expr(e.Right, own+1)
	case *Is:
		p.expr(e.X, precCompare)
		p.put(" IS ")
		p.when(e.Not, "NOT ")
		p.put(e.Test.String())
	case *Like:
		p.expr(e.X, precAdd)
		p.when(e.Not, " NOT")
		p.put(" ", e.Op.String(), " ")
		p.expr(e.Pattern, precAdd)
		if e.Escape != nil {
			p.put(" ESCAPE ")
			p.str(e.Escape)
		}
	case *Between:
		p.expr(e.X, precAdd)
		p.when(e.Not, " NOT")
		p.put(" BETWEEN ")
		p.when(e.Symmetric, "SYMMETRIC ")
		p.expr(e.Low, precAdd)
		p.put(" AND ")
		p.expr(e.High, precAdd)
	case *In:
		p.expr(e.X, precAdd)
		p.when(e.Not, " NOT")
		p.put(" IN (")
		if e.Query != nil {
			p.query(e.Query)
		} else {
			p.exprs(e.List)
		}
		p.put(")")
	case *Exists:
		p.put("EXISTS (")
		p.query(e.Query)
		p.put(")")
	case *Quantified:
		p.expr(e.X, precCompare)
		p.put(" ", e.Op.String(), " ")
		p.when(e.All, "ALL (")
		p.when(!e.All, "ANY (")
		p.query(e.Query)
		p.put(")")
	case *Subquery:
		p.put("(")
		p.query(e.Query)
		p.put(")")
	case *Case:
		p.caseExpr(e)
	case *Cast:
		p.when(e.Try, "TRY_")
		p.put("CAST(")
		p.expr(e.X, precLowest)
		p.put(" AS ")
		p.dataType(e.Type)
		p.put(")")
	case *AtTimeZone:
		p.access(e.X, precZone)
		if e.Zone == nil {
			p.put(" AT LOCAL")
			return
		}
		p.put(" AT TIME ZONE ")
		p.expr(e.Zone, precPrimary)
	default:
		p.callLike(e)
	}
}

// access writes what a suffix stands behind. Some need parentheses although nothing
// binds tighter: literals that end in a word or a digit, CURRENT_DATE, and columns
// named array or map before a subscript.
func (p *printer) access(x Expr, least int) {
	switch x := x.(type) {
	case *ColumnRef:
		if id := x.Parts[0]; len(x.Parts) == 1 && !id.Quoted && constructors[upperASCII(id.Text)] {
			least = precPrimary + 1
		}
	case *DatetimeLit, *IntervalLit, *NumberLit:
		least = precPrimary + 1
	case *Call:
		if p.isBare(x) {
			least = precPrimary + 1
		}
	}
	p.expr(x, least)
}

var constructors = words("ARRAY MAP MULTISET")

func (p *printer) interval(l *IntervalLit) {
	p.put("INTERVAL ")
	p.when(l.Negative, "-")
	p.put(quoteString(l.Text))
	p.units(l.From, l.To)
}

func (p *printer) unary(e *Unary) {
	p.put(e.Op.String())
	if e.Op == Not {
		p.put(" ")
		p.expr(e.X, precNot)
		return
	}
	if x, ok := e.X.(*Unary); ok && x.Op != Not {
		p.put(" ") // -- would be a comment
	}
	p.expr(e.X, precSign)
}

func (p *printer) caseExpr(e *Case) {
	p.put("CASE")
	p.clause(" ", e.Operand)
	for _, w := range e.Whens {
		p.clause(" WHEN ", w.Cond)
		p.clause(" THEN ", w.Result)
	}
	p.clause(" ELSE ", e.Else)
	p.put(" END")
}
