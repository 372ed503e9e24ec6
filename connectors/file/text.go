package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/streamsql/streamsql/connectors"
)

// text is the decompressed content of one file, read from some place on.
type text struct {
	name  string
	file  connectors.File
	size  int64 // of the file when it was opened, compressed if it is
	mtime time.Time
	kind  string // gzip, zstd or none
	r     io.Reader
	stop  func() // ends the decompressor; nil if plain
	at    int64  // bytes of text given
}

// openText opens a file for reading from the byte from of its text.
func openText(f *finder, name, compression string, from int64) (*text, error) {
	file, err := f.fs.Open(f.real(name))
	if errors.Is(err, fs.ErrNotExist) && from > 0 {
		return nil, fmt.Errorf("%s is gone, but was read up to byte %d only", name, from)
	}
	if err != nil {
		return nil, fmt.Errorf("can't open %s: %w", name, reason(err))
	}
	t := &text{name: name, file: file, kind: compressionOf(name, compression)}
	if err := t.start(from); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func compressionOf(name, option string) string {
	if option != "auto" {
		return option
	}
	lower := strings.ToLower(name)
	switch {
	case strings.HasSuffix(lower, ".gz"), strings.HasSuffix(lower, ".gzip"):
		return "gzip"
	case strings.HasSuffix(lower, ".zst"), strings.HasSuffix(lower, ".zstd"):
		return "zstd"
	}
	return "none"
}

func (t *text) start(from int64) error {
	info, err := t.file.Stat()
	if err != nil {
		return fmt.Errorf("can't read %s: %w", t.name, reason(err))
	}
	t.size, t.mtime = info.Size(), info.ModTime()
	plain := &fileReader{file: t.file}
	if t.kind == "none" {
		if t.size < from {
			return t.shrunk(t.size, from)
		}
		plain.at, t.at = from, from
		t.r = plain
		return nil
	}
	if t.size == 0 { // no member, no frame: an empty text
		t.r = plain
	} else {
		ahead := newReadAhead(func() (io.Reader, func(), error) { return decompressor(t.kind, plain) })
		t.r, t.stop = ahead, ahead.close
	}
	skipped, err := io.CopyN(io.Discard, t.r, from)
	t.at = skipped
	if err == io.EOF {
		return t.shrunk(skipped, from)
	}
	if err != nil {
		return t.explain(err)
	}
	return nil
}

func (t *text) shrunk(now, from int64) error {
	return fmt.Errorf("%s has changed: it was read up to byte %d, but has only %d now", t.name, from, now)
}

// decompressor opens a stream of compressed data; several gzip members or zstd
// frames one after the other are one text.
func decompressor(kind string, r io.Reader) (io.Reader, func(), error) {
	if kind == "gzip" {
		z, err := gzip.NewReader(r)
		return z, func() {}, err
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<30))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

// Read implements io.Reader. Its errors, io.EOF aside, name the file.
func (t *text) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.at += int64(n)
	if err != nil && err != io.EOF {
		err = t.explain(err)
	}
	return n, err
}

func (t *text) explain(err error) error {
	switch {
	case t.kind == "none":
		return fmt.Errorf("can't read %s: %w", t.name, reason(err))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("%s: the %s data is cut off after %d bytes of text", t.name, t.kind, t.at)
	default:
		return fmt.Errorf("%s: damaged %s data after %d bytes of text: %w", t.name, t.kind, t.at, reason(err))
	}
}

func (t *text) close() error {
	if t.stop != nil {
		t.stop()
	}
	return t.file.Close()
}

// fileReader reads a file from a place on.
type fileReader struct {
	file io.ReaderAt
	at   int64
}

func (r *fileReader) Read(p []byte) (int, error) {
	n, err := r.file.ReadAt(p, r.at)
	r.at += int64(n)
	return n, err
}

// readAhead reads from another goroutine, so that decompression goes on while
// chunks are cut and decoded. At most aheadBlocks blocks are waiting.
type readAhead struct {
	full  chan block
	empty chan []byte
	done  chan struct{} // closed to stop the goroutine
	ended chan struct{} // closed when it has stopped
	cur   block
	rest  []byte // of cur
}

type block struct {
	data []byte
	err  error // after data
}

const (
	aheadBlocks = 3
	aheadBytes  = 256 << 10
)

func newReadAhead(open func() (io.Reader, func(), error)) *readAhead {
	a := &readAhead{
		full: make(chan block, aheadBlocks), empty: make(chan []byte, aheadBlocks),
		done: make(chan struct{}), ended: make(chan struct{}),
	}
	for range aheadBlocks {
		a.empty <- make([]byte, aheadBytes)
	}
	go a.run(open)
	return a
}

func (a *readAhead) run(open func() (io.Reader, func(), error)) {
	defer close(a.ended)
	r, closeReader, err := open()
	if err != nil {
		if err == io.EOF { // a header cut off
			err = io.ErrUnexpectedEOF
		}
		a.full <- block{nil, err}
		return
	}
	defer closeReader()
	for {
		select {
		case <-a.done:
			return
		case buf := <-a.empty:
			n, err := 0, error(nil)
			for n < len(buf) && err == nil {
				var m int
				m, err = r.Read(buf[n:])
				n += m
			}
			a.full <- block{buf[:n], err} // never blocks: as many places as buffers
			if err != nil {
				return
			}
		}
	}
}

func (a *readAhead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.cur.err != nil {
			return 0, a.cur.err
		}
		if a.cur.data != nil {
			a.empty <- a.cur.data[:aheadBytes]
		}
		a.cur = <-a.full
		a.rest = a.cur.data
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

func (a *readAhead) close() {
	close(a.done)
	<-a.ended
}
