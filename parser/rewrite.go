package parser

import "strconv"

// The canonical text of an expression is what TiDB's parser gets to see: one
// quoted identifier for each primary, "#7" standing for the primary in token 7,
// and between them the operators, brackets and words that give the expression its
// shape. No character of it comes from the source.
//
// Each operator is written as the one of TiDB's that has the precedence wanted, of
// several the first; what it really is stands in the token. So operators that
// TiDB's grammar lacks cost nothing, and none takes a meaning from it:
//
//	OR  AND  NOT           as they are
//	= <> < <= > >=         =
//	IS [NOT] DISTINCT FROM, OVERLAPS   =
//	IS [NOT] NULL, TRUE, JSON, ...     IS NULL
//	[NOT] LIKE, ILIKE, SIMILAR TO, ... LIKE
//	[NOT] BETWEEN, [NOT] IN            BETWEEN, IN
//	+ -                    +
//	* / % DIV ||           *    (|| as in Flink: left-associative with * and /)
//
// All expressions that are being read share one text and one stack of tokens: an
// expression within another starts where the outer one stands and takes its part
// off again when it is done.
type canonical struct {
	text []byte
	toks []canonToken
}

// canonToken is a token of the canonical text.
type canonToken struct {
	at   int      // where it starts in the text
	span Span     // what it stands for in the source
	leaf Expr     // a primary; of a call's name, the *Call without its arguments
	op   operator // an operator
}

// operator says what an operator's token is; which members count depends on kind.
type operator struct {
	kind      opKind
	unary     UnaryOp
	binary    BinaryOp
	not       bool
	test      IsTest
	like      LikeOp
	escape    *StringLit
	symmetric bool
}

type opKind int

const (
	opNone opKind = iota // brackets, commas and the words of CASE
	opUnary
	opBinary
	opIs
	opLike
	opBetween
	opIn
)

func (c *canonical) push(text string, t canonToken) {
	t.at = len(c.text)
	c.text = append(append(c.text, text...), ' ')
	c.toks = append(c.toks, t)
}

// mark writes a bracket, comma or word of CASE.
func (c *canonical) mark(text string, span Span) {
	c.push(text, canonToken{span: span})
}

func (c *canonical) operator(text string, span Span, op operator) {
	c.push(text, canonToken{span: span, op: op})
}

// leaf writes a primary. span is all of it, brackets around it included.
func (c *canonical) leaf(e Expr, span Span) {
	c.push(`"#`+strconv.Itoa(len(c.toks))+`"`, canonToken{span: span, leaf: e})
}

// cut takes everything from token n on off the stack.
func (c *canonical) cut(n int) {
	if n < len(c.toks) {
		c.text = c.text[:c.toks[n].at]
		clear(c.toks[n:])
		c.toks = c.toks[:n]
	}
}

// span returns what the tokens from first to last stand for.
func (c *canonical) span(first, last int) Span {
	return c.toks[first].span.To(c.toks[last].span)
}

// fold makes a tree of the tokens from n on and takes them off the stack. The span
// is that of the tokens: it includes parentheses around the expression, which the
// tree's own span does not.
func (p *parser) fold(n int) (Expr, Span) {
	c := &p.canon
	if p.err != nil || n >= len(c.toks) {
		c.cut(n)
		return &NullLit{}, Span{}
	}
	span := c.span(n, len(c.toks)-1)
	var e Expr
	if last := &c.toks[n]; n == len(c.toks)-1 && last.leaf != nil {
		e = last.leaf
	} else {
		e = p.shape(n)
	}
	c.cut(n)
	return e, span
}
