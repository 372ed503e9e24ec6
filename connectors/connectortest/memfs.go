package connectortest

import (
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/streamsql/streamsql/connectors"
)

// MemFS is a file system in memory that knows what is durable. Crash gives what
// a power loss leaves: the names synced by SyncDir and the bytes synced by Sync,
// and of later changes some.
type MemFS struct {
	mu   sync.Mutex
	dirs map[string]*memDir
	now  time.Time
	fail func(op Op, name string, n int) (int, error)
}

// Op is an operation that can be made to fail.
type Op string

// The operations.
const (
	OpOpen     Op = "open"
	OpCreate   Op = "create"
	OpRead     Op = "read"
	OpWrite    Op = "write"
	OpTruncate Op = "truncate"
	OpSync     Op = "sync"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpSyncDir  Op = "syncdir"
)

type memDir struct {
	names   map[string]*inode // files; directories stand in MemFS.dirs
	durable map[string]*inode
	// pending are the changes since the last SyncDir, in order.
	pending []func(names map[string]*inode)
}

type inode struct {
	data   []byte
	synced []byte
	mtime  time.Time
}

var _ connectors.FS = (*MemFS)(nil)

// NewMemFS makes an empty file system with the directory "/".
func NewMemFS() *MemFS {
	return &MemFS{dirs: map[string]*memDir{"/": newMemDir()}, now: time.Date(2024, 1, 15, 10, 0, 0, 0, time.UTC)}
}

func newMemDir() *memDir {
	return &memDir{names: map[string]*inode{}, durable: map[string]*inode{}}
}

// Fail makes operations fail as f says; n is the number of bytes of a write, and
// f gives how many of them are written before the error. nil: none fails.
func (m *MemFS) Fail(f func(op Op, name string, n int) (int, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = f
}

// check asks whether an operation is to fail. The lock is held.
func (m *MemFS) check(op Op, name string, n int) (int, error) {
	if m.fail == nil {
		return n, nil
	}
	n, err := m.fail(op, name, n)
	if err != nil {
		err = &fs.PathError{Op: string(op), Path: name, Err: err}
	}
	return n, err
}

// Crash gives the file system as found after a power loss. With a nil rng
// nothing survives but what was synced; else some of the rest does.
func (m *MemFS) Crash(rng *rand.Rand) *MemFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := &MemFS{dirs: map[string]*memDir{}, now: m.now}
	moved := map[*inode]*inode{}
	move := func(old *inode) *inode {
		if n := moved[old]; n != nil {
			return n
		}
		data := old.synced
		if rng != nil {
			switch rng.IntN(3) {
			case 0:
				data = old.data
			case 1: // some of what was added
				if len(old.data) > len(old.synced) {
					data = old.data[:len(old.synced)+rng.IntN(len(old.data)-len(old.synced)+1)]
				}
			}
		}
		n := &inode{data: slices.Clone(data), synced: slices.Clone(data), mtime: old.mtime}
		moved[old] = n
		return n
	}
	for dir, d := range m.dirs {
		names := mapsClone(d.durable)
		if rng != nil && len(d.pending) > 0 {
			for _, change := range d.pending[:rng.IntN(len(d.pending)+1)] {
				change(names)
			}
		}
		nd := newMemDir()
		for name, i := range names {
			nd.names[name] = move(i)
			nd.durable[name] = nd.names[name]
		}
		out.dirs[dir] = nd
	}
	return out
}

func mapsClone(m map[string]*inode) map[string]*inode {
	c := make(map[string]*inode, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// Files gives the text of all files by path.
func (m *MemFS) Files() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	files := map[string]string{}
	for dir, d := range m.dirs {
		for name, i := range d.names {
			files[path.Join(dir, name)] = string(i.data)
		}
	}
	return files
}

// WriteFile makes a durable file, with the directories above it.
func (m *MemFS) WriteFile(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = clean(name)
	m.mkdirs(path.Dir(name))
	m.now = m.now.Add(time.Second)
	i := &inode{data: slices.Clone(data), synced: slices.Clone(data), mtime: m.now}
	d := m.dirs[path.Dir(name)]
	d.names[path.Base(name)], d.durable[path.Base(name)] = i, i
}

func clean(name string) string { return path.Clean("/" + name) }

func (m *MemFS) mkdirs(dir string) {
	for ; m.dirs[dir] == nil; dir = path.Dir(dir) {
		m.dirs[dir] = newMemDir()
	}
}

// find gives a file and its directory. The lock is held.
func (m *MemFS) find(op Op, name string) (*memDir, *inode, error) {
	d := m.dirs[path.Dir(name)]
	if d == nil || d.names[path.Base(name)] == nil {
		return nil, nil, &fs.PathError{Op: string(op), Path: name, Err: fs.ErrNotExist}
	}
	return d, d.names[path.Base(name)], nil
}

// change alters the names of a directory, now and, once synced, for good.
func (d *memDir) change(f func(map[string]*inode)) {
	f(d.names)
	d.pending = append(d.pending, f)
}

// Open implements connectors.FS.
func (m *MemFS) Open(name string) (connectors.File, error) { return m.open(name, false) }

// OpenAppend implements connectors.FS.
func (m *MemFS) OpenAppend(name string) (connectors.File, error) { return m.open(name, true) }

func (m *MemFS) open(name string, write bool) (connectors.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = clean(name)
	if _, err := m.check(OpOpen, name, 0); err != nil {
		return nil, err
	}
	_, i, err := m.find(OpOpen, name)
	if err != nil {
		return nil, err
	}
	return &memFile{m, name, i, write}, nil
}

// Create implements connectors.FS.
func (m *MemFS) Create(name string) (connectors.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = clean(name)
	if _, err := m.check(OpCreate, name, 0); err != nil {
		return nil, err
	}
	d := m.dirs[path.Dir(name)]
	switch {
	case d == nil:
		return nil, &fs.PathError{Op: string(OpCreate), Path: name, Err: fs.ErrNotExist}
	case d.names[path.Base(name)] != nil || m.dirs[name] != nil:
		return nil, &fs.PathError{Op: string(OpCreate), Path: name, Err: fs.ErrExist}
	}
	i := &inode{mtime: m.now}
	d.change(func(names map[string]*inode) { names[path.Base(name)] = i })
	return &memFile{m, name, i, true}, nil
}

// Stat implements connectors.FS.
func (m *MemFS) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = clean(name)
	if m.dirs[name] != nil {
		return memInfo{name: path.Base(name), dir: true}, nil
	}
	_, i, err := m.find("stat", name)
	if err != nil {
		return nil, err
	}
	return memInfo{path.Base(name), int64(len(i.data)), i.mtime, false}, nil
}

