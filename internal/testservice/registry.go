//go:build unix

package testservice

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

const registryVersion = "3.0.9"

// Registry is a real schema registry, Apicurio, which keeps its schemas in memory.
type Registry struct {
	URL     string // of Confluent's API
	process *Process
}

// StartRegistry starts a registry that logs to dir and waits until it serves.
func StartRegistry(dir string) (*Registry, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return nil, fmt.Errorf("the schema registry needs java in PATH: %w", ErrUnavailable)
	}
	jars, err := cached("apicurio-"+registryVersion, "the schema registry's jars", func(dir string) *exec.Cmd {
		return exec.Command("sh", "-c", `mvn -B -q dependency:copy "-Dartifact=io.apicurio:apicurio-registry-app:$1:tar.gz:all" "-DoutputDirectory=$2" && tar -xzf "$2"/*.tar.gz -C "$2" && rm "$2"/*.tar.gz`, "sh", registryVersion, dir)
	})
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	r := &Registry{URL: "http://" + local(ports[0]) + "/apis/ccompat/v7"}
	r.process, err = startProcess(filepath.Join(dir, "registry.log"), nil, "java", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"-Dquarkus.http.host=127.0.0.1", "-Dquarkus.http.port="+strconv.Itoa(ports[0]), "-jar", filepath.Join(jars, "apicurio-registry-app-"+registryVersion+"-runner.jar"))
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		res, err := http.Get(r.URL + "/subjects")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return r, nil
			}
			err = errors.New(res.Status)
		}
		if !r.process.Running() || time.Now().After(deadline) {
			text := r.process.tail()
			r.Close()
			return nil, fmt.Errorf("the schema registry does not start: %w\n%s", err, text)
		}
	}
}

// Close ends the registry.
func (r *Registry) Close() { r.process.Kill() }

var sharedRegistry struct {
	sync.Mutex
	*Registry
}

// SharedRegistry gives the registry that the tests of the package share; Main ends
// it. The test is skipped where there can be none.
func SharedRegistry(t testing.TB) *Registry {
	t.Helper()
	sharedRegistry.Lock()
	defer sharedRegistry.Unlock()
	if sharedRegistry.Registry != nil {
		return sharedRegistry.Registry
	}
	dir, err := os.MkdirTemp("", "registry")
	if err != nil {
		t.Fatal(err)
	}
	r, err := StartRegistry(dir)
	if err != nil {
		os.RemoveAll(dir)
		Require(t, err)
	}
	sharedRegistry.Registry = r
	onEnd(func() {
		r.Close()
		os.RemoveAll(dir)
	})
	return r
}
