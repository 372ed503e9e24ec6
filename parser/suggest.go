package parser

import (
	"maps"
	"slices"
	"strings"
)

// Keywords returns the words that a prompt may complete, in upper case and sorted:
// those that start statements and clauses, join words, types and units. Not all of
// them are reserved.
func Keywords() []string {
	set := maps.Clone(reserved)
	for _, list := range [][]string{statementWords, objectWords, showWords, endWords, joinWords, typeNames, unitWords, {
		"ANALYZE", "ASC", "CASCADE", "CHANGES", "CLOSE", "COMMENT", "COMPLETE", "CONFLICT", "CUMULATE", "CURRENT", "DATA", "DEAD",
		"DEFAULT", "DEFINE", "DESCRIPTOR", "DO", "ENFORCED", "ESCAPE", "EVERY", "FILTER", "FINAL", "FIRST", "FOLLOWING", "FUTURE",
		"HOP", "IDLE", "IF", "IGNORE", "KEY", "LAST", "LATENESS", "LETTERS", "MATCH_CONDITION", "MAX", "MEASURES", "METADATA", "NULLS",
		"ONLY", "OVER", "PARTITION", "PARTITIONED", "PATTERN", "PRECEDING", "PRIMARY", "RANGE", "REPLACE", "RETURNS", "ROLLUP", "ROWS",
		"SESSION", "SETS", "SKEW", "STATEMENT", "SYSTEM_TIME", "TEMPORARY", "TIMEOUT", "TO", "TUMBLE", "UNBOUNDED", "VERBOSE",
		"VIRTUAL", "WATERMARK", "WITHIN",
	}} {
		for _, w := range list {
			set[w] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// joinWords may stand before JOIN.
var joinWords = []string{"INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS", "NATURAL", "SEMI", "ANTI", "ASOF"}

// endWords may follow an expression or a table within a query.
var endWords = []string{
	"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "INTERSECT", "EXCEPT", "EMIT", "LATE",
	"ALLOW", "QUALIFY", "WINDOW", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "SEMI", "ANTI", "ASOF", "USING",
	"AND", "BETWEEN", "LIKE", "MATCH_RECOGNIZE",
}

// suggest returns the candidate that a misspelled word most likely means, "" if
// none is near: at most one edit for words of up to four letters, two beyond.
func suggest(word string, candidates []string) string {
	word = strings.ToUpper(word)
	limit := 2
	if len(word) <= 4 {
		limit = 1
	}
	best := ""
	for _, c := range candidates {
		if c == word || abs(len(c)-len(word)) > limit {
			continue
		}
		d := editDistance(word, c)
		if sameLetters(word, c) { // FORM and FROM, WHIT and WITH
			d = 1
		}
		if d <= limit {
			best, limit = c, d-1
		}
	}
	return best
}

// sameLetters says whether the words are made of the same bytes.
func sameLetters(a, b string) bool {
	var count [256]int
	for i := range len(a) {
		count[a[i]]++
	}
	for i := range len(b) {
		count[b[i]]--
	}
	return count == [256]int{}
}

func abs(n int) int { return max(n, -n) }

// editDistance is the number of insertions, deletions, substitutions and swaps of
// neighbours between two words (Damerau and Levenshtein's, restricted: no part is
// edited twice).
func editDistance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
