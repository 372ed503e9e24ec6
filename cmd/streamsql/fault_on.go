//go:build faults

package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/streamsql/streamsql/connectors"
)

// The process kills itself with SIGKILL at the place that the environment
// variable STREAMSQL_FAULT names as POINT:N, N the how-many-eth time. POINT is a
// named point of a commit (see exec.Config.Fault), sink-fs for a change that
// sinks make in the file system, or state-fs for one that the state makes.
var (
	fault   = faultAt(os.Getenv("STREAMSQL_FAULT"))
	sinkFS  = connectors.FS(faultyFS{connectors.OS})
	stateFS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			fault("state-fs")
		}
		return nil
	}))
)

func faultAt(spec string) func(point string) {
	at, nth, _ := strings.Cut(spec, ":")
	n, err := strconv.ParseInt(nth, 10, 64)
	if at == "" || err != nil {
		return func(string) {}
	}
	var seen atomic.Int64
	return func(point string) {
		if point == at && seen.Add(1) == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the signal arrives
		}
	}
}

// faultyFS calls fault before every change.
type faultyFS struct{ connectors.FS }

func (f faultyFS) Create(name string) (connectors.File, error) {
	fault("sink-fs")
	file, err := f.FS.Create(name)
	return faultyFile{file}, err
}

func (f faultyFS) OpenAppend(name string) (connectors.File, error) {
	file, err := f.FS.OpenAppend(name)
	return faultyFile{file}, err
}

func (f faultyFS) Rename(from, to string) error {
	fault("sink-fs")
	return f.FS.Rename(from, to)
}

func (f faultyFS) Remove(name string) error {
	fault("sink-fs")
	return f.FS.Remove(name)
}

func (f faultyFS) SyncDir(name string) error {
	fault("sink-fs")
	return f.FS.SyncDir(name)
}

type faultyFile struct{ connectors.File }

func (f faultyFile) Write(p []byte) (int, error) {
	// Half of the bytes may be there when the process dies.
	if len(p) > 1 {
		n, err := f.File.Write(p[:len(p)/2])
		if err != nil {
			return n, err
		}
		fault("sink-fs")
		m, err := f.File.Write(p[len(p)/2:])
		return n + m, err
	}
	fault("sink-fs")
	return f.File.Write(p)
}

func (f faultyFile) Sync() error {
	fault("sink-fs")
	return f.File.Sync()
}

func (f faultyFile) Truncate(size int64) error {
	fault("sink-fs")
	return f.File.Truncate(size)
}
