package statestore

import "time"

// counters are kept under Store.mu.
type counters struct {
	commits, large uint64
	bytes          uint64
	evacuated      int64
	dead           int64 // charged for epochs that are dead and not cut off yet
}

func (c *counters) commit(r *record, large bool) {
	c.commits++
	if large {
		c.large++
	}
	c.bytes += r.bytes
}

// Metrics are counts since Open and sizes as of now, in bytes where not said.
type Metrics struct {
	Commits      uint64 // number of commits
	LargeCommits uint64 // number of them that were ingested as files
	CommitBytes  uint64 // blocks and metadata, evacuated rows included
	Evacuated    int64  // bytes of those rows

	LiveBytes int64  // what a rewrite of the whole state would take
	LogBytes  int64  // blocks and metadata of the live epochs
	LogEpochs int    // number of live epochs
	Bound     uint64 // oldest live epoch

	DiskBytes        uint64        // size of everything in Pebble's directory
	WALBytes         uint64        // written to the write-ahead log
	FlushBytes       uint64        // written by memtable flushes
	CompactionBytes  uint64        // written by compactions that rewrite
	Compactions      int64         // number of those
	CompactionTime   time.Duration // spent in compactions of any kind
	MoveCompactions  int64         // number of compactions that only relabel files
	L0Files          int64         // number of files in level 0
	L0Sublevels      int32         // number of overlapping layers of them
	Tables           int64         // number of files in all levels
	MemtableBytes    uint64        // of all memtables, those queued for a flush included
	MemtablesWaiting int64         // number of memtables queued
}

// Metrics returns a snapshot.
func (s *Store) Metrics() Metrics {
	s.mu.Lock()
	m := Metrics{
		Commits:      s.metrics.commits,
		LargeCommits: s.metrics.large,
		CommitBytes:  s.metrics.bytes,
		Evacuated:    s.metrics.evacuated,
		LogEpochs:    len(s.commits),
	}
	if n := len(s.commits); n > 0 {
		m.Bound = s.commits[0].epoch
		m.LiveBytes = int64(s.commits[n-1].liveBytes())
	}
	for _, r := range s.commits {
		m.LogBytes += int64(r.bytes)
	}
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return m
	}
	p := s.db.Metrics()
	// Of the log, Pebble counts the files that are closed.
	m.DiskBytes = p.DiskSpaceUsage() + max(p.WAL.Size, p.WAL.PhysicalSize) - p.WAL.PhysicalSize
	m.WALBytes = p.WAL.BytesWritten
	for i := range p.Levels {
		l := &p.Levels[i]
		m.FlushBytes += l.TableBytesFlushed
		m.CompactionBytes += l.TableBytesCompacted
		m.Tables += l.TablesCount
	}
	m.Compactions = p.Compact.Count - p.Compact.MoveCount - p.Compact.DeleteOnlyCount
	m.CompactionTime = p.Compact.Duration
	m.MoveCompactions = p.Compact.MoveCount
	m.L0Files = p.Levels[0].TablesCount
	m.L0Sublevels = p.Levels[0].Sublevels
	m.MemtableBytes = p.MemTable.Size
	m.MemtablesWaiting = p.MemTable.Count - 1
	return m
}

// OperatorBytes is the size of each operator's live state on disk as of the last
// commit: what a rewrite of it would take.
func (s *Store) OperatorBytes() map[OperatorID]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[OperatorID]int64{}
	if n := len(s.commits); n > 0 {
		for _, e := range s.commits[n-1].streams {
			out[e.id.Operator] += int64(e.liveBytes)
		}
	}
	return out
}

// Congested reports whether Pebble has fallen behind, so that the coordinator
// should postpone the next barrier: ingests are not throttled by Pebble itself.
func (s *Store) Congested() bool {
	m := s.Metrics()
	return m.L0Sublevels >= 8 || m.L0Files >= 64 || m.MemtablesWaiting >= 4
}
