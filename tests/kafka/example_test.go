//go:build unix

package kafka

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/internal/testservice"
)

// The example of the tutorial runs from nothing to its totals.
func TestExample(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "streamsql")
	if out, err := exec.Command("go", "build", "-o", bin, "github.com/streamsql/streamsql/cmd/streamsql").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd := exec.Command("../../docs/examples/kafka/run.sh", bin, t.TempDir())
	cmd.Env = append(os.Environ(), fmt.Sprint("PORT=", port))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		testservice.Require(t, fmt.Errorf("%s: %w", out, testservice.ErrUnavailable))
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// 500 orders a minute of 1 to 100, five times each.
	for minute := range 9 {
		if want := fmt.Sprintf(`{"minute":"2024-05-01 10:%02d:00.000","orders":500,"total":25250.00}`, minute); !strings.Contains(string(out), want) {
			t.Errorf("%s is missing in\n%s", want, out)
		}
	}
}
