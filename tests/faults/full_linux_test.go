package faults

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk lets real disks run full: that of the sinks, that of the state. The
// job says so; with more room the next run goes on to the right end.
func TestFullDisk(t *testing.T) {
	for _, full := range []string{"thirds", "state"} {
		t.Run(full, func(t *testing.T) {
			dir := directory(t)
			mount := filepath.Join(dir, full)
			if err := os.Mkdir(mount, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mount("none", mount, "tmpfs", 0, "size=16k"); err != nil {
				t.Skipf("no mount: %v", err)
			}
			t.Cleanup(func() {
				if err := syscall.Unmount(mount, 0); err != nil {
					t.Error(err)
				}
			})
			err := run(t.Context(), dir, disks{}, nil)
			if err == nil || !errors.Is(err, syscall.ENOSPC) && !strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
				t.Fatalf("error %v, want one that says %v", err, syscall.ENOSPC)
			}
			if !strings.Contains(err.Error(), full) {
				t.Errorf("error %v does not say that it is about %s", err, full)
			}
			if err := checkPart(dir); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mount("none", mount, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
				t.Fatal(err)
			}
			if err := run(t.Context(), dir, disks{}, nil); err != nil {
				t.Fatal(err)
			}
			if err := checkWhole(dir); err != nil {
				t.Fatal(err)
			}
		})
	}
}
