package exec

import "github.com/streamsql/streamsql/exec/op"

// alignment is a group of sources whose splits are read at about the same pace of
// event time: one that is further ahead of the slowest than its source allows is
// not fetched from. A split that holds no watermark back (idle, ended, or with
// nothing more for this run) holds no other split back either.
type alignment struct {
	sources []*source
	// As of the last settle: the least W of the splits that count, the next one
	// above it, and how many there are.
	least, second int64
	splits        int
}

// alignments puts the sources that ask for it into groups. The fixed merge goes by
// W itself, so that there it changes nothing.
func alignments(sources []*source) []*alignment {
	var all []*alignment
	byName := map[string]*alignment{}
	for _, s := range sources {
		w := s.scan.Watermark
		if w == nil || w.MaxDrift == 0 {
			continue
		}
		g := byName[w.AlignGroup]
		if g == nil || w.AlignGroup == "" {
			g = &alignment{}
			all = append(all, g)
			byName[w.AlignGroup] = g
		}
		g.sources = append(g.sources, s)
		s.align = g
	}
	return all
}

// settle finds where the slowest splits of each group are. The lock is held.
func (q *sequencer) settle() {
	for _, g := range q.aligned {
		g.least, g.second, g.splits = op.MaxTime, op.MaxTime, 0
		for _, s := range g.sources {
			for _, sp := range s.splits {
				if sp.ended || sp.idle || q.upToNow && sp.dry && !sp.held {
					continue
				}
				g.splits++
				if sp.w < g.least {
					g.second, g.least = g.least, sp.w
				} else {
					g.second = min(g.second, sp.w)
				}
			}
		}
	}
}

// ahead says that a split is held back by alignment, as of the last settle.
func (sp *split) ahead() bool {
	g := sp.source.align
	if g == nil || g.splits == 0 || sp.ended {
		return false
	}
	drift := sp.source.scan.Watermark.MaxDrift.Microseconds()
	return sp.w != op.MinTime && (g.least == op.MinTime || sp.w-drift > g.least)
}

// waitsForOwn says that a split is to be read once its own records under way have
// their place, so that it does not run ahead before that can be seen. The slowest
// one is read on.
func (sp *split) waitsForOwn() bool {
	g := sp.source.align
	return g != nil && g.splits > 1 && sp.nextNum != sp.seqNum && (sp.w > g.least || g.least == g.second)
}
