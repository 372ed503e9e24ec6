package parser

import (
	"strconv"
	"strings"

	tidb "github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // the literals of its tree; it does not start without
)

// shapeParser is TiDB's parser, set to standard SQL. It is not safe for use by
// several goroutines; each parser has its own.
type shapeParser = tidb.Parser

func newShapeParser() *shapeParser {
	sp := tidb.New()
	sp.SetSQLMode(mysql.ModeANSIQuotes | mysql.ModePipesAsConcat | mysql.ModeNoBackslashEscapes | mysql.ModeIgnoreSpace)
	return sp
}

// shape hands the canonical tokens from n on to TiDB's parser and makes our tree
// of the one it gives.
func (p *parser) shape(n int) Expr {
	if p.shapes == nil {
		p.shapes = newShapeParser()
	}
	c := &p.canon
	sql := "SELECT " + string(c.text[c.toks[n].at:])
	stmts, _, err := p.shapes.ParseSQL(sql)
	if err != nil {
		p.shapeError(n, sql, err)
		return &NullLit{}
	}
	field := soleField(stmts)
	if field == nil {
		p.fail(c.span(n, len(c.toks)-1), "the expression has no shape", "put parentheses around its parts")
		return &NullLit{}
	}
	b := treeBuilder{p: p, toks: c.toks}
	e, first, last := b.build(field)
	if p.err == nil && (first != n || last != len(c.toks)-1) {
		b.lost(first, last)
	}
	return e
}

// soleField returns the expression of SELECT expr, nil if the tree is anything
// else.
func soleField(stmts []ast.StmtNode) ast.ExprNode {
	if len(stmts) != 1 {
		return nil
	}
	sel, ok := stmts[0].(*ast.SelectStmt)
	if !ok || sel.From != nil || sel.Fields == nil || len(sel.Fields.Fields) != 1 || sel.Fields.Fields[0].AsName.O != "" {
		return nil
	}
	return sel.Fields.Fields[0].Expr
}

// shapeError turns an error of TiDB's parser, which ends in near "rest of the text",
// into one about the source. The order of operands and operators has been checked,
// so what is left are operators that don't go together.
func (p *parser) shapeError(n int, sql string, err error) {
	c := &p.canon
	at := len(c.toks) - 1
	if _, rest, ok := strings.Cut(err.Error(), ` near "`); ok {
		if i := strings.LastIndex(sql, strings.TrimSuffix(strings.TrimRight(rest, " "), `"`)); i >= 0 {
			i += c.toks[n].at - len("SELECT ")
			for at > n && c.toks[at].at > i {
				at--
			}
		}
	}
	p.fail(c.toks[at].span, "unexpected "+shorten(p.src.Slice(c.toks[at].span))+" here",
		"put parentheses around the operand: operators such as IN, LIKE and BETWEEN do not follow each other")
}

// treeBuilder makes our tree of TiDB's. Nodes of TiDB's have no ends, so each step
// returns, beside the expression, the first and last canonical token it is made
// of; an operator is then the token right after its left operand, whatever it was
// written as.
type treeBuilder struct {
	p     *parser
	toks  []canonToken
	depth int
}

// lost fails if a tree does not cover its tokens as it should. It would mean that
// TiDB's grammar reads the canonical text in a way that is not known here.
func (b *treeBuilder) lost(first, last int) (Expr, int, int) {
	b.p.fail(b.span(first, last), "the shape of this expression is not clear", "put parentheses around its parts")
	return &NullLit{}, 0, 0
}

// op returns the operator in token i if it is of the kind.
func (b *treeBuilder) op(i int, kind opKind) (operator, bool) {
	if i < 0 || i >= len(b.toks) || b.toks[i].op.kind != kind {
		return operator{}, false
	}
	return b.toks[i].op, true
}

// placeholder returns the token that a name such as #7 stands for.
func (b *treeBuilder) placeholder(name string) (int, bool) {
	i, err := strconv.Atoi(strings.TrimPrefix(name, "#"))
	return i, err == nil && i >= 0 && i < len(b.toks) && b.toks[i].leaf != nil
}

