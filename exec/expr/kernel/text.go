package kernel

import (
	"errors"
	"math"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
)

// ErrTooLarge says that the texts of one batch are more than 2 GiB.
var ErrTooLarge = errors.New("the texts of a batch take more than 2 GiB")

// TextBuilder makes a STRING or BYTES column. Rows are put in ascending order;
// those left out are empty.
type TextBuilder struct {
	offBuf  *memory.Buffer
	offs    []int32
	dataBuf *memory.Buffer
	data    []byte // what is used of dataBuf
	next, n int
}

// NewTextBuilder makes a builder of n rows with room for size bytes.
func NewTextBuilder(alloc memory.Allocator, n, size int) *TextBuilder {
	b := &TextBuilder{offBuf: column.NewBuffer(alloc, 4*(n+1)), dataBuf: memory.NewResizableBuffer(alloc), n: n}
	b.offs = column.As[int32](b.offBuf, n+1)
	b.reserve(max(size, 64))
	return b
}

// seek closes the rows before i.
func (b *TextBuilder) seek(i int) {
	for at := int32(len(b.data)); b.next <= i; b.next++ {
		b.offs[b.next] = at
	}
}

func (b *TextBuilder) grow(by int) {
	if len(b.data)+by > cap(b.data) {
		b.reserve(max(2*cap(b.data), len(b.data)+by))
	}
}

func (b *TextBuilder) reserve(size int) {
	used := len(b.data)
	b.dataBuf.Reserve(size)
	room := b.dataBuf.Buf()
	b.data = room[:used:len(room)]
}

// Put stores row i.
func (b *TextBuilder) Put(i int, s []byte) {
	b.seek(i)
	b.grow(len(s))
	b.data = append(b.data, s...)
}

// Begin starts row i and gives the bytes so far with room for size more; the
// caller appends no more than that and hands them to End.
func (b *TextBuilder) Begin(i, size int) []byte {
	b.seek(i)
	b.grow(size)
	return b.data
}

// End takes back what Begin gave, with the row's bytes appended.
func (b *TextBuilder) End(data []byte) { b.data = data }

// Finish makes the column. It takes the reference to valid (may be nil).
func (b *TextBuilder) Finish(dt arrow.DataType, valid *memory.Buffer) (arrow.Array, error) {
	if len(b.data) > math.MaxInt32 {
		b.dataBuf.Release()
		b.offBuf.Release()
		if valid != nil {
			valid.Release()
		}
		return nil, ErrTooLarge
	}
	b.seek(b.n)
	b.dataBuf.ResizeNoShrink(len(b.data))
	return column.Make(dt, b.n, -1, []*memory.Buffer{valid, b.offBuf, b.dataBuf}), nil
}

// Texts reads a STRING or BYTES column.
type Texts struct {
	Offs []int32
	Data []byte
}

// TextsOf gives the texts of a column.
func TextsOf(a arrow.Array) Texts { return Texts{column.Offsets(a), column.Data(a)} }

// At gives row i.
func (t Texts) At(i int) []byte { return t.Data[t.Offs[i]:t.Offs[i+1]] }

// String gives row i without copying: it is valid as long as the column.
func (t Texts) String(i int) string {
	b := t.At(i)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Size is the number of bytes of rows 0 to n-1.
func (t Texts) Size(n int) int {
	if n == 0 {
		return 0
	}
	return int(t.Offs[n] - t.Offs[0])
}
