package agg

import (
	"math"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/statestore/table"
)

// APPROX_COUNT_DISTINCT is HyperLogLog (Flajolet, Fusy, Gandouet and Meunier,
// 2007) with 2^12 registers of a byte and the estimator of Ertl (New cardinality
// estimation algorithms for HyperLogLog sketches, 2017). Up to fewHashes values
// their hashes themselves are kept, and counted. Either is a function of the set
// of hashes, and so is when one becomes the other.
//
// The group's row has a reference: 0 for no values, else id+1 of a row of few, or
// of registers if refRegisters is set.
const (
	hllBits      = 12
	hllRegisters = 1 << hllBits
	hllWords     = hllRegisters / 8
	hllMaxRank   = 64 - hllBits + 1
	fewHashes    = 32
	fewWords     = 1 + fewHashes // their number, then they
	refRegisters = 1 << 32
	refIDs       = 1<<32 - 1
)

// hll is the accumulator of a lane whose values have a form.
type hll struct {
	word int
	form form
}

// sketches is where the hashes and registers of groups stand.
type sketches struct {
	few, registers *table.Rows
	flat           []uint64 // of a Partial: references are offsets + 1
}

func (s *sketches) fewAt(ref uint64) []uint64 {
	at := ref&refIDs - 1
	if s.few == nil {
		return s.flat[at : at+fewWords]
	}
	return s.few.At(uint32(at))
}

func (s *sketches) registersAt(ref uint64) []uint64 {
	at := ref&refIDs - 1
	if s.registers == nil {
		return s.flat[at : at+hllWords]
	}
	return s.registers.At(uint32(at))
}

func (h hll) update(g *Groups, in *vector) {
	for i, row := range in.rows {
		x := hash.Seed
		switch h.form {
		case formInts:
			x = hash.Word(x, uint64(in.ints[i]))
		case formFloats:
			x = hash.Word(x, hash.FloatKey(in.floats[i]))
		case formDecimal:
			x = hash.Word(hash.Word(x, in.decs[i].LowBits()), uint64(in.decs[i].HighBits()))
		case formBytes, formNested:
			x = hash.Bytes(x, in.bytes[i])
		}
		h.add(g, row, hash.Finish(x))
	}
}

// add adds a hash to a group.
func (h hll) add(g *Groups, row hash.Row, x uint64) {
	ref := hash.At[uint64](row, h.word)
	s := &g.sketches
	if *ref&refRegisters != 0 {
		h.raise(s, *ref, x)
		return
	}
	if *ref == 0 {
		*ref = uint64(s.few.Alloc()) + 1
	}
	w := s.fewAt(*ref)
	for _, y := range w[1 : 1+w[0]] {
		if x == y {
			return
		}
	}
	if w[0] < fewHashes {
		s.few.Mark(uint32(*ref - 1))
		w[0]++
		w[w[0]] = x
		return
	}
	h.spread(s, ref)
	h.raise(s, *ref, x)
}

// spread turns hashes into registers.
func (h hll) spread(s *sketches, ref *uint64) {
	old := uint32(*ref - 1)
	*ref = (uint64(s.registers.Alloc()) + 1) | refRegisters
	few := s.few.At(old)
	for _, y := range few[1 : 1+few[0]] {
		h.raise(s, *ref, y)
	}
	s.few.Free(old)
}

// raise raises the register of a hash: it is chosen by the upper bits, and the
// rank is the position of the first 1 among the others.
func (h hll) raise(s *sketches, ref, x uint64) {
	i := x >> (64 - hllBits)
	rank := uint64(min(bits.LeadingZeros64(x<<hllBits), 64-hllBits) + 1)
	h.lift(s, ref, i, rank)
}

func (h hll) lift(s *sketches, ref, i, rank uint64) {
	w := s.registersAt(ref)
	shift := i % 8 * 8
	if w[i/8]>>shift&0xff < rank {
		s.registers.Mark(uint32(ref&refIDs - 1))
		w[i/8] = w[i/8]&^(0xff<<shift) | rank<<shift
	}
}

func (h hll) merge(g *Groups, dst, src []hash.Row, from *origin) {
	s := &g.sketches
	for i, row := range dst {
		other := *hash.At[uint64](src[i], h.word)
		switch {
		case other == 0:
		case other&refRegisters == 0:
			w := from.sketches.fewAt(other)
			for _, x := range w[1 : 1+w[0]] {
				h.add(g, row, x)
			}
		default:
			ref := hash.At[uint64](row, h.word)
			if *ref == 0 {
				*ref = uint64(s.few.Alloc()) + 1
			}
			if *ref&refRegisters == 0 {
				h.spread(s, ref)
			}
			for k, w := range from.sketches.registersAt(other) {
				for b := range uint64(8) {
					if rank := w >> (8 * b) & 0xff; rank != 0 {
						h.lift(s, *ref, uint64(k)*8+b, rank)
					}
				}
			}
		}
	}
}

// release gives back what the state of a group that goes away holds.
func (h hll) release(g *Groups, row hash.Row) {
	switch ref := *hash.At[uint64](row, h.word); {
	case ref&refRegisters != 0:
		g.sketches.registers.Free(uint32(ref&refIDs - 1))
	case ref != 0:
		g.sketches.few.Free(uint32(ref - 1))
	}
}

// detach copies what a copied row refers to behind flat.
func (h hll) detach(g *Groups, row hash.Row, flat []uint64) []uint64 {
	ref := hash.At[uint64](row, h.word)
	if *ref == 0 {
		return flat
	}
	to := uint64(len(flat)) + 1
	if *ref&refRegisters != 0 {
		flat = append(flat, g.sketches.registersAt(*ref)...)
		to |= refRegisters
	} else {
		flat = append(flat, g.sketches.fewAt(*ref)...)
	}
	*ref = to
	return flat
}

// estimate is the number of different values of a group.
func (h hll) estimate(g *Groups, row hash.Row) int64 {
	ref := *hash.At[uint64](row, h.word)
	switch {
	case ref == 0:
		return 0
	case ref&refRegisters == 0:
		return int64(g.sketches.fewAt(ref)[0])
	}
	var counts [hllMaxRank + 1]int
	for _, w := range g.sketches.registersAt(ref) {
		for b := range 8 {
			counts[w>>(8*b)&0xff]++
		}
	}
	const m = hllRegisters
	z := m * tau(1-float64(counts[hllMaxRank])/m)
	for k := hllMaxRank - 1; k >= 1; k-- {
		z = (z + float64(counts[k])) / 2
	}
	z += m * sigma(float64(counts[0])/m)
	return int64(math.Round(m * m / (2 * math.Ln2) / z))
}

// sigma and tau correct for registers at either end (Ertl, section 2.4).
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	z := x
	for y := 1.0; ; y *= 2 {
		x *= x
		before := z
		z += x * y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	z := 1 - x
	for y := 0.5; ; y /= 2 {
		x = math.Sqrt(x)
		before := z
		z -= (1 - x) * (1 - x) * y
		if z == before {
			return z / 3
		}
	}
}

type hllOutput struct {
	dt  arrow.DataType
	hll hll
}

func (o hllOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	return colvec.IntColumn(o.dt, len(rows), nil, alloc, func(i int) int64 { return o.hll.estimate(g, rows[i]) })
}

var _ accumulator = hll{}
