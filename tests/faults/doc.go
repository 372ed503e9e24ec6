// Package faults runs a job on disks that fail: full ones, ones whose fsync
// fails, ones that lose or change bits of the state. The job must say what is
// wrong, must show no torn and no wrong rows, and must end with exactly the right
// ones when the disk is sound again.
package faults
