//go:build faults

package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// fault kills the process with SIGKILL at a named point of a commit: the
// environment variable STREAMSQL_FAULT is POINT:N, N the how-many-eth time.
var fault = func() func(point string) {
	at, nth, _ := strings.Cut(os.Getenv("STREAMSQL_FAULT"), ":")
	n, err := strconv.ParseInt(nth, 10, 64)
	if at == "" || err != nil {
		return nil
	}
	var seen atomic.Int64
	return func(point string) {
		if point == at && seen.Add(1) == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
}()