// span returns what the tokens from first to last stand for. After an error the
// two may be anything.
func (b *treeBuilder) span(first, last int) Span {
	first = max(0, min(first, len(b.toks)-1))
	last = max(0, min(last, len(b.toks)-1))
	return b.toks[first].span.To(b.toks[last].span)
}

func (b *treeBuilder) build(node ast.ExprNode) (e Expr, first, last int) {
	if b.depth++; b.depth > maxNesting {
		return b.tooDeep()
	}
	defer func() { b.depth-- }()
	if b.p.err != nil {
		return &NullLit{}, 0, 0
	}
	switch n := node.(type) {
	case *ast.ColumnNameExpr:
		return b.leaf(n)
	case *ast.ParenthesesExpr:
		e, first, last = b.build(n.Expr)
		return e, first - 1, last + 1
	case *ast.BinaryOperationExpr:
		return b.binary(n)
	case *ast.UnaryOperationExpr:
		x, first, last := b.build(n.V)
		op, ok := b.op(first-1, opUnary)
		if !ok {
			return b.lost(first-1, last)
		}
		return &Unary{Span: b.span(first-1, last), Op: op.unary, X: x}, first - 1, last
	case *ast.IsNullExpr:
		x, first, last := b.build(n.Expr)
		op, ok := b.op(last+1, opIs)
		if !ok {
			return b.lost(first, last+1)
		}
		return &Is{Span: b.span(first, last+1), X: x, Not: op.not, Test: op.test}, first, last + 1
	case *ast.PatternLikeOrIlikeExpr:
		x, first, mid := b.build(n.Expr)
		pattern, start, last := b.build(n.Pattern)
		op, ok := b.op(mid+1, opLike)
		if !ok || start != mid+2 {
			return b.lost(first, last)
		}
		return &Like{Span: b.span(first, last), Op: op.like, Not: op.not, X: x, Pattern: pattern, Escape: op.escape}, first, last
	case *ast.BetweenExpr:
		x, first, mid := b.build(n.Expr)
		low, start, end := b.build(n.Left)
		high, next, last := b.build(n.Right)
		op, ok := b.op(mid+1, opBetween)
		if !ok || start != mid+2 || next != end+2 {
			return b.lost(first, last)
		}
		return &Between{Span: b.span(first, last), Not: op.not, Symmetric: op.symmetric, X: x, Low: low, High: high}, first, last
	case *ast.PatternInExpr:
		return b.in(n)
	case *ast.RowExpr:
		elems, first, last := b.list(n.Values)
		return &RowExpr{Span: b.span(first-1, last+1), Elems: elems}, first - 1, last + 1
	case *ast.FuncCallExpr:
		return b.call(n)
	case *ast.CaseExpr:
		return b.caseExpr(n)
	}
	return b.lost(0, len(b.toks)-1)
}

func (b *treeBuilder) tooDeep() (Expr, int, int) {
	b.p.tooDeep(b.span(0, len(b.toks)-1))
	return &NullLit{}, 0, 0
}

func (b *treeBuilder) leaf(n *ast.ColumnNameExpr) (Expr, int, int) {
	i, ok := b.placeholder(n.Name.Name.O)
	if !ok {
		return b.lost(0, len(b.toks)-1)
	}
	if q, ok := b.toks[i].leaf.(*Quantified); ok && q.X == nil {
		b.p.fail(b.toks[i].span, "ANY, SOME and ALL stand alone on the right of a comparison", "")
	}
	return b.toks[i].leaf, i, i
}

