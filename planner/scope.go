package planner

import (
	"fmt"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// scope says what names mean within one SELECT block: the tables of its FROM
// clause, side by side in one row of columns.
type scope struct {
	cols   []column
	tables []scopeTable
	// visible are the columns that * and names without a table see, in order; nil:
	// all. A join with USING shows the columns of both sides as one.
	visible []int
}

// scopeTable is one table of a scope: its qualifier, and which columns are its.
type scopeTable struct {
	// names is the alias, or the parts of the full name.
	names    []string
	first, n int
}

// tableScope is a scope of one table.
func tableScope(cols []column, names ...string) *scope {
	return &scope{cols: cols, tables: []scopeTable{{names: names, n: len(cols)}}}
}

// shown are the columns that * and names without a table see.
func (s *scope) shown() []int {
	if s.visible != nil {
		return s.visible
	}
	return positions(len(s.cols))
}

// matching gives the positions at which names are what an identifier says: the
// exact ones if there are any, else those that differ in case only.
func matching(id parser.Ident, n int, name func(int) string) []int {
	var exact, folded []int
	for i := range n {
		switch have := name(i); {
		case have == id.Text:
			exact = append(exact, i)
		case strings.EqualFold(have, id.Text):
			folded = append(folded, i)
		}
	}
	if len(exact) > 0 && (id.Quoted || len(exact) == 1) {
		return exact
	}
	return append(exact, folded...)
}

// qualifies says whether parts may stand for the table: its alias, or the end of
// its full name.
func (t scopeTable) qualifies(parts []parser.Ident) bool {
	if len(parts) > len(t.names) {
		return false
	}
	tail := t.names[len(t.names)-len(parts):]
	for i, p := range parts {
		if !strings.EqualFold(p.Text, tail[i]) {
			return false
		}
	}
	return true
}

// sameName says whether no name could tell two tables apart.
func (t scopeTable) sameName(o scopeTable) bool {
	n := min(len(t.names), len(o.names))
	if n == 0 {
		return false
	}
	for i := range n {
		if !strings.EqualFold(t.names[len(t.names)-n+i], o.names[len(o.names)-n+i]) {
			return false
		}
	}
	return true
}

// name is the qualifier for messages.
func (t scopeTable) name() string {
	if len(t.names) == 0 {
		return ""
	}
	return t.names[len(t.names)-1]
}

// hit is a column that a name may stand for; rest of the parts are members.
type hit struct {
	index int
	rest  []parser.Ident
}

// hits lists what a dotted name may mean: a qualified column first, since a
// table's name stands before a column's; then a column with members.
func (s *scope) hits(parts []parser.Ident) []hit {
	for q := 1; q < len(parts) && q <= 3; q++ {
		var found []hit
		for _, t := range s.tables {
			if !t.qualifies(parts[:q]) {
				continue
			}
			for _, i := range matching(parts[q], t.n, func(i int) string { return s.cols[t.first+i].Name }) {
				found = append(found, hit{t.first + i, parts[q+1:]})
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	var found []hit
	shown := s.shown()
	for _, i := range matching(parts[0], len(shown), func(i int) string { return s.cols[shown[i]].Name }) {
		found = append(found, hit{shown[i], parts[1:]})
	}
	return found
}

// resolve finds the column that a dotted name stands for.
func (s *scope) resolve(src *parser.Source, ref *parser.ColumnRef) (hit, *parser.Error) {
	found := s.hits(ref.Parts)
	if len(found) > 1 {
		err := place{src, ref.Span}.errorf("column `%s` is ambiguous", dotted(ref.Parts))
		return hit{}, hint(err, "it may be %s", strings.Join(s.candidates(found), " or "))
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return hit{}, s.unknown(src, ref)
}

// candidates lists what an ambiguous name may be.
func (s *scope) candidates(found []hit) []string {
	var out []string
	for _, h := range found {
		for _, t := range s.tables {
			if h.index >= t.first && h.index < t.first+t.n {
				out = append(out, fmt.Sprintf("`%s.%s`", t.name(), s.cols[h.index].Name))
			}
		}
	}
	return out
}

// unknown explains why a name stands for nothing.
func (s *scope) unknown(src *parser.Source, ref *parser.ColumnRef) *parser.Error {
	if len(ref.Parts) > 1 {
		for _, t := range s.tables {
			if !t.qualifies(ref.Parts[:1]) {
				continue
			}
			err := place{src, ref.Parts[1].Span}.errorf("table `%s` has no column `%s`", t.name(), ref.Parts[1].Text)
			return didYouMean(err, ref.Parts[1].Text, s.columnNames(t), "")
		}
		if len(s.tables) > 0 {
			var names []string
			for _, t := range s.tables {
				names = append(names, t.name())
			}
			err := place{src, ref.Parts[0].Span}.errorf("no table or column `%s` here", ref.Parts[0].Text)
			return didYouMean(err, ref.Parts[0].Text, append(names, s.allNames()...), "")
		}
	}
	err := place{src, ref.Span}.errorf("no column `%s`", dotted(ref.Parts))
	if len(s.cols) == 0 {
		return hint(err, "there is no FROM clause here")
	}
	other := ""
	switch strings.ToLower(ref.Parts[0].Text) {
	case "window_start", "window_end", "window_time":
		other = "a window in FROM gives it: FROM TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)"
	}
	return didYouMean(err, ref.Parts[0].Text, s.allNames(), other)
}

func (s *scope) columnNames(t scopeTable) []string {
	var names []string
	for _, c := range s.cols[t.first : t.first+t.n] {
		names = append(names, c.Name)
	}
	return names
}

func (s *scope) allNames() []string {
	var names []string
	for _, i := range s.shown() {
		names = append(names, s.cols[i].Name)
	}
	return names
}

// member follows identifiers into ROW values.
func member(src *parser.Source, e catalog.Expr, rest []parser.Ident) (catalog.Expr, *parser.Error) {
	for _, id := range rest {
		t := e.Type()
		if t.Kind != catalog.KindRow {
			err := place{src, id.Span}.errorf("`%s` is no member: the value before it is %s, not a ROW", id.Text, article(t))
			return nil, err
		}
		found := matching(id, len(t.Fields), func(i int) string { return t.Fields[i].Name })
		if len(found) > 1 {
			return nil, hint(place{src, id.Span}.errorf("member `%s` is ambiguous", id.Text), "quote it to choose one by case")
		}
		if len(found) == 0 {
			var names []string
			for _, f := range t.Fields {
				names = append(names, f.Name)
			}
			err := place{src, id.Span}.errorf("no member `%s` in %s", id.Text, t)
			return nil, didYouMean(err, id.Text, names, "")
		}
		e = &catalog.Member{Of: e, Index: found[0], T: t.Fields[found[0]].Type}
	}
	return e, nil
}

// article names a type within a sentence.
func article(t catalog.Type) string {
	s := t.String()
	if strings.ContainsRune("AEIOU", rune(s[0])) {
		return "an " + s
	}
	return "a " + s
}

// dotted gives a name as written, less its quotes.
func dotted(parts []parser.Ident) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Text
	}
	return strings.Join(texts, ".")
}
