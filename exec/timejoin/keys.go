package timejoin

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/hash"
	"github.com/streamsql/streamsql/exec/hash/colvec"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/exec/rowstore"
	"github.com/streamsql/streamsql/planner"
	"github.com/streamsql/streamsql/statestore/table"
)

// keyer hashes and compares the key columns of one input.
type keyer struct {
	keys     []int
	nullSafe []bool       // by key; a NULL equals a NULL
	layout   *hash.Layout // nil: no keys
	enc      *hash.Encoder
	cols     []arrow.Array
	none     []uint64 // hashes of rows without key columns
}

func newKeyer(in []planner.Column, p *planner.Pairing, side int) (*keyer, error) {
	keys := p.Keys[side]
	k := &keyer{keys: keys, nullSafe: p.NullSafe, cols: make([]arrow.Array, len(keys))}
	if len(keys) == 0 {
		return k, nil
	}
	types := make([]catalog.Type, len(keys))
	for i, c := range keys {
		types[i] = in[c].Type
	}
	l, err := hash.NewLayout(types)
	if err != nil {
		return nil, err
	}
	k.layout, k.enc = l, hash.NewEncoder(l)
	return k, nil
}

// String is how keys are hashed, which stored rows have: see op.Stateful.
func (k *keyer) String() string {
	if k.layout == nil {
		return "no keys"
	}
	return k.layout.String()
}

// safe says whether key i takes NULLs as equal.
func (k *keyer) safe(i int) bool { return k.nullSafe != nil && k.nullSafe[i] }

// needs are the key columns without which a row has no partner.
func (k *keyer) needs() []int {
	var out []int
	for i, c := range k.keys {
		if !k.safe(i) {
			out = append(out, c)
		}
	}
	return out
}

// same compares the key of a stored row with that of row i of a batch of the other
// input, whose keyer is o.
func (k *keyer) same(f *rowstore.Format, row hash.Row, arena *table.Arena, b *op.Batch, o *keyer, i int32) bool {
	for n, c := range k.keys {
		a := b.Cols[o.keys[n]]
		if k.safe(n) {
			if null := f.Null(row, c); null || a.IsNull(int(i)) {
				if null != a.IsNull(int(i)) {
					return false
				}
				continue
			}
		}
		if !f.EqualValue(row, arena, c, a, int(i)) {
			return false
		}
	}
	return true
}

// sameStored is same for two stored rows.
func (k *keyer) sameStored(f *rowstore.Format, row hash.Row, arena *table.Arena, o *keyer, g *rowstore.Format, other hash.Row, from *table.Arena) bool {
	for n := range k.keys {
		if k.safe(n) {
			if null := f.Null(row, k.keys[n]); null || g.Null(other, o.keys[n]) {
				if null != g.Null(other, o.keys[n]) {
					return false
				}
				continue
			}
		}
		if !f.Equal(row, arena, k.keys[n:n+1], g, other, from, o.keys[n:n+1]) {
			return false
		}
	}
	return true
}

// hashes gives the hash of each row's key. They hold until the next call.
func (k *keyer) hashes(b *op.Batch) []uint64 {
	if k.enc == nil {
		k.none = colvec.Grow(k.none, b.N)
		clear(k.none)
		return k.none
	}
	for i, c := range k.keys {
		k.cols[i] = b.Cols[c]
	}
	return k.enc.Encode(k.cols, colvec.All(b.N)).Hash
}

// splitNull appends the rows of a batch that have a value in each of cols to
// live, the others to null.
func splitNull(b *op.Batch, cols []int, live, null []int32) (_, _ []int32) {
	var vs []colvec.Validity
	for _, c := range cols {
		if v := colvec.ValidityOf(b.Cols[c]); !v.AllValid() {
			vs = append(vs, v)
		}
	}
	for i := range b.N {
		valid := true
		for _, v := range vs {
			valid = valid && v.Valid(i)
		}
		if valid {
			live = append(live, int32(i))
		} else {
			null = append(null, int32(i))
		}
	}
	return live, null
}

func columnTypes(in []planner.Column) []catalog.Type {
	out := make([]catalog.Type, len(in))
	for i, c := range in {
		out[i] = c.Type
	}
	return out
}

// later adds a span to a time and stays within the ends of time; the ends
// themselves stay what they are.
func later(t, span int64) int64 {
	if t == op.MinTime || t == op.MaxTime {
		return t
	}
	return planner.AddTime(t, span)
}

// earlier is later with the span taken away.
func earlier(t, span int64) int64 { return later(t, -span) }

// floorDiv rounds towards minus infinity; b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
