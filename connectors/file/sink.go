package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/zeebo/xxh3"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// sink writes rows into files of a directory, exactly once. All shards append
// to one file: rows are encoded by their callers, then appended under the lock.
//
// The bytes of an epoch end where Prepare finds them; what comes later in the
// same file belongs to later epochs and is cut off when those are aborted. A
// file is finished (rolled) only where an epoch or a part of it ends, so that
// a finished file holds nothing of an epoch that is still open.
//
// A format whose files have an end of their own is written otherwise: see whole.
type sink struct {
	fs           connectors.FS
	env          connectors.Env
	dir, shown   string              // the directory to open, and as the option has it
	encoding     format.Encoding     // nil: of files
	files        format.FileEncoding // nil: of streams
	kinds        bool                // the first column is that of the rows' kinds
	changes      bool                // the format has the kinds
	suffix       string
	rollSize     int64
	rollInterval time.Duration
	id           string // of the job and sink, in names of files
	shards       []shard

	mu      sync.Mutex
	err     error  // of a write or sync: nothing goes on but Abort and Close
	epoch   uint64 // the one whose rows are appended now
	cur     *part  // the file appended to; nil: made by the next row
	full    []*part
	open    []*whole // the files of epochs that are not prepared, of files
	held    []heldRows
	marks   []mark // by epoch; the first is of the last commit
	written bool   // rows have been taken: Commit no longer means recovery
	last    time.Time
}

// shard is the encoder of one of the concurrent writers.
type shard struct {
	encoder format.Encoder
	text    []byte
	_       [64]byte // shards of different cores don't share a cache line
}

// part is one file.
type part struct {
	name    string // its final name
	file    connectors.File
	length  int64
	created time.Time // as its name says: later than that of the one before
	begun   time.Time // by the clock
	dirty   bool      // bytes are not synced yet
	named   bool      // its name is synced
}

// heldRows are rows of an epoch that is not appended yet.
type heldRows struct {
	epoch uint64
	text  []byte
}

// mark says where an epoch ended: in part (nil: no open file) at length.
type mark struct {
	epoch  uint64
	part   *part
	length int64
}

var _ connectors.Sink = (*sink)(nil)

func newSink(formats format.Set, cfg connectors.SinkConfig, env connectors.Env) (*sink, error) {
	kinds := cfg.Options[optKindColumn]
	if kinds != "" {
		for _, c := range cfg.Columns {
			if strings.EqualFold(c.Name, kinds) {
				return nil, fmt.Errorf("'%s' = '%s' names a column of the sink's own", optKindColumn, kinds)
			}
		}
		cfg.Columns = append([]catalog.Field{{Name: kinds, Type: catalog.String, NotNull: true}}, cfg.Columns...)
	}
	var encoding format.Encoding
	files, f, err := formats.NewFileEncoding(cfg, env)
	if err == nil && files == nil {
		encoding, f, err = formats.NewEncoding(cfg, env)
	}
	if err != nil {
		return nil, err
	}
	if kinds != "" && f.Changelog {
		return nil, fmt.Errorf("'%s': the records of format '%s' say their kind already", optKindColumn, f.Spec.Name)
	}
	s := &sink{
		fs: env.Files(), env: env, kinds: kinds != "", changes: f.Changelog, shown: cfg.Options[optPath], encoding: encoding, files: files, suffix: f.Suffix,
		rollSize: cfg.Options.Bytes(optRollSize), rollInterval: cfg.Options.Duration(optRollInterval),
		shards: make([]shard, max(cfg.Shards, 1)),
	}
	s.dir = newFinder(s.fs, env.Dir, s.shown).real(newFinder(s.fs, "", s.shown).spec)
	for i := range s.shards {
		if encoding != nil {
			s.shards[i].encoder = encoding.NewEncoder()
		}
	}
	return s, nil
}

// Open implements connectors.Sink: it makes the directory and sees whether it
// can be written to.
func (s *sink) Open(_ context.Context, id connectors.SinkIdentity) error {
	s.id = fmt.Sprintf("%016x", xxh3.HashString(id.JobID+"\x00"+id.Sink))
	s.epoch = id.Epoch + 1
	if info, err := s.fs.Stat(s.dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file; a file sink's path is a directory", s.shown)
	}
	if err := s.fs.MkdirAll(s.dir); err != nil {
		return fmt.Errorf("can't make directory %s: %w", s.shown, reason(err))
	}
	if err := s.fs.SyncDir(filepath.Dir(s.dir)); err != nil {
		return fmt.Errorf("can't sync the directory above %s: %w", s.shown, reason(err))
	}
	probe := filepath.Join(s.dir, ".probe-"+s.id)
	_ = s.fs.Remove(probe) // left by a crash
	f, err := s.fs.Create(probe)
	if err != nil {
		return fmt.Errorf("can't write to directory %s: %w", s.shown, reason(err))
	}
	if err := errors.Join(f.Close(), s.fs.Remove(probe)); err != nil {
		return fmt.Errorf("can't write to directory %s: %w", s.shown, err)
	}
	names, err := s.own()
	for _, n := range names {
		if n.created.After(s.last) {
			s.last = n.created
		}
	}
	return err
}

