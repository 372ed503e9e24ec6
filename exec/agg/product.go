package agg

import (
	"math"
	"math/big"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
)

// productOutput is PRODUCT of the doubles in a bag. It is computed from the values
// in their order, so it does not depend on that of the rows, and rows can be taken
// back: a running product could not be divided by zero.
type productOutput struct {
	bag *bag
	at  int
	dt  arrow.DataType
}

func (o *productOutput) emit(g *Groups, rows []hash.Row, alloc memory.Allocator, _ Fail) arrow.Array {
	tr := o.bag.tree(g.bags[o.bag.at])
	layout, ci := o.bag.rec.layout, o.bag.rec.base+o.at
	out := make([]float64, len(rows))
	var valid *memory.Buffer
	for i, row := range rows {
		p, any := newProduct(), false
		for link := tr.first(row); link != 0; link = tr.next(link) {
			r := tr.row(link)
			if n := tr.visible(r); n > 0 {
				p.times(layout.Float(ci, r), n)
				any = true
			}
		}
		if !any {
			valid = invalid(valid, i, len(rows), alloc)
		}
		out[i] = p.float()
	}
	return colvec.FloatColumn(o.dt, len(rows), valid, alloc, func(i int) float64 { return out[i] })
}

// productBits is the precision of a product on its way: the errors of a billion
// factors stay far below the last bit of a double.
const productBits = 128

// product is a product of doubles: m times two to the power of exp. The exponent
// is apart, for what is beyond a double on the way need not be so at the end.
type product struct {
	m       *big.Float
	exp     int64
	special float64 // the product of those that are infinite or NaN; 1 without any
}

func newProduct() *product { return &product{m: wide(productBits).SetInt64(1), special: 1} }

// times multiplies by x to the power of n.
func (p *product) times(x float64, n int64) {
	if x-x != 0 {
		if n%2 == 0 {
			x *= x
		}
		p.special *= x
		return
	}
	power := &product{m: wide(productBits).SetFloat64(x)}
	power.split()
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			p.m.Mul(p.m, power.m)
			p.exp += power.exp
			p.split()
		}
		power.m.Mul(power.m, power.m)
		power.exp *= 2
		power.split()
	}
}

// split moves the exponent of m to exp.
func (p *product) split() { p.exp += int64(p.m.MantExp(p.m)) }

// float gives the product, rounded.
func (p *product) float() float64 {
	const beyond = 2000 // of any double's exponent
	exp := int(max(-beyond, min(beyond, p.exp)))
	v, _ := wide(productBits).SetMantExp(p.m, exp).Float64()
	if p.special == 1 {
		return v + 0 // one zero: -0.0 is 0
	}
	if v != 0 { // a finite product is not 0, even where it is below a double
		v = math.Copysign(1, v)
	} else if p.m.Sign() != 0 {
		v = float64(p.m.Sign())
	}
	return v * p.special
}
