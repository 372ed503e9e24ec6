package docs

import (
	"encoding/csv"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/exec/agg"
)

// TestAggregateExamples runs the examples of the aggregate functions.
func TestAggregateExamples(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "streamsql")
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/streamsql").CombinedOutput(); err != nil {
		t.Fatalf("building the binary: %v\n%s", err, out)
	}
	for _, f := range agg.Functions() {
		if len(f.Examples) == 0 || f.Doc == "" || len(f.Signatures) == 0 {
			t.Errorf("%s is not documented", f.Name)
		}
		for _, e := range f.Examples {
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				run := exec.Command(bin, "-e", e.SQL, "--format", "csv", "--progress", "off")
				run.Dir = t.TempDir()
				out, err := run.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v\n%s", e.SQL, err, out)
				}
				r := csv.NewReader(strings.NewReader(string(out)))
				rows, err := r.ReadAll()
				if err != nil || len(rows) != 2 || len(rows[1]) != 1 {
					t.Fatalf("%s: %v\n%s", e.SQL, err, out)
				}
				if got := rows[1][0]; got != e.Result {
					t.Errorf("%s\n got %s\nwant %s", e.SQL, got, e.Result)
				}
			})
		}
	}
}
