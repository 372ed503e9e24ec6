package planner_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

var rewriteGolden = flag.Bool("rewrite", false, "write what comes out into the golden files")

// TestGolden runs testdata/*.txt. A file is a list of cases:
//
//	command [argument]
//	SQL
//	----
//	what it gives
//
// with an empty line after each. Commands:
//
//	script     a new session; its answer is kept for the rest of the file
//	plan       plans of the SELECTs and of the job of a script, after the script
//	verbose    the same with properties
//	all        the same, also of what the engine can't run yet
//	warn       the warnings of a script
//	error      the errors of a script, as people see them
//	rows       the rows and messages of a script
//	ids        the state ids and canonical texts of a script's plans
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { runGolden(t, f) })
	}
}

func runGolden(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	setup := ""
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		if strings.HasPrefix(block, "#") {
			out.WriteString(block + "\n\n")
			continue
		}
		input, want, _ := strings.Cut(block+"\n", "\n----\n")
		command, sql, _ := strings.Cut(input, "\n")
		got := ""
		if command == "script" {
			setup = sql
			if _, err := analyze(options(), setup, ""); err != nil {
				got = formatted(err)
			}
		} else {
			got = goldenCase(command, setup, sql)
		}
		got = strings.TrimSuffix(got, "\n")
		if got != strings.TrimSuffix(want, "\n") && !*rewriteGolden {
			t.Errorf("%s:\n%s\ngave\n%s\nwant\n%s", command, sql, got, want)
		}
		out.WriteString(input + "\n----\n" + got)
		if got != "" {
			out.WriteString("\n")
		}
		out.WriteString("\n")
	}
	if *rewriteGolden {
		if err := os.WriteFile(file, []byte(strings.TrimSuffix(out.String(), "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// analyze runs a setup script, then another one, in a new session.
func analyze(o planner.Options, setup, sql string) (*planner.Script, error) {
	s := planner.New(o)
	if setup != "" {
		if script, err := s.Analyze(parser.NewSource("setup.sql", setup)); err != nil || sql == "" {
			return script, err
		}
	}
	return s.Analyze(parser.NewSource("q.sql", sql))
}

func formatted(err error) string {
	var list parser.ErrorList
	if errors.As(err, &list) {
		return strings.ReplaceAll(list.Format(), "\n\n", "\n")
	}
	return "not a list of errors: " + err.Error()
}

func goldenCase(command, setup, sql string) string {
	o := options()
	script, err := analyze(o, setup, sql)
	if err != nil {
		return formatted(err)
	}
	if command == "error" {
		return "no error"
	}
	var b strings.Builder
	if command == "warn" {
		return warnings(script)
	}
	for _, step := range script.Steps {
		switch step := step.(type) {
		case *planner.Select:
			writePlan(&b, command, step.Plan)
		case *planner.Job:
			writePlan(&b, command, step.Plan)
		case *planner.Rows:
			b.WriteString(strings.Join(step.Cols, " | ") + "\n")
			for _, r := range step.Rows {
				b.WriteString(strings.Join(r, " | ") + "\n")
			}
		case *planner.Message:
			if command == "rows" {
				b.WriteString(step.Text + "\n")
			}
		}
	}
	return b.String() + warnings(script)
}

func warnings(script *planner.Script) string {
	var b strings.Builder
	for _, w := range script.Warnings {
		b.WriteString("warning: " + w.Error() + "\n")
	}
	return b.String()
}

func writePlan(b *strings.Builder, command string, p *planner.Plan) {
	if command != "ids" {
		b.WriteString(p.Explain(command == "verbose" || command == "all"))
		return
	}
	for _, n := range p.Nodes {
		if n.Canonical != "" {
			b.WriteString(n.Name() + ": " + n.Canonical + "\n")
		}
	}
}
