package sql

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec"
	"github.com/streamsql/streamsql/planner"
)

// table is a folded changelog.
type table struct {
	key   []int // by which rows replace each other; nil: rows stand by themselves
	rows  map[string]int
	byKey map[string]string
	order []string // of an append-only changelog
}

func newTable(key []int) *table {
	return &table{key: key, rows: map[string]int{}, byKey: map[string]string{}}
}

func (t *table) clone() *table {
	return &table{key: t.key, rows: maps.Clone(t.rows), byKey: maps.Clone(t.byKey), order: slices.Clone(t.order)}
}

// apply folds one change in. An error says what is inconsistent.
func (t *table) apply(c change) error {
	row := line(c.cells)
	t.order = append(t.order, row)
	if t.key != nil {
		return t.upsert(c, row)
	}
	if c.kind.Adds() {
		t.rows[row]++
		return nil
	}
	if t.rows[row] == 0 {
		return fmt.Errorf("%s takes back a row that does not stand: %s", c.kind, row)
	}
	if t.rows[row]--; t.rows[row] == 0 {
		delete(t.rows, row)
	}
	return nil
}

// upsert replaces or deletes by key.
func (t *table) upsert(c change, row string) error {
	k := keyOf(t.key, c.cells)
	old, stands := t.byKey[k]
	switch {
	case c.kind == catalog.Delete && !stands:
		return fmt.Errorf("-D of a key that does not stand: %s", row)
	case c.kind == catalog.UpdateBefore:
		return fmt.Errorf("-U at a sink that replaces by key: %s", row)
	}
	if stands {
		delete(t.rows, old)
		delete(t.byKey, k)
	}
	if c.kind.Adds() {
		t.byKey[k], t.rows[row] = row, 1
	}
	return nil
}

func keyOf(key []int, cells []string) string {
	var k []string
	for _, i := range key {
		k = append(k, cells[i])
	}
	return line(k)
}

// lines gives the rows that stand, sorted.
func (t *table) lines() []string {
	var out []string
	for r, n := range t.rows {
		for range n {
			out = append(out, r)
		}
	}
	slices.Sort(out)
	return out
}

// duplicates says whether two rows that stand have the same upsert key.
func (t *table) duplicates(key []int) error {
	if key == nil {
		return nil
	}
	seen := map[string]string{}
	for r, n := range t.rows {
		k := keyOf(key, strings.Split(r, " | "))
		if old, ok := seen[k]; ok || n > 1 {
			return fmt.Errorf("two rows have the upsert key (%s): %s and %s", k, r, old)
		}
		seen[k] = r
	}
	return nil
}

// prefixes remembers what a job gives over prefixes of its splits, by what was
// read of them.
type prefixes struct {
	mu   sync.Mutex
	memo map[string]map[string][]string // sink to rows
}

