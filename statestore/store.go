package statestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/zeebo/xxh3"
)

// Store is the durable state of one job. One transaction may be open at a time;
// Read, Last, Streams and Metrics may be called from any goroutine.
type Store struct {
	dir   string
	opts  Options
	fs    vfs.FS
	id    string
	lock  io.Closer
	head  *head
	fault *fault
	db    *pebble.DB

	excised chan struct{} // closed when the last Excise is done; nil: there was none

	mu         sync.Mutex
	closed     bool
	open       bool      // a transaction is open
	commits    []*record // the live log, oldest first; all but the last keep only entries with blocks
	meta       map[string][]byte
	inMemtable bool // small commits since the last flush of the memtable
	metrics    counters
}

// Commit describes a durable commit.
type Commit struct {
	Epoch  uint64
	Layout Layout
	Meta   map[string][]byte // by name; shared, not to be changed
}

// Open opens the store in dir and creates it if there is none.
//
// Errors: *LockedError if another process has it open, *VersionError if it is of
// a newer version, *DamageError if it is not what was written.
func Open(dir string, opts Options) (_ *Store, err error) {
	opts = opts.withDefaults()
	s := &Store{dir: dir, opts: opts, fs: opts.FS, fault: newFault(opts.Logger)}
	s.metrics.dead = opts.LogSlack // what an earlier run left uncut is unknown: cut at the first chance
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	if err := s.fs.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("statestore: %w", err)
	}
	lock, err := s.fs.Lock(s.fs.PathJoin(dir, lockName))
	if err != nil {
		return nil, &LockedError{Dir: dir, Err: err}
	}
	s.lock = lock
	id, exists, err := readFormat(s.fs, dir)
	if err != nil {
		return nil, err
	}
	if !exists {
		if err := s.prepareNew(); err != nil {
			return nil, err
		}
	}
	var noted uint64
	if s.head, noted, err = openHead(s.fs, dir); err != nil {
		return nil, err
	}
	if err := s.openLog(exists); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	if last := s.lastEpoch(); noted > last {
		return nil, &DamageError{Dir: dir, What: fmt.Sprintf("epoch %d was committed, the newest in the log is %d", noted, last)}
	}
	if !exists {
		if len(s.commits) > 0 {
			return nil, &DamageError{Dir: dir, What: "file " + formatName + " is missing"}
		}
		if id, err = newID(opts.Rand); err != nil {
			return nil, err
		}
		if err := writeFormat(s.fs, dir, FormatVersion, id); err != nil {
			return nil, fmt.Errorf("statestore: creating %s: %w", dir, err)
		}
	}
	s.id = id
	return s, nil
}

// prepareNew makes what has to be there before the log: a directory without
// FORMAT is either empty or what a crash during creation left.
func (s *Store) prepareNew() error {
	names, err := s.fs.List(s.dir)
	if err == nil && !slices.Contains(names, headName) {
		if slices.Contains(names, logName) {
			return &DamageError{Dir: s.dir, What: "files " + formatName + " and " + headName + " are missing"}
		}
		err = createHead(s.fs, s.dir)
	}
	if err == nil {
		err = syncDir(s.fs, s.dir)
	}
	if err == nil {
		err = s.syncAbove()
	}
	if err != nil {
		return fmt.Errorf("statestore: creating %s: %w", s.dir, err)
	}
	return nil
}

// syncAbove makes the entry of the store's directory durable, and those of the
// directories above it: they may all have been made just now, or by a process that
// crashed before it synced them. Those far above that may not be read were there.
func (s *Store) syncAbove() error {
	for dir, nearest := s.dir, true; ; nearest = false {
		above := s.fs.PathDir(dir)
		if above == dir {
			return nil
		}
		if err := syncDir(s.fs, above); err != nil {
			if !nearest && errors.Is(err, os.ErrPermission) {
				return nil
			}
			return err
		}
		dir = above
	}
}

func (s *Store) openLog(exists bool) error {
	tmp := s.fs.PathJoin(s.dir, tmpName)
	if err := s.fs.RemoveAll(tmp); err != nil {
		return fmt.Errorf("statestore: removing leftovers: %w", err)
	}
	if err := s.fs.MkdirAll(tmp, 0o755); err != nil {
		return fmt.Errorf("statestore: %w", err)
	}
	cacheSize := s.opts.MemoryBudget / 4
	memtable := min(max(uint64(s.opts.MemoryBudget)/4, 1<<20), 64<<20)
	cache := pebble.NewCache(cacheSize)
	defer cache.Unref()
	listener := s.fault.listener()
	po := &pebble.Options{
		FS:                          logFS{FS: s.fs, fault: s.fault},
		Logger:                      s.fault,
		EventListener:               listener,
		Cache:                       cache,
		ErrorIfNotExists:            exists,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                memtable,
		MemTableStopWritesThreshold: 4,
		L0StopWritesThreshold:       24,
		BytesPerSync:                1 << 20,
		WALBytesPerSync:             1 << 20,
		DisableTableStats:           true, // there are no tombstones whose compaction they could steer
	}
	po.Experimental.ReadSamplingMultiplier = -1 // nor reads that compactions could speed up
	po.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	err := s.openPebble(s.fs.PathJoin(s.dir, logName), po)
	if err == nil || err == s.fault.err() || errors.As(err, new(*DamageError)) {
		return err
	}
	if pebble.IsCorruptionError(err) || errors.Is(err, pebble.ErrDBDoesNotExist) {
		return &DamageError{Dir: s.dir, What: "the log", Err: err}
	}
	return fmt.Errorf("statestore: opening %s: %w", s.dir, err)
}

