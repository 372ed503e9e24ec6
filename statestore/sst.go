package statestore

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
)

// sstFile is an SST under construction, to be ingested.
type sstFile struct {
	w   *sstable.Writer
	err error
}

// createSST begins a file. Values are blocks already, so each gets an SST block
// of its own, uncompressed. The format is the last one with blocks by row: the later
// ones, by column, copy each value into fresh memory twice more, at a tenth of the
// speed.
func (s *Store) createSST(path string) (*sstFile, error) {
	f, err := s.fs.Create(path, categoryLog)
	if err != nil {
		return nil, err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), sstable.WriterOptions{
		TableFormat: sstable.TableFormatPebblev4,
		Compression: block.NoCompression,
	})
	return &sstFile{w: w}, nil
}

// set adds a pair; keys must ascend.
func (f *sstFile) set(key, value []byte) {
	if f.err == nil {
		f.err = f.w.Set(key, value)
	}
}

// finish closes the file, synced.
func (f *sstFile) finish() error {
	return errors.Join(f.err, f.w.Close())
}
