package parser

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// corpus is every text of testdata.
func corpus(t testing.TB) []string {
	var texts []string
	for _, pattern := range []string{"nexmark/*.sql", "flink/*.sql"} {
		for _, text := range readFiles(t, pattern) {
			texts = append(texts, text)
		}
	}
	for _, pattern := range []string{"print/*.txt", "errors/*.txt"} {
		for _, text := range readFiles(t, pattern) {
			for _, b := range readBlocks(text) {
				texts = append(texts, b.input)
			}
		}
	}
	return texts
}

// FuzzParse: whatever the text, the parser ends without a panic; what it takes keeps
// the promises of checkTree, what it does not is an error with a place in the text.
func FuzzParse(f *testing.F) {
	for _, text := range corpus(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkText(t, text) })
}

func checkText(t testing.TB, text string) {
	src := NewSource("fuzz.sql", text)
	stmts, err := Parse(src)
	checkErrors(t, src, err)
	for _, stmt := range stmts {
		checkSpans(t, src, stmt)
		checkPrint(t, stmt)
		if len(text) < 1000 {
			checkSlices(t, src, stmt)
		}
	}
	Complete(text)
}

// TestMutations changes texts of the corpus token by token, as a person at a keyboard
// does: words left out, doubled, swapped, or taken from another text.
func TestMutations(t *testing.T) {
	texts := corpus(t)
	slices.Sort(texts)
	var tokens [][]string
	for _, text := range texts {
		var words []string
		src := NewSource("", text)
		for _, tok := range tokenize(src) {
			if tok.kind != tokEOF {
				words = append(words, src.Slice(tok.Span))
			}
		}
		if len(words) > 0 {
			tokens = append(tokens, words)
		}
	}
	n := uint64(3000)
	if testing.Short() {
		n = 500
	}
	for seed := range n {
		r := rand.New(rand.NewPCG(2, seed))
		words := slices.Clone(tokens[r.IntN(len(tokens))])
		for range 1 + r.IntN(3) {
			if len(words) == 0 {
				break
			}
			from := r.IntN(len(words))
			to := min(from+1+r.IntN(3), len(words))
			other := tokens[r.IntN(len(tokens))]
			at := r.IntN(len(other))
			part := other[at:min(at+1+r.IntN(6), len(other))]
			switch r.IntN(5) {
			case 0:
				words = slices.Delete(words, from, to)
			case 1:
				words = slices.Insert(words, from, slices.Clone(words[from:to])...)
			case 2:
				words[from], words[to-1] = words[to-1], words[from]
			case 3:
				words = slices.Insert(words, from, part...)
			case 4:
				words = slices.Replace(words, from, to, part...)
			}
		}
		text := strings.Join(words, " ")
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { checkText(t, text) }) {
			t.Logf("%s", text)
		}
	}
}

// FuzzExpr does the same for a text that is one expression.
func FuzzExpr(f *testing.F) {
	for _, text := range corpus(f) {
		stmts, err := Parse(NewSource("", text))
		if err != nil {
			continue
		}
		for _, stmt := range stmts {
			walk(stmt, func(n, _ Node) {
				if e, ok := n.(Expr); ok {
					f.Add(Print(e))
				}
			})
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		src := NewSource("", text)
		e, err := ParseExpr(src)
		checkErrors(t, src, err)
		if err != nil {
			return
		}
		checkSpans(t, src, e)
		again, err := ParseExpr(NewSource("", Print(e)))
		if err != nil {
			t.Fatalf("the print %s does not parse: %v", Print(e), err)
		}
		if shapeOf(again) != shapeOf(e) {
			t.Fatalf("the print %s parses to another tree, from\n%s\nto\n%s", Print(e), shapeOf(e), shapeOf(again))
		}
	})
}

func checkErrors(t testing.TB, src *Source, err error) {
	if err == nil {
		return
	}
	var list ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		t.Fatalf("the error is %#v", err)
	}
	for _, e := range list {
		if e.Source != src || e.Msg == "" || e.Span.Start < 0 || e.Span.Start > e.Span.End || e.Span.End > len(src.Text) {
			t.Fatalf("the error %q has the span %v of a text of %d bytes", e.Msg, e.Span, len(src.Text))
		}
		if !utf8.ValidString(e.Format()) {
			t.Fatalf("the message %q is not UTF-8", e.Format())
		}
	}
	_ = list.Error()
}
