package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
)

// guard gives the first operator of this branch above a source.
func (b *builder) guard(r *scanRel) *Node {
	key := b.branch + "\x00" + r.src.name
	if n, ok := b.guards[key]; ok {
		return n
	}
	scan := b.scan(r)
	g := &Guard{Source: r.src.name, OnError: b.letterMode(r.src.onError, r.place), Branch: b.branch}
	for i, c := range r.src.fields {
		n := b.reads[r.src][i]
		if n == nil {
			continue
		}
		g.Reads = append(g.Reads, slices.IndexFunc(scan.Cols, func(s Column) bool { return s.Name == c.Name }))
		g.Members = append(g.Members, memberNames(n, c.Type, c.Name, nil))
	}
	n := b.node(g, r, from(scan), scan.Cols, "")
	b.guards[key] = n
	return n
}

// memberNames lists the paths of the members that are read ("bid.price"); nil if
// the whole column is.
func memberNames(n *need, t catalog.Type, path string, names []string) []string {
	if n.whole || t.Kind != catalog.KindRow {
		return names
	}
	for _, i := range n.indexes() {
		f := t.Fields[i]
		sub := n.members[i]
		if sub.whole || f.Type.Kind != catalog.KindRow {
			names = append(names, path+"."+f.Name)
			continue
		}
		names = memberNames(sub, f.Type, path+"."+f.Name, names)
	}
	return names
}

// scan gives the scan of a source, which all branches share.
func (b *builder) scan(r *scanRel) *Node {
	if n, ok := b.scans[r.src]; ok {
		return n
	}
	s := r.src
	op := &Scan{Source: s.name, Connector: s.table.Connector.Name, Options: s.options, Bounded: s.bounded, Changelog: s.changelog, ValidateAll: s.validate, Declared: s.table.Physical(), Tolerance: s.tolerance, Replay: s.replay}
	if s.upserts {
		for _, k := range s.key {
			op.Upserts = append(op.Upserts, s.declared[k].Name)
		}
	}
	for i, f := range s.fields {
		if want := b.wanted[s][i]; want != nil {
			f.Type = want.narrow(f.Type)
			op.Columns = append(op.Columns, f)
		}
	}
	if s.watermark != nil && b.watched[s] {
		w := *s.watermark
		p := pruned{rel: r, index: make([]int, len(s.fields)), shape: b.wanted[s]}
		at := 0
		for i := range s.fields {
			p.index[i] = -1
			if b.wanted[s][i] != nil {
				p.index[i] = at
				at++
			}
		}
		w.Expr, w.Time = p.expr(w.Expr), p.expr(w.Time)
		op.Watermark = &w
	}
	branch, byText := b.branch, b.byText
	b.branch, b.byText = "", nil
	n := b.node(op, r, nil, plain(r.out), "")
	b.branch, b.byText = branch, byText
	b.scans[s] = n
	return n
}
