package parser

import "strings"

// tokenKind is the sort of a token.
type tokenKind int

const (
	tokEOF       tokenKind = iota
	tokIllegal             // err says why
	tokWord                // an unquoted identifier or keyword
	tokQuoted              // "name" or `name`
	tokString              // 'text'
	tokBytes               // X'CAFE'
	tokNumber              // 12, 1.5, 1e3
	tokBadNumber           // 10s, 1st: a number that runs into a word; SET takes it
	tokOp                  // punctuation, one of the strings of operators
	tokHintOpen            // /*+
	tokHintClose           // the */ that ends it
)

// token is one token of a source.
type token struct {
	Span
	kind tokenKind
	// text is the word as written; the name without its quotes; the value of a
	// string; the hex digits of bytes; the number; the operator.
	text string
	// upper is the word in upper case; "" for all else, so that a comparison with
	// a keyword fails for them.
	upper string
	// match is the index of the token that closes this bracket or that this one
	// closes, -1 if there is none.
	match int
	err   *Error // of tokIllegal
}

// describe names the token in a message.
func (t *token) describe() string {
	switch t.kind {
	case tokEOF:
		return "the end of the text"
	case tokString:
		return "string " + shorten(quoteString(t.text))
	case tokBytes:
		return "bytes " + shorten("X'"+t.text+"'")
	case tokNumber, tokBadNumber:
		return "number " + shorten(t.text)
	case tokQuoted:
		return "name " + shorten(quoteIdent(t.text))
	case tokHintOpen:
		return "hint /*+"
	case tokHintClose:
		return "*/"
	case tokOp:
		return "'" + t.text + "'"
	}
	return shorten(t.text)
}

// shorten keeps a message to one line of bearable length.
func shorten(s string) string {
	const limit = 40
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i] + "..."
	}
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit-3]) + "..."
	}
	return s
}

// quoteString gives a string literal of the value.
func quoteString(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// quoteIdent gives a quoted identifier of the text.
func quoteIdent(s string) string {
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// operators are the tokens of punctuation, longest first where one begins
// another. Those with a hint exist in other dialects only: they are read as one
// token so that the message can be about them.
var operators = []struct{ text, hint string }{
	{"<=>", "write a IS NOT DISTINCT FROM b"},
	{"->>", "write JSON_VALUE(x, '$.member')"},
	{"=>", ""},
	{"<=", ""},
	{">=", ""},
	{"<>", ""},
	{"!=", ""},
	{"||", ""},
	{"::", ""},
	{"==", "equality is written ="},
	{"&&", "write AND"},
	{":=", "SET 'key' = 'value' is written with ="},
	{"->", "write JSON_QUERY(x, '$.member')"},
	{"(", ""}, {")", ""}, {"[", ""}, {"]", ""}, {"{", ""}, {"}", ""},
	{",", ""}, {";", ""}, {".", ""}, {":", ""},
	{"+", ""}, {"-", ""}, {"*", ""}, {"/", ""}, {"%", ""},
	{"<", ""}, {">", ""}, {"=", ""},
	{"|", ""}, {"^", ""}, {"$", ""}, {"?", ""}, // of MATCH_RECOGNIZE patterns
	{"!", "write NOT"},
	{"&", "there are no operators on bits; see the functions BITAND and BITOR"},
	{"~", "there are no operators on bits"},
	{"#", "a comment starts with --"},
	{"@", "there are no variables"},
	{"\\", "there are no backslash escapes and no meta commands in SQL text"},
}

func words(list string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// reserved words name nothing unless they are quoted. The list is as short as
// the grammar allows: the words of MATCH_RECOGNIZE, of options, of units and of
// statements are all free.
var reserved = words(`
	ALL AND AS BETWEEN BY CASE CAST CREATE CROSS DISTINCT ELSE END EXCEPT EXISTS FALSE
	FETCH FOR FROM FULL GROUP HAVING IN INNER INSERT INTERSECT INTERVAL INTO IS JOIN LATERAL
	LEFT LIKE LIMIT NATURAL NOT NULL ON OR ORDER QUALIFY RIGHT SELECT TABLE THEN TRUE
	TRY_CAST UNION UNNEST USING VALUES WHEN WHERE WITH`)

// IsReserved says whether a word names something only in quotes.
func IsReserved(word string) bool { return reserved[strings.ToUpper(word)] }

// clauseWords can't be an alias without AS, nor can reserved words: they start, or
// are part of, a join, a clause or an operator here or in a neighbouring dialect.
// Were they taken as an alias, a FULL JOIN b would be an inner join of a AS full,
// and a clause that we do not know would be overlooked.
var clauseWords = words(`
	ALLOW ANTI ANY ASC ASOF AT CLUSTER COLLATE CONNECT DESC DISTRIBUTE DIV EMIT ESCAPE EVERY
	FILTER FINAL GLOBAL IGNORE ILIKE ISNULL LATE MATCH_CONDITION MATCH_RECOGNIZE MINUS MOD
	NOTNULL NULLS OFFSET OUTER OVER OVERLAPS PARTITION PIVOT POSITIONAL RANGE REGEXP RESPECT
	RETURNING RLIKE ROWS SAMPLE SEMI SETTINGS SIMILAR SOME SORT START STRAIGHT_JOIN TABLESAMPLE
	UNPIVOT WINDOW WITHIN XOR`)

// niladic functions are called without parentheses.
var niladic = words(`
	CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP
	CURRENT_USER SESSION_USER CURRENT_CATALOG CURRENT_DATABASE`)
