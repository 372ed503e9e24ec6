//go:build unix

package testservice

import (
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Proxy passes TCP connections on to a server, and spoils them as it is told.
type Proxy struct {
	Addr string // to connect to

	target   string
	listener net.Listener
	done     sync.WaitGroup

	mu    sync.Mutex
	rng   *rand.Rand
	conns map[net.Conn]bool
	mode  ProxyMode
	cuts  int
	ended bool
}

// ProxyMode is what happens to connections from now on.
type ProxyMode struct {
	// CutAfter closes both ends of a new connection after a random number of bytes
	// below it, in either direction; 0: never.
	CutAfter int
	// Delay is how long each piece of data is held back.
	Delay time.Duration
	// Silent takes data and passes none on, of connections that stand as well: they
	// look alive at both ends.
	Silent bool
	// Alter is given each piece of data that the server sends, and may change its bytes.
	// It may be called for several connections at once.
	Alter func(data []byte)
	// Refuse closes connections as soon as they are made.
	Refuse bool
}

// StartProxy listens on a port of the loopback interface for a server there.
func StartProxy(target string, seed uint64) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Addr: l.Addr().String(), target: target, listener: l, rng: rand.New(rand.NewPCG(seed, 0)), conns: map[net.Conn]bool{}}
	p.done.Add(1)
	go p.accept()
	return p, nil
}

// Set changes the mode.
func (p *Proxy) Set(m ProxyMode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = m
}

// CutAll closes all connections.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts += len(p.conns) / 2
	p.closeAll()
}

func (p *Proxy) closeAll() {
	for c := range p.conns {
		_ = c.Close()
		delete(p.conns, c)
	}
}

// Cuts is how many connections have been cut so far.
func (p *Proxy) Cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cuts
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.ended = true
	p.closeAll()
	p.mu.Unlock()
	p.done.Wait()
}

func (p *Proxy) accept() {
	defer p.done.Done()
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refuse := p.mode.Refuse || p.ended
		budget := -1
		if p.mode.CutAfter > 0 {
			budget = p.rng.IntN(p.mode.CutAfter)
		}
		p.mu.Unlock()
		if refuse {
			_ = c.Close()
			continue
		}
		p.done.Add(1)
		go p.serve(c, budget)
	}
}

func (p *Proxy) serve(c net.Conn, budget int) {
	defer p.done.Done()
	s, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = c.Close()
		return
	}
	p.mu.Lock()
	if p.ended {
		_, _ = c.Close(), s.Close()
		p.mu.Unlock()
		return
	}
	p.conns[c], p.conns[s] = true, true
	p.mu.Unlock()
	left := &budgetOf{n: budget}
	p.done.Add(1)
	go func() { defer p.done.Done(); p.pass(c, s, left, false) }()
	p.pass(s, c, left, true)
}

// budgetOf is how many bytes a connection may still carry; below 0: any number.
type budgetOf struct {
	mu sync.Mutex
	n  int
}

// take gives how many of n bytes may pass, and whether that is the end.
func (b *budgetOf) take(n int) (int, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n < 0 {
		return n, false
	}
	if n >= b.n {
		n, b.n = b.n, 0
		return n, true
	}
	b.n -= n
	return n, false
}

// pass copies from one end to the other; back: from the server.
func (p *Proxy) pass(from, to net.Conn, left *budgetOf, back bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		mode := p.mode
		p.mu.Unlock()
		if mode.Delay > 0 {
			time.Sleep(mode.Delay)
		}
		if n > 0 && !mode.Silent {
			if back && mode.Alter != nil {
				mode.Alter(buf[:n])
			}
			allowed, end := left.take(n)
			if _, werr := to.Write(buf[:allowed]); werr != nil {
				err = werr
			}
			if end {
				p.cut(from, to)
				return
			}
		}
		if err != nil {
			_, _ = from.Close(), to.Close()
			p.mu.Lock()
			delete(p.conns, from)
			delete(p.conns, to)
			p.mu.Unlock()
			return
		}
	}
}

func (p *Proxy) cut(a, b net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns[a] {
		p.cuts++
	}
	for _, c := range []net.Conn{a, b} {
		_ = c.Close()
		delete(p.conns, c)
	}
}
