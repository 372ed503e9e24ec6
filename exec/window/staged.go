package window

import (
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/op"
)

// run is n rows of one window.
type run struct {
	n          int
	start, end int64
}

// staged collects the groups of small windows that fire together, so that they
// leave as one batch: what a batch costs however small it is would else be most
// of what a window costs.
type staged struct {
	copies agg.Captured
	of     *agg.Groups // any of those copied
	wins   []run
}

func (s *staged) rows() int { return s.copies.Len() }

// add copies the groups of a window. false: they are many, or of a kind that must
// be emitted as they stand.
func (s *staged) add(w *aggregation, g *agg.Groups, start, end int64) bool {
	if 4*g.Len() > w.ctx.BatchRows || !w.agg.CaptureAll(g, &s.copies) {
		return false
	}
	s.of = g
	s.wins = append(s.wins, run{g.Len(), start, end})
	return true
}

// addShared copies some groups of the window that slides over panes.
func (s *staged) addShared(p *agg.Panes, ids []uint32, start, end int64) (keeps bool) {
	keeps = p.Capture(ids, &s.copies)
	s.of = p.Window()
	s.wins = append(s.wins, run{len(ids), start, end})
	return keeps
}

// flush emits what has been collected.
func (s *staged) flush(w *aggregation, out op.Output) error {
	n := s.copies.Len()
	if n == 0 {
		return nil
	}
	w.letters = w.letters[:0]
	cols := w.agg.EmitCopies(s.of, &s.copies, 0, n, w.ctx.Alloc, w.fail)
	err := w.send(cols, n, s.wins, out)
	s.copies.Reset()
	s.wins = s.wins[:0]
	return err
}
