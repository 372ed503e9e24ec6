package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// allFiles is the ID of the only split, unless each file is one.
const allFiles = "files"

// source reads files as splits.
type source struct {
	env         connectors.Env
	finder      *finder
	columns     []connectors.ScanColumn
	toOutput    []int // of each decoded column, if there are metadata columns
	decoding    format.Decoding
	blocks      format.BlockDecoding // of a format whose files are made of blocks; decoding is nil then
	shared      *decoders            // of a format whose streams are all alike
	compression string
	maxRecord   int
	monitor     time.Duration // 0: bounded
	perFile     bool
	buffers     bufferPool

	files []input // of a bounded source, once listed
}

var (
	_ connectors.Source   = (*source)(nil)
	_ connectors.Growable = (*source)(nil)
)

func newSource(formats format.Set, cfg connectors.SourceConfig, env connectors.Env) (*source, error) {
	s := &source{
		env: env, columns: cfg.Columns,
		finder:      newFinder(env.Files(), env.Dir, cfg.Options[optPath]),
		compression: cfg.Options[optCompression],
		maxRecord:   int(min(cfg.Options.Bytes(optMaxRecordBytes), math.MaxInt32/2)),
		monitor:     cfg.Options.Duration(optMonitorInterval),
		perFile:     cfg.Options.Bool(optFilesAsSplits),
	}
	if s.maxRecord < 1 {
		return nil, fmt.Errorf("option '%s' must be at least 1 byte", optMaxRecordBytes)
	}
	if s.perFile && s.watched() {
		return nil, fmt.Errorf("option '%s' is for bounded sources; leave '%s' out", optFilesAsSplits, optMonitorInterval)
	}
	if slices.ContainsFunc(cfg.Columns, func(c connectors.ScanColumn) bool { return c.Metadata != "" }) {
		s.toOutput = append([]int{}, format.Decoded(cfg.Columns)...)
	}
	f, dc, err := formats.ConfigOf(cfg, s.maxRecord)
	if err != nil {
		return nil, err
	}
	dc.Env = env
	if f.Blocks != nil {
		if s.compression != "auto" && s.compression != "none" {
			return nil, fmt.Errorf("option '%s': files of format '%s' say themselves how they are compressed", optCompression, f.Spec.Name)
		}
		s.blocks, err = f.Blocks(dc)
		return s, err
	}
	if s.decoding, err = formats.Decode(f.Spec.Name, dc); err != nil {
		return nil, err
	}
	if !s.decoding.Headed() {
		stream, _, err := s.decoding.Stream(nil)
		if err != nil {
			return nil, err
		}
		s.shared = newDecoders(stream)
	}
	return s, nil
}

func (s *source) watched() bool { return s.monitor > 0 }

// list finds the files of a bounded source; it always gives the same ones.
func (s *source) list() error {
	if s.files != nil {
		return nil
	}
	files, err := s.finder.find()
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no file to read at %s", s.finder.spec)
	}
	s.files = files
	return nil
}

// Splits implements connectors.Source.
func (s *source) Splits(context.Context) ([]connectors.Split, error) {
	if s.watched() {
		return []connectors.Split{{ID: allFiles}}, nil
	}
	if err := s.list(); err != nil {
		return nil, err
	}
	if !s.perFile {
		return []connectors.Split{{ID: allFiles, Bounded: true}}, nil
	}
	splits := make([]connectors.Split, len(s.files))
	for i, f := range s.files {
		splits[i] = connectors.Split{ID: f.path, Bounded: true}
	}
	return splits, nil
}

// Open implements connectors.Source.
func (s *source) Open(_ context.Context, split connectors.Split, from connectors.Offset) (connectors.SplitReader, error) {
	q, err := s.queue(split)
	if err != nil {
		return nil, err
	}
	if from == nil {
		return s.reader(q, nil), nil
	}
	p, err := decodeOffset(from)
	if err != nil {
		return nil, err
	}
	return s.reader(q, &p), nil
}

// reader makes the reader of the files that q gives, from a position on.
func (s *source) reader(q queue, from *position) connectors.SplitReader {
	var pos position
	if from != nil {
		pos = *from
		pos.atEnd, pos.size = false, 0
	}
	if s.blocks != nil {
		return &blockReader{src: s, queue: q, from: from, pos: pos}
	}
	return &reader{src: s, queue: q, from: from, pos: pos}
}

func (s *source) queue(split connectors.Split) (queue, error) {
	if s.watched() {
		return newWatchQueue(s), nil
	}
	if err := s.list(); err != nil {
		return nil, err
	}
	if !s.perFile {
		return &fixedQueue{files: s.files}, nil
	}
	for i, f := range s.files {
		if f.path == split.ID {
			return &fixedQueue{files: s.files[i : i+1]}, nil
		}
	}
	return nil, fmt.Errorf("%s is gone", split.ID)
}

// Grown implements connectors.Growable: it looks for a record after end.
func (s *source) Grown(ctx context.Context, split connectors.Split, end connectors.Offset) (string, error) {
	q, err := s.queue(split)
	if err != nil {
		return "", err
	}
	p, err := decodeOffset(end)
	if err != nil {
		return "", err
	}
	r := s.reader(q, &p)
	if p.atEnd {
		if err := q.resume(&p); err != nil {
			return "", err
		}
		info, err := s.finder.fs.Stat(s.finder.real(p.path))
		if err != nil {
			return "", fmt.Errorf("%s: %w", p.path, reason(err))
		}
		if info.Size() == p.size { // so there is no need to read it again
			r = s.reader(q, nil)
			left := p.leave(p.size, false)
			switch r := r.(type) {
			case *reader:
				r.pos = left
			case *blockReader:
				r.pos = left
			}
		}
	}
	defer r.Close()
	c, err := r.Fetch(ctx, connectors.Limits{Records: 1, Bytes: 1})
	if errors.Is(err, io.EOF) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer c.Release()
	if b, ok := c.(*blockChunk); ok {
		return fmt.Sprintf("%s has more records, from record %d on", b.in.path, b.first), nil
	}
	return fmt.Sprintf("%s has more records, from line %d on", c.(*chunk).in.path, c.(*chunk).record(0).line), nil
}

// Close implements connectors.Source. Readers are closed by whoever opened them.
func (s *source) Close() error { return nil }
