package sql

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// file is a parsed golden file.
type file struct {
	name  string
	lines []string
	cases []*testCase
}

// setting is what the cases from some place on begin with.
type setting struct {
	ddl     []string // statements of setup, source and sink blocks, in order
	sources map[string]*input
}

// input is the records of one source.
type input struct {
	splits [][]string
	given  bool // the file says which split a record is in
	whole  bool // the records stay in one split, in order
	upsert bool
	live   bool
	static bool
	lookup bool
	// options are further ones of its WITH clause.
	options string
	n       int // splits of a live source
}

// testCase is one query, job, live, error or explain block.
type testCase struct {
	setting
	file    string
	kind    string
	options map[string]string
	line    int // of its first line, from 1
	sql     string
	want    []expectation
	end     int // index of the line after the case, for -rewrite

	failures int // variants that have failed
}

// expectation is one list of expected lines: of a sink, or "" of all there is.
type expectation struct {
	of    string
	lines []string
}

// option says whether an option is set.
func (c *testCase) option(name string) bool { _, ok := c.options[name]; return ok }

// number gives an option's value; -1 if it is not set.
func (c *testCase) number(name string) int64 {
	if v, ok := c.options[name]; ok {
		n, _ := strconv.ParseInt(v, 10, 64) // checked by the parser
		return n
	}
	return -1
}

// optionsOf lists the options of each kind of case.
var optionsOf = map[string][]string{
	"query": {"ordered", "splits", "late", "bad"}, "job": {"splits", "late", "bad"},
	"live": {}, "error": {"plan", "run"}, "explain": {},
}

// parseFile reads a golden file. name is how it is called in messages.
func parseFile(path, name string) (*file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &file{name: name, lines: strings.Split(string(text), "\n")}
	set := setting{sources: map[string]*input{}}
	origin := false
	for i := 0; i < len(f.lines); {
		l := f.lines[i]
		if l == "" || strings.HasPrefix(l, "#") {
			origin = origin || strings.HasPrefix(l, "# Expected:")
			i++
			continue
		}
		end := i + 1
		for end < len(f.lines) && f.lines[end] != "" {
			end++
		}
		if err := f.block(&set, i, end); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		i = end
	}
	if !origin {
		return nil, fmt.Errorf("%s: no comment begins with \"# Expected:\" and says where the expected rows come from", path)
	}
	if len(f.cases) == 0 {
		return nil, fmt.Errorf("%s: no case", path)
	}
	return f, nil
}

// block parses the lines from one empty line to the next.
func (f *file) block(set *setting, from, end int) error {
	words := strings.Fields(f.lines[from])
	body := slices.DeleteFunc(slices.Clone(f.lines[from+1:end]), func(l string) bool { return strings.HasPrefix(l, "#") })
	switch kind := words[0]; kind {
	case "setup":
		set.ddl = append(slices.Clone(set.ddl), strings.TrimRight(strings.Join(body, "\n"), ";\n ")+";")
	case "source":
		return set.source(words[1:], body)
	case "sink":
		if len(words) != 2 {
			return fmt.Errorf("sink takes a name")
		}
		set.table("SINK", words[1], body, "'connector' = 'capture'")
	case "query", "job", "live", "error", "explain":
		c := &testCase{setting: *set, file: f.name, kind: kind, options: map[string]string{}, line: from + 1, end: end}
		c.sources = maps.Clone(set.sources)
		for _, w := range words[1:] {
			name, value, valued := strings.Cut(w, "=")
			if !slices.Contains(optionsOf[kind], name) {
				return fmt.Errorf("%s has no option %s", kind, name)
			}
			if _, err := strconv.Atoi(value); valued && err != nil {
				return fmt.Errorf("option %s: %q is no number", name, value)
			}
			c.options[name] = value
		}
		if err := c.split(body); err != nil {
			return err
		}
		f.cases = append(f.cases, c)
	default:
		return fmt.Errorf("unknown block %q", kind)
	}
	return nil
}

