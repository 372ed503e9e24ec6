package parser

// Complete says whether a prompt can hand the text to Parse: it ends with the
// semicolon of a statement, outside of quotes and comments, and a BEGIN STATEMENT
// SET in it has its END. A text without any statement is complete if it holds
// nothing but blanks, comments and semicolons.
func Complete(text string) bool {
	l := newLexer(NewSource("", text))
	l.run()
	if l.unclosed {
		return false
	}
	toks := l.tokens[:len(l.tokens)-1] // without tokEOF
	inSet, first, ended := false, 0, true
	for i := range toks {
		ended = toks[i].isOp(";")
		if !ended {
			continue
		}
		words := toks[first:i]
		first = i + 1
		inSet = (inSet || opensSet(words)) && !closesSet(words)
	}
	return ended && !inSet
}

// opensSet says whether a statement starts as a statement set does, perhaps after
// EXPLAIN and its details.
func opensSet(words []token) bool {
	if len(words) > 0 && words[0].upper == "EXPLAIN" {
		for words = words[1:]; len(words) > 0 && words[0].upper != "BEGIN" && words[0].upper != "STATEMENT"; words = words[1:] {
			if words[0].kind == tokWord && reserved[words[0].upper] {
				return false
			}
		}
	}
	if len(words) > 0 && (words[0].upper == "BEGIN" || words[0].upper == "EXECUTE") {
		words = words[1:]
	}
	return len(words) > 1 && words[0].upper == "STATEMENT" && words[1].upper == "SET"
}

// closesSet says whether a member of a statement set, or what is left of the text
// before the semicolon, has an END that is not that of a CASE.
func closesSet(words []token) bool {
	cases := 0
	for i := range words {
		switch words[i].upper {
		case "CASE":
			cases++
		case "END":
			cases--
		}
	}
	return cases < 0
}
