package parser

import (
	"strconv"
	"unicode/utf8"
)

const (
	// maxNesting is the number of levels that queries, parentheses, subscripts and
	// the like may be nested: enough for any text a person or a generator writes,
	// little enough that nothing that walks a tree runs out of stack.
	maxNesting = 500
	// maxChain is the number of operators that one left-deep chain may have, as in
	// a OR b OR c, a UNION ALL b, a JOIN b. A tree is as deep as its chains are long.
	maxChain = 10000
	// maxErrors is the number of errors after which a script is given up.
	maxErrors = 20
)

// Parse reads a script: statements with a semicolon between them. If there are
// errors it returns the statements that are right, and an ErrorList with at most
// one error for each of the others.
func Parse(src *Source) ([]Stmt, error) {
	p, err := newParser(src)
	if err != nil {
		return nil, ErrorList{err}
	}
	var stmts []Stmt
	for p.skipSemicolons(); p.peek().kind != tokEOF; p.skipSemicolons() {
		if stmt := p.statementAndEnd(); stmt != nil {
			stmts = append(stmts, stmt)
		}
		if p.err != nil {
			p.resync()
		}
		if len(p.errs) >= maxErrors {
			break
		}
	}
	if len(p.errs) > 0 {
		return stmts, p.errs
	}
	return stmts, nil
}

// ParseQuery reads a text that is one query, as the body of a view is; a semicolon
// may end it. The error is an ErrorList of one.
func ParseQuery(src *Source) (*Query, error) {
	return parseOne(src, func(p *parser) *Query {
		q := p.query()
		p.acceptOp(";")
		return q
	})
}

// ParseExpr reads a text that is one scalar expression. The error is an ErrorList
// of one.
func ParseExpr(src *Source) (Expr, error) {
	return parseOne(src, (*parser).expression)
}

// ParseType reads a text that is one data type. The error is an ErrorList of one.
func ParseType(src *Source) (*DataType, error) {
	return parseOne(src, (*parser).dataType)
}

func parseOne[T Node](src *Source, parse func(*parser) T) (T, error) {
	var none T
	p, err := newParser(src)
	if err != nil {
		return none, ErrorList{err}
	}
	n := parse(p)
	if p.peek().kind != tokEOF {
		p.unexpected("the end of the text", endWords...)
	}
	if p.err != nil {
		return none, ErrorList{p.err}
	}
	return n, nil
}

// parser walks over the tokens of one source. The first error of a statement
// sticks: from then on the parser sees nothing but the end of the text, so every
// loop ends and no production needs to look for errors; what they built is dropped.
type parser struct {
	src  *Source
	toks []token
	pos  int
	err  *Error    // of the statement at hand
	errs ErrorList // of the script
	eof  token     // what peek sees once err is set

	depth int // levels of nesting open now
	// bareAlias is the index of the last token that was taken as an alias without
	// AS; if the next one fits nothing, the alias may be a keyword misspelled.
	bareAlias int
	wantName  bool // what unexpected is called for is a name
	inMatch   bool // within MATCH_RECOGNIZE, where FINAL and RUNNING are prefixes
	canon     canonical
	shapes    *shapeParser
}

func newParser(src *Source) (*parser, *Error) {
	for i := 0; i < len(src.Text); {
		r, size := utf8.DecodeRuneInString(src.Text[i:])
		if r == utf8.RuneError && size == 1 {
			return nil, &Error{Source: src, Span: Span{i, i + 1}, Msg: "the text is not valid UTF-8 here", Hint: "save the script as UTF-8"}
		}
		i += size
	}
	p := &parser{src: src, toks: tokenize(src), bareAlias: -1}
	p.eof = token{kind: tokEOF, match: -1, Span: Span{len(src.Text), len(src.Text)}}
	return p, nil
}

// peek returns the token at hand.
func (p *parser) peek() *token { return p.peekAt(0) }

// peekAt returns the token n further on.
func (p *parser) peekAt(n int) *token {
	if p.err != nil || p.pos+n >= len(p.toks) {
		return &p.eof
	}
	return &p.toks[p.pos+n]
}

// next takes the token at hand.
func (p *parser) next() *token {
	t := p.peek()
	if t.kind != tokEOF {
		p.pos++
	}
	return t
}

// prevEnd is the end of the last token taken.
func (p *parser) prevEnd() int {
	if p.pos == 0 {
		return 0
	}
	return p.toks[p.pos-1].End
}

// from returns the span from an offset to the last token taken.
func (p *parser) from(start int) Span { return Span{start, max(start, p.prevEnd())} }

// isWord says whether the tokens at hand are these keywords, one after the other.
func (p *parser) isWord(words ...string) bool {
	for i, w := range words {
		if p.peekAt(i).upper != w {
			return false
		}
	}
	return true
}

// isAnyWord says whether the token at hand is one of these keywords.
func (p *parser) isAnyWord(words ...string) bool {
	t := p.peek()
	if t.kind != tokWord {
		return false
	}
	for _, w := range words {
		if t.upper == w {
			return true
		}
	}
	return false
}

// acceptBy takes a word that BY must follow.
func (p *parser) acceptBy(word string) bool {
	if !p.acceptWord(word) {
		return false
	}
	p.expectWord("BY")
	return true
}

// acceptWord takes the keywords if all of them are at hand, in this order.
func (p *parser) acceptWord(words ...string) bool {
	if !p.isWord(words...) {
		return false
	}
	p.pos += len(words)
	return true
}

// expectWord takes the keywords, in this order, or fails.
func (p *parser) expectWord(words ...string) {
	for _, w := range words {
		if !p.acceptWord(w) {
			p.unexpected(w, w)
			return
		}
	}
}

