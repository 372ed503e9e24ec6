package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/streamsql/streamsql"
)

// progress shows how a job goes on standard error: one live line on a terminal,
// JSON lines, or nothing.
type progress struct {
	w    io.Writer
	mode string // auto, off, json
	line bool   // a live line stands on the screen
}

func newProgress(mode string, w *os.File) *progress {
	if mode == "auto" && !isTerminal(w) {
		mode = "off"
	}
	return &progress{w: w, mode: mode}
}

func isTerminal(f *os.File) bool {
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// report shows the state at a commit, or between two while something is amiss.
func (p *progress) report(s streamsql.Progress) {
	switch p.mode {
	case "json":
		b, err := json.Marshal(s)
		if err == nil {
			fmt.Fprintln(p.w, string(b))
		}
	case "auto":
		p.line = true
		fmt.Fprintf(p.w, "\r\033[K%s", progressLine(s))
	}
}

// end leaves the live line behind.
func (p *progress) end() {
	if p.line {
		fmt.Fprintln(p.w)
	}
}

// progressLine is the state in one line.
func progressLine(s streamsql.Progress) string {
	var b strings.Builder
	fmt.Fprintf(&b, "micro-batch %d  %s records  %s/s", s.Epoch, count(s.RunRecords), count(int64(s.RecordsPerSec)))
	var low *time.Time
	for _, src := range s.Sources {
		if src.Watermark != nil && (low == nil || src.Watermark.Before(*low)) {
			low = src.Watermark
		}
	}
	if low != nil {
		fmt.Fprintf(&b, "  watermark %s  lag %s", low.Format("15:04:05.000"), s.Time.Sub(*low).Round(time.Second))
	}
	if s.StateRows > 0 {
		fmt.Fprintf(&b, "  state %s rows", count(s.StateRows))
	}
	fmt.Fprintf(&b, "  late %s  bad %s", count(s.Late), count(s.Bad))
	for _, src := range s.Sources {
		if src.State != "" {
			fmt.Fprintf(&b, "  %s: %s", src.Name, brief(src.State))
		}
		if n := len(src.Held); n > 0 {
			fmt.Fprintf(&b, "  %s: %d of %d splits held", src.Name, n, src.Splits)
		}
	}
	for _, sink := range s.Sinks {
		if sink.State != "" {
			fmt.Fprintf(&b, "  %s: %s", sink.Name, brief(sink.State))
		}
	}
	return b.String()
}

// brief cuts what is amiss to what fits into a line; the log and the JSON lines have
// it whole.
func brief(state string) string {
	const most = 100
	state = strings.Join(strings.Fields(state), " ")
	if r := []rune(state); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return state
}

// count shortens a number: 12.3 M.
func count(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f G", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	case n >= 1e4:
		return fmt.Sprintf("%.1f k", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}
