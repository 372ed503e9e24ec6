package nexmark

import (
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
)

// ndjsonRun is how many events one goroutine encodes at a time: about 1.4 MB.
const ndjsonRun = 4096

// WriteNDJSON writes the events from number from up to, not including, number to
// as lines of JSON, in order. It encodes on all cores and holds a few MB for each.
// The error is one of cfg or of w.
func WriteNDJSON(w io.Writer, cfg Config, from, to int64) error {
	g, err := New(cfg)
	if err != nil {
		return err
	}
	if from < 0 {
		return fmt.Errorf("nexmark: there is no event %d", from)
	}

	// Runs of events are dealt out in turn; each worker hands its run over by a
	// channel of its own, so the writer meets them in order.
	workers := runtime.GOMAXPROCS(0)
	full := make([]chan []byte, workers)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := range workers {
		full[i] = make(chan []byte)
		wg.Go(func() {
			defer close(full[i])
			encoder := g.NewEncoder()
			// One buffer is written while the other is filled.
			var buffers [2][]byte
			for k, start := 0, from+int64(i)*ndjsonRun; start < to && !stop.Load(); k, start = k+1, start+int64(workers)*ndjsonRun {
				text := buffers[k&1][:0]
				for n := start; n < min(start+ndjsonRun, to); n++ {
					text = encoder.Append(text, n)
				}
				buffers[k&1] = text
				full[i] <- text
			}
		})
	}
	for i := 0; ; i = (i + 1) % workers {
		text, ok := <-full[i]
		if !ok {
			break
		}
		if err == nil {
			if _, err = w.Write(text); err != nil {
				stop.Store(true)
			}
		}
	}
	// After an error, runs of other workers may still wait to be taken.
	for i := range full {
		for range full[i] {
		}
	}
	wg.Wait()
	return err
}
