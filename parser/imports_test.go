package parser

import (
	goparser "go/parser"
	gotoken "go/token"
	"os"
	"strings"
	"testing"
)

// TestImports holds the walls of the package: it imports nothing of this module, and
// TiDB's parser is known to one file, so no type of it can leave the package by way
// of another.
func TestImports(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := goparser.ParseFile(gotoken.NewFileSet(), f.Name(), nil, goparser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range file.Imports {
			path := strings.Trim(imp.Path.Value, `"`)
			if strings.HasPrefix(path, "github.com/streamsql/streamsql") {
				t.Errorf("%s imports %s", f.Name(), path)
			}
			if strings.Contains(path, "pingcap") && f.Name() != "shape.go" {
				t.Errorf("%s imports %s", f.Name(), path)
			}
		}
	}
}
