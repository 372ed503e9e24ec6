package memory

import (
	"sync"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

// Store holds tables. All its methods, and those of tables, may be called from
// any goroutine.
type Store struct {
	mu     sync.Mutex
	tables map[string]*Table
}

// NewStore makes an empty store.
func NewStore() *Store { return &Store{tables: map[string]*Table{}} }

// Table gives the table of that name; it is made when first asked for.
func (s *Store) Table(name string) *Table {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[name]
	if t == nil {
		t = &Table{changed: make(chan struct{})}
		s.tables[name] = t
	}
	return t
}

// Record is one record for a source.
type Record struct {
	// Values are the values of the declared physical columns, in their order (see
	// Values for the types). Missing ones are NULL.
	Values []any
	// Raw is the record in the format of a source that has one; nil: a message
	// without a value.
	Raw []byte
	// Timestamp is the transport timestamp; zero: none. All records of a table
	// have one, or none has.
	Timestamp time.Time
	// Kind makes it a row of a changelog.
	Kind catalog.RowKind
}

// Table is what a source reads from and a sink writes to.
type Table struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced with every change
	splits  []*splitLog
	sinks   map[sinkKey]*sinkState
	commits []Commit
}

// splitLog is what was sent to a split: the records from number first on, those
// before are forgotten.
type splitLog struct {
	first   int
	records []Record
	ended   bool
}

// sent is the number of records that were sent.
func (s *splitLog) sent() int { return s.first + len(s.records) }

// forget drops the records before number to.
func (s *splitLog) forget(to int) {
	if to <= s.first {
		return
	}
	n := min(to-s.first, len(s.records))
	clear(s.records[:n]) // what they hold is free now, the array itself once it grows
	s.records = s.records[n:]
	s.first += n
}

// split gives a split, which is made if need be. The lock is held.
func (t *Table) split(i int) *splitLog {
	for len(t.splits) <= i {
		t.splits = append(t.splits, &splitLog{})
	}
	return t.splits[i]
}

// forgotten is how many records of a split are.
func (t *Table) forgotten(i int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.split(i).first
}

// Send appends records to a split, counted from 0. A source takes the splits
// that its option 'splits' says.
func (t *Table) Send(split int, records ...Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.split(split)
	if s.ended {
		return
	}
	s.records = append(s.records, records...)
	t.notify()
}

// SendRows is Send for rows of values.
func (t *Table) SendRows(split int, rows ...[]any) {
	records := make([]Record, len(rows))
	for i, r := range rows {
		records[i].Values = r
	}
	t.Send(split, records...)
}

// SendLines is Send for records as text.
func (t *Table) SendLines(split int, lines ...string) {
	records := make([]Record, len(lines))
	for i, l := range lines {
		records[i].Raw = []byte(l)
	}
	t.Send(split, records...)
}

// End says that nothing more comes to a split: a bounded source ends with its
// splits. What is sent later is dropped.
func (t *Table) End(split int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.split(split).ended = true
	t.notify()
}

func (t *Table) notify() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// Changed gives a channel that is closed with the next change of the table.
func (t *Table) Changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

// Commit is what one micro-batch of a sink has added.
type Commit struct {
	Sink    connectors.SinkIdentity // Epoch is the micro-batch's
	Columns []catalog.Field
	// Batches are the rows, in the order of Write. They are valid as long as the
	// store is.
	Batches []connectors.Batch
}

// Commits gives what was committed, in order, but for what was taken.
func (t *Table) Commits() []Commit {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Commit(nil), t.commits...)
}

// Take gives what was committed since the last Take, in order, and forgets it: for a
// program that follows a job without end (see Changed). The Batches are the caller's
// to release.
func (t *Table) Take() []Commit {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.commits
	t.commits = nil
	return taken
}

// Row is one committed row.
type Row struct {
	Kind   catalog.RowKind
	Values []any
}

// Rows gives all committed rows, in order, but for what was taken.
func (t *Table) Rows() []Row {
	var rows []Row
	for _, c := range t.Commits() {
		rows = append(rows, c.Rows()...)
	}
	return rows
}

// Rows gives the rows of a commit, in order.
func (c Commit) Rows() []Row {
	var rows []Row
	for _, b := range c.Batches {
		for i := range b.N {
			r := Row{Values: make([]any, len(b.Cols))}
			if b.Kinds != nil {
				r.Kind = b.Kinds[i]
			}
			for k, col := range b.Cols {
				r.Values[k] = Value(col, i, c.Columns[k].Type)
			}
			rows = append(rows, r)
		}
	}
	return rows
}
