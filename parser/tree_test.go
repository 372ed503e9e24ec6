package parser

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// shapeOf gives a tree as text without spans and without the texts of positions, so
// that two trees can be compared and their difference be read.
func shapeOf(n any) string {
	var b strings.Builder
	writeShape(&b, reflect.ValueOf(n), 0)
	return b.String()
}

var spanType = reflect.TypeOf(Span{})

func writeShape(b *strings.Builder, v reflect.Value, indent int) {
	pad := strings.Repeat(" ", indent)
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			b.WriteString("nil\n")
			return
		}
		writeShape(b, v.Elem(), indent)
	case reflect.Struct:
		fmt.Fprintf(b, "%s\n", v.Type().Name())
		for i := range v.NumField() {
			f := v.Field(i)
			if f.Type() == spanType || f.IsZero() {
				continue
			}
			fmt.Fprintf(b, "%s %s: ", pad, v.Type().Field(i).Name)
			writeShape(b, f, indent+1)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			fmt.Fprintf(b, "%x\n", v.Bytes())
			return
		}
		fmt.Fprintf(b, "%d\n", v.Len())
		for i := range v.Len() {
			fmt.Fprintf(b, "%s - ", pad)
			writeShape(b, v.Index(i), indent+1)
		}
	case reflect.String:
		fmt.Fprintf(b, "%q\n", v.String())
	case reflect.Int, reflect.Int64:
		fmt.Fprintf(b, "%d\n", v.Int())
	case reflect.Bool:
		fmt.Fprintf(b, "%t\n", v.Bool())
	default:
		panic("a kind of field that no tree has: " + v.Kind().String())
	}
}

// difference gives the first lines in which two shapes differ, with some before.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < len(w) && i < len(g) && w[i] == g[i] {
		i++
	}
	part := func(lines []string) string {
		return strings.Join(lines[max(0, min(i-6, len(lines))):min(i+6, len(lines))], "\n")
	}
	return "from\n" + part(w) + "\nto\n" + part(g)
}

// walk calls visit for each node below n, n included, with the node above it.
func walk(n Node, visit func(n, above Node)) {
	walkValue(reflect.ValueOf(n), nil, visit)
}

var nodeType = reflect.TypeOf((*Node)(nil)).Elem()

func walkValue(v reflect.Value, above Node, visit func(n, above Node)) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			walkValue(v.Elem(), above, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkValue(v.Index(i), above, visit)
		}
	case reflect.Struct:
		if v.Type() == spanType {
			return
		}
		if v.Type().Implements(nodeType) {
			var n Node
			if v.CanAddr() {
				n = v.Addr().Interface().(Node)
			} else {
				n = v.Interface().(Node)
			}
			visit(n, above)
			above = n
		}
		for i := range v.NumField() {
			walkValue(v.Field(i), above, visit)
		}
	}
}

// checkSpans holds for every tree: a span is not empty, lies within the text and
// within the span of the node above, and covers what the node says it is.
func checkSpans(t testing.TB, src *Source, root Node) {
	t.Helper()
	walk(root, func(n, above Node) {
		s := n.Range()
		if s.Start < 0 || s.Start >= s.End || s.End > len(src.Text) {
			t.Fatalf("%T has the span %v of a text of %d bytes", n, s, len(src.Text))
		}
		if above != nil {
			if a := above.Range(); s.Start < a.Start || s.End > a.End {
				t.Fatalf("%T %v %q is not within %T %v %q", n, s, src.Slice(s), above, a, src.Slice(a))
			}
		}
		text := src.Slice(s)
		switch n := n.(type) {
		case *Ident:
			if !n.Quoted && text != n.Text {
				t.Fatalf("the identifier %s has the span of %q", n.Text, text)
			}
		case *NumberLit:
			if text != n.Text && text != "ROW" && text != "ROWS" && !strings.EqualFold(text, "row") && !strings.EqualFold(text, "rows") {
				t.Fatalf("the number %s has the span of %q", n.Text, text)
			}
		}
	})
}

// checkSlices holds for every tree: the text under the span of an expression, query
// or type parses by itself, to the same.
func checkSlices(t testing.TB, src *Source, root Node) {
	t.Helper()
	inMatch := false
	walk(root, func(n, _ Node) {
		if _, ok := n.(*MatchRecognize); ok {
			inMatch = true // FINAL and RUNNING are no words of expressions elsewhere
		}
	})
	walk(root, func(n, above Node) {
		part := NewSource("part", src.Slice(n.Range()))
		var got any
		var err error
		switch n := n.(type) {
		case *NamedArg, *UnitArg:
			return
		case *StringLit:
			if part.Text[0] != '\'' {
				return // a key or value of a setting, without quotes
			}
			got, err = ParseExpr(part)
		case Expr:
			if num, ok := n.(*NumberLit); inMatch || ok && num.Text != part.Text {
				return // FETCH FIRST ROW has a 1 that is not written
			}
			got, err = ParseExpr(part)
		case *Query:
			if inMatch {
				return
			}
			got, err = ParseQuery(part)
		case *DataType:
			if n.NotNull {
				return
			}
			got, err = ParseType(part)
		default:
			return
		}
		if err != nil {
			t.Fatalf("the part %q of %q: %v", part.Text, src.Text, err)
		}
		if want, got := shapeOf(n), shapeOf(got); want != got {
			t.Fatalf("the part %q of %q is\n%s\nby itself\n%s", part.Text, src.Text, want, got)
		}
	})
}

// checkPrint holds for every tree: its print parses to the same tree, and prints the
// same again.
func checkPrint(t testing.TB, stmt Stmt) {
	t.Helper()
	text := Print(stmt)
	again, err := Parse(NewSource("print", text))
	if err != nil {
		t.Fatalf("the print\n%s\ndoes not parse: %v", text, err)
	}
	if len(again) != 1 {
		t.Fatalf("the print\n%s\nis %d statements", text, len(again))
	}
	if want, got := shapeOf(stmt), shapeOf(again[0]); want != got {
		t.Fatalf("the print\n%s\nparses to another tree, %s", text, difference(want, got))
	}
	if second := Print(again[0]); second != text {
		t.Fatalf("printed again, it is\n%s\nnot\n%s", second, text)
	}
}

// checkTree is all that holds for every tree.
func checkTree(t testing.TB, src *Source, stmt Stmt) {
	t.Helper()
	checkSpans(t, src, stmt)
	checkPrint(t, stmt)
	checkSlices(t, src, stmt)
}
