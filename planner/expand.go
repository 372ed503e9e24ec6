package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// Expand gives each row once for each of several sets: its columns, those that
// the set names as NULL, then a number that stands for the set, a BIGINT. It is what lies
// below the one aggregation of GROUPING SETS, ROLLUP and CUBE.
type Expand struct {
	// Nulls are, for each set, the columns that are NULL, Numbers what the last
	// column says.
	Nulls   [][]int
	Numbers []int64
}

func (*Expand) op() {}

// expandRel is Expand.
type expandRel struct {
	in      rel
	nulls   [][]int
	numbers []int64
	out     []column
	place   place
}

func (r *expandRel) inputs() []rel     { return []rel{r.in} }
func (r *expandRel) cols() []column    { return r.out }
func (r *expandRel) over(in []rel) rel { c := *r; c.in = in[0]; return &c }
func (r *expandRel) at() place         { return r.place }

// expand puts an expandRel over a relation.
func expand(in rel, nulls [][]int, numbers []int64, where place) *expandRel {
	out := slices.Clone(in.cols())
	for _, set := range nulls {
		for _, c := range set {
			if out[c].time == eventTime {
				out[c].lost = "the GROUPING SETS at " + where.line()
			}
			out[c].NotNull, out[c].time, out[c].timeMember, out[c].window, out[c].windowID = false, noTime, nil, noWindow, 0
		}
	}
	out = append(out, column{Column: Column{Name: "grouping$", Type: catalog.BigInt, NotNull: true}})
	return &expandRel{in: in, nulls: nulls, numbers: numbers, out: out, place: where}
}

// nulled says whether a column is NULL in one of the sets.
func (o *Expand) nulled(col int) bool {
	return slices.ContainsFunc(o.Nulls, func(set []int) bool { return slices.Contains(set, col) })
}

// inferExpand: rows are told apart by their set, too.
func (b *builder) inferExpand(n *Node, op *Expand) {
	in := n.Inputs[0].From
	if !slices.ContainsFunc(in.Props.Hash, op.nulled) {
		n.Props.Hash = in.Props.Hash
	}
	for _, key := range b.keys[in] {
		if !slices.ContainsFunc(key, op.nulled) {
			b.keys[n] = append(b.keys[n], append(slices.Clip(key), len(n.Cols)-1))
		}
	}
}

// askExpand adds what the relation reads to give out.
func askExpand(r *expandRel, out needs, in needs) {
	in.merge(out[:len(out)-1])
}

// expand rebuilds the relation over a narrowed input.
func (p *pruner) expand(r *expandRel) pruned {
	in := p.narrowed(r.in)
	n := &expandRel{in: in.rel, numbers: r.numbers, place: r.place}
	for _, set := range r.nulls {
		var moved []int
		for _, c := range set {
			if in.index[c] >= 0 {
				moved = append(moved, in.index[c])
			}
		}
		n.nulls = append(n.nulls, moved)
	}
	n.out = make([]column, len(in.rel.cols()), len(in.rel.cols())+1)
	for old, at := range in.index {
		if at >= 0 {
			n.out[at] = r.out[old]
			n.out[at].Type = in.rel.cols()[at].Type
		}
	}
	n.out = append(n.out, r.out[len(r.out)-1])
	return pruned{
		rel: n, index: append(slices.Clone(in.index), len(n.out)-1),
		shape: append(slices.Clone(in.shape), &need{whole: true}),
	}
}

// setsText lists the sets by what they keep of the columns that some set lacks.
func (o *Expand) setsText(name func(col int) string) string {
	var all []int
	for _, set := range o.Nulls {
		for _, c := range set {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	slices.Sort(all)
	sets := make([]string, len(o.Nulls))
	for i, set := range o.Nulls {
		var kept []string
		for _, c := range all {
			if !slices.Contains(set, c) {
				kept = append(kept, name(c))
			}
		}
		sets[i] = "(" + strings.Join(kept, ", ") + ")"
	}
	return strings.Join(sets, ", ")
}

// expandText is the canonical text.
func expandText(op *Expand, in described) described {
	sets := op.setsText(func(c int) string { return in.cols[c] })
	cols := make([]string, len(in.cols), len(in.cols)+1)
	for i, c := range in.cols {
		cols[i] = c
		if op.nulled(i) {
			cols[i] = "grouped(" + c + ")"
		}
	}
	return described{base: fmt.Sprintf("expand %s as %v of (%s)", sets, op.Numbers, in.text), cols: append(cols, "grouping")}
}
