//go:build unix

package crash

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/streamsql/streamsql/internal/testservice"
)

// args are settings that may differ from run to run.
func args(rng *rand.Rand) []string {
	return []string{"--parallelism", strconv.Itoa(1 + rng.IntN(3)), "--batch-rows", strconv.Itoa([]int{61, 1000, 16384}[rng.IntN(3)])}
}

// chaos lets things go wrong, until the time is over.
func (s *soak) chaos(d time.Duration, more ...func(*rand.Rand) string) {
	s.t.Helper()
	rng := rand.New(rand.NewPCG(s.seed, 1))
	broker := func() int { return rng.IntN(max(1, s.brokers())) }
	between := func(lo, hi int) time.Duration { return time.Duration(lo+rng.IntN(hi-lo)) * time.Millisecond }
	// away ends a broker for a while, and sometimes the engine meanwhile.
	away := func(rng *rand.Rand, end func(*testservice.Process)) {
		i := broker()
		s.feeding.Lock()
		defer s.feeding.Unlock()
		end(s.k.Broker(i))
		time.Sleep(between(10, 4000))
		if rng.IntN(3) == 0 {
			s.end(syscall.SIGKILL)
			s.start(args(rng)...)
		}
		if err := s.k.Restart(i); err != nil {
			s.t.Error(err)
		}
	}
	faults := []func(*rand.Rand) string{
		func(rng *rand.Rand) string { s.end(syscall.SIGKILL); s.start(args(rng)...); return "kill" },
		func(rng *rand.Rand) string { s.end(syscall.SIGKILL); s.start(args(rng)...); return "kill" },
		func(rng *rand.Rand) string {
			for range 3 {
				s.end(syscall.SIGKILL)
				s.start(args(rng)...)
				time.Sleep(between(50, 1500))
			}
			return "three kills"
		},
		func(rng *rand.Rand) string {
			s.end(syscall.SIGKILL)
			time.Sleep(between(500, 8000))
			s.start(args(rng)...)
			return "kill, later start"
		},
		func(rng *rand.Rand) string { s.end(syscall.SIGTERM); s.start(args(rng)...); return "stop" },
		func(rng *rand.Rand) string { s.pause(between(5000, 15000)); return "engine stands still" },
		func(rng *rand.Rand) string {
			b := s.k.Broker(broker())
			s.feeding.Lock()
			defer s.feeding.Unlock()
			if err := b.Pause(); err != nil {
				s.t.Error(err)
			}
			time.Sleep(between(2000, 12000))
			if rng.IntN(3) == 0 {
				s.end(syscall.SIGKILL)
				s.start(args(rng)...)
				time.Sleep(between(10, 3000))
			}
			if err := b.Resume(); err != nil {
				s.t.Error(err)
			}
			return "broker stands still"
		},
		func(rng *rand.Rand) string {
			away(rng, (*testservice.Process).Stop)
			return "broker restarts"
		},
		func(rng *rand.Rand) string {
			time.Sleep(between(0, 1500))
			away(rng, (*testservice.Process).Kill)
			return "broker is killed"
		},
		func(rng *rand.Rand) string {
			i := broker()
			s.end(syscall.SIGKILL)
			time.Sleep(between(0, 4000))
			s.feeding.Lock()
			defer s.feeding.Unlock()
			s.k.Broker(i).Kill()
			if err := s.k.Restart(i); err != nil {
				s.t.Error(err)
			}
			s.start(args(rng)...)
			return "all is killed"
		},
	}
	// Named points, most of them within a commit.
	faults = append(faults, func(rng *rand.Rand) string {
		for range 4 {
			point := fmt.Sprintf("%s:%d", points[rng.IntN(len(points))], 1+rng.IntN(12))
			s.end(syscall.SIGKILL)
			s.startWith(point, args(rng)...)
			select {
			case <-s.ended:
			case <-time.After(20 * time.Second):
			}
		}
		s.end(syscall.SIGKILL)
		s.start(args(rng)...)
		return "four named points"
	})
	if len(s.k.Proxies) > 0 {
		all := func(do func(*testservice.Proxy)) {
			for _, p := range s.k.Proxies {
				do(p)
			}
		}
		faults = append(faults, func(rng *rand.Rand) string {
			for range 10 {
				all((*testservice.Proxy).CutAll)
				time.Sleep(between(1, 900))
			}
			return "connections break"
		}, func(rng *rand.Rand) string {
			mode := testservice.ProxyMode{CutAfter: 1 << (8 + rng.IntN(12)), Delay: time.Duration(rng.IntN(20)) * time.Millisecond}
			all(func(p *testservice.Proxy) { p.Set(mode); p.CutAll() })
			time.Sleep(between(1000, 9000))
			all(func(p *testservice.Proxy) { p.Set(testservice.ProxyMode{}); p.CutAll() })
			return "connections break after some bytes"
		}, func(rng *rand.Rand) string {
			all(func(p *testservice.Proxy) { p.Set(testservice.ProxyMode{Silent: true}) })
			time.Sleep(between(1000, 9000))
			all(func(p *testservice.Proxy) { p.Set(testservice.ProxyMode{}); p.CutAll() })
			return "connections go dumb"
		})
	}
	faults = append(faults, more...)
	count := map[string]int{}
	for deadline := time.Now().Add(d); time.Now().Before(deadline); {
		select {
		case err := <-s.broken:
			s.t.Fatal(err)
		case <-time.After(between(300, 9000)):
		}
		at := time.Now()
		what := faults[rng.IntN(len(faults))](rng)
		count[what]++
		p, n := s.now()
		s.t.Logf("%s %s (%v), micro-batch %d (%d of this run), state %d, late %d, bad %d", at.Format("15:04:05.000"), what, time.Since(at).Round(time.Millisecond), p.Epoch, n, p.StateRows, p.Late, p.Bad)
	}
	s.t.Logf("faults: %v", count)
}

func (s *soak) brokers() int { return strings.Count(s.k.Addr, ",") + 1 }