// ownFile is a file of this sink that is in the directory.
type ownFile struct {
	name    string
	created time.Time
	epoch   uint64 // in which it was begun
}

// own lists the files of this job's sink, hidden ones too.
func (s *sink) own() ([]ownFile, error) {
	entries, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("can't list %s: %w", s.shown, reason(err))
	}
	var files []ownFile
	for _, e := range entries {
		if created, epoch, ok := parseFileName(e.Name(), s.id); ok {
			files = append(files, ownFile{e.Name(), created, epoch})
		}
	}
	return files, nil
}

// Write implements connectors.Sink.
func (s *sink) Write(_ context.Context, epoch uint64, shard int, b *connectors.Batch) error {
	if b.N == 0 {
		return nil
	}
	if s.kinds {
		column := format.KindColumn(b)
		defer column.Release()
		b = &connectors.Batch{N: b.N, Cols: append([]arrow.Array{column}, b.Cols...)}
	}
	for _, k := range b.Kinds {
		if k != catalog.Insert && !s.changes {
			return fmt.Errorf("a file takes rows of kind %s only, not %s", catalog.Insert, k)
		}
	}
	if s.files != nil {
		return s.writeWhole(epoch, shard, b)
	}
	sh := &s.shards[shard]
	var err error
	sh.text, err = sh.encoder.Append(sh.text[:0], b)
	var refused *connectors.RefusedRows
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return s.err
	case epoch < s.epoch:
		return fmt.Errorf("rows of micro-batch %d after its end", epoch)
	case epoch > s.epoch:
		// Another shard is still writing the epoch before.
		s.held = append(s.held, heldRows{epoch, slices.Clone(sh.text)})
		return err
	case len(sh.text) > 0:
		s.written = true
		if err := s.append(sh.text); err != nil {
			return err
		}
	}
	return err
}

// append adds text to the current file. The lock is held.
func (s *sink) append(text []byte) error {
	if s.cur == nil {
		if err := s.create(); err != nil {
			s.err = err
			return err
		}
	}
	if err := s.cur.write(text); err != nil {
		s.err = fmt.Errorf("can't write to %s: %w", s.shown, reason(err))
		return s.err
	}
	if s.cur.length >= s.rollSize {
		s.full = append(s.full, s.cur)
		s.cur = nil
	}
	return nil
}

func (p *part) write(text []byte) error {
	p.dirty = true
	n, err := p.file.Write(text)
	p.length += int64(n)
	return err
}

// create begins the file that all append to.
func (s *sink) create() error {
	p, err := s.begin(s.epoch)
	if err != nil {
		return err
	}
	s.cur = p
	if header := s.encoding.Header(); header != nil {
		if err := p.write(header); err != nil {
			return fmt.Errorf("can't write to %s: %w", s.shown, reason(err))
		}
	}
	return nil
}

// begin makes a file of an epoch, under a hidden name. The lock is held.
func (s *sink) begin(epoch uint64) (*part, error) {
	now := s.env.Clock.Now().Truncate(time.Millisecond)
	if !now.After(s.last) {
		now = s.last.Add(time.Millisecond)
	}
	s.last = now
	p := &part{name: fileName(now, s.id, epoch, s.suffix), created: now, begun: s.env.Clock.Now()}
	f, err := s.fs.Create(s.hidden(p.name))
	if err != nil {
		return nil, fmt.Errorf("can't make a file in %s: %w", s.shown, reason(err))
	}
	p.file = f
	return p, nil
}

// age is how old a file is. If the clock has been put back behind its begin, that is
// counted from now on.
func (s *sink) age(p *part) time.Duration {
	now := s.env.Clock.Now()
	if now.Before(p.begun) {
		p.begun = now
	}
	return now.Sub(p.begun)
}

func (s *sink) hidden(name string) string { return filepath.Join(s.dir, "."+name) }
func (s *sink) final(name string) string  { return filepath.Join(s.dir, name) }

