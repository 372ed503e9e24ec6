package planner

import (
	"fmt"
	"slices"
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
	in   rel
	keys []int
	name string // of the source
	// changes says that the source has a changelog, whose rows are kept for their
	// metadata columns alone: see settleRecords.
	changes bool
	out     []column
	place   place
}

func (r *normalizeRel) inputs() []rel     { return []rel{r.in} }
func (r *normalizeRel) cols() []column    { return r.out }
func (r *normalizeRel) over(in []rel) rel { c := *r; c.in = in[0]; return &c }
func (r *normalizeRel) at() place         { return r.place }

// normalized puts a source of upserts in order, and one of changes with metadata
// columns.
func normalized(src *source, in rel, where place) rel {
	changes := !src.upserts && src.changelog && len(src.key) > 0 &&
		slices.ContainsFunc(src.fields, func(f ScanColumn) bool { return f.Metadata != "" })
	if !src.upserts && !changes {
		return in
	}
	return &normalizeRel{in: in, keys: src.key, name: src.name, changes: changes, out: in.cols(), place: where}
}

// settleRecords sees to the metadata columns of sources of changes. They are of the
// record, and the record that takes a row back is not the one that gave it: a query
// that reads them has the last row of each primary key kept, to be taken back as it
// was given. One that reads none does without.
func settleRecords(root rel) (rel, error) {
	of := demand(root, true)
	var bad error
	visit(root, func(r rel) {
		p, ok := r.(*projectRel)
		if !ok || bad != nil {
			return
		}
		scan, ok := p.in.(*scanRel)
		if !ok || !scan.src.changelog || len(scan.src.key) > 0 {
			return
		}
		if name := ofRecord(p, of[p]); name != "" {
			bad = hint(r.at().errorf("`%s` of `%s` is of the record, and the record that takes a row back is not the one that gave it: nobody knows which row to take back", name, scan.src.name),
				"declare what tells rows apart: PRIMARY KEY (k) NOT ENFORCED; the last row of each key is then kept")
		}
	})
	if bad != nil {
		return nil, bad
	}
	return rewriteFrom(root, func(was, r rel) rel {
		if n, ok := r.(*normalizeRel); ok && n.changes && ofRecord(n.in, of[was]) == "" {
			return n.in
		}
		return r
	}), nil
}

// ofRecord gives the name of a column that is read and comes from metadata of the
// source right below; "": there is none.
func ofRecord(r rel, read needs) string {
	p, ok := r.(*projectRel)
	if !ok {
		return ""
	}
	scan, ok := p.in.(*scanRel)
	if !ok {
		return ""
	}
	for i, e := range p.exprs {
		if read[i] == nil {
			continue
		}
		for _, f := range columnsOf(e) {
			if scan.src.fields[f].Metadata != "" {
				return p.out[i].Name
			}
		}
	}
	return ""
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
