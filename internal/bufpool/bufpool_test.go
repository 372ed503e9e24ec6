package bufpool

import (
	"bytes"
	"testing"
)

func TestPool(t *testing.T) {
	for size := 0; size < 1<<20; size = size*9/8 + 1 {
		class := classOf(size)
		if got := classSize(class); got < size || class > 0 && classSize(class-1) >= size || got%64 != 0 {
			t.Fatalf("%d bytes get class %d of %d bytes", size, class, got)
		}
	}
	p := New(1 << 16)
	a := p.Allocate(1000)
	copy(a, "mark")
	p.Free(a)
	if b := p.Allocate(900); !bytes.HasPrefix(b, []byte("mark")) || len(b) != 900 {
		t.Error("a freed buffer is not used again")
	}
	grown := p.Reallocate(5000, append(p.Allocate(8)[:0], "contents"...))
	if !bytes.HasPrefix(grown, []byte("contents")) || len(grown) != 5000 {
		t.Error("Reallocate loses the contents")
	}
	for range 100 {
		p.Free(make([]byte, classSize(20)))
	}
	if p.kept > 1<<16 {
		t.Errorf("%d bytes kept", p.kept)
	}
	p.Free(make([]byte, 1001)) // not one of ours
	huge := p.Allocate(100 << 20)
	p.Free(huge)
	if len(huge) != 100<<20 || p.kept > 1<<16 {
		t.Error("a buffer beyond the classes is kept")
	}
}
