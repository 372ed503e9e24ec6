// Package crashfs is a file system in memory for tests of crashes. It is
// Pebble's vfs.MemFS without its deadlock: MemFS.Link takes the lock that
// excludes CrashClone twice, so that a clone which comes between the two waits
// for the link, and the link for the clone.
package crashfs

import (
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is a crashable file system.
type FS struct {
	*vfs.MemFS
	linking sync.Mutex // held by a Link or a CrashClone
}

// New returns an empty file system.
func New() *FS {
	return &FS{MemFS: vfs.NewCrashableMem()}
}

// Link implements vfs.FS.
func (fs *FS) Link(oldname, newname string) error {
	fs.linking.Lock()
	defer fs.linking.Unlock()
	return fs.MemFS.Link(oldname, newname)
}

// CrashClone returns the file system as a crash at this instant may leave it;
// this one can go on to be used.
func (fs *FS) CrashClone(cfg vfs.CrashCloneCfg) *FS {
	fs.linking.Lock()
	defer fs.linking.Unlock()
	return &FS{MemFS: fs.MemFS.CrashClone(cfg)}
}