// split divides the body of a case into SQL and what is expected.
func (c *testCase) split(body []string) error {
	var text []string
	for _, l := range body {
		rest, dashes := strings.CutPrefix(l, "----")
		switch {
		case dashes:
			c.want = append(c.want, expectation{of: strings.TrimSpace(rest)})
		case len(c.want) == 0:
			text = append(text, l)
		default:
			w := &c.want[len(c.want)-1]
			w.lines = append(w.lines, l)
		}
	}
	if len(c.want) == 0 {
		return fmt.Errorf("a %s block needs a line ---- before what is expected", c.kind)
	}
	c.sql = strings.TrimRight(strings.TrimSpace(strings.Join(text, "\n")), ";")
	return nil
}

// source parses a source block.
func (s *setting) source(words, body []string) error {
	if len(words) == 0 {
		return fmt.Errorf("source takes a name")
	}
	name, in := words[0], &input{n: 1, splits: [][]string{nil}}
	for _, w := range words[1:] {
		n, isSplits := strings.CutPrefix(w, "splits=")
		switch {
		case w == "live":
			in.live = true
		case w == "changelog":
			in.whole = true
		case w == "upsert":
			in.whole, in.upsert = true, true
		case w == "static":
			in.static = true
		case w == "lookup":
			in.lookup = true
		case strings.Contains(w, "=") && !isSplits:
			k, v, _ := strings.Cut(w, "=")
			in.options += fmt.Sprintf(", '%s' = '%s'", k, v)
		case isSplits:
			var err error
			if in.n, err = strconv.Atoi(n); err != nil {
				return err
			}
		default:
			return fmt.Errorf("source has no option %s", w)
		}
	}
	cols, records := body, []string(nil)
	if k := slices.Index(body, "----"); k >= 0 {
		cols, records = body[:k], body[k+1:]
	}
	in.add(records)
	options := fmt.Sprintf("'connector' = 'rows', 'name' = '%s', 'live' = '%t'", name, in.live)
	if in.upsert {
		options += ", 'changelog' = 'upsert'"
	} else if in.whole {
		options += ", 'changelog' = 'true'"
	}
	if in.static {
		options += ", 'static' = 'true'"
	}
	options += in.options
	if slices.ContainsFunc(cols, func(l string) bool { return strings.HasPrefix(l, "with ") && strings.Contains(l, "'format'") }) {
		// The block says it.
	} else if first := in.first(); strings.HasPrefix(first, "{") || first == "" {
		options += ", 'format' = 'json'"
	} else {
		options += ", 'format' = 'csv', 'csv.header' = 'false'"
	}
	s.table("SOURCE", name, cols, options)
	s.sources = maps.Clone(s.sources)
	s.sources[name] = in
	return nil
}

// table adds the statement that creates a source or sink.
func (s *setting) table(what, name string, body []string, options string) {
	var cols []string
	for _, l := range body {
		if rest, ok := strings.CutPrefix(l, "with "); ok {
			options += ", " + rest
		} else {
			cols = append(cols, l)
		}
	}
	s.ddl = append(slices.Clone(s.ddl), fmt.Sprintf("CREATE OR REPLACE %s %s (\n%s\n) WITH (%s);", what, name, strings.Join(cols, "\n"), options))
}

func (in *input) add(lines []string) {
	cur := 0
	for _, l := range lines {
		if rest, ok := strings.CutPrefix(l, "split "); ok {
			if n, err := strconv.Atoi(rest); err == nil {
				in.given = true
				cur = n
				for len(in.splits) <= n {
					in.splits = append(in.splits, nil)
				}
				continue
			}
		}
		in.splits[cur] = append(in.splits[cur], l)
	}
}

// first gives the first record, without a timestamp before it.
func (in *input) first() string {
	for _, s := range in.splits {
		if len(s) > 0 {
			return parseRecord(s[0]).text
		}
	}
	return ""
}

// dealt gives the records in n splits: as the file says, or dealt out in turn.
func (in *input) dealt(n int) [][]record {
	if in.live {
		return make([][]record, in.n)
	}
	if in.given || in.whole {
		n = len(in.splits)
	}
	out := make([][]record, n)
	for k, s := range in.splits {
		for i, l := range s {
			if !in.given && !in.whole {
				k = i % n
			}
			out[k] = append(out[k], parseRecord(l))
		}
	}
	return out
}
