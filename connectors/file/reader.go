package file

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
)

// reader is the SplitReader of a run of files.
type reader struct {
	src   *source
	queue queue
	pos   position  // after the last record given out
	cur   *opened   // the file at hand; nil between files
	from  *position // where to go on; nil once that is done
	err   error     // what ended the reading
}

// opened is a file while it is read. Its unread text is buf.data[at:end].
type opened struct {
	in      input
	text    *text
	decode  *decoders // nil until the stream's format is known
	buf     *buffer
	at, end int
	eof     bool
	err     error // of reading, after the unread text
}

var _ connectors.SplitReader = (*reader)(nil)

// Fetch implements connectors.SplitReader.
func (r *reader) Fetch(ctx context.Context, max connectors.Limits) (connectors.Chunk, error) {
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

func (r *reader) fetch(max connectors.Limits) (*chunk, error) {
	for {
		if r.cur == nil {
			if err := r.next(); err != nil || r.cur == nil {
				return nil, err
			}
		}
		c, err := r.cut(max)
		if err != nil || c != nil {
			return c, err
		}
		if err := r.leave(); err != nil {
			return nil, err
		}
	}
}

// next opens the next file, if there is one now; io.EOF: there will be none.
func (r *reader) next() error {
	if r.from != nil {
		return r.resume()
	}
	in, err := r.queue.next(&r.pos)
	if err != nil || in == nil {
		return err
	}
	r.pos.path = in.path
	return r.open(in.path)
}

// resume opens the file of the offset that the reader began with.
func (r *reader) resume() error {
	from := r.from
	if err := r.queue.resume(from); err != nil {
		return err
	}
	if from.path != "" {
		if err := r.open(from.path); err != nil {
			return err
		}
	}
	r.from = nil
	if from.path == "" {
		return r.next()
	}
	return nil
}

// open opens a file at r.pos.
func (r *reader) open(name string) error {
	t, err := openText(r.src.finder, name, r.src.compression, r.pos.bytes)
	if err != nil {
		return err
	}
	cur := &opened{in: input{name, t.size, t.mtime}, text: t}
	if err := r.begin(cur); err != nil {
		cur.close()
		return err
	}
	r.cur = cur
	return nil
}

// begin settles the format of a file just opened and passes over what is no
// record at its start: a byte order mark, a header.
func (r *reader) begin(cur *opened) error {
	if r.pos.bytes == 0 {
		skip, lines, isHeader, err := r.head(cur)
		if err != nil {
			return err
		}
		if isHeader || skip > 0 {
			cur.at += skip
			r.pos.bytes, r.pos.lines = int64(skip), int64(lines)
		}
		return nil
	}
	if !r.src.decoding.Headed() {
		cur.decode = r.src.shared
		return r.unterminated(cur)
	}
	// The header stands at the start, wherever we go on.
	t, err := openText(r.src.finder, cur.in.path, r.src.compression, 0)
	if err != nil {
		return err
	}
	start := &opened{in: cur.in, text: t}
	_, _, _, err = r.head(start)
	start.close()
	cur.decode = start.decode
	if err != nil {
		return err
	}
	return r.unterminated(cur)
}

// unterminated sees to a file that ended without a line feed when its last
// record was read: what was added since must begin with one.
func (r *reader) unterminated(cur *opened) error {
	if !r.pos.open {
		return nil
	}
	if err := r.fill(cur, 2); err != nil {
		return err
	}
	if rest := cur.buf.data[cur.at:cur.end]; len(rest) > 0 && rest[0] != '\n' && !bytes.HasPrefix(rest, []byte("\r\n")) {
		return fmt.Errorf("%s has changed: its last line, without an end, was read as a record at line %d, and has been added to since", cur.in.path, r.pos.lines+1)
	}
	r.pos.open = false
	return nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// head reads the start of a file: what of it is no record, and the format of
// the rest. A header counts as bytes and lines to pass over.
func (r *reader) head(cur *opened) (skip, lines int, isHeader bool, err error) {
	if err := r.fill(cur, len(byteOrderMark)); err != nil {
		return 0, 0, false, err
	}
	if bytes.HasPrefix(cur.buf.data[cur.at:cur.end], byteOrderMark) {
		skip = len(byteOrderMark)
	}
	if !r.src.decoding.Headed() {
		cur.decode = r.src.shared
		return skip, 0, false, nil
	}
	one := connectors.Limits{Records: 1, Bytes: 1 << 62}
	for {
		rest := cur.buf.data[cur.at+skip : cur.end]
		cut := r.src.decoding.Cut(rest, one, cur.eof)
		if cut.Records == 0 && !cur.eof && cur.err == nil {
			if len(rest) > r.src.maxRecord+1 {
				return 0, 0, false, fmt.Errorf("%s: the first record is longer than %d bytes", cur.in.path, r.src.maxRecord)
			}
			if err := r.fill(cur, 2*(cur.end-cur.at)+1); err != nil {
				return 0, 0, false, err
			}
			continue
		}
		if cut.Records == 0 && cur.err != nil {
			return 0, 0, false, cur.err
		}
		var first []byte
		if cut.Records > 0 {
			first = format.TrimLineEnd(rest[cut.Lead:cut.Bytes])
		}
		s, isHeader, err := r.src.decoding.Stream(first)
		if err != nil {
			return 0, 0, false, fmt.Errorf("%s: %w", cur.in.path, err)
		}
		cur.decode = newDecoders(s)
		if isHeader {
			return skip + cut.Bytes, cut.Lines, true, nil
		}
		return skip, 0, false, nil
	}
}

// fill reads until at least want bytes are unread, or the text ends. An error
// of reading is kept in cur.err until what came before it is used up; the one
// returned is of that kind and has nothing before it.
func (r *reader) fill(cur *opened, want int) error {
	unread := cur.end - cur.at
	if unread >= want || cur.eof || cur.err != nil {
		if unread == 0 && cur.err != nil {
			return cur.err
		}
		return nil
	}
	if cur.buf == nil || len(cur.buf.data)-cur.at < want {
		r.renew(cur, want)
	}
	for cur.end-cur.at < want {
		room := cur.buf.data[cur.end:]
		n, err := cur.text.Read(room[:min(len(room), max(pieceBytes, cur.at+want-cur.end))])
		cur.end += n
		if err == io.EOF {
			cur.eof = true
			break
		}
		if err != nil {
			cur.err = err
			break
		}
	}
	if cur.end == cur.at && cur.err != nil {
		return cur.err
	}
	return nil
}

// renew moves the unread text to a fresh buffer with room for want bytes.
func (r *reader) renew(cur *opened, want int) {
	next := r.src.buffers.get(max(minBuffer, want+bufferSlop))
	n := 0
	if cur.buf != nil {
		n = copy(next.data, cur.buf.data[cur.at:cur.end])
		cur.buf.release()
	}
	cur.buf, cur.at, cur.end = next, 0, n
}

// cut makes a chunk of the file's next records; nil: it has no more. The text is
// read by pieces that are cut while they are in the processor's cache, into a
// buffer that has room for the whole chunk.
func (r *reader) cut(limits connectors.Limits) (*chunk, error) {
	cur := r.cur
	want := min(limits.Bytes, 4<<20)
	if cur.buf == nil || len(cur.buf.data)-cur.at < want {
		r.renew(cur, want)
	}
	var found format.Cut
	for piece := 1; ; {
		if err := r.fill(cur, found.Bytes+piece); err != nil {
			return nil, err
		}
		rest := connectors.Limits{Records: limits.Records - found.Records, Bytes: limits.Bytes - found.Bytes}
		found = found.And(r.src.decoding.Cut(cur.buf.data[cur.at+found.Bytes:cur.end], rest, cur.eof))
		if found.Records == 0 {
			r.pass(found)
			found = format.Cut{}
		}
		left := cur.end - cur.at - found.Bytes
		switch {
		case found.Records > 0 && (found.Records >= limits.Records || found.Bytes+left >= want || cur.eof || cur.err != nil):
			return r.chunk(found), nil
		case left == 0 && cur.eof:
			return nil, nil
		case left > 0 && cur.err != nil:
			return nil, cur.err
		case found.Records == 0 && left > r.src.maxRecord+1: // a carriage return may be the last
			return r.oversize()
		}
		piece = left + 1 + min(left, max(0, r.src.maxRecord-left))
	}
}

// pass moves the position over bytes cut off.
func (r *reader) pass(c format.Cut) {
	r.cur.at += c.Bytes
	r.pos.bytes += int64(c.Bytes)
	r.pos.lines += int64(c.Lines)
	r.pos.records += uint64(c.Records)
}

// chunk makes a chunk of the run of records at the start of the unread text.
func (r *reader) chunk(found format.Cut) *chunk {
	cur := r.cur
	c := &chunk{
		src: r.src, in: cur.in, decode: cur.decode, buf: cur.buf,
		data: cur.buf.data[cur.at : cur.at+found.Bytes], records: found.Records, line: r.pos.lines + 1,
	}
	cur.buf.retain()
	r.pass(found)
	if cur.at == cur.end && !cur.eof && cur.err == nil {
		// Look for the end now, so that the last chunk's offset tells of it. An
		// error stays in cur.err.
		_ = r.fill(cur, 1)
	}
	if cur.at == cur.end && cur.eof {
		r.pos.atEnd, r.pos.size = true, cur.in.size
		r.pos.open = c.data[len(c.data)-1] != '\n'
	}
	c.pos = r.pos
	return c
}

// oversize gives a chunk of one record that is longer than the limit: only its
// first bytes are kept, the rest is passed over up to the next line feed.
func (r *reader) oversize() (*chunk, error) {
	cur := r.cur
	c := &chunk{
		src: r.src, in: cur.in, buf: cur.buf, oversize: true,
		data: cur.buf.data[cur.at : cur.at+r.src.maxRecord], records: 1, line: r.pos.lines + 1,
	}
	cur.buf.retain()
	ended := false
	for !ended {
		unread := cur.buf.data[cur.at:cur.end]
		pass := format.Cut{Bytes: len(unread)}
		if i := bytes.IndexByte(unread, '\n'); i >= 0 {
			pass, ended = format.Cut{Bytes: i + 1, Lines: 1}, true
		}
		r.pass(pass)
		if ended {
			break
		}
		r.renew(cur, minBuffer)
		if err := r.fill(cur, 1); err != nil {
			c.Release()
			return nil, err
		}
		ended = cur.eof && cur.at == cur.end
		r.pos.open = ended
	}
	r.pos.records++
	if cur.at == cur.end && !cur.eof && cur.err == nil {
		_ = r.fill(cur, 1)
	}
	if cur.at == cur.end && cur.eof {
		r.pos.atEnd, r.pos.size = true, cur.in.size
	}
	c.pos = r.pos
	return c, nil
}

// leave closes the file at hand, which has been read to its end.
func (r *reader) leave() error {
	cur := r.cur
	r.cur = nil
	info, err := cur.text.file.Stat()
	if cerr := cur.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("can't read %s: %w", cur.in.path, reason(err))
	}
	if cur.text.kind == "none" && info.Size() < r.pos.bytes {
		return cur.text.shrunk(info.Size(), r.pos.bytes)
	}
	size := cur.in.size
	if cur.text.kind == "none" {
		size = r.pos.bytes // what was read, if the file grew meanwhile
	}
	r.pos = r.pos.leave(size, r.src.watched())
	return nil
}

func (o *opened) close() error {
	if o.buf != nil {
		o.buf.release()
		o.buf = nil
	}
	return o.text.close()
}

// Ready implements connectors.SplitReader.
func (r *reader) Ready() <-chan struct{} { return r.queue.ready() }

// Close implements connectors.SplitReader.
func (r *reader) Close() error {
	r.queue.close()
	if r.cur == nil {
		return nil
	}
	err := r.cur.close()
	r.cur = nil
	return err
}