// at runs the job of a case over exactly the records that sources have read, in
// one micro-batch, and gives the folded rows of every sink; ok is false if that
// can't be asked. The end of a split is seen if it was.
func (m *prefixes) at(c *testCase, p *planned, plan *planner.Plan, splits int, sources []exec.SourceProgress) (rows map[string][]string, ok bool, err error) {
	f := c.feed(splits)
	var id strings.Builder
	fmt.Fprintf(&id, "%p", plan)
	whole, ended := true, true
	for _, s := range sources {
		in := f.sources[s.Name]
		if in == nil {
			return nil, false, nil // VALUES have no part that could be left out
		}
		for i, sp := range s.BySplit {
			all := int(sp.Records) == len(in.splits[i])
			whole, ended = whole && all, ended && sp.Ended
			// The fixed merge has passed the end of a split to come to the next.
			in.ended[i] = sp.Ended || plan.Merge && all
			in.splits[i] = in.splits[i][:sp.Records]
			fmt.Fprintf(&id, " %s/%d:%d/%d,%t", s.Name, i, sp.Records, len(s.BySplit), in.ended[i])
		}
	}
	if plan.Merge && whole && !ended {
		return nil, false, nil // it has not passed the last one
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if rows, ok := m.memo[id.String()]; ok {
		return rows, true, nil
	}
	w := newWorld()
	cfg := w.config(plan, p.set, f, variant{batch: 1000, par: 1, splits: splits, order: "time"})
	cfg.Trigger = catalog.Trigger{Kind: catalog.AvailableNowTrigger}
	if err := run(cfg); err != nil {
		return nil, false, fmt.Errorf("over the records of a commit alone: %w", err)
	}
	rows = map[string][]string{}
	for name := range w.out.sinks {
		t, err := w.fold(name, nil)
		if err != nil {
			return nil, false, err
		}
		rows[name] = t.lines()
	}
	if m.memo == nil {
		m.memo = map[string]map[string][]string{}
	}
	m.memo[id.String()] = rows
	return rows, true, nil
}

// fold folds all commits of a sink. at is called for each, with the table before
// and after it.
func (w *world) fold(name string, at func(epoch uint64, before, after *table) error) (*table, error) {
	epochs, shown := w.out.commits(name)
	var key []int
	if s := w.out.sinks[name]; s != nil && s.mode == catalog.UpsertMode && len(s.key) > 0 {
		key = s.key
	}
	t := newTable(key)
	for _, e := range epochs {
		before := t.clone()
		for _, c := range shown[e] {
			if err := t.apply(c); err != nil {
				return nil, fmt.Errorf("sink %s, commit %d: %w", name, e, err)
			}
		}
		if at != nil {
			if err := at(e, before, t); err != nil {
				return nil, fmt.Errorf("sink %s, commit %d: %w", name, e, err)
			}
		}
	}
	return t, nil
}

// checkCommits holds the fold of every sink at every commit against what the job
// gives over the records committed so far.
func (w *world) checkCommits(c *testCase, p *planned, plan *planner.Plan, splits int, m *prefixes) error {
	for _, n := range plan.Nodes {
		sink, ok := n.Op.(*planner.Sink)
		if !ok {
			continue
		}
		props := n.Inputs[0].From.Props
		// Commits without rows for this sink are checked too: none may be missing.
		epochs := slices.Sorted(maps.Keys(w.cuts))
		check := func(epoch uint64, t *table) error {
			want, ok, err := m.at(c, p, plan, splits, w.cuts[epoch])
			if err != nil || !ok {
				return err
			}
			if d := diff(want[sink.Name], t.lines()); d != "" {
				return errors.New("it does not fold to what the records committed so far give (-want +got):\n" + d)
			}
			return nil
		}
		t, err := w.fold(sink.Name, func(epoch uint64, before, t *table) error {
			for len(epochs) > 0 && epochs[0] < epoch {
				if err := check(epochs[0], before); err != nil {
					return fmt.Errorf("(commit %d) %w", epochs[0], err)
				}
				epochs = epochs[1:]
			}
			if !props.Kinds.AppendOnly() {
				if err := t.duplicates(props.UpsertKey); err != nil {
					return err
				}
			}
			if len(epochs) > 0 && epochs[0] == epoch {
				epochs = epochs[1:]
				return check(epoch, t)
			}
			return nil // killed before it was reported
		})
		if err != nil {
			return err
		}
		for _, e := range epochs {
			if err := check(e, t); err != nil {
				return fmt.Errorf("sink %s, commit %d: %w", sink.Name, e, err)
			}
		}
	}
	return nil
}

// diff shows the difference of two lists as multisets, or "".
func diff(want, got []string) string {
	left := map[string]int{}
	for _, l := range got {
		left[l]++
	}
	var out []string
	for _, l := range want {
		if left[l] > 0 {
			left[l]--
		} else {
			out = append(out, "- "+l)
		}
	}
	for _, l := range got {
		if left[l] > 0 {
			left[l]--
			out = append(out, "+ "+l)
		}
	}
	return strings.Join(out, "\n")
}
