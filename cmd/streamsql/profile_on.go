//go:build profile

package main

import (
	"fmt"
	"os"
	"runtime/pprof"
)

// beginProfile writes the CPU profile of the whole run to the file that the
// environment variable STREAMSQL_PROFILE names.
func beginProfile() (end func()) {
	f, err := os.Create(os.Getenv("STREAMSQL_PROFILE"))
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "no profile:", err)
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}
}
