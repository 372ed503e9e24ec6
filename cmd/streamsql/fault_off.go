//go:build !faults

package main

import (
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/streamsql/streamsql/connectors"
)

// Places to crash at, in test builds (see fault_on.go).
var (
	fault   func(point string)
	sinkFS  connectors.FS
	stateFS vfs.FS
)
