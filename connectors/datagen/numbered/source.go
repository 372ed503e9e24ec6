package numbered

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/clock"
)

// Rows makes rows by number. It is used by many goroutines at once.
type Rows interface {
	// Columns makes the columns of the rows first, first+stride, ... (count of
	// them). The caller releases them.
	Columns(alloc memory.Allocator, first, stride int64, count int) []arrow.Array
	// RowBytes is about how many bytes a row's columns take, at least 1.
	RowBytes() int
	// Record gives row n as text, to name it in messages.
	Record(n int64) []byte
}

// Config says which rows a source has.
type Config struct {
	Name string // as positions show it: "nexmark"
	// First is the number of the first row; Count how many there are (0: no end).
	First, Count int64
	Splits       int // >= 1
	// Rate is how many rows a second come, all splits together, by Clock; 0: as
	// many as are asked for.
	Rate  int64
	Clock clock.Clock
}

// MaxSplits is the greatest number of splits of a source.
const MaxSplits = 1024

// MaxRate is the greatest rate, in rows a second.
const MaxRate = 1_000_000_000

// Bounds of a chunk: rows, and bytes such that a column's text stays addressable
// by 32 bits.
const (
	maxChunkRows  = 1 << 16
	maxChunkBytes = 1 << 29
)

// Source reads the rows of a Rows. It implements connectors.Source.
type Source struct {
	cfg  Config
	rows Rows
}

var (
	_ connectors.Source   = (*Source)(nil)
	_ connectors.Growable = (*Source)(nil)
)

// NewSource gives a source, or an error if cfg makes no sense.
func NewSource(cfg Config, rows Rows) (*Source, error) {
	var errs []error
	if cfg.Splits < 1 || cfg.Splits > MaxSplits {
		errs = append(errs, fmt.Errorf("%s: number of splits is %d, must be 1 to %d", cfg.Name, cfg.Splits, MaxSplits))
	}
	if cfg.Rate < 0 || cfg.Rate > MaxRate {
		errs = append(errs, fmt.Errorf("%s: rate is %d rows a second, must be 0 to %d", cfg.Name, cfg.Rate, MaxRate))
	}
	if cfg.First < 0 || cfg.Count < 0 || cfg.First > math.MaxInt64/4 || cfg.Count > math.MaxInt64/4 {
		errs = append(errs, fmt.Errorf("%s: rows %d to %d are out of range", cfg.Name, cfg.First, cfg.First+cfg.Count))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Source{cfg, rows}, nil
}

// Splits implements connectors.Source.
func (s *Source) Splits(context.Context) ([]connectors.Split, error) {
	splits := make([]connectors.Split, s.cfg.Splits)
	for i := range splits {
		splits[i] = connectors.Split{ID: s.splitID(i), Bounded: s.cfg.Count > 0}
	}
	return splits, nil
}

// splitID gives the ID of a split: its index, in digits enough to sort as text.
func (s *Source) splitID(i int) string {
	return fmt.Sprintf("%0*d", len(strconv.Itoa(s.cfg.Splits-1)), i)
}

// Open implements connectors.Source.
func (s *Source) Open(_ context.Context, split connectors.Split, from connectors.Offset) (connectors.SplitReader, error) {
	index, err := s.index(split)
	if err != nil {
		return nil, err
	}
	r := &reader{source: s, split: split.ID, index: int64(index), count: s.rowsOf(int64(index))}
	if from != nil {
		if r.next, err = decodeOffset(from); err != nil {
			return nil, fmt.Errorf("%s: split %s: %w", s.cfg.Name, split.ID, err)
		}
		if r.count >= 0 && r.next > r.count {
			return nil, fmt.Errorf("%s: split %s: the offset is after row %d, but the split has %d rows", s.cfg.Name, split.ID, r.next, r.count)
		}
	}
	if s.cfg.Rate > 0 {
		r.pace = newPace(s.cfg.Clock, s.cfg.Rate, r.next*int64(s.cfg.Splits))
	}
	return r, nil
}

// Grown implements connectors.Growable: a source grows by its options.
func (s *Source) Grown(_ context.Context, split connectors.Split, end connectors.Offset) (string, error) {
	index, err := s.index(split)
	if err != nil {
		return "", err
	}
	read, err := decodeOffset(end)
	if err != nil {
		return "", fmt.Errorf("%s: split %s: %w", s.cfg.Name, split.ID, err)
	}
	switch count := s.rowsOf(int64(index)); {
	case count < 0:
		return fmt.Sprintf("%s split %s has no end any more", s.cfg.Name, split.ID), nil
	case count > read:
		return fmt.Sprintf("%s split %s has %d more rows", s.cfg.Name, split.ID, count-read), nil
	default:
		return "", nil
	}
}

// index gives the index of a split.
func (s *Source) index(split connectors.Split) (int, error) {
	i, err := strconv.Atoi(split.ID)
	if err != nil || i < 0 || i >= s.cfg.Splits || s.splitID(i) != split.ID {
		return 0, fmt.Errorf("%s: there is no split %q of %d", s.cfg.Name, split.ID, s.cfg.Splits)
	}
	return i, nil
}

// rowsOf gives the number of rows of a split; -1: no end.
func (s *Source) rowsOf(index int64) int64 {
	if s.cfg.Count == 0 {
		return -1
	}
	stride := int64(s.cfg.Splits)
	return (s.cfg.Count - index + stride - 1) / stride
}

// Close implements connectors.Source.
func (s *Source) Close() error { return nil }

// An offset is the number of rows read of the split, as 8 bytes, big-endian.

func encodeOffset(n int64) connectors.Offset {
	return binary.BigEndian.AppendUint64(nil, uint64(n))
}

func decodeOffset(o connectors.Offset) (int64, error) {
	if len(o) != 8 || o[0] >= 0x80 {
		return 0, fmt.Errorf("%x is not an offset", []byte(o))
	}
	return int64(binary.BigEndian.Uint64(o)), nil
}
