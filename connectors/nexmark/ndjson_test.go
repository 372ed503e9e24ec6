package nexmark

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
)

// TestWriteNDJSON holds the parallel writer against the encoder, at ends of runs
// and for any number of cores.
func TestWriteNDJSON(t *testing.T) {
	cfg := DefaultConfig()
	g := newGenerator(t, cfg)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, cores := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(cores)
		for _, c := range [][2]int64{{5, 5}, {7, 3}, {0, 1}, {1, 2*ndjsonRun + 1}, {100, 4*ndjsonRun + 99}, {1 << 40, 1<<40 + ndjsonRun}} {
			var want []byte
			encoder := g.NewEncoder()
			for n := c[0]; n < c[1]; n++ {
				want = encoder.Append(want, n)
			}
			var got bytes.Buffer
			if err := WriteNDJSON(&got, cfg, c[0], c[1]); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%d cores, events %d to %d: %d bytes differ from the encoder's %d", cores, c[0], c[1], got.Len(), len(want))
			}
		}
	}
}

type brokenWriter struct {
	left int
	err  error
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	w.left--
	if w.left < 0 {
		return 0, w.err
	}
	return len(p), nil
}

func TestWriteNDJSONErrors(t *testing.T) {
	full := errors.New("no space")
	for left := range 5 {
		w := &brokenWriter{left, full}
		if err := WriteNDJSON(w, DefaultConfig(), 0, 1_000_000); !errors.Is(err, full) {
			t.Errorf("error %v, want %v", err, full)
		}
		if w.left != -1 {
			t.Errorf("%d writes after the error", -1-w.left)
		}
	}
	if err := WriteNDJSON(&bytes.Buffer{}, Config{}, 0, 1); err == nil {
		t.Error("no error for a configuration without a rate")
	}
	if err := WriteNDJSON(&bytes.Buffer{}, DefaultConfig(), -1, 1); err == nil {
		t.Error("no error for event -1")
	}
}
