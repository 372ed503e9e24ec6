package docs

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the outputs of the pages anew")

// The pages with examples, from the root of the repository.
var pages = []string{
	"README.md", "docs/tutorial.md", "docs/operations.md",
	"docs/sql/statements.md", "docs/sql/types.md", "docs/sql/queries.md", "docs/sql/joins.md", "docs/sql/joins-time.md", "docs/sql/windows.md", "docs/sql/over.md", "docs/sql/explain.md", "docs/sql/functions-elsewhere.md", "docs/sql/ranking.md", "docs/sql/errors.md", "docs/sql/static.md", "docs/sql/lookup.md",
	"docs/formats/json.md", "docs/formats/csv.md", "docs/formats/raw.md", "docs/formats/changes.md", "docs/formats/avro.md", "docs/formats/protobuf.md", "docs/formats/registry.md", "docs/formats/parquet.md", "docs/formats/columns.md",
}

func TestPages(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "streamsql"), "../../cmd/streamsql").CombinedOutput(); err != nil {
		t.Fatalf("building the binary: %v\n%s", err, out)
	}
	for _, name := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runPage(t, filepath.Join("../..", name), bin)
		})
	}
}

func runPage(t *testing.T, file, bin string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := parsePage(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	dir := t.TempDir()
	outputs := map[*block]string{}
	for _, b := range p.blocks {
		if b.isFile() {
			name := filepath.Join(dir, b.arg)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if !b.runs() {
			continue
		}
		out, exit := b.run(t, dir, bin)
		if b.output != nil {
			outputs[b.output] = out
			if out != b.output.text && !*rewrite {
				t.Errorf("%s:%d: the block printed\n%s\nand not, as the page says,\n%s", file, b.line, out, b.output.text)
			}
		}
		if exit != b.exit || b.output == nil && strings.Contains(out, "error: ") {
			t.Errorf("%s:%d: the block ended with exit code %d, not %d\n%s", file, b.line, exit, b.exit, out)
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(p.rewritten(outputs)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs a block in dir and gives what it printed and its exit code.
func (b *block) run(t *testing.T, dir, bin string) (string, int) {
	cmd := exec.Command("bash", "-c", b.text)
	if b.lang == "sql" {
		cmd = exec.Command(filepath.Join(bin, "streamsql"))
		cmd.Stdin = strings.NewReader(b.text)
	}
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+dir, "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// The pages that stand in this folder are all listed: a new one is not forgotten.
func TestAllPagesAreListed(t *testing.T) {
	generated := map[string]bool{"docs/sql/functions.md": true, "docs/sql/aggregates.md": true, "docs/sql/settings.md": true}
	found, err := filepath.Glob("../../docs/sql/*.md")
	if err != nil {
		t.Fatal(err)
	}
	formats, err := filepath.Glob("../../docs/formats/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found = append(found, formats...)
	listed := map[string]bool{}
	for _, p := range pages {
		listed[p] = true
	}
	for _, f := range found {
		name := strings.TrimPrefix(filepath.ToSlash(f), "../../")
		if !listed[name] && !generated[name] {
			t.Errorf("%s is neither generated nor tested", name)
		}
	}
}

func TestParsePage(t *testing.T) {
	p, err := parsePage("a\n```sh\nexit 3\n```\ntext\n```output exit 3\nold\nlines\n```\n```json x.json\n{}\n```\nend")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.blocks) != 2 || p.blocks[0].exit != 3 || p.blocks[0].output.text != "old\nlines\n" || p.blocks[1].text != "{}\n" {
		t.Errorf("blocks %+v", p.blocks)
	}
	got := p.rewritten(map[*block]string{p.blocks[0].output: "new\n"})
	want := "a\n```sh\nexit 3\n```\ntext\n```output exit 3\nnew\n```\n```json x.json\n{}\n```\nend"
	if got != want {
		t.Errorf("rewritten:\n%s", got)
	}
	for _, bad := range []string{"```output\n```", "```sh\nx\n", "```sh\n```\n```output 3\n```"} {
		if _, err := parsePage(bad); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}
