package column

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Pick puts a column together from several: each Add gives some rows. Rows never
// given are NULL; of a row given twice the last one counts.
type Pick struct {
	n     int
	dt    arrow.DataType
	alloc memory.Allocator
	width int // of fixed-width values; 0: by reference

	valid, out *memory.Buffer

	// By reference: the source of each row (1-based), and the sources.
	which    []uint8
	whichBuf *memory.Buffer
	sources  []arrow.Array
	constant []bool // a source of one row, for all
}

// NewPick starts a column of n rows from at most sources columns.
func NewPick(n, sources int, dt arrow.DataType, alloc memory.Allocator) *Pick {
	p := &Pick{n: n, dt: dt, alloc: alloc, valid: NewZeroed(alloc, BitmapBytes(n))}
	switch f := dt.(type) {
	case *arrow.BooleanType:
		p.width = -1
		p.out = NewZeroed(alloc, BitmapBytes(n))
	case arrow.FixedWidthDataType:
		p.width = f.BitWidth() / 8
		p.out = NewBuffer(alloc, n*p.width)
	default:
		if sources < math.MaxUint8 {
			p.whichBuf = NewZeroed(alloc, n)
			p.which = p.whichBuf.Bytes()
		}
	}
	return p
}

// Add takes rows sel (nil: all) of a, a column of n rows, and its reference.
func (p *Pick) Add(a arrow.Array, sel []int32) {
	if p.width == 0 {
		p.refer(a, sel, false)
		return
	}
	defer a.Release()
	if AllNull(a) {
		p.forget(sel)
		return
	}
	v, dst := Validity(a), p.valid.Bytes()
	if sel == nil {
		for i := 0; i < p.n; i += 64 {
			PutWord(dst, i, v.Word(i, p.n))
		}
	} else if v.All() {
		for _, r := range sel {
			SetBit(dst, int(r))
		}
	} else {
		for _, r := range sel {
			ClearBit(dst, int(r))
			if v.Get(int(r)) {
				SetBit(dst, int(r))
			}
		}
	}
	switch p.width {
	case -1:
		p.bits(a, sel)
	case 1:
		put[uint8](p, a, sel)
	case 2:
		put[uint16](p, a, sel)
	case 4:
		put[uint32](p, a, sel)
	case 8:
		put[uint64](p, a, sel)
	case 16:
		put[[2]uint64](p, a, sel)
	default:
		panic(fmt.Sprintf("column: no pick for width %d", p.width))
	}
}

func put[T any](p *Pick, a arrow.Array, sel []int32) {
	in, dst := Fixed[T](a), As[T](p.out, p.n)
	if sel == nil {
		copy(dst, in)
		return
	}
	for _, r := range sel {
		dst[r] = in[r]
	}
}

func (p *Pick) bits(a arrow.Array, sel []int32) {
	in, dst := Booleans(a), p.out.Bytes()
	if sel == nil {
		for i := 0; i < p.n; i += 64 {
			PutWord(dst, i, in.Word(i, p.n))
		}
		return
	}
	for _, r := range sel {
		ClearBit(dst, int(r))
		if in.Get(int(r)) {
			SetBit(dst, int(r))
		}
	}
}

func (p *Pick) forget(sel []int32) {
	if sel == nil {
		clear(p.valid.Bytes())
		return
	}
	for _, r := range sel {
		ClearBit(p.valid.Bytes(), int(r))
	}
}

// AddConstant gives rows sel (nil: all) the value of a, a column of one row, and
// takes its reference.
func (p *Pick) AddConstant(a arrow.Array, sel []int32) {
	if p.width == 0 {
		p.refer(a, sel, true)
		return
	}
	defer a.Release()
	if a.IsNull(0) {
		p.forget(sel)
		return
	}
	valid := p.valid.Bytes()
	each(p.n, sel, func(i int) { SetBit(valid, i) })
	switch p.width {
	case -1:
		dst := p.out.Bytes()
		set := Booleans(a).Get(0)
		each(p.n, sel, func(i int) {
			if ClearBit(dst, i); set {
				SetBit(dst, i)
			}
		})
	case 1:
		putConstant[uint8](p, a, sel)
	case 2:
		putConstant[uint16](p, a, sel)
	case 4:
		putConstant[uint32](p, a, sel)
	case 8:
		putConstant[uint64](p, a, sel)
	case 16:
		putConstant[[2]uint64](p, a, sel)
	default:
		panic(fmt.Sprintf("column: no pick for width %d", p.width))
	}
}

func putConstant[T any](p *Pick, a arrow.Array, sel []int32) {
	v, dst := Fixed[T](a)[0], As[T](p.out, p.n)
	each(p.n, sel, func(i int) { dst[i] = v })
}

