package expr

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/builtin"
)

// WriteReference writes the reference page of functions as Markdown: a heading a
// category, functions by name. Those of other packages (aggregates) may be given
// too; categories that are not known here come last.
func WriteReference(w io.Writer, fns []*catalog.Function) error {
	byCategory := map[string][]*catalog.Function{}
	order := builtin.Categories()
	for _, f := range fns {
		if !slices.Contains(order, f.Category) {
			order = append(order, f.Category)
		}
		byCategory[f.Category] = append(byCategory[f.Category], f)
	}
	b := bufio.NewWriter(w)
	b.WriteString(`# Functions and operators

This page is generated from the functions' own descriptions; every example on it is run as a test.
What other systems have and this one does not stands, with what to write instead, in
[functions of other systems](functions-elsewhere.md).

Names are case-insensitive. A function gives NULL for NULL arguments unless it says otherwise. A value that a row does
not have (an overflow, a text that does not convert) is an error of that row, not of the job; its code stands in
parentheses. The language itself has these forms beside the functions:

| Form | Meaning |
|---|---|
| a AND b, a OR b | three-valued; b is evaluated only where a leaves the result open |
| CASE WHEN a THEN r ... [ELSE e] END | the first branch that holds; only the branch that is taken is evaluated |
| CASE x WHEN a [, b ...] THEN r ... [ELSE e] END | the first branch with a value that x equals |
| CAST(x AS type), x::type | a value that does not convert is an error of its row |
| TRY_CAST(x AS type) | a value that does not convert is NULL |
| x BETWEEN [SYMMETRIC] a AND b | x >= a AND x <= b; SYMMETRIC: with a and b in either order |
| r.member | member of a ROW; NULL if the row is NULL. r.* in a SELECT list are all of them |
`)
	for _, category := range order {
		list := byCategory[category]
		if len(list) == 0 {
			continue
		}
		slices.SortStableFunc(list, func(a, b *catalog.Function) int { return strings.Compare(a.Name, b.Name) })
		fmt.Fprintf(b, "\n## %s\n", category)
		for _, f := range list {
			writeFunction(b, f)
		}
	}
	return b.Flush()
}

func writeFunction(b *bufio.Writer, f *catalog.Function) {
	fmt.Fprintf(b, "\n### %s\n\n", strings.NewReplacer("*", `\*`, "|", `\|`, "<", `\<`).Replace(f.Name))
	b.WriteString("```\n" + strings.Join(f.Signatures, "\n") + "\n```\n\n")
	b.WriteString(f.Doc)
	if len(f.Aliases) > 0 {
		fmt.Fprintf(b, " Also called %s.", strings.Join(f.Aliases, ", "))
	}
	b.WriteString("\n")
	if len(f.Examples) == 0 {
		return
	}
	b.WriteString("\n| Example | Result |\n|---|---|\n")
	cell := func(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }
	for _, ex := range f.Examples {
		result := cell(ex.Result)
		if ex.Result == "" {
			result = "(empty)"
		}
		fmt.Fprintf(b, "| %s | %s |\n", cell(ex.SQL), result)
	}
}
