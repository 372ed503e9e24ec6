package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// blockReader is the SplitReader of a run of files that are made of blocks. Its
// position counts records: bytes and lines of it are those of the file at hand
// before this place.
type blockReader struct {
	src   *source
	queue queue
	pos   position
	from  *position // where to go on; nil once that is done
	cur   *blockFile
	err   error // what ended the reading
}

// blockFile is a file while it is read.
type blockFile struct {
	in   input
	file *sharedFile
	data format.BlockFile
	// The block at hand, and which of its records comes next.
	place int64
	info  format.BlockInfo
	block format.Block // nil: not loaded
	next  int
}

// sharedFile is a file that chunks may still read from, to decode themselves, when the
// reader has left it: whoever is the last to release it closes it.
type sharedFile struct {
	connectors.File
	users atomic.Int32
}

func newSharedFile(f connectors.File) *sharedFile { return (&sharedFile{File: f}).hold() }

func (f *sharedFile) hold() *sharedFile {
	f.users.Add(1)
	return f
}

func (f *sharedFile) release() error {
	if f.users.Add(-1) > 0 {
		return nil
	}
	return f.Close()
}

var _ connectors.SplitReader = (*blockReader)(nil)

// Fetch implements connectors.SplitReader.
func (r *blockReader) Fetch(ctx context.Context, max connectors.Limits) (connectors.Chunk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, r.err
	}
	c, err := r.fetch(max)
	r.err = err
	if c == nil {
		return nil, err
	}
	return c, err
}

func (r *blockReader) fetch(max connectors.Limits) (*blockChunk, error) {
	for {
		if r.cur == nil {
			if err := r.nextFile(); err != nil || r.cur == nil {
				return nil, err
			}
		}
		c, err := r.cut(max)
		if err != nil {
			return nil, fmt.Errorf("can't read %s: %w", r.cur.in.path, err)
		}
		if c != nil {
			return c, nil
		}
		if err := r.leave(); err != nil {
			return nil, err
		}
	}
}

// nextFile opens the next file, if there is one now, or that of the offset that the
// reader began with.
func (r *blockReader) nextFile() error {
	if from := r.from; from != nil {
		if err := r.queue.resume(from); err != nil {
			return err
		}
		r.from = nil
		if from.path != "" {
			return r.open(from.path)
		}
	}
	in, err := r.queue.next(&r.pos)
	if err != nil || in == nil {
		return err
	}
	r.pos.path = in.path
	return r.open(in.path)
}

// open opens a file at r.pos.
func (r *blockReader) open(name string) error {
	file, err := r.src.finder.fs.Open(r.src.finder.real(name))
	if errors.Is(err, fs.ErrNotExist) && r.pos.lines > 0 {
		return fmt.Errorf("%s is gone, but was read up to record %d only", name, r.pos.lines)
	}
	if err != nil {
		return fmt.Errorf("can't open %s: %w", name, reason(err))
	}
	cur := &blockFile{file: newSharedFile(file)}
	if err := r.begin(cur, name); err != nil {
		cur.file.release()
		return err
	}
	r.cur = cur
	return nil
}

// begin reads what the file says of itself and goes on to the record that comes.
func (r *blockReader) begin(cur *blockFile, name string) error {
	info, err := cur.file.Stat()
	if err != nil {
		return fmt.Errorf("can't read %s: %w", name, reason(err))
	}
	cur.in = input{name, info.Size(), info.ModTime()}
	if cur.data, err = r.src.blocks.OpenFile(cur.file, info.Size()); err != nil {
		return fmt.Errorf("can't read %s: %w", name, err)
	}
	for before := r.pos.lines; ; {
		err := cur.seek()
		if err == io.EOF && before == 0 {
			return nil
		}
		if err == io.EOF {
			return fmt.Errorf("%s has changed: it was read up to record %d, but has %d fewer now", name, r.pos.lines, before)
		}
		if err != nil {
			return fmt.Errorf("can't read %s: %w", name, err)
		}
		if before < int64(cur.info.Records) {
			cur.next = int(before)
			return nil
		}
		before -= int64(cur.info.Records)
		cur.next = cur.info.Records
	}
}

