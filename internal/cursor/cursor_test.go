package cursor

import (
	"encoding/binary"
	"testing"
)

func TestReader(t *testing.T) {
	b := binary.AppendUvarint(nil, 300)
	b = binary.AppendVarint(b, -7)
	b = append(binary.AppendUvarint(b, 3), "abc"...)
	r := Reader{Rest: b}
	if u, v, s := r.Uvarint(), r.Varint(), string(r.Bytes(r.Uvarint())); u != 300 || v != -7 || s != "abc" || r.End() != nil {
		t.Fatalf("%d %d %q %v", u, v, s, r.Err)
	}
	for n := range b {
		r := Reader{Rest: b[:n]}
		r.Uvarint()
		r.Varint()
		r.Bytes(r.Uvarint())
		if r.End() != ErrShort {
			t.Errorf("of %d of %d bytes: %v", n, len(b), r.Err)
		}
		if r.Uvarint() != 0 || r.Varint() != 0 || r.Bytes(1) != nil {
			t.Errorf("of %d bytes: something is read after the error", n)
		}
	}
	if r := (Reader{Rest: []byte{1, 2}}); r.Uvarint() != 1 || r.End() != ErrLong {
		t.Errorf("a byte is left: %v", r.Err)
	}
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		n    uint64
		rest int
		size int
		want int
	}{{2, 16, 8, 2}, {3, 16, 8, 0}, {1 << 62, 16, 1, 0}, {0, 0, 8, 0}} {
		r := Reader{Rest: append(binary.AppendUvarint(nil, c.n), make([]byte, c.rest)...)}
		if got := r.Count(c.size); got != c.want || (r.Err != nil) != (c.n != uint64(c.want)) {
			t.Errorf("%d elements of %d bytes in %d: %d, %v", c.n, c.size, c.rest, got, r.Err)
		}
	}
}
