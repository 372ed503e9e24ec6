package statestore

import (
	"errors"
	"fmt"
)

// ErrClosed is returned by calls on a closed store.
var ErrClosed = errors.New("statestore: the store is closed")

// LockedError says that another process (or another Store of this one) has the
// directory open.
type LockedError struct {
	Dir string
	Err error // of the operating system
}

// Error implements error.
func (e *LockedError) Error() string {
	return fmt.Sprintf("statestore: state directory %s is in use by another process (lock: %v)", e.Dir, e.Err)
}

// Unwrap gives the cause.
func (e *LockedError) Unwrap() error { return e.Err }

// VersionError says that the state was written by a newer program.
type VersionError struct {
	Dir              string
	Found, Supported int
}

// Error implements error.
func (e *VersionError) Error() string {
	return fmt.Sprintf("statestore: state in %s has format version %d, this program reads up to %d; use a newer program",
		e.Dir, e.Found, e.Supported)
}

// DamageError says that what is on disk is not what was written. State that is
// damaged is refused as a whole, never read in part.
type DamageError struct {
	Dir  string
	What string // the damaged thing
	Err  error  // cause; may be nil
}

// Error implements error.
func (e *DamageError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("statestore: state in %s is damaged: %s", e.Dir, e.What)
	}
	return fmt.Sprintf("statestore: state in %s is damaged: %s: %v", e.Dir, e.What, e.Err)
}

// Unwrap gives the cause.
func (e *DamageError) Unwrap() error { return e.Err }
