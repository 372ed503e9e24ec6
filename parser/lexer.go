package parser

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexer cuts a source into tokens. It never fails: what is not a token becomes
// a tokIllegal that carries the error, and the parser reports it if it gets there.
type lexer struct {
	src    *Source
	text   string
	pos    int
	inHint bool
	tokens []token
	open   []int // indexes of brackets not closed yet
	// unclosed is set if the text ends within a string, a quoted name or a
	// comment; a prompt then asks for more.
	unclosed bool
}

// tokenize returns the tokens of the source; the last one is tokEOF.
func tokenize(src *Source) []token {
	l := newLexer(src)
	l.run()
	return l.tokens
}

func newLexer(src *Source) *lexer {
	return &lexer{src: src, text: src.Text, tokens: make([]token, 0, len(src.Text)/4+8)}
}

func (l *lexer) run() {
	l.pos += len(l.text) - len(strings.TrimPrefix(l.text, "\ufeff")) // a byte order mark
	for l.skipBlank() {
		l.token()
	}
	l.emit(tokEOF, len(l.text), "")
}

// emit appends the token from start to the current position and pairs brackets.
func (l *lexer) emit(kind tokenKind, start int, text string) *token {
	t := token{Span: Span{start, l.pos}, kind: kind, text: text, match: -1}
	if kind == tokWord {
		t.upper = upperASCII(text)
	}
	at := len(l.tokens)
	if kind == tokOp {
		switch text {
		case "(", "[":
			l.open = append(l.open, at)
		case ")", "]":
			if n := len(l.open); n > 0 && (l.tokens[l.open[n-1]].text == "(") == (text == ")") {
				t.match = l.open[n-1]
				l.tokens[t.match].match = at
				l.open = l.open[:n-1]
			}
		case ";":
			l.open = l.open[:0]
		}
	}
	l.tokens = append(l.tokens, t)
	return &l.tokens[at]
}

// illegal appends a token for text that is none.
func (l *lexer) illegal(start int, msg, hint string) {
	span := Span{start, l.pos}
	l.emit(tokIllegal, start, l.text[start:l.pos]).err = &Error{Source: l.src, Span: span, Msg: msg, Hint: hint}
}

// skipBlank moves past white space and comments. It returns false at the end.
func (l *lexer) skipBlank() bool {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch {
		case strings.HasPrefix(rest, "--"):
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				l.pos += end + 1
			} else {
				l.pos = len(l.text)
			}
		case strings.HasPrefix(rest, "/*") && !strings.HasPrefix(rest, "/*+"):
			start := l.pos
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				l.pos = len(l.text)
				l.unclosed = true
				l.illegal(start, "the comment is not closed", "close it with */")
				return false
			}
			l.pos += end + 4
		default:
			r, size := utf8.DecodeRuneInString(rest)
			if !unicode.IsSpace(r) {
				return true
			}
			l.pos += size
		}
	}
	return false
}

// token reads one token; the current position is at its first character.
func (l *lexer) token() {
	start, rest := l.pos, l.text[l.pos:]
	c := rest[0]
	switch {
	case (c == 'x' || c == 'X') && strings.HasPrefix(rest[1:], "'"):
		l.bytes()
	case isWordStart(rest):
		l.word()
		l.emit(tokWord, start, l.text[start:l.pos])
	case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]) && !l.afterName():
		l.number()
	case c == '\'':
		if text, ok := l.quoted('\''); ok {
			l.emit(tokString, start, text)
		} else {
			l.illegal(start, "the string is not closed", "close it with '; a quote within a string is written ''")
		}
	case c == '"' || c == '`':
		text, ok := l.quoted(c)
		switch {
		case !ok:
			l.illegal(start, "the quoted name is not closed", "close it with "+string(rune(c)))
		case text == "":
			l.illegal(start, "a name can't be empty", "a string is written in single quotes: ''")
		default:
			l.emit(tokQuoted, start, text)
		}
	case strings.HasPrefix(rest, "/*+"):
		l.pos += 3
		l.inHint = true
		l.emit(tokHintOpen, start, "/*+")
	case l.inHint && strings.HasPrefix(rest, "*/"):
		l.pos += 2
		l.inHint = false
		l.emit(tokHintClose, start, "*/")
	default:
		l.operator()
	}
}

