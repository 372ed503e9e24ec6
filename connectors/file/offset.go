package file

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/zeebo/xxh3"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/internal/cursor"
)

// position is where a split's reader stands between two records.
type position struct {
	records uint64 // of the split, before this place

	path  string // the file at hand; "" before the first one
	bytes int64  // of its text (decompressed), before this place
	lines int64  // line feeds in them

	// atEnd: the file ended here when it was read, and had size bytes
	// (compressed). open: its last record had no line feed.
	atEnd, open bool
	size        int64

	// The files done with before path: their number and a hash of paths and
	// sizes (bounded), or each of them (watched). The slice is shared with later
	// positions and only ever appended to.
	files uint64
	hash  uint64
	seen  []seenFile
}

// seenFile is a file that was read to its end: a 128-bit hash of its path and
// its size.
type seenFile struct {
	hash xxh3.Uint128
	size int64
}

func pathHash(path string) xxh3.Uint128 { return xxh3.HashString128(path) }

// leave gives the position after the end of the file at hand, which had size bytes.
func (p position) leave(size int64, watched bool) position {
	if watched {
		p.seen = append(p.seen, seenFile{pathHash(p.path), size})
	} else {
		p.files, p.hash = p.files+1, chainFile(p.hash, p.path, size)
	}
	return position{records: p.records, files: p.files, hash: p.hash, seen: p.seen}
}

// chainFile extends the hash of the files done with.
func chainFile(hash uint64, path string, size int64) uint64 {
	return xxh3.HashSeed(binary.LittleEndian.AppendUint64([]byte(path), uint64(size)), hash)
}

const offsetVersion = 1

const (
	flagAtEnd = 1 << iota
	flagOpen
)

// encode gives the position as an offset:
//
//	version, flags, uvarints: records, bytes, lines, size, length of path, path,
//	files, 8 bytes hash, number of seen files, each: 16 bytes hash, uvarint size.
func (p *position) encode() connectors.Offset {
	b := make([]byte, 0, 64+len(p.path)+20*len(p.seen))
	var flags byte
	if p.atEnd {
		flags |= flagAtEnd
	}
	if p.open {
		flags |= flagOpen
	}
	b = append(b, offsetVersion, flags)
	for _, v := range []uint64{p.records, uint64(p.bytes), uint64(p.lines), uint64(p.size), uint64(len(p.path))} {
		b = binary.AppendUvarint(b, v)
	}
	b = append(b, p.path...)
	b = binary.AppendUvarint(b, p.files)
	b = binary.LittleEndian.AppendUint64(b, p.hash)
	b = binary.AppendUvarint(b, uint64(len(p.seen)))
	for _, s := range p.seen {
		b = binary.LittleEndian.AppendUint64(b, s.hash.Lo)
		b = binary.LittleEndian.AppendUint64(b, s.hash.Hi)
		b = binary.AppendUvarint(b, uint64(s.size))
	}
	return b
}

var errOffset = errors.New("damaged offset of a file source")

func decodeOffset(b connectors.Offset) (position, error) {
	var p position
	if len(b) < 2 {
		return p, errOffset
	}
	if b[0] != offsetVersion {
		return p, fmt.Errorf("offset of a file source has version %d, this program knows %d", b[0], offsetVersion)
	}
	p.atEnd, p.open = b[1]&flagAtEnd != 0, b[1]&flagOpen != 0
	r := cursor.Reader{Rest: b[2:]}
	p.records, p.bytes, p.lines, p.size = r.Uvarint(), int64(r.Uvarint()), int64(r.Uvarint()), int64(r.Uvarint())
	p.path = string(r.Bytes(r.Uvarint()))
	p.files, p.hash = r.Uvarint(), word(&r)
	if n := r.Count(17); n > 0 {
		p.seen = make([]seenFile, n)
	}
	for i := range p.seen {
		p.seen[i] = seenFile{xxh3.Uint128{Lo: word(&r), Hi: word(&r)}, int64(r.Uvarint())}
	}
	if r.End() != nil || p.bytes < 0 || p.lines < 0 || p.size < 0 {
		return p, errOffset
	}
	return p, nil
}

// word reads a number of eight bytes.
func word(r *cursor.Reader) uint64 {
	if b := r.Bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}
