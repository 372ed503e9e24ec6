package sql

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// file is a parsed golden file.
type file struct {
	name   string
	setup  string
	inputs map[string]*input
	cases  []*testCase
}

// input is the records of one source.
type input struct {
	// splits holds the records by split, if any line says so.
	splits [][]string
	given  bool
}

// testCase is one query, live, error or explain block.
type testCase struct {
	kind    string // query, live, error, explain
	options map[string]string
	line    int // of its first line, from 1
	sql     string
	want    []string
	// wantFrom and wantTo are the lines of want, for -rewrite.
	wantFrom, wantTo int
}

// option says whether an option is set.
func (c *testCase) option(name string) bool { _, ok := c.options[name]; return ok }

// number gives an option's value; -1 if it is not set.
func (c *testCase) number(name string) int64 {
	v, ok := c.options[name]
	if !ok {
		return -1
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("option %s: %v", name, err))
	}
	return n
}

// parseFile reads a golden file.
func parseFile(path string) (*file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &file{name: path, inputs: map[string]*input{}}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); {
		if l := lines[i]; l == "" || strings.HasPrefix(l, "#") {
			i++
			continue
		}
		end := i + 1
		for end < len(lines) && lines[end] != "" {
			end++
		}
		if err := f.block(lines[i:end], i); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		i = end
	}
	if len(f.cases) == 0 {
		return nil, fmt.Errorf("%s: no case", path)
	}
	return f, nil
}

func (f *file) block(lines []string, at int) error {
	words := strings.Fields(lines[0])
	body := lines[1:]
	switch words[0] {
	case "setup":
		f.setup += strings.Join(body, "\n") + "\n"
		return nil
	case "rows":
		if len(words) != 2 {
			return fmt.Errorf("rows takes the name of a source")
		}
		f.inputs[words[1]] = parseInput(body)
		return nil
	case "query", "live", "error", "explain":
	default:
		return fmt.Errorf("unknown block %q", words[0])
	}
	c := &testCase{kind: words[0], options: map[string]string{}, line: at + 1}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		c.options[name] = value
	}
	dashes := -1
	for i, l := range body {
		if l == "----" {
			dashes = i
			break
		}
	}
	if dashes < 0 {
		return fmt.Errorf("a %s block needs a line ---- before what is expected", c.kind)
	}
	c.sql = strings.TrimRight(strings.TrimSpace(strings.Join(body[:dashes], "\n")), ";")
	c.want = body[dashes+1:]
	c.wantFrom, c.wantTo = at+1+dashes+1, at+1+len(body)
	f.cases = append(f.cases, c)
	return nil
}

func parseInput(lines []string) *input {
	in := &input{splits: [][]string{nil}}
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
	return in
}

// dealt gives the records in n splits: as the file says, or dealt out in turn.
func (in *input) dealt(n int) [][]string {
	if in.given {
		return in.splits
	}
	out := make([][]string, n)
	for i, r := range in.splits[0] {
		out[i%n] = append(out[i%n], r)
	}
	return out
}