func each(n int, sel []int32, f func(i int)) {
	if sel == nil {
		for i := range n {
			f(i)
		}
		return
	}
	for _, r := range sel {
		f(int(r))
	}
}

func (p *Pick) refer(a arrow.Array, sel []int32, constant bool) {
	if len(p.sources) == math.MaxUint8-1 || p.which == nil {
		p.collapse()
	}
	p.sources = append(p.sources, a)
	p.constant = append(p.constant, constant)
	k := uint8(len(p.sources))
	each(p.n, sel, func(i int) { p.which[i] = k })
}

// collapse makes one source of those so far, since a source's number is a byte.
func (p *Pick) collapse() {
	if p.which == nil {
		p.whichBuf = NewZeroed(p.alloc, p.n)
		p.which = p.whichBuf.Bytes()
	}
	if len(p.sources) == 0 {
		return
	}
	one := p.assemble()
	p.drop()
	p.sources, p.constant = append(p.sources, one), append(p.constant, false)
	for i, k := range p.which {
		if k != 0 {
			p.which[i] = 1
		}
	}
}

func (p *Pick) drop() {
	for _, s := range p.sources {
		s.Release()
	}
	p.sources, p.constant = p.sources[:0], p.constant[:0]
}

// Finish gives the column.
func (p *Pick) Finish() (arrow.Array, error) {
	if p.width != 0 {
		valid, out := p.valid, p.out
		p.valid, p.out = nil, nil
		return Make(p.dt, p.n, -1, []*memory.Buffer{valid, out}), nil
	}
	if p.which == nil {
		p.collapse()
	}
	return p.assemble(), nil
}

// Release gives back what is left; after Finish too.
func (p *Pick) Release() {
	p.drop()
	for _, b := range []*memory.Buffer{p.valid, p.out, p.whichBuf} {
		if b != nil {
			b.Release()
		}
	}
	p.valid, p.out, p.whichBuf, p.which = nil, nil, nil, nil
}

func (p *Pick) assemble() arrow.Array {
	switch p.dt.ID() {
	case arrow.NULL:
		return array.NewNull(p.n)
	case arrow.STRING, arrow.BINARY:
		return p.texts()
	default:
		return p.nested()
	}
}

type textSource struct {
	offs  []int32
	data  []byte
	valid Bits
	step  int
}

func (p *Pick) texts() arrow.Array {
	sources := make([]textSource, len(p.sources)+1)
	sources[0] = textSource{offs: []int32{0, 0}, valid: Bits{Bytes: []byte{0}}} // NULL
	for i, a := range p.sources {
		s := &sources[i+1]
		if AllNull(a) {
			*s = sources[0]
			continue
		}
		s.offs, s.data, s.valid, s.step = Offsets(a), Data(a), Validity(a), 1
		if p.constant[i] {
			s.step = 0
		}
	}
	offBuf := NewBuffer(p.alloc, 4*(p.n+1))
	offs := As[int32](offBuf, p.n+1)
	validBuf := NewZeroed(p.alloc, BitmapBytes(p.n))
	valid := validBuf.Bytes()
	total := int32(0)
	for i, k := range p.which {
		offs[i] = total
		s := &sources[k]
		if r := i * s.step; s.valid.Get(r) {
			SetBit(valid, i)
			total += s.offs[r+1] - s.offs[r]
		}
	}
	offs[p.n] = total
	out := NewBuffer(p.alloc, int(total))
	dst := out.Bytes()
	for i, k := range p.which {
		if size := int(offs[i+1] - offs[i]); size > 0 {
			s := &sources[k]
			r := i * s.step
			copy(dst[offs[i]:int(offs[i])+size], s.data[s.offs[r]:s.offs[r+1]])
		}
	}
	return Make(p.dt, p.n, -1, []*memory.Buffer{validBuf, offBuf, out})
}

// nested goes by way of one long column of all sources and a gather.
func (p *Pick) nested() arrow.Array {
	parts := []arrow.Array{NewNull(p.alloc, p.dt, 1)}
	base := make([]int32, len(p.sources)+1)
	at := int32(1)
	for i, s := range p.sources {
		base[i+1] = at
		at += int32(s.Len())
		parts = append(parts, s)
	}
	all, err := Concat(parts, p.alloc)
	parts[0].Release()
	if err != nil {
		panic(err) // all sources have type dt
	}
	sel := make([]int32, p.n)
	for i, k := range p.which {
		if k == 0 {
			continue
		}
		if sel[i] = base[k]; !p.constant[k-1] {
			sel[i] += int32(i)
		}
	}
	out := Gather(all, sel, p.alloc)
	all.Release()
	return out
}
