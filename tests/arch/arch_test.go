// Package arch holds the rules of the house that a compiler does not check.
package arch

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/streamsql/streamsql"

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func packages(t *testing.T) map[string]*pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	pkgs := map[string]*pkg{}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for dec.More() {
		p := new(pkg)
		if err := dec.Decode(p); err != nil {
			t.Fatal(err)
		}
		pkgs[strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")] = p
	}
	return pkgs
}

// room is the top-level folder of an import path of ours; exec/expr counts as a
// room of its own. "" is the root package, ok is false for others' packages.
func room(path string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(path, module)
	if !ok {
		return "", false
	}
	rest = strings.TrimPrefix(rest, "/")
	if strings.HasPrefix(rest, "exec/expr") {
		return "exec/expr", true
	}
	name, _, _ = strings.Cut(rest, "/")
	return name, true
}

// TestImportRule holds the rule of docs: which room may import which. internal
// holds small things without knowledge of the rest, so all may import it.
func TestImportRule(t *testing.T) {
	allowed := map[string][]string{
		"parser":     {},
		"catalog":    {"parser"},
		"planner":    {"parser", "catalog"},
		"connectors": {"catalog"},
		"statestore": {},
		"exec/expr":  {"catalog", "exec/column"},
		"exec":       {"planner", "catalog", "connectors", "statestore", "exec/expr"},
		"internal":   {},
	}
	seen := map[string]bool{}
	for name, p := range packages(t) {
		from, _ := room(p.ImportPath)
		rule, checked := allowed[from]
		if !checked {
			continue
		}
		seen[from] = true
		for _, imp := range p.Imports {
			to, ours := room(imp)
			if !ours || to == from || to == "internal" {
				continue
			}
			ok := false
			for _, a := range rule {
				ok = ok || a == to || strings.HasPrefix(imp, module+"/"+a)
			}
			if !ok {
				t.Errorf("%s imports %s: %s may import %v only", name, imp, from, rule)
			}
			if to == "cmd" || to == "" {
				t.Errorf("%s imports %s", name, imp)
			}
		}
	}
	for from := range allowed {
		if !seen[from] {
			t.Errorf("no package in %s: the rule is out of date", from)
		}
	}
}

// TestPlannerAlone: someone who wants only "SQL in, plan out" gets neither Kafka
// nor Pebble.
func TestPlannerAlone(t *testing.T) {
	for _, d := range packages(t)["planner"].Deps {
		for _, heavy := range []string{"kafka-go", "cockroachdb/pebble", module + "/exec", module + "/connectors", module + "/statestore"} {
			if strings.Contains(d, heavy) {
				t.Errorf("planner depends on %s", d)
			}
		}
	}
}
