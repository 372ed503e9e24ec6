package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// Unnest gives, for each row, as many rows as the longest of its items has
// elements: the row's columns, then those of each item (NULL where it is
// shorter), then with Ordinality the number of the element, from 1. A row with no
// element at all is dropped; with Outer it comes out once, with NULLs. Rows that
// are taken back take theirs back: it gives +I and -D only.
type Unnest struct {
	Items      []UnnestItem
	Outer      bool
	Ordinality bool
	OnError    ErrorMode
}

// UnnestItem is what gives elements: one expression of an ARRAY (a column of its
// element type, or, of an ARRAY of ROWs, a column for each member), one of a MAP
// (two columns: key, value), or with Series two or three integers, first, last
// and step (one BIGINT column). NULL has no elements.
type UnnestItem struct {
	Exprs  []catalog.Expr
	Series bool
}

func (*Unnest) op() {}

// Expressions implements Evaluating.
func (o *Unnest) Expressions() []catalog.Expr {
	var out []catalog.Expr
	for _, i := range o.Items {
		out = append(out, i.Exprs...)
	}
	return out
}

// Columns are the types of the columns that an item gives.
func (i UnnestItem) Columns() []catalog.Type {
	t := i.Exprs[0].Type()
	switch {
	case i.Series:
		return []catalog.Type{catalog.BigInt}
	case t.Kind == catalog.KindMap:
		return []catalog.Type{*t.Key, *t.Elem}
	case t.Elem.Kind == catalog.KindRow:
		var out []catalog.Type
		for _, f := range t.Elem.Fields {
			out = append(out, f.Type)
		}
		return out
	}
	return []catalog.Type{*t.Elem}
}

// unnestRel appends the elements of its items to the rows of its input.
type unnestRel struct {
	in         rel
	items      []UnnestItem
	outer      bool
	ordinality bool
	out        []column
	place      place
}

func (r *unnestRel) inputs() []rel     { return []rel{r.in} }
func (r *unnestRel) cols() []column    { return r.out }
func (r *unnestRel) over(in []rel) rel { c := *r; c.in = in[0]; return &c }
func (r *unnestRel) at() place         { return r.place }

// elements are the columns behind those of the input.
func (r *unnestRel) elements() []column { return r.out[len(r.in.cols()):] }

// exprs are the expressions over the input.
func (r *unnestRel) exprs() []catalog.Expr { return (&Unnest{Items: r.items}).Expressions() }

// withExprs gives the relation over another input, with f of each expression.
func (r *unnestRel) withExprs(in rel, f func(catalog.Expr) catalog.Expr) *unnestRel {
	out := *r
	out.in, out.items = in, slices.Clone(r.items)
	for i, item := range out.items {
		out.items[i].Exprs = make([]catalog.Expr, len(item.Exprs))
		for k, e := range item.Exprs {
			out.items[i].Exprs[k] = f(e)
		}
	}
	out.out = append(slices.Clip(in.cols()), r.elements()...)
	return &out
}

// unnest makes the operator.
func (b *builder) unnest(r *unnestRel, in *Node) *Node {
	exprs := r.exprs()
	op := &Unnest{Items: r.items, Outer: r.outer, Ordinality: r.ordinality, OnError: b.modeOf(exprs...)}
	text := textOf(exprs...)
	if text != "" {
		text = fmt.Sprintf("%s %v %v %d", text, r.outer, r.ordinality, len(r.items))
	}
	return b.node(op, r, from(in), plain(r.out), text)
}

// inferUnnest: elements are told apart by their number.
func (b *builder) inferUnnest(n *Node, op *Unnest) {
	in := n.Inputs[0].From
	n.Props.Hash = in.Props.Hash
	if op.Ordinality {
		for _, key := range b.keys[in] {
			b.keys[n] = append(b.keys[n], append(slices.Clip(key), len(n.Cols)-1))
		}
	}
	n.Props.Kinds = unnestKinds(in.Props.Kinds)
}

func unnestKinds(in KindSet) KindSet {
	out := KindSet(0).With(catalog.Insert)
	if !in.AppendOnly() {
		out = out.With(catalog.Delete)
	}
	return out
}

// unnest rebuilds the relation over a narrowed input.
func (p *pruner) unnest(r *unnestRel) pruned {
	in := p.narrowed(r.in)
	n := r.withExprs(in.rel, in.expr)
	out := pruned{rel: n, index: slices.Clone(in.index), shape: slices.Clone(in.shape)}
	for i := range r.elements() {
		out.index = append(out.index, len(in.rel.cols())+i)
		out.shape = append(out.shape, &need{whole: true})
	}
	return out
}

// unnestDetail is what EXPLAIN prints.
func unnestDetail(op *Unnest, in []Column) string {
	parts := make([]string, len(op.Items))
	for i, item := range op.Items {
		for k, e := range item.Exprs {
			if k > 0 {
				parts[i] += ", "
			}
			parts[i] += showExpr(e, in)
		}
		if item.Series {
			parts[i] = "series(" + parts[i] + ")"
		}
	}
	text := strings.Join(parts, ", ")
	if op.Ordinality {
		text += " with ordinality"
	}
	if op.Outer {
		text += ", rows without elements too"
	}
	return text
}

// unnestText is the canonical text.
func unnestText(op *Unnest, in described) described {
	var texts []string
	width := 0
	for _, item := range op.Items {
		text := fmt.Sprintf("series=%v", item.Series)
		for _, e := range item.Exprs {
			text += " " + exprText(e, in.col)
		}
		texts = append(texts, text)
		width += len(item.Columns())
	}
	cols := slices.Clone(in.cols)
	for i := range width {
		cols = append(cols, fmt.Sprintf("element %d", i))
	}
	if op.Ordinality {
		cols = append(cols, "ordinality")
	}
	return described{base: fmt.Sprintf("unnest %s outer=%v of (%s)", strings.Join(texts, "; "), op.Outer, in.text), cols: cols}
}
