package statestore

import (
	"io"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// logFS is the file system that Pebble sees. It closes two gaps.
//
// Pebble points a marker file at a new manifest and syncs the directory once,
// after both exist; that holds if a crash keeps directory entries in the order
// they were made, which POSIX does not promise. Here the directory is synced
// before a marker appears.
//
// Where a write-ahead log can't be made or a directory can't be synced, Pebble
// panics, under locks and on goroutines of its own. So it never learns: the
// first write that fails is latched, which fails the store for good, and from
// then on every write seems to succeed and does nothing. To the disk that is a
// crash at that instant; Pebble can be closed in good order; and since each call
// on the store looks at the latch before it reports success, nothing is
// acknowledged. Links and removals may fail: Pebble copes with that.
type logFS struct {
	vfs.FS
	fault *fault
}

// open makes a file of what an operation that opens one for writing returned.
func (fs logFS) open(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		fs.fault.set(err)
		f = vfs.NewMemFile(nil)
	}
	return logFile{File: f, fault: fs.fault}, nil
}

func (fs logFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.fault.err(); err != nil {
		return fs.open(nil, err)
	}
	if strings.HasPrefix(fs.PathBase(name), "marker.") {
		if err := syncDir(fs.FS, fs.PathDir(name)); err != nil {
			return fs.open(nil, err)
		}
	}
	return fs.open(fs.FS.Create(name, category))
}

func (fs logFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if err := fs.fault.err(); err != nil {
		return fs.open(nil, err)
	}
	return fs.open(fs.FS.OpenReadWrite(name, category, opts...))
}

func (fs logFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.fault.err(); err != nil {
		return fs.open(nil, err)
	}
	return fs.open(fs.FS.ReuseForWrite(from, to, category))
}

func (fs logFS) OpenDir(name string) (vfs.File, error) { return fs.open(fs.FS.OpenDir(name)) }

func (fs logFS) Rename(from, to string) error {
	return fs.fault.hide(func() error { return fs.FS.Rename(from, to) })
}

func (fs logFS) MkdirAll(dir string, perm os.FileMode) error {
	return fs.fault.hide(func() error { return fs.FS.MkdirAll(dir, perm) })
}

func (fs logFS) Link(from, to string) error {
	if err := fs.fault.err(); err != nil {
		return err
	}
	return fs.FS.Link(from, to)
}

func (fs logFS) Remove(name string) error {
	if fs.fault.err() != nil {
		return nil
	}
	return fs.FS.Remove(name)
}

// Lock does nothing: the store has locked the directory above, and gives that
// up even if Pebble can't be closed.
func (fs logFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (fs logFS) Unwrap() vfs.FS { return fs.FS }

// logFile is a file, or directory, that Pebble writes.
type logFile struct {
	vfs.File
	fault *fault
}

func (f logFile) Write(p []byte) (int, error) {
	return len(p), f.fault.hide(func() error { _, err := f.File.Write(p); return err })
}

func (f logFile) WriteAt(p []byte, off int64) (int, error) {
	return len(p), f.fault.hide(func() error { _, err := f.File.WriteAt(p, off); return err })
}

func (f logFile) Preallocate(off, length int64) error {
	return f.fault.hide(func() error { return f.File.Preallocate(off, length) })
}

func (f logFile) Sync() error { return f.fault.hide(f.File.Sync) }

func (f logFile) SyncData() error { return f.fault.hide(f.File.SyncData) }

func (f logFile) SyncTo(length int64) (full bool, err error) {
	err = f.fault.hide(func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, err
}

func (f logFile) Close() error {
	if err := f.File.Close(); err != nil {
		f.fault.set(err)
	}
	return nil
}
