package parser

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the parser gives into testdata as what is expected")

// format gives an error as the user sees it.
func format(err error) string {
	var list ErrorList
	if errors.As(err, &list) {
		return list.Format()
	}
	return err.Error()
}

func readFiles(t testing.TB, pattern string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files testdata/%s (%v)", pattern, err)
	}
	files := make(map[string]string, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = string(text)
	}
	return files
}

// TestScripts reads whole scripts: the Nexmark schema and queries unchanged, and
// scripts as people bring them from Flink.
func TestScripts(t *testing.T) {
	for _, pattern := range []string{"nexmark/*.sql", "flink/*.sql"} {
		for path, text := range readFiles(t, pattern) {
			t.Run(path, func(t *testing.T) {
				src := NewSource(filepath.Base(path), text)
				stmts, err := Parse(src)
				if err != nil {
					t.Fatal(format(err))
				}
				if len(stmts) == 0 {
					t.Fatal("no statements")
				}
				for _, stmt := range stmts {
					checkTree(t, src, stmt)
				}
				if !Complete(text + ";") {
					t.Error("a prompt would ask for more")
				}
			})
		}
	}
}

// A block of a data-driven file is an input, a line of four hyphens and what is
// expected, up to an empty line. Lines that start with # before an input are
// comments. An empty line of what is expected is written as a point; an input can't
// have one.
type block struct {
	comment, input, want string
}

func readBlocks(text string) []block {
	var blocks []block
	var b block
	part := &b.input
	flush := func() {
		if b.input != "" {
			blocks = append(blocks, b)
		}
		b = block{}
		part = &b.input
	}
	for _, line := range strings.Split(text, "\n") {
		switch {
		case line == "":
			flush()
		case line == "----":
			part = &b.want
		case strings.HasPrefix(line, "# ") && b.input == "":
			b.comment += line + "\n"
		default:
			*part += line + "\n"
		}
	}
	flush()
	return blocks
}

func (b block) String() string { return b.comment + b.input + "----\n" + b.want }

// runBlocks compares what run gives for each input with what the file expects, or
// writes it there.
func runBlocks(t *testing.T, pattern string, run func(t *testing.T, input string) string) {
	for path, text := range readFiles(t, pattern) {
		t.Run(path, func(t *testing.T) {
			blocks := readBlocks(text)
			for i := range blocks {
				b := &blocks[i]
				got := run(t, strings.TrimSuffix(b.input, "\n")) + "\n"
				got = strings.ReplaceAll(got, "\n\n", "\n.\n")
				if *rewrite {
					b.want = got
				} else if got != b.want {
					t.Errorf("%sgives\n%s\nexpected\n%s", b.input, got, b.want)
				}
			}
			if *rewrite {
				var parts []string
				for _, b := range blocks {
					parts = append(parts, b.String())
				}
				if err := os.WriteFile(path, []byte(strings.Join(parts, "\n")), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestPrint reads one statement of every form that the dialect has, and says what
// was understood.
func TestPrint(t *testing.T) {
	runBlocks(t, "print/*.txt", func(t *testing.T, input string) string {
		src := NewSource("test.sql", input)
		stmts, err := Parse(src)
		if err != nil {
			return format(err)
		}
		var prints []string
		for _, stmt := range stmts {
			checkTree(t, src, stmt)
			prints = append(prints, Print(stmt))
		}
		return strings.Join(prints, "\n")
	})
}

// TestErrors reads wrong statements, and says what the user is told.
func TestErrors(t *testing.T) {
	runBlocks(t, "errors/*.txt", func(t *testing.T, input string) string {
		stmts, err := Parse(NewSource("test.sql", input))
		if err == nil {
			t.Errorf("%s\nis no error", input)
			return "parses as " + Print(stmts[0])
		}
		return format(err)
	})
}

// TestSame reads groups of statements, one a line, with an empty line between the
// groups. Those of a group have the same tree; a line that starts with != has
// another one than the first.
func TestSame(t *testing.T) {
	for path, text := range readFiles(t, "same/*.txt") {
		t.Run(path, func(t *testing.T) {
			for _, group := range strings.Split(text, "\n\n") {
				var first, shape string
				for _, line := range strings.Split(strings.TrimSpace(group), "\n") {
					if strings.HasPrefix(line, "# ") {
						continue
					}
					line, differs := strings.CutPrefix(line, "!= ")
					src := NewSource("test.sql", line)
					stmts, err := Parse(src)
					if err != nil {
						t.Error(format(err))
						continue
					}
					for _, stmt := range stmts {
						checkTree(t, src, stmt)
					}
					got := shapeOf(stmts)
					switch {
					case first == "":
						first, shape = line, got
					case differs && got == shape:
						t.Errorf("%s\nis the same as\n%s", line, first)
					case !differs && got != shape:
						t.Errorf("%s\n%s\nis not the same as\n%s\n%s", line, got, first, shape)
					}
				}
			}
		})
	}
}
