package planner

import (
	"fmt"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// Normalize makes a changelog of upserts: it keeps the last row of each key. The
// first row of a key is +I, each later one -U of the row that stood and +U, and a
// deletion, which says the key alone, -D of the whole row that stood. A row that
// changes nothing and a deletion of a key without a row say nothing.
type Normalize struct {
	Keys []int
	// EmitBefore says that somebody wants the -U rows.
	EmitBefore bool
	Life
}

func (*Normalize) op() {}

// StateKeys implements Stateful.
func (o *Normalize) StateKeys(int) []int { return o.Keys }

// normalizeRel is the table that the upserts of a source make: columns of its input,
// which are the declared ones of the source.
type normalizeRel struct {
	in    rel
	keys  []int
	name  string // of the source
	out   []column
	place place
}

func (r *normalizeRel) inputs() []rel     { return []rel{r.in} }
func (r *normalizeRel) cols() []column    { return r.out }
func (r *normalizeRel) over(in []rel) rel { c := *r; c.in = in[0]; return &c }
func (r *normalizeRel) at() place         { return r.place }

// normalized puts a source of upserts in order.
func normalized(src *source, in rel, where place) rel {
	if !src.upserts {
		return in
	}
	return &normalizeRel{in: in, keys: src.key, name: src.name, out: in.cols(), place: where}
}

// versions gives the upserts themselves where they say all that a temporal join asks
// of versions: the key, and when a deletion was. A record that deletes has no value,
// but what is around it.
func (r *normalizeRel) versions() rel {
	p, ok := r.in.(*projectRel)
	if !ok {
		return r
	}
	scan, ok := p.in.(*scanRel)
	if !ok {
		return r
	}
	for i, c := range r.out {
		if c.timeMember != nil {
			return r
		}
		if c.time != eventTime {
			continue
		}
		for _, f := range columnsOf(p.exprs[i]) {
			if scan.src.fields[f].Metadata == "" {
				return r
			}
		}
	}
	return r.in
}

func (b *builder) normalize(r *normalizeRel, in *Node) *Node {
	op := &Normalize{Keys: r.keys}
	op.Life, _ = b.env.life(r)
	ex := b.spread(in, r.keys, r)
	return b.node(op, r, from(ex), plain(r.out), fmt.Sprint(op.Keys, op.Life))
}

func (b *builder) inferNormalize(n *Node, op *Normalize) {
	n.Props.Kinds = KindSet(0).With(catalog.Insert).With(catalog.UpdateBefore).With(catalog.UpdateAfter).With(catalog.Delete)
	n.Props.Hash = op.Keys
	n.Props.OrderSensitive = true // where a key is in several splits
	n.Props.AnyOrder = false
	b.keys[n] = [][]int{op.Keys}
}

func (p *pruner) normalize(r *normalizeRel) pruned {
	in := p.narrowed(r.in)
	n := *r
	n.in, n.keys, n.out = in.rel, in.each(r.keys), in.kept(r.out)
	return pruned{&n, in.index, in.shape}
}

func normalizeText(n *Node, op *Normalize, in described) described {
	return described{base: "last of " + in.pick(op.Keys) + op.Life.text(n) + " in (" + in.text + " select " + strings.Join(in.cols, ", ") + ")", cols: in.cols}
}

func normalizeBound(p *Properties, op *Normalize, names func([]int) string) {
	switch {
	case op.TTL > 0:
		p.Bound = "the last row of each " + names(op.Keys) + ", " + op.kept()
	case p.Bounded:
		p.Bound = "the last row of each " + names(op.Keys) + " of a bounded input"
	default:
		p.Bound, p.Unbounded = "the last row of each "+names(op.Keys)+", until it is deleted", true
	}
}
