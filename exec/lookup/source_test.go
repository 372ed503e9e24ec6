package lookup

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/planner"
)

// flaky fails so many times, then finds nothing.
type flaky struct{ fail, calls int }

func (f *flaky) Open(context.Context) error { return nil }

func (f *flaky) Lookup(context.Context, []arrow.Array, int, memory.Allocator) (*connectors.Found, error) {
	if f.calls++; f.calls <= f.fail {
		return nil, errors.New("no connection")
	}
	return &connectors.Found{}, nil
}

func (f *flaky) Close() error { return nil }

// A lookup that fails is tried again, after longer and longer waits, as often as the
// option says.
func TestRetries(t *testing.T) {
	for _, test := range []struct {
		fail, retries int
		waits         time.Duration
		err           string
	}{
		{0, 3, 0, ""},
		{3, 3, 700 * time.Millisecond, ""},
		{4, 3, 700 * time.Millisecond, "lookup in t: no connection (tried 4 times)"},
		{1, 0, 0, "lookup in t: no connection (tried 1 times)"},
		{9, 9, 32700 * time.Millisecond, ""}, // 0.1 + 0.2 + ... + 6.4 + 10 + 10
	} {
		synctest.Test(t, func(t *testing.T) {
			conn := &flaky{fail: test.fail}
			s, err := NewSource(&planner.LookupJoin{Source: "t", Match: &planner.StaticJoin{}, Retries: test.retries}, conn, expr.Options{}, clock.System{}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, err = s.ask(nil, 1, memory.DefaultAllocator)
			if test.err == "" && err != nil || test.err != "" && (err == nil || err.Error() != test.err) {
				t.Errorf("%+v: %v", test, err)
			}
			if d := time.Since(start); d != test.waits {
				t.Errorf("%+v: waited %v", test, d)
			}
		})
	}
}

// A lookup that waits to be tried again ends with the job.
func TestRetryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewSource(&planner.LookupJoin{Source: "t", Match: &planner.StaticJoin{}, Retries: 1 << 30}, &flaky{fail: 1 << 30}, expr.Options{}, clock.System{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Open(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ask(nil, 1, memory.DefaultAllocator); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "tried") {
			t.Error(err)
		}
	})
}
