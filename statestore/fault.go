package statestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// fault latches the first failure that leaves Pebble in an unknown state: a
// write-ahead log or manifest that can't be written, a flush or compaction that
// fails. From then on every call on the store returns it; the way out is to
// close the store and open it again.
type fault struct {
	log     *slog.Logger
	once    sync.Once
	failed  chan struct{}
	cause   error
	opening atomic.Bool // pebble.Open is running
	stuck   chan error  // why it never will return
	// abandoned says that Pebble can't be closed: it tries a flush for ever.
	abandoned atomic.Bool
}

func newFault(log *slog.Logger) *fault {
	return &fault{log: log, failed: make(chan struct{}), stuck: make(chan error, 1)}
}

func (f *fault) set(err error) {
	f.once.Do(func() {
		f.cause = fmt.Errorf("statestore: the store failed: %w", err)
		close(f.failed)
		f.log.Error("state store failed", "error", err)
	})
}

// err returns the failure, or nil.
func (f *fault) err() error {
	select {
	case <-f.failed:
		return f.cause
	default:
		return nil
	}
}

// hide runs a write on Pebble's behalf. A failure is latched instead of returned,
// and nothing is written once there was one.
func (f *fault) hide(write func() error) error {
	if f.err() == nil {
		if err := write(); err != nil {
			f.set(err)
		}
	}
	return nil
}

// do runs an operation of Pebble. Its success counts only if nothing has failed.
func (f *fault) do(op func() error) error {
	if err := f.err(); err != nil {
		return err
	}
	err := op()
	if ferr := f.err(); ferr != nil {
		return ferr
	}
	return err
}

// Infof, Errorf and Fatalf make fault a pebble.Logger. Pebble calls Fatalf where
// it can't go on after a failed write; its default ends the process.
func (f *fault) Infof(format string, args ...any) {
	if f.log.Enabled(context.Background(), slog.LevelDebug) {
		f.log.Debug(fmt.Sprintf(format, args...))
	}
}

func (f *fault) Errorf(format string, args ...any) {
	f.log.Warn(fmt.Sprintf(format, args...))
}

func (f *fault) Fatalf(format string, args ...any) {
	f.set(fmt.Errorf(format, args...))
}

// listener returns the callbacks that feed the latch.
func (f *fault) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			if errors.Is(err, pebble.ErrCancelledCompaction) {
				return
			}
			if f.opening.Load() {
				// Open waits until its flushes succeed and would try for ever.
				select {
				case f.stuck <- err:
				default:
				}
				runtime.Goexit()
			}
			f.set(err)
			if f.abandoned.Load() {
				runtime.Goexit()
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			f.Errorf("%s", info)
		},
	}
}
