package connectors

import (
	"io"
	"io/fs"
	"os"
	"syscall"
)

// FS is the file system as connectors see it. Tests put one in its place that
// forgets on a crash what was not synced, or fails on command. Errors are those
// of package os: errors.Is(err, fs.ErrNotExist) and so on.
type FS interface {
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Create makes a file that must not exist yet, for writing at its end.
	Create(name string) (File, error)
	// OpenAppend opens an existing file for writing at its end.
	OpenAppend(name string) (File, error)
	Stat(name string) (fs.FileInfo, error)
	// ReadDir lists a directory, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	MkdirAll(name string) error
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.Writer
	io.Closer
	Truncate(size int64) error
	// Sync makes the file's bytes durable.
	Sync() error
	Stat() (fs.FileInfo, error)
}

// OS is the operating system's file system.
var OS FS = osFS{}

type osFS struct{}

func (osFS) Open(name string) (File, error) { return openFile(name, os.O_RDONLY) }

func (osFS) Create(name string) (File, error) {
	return openFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL)
}

func (osFS) OpenAppend(name string) (File, error) { return openFile(name, os.O_WRONLY|os.O_APPEND) }

func openFile(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o644)
	if err != nil {
		return nil, err // not f: a nil *os.File is no nil File
	}
	return f, nil
}

func (osFS) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
func (osFS) MkdirAll(name string) error                 { return os.MkdirAll(name, 0o755) }
func (osFS) Rename(from, to string) error               { return os.Rename(from, to) }
func (osFS) Remove(name string) error                   { return os.Remove(name) }

func (osFS) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if pe, ok := err.(*fs.PathError); ok && pe.Err == syscall.EINVAL {
		err = nil // a file system that can't sync directories keeps names by itself
	}
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

// Files gives the file system to use: FS, or the operating system's.
func (e *Env) Files() FS {
	if e.FS == nil {
		return OS
	}
	return e.FS
}
