//go:build unix

package testservice

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
)

// ErrUnavailable is wrapped by errors that say that a service can't be had on
// this machine.
var ErrUnavailable = errors.New("not available on this machine")

// Require skips the test if err wraps ErrUnavailable, unless services are
// required, and fails it at any other error.
func Require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrUnavailable) && os.Getenv("STREAMSQL_REQUIRE_SERVICES") != "1":
		t.Skipf("skipped: %v", err)
	default:
		t.Fatal(err)
	}
}

var atEnd struct {
	sync.Mutex
	stops []func()
}

// onEnd has stop called when the tests of the package are done.
func onEnd(stop func()) {
	atEnd.Lock()
	atEnd.stops = append(atEnd.stops, stop)
	atEnd.Unlock()
}

// Main runs the tests of a package and ends the services that they share. Call
// it from TestMain, with checks to make afterwards.
func Main(m *testing.M, checks ...func() error) {
	code := m.Run()
	for _, stop := range atEnd.stops {
		stop()
	}
	for _, check := range checks {
		if err := check(); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// freePorts gives ports of the loopback interface that nobody listens on.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