// ReadDir implements connectors.FS.
func (m *MemFS) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = clean(name)
	d := m.dirs[name]
	if d == nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var entries []fs.DirEntry
	for n, i := range d.names {
		entries = append(entries, fs.FileInfoToDirEntry(memInfo{n, int64(len(i.data)), i.mtime, false}))
	}
	for dir := range m.dirs {
		if dir != "/" && path.Dir(dir) == name {
			entries = append(entries, fs.FileInfoToDirEntry(memInfo{name: path.Base(dir), dir: true}))
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// MkdirAll implements connectors.FS. Directories are durable at once.
func (m *MemFS) MkdirAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mkdirs(clean(name))
	return nil
}

// Rename implements connectors.FS, within a directory.
func (m *MemFS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to = clean(from), clean(to)
	if _, err := m.check(OpRename, from, 0); err != nil {
		return err
	}
	d, i, err := m.find(OpRename, from)
	if err != nil {
		return err
	}
	if path.Dir(from) != path.Dir(to) {
		return fmt.Errorf("rename %s %s: across directories", from, to)
	}
	d.change(func(names map[string]*inode) {
		delete(names, path.Base(from))
		names[path.Base(to)] = i
	})
	return nil
}

// Remove implements connectors.FS.
func (m *MemFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = clean(name)
	if _, err := m.check(OpRemove, name, 0); err != nil {
		return err
	}
	d, _, err := m.find(OpRemove, name)
	if err != nil {
		return err
	}
	d.change(func(names map[string]*inode) { delete(names, path.Base(name)) })
	return nil
}

// SyncDir implements connectors.FS.
func (m *MemFS) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = clean(name)
	if _, err := m.check(OpSyncDir, name, 0); err != nil {
		return err
	}
	d := m.dirs[name]
	if d == nil {
		return &fs.PathError{Op: string(OpSyncDir), Path: name, Err: fs.ErrNotExist}
	}
	d.durable, d.pending = mapsClone(d.names), nil
	return nil
}

// memFile is an open file.
type memFile struct {
	fs    *MemFS
	name  string
	inode *inode
	write bool
}

func (f *memFile) ReadAt(p []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if _, err := f.fs.check(OpRead, f.name, len(p)); err != nil {
		return 0, err
	}
	if at >= int64(len(f.inode.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.inode.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Write(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if !f.write {
		return 0, fs.ErrPermission
	}
	n, err := f.fs.check(OpWrite, f.name, len(p))
	f.inode.data = append(f.inode.data, p[:n]...)
	f.inode.mtime = f.fs.now
	return n, err
}

func (f *memFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if _, err := f.fs.check(OpTruncate, f.name, 0); err != nil {
		return err
	}
	for int64(len(f.inode.data)) < size {
		f.inode.data = append(f.inode.data, 0)
	}
	f.inode.data = slices.Clone(f.inode.data[:size])
	return nil
}

func (f *memFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if _, err := f.fs.check(OpSync, f.name, 0); err != nil {
		return err
	}
	f.inode.synced = slices.Clone(f.inode.data)
	return nil
}

func (f *memFile) Stat() (fs.FileInfo, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return memInfo{path.Base(f.name), int64(len(f.inode.data)), f.inode.mtime, false}, nil
}

func (f *memFile) Close() error { return nil }

type memInfo struct {
	name  string
	size  int64
	mtime time.Time
	dir   bool
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) ModTime() time.Time { return i.mtime }
func (i memInfo) IsDir() bool        { return i.dir }
func (i memInfo) Sys() any           { return nil }
func (i memInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
