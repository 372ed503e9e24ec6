package table

import (
	"syscall"
	"time"
)

// cpuTime is the user and system time of the process, threadTime that of the
// calling thread.
func cpuTime() time.Duration    { return usage(syscall.RUSAGE_SELF) }
func threadTime() time.Duration { return usage(syscall.RUSAGE_THREAD) }

func usage(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
