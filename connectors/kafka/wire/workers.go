package wire

import "sync"

// Workers runs functions on goroutines that are kept for the next ones: a new one
// would have to grow its stack for each request again. The zero value is ready.
type Workers struct {
	once  sync.Once
	close sync.Once
	todo  chan func()
	ended chan struct{}
	all   sync.WaitGroup
}

func (w *Workers) init() {
	w.once.Do(func() { w.todo, w.ended = make(chan func()), make(chan struct{}) })
}

// Go runs f soon. It must not be called after Close, but by functions that run.
func (w *Workers) Go(f func()) {
	w.init()
	select {
	case w.todo <- f: // somebody waits
		return
	default:
	}
	w.all.Add(1)
	go func() {
		defer w.all.Done()
		for {
			f()
			select {
			case f = <-w.todo:
			case <-w.ended:
				return
			}
		}
	}()
}

// Close waits for what runs, and ends the goroutines.
func (w *Workers) Close() {
	w.init()
	w.close.Do(func() { close(w.ended) })
	w.all.Wait()
}