// binary builds a left-deep chain without recursion on its left side: chains of
// AND and OR may be long.
func (b *treeBuilder) binary(n *ast.BinaryOperationExpr) (Expr, int, int) {
	chain := []*ast.BinaryOperationExpr{n}
	for links := 0; ; {
		left, ok := chain[len(chain)-1].L.(*ast.BinaryOperationExpr)
		if !ok {
			break
		}
		chain = append(chain, left)
		b.p.chain(&links, b.span(0, len(b.toks)-1))
	}
	e, first, last := b.build(chain[len(chain)-1].L)
	for i := len(chain) - 1; i >= 0 && b.p.err == nil; i-- {
		op, ok := b.op(last+1, opBinary)
		if !ok {
			return b.lost(first, last+1)
		}
		opSpan := b.toks[last+1].span
		if q := b.quantified(chain[i].R, last+2); q != nil {
			last += 2
			q.X, q.Op, q.Span = e, op.binary, b.span(first, last)
			e = q
			continue
		}
		right, start, end := b.build(chain[i].R)
		if start != last+2 {
			return b.lost(first, end)
		}
		last = end
		e = &Binary{Span: b.span(first, last), Op: op.binary, OpSpan: opSpan, Left: e, Right: right}
	}
	return e, first, last
}

// quantified returns the ANY (query) or ALL (query) that is the right operand of a
// comparison, nil if the operand is anything else.
func (b *treeBuilder) quantified(right ast.ExprNode, at int) *Quantified {
	if _, ok := right.(*ast.ColumnNameExpr); !ok || at >= len(b.toks) {
		return nil
	}
	q, _ := b.toks[at].leaf.(*Quantified)
	if q != nil && q.X != nil {
		return nil
	}
	return q
}

func (b *treeBuilder) in(n *ast.PatternInExpr) (Expr, int, int) {
	x, first, mid := b.build(n.Expr)
	list, start, last := b.list(n.List)
	op, ok := b.op(mid+1, opIn)
	if last++; !ok || start != mid+3 || last >= len(b.toks) {
		return b.lost(first, last)
	}
	in := &In{Span: b.span(first, last), Not: op.not, X: x, List: list}
	if q, ok := list[0].(*Subquery); ok && len(list) == 1 {
		in.List, in.Query = nil, q.Query
	}
	return in, first, last
}

// list builds expressions with a comma between them.
func (b *treeBuilder) list(nodes []ast.ExprNode) (list []Expr, first, last int) {
	for i, node := range nodes {
		e, start, end := b.build(node)
		if i == 0 {
			first = start
		} else if start != last+2 {
			b.lost(first, end)
		}
		last = end
		list = append(list, e)
	}
	return list, first, last
}

func (b *treeBuilder) call(n *ast.FuncCallExpr) (Expr, int, int) {
	first, ok := b.placeholder(n.FnName.O)
	if !ok {
		return b.lost(0, len(b.toks)-1)
	}
	call, ok := b.toks[first].leaf.(*Call)
	args, start, last := b.list(n.Args)
	if len(args) == 0 {
		start, last = first+2, first+1
	}
	if last++; !ok || start != first+2 || last >= len(b.toks) {
		return b.lost(first, last)
	}
	call.Args = args
	call.Span = b.span(first, last)
	return call, first, last
}

// caseExpr builds CASE. The tokens before its first part are CASE and, without an
// operand, WHEN; the one after its last part is END.
func (b *treeBuilder) caseExpr(n *ast.CaseExpr) (Expr, int, int) {
	c := &Case{}
	first, last := -1, -1
	part := func(node ast.ExprNode, words int) Expr {
		e, start, end := b.build(node)
		if first < 0 {
			first = start - words
		} else if start != last+1+words {
			b.lost(first, end)
		}
		last = end
		return e
	}
	words := 2
	if n.Value != nil {
		c.Operand = part(n.Value, 1)
		words = 1
	}
	for _, w := range n.WhenClauses {
		when := &When{Cond: part(w.Expr, words)}
		words = 1
		if b.p.err != nil {
			return c, 0, 0
		}
		when.Result = part(w.Result, 1)
		when.Span = when.Cond.Range().To(when.Result.Range())
		c.Whens = append(c.Whens, when)
	}
	if n.ElseClause != nil {
		c.Else = part(n.ElseClause, 1)
	}
	last++
	if b.p.err != nil || first < 0 || last >= len(b.toks) {
		return b.lost(first, last)
	}
	c.Span = b.span(first, last)
	return c, first, last
}
