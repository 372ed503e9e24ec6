package jsonpath

import (
	"strings"
	"testing"

	"github.com/valyala/fastjson"
)

func eval(t testing.TB, path, doc string) (string, error) {
	t.Helper()
	p, err := Parse(path)
	if err != nil {
		return "", err
	}
	v, err := fastjson.Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	var e Evaluator
	found, err := e.Eval(p, v)
	if err != nil {
		return "", err
	}
	var parts []string
	for _, f := range found {
		parts = append(parts, f.String())
	}
	return strings.Join(parts, " "), nil
}

// TestPaths: results by the rules of SQL:2016 as PostgreSQL's manual (section
// 9.16.2) explains them, and Goessner's article for the forms that are not of
// SQL.
func TestPaths(t *testing.T) {
	const track = `{"track":{"segments":[{"location":[47.763,13.4034],"start":"10:05:14","HR":73},{"location":[47.706,13.2635],"start":"10:39:21","HR":135}]}}`
	for _, c := range []struct{ path, doc, want string }{
		{"$.track.segments[*].location", track, "[47.763,13.4034] [47.706,13.2635]"},
		{"$.track.segments[0].location", track, "[47.763,13.4034]"},
		{"$.track.segments[*].HR ? (@ > 130)", track, "135"},
		{"$.track.segments[*] ? (@.HR > 130).start", track, `"10:39:21"`},
		{"$.track.segments[*] ? (@.location[1] < 13.4).HR ? (@ > 130)", track, "135"},
		{"lax $.track.segments.location", track, "[47.763,13.4034] [47.706,13.2635]"},
		{"$.track.segments[last].HR", track, "135"},
		{"$.track ? (exists(@.segments[*] ? (@.HR > 130))).segments[0].HR", track, "73"},
		{`$[*] ? (@ like_regex "^ab.*c")`, `["abc","abd","aBdC","abdacb"]`, `"abc" "abdacb"`},
		{`$[*] ? (@ starts with "John")`, `["John Smith","Mary Stone"]`, `"John Smith"`},
		{"$[*] ? (!(@ > 1))", "[1,2,\"x\"]", "1"}, // of the text it is unknown
		{"$[1 to 2]", "[1,2,3,4]", "2 3"}, {"$[last - 1 to last]", "[1,2,3]", "2 3"}, {"$[2 to 1]", "[1,2,3]", ""}, {"$[*]", "7", "7"}, {"$.a.b", `{"a":[{"b":1},{"b":2}]}`, "1 2"}, {"$.a.b", `{"a":[[{"b":1}]]}`, ""},
		{"$..b", `{"b":1,"a":[{"b":{"b":2}}]}`, `1 {"b":2} 2`}, {"$.*", `{"a":1,"b":null}`, "1 null"}, {`$."a b"['c d']`, `{"a b":{"c d":1}}`, "1"}, {"$ ? (@.a == null)", `[{"a":null},{"a":1},{}]`, `{"a":null}`},
		{"$ ? (@.a == @.b)", `[{"a":1,"b":1.0},{"a":1,"b":2}]`, `{"a":1,"b":1.0}`}, {"$ ? (true == @)", "[true,false]", "true"}, {"$[?(@.p < 10 && @.q)]", `[{"p":1},{"p":2,"q":0}]`, `{"p":2,"q":0}`}, {`$ ? (@ > "a")`, `["a","b"]`, `"b"`},
	} {
		if got, err := eval(t, c.path, c.doc); err != nil || got != c.want {
			t.Errorf("%s of %s = %s, %v; want %s", c.path, c.doc, got, err, c.want)
		}
	}
	for _, c := range []struct{ path, doc string }{
		{"strict $.a", "{}"}, {"strict $.a", "[]"}, {"strict $[0]", "[]"}, {"strict $[0]", "{}"}, {"strict $[*]", "1"}, {"strict $.a.*", `{"a":[{"b":1}]}`}, {"strict $[1 to 0]", "[1,2]"},
	} {
		if got, err := eval(t, c.path, c.doc); err == nil {
			t.Errorf("%s of %s = %s, want an error", c.path, c.doc, got)
		}
	}
	for _, path := range []string{"", "a", "$.", "$[", "$[]", "$[a]", "$[1", "$[1 to]", "$['a]", "$ x", "$?", "$?()", "$?(@", "$?(@.a ==)", "$?(1 == 1", "$.a.type()", `$."\u12"`, "$..", "$?(@ like_regex 1)", "$[99999999999]", "$?(" + strings.Repeat("(", 1000)} {
		if _, err := Parse(path); err == nil {
			t.Errorf("%q is a path", path)
		}
	}
}

// FuzzPath: whatever the path, it is refused or evaluated; nothing panics.
func FuzzPath(f *testing.F) {
	for _, p := range []string{"$.a[0].b", "strict $..x", "$[*]?(@.a > 1 || !exists(@.b))", `$."x"[last - 1 to last]`, "$?(@ starts with 'a')"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if strings.Contains(path, "like_regex") {
			return
		}
		_, _ = eval(t, path, `{"a":[{"b":1,"x":"a"},[null,true]],"x":{"a":2.5}}`)
	})
}
