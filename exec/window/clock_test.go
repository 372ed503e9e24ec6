package window

import (
	"slices"
	"testing"

	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// TestShift: rows whose reading of the clock is older than the last firing are in
// the windows of the moment, once in each.
func TestShift(t *testing.T) {
	for name, win := range map[string]planner.Window{
		"tumble":   {Kind: planner.TumbleWindow, Size: 10},
		"hop":      {Kind: planner.HopWindow, Size: 15, Slide: 5, Offset: 2},
		"cumulate": {Kind: planner.CumulateWindow, Size: 20, Slide: 5},
	} {
		win.Proc = true
		for fired := int64(40); fired < 70; fired++ {
			for at := fired - 35; at < fired; at++ {
				w := &updating{ctx: &op.Context{Counters: op.Counters{}}, o: &planner.WindowAgg{Window: win}, s: newSpec(win), fired: fired}
				pane, _, _ := w.s.paneOf(at)
				var got, want []int64
				sent := w.s.windowsOf(pane, nil)
				for _, x := range sent {
					got = append(got, w.unfired(w.s.windowBucket(x), 3)...)
				}
				moment, _, _ := w.s.paneOf(fired)
				for _, x := range w.s.windowsOf(moment, nil) {
					want = append(want, w.s.windowBucket(x))
				}
				if _, end := w.s.edges(sent[0]); end > fired { // none has fired
					want = want[:0]
					for _, x := range sent {
						want = append(want, w.s.windowBucket(x))
					}
				} else if _, end := w.s.edges(sent[len(sent)-1]); win.Kind == planner.CumulateWindow && end > fired {
					want = slices.DeleteFunc(want, func(n int64) bool { return w.s.windowOf(n).end > end })
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("%s: rows of %d, at %d: windows %v, want %v", name, at, fired, got, want)
				}
				if n := w.ctx.Counters[countShifted]; n != int64(3*(len(got)-len(sent))) {
					t.Fatalf("%s: rows of %d, at %d: %d pairs more, want %d", name, at, fired, n, 3*(len(got)-len(sent)))
				}
			}
		}
	}
}