// openPebble opens the log. Over damaged files Pebble may panic, or try a flush
// for ever; both come back as errors, though in the latter case Pebble can't be
// stopped any more: its memory and file handles stay until the process ends.
func (s *Store) openPebble(dir string, po *pebble.Options) error {
	type result struct {
		db  *pebble.DB
		err error
	}
	done := make(chan result, 1)
	s.fault.opening.Store(true)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r = result{err: fmt.Errorf("opening the log panicked: %v", p)}
			}
			done <- r
		}()
		r.db, r.err = pebble.Open(dir, po)
		s.fault.opening.Store(false)
	}()
	var stuck error
	select {
	case r := <-done:
		if s.db = r.db; r.db != nil || r.err != nil {
			if err := s.fault.err(); err != nil {
				return err // whatever else went wrong follows from it
			}
			return r.err
		}
		stuck = <-s.fault.stuck // it was Open's own goroutine that was ended
	case stuck = <-s.fault.stuck:
	}
	if err := s.fault.err(); err != nil {
		return err
	}
	return &DamageError{Dir: s.dir, What: "the log", Err: stuck}
}

// load reads the commit records of the live log, from the newest back along the
// chain of predecessors, and the metadata of the newest.
func (s *Store) load() error {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return fmt.Errorf("statestore: %w", err)
	}
	err = s.loadFrom(it)
	if cerr := it.Close(); cerr != nil {
		err = &DamageError{Dir: s.dir, What: "the log", Err: cerr}
	}
	return err
}

func (s *Store) loadFrom(it *pebble.Iterator) error {
	damaged := func(what string, err error) error {
		return &DamageError{Dir: s.dir, What: what, Err: err}
	}
	if !it.Last() {
		return it.Error()
	}
	if k := it.Key(); len(k) != 9 || k[8] != kindRecord {
		return damaged("the log ends without a commit record", nil)
	}
	var bound uint64
	for want := binary.BigEndian.Uint64(it.Key()); ; {
		v, err := it.ValueAndErr()
		if err != nil {
			return damaged(fmt.Sprintf("commit record of epoch %d", want), err)
		}
		r, err := decodeRecord(v)
		if err == nil && r.epoch != want {
			err = fmt.Errorf("it says epoch %d", r.epoch)
		}
		if err != nil {
			return damaged(fmt.Sprintf("commit record of epoch %d", want), err)
		}
		if len(s.commits) == 0 {
			bound = r.bound()
		} else {
			r.dropIdle()
		}
		s.commits = append(s.commits, r)
		if r.prev < bound || r.prev == 0 {
			break
		}
		want = r.prev
		if key := recordKey(want); !it.SeekGE(key) || !bytes.Equal(it.Key(), key) {
			return damaged(fmt.Sprintf("commit record of epoch %d is missing", want), it.Error())
		}
	}
	slices.Reverse(s.commits)
	s.meta = map[string][]byte{}
	last := s.commits[len(s.commits)-1]
	for _, m := range last.meta {
		what := fmt.Sprintf("metadata %q of epoch %d", m.name, last.epoch)
		key := metaKey(last.epoch, m.name)
		if !it.SeekGE(key) || !bytes.Equal(it.Key(), key) {
			return damaged(what+" is missing", it.Error())
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return damaged(what, err)
		}
		if uint64(len(v)) != m.size || xxh3.Hash(v) != m.digest {
			return damaged(what, errors.New("its checksum does not match"))
		}
		s.meta[m.name] = bytes.Clone(v)
	}
	return nil
}

// dropIdle forgets the streams that a commit that is not the newest wrote
// nothing to.
func (r *record) dropIdle() {
	r.streams = slices.DeleteFunc(r.streams, func(e streamEntry) bool { return e.blocks == 0 })
	r.streams = slices.Clip(r.streams)
	r.meta = nil
}

// ID returns the identity of the store, a UUID made when it was created.
func (s *Store) ID() string { return s.id }

// Dir returns the directory of the store.
func (s *Store) Dir() string { return s.dir }

// Last returns the newest commit; false if there is none yet.
func (s *Store) Last() (Commit, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.commits) == 0 {
		return Commit{}, false
	}
	r := s.commits[len(s.commits)-1]
	return Commit{Epoch: r.epoch, Layout: r.layout, Meta: maps.Clone(s.meta)}, true
}

func (s *Store) lastEpoch() uint64 {
	if len(s.commits) == 0 {
		return 0
	}
	return s.commits[len(s.commits)-1].epoch
}

// Close waits for background work, closes the store and releases the directory.
// A transaction that is still open is lost.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	if !s.awaitCut() {
		// Pebble waits for a flush that fails again and again, and can't be closed: its
		// memory and file handles stay until the process ends. It writes nothing any
		// more, and its next try ends the goroutine that tries.
		s.fault.abandoned.Store(true)
		return errors.Join(s.fault.err(), s.releaseFiles())
	}
	return errors.Join(s.fault.err(), s.release())
}

// awaitCut waits for the Excise in progress. It gives false if the store has
// failed before that was done: it may wait for ever then.
func (s *Store) awaitCut() bool {
	if s.excised == nil {
		return true
	}
	select {
	case <-s.excised:
		return true
	case <-s.fault.failed:
	}
	select {
	case <-s.excised:
		return true
	default:
		return false
	}
}

// release gives back whatever Open got hold of.
func (s *Store) release() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, closePebble(s.db))
	}
	return errors.Join(append(errs, s.releaseFiles())...)
}

// releaseFiles gives back what is not Pebble's: the head file and the lock.
func (s *Store) releaseFiles() error {
	var errs []error
	if s.head != nil {
		errs = append(errs, s.head.f.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

func closePebble(db *pebble.DB) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("statestore: closing the log panicked: %v", r)
		}
	}()
	return db.Close()
}
