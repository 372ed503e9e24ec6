//go:build !linux

package table

import "time"

func cpuTime() time.Duration    { return 0 }
func threadTime() time.Duration { return 0 }