func (t *token) isOp(op string) bool { return t.kind == tokOp && t.text == op }

func (p *parser) isOp(op string) bool { return p.peek().isOp(op) }

func (p *parser) acceptOp(op string) bool {
	if !p.isOp(op) {
		return false
	}
	p.pos++
	return true
}

func (p *parser) expectOp(op string) {
	if !p.acceptOp(op) {
		p.unexpected("'" + op + "'")
	}
}

// commaList calls item for each of a comma-separated list of one or more items.
func (p *parser) commaList(item func()) {
	for {
		item()
		if !p.acceptOp(",") || p.err != nil {
			return
		}
	}
}

// parenList is a commaList in parentheses.
func (p *parser) parenList(item func()) {
	p.expectOp("(")
	p.commaList(item)
	p.expectOp(")")
}

// nest counts a level of nesting; the caller defers or calls unnest.
func (p *parser) nest() {
	if p.depth++; p.depth > maxNesting {
		p.tooDeep(p.peek().Span)
	}
}

func (p *parser) tooDeep(at Span) {
	p.fail(at, "nested too deeply", "at most "+strconv.Itoa(maxNesting)+" levels are allowed")
}

func (p *parser) unnest() { p.depth-- }

// chain counts the links of a left-deep chain and fails if there are too many.
func (p *parser) chain(n *int, at Span) {
	if *n++; *n > maxChain {
		p.fail(at, "too many operators in one chain",
			"at most "+strconv.Itoa(maxChain)+" are allowed; many comparisons with = can be one IN list")
	}
}

// fail records the first error of the statement at hand.
func (p *parser) fail(span Span, msg, hint string) {
	if p.err == nil {
		p.err = &Error{Source: p.src, Span: span, Msg: msg, Hint: hint}
	}
}

// unexpected fails at the token at hand. expected says in words what should stand
// there, "" if that is no help; keywords are those that might have been meant.
func (p *parser) unexpected(expected string, keywords ...string) {
	if p.err != nil {
		return
	}
	t := p.peek()
	if t.kind == tokIllegal {
		p.err = t.err
		return
	}
	msg := "unexpected " + t.describe()
	if t.kind == tokEOF || t.isOp(";") {
		msg = "the statement ends too early"
	}
	if t.kind == tokBadNumber {
		msg = shorten(t.text) + " is neither a number nor a name"
	}
	if expected != "" {
		msg += ", expected " + expected
	}
	at, hint := t.Span, ""
	switch {
	case t.kind == tokWord && suggest(t.text, keywords) != "":
		hint = "did you mean " + suggest(t.text, keywords) + "?"
	case p.bareAlias >= 0 && p.bareAlias == p.pos-1:
		// FROM t WHER x: the word before was taken as an alias.
		alias := &p.toks[p.bareAlias]
		if s := suggest(alias.text, endWords); s != "" {
			at, msg, hint = alias.Span, "unexpected "+alias.describe(), "did you mean "+s+"? (an alias that looks like a keyword needs AS)"
		}
	}
	if hint == "" {
		hint = p.hintFor(t, expected)
	}
	p.fail(at, msg, hint)
}

// hintFor knows what often stands behind a token in the wrong place.
func (p *parser) hintFor(t *token, expected string) string {
	switch {
	case t.kind == tokString && p.pos > 0:
		before := &p.toks[p.pos-1]
		switch {
		case before.End == t.Start && prefixes[before.upper]:
			return "strings have no prefixes and no escapes; a quote is written ''"
		case before.kind == tokString && expected == "":
			return "strings are joined with ||; a quote within a string is written ''"
		case expected == "" || before.upper == "AS":
			return `names are quoted with " or ` + "`"
		}
	case reserved[t.upper] && !clauseStarts[t.upper] && (expected == "an expression" || p.wantName):
		return t.text + " is a reserved word; as a name it needs quotes: " + quoteIdent(t.text)
	case foreignOperators[t.upper] != "":
		return foreignOperators[t.upper]
	case clauseWords[t.upper] && expected == "":
		return t.text + " is a keyword; as an alias it needs AS"
	case t.kind == tokHintOpen:
		return "hints stand after SELECT and after the name of a table"
	case t.isOp("."):
		return "a name stands on both sides of a point"
	case t.isOp(":"), t.isOp("?"):
		return "there are no parameters"
	}
	return ""
}

// prefixes of strings in other dialects.
var prefixes = words("E N U B R")

// clauseStarts are the reserved words that nobody means as a name.
var clauseStarts = words(`
	AND AS BY FOR FROM HAVING IN INTO IS JOIN LIKE LIMIT NOT NULL ON OR SELECT THEN UNION USING VALUES WHEN WHERE WITH`)

// foreignOperators are words of other dialects that stand between operands.
var foreignOperators = map[string]string{
	"MOD":     "write a % b or MOD(a, b)",
	"XOR":     "write a <> b",
	"COLLATE": "strings are compared byte by byte",
	"ISNULL":  "write IS NULL",
	"NOTNULL": "write IS NOT NULL",
}

// resync notes the error of the statement at hand and moves to the semicolon that
// ends it. Within a BEGIN STATEMENT SET the members recover by themselves.
func (p *parser) resync() {
	p.errs = append(p.errs, p.err)
	p.err = nil
	p.depth = 0
	p.inMatch = false
	p.bareAlias = -1
	p.canon.cut(0)
	for !p.isOp(";") && p.peek().kind != tokEOF {
		p.pos++
	}
}

func (p *parser) skipSemicolons() {
	for p.acceptOp(";") {
	}
}
