package statestore

import (
	"crypto/rand"
	"io"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of a store. The zero value is usable.
type Options struct {
	// FS is the file system. Default: the operating system's.
	FS vfs.FS
	// Logger gets what Pebble has to say. Default: nothing is logged.
	Logger *slog.Logger
	// Rand is the source of the store's identity. Default: crypto/rand.
	Rand io.Reader
	// MemoryBudget bounds, in bytes, what Pebble itself holds: its block cache
	// and memtables. Default 32 MiB. (The working set belongs to the operators.)
	MemoryBudget int64
	// SmallCommit is the size in bytes from which on a commit is ingested as
	// SSTs instead of going through the write-ahead log. Default 1 MiB.
	SmallCommit int
	// LogSlack is the size in bytes that the log may have beyond twice the live
	// data before rows are evacuated from its tail. Default 16 MiB.
	LogSlack int64
	// RunSize is the number of bytes after which a shard's blocks are written
	// out before its commit has all of them, to bound memory. Default 64 MiB.
	RunSize int
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.MemoryBudget <= 0 {
		o.MemoryBudget = 32 << 20
	}
	if o.SmallCommit <= 0 {
		o.SmallCommit = 1 << 20
	}
	if o.LogSlack <= 0 {
		o.LogSlack = 16 << 20
	}
	if o.RunSize <= 0 {
		o.RunSize = 64 << 20
	}
	return o
}
