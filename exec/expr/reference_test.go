package expr

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write docs/sql/functions.md anew")

// TestReference holds docs/sql/functions.md to the functions.
func TestReference(t *testing.T) {
	const page = "../../docs/sql/functions.md"
	var b bytes.Buffer
	if err := WriteReference(&b, Functions().All()); err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		if err := os.MkdirAll("../../docs/sql", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Error("docs/sql/functions.md is not current: go test ./exec/expr -run TestReference -rewrite")
	}
}
