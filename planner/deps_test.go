package planner_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDependencies holds the wall around the planner: SQL in, plan out, with
// the parser and the catalog and nothing else of the engine, no Kafka, no
// Pebble.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	const module = "github.com/streamsql/streamsql/"
	seen := map[string]bool{}
	for _, dep := range strings.Fields(string(out)) {
		if own, ok := strings.CutPrefix(dep, module); ok {
			seen[own] = true
			if own != "planner" && own != "parser" && own != "catalog" {
				t.Errorf("the planner imports %s", dep)
			}
		}
		for _, bad := range []string{"kafka", "pebble", "readline"} {
			if strings.Contains(dep, bad) {
				t.Errorf("the planner imports %s", dep)
			}
		}
	}
	if !seen["parser"] || !seen["catalog"] {
		t.Errorf("the list of dependencies is not one: %s", out)
	}
}
