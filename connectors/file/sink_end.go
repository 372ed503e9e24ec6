package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/streamsql/streamsql/connectors"
)

// Abort implements connectors.Sink: the file open at the end of epoch is cut
// back to the length it had then, files begun later are removed.
func (s *sink) Abort(_ context.Context, epoch uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := mark{epoch: epoch}
	for _, m := range s.marks {
		if m.epoch <= epoch {
			keep = m
		}
	}
	if err := s.dropAfter(keep); err != nil {
		return err
	}
	s.cur, s.full, s.open, s.held, s.err = keep.part, nil, nil, nil, nil
	s.marks = []mark{{epoch, keep.part, keep.length}}
	s.epoch = epoch + 1
	return nil
}

// dropAfter makes the directory what it was at the mark, finished files aside.
// The lock is held.
func (s *sink) dropAfter(keep mark) error {
	for _, m := range s.marks {
		if m.part != nil && m.part != keep.part {
			m.part.close() // its bytes are dropped
		}
	}
	for _, p := range s.parts() {
		if p != keep.part {
			p.close()
		}
	}
	own, err := s.own()
	if err != nil {
		return err
	}
	removed := false
	for _, f := range own {
		if !hidden(f.name) || keep.part != nil && f.name == "."+keep.part.name {
			continue
		}
		if f.epoch <= keep.epoch {
			return connectors.Fatal(fmt.Errorf("%s may hold rows of micro-batch %d, which is committed, but the commit does not name it", s.final(f.name), f.epoch))
		}
		if err := s.fs.Remove(s.final(f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("can't remove a file in %s: %w", s.shown, reason(err))
		}
		removed = true
	}
	if removed {
		if err := s.fs.SyncDir(s.dir); err != nil {
			return fmt.Errorf("can't sync directory %s: %w", s.shown, reason(err))
		}
	}
	if keep.part == nil {
		return nil
	}
	return s.cutBack(keep.part, keep.length)
}

// cutBack truncates an open file, durably: bytes of an aborted epoch must not
// come back after a crash, under a longer committed length.
func (s *sink) cutBack(p *part, length int64) error {
	if p.file == nil { // closed by a roll that is taken back
		f, err := s.fs.OpenAppend(s.hidden(p.name))
		if err != nil {
			return fmt.Errorf("can't open %s: %w", s.hidden(p.name), reason(err))
		}
		p.file = f
	}
	if err := p.file.Truncate(length); err != nil {
		return fmt.Errorf("can't truncate %s: %w", s.hidden(p.name), reason(err))
	}
	p.length = length
	if err := p.file.Sync(); err != nil {
		return fmt.Errorf("can't sync %s: %w", s.hidden(p.name), reason(err))
	}
	return nil
}

// Close implements connectors.Sink. With finished, the open file is shown.
func (s *sink) Close(_ context.Context, finished bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	switch {
	case finished && len(s.open) > 0:
		err = s.uncovered()
	case finished && s.cur != nil:
		err = s.finish()
	}
	for _, p := range s.parts() {
		err = errors.Join(err, p.close())
	}
	s.cur, s.full, s.open = nil, nil, nil
	return err
}

// parts are the files that no mark has. The lock is held.
func (s *sink) parts() []*part {
	parts := slices.Clone(s.full)
	if s.cur != nil {
		parts = append(parts, s.cur)
	}
	for _, w := range s.open {
		if w.part != nil {
			parts = append(parts, w.part)
		}
	}
	return parts
}

func (s *sink) uncovered() error { return fmt.Errorf("%s has rows that no commit covers", s.shown) }

// finish shows the open file as far as it is committed.
func (s *sink) finish() error {
	if s.err != nil {
		return s.err
	}
	var last mark
	if len(s.marks) > 0 {
		last = s.marks[len(s.marks)-1]
	}
	if last.part != s.cur || last.length != s.cur.length {
		return s.uncovered()
	}
	p := s.cur
	s.cur = nil
	if err := p.close(); err != nil {
		return fmt.Errorf("can't close a file in %s: %w", s.shown, reason(err))
	}
	if err := s.show(p.name); err != nil {
		return err
	}
	if err := s.fs.SyncDir(s.dir); err != nil {
		return fmt.Errorf("can't sync directory %s: %w", s.shown, reason(err))
	}
	return nil
}
