package registry

import "sync"

// Written is the schema of a sink's messages: it is registered when the first one
// is written.
type Written struct {
	Client  *Client
	Subject string
	Schema  *Schema
	Find    bool // it must be there

	mu sync.Mutex
	id int
}

// ID gives the schema's id.
func (w *Written) ID() (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.id != 0 {
		return w.id, nil
	}
	id, err := w.Client.Register(w.Subject, w.Schema, w.Find)
	if err == nil {
		w.id = id
	}
	return id, err
}