// Prepare implements connectors.Sink: it marks the epoch's end and syncs what
// was written.
func (s *sink) Prepare(_ context.Context, epoch uint64) ([]byte, error) {
	s.complete(epoch)
	s.mu.Lock()
	if s.err == nil && epoch < s.epoch {
		s.err = fmt.Errorf("micro-batch %d is prepared after %d", epoch, s.epoch-1)
	}
	if s.err != nil {
		defer s.mu.Unlock()
		return nil, s.err
	}
	s.written = true
	parts, rolled := s.full, len(s.full)
	s.full = nil
	if s.cur != nil {
		parts = append(parts, s.cur)
		if s.age(s.cur) >= s.rollInterval {
			rolled++
			s.cur = nil
		}
	}
	m := mark{epoch: epoch}
	if s.cur != nil {
		m.part, m.length = s.cur, s.cur.length
	}
	for len(s.marks) > 0 && s.marks[0].epoch+1 < epoch {
		s.marks = s.marks[1:] // the one before epoch is committed, if it had an intent
	}
	s.marks = append(s.marks, m)
	var files []intentFile
	var sync []*part
	for i, p := range parts {
		files = append(files, intentFile{p.name, p.length, i < rolled, p.created.UnixMilli()})
		if p.dirty {
			p.dirty = false
			sync = append(sync, p)
		}
	}
	s.epoch = epoch + 1
	err := s.unhold()
	s.mu.Unlock()
	if err == nil {
		err = s.sync(sync, parts[:rolled])
	}
	if err != nil {
		for _, p := range parts[:rolled] {
			p.close() // Abort opens what it keeps
		}
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
		return nil, err
	}
	return encodeIntent(files), nil
}

// unhold appends the rows that waited for the epoch before to end.
func (s *sink) unhold() error {
	held := s.held
	s.held = nil
	for _, h := range held {
		if h.epoch != s.epoch {
			s.held = append(s.held, h)
		} else if err := s.append(h.text); err != nil {
			return err
		}
	}
	return nil
}

// sync makes the bytes and names of files durable and closes the rolled ones.
func (s *sink) sync(dirty, rolled []*part) error {
	unnamed := false
	for _, p := range dirty {
		if err := p.file.Sync(); err != nil {
			return fmt.Errorf("can't sync a file in %s: %w", s.shown, reason(err))
		}
		unnamed = unnamed || !p.named
	}
	if unnamed {
		if err := s.fs.SyncDir(s.dir); err != nil {
			return fmt.Errorf("can't sync directory %s: %w", s.shown, reason(err))
		}
		for _, p := range dirty {
			p.named = true
		}
	}
	for _, p := range rolled {
		if err := p.close(); err != nil {
			return fmt.Errorf("can't close a file in %s: %w", s.shown, reason(err))
		}
	}
	return nil
}

func (p *part) close() error {
	if p.file == nil {
		return nil
	}
	f := p.file
	p.file = nil
	return f.Close()
}

// Commit implements connectors.Sink: it shows the files that are finished.
// Before the first row it recovers: the open file of the last commit is taken up.
func (s *sink) Commit(_ context.Context, epoch uint64, intent []byte) error {
	files, err := decodeIntent(intent)
	if err != nil {
		return connectors.Fatal(err)
	}
	shown := false
	for _, f := range files {
		if !f.rolled {
			continue
		}
		if err := s.show(f.name); err != nil {
			return err
		}
		shown = true
	}
	if shown {
		if err := s.fs.SyncDir(s.dir); err != nil {
			return fmt.Errorf("can't sync directory %s: %w", s.shown, reason(err))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.marks) > 0 && s.marks[0].epoch < epoch {
		s.marks = s.marks[1:]
	}
	if s.written {
		return nil
	}
	return s.recover(epoch, files)
}

// show gives a file its final name. A hidden file that is missing has been
// shown before: Prepare made its name durable. Whether the shown one is still
// there is its readers' business.
func (s *sink) show(name string) error {
	err := s.fs.Rename(s.hidden(name), s.final(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("can't rename a file in %s: %w", s.shown, reason(err))
	}
	return nil
}

// recover takes up the open file of the last commit. The lock is held.
func (s *sink) recover(epoch uint64, files []intentFile) error {
	if s.cur != nil {
		return nil // Commit was called twice
	}
	s.marks = []mark{{epoch: epoch}}
	for _, f := range files {
		if f.rolled {
			continue
		}
		file, err := s.fs.OpenAppend(s.hidden(f.name))
		if errors.Is(err, fs.ErrNotExist) {
			// The run before ended in order: Close has shown the file.
			s.log().Debug("file of the last commit is finished", "file", f.name)
			continue
		}
		if err != nil {
			return fmt.Errorf("can't open %s: %w", s.hidden(f.name), reason(err))
		}
		info, err := file.Stat()
		if err == nil && info.Size() < f.length {
			err = connectors.Fatal(fmt.Errorf("%s has %d bytes, but %d were committed", s.hidden(f.name), info.Size(), f.length))
		}
		if err != nil {
			return errors.Join(err, file.Close())
		}
		s.cur = &part{name: f.name, file: file, length: info.Size(), created: time.UnixMilli(f.created), begun: time.UnixMilli(f.created), named: true}
		s.marks[0].part, s.marks[0].length = s.cur, f.length
	}
	return nil
}

func (s *sink) log() *slog.Logger {
	if s.env.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.env.Log
}
