package producer

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// quiet is how long requests may fail before that is told: leaders move and
// coordinators load every day.
const quiet = time.Second

// Monitor keeps what producers are trying again, for the progress of a job, and
// logs it once. The zero value and nil serve too.
type Monitor struct {
	Log *slog.Logger

	mu       sync.Mutex
	troubles map[string]trouble
}

// trouble is something that is tried again.
type trouble struct {
	what     string
	attempts int
	next     time.Time
	err      error
}

// warn logs what users should know, once.
func (m *Monitor) warn(text string, args ...any) {
	if m != nil && m.Log != nil {
		m.Log.Warn(text, args...)
	}
}

// failed says that what has failed again, for the attempts-th time since a time.
func (m *Monitor) failed(key, what string, since time.Time, attempts int, pause time.Duration, err error) {
	if m == nil || time.Since(since) < quiet {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.troubles == nil {
		m.troubles = map[string]trouble{}
	}
	if _, known := m.troubles[key]; !known && m.Log != nil {
		m.Log.Warn(what+", trying again", "error", err)
	}
	m.troubles[key] = trouble{what, attempts, time.Now().Add(pause), err}
}

// over says that it is not tried any more.
func (m *Monitor) over(key string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, known := m.troubles[key]; known {
		delete(m.troubles, key)
		if m.Log != nil {
			m.Log.Info("this has passed: " + t.what)
		}
	}
}

// State says for people what is amiss, "" if nothing is.
func (m *Monitor) State() string {
	if m == nil {
		return ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	first, more := "", ""
	for key, t := range m.troubles {
		if worst := m.troubles[first]; first == "" || t.attempts > worst.attempts || t.attempts == worst.attempts && key < first {
			first = key
		}
	}
	if first == "" {
		return ""
	}
	if n := len(m.troubles) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more such)", n)
	}
	t := m.troubles[first]
	return fmt.Sprintf("%s%s: %v; attempt %d, the next in %s", t.what, more, t.err, t.attempts+1, max(0, time.Until(t.next)).Round(100*time.Millisecond))
}
