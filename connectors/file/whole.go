package file

import (
	"errors"
	"fmt"
	"slices"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// whole is a file of a format with an end of its own (a footer), without which nobody
// can read it. It belongs to one shard and one epoch, and is finished when that epoch is
// prepared, or earlier at the size to roll at: so no commit finds a file half written,
// and an abort has nothing to cut back to.
type whole struct {
	epoch   uint64
	shard   int
	encoder format.FileEncoder // nil: it is finished
	part    *part              // nil: nothing has been written yet
}

// writeWhole adds rows to the file of their epoch and shard. A shard's calls come one
// at a time, so that its file needs the lock only to be found.
func (s *sink) writeWhole(epoch uint64, shard int, b *connectors.Batch) error {
	w, err := s.wholeOf(epoch, shard)
	if err != nil {
		return err
	}
	text, err := w.encoder.Append(nil, b)
	var refused *connectors.RefusedRows
	if err != nil && !errors.As(err, &refused) {
		return s.broken(err)
	}
	if err := s.flush(w, text); err != nil {
		return err
	}
	if w.part != nil && w.part.length+w.encoder.Held() >= s.rollSize {
		if err := s.end(w); err != nil {
			return err
		}
	}
	return err
}

// wholeOf gives the open file of an epoch and shard.
func (s *sink) wholeOf(epoch uint64, shard int) (*whole, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	if epoch < s.epoch {
		return nil, fmt.Errorf("rows of micro-batch %d after its end", epoch)
	}
	s.written = true
	for _, w := range s.open {
		if w.epoch == epoch && w.shard == shard && w.encoder != nil {
			return w, nil
		}
	}
	w := &whole{epoch: epoch, shard: shard, encoder: s.files.NewFileEncoder()}
	s.open = append(s.open, w)
	return w, nil
}

// flush writes what the encoder has given.
func (s *sink) flush(w *whole, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if w.part == nil {
		s.mu.Lock()
		p, err := s.begin(w.epoch)
		w.part = p
		s.mu.Unlock()
		if err != nil {
			return s.broken(err)
		}
	}
	if err := w.part.write(text); err != nil {
		return s.broken(fmt.Errorf("can't write to %s: %w", s.shown, reason(err)))
	}
	return nil
}

// end finishes a file.
func (s *sink) end(w *whole) error {
	text, err := w.encoder.Finish(nil)
	if err != nil {
		return s.broken(err)
	}
	err = s.flush(w, text)
	s.mu.Lock()
	w.encoder = nil
	s.mu.Unlock()
	return err
}

// complete finishes the files of an epoch. All its rows are written.
func (s *sink) complete(epoch uint64) {
	s.mu.Lock()
	var ending []*whole
	for _, w := range s.open {
		if w.epoch == epoch && w.encoder != nil && s.err == nil {
			ending = append(ending, w)
		}
	}
	s.mu.Unlock()
	for _, w := range ending {
		if s.end(w) != nil {
			return // it is s.err: what is open is left to Abort
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.open = slices.DeleteFunc(s.open, func(w *whole) bool {
		if w.epoch == epoch && w.part != nil {
			s.full = append(s.full, w.part)
		}
		return w.epoch == epoch
	})
}

// broken keeps an error: nothing goes on but Abort and Close.
func (s *sink) broken(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	return s.err
}
