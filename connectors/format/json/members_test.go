package json

import (
	stdjson "encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkMembers holds Members against encoding/json, on a text at the end of its
// buffer and one with bytes behind it.
func checkMembers(t *testing.T, text string) {
	t.Helper()
	var want map[string]stdjson.RawMessage
	wellFormed := stdjson.Unmarshal([]byte(text), &want) == nil && want != nil
	var elems []stdjson.RawMessage
	array := stdjson.Unmarshal([]byte(text), &elems) == nil && elems != nil
	for _, behind := range []string{"", strings.Repeat(`"}],x`, 30)} {
		buf := []byte("x" + text + behind)
		value := Range{1, 1 + len(text)}
		m := NewMembers("op", "after", "missing")
		found := make([]Range, 3)
		ok := m.Find(buf, value, found)
		// The structural scan does not look into words and strings, so it takes more
		// than encoding/json does.
		if wellFormed && !ok {
			t.Fatalf("%q is not taken", text)
		}
		for i, name := range m.names {
			if wellFormed && string(found[i].Of(buf)) != string(want[name]) {
				t.Fatalf("%q: %s is %q, want %q", text, name, found[i].Of(buf), want[name])
			}
			var s string
			if got, isText := m.Text(buf, found[i]); wellFormed && strings.HasPrefix(string(want[name]), `"`) && stdjson.Unmarshal(want[name], &s) == nil && (!isText || string(got) != s) {
				t.Fatalf("%q: %s has the text %q, want %q", text, name, got, s)
			}
		}
		got, ok := m.Elements(nil, buf, value)
		if array && (!ok || len(got) != len(elems)) {
			t.Fatalf("%q has %d elements, want %d", text, len(got), len(elems))
		}
		entries, ok := m.Entries(nil, buf, value)
		if wellFormed && !ok {
			t.Fatalf("%q has no members", text)
		}
		told := map[string]bool{}
		for _, e := range entries {
			var name string
			if !wellFormed || stdjson.Unmarshal(e.Name.Of(buf), &name) != nil {
				continue
			}
			if strings.ContainsRune(name, utf8.RuneError) { // what is no text, encoding/json makes one
				told[name] = true
				continue
			}
			got, isText := m.Text(buf, e.Name)
			if !isText || string(got) != name {
				t.Fatalf("%q: the name %q is %q", text, e.Name.Of(buf), got)
			}
			told[name] = true
		}
		if wellFormed && len(told) != len(want) {
			t.Fatalf("%q: the names %v, want those of %v", text, told, want)
		}
		for i, e := range elems {
			if array && string(got[i].Of(buf)) != string(e) {
				t.Fatalf("%q: element %d is %q, want %q", text, i, got[i].Of(buf), e)
			}
		}
	}
}

var memberTexts = []string{
	`{"op":"u","after":{"a":[1,2,{"op":"x"}]},"x":1}`, `{ "\u006fp" : "\u0063\n" , "after" : null } `, `{}`, `[]`, ` [ 1 , {"a":2} , "]" ] `,
	`{"op":1,"op":2}`, `{"op":"a"`, `{"op"}`, `{"op":}`, `{"op":1,}`, `[1,]`, `[1`, `["a`, `null`, ``, `{"op":1}x`, `[1]2`, `{"a\"":1,"op":"\"}"}`, `"x"`, `{"op":tru,"after":[}`, `[,]`,
}

func TestMembers(t *testing.T) {
	for _, text := range memberTexts {
		checkMembers(t, text)
	}
	m := NewMembers("op")
	found := make([]Range, 1)
	for _, bad := range []string{`{"op":"a"`, `{"op"}`, `{"op":}`, `{"op":1,}`, `null`, ``, `{"op":1}x`, `[]`, `{"op":[}`, `{"op" 1}`} {
		if m.Find([]byte(bad), Range{0, len(bad)}, found) {
			t.Errorf("%q is taken for an object", bad)
		}
	}
	for _, bad := range []string{`[1,]`, `[1`, `["a`, `{}`, ``, `[1]2`, `[,]`, `[}`} {
		if _, ok := m.Elements(nil, []byte(bad), Range{0, len(bad)}); ok {
			t.Errorf("%q is taken for an array", bad)
		}
	}
}

func FuzzMembers(f *testing.F) {
	for _, text := range memberTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkMembers(t, text) })
}