// afterName says whether the token before, without a blank between, ends a name
// or a bracket, so that a point that follows is that of a member: t.1 is not t and
// the number .1.
func (l *lexer) afterName() bool {
	if len(l.tokens) == 0 {
		return false
	}
	t := &l.tokens[len(l.tokens)-1]
	return t.End == l.pos && (t.kind == tokWord || t.kind == tokQuoted || t.kind == tokOp && (t.text == ")" || t.text == "]"))
}

func (l *lexer) operator() {
	start, rest := l.pos, l.text[l.pos:]
	for _, op := range operators {
		if strings.HasPrefix(rest, op.text) {
			l.pos += len(op.text)
			if op.hint != "" {
				l.illegal(start, "unexpected '"+op.text+"'", op.hint)
			} else {
				l.emit(tokOp, start, op.text)
			}
			return
		}
	}
	r, size := utf8.DecodeRuneInString(rest)
	l.pos += size
	hint := ""
	switch r {
	case '‘', '’', '‛':
		hint = "strings are written in plain quotes: '"
	case '“', '”':
		hint = `names are quoted with plain quotes: "`
	}
	l.illegal(start, "unexpected character "+runeName(r), hint)
}

// quoted reads text between two quotes; a doubled quote within stands for one.
func (l *lexer) quoted(quote byte) (string, bool) {
	rest := l.text[l.pos+1:]
	doubled := false
	for i := 0; i < len(rest); i++ {
		if rest[i] != quote {
			continue
		}
		if i+1 < len(rest) && rest[i+1] == quote {
			doubled = true
			i++
			continue
		}
		l.pos += i + 2
		if q := string(rune(quote)); doubled {
			return strings.ReplaceAll(rest[:i], q+q, q), true
		}
		return rest[:i], true
	}
	l.pos = len(l.text)
	l.unclosed = true
	return "", false
}

// bytes reads X'CAFE'.
func (l *lexer) bytes() {
	start := l.pos
	l.pos++
	text, ok := l.quoted('\'')
	if !ok {
		l.illegal(start, "the bytes are not closed", "close them with '")
		return
	}
	for _, c := range []byte(text) {
		if !isDigit(c) && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			l.illegal(start, "bytes are written in hexadecimal digits", "as in X'CAFE'")
			return
		}
	}
	if len(text)%2 != 0 {
		l.illegal(start, "bytes have two hexadecimal digits each", "as in X'0F'")
		return
	}
	l.emit(tokBytes, start, text)
}

func (l *lexer) word() {
	for l.pos < len(l.text) {
		r, size := utf8.DecodeRuneInString(l.text[l.pos:])
		if r != '_' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) {
			return
		}
		l.pos += size
	}
}

// number reads 12, 1.5, .5, 1. and 1e-3. A number that runs into a word, 10s, is
// kept in one piece.
func (l *lexer) number() {
	start := l.pos
	l.digits()
	if l.pos < len(l.text) && l.text[l.pos] == '.' {
		l.pos++
		l.digits()
	}
	if exp := l.pos; exp < len(l.text) && (l.text[exp] == 'e' || l.text[exp] == 'E') {
		l.pos++
		if l.pos < len(l.text) && (l.text[l.pos] == '+' || l.text[l.pos] == '-') {
			l.pos++
		}
		before := l.pos
		l.digits()
		if l.pos == before { // no exponent after all
			l.pos = exp
		}
	}
	kind := tokNumber
	if l.pos < len(l.text) && isWordStart(l.text[l.pos:]) {
		kind = tokBadNumber
		l.word()
	}
	l.emit(kind, start, l.text[start:l.pos])
}

func (l *lexer) digits() {
	for l.pos < len(l.text) && isDigit(l.text[l.pos]) {
		l.pos++
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordStart(s string) bool {
	r, size := utf8.DecodeRuneInString(s)
	if r == '$' && len(s) > size { // $rowtime; $ alone is the end of a pattern
		r, _ = utf8.DecodeRuneInString(s[size:])
	}
	return r == '_' || r != utf8.RuneError && unicode.IsLetter(r)
}

func runeName(r rune) string {
	if unicode.IsPrint(r) {
		return "'" + string(r) + "'"
	}
	return fmt.Sprintf("%U", r)
}

// upperASCII gives a word in upper case, or "" if it has other letters than those of
// ASCII: no keyword has, and Unicode's mapping would make one of 'ſelect'.
func upperASCII(word string) string {
	upper := true
	for i := 0; i < len(word); i++ {
		if word[i] >= utf8.RuneSelf {
			return ""
		}
		if word[i] >= 'a' && word[i] <= 'z' {
			upper = false
		}
	}
	if upper {
		return word
	}
	return strings.ToUpper(word)
}
