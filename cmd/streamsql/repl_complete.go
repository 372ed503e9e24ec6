package main

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// completer completes keywords, functions, tables, their columns, and meta
// commands.
type completer struct {
	session *streamsql.Session
	eng     *streamsql.Engine
}

// Do implements readline.AutoCompleter.
func (c *completer) Do(line []rune, pos int) ([][]rune, int) {
	from := pos
	for from > 0 && isWord(line[from-1]) {
		from--
	}
	word := string(line[from:pos])
	var out [][]rune
	for _, cand := range c.candidates(string(line[:from])) {
		if len(cand) > len(word) && strings.EqualFold(cand[:len(word)], word) {
			rest := cand[len(word):]
			if word != "" && strings.ToLower(word) == word && strings.ToUpper(cand) == cand {
				rest = strings.ToLower(rest) // whoever types in lower case goes on so
			}
			out = append(out, []rune(rest))
		}
	}
	return out, len([]rune(word))
}

func isWord(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// candidates lists what can stand after the text before.
func (c *completer) candidates(before string) []string {
	if t := strings.TrimSpace(before); t == "." || t == `\` {
		var out []string
		for _, h := range metaHelp {
			out = append(out, strings.TrimPrefix(strings.FieldsFunc(h[0], func(r rune) bool { return r == ' ' || r == ',' })[0], "."))
		}
		return out
	}
	var out []string
	for _, o := range c.session.Catalog().Objects() {
		out = append(out, o.ObjectName().Object)
		switch o := o.(type) {
		case *catalog.Table:
			for _, col := range o.Columns {
				out = append(out, col.Name)
			}
		case *catalog.View:
			for _, col := range o.Columns {
				out = append(out, col.Name)
			}
		}
	}
	out = append(out, parser.Keywords()...)
	for _, n := range c.eng.Functions().Names() {
		if isWord(rune(n[0])) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