// seek goes on to the next block if the one at hand is used up; io.EOF: there is
// none.
func (f *blockFile) seek() error {
	for f.next == f.info.Records {
		place := f.info.Next
		info, err := f.data.Block(place)
		if err != nil {
			return err
		}
		f.place, f.info, f.block, f.next = place, info, nil, 0
		if info.Records == 0 {
			continue
		}
		return nil
	}
	return nil
}

// cut makes a chunk of the file's next records; nil: it has no more.
func (r *blockReader) cut(limits connectors.Limits) (*blockChunk, error) {
	cur := r.cur
	if err := cur.seek(); err != nil {
		if err == io.EOF {
			return nil, nil
		}
		return nil, err
	}
	if cur.block == nil {
		var err error
		if cur.block, err = cur.data.Load(cur.place); err != nil {
			return nil, err
		}
	}
	perRecord := cur.info.Bytes/cur.info.Records + 1
	n := min(cur.info.Records-cur.next, limits.Records, max(limits.Bytes/perRecord, 1))
	part, err := cur.block.Cut(cur.next, cur.next+n)
	if err != nil {
		return nil, err
	}
	c := &blockChunk{src: r.src, in: cur.in, file: cur.file.hold(), part: part, records: n, bytes: n * perRecord, first: r.pos.lines + 1}
	cur.next += n
	r.pos.lines += int64(n)
	r.pos.bytes = r.pos.lines
	r.pos.records += uint64(n)
	if err := cur.seek(); err == io.EOF { // so that the last chunk's offset tells of the end
		r.pos.atEnd, r.pos.size = true, cur.in.size
	}
	c.end = r.pos
	return c, nil
}

// leave closes the file at hand, which has been read to its end.
func (r *blockReader) leave() error {
	cur := r.cur
	r.cur = nil
	if err := cur.file.release(); err != nil {
		return fmt.Errorf("can't read %s: %w", cur.in.path, reason(err))
	}
	r.pos = r.pos.leave(cur.in.size, r.src.watched())
	return nil
}

// Ready implements connectors.SplitReader.
func (r *blockReader) Ready() <-chan struct{} { return r.queue.ready() }

// Close implements connectors.SplitReader.
func (r *blockReader) Close() error {
	r.queue.close()
	if r.cur == nil {
		return nil
	}
	err := r.cur.file.release()
	r.cur = nil
	return err
}

// blockChunk is a run of records of one block.
type blockChunk struct {
	src     *source
	in      input
	file    *sharedFile // nil: released
	part    format.BlockPart
	records int
	bytes   int
	first   int64 // number of the first record in its file, from 1
	end     position
}

// Records implements connectors.Chunk.
func (c *blockChunk) Records() int { return c.records }

// Bytes implements connectors.Chunk.
func (c *blockChunk) Bytes() int { return c.bytes }

// End implements connectors.Chunk.
func (c *blockChunk) End() connectors.Offset { return c.end.encode() }

// Release implements connectors.Chunk.
func (c *blockChunk) Release() {
	if c.file != nil {
		_ = c.file.release() // it was read only
		c.file = nil
	}
}

// Decode implements connectors.Chunk.
func (c *blockChunk) Decode(alloc memory.Allocator) (*connectors.Records, error) {
	recs, err := c.part.Decode(alloc)
	if err != nil {
		return nil, fmt.Errorf("%s, from record %d: %w", c.in.path, c.first, err)
	}
	recs.Raw = c.part.Raw
	recs.Position = func(i int) string { return fmt.Sprintf("%s:%d", c.in.path, c.first+int64(i)) }
	c.src.addMetadata(recs, alloc, c.in, func(i int) int64 { return c.first + int64(i) })
	return recs, nil
}
